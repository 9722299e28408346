//! Signatures with known answers, and everything that must not pass for one.

use wzapi_whatsapp::signature::{AppSecretError, AppSecrets, SignatureError};

/// HMAC-SHA256: RFC 4231, case 2; the empty body; and the usual pangram. The last two were computed with
/// another implementation.
const VECTORS: [(&[u8], &[u8], &str); 3] = [
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (b"key", b"", "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0"),
    (
        b"key",
        b"The quick brown fox jumps over the lazy dog",
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
    ),
];

#[test]
fn known_answers() {
    for (secret, body, hex) in VECTORS {
        let secrets = AppSecrets::new(secret).unwrap();
        assert_eq!(secrets.sign(body), format!("sha256={hex}"));
        assert_eq!(secrets.verify(body, &format!("sha256={hex}")), Ok(()));
        assert_eq!(secrets.verify(body, &format!("sha256={}", hex.to_uppercase())), Ok(()));
    }
}

#[test]
fn what_is_not_the_signature_is_refused() {
    let secrets = AppSecrets::new(b"secret").unwrap();
    let body = b"{\"object\":\"x\"}";
    let good = secrets.sign(body);
    let hex = good.strip_prefix("sha256=").unwrap();
    let table = [
        (String::new(), SignatureError::MissingPrefix),
        (hex.to_owned(), SignatureError::MissingPrefix),
        (format!("sha1={hex}"), SignatureError::MissingPrefix),
        (format!("SHA256={hex}"), SignatureError::MissingPrefix),
        ("sha256=".to_owned(), SignatureError::Malformed),
        (good[..good.len() - 1].to_owned(), SignatureError::Malformed),
        (good[..good.len() - 2].to_owned(), SignatureError::Malformed),
        (format!("{good}00"), SignatureError::Malformed),
        (format!("{good} "), SignatureError::Malformed),
        (format!("sha256={}", "é".repeat(32)), SignatureError::Malformed),
        (format!("sha256={}", "+1".repeat(32)), SignatureError::Malformed),
        (format!("sha256={}", "0".repeat(64)), SignatureError::Mismatch),
    ];
    for (header, error) in table {
        assert_eq!(secrets.verify(body, &header), Err(error), "{header}");
    }
    assert_eq!(secrets.verify(b"{\"object\":\"y\"}", &good), Err(SignatureError::Mismatch));
    assert_eq!(secrets.verify(b"", &good), Err(SignatureError::Mismatch));
}

#[test]
fn every_changed_bit_of_a_signature_is_noticed() {
    let secrets = AppSecrets::new(b"secret").unwrap();
    let good = secrets.sign(b"body");
    for index in "sha256=".len()..good.len() {
        for digit in "0123456789abcdef".chars().filter(|digit| !good[index..].starts_with(*digit)) {
            let mut bad = good.clone();
            bad.replace_range(index..=index, &digit.to_string());
            assert_eq!(secrets.verify(b"body", &bad), Err(SignatureError::Mismatch));
        }
    }
}

#[test]
fn both_secrets_are_good_during_a_rotation_and_no_third_one() {
    let old = AppSecrets::new(b"old").unwrap();
    let new = AppSecrets::new(b"new").unwrap();
    let both = AppSecrets::new(b"new").unwrap().with_previous(b"old").unwrap();
    assert_eq!(both.verify(b"body", &old.sign(b"body")), Ok(()));
    assert_eq!(both.verify(b"body", &new.sign(b"body")), Ok(()));
    assert_eq!(both.sign(b"body"), new.sign(b"body"));
    let third = AppSecrets::new(b"third").unwrap();
    assert_eq!(both.verify(b"body", &third.sign(b"body")), Err(SignatureError::Mismatch));
    assert_eq!(new.verify(b"body", &old.sign(b"body")), Err(SignatureError::Mismatch));
}

#[test]
fn a_secret_that_cannot_be_one_is_refused_and_none_is_printed() {
    assert_eq!(AppSecrets::new(b"").unwrap_err(), AppSecretError::Empty);
    assert_eq!(AppSecrets::new(b"secret\n").unwrap_err(), AppSecretError::NotVisible);
    assert_eq!(AppSecrets::new(&[b'a'; 257]).unwrap_err(), AppSecretError::TooLong);
    let secrets = AppSecrets::new(b"hunter2").unwrap();
    assert_eq!(format!("{secrets:?}"), "AppSecrets { live: 1, .. }");
    assert_eq!(secrets.with_previous(b"").unwrap_err(), AppSecretError::Empty);
}
