//! Signed notes: the examples that their specification and Go's package give, and what is refused.

use std::collections::HashMap;

use wzapi_ledger_proof::signed_note::{
    KeyName, MAX_NOTE_BYTES, MAX_SIGNATURES, NoteError, SignatureKind, SignedNote, Signer, VerifierKey,
};

use crate::by_hand::{self, Key, unbase64};

const PETER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH_KEY: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const PETER: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

fn verify(note: &str, keys: &[&str]) -> Result<Vec<String>, NoteError> {
    let keys: Vec<_> = keys.iter().map(|text| key(text)).collect();
    let note = SignedNote::parse(note.as_bytes())?;
    let verified = note.verify(&keys)?;
    assert_eq!(verified.text(), TEXT);
    Ok(verified.signatures().iter().map(|signature| signature.key().to_string()).collect())
}

#[test]
fn example_of_go_verifies_and_is_signed_to_the_same_bytes() {
    let note = format!("{TEXT}\n{PETER}");
    assert_eq!(verify(&note, &[PETER_KEY]), Ok(vec![PETER_KEY.to_owned()]));
    let seed: [u8; 32] = unbase64(PETER_SEED)[1..].try_into().unwrap();
    let peter = Signer::from_seed(KeyName::new("PeterNeumann").unwrap(), &seed).unwrap();
    assert_eq!(peter.verifier_key().to_string(), PETER_KEY);
    assert_eq!(SignedNote::sign(TEXT, &[&peter]).unwrap().to_string(), note);

    // The second key of the example has a seed of zeros.
    let enoch = Signer::from_seed(KeyName::new("EnochRoot").unwrap(), &[0; 32]).unwrap();
    assert_eq!(enoch.verifier_key().to_string(), ENOCH_KEY);
    let both = SignedNote::sign(TEXT, &[&peter, &enoch]).unwrap();
    assert_eq!(both.to_string(), format!("{note}{ENOCH}"));
    assert_eq!(verify(&both.to_string(), &[PETER_KEY, ENOCH_KEY]).unwrap(), [PETER_KEY, ENOCH_KEY]);
}

#[test]
fn example_of_the_specification_verifies() {
    let key = key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = SignedNote::parse(note.as_bytes()).unwrap();
    assert_eq!(note.verify(&[key]).unwrap().text(), "This is an example message.\n");
}

#[test]
fn text_may_hold_blank_lines_and_lines_like_signatures() {
    for text in ["\n", "\n\n", "a\n\nb\n", "a\n\n\n", "— PeterNeumann AAAA\n", "a\n\n— not base64\n"] {
        let signer = Signer::from_seed(KeyName::new("a").unwrap(), &[1; 32]).unwrap();
        let note = SignedNote::sign(text, &[&signer]).unwrap().to_string();
        let read = SignedNote::parse(note.as_bytes()).unwrap();
        assert_eq!(read.to_string(), note);
        assert_eq!(read.verify(&[signer.verifier_key().clone()]).unwrap().text(), text);
    }
}

#[test]
fn unknown_signatures_are_ignored_and_no_known_one_is_an_error() {
    let both = format!("{TEXT}\n{PETER}{ENOCH}");
    assert_eq!(verify(&both, &[ENOCH_KEY]).unwrap(), [ENOCH_KEY]);
    assert_eq!(verify(&both, &[]), Err(NoteError::NoKnownSignature));
    // One name with another id, and one id with another name, are unknown, whatever they sign.
    let other_id = PETER.replace("x08g", "xxxx");
    let other_name = PETER.replace("PeterNeumann", "CarmenSandiego");
    for line in [other_id, other_name] {
        let note = format!("{TEXT}\n{line}");
        assert_eq!(verify(&note, &[PETER_KEY]), Err(NoteError::NoKnownSignature));
        assert_eq!(verify(&format!("{note}{PETER}"), &[PETER_KEY]).unwrap(), [PETER_KEY]);
    }
    // So is a signature of a kind that is not understood, of any length.
    for length in [1, 63, 64, 2420, 5000] {
        let line = Key::witness("pq.example", 9).raw_line(&vec![7; length]);
        assert_eq!(verify(&format!("{TEXT}\n{line}{PETER}"), &[PETER_KEY]).unwrap(), [PETER_KEY]);
    }
}

#[test]
fn a_bad_signature_of_a_known_key_refuses_the_whole_note() {
    let bad = PETER.replace("ZJku", "ZJkv");
    let error = NoteError::BadSignature { name: "PeterNeumann".to_owned(), id: key(PETER_KEY).id() };
    for lines in
        [bad.clone(), bad.clone() + ENOCH, ENOCH.to_owned() + &bad, PETER.to_owned() + &bad, bad + PETER]
    {
        assert_eq!(verify(&format!("{TEXT}\n{lines}"), &[PETER_KEY, ENOCH_KEY]), Err(error.clone()));
    }
    // Of a wrong length as well.
    let peter = Key { seed: unbase64(PETER_SEED)[1..].try_into().unwrap(), ..Key::log("PeterNeumann", 0) };
    for length in [1, 63, 65, 72] {
        let note = format!("{TEXT}\n{}", peter.raw_line(&vec![0; length]));
        assert_eq!(verify(&note, &[PETER_KEY]), Err(error.clone()));
    }
}

#[test]
fn repeated_lines_are_kept_and_count_once() {
    let note = format!("{TEXT}\n{PETER}{PETER}{ENOCH}{ENOCH}");
    assert_eq!(SignedNote::parse(note.as_bytes()).unwrap().to_string(), note);
    assert_eq!(verify(&note, &[PETER_KEY]).unwrap(), [PETER_KEY]);
    assert_eq!(verify(&note, &[PETER_KEY, PETER_KEY]).unwrap(), [PETER_KEY], "the same key twice is one");
}

#[test]
fn malformed_notes_are_refused() {
    use NoteError::*;
    let cases: &[(&[u8], NoteError)] = &[
        (b"", NoSignatureLines),
        (TEXT.as_bytes(), NoSignatureLines),
        (b"text\n\n", NoSignatureLines),
        (b"text\n\n\n", NoSignatureLines),
        (PETER.as_bytes(), NoSignatureLines),
        (b"\xfftext\n\n", NotText),
        (b"te\x01xt\n\n", NotText),
        (b"te\rxt\n\n", NotText),
        (b"te\txt\n\n", NotText),
    ];
    for (note, error) in cases {
        assert_eq!(SignedNote::parse(note), Err(error.clone()));
    }
    for (lines, error) in [
        (PETER.trim_end().to_owned(), NoSignatureLines),
        (format!("{PETER}more\n"), BadSignatureLine { line: 2 }),
        (format!("{PETER}more"), NoSignatureLines),
        (PETER.replace('—', "-"), BadSignatureLine { line: 1 }),
        (PETER.replace("— ", "—"), BadSignatureLine { line: 1 }),
        (PETER.replace("— ", "—  "), BadSignatureLine { line: 1 }),
        (PETER.replace(" x08", "  x08"), BadSignatureLine { line: 1 }),
        (PETER.replace('=', "= "), BadSignatureLine { line: 1 }),
        (PETER.replace('=', ""), BadSignatureLine { line: 1 }),
        (PETER.replace("nAM=", "nAN="), BadSignatureLine { line: 1 }),
        (PETER.replace("nAM=", "nA-="), BadSignatureLine { line: 1 }),
        (PETER.replace("PeterNeumann", "Peter+Neumann"), BadSignatureLine { line: 1 }),
        (PETER.replace("PeterNeumann", "Peter\u{2003}Neumann"), BadSignatureLine { line: 1 }),
        (PETER.replace("PeterNeumann ", ""), BadSignatureLine { line: 1 }),
        ("— a AAAAAA==\n".to_owned(), BadSignatureLine { line: 1 }),
        ("— a AAA=\n".to_owned(), BadSignatureLine { line: 1 }),
        ("— a \n".to_owned(), BadSignatureLine { line: 1 }),
        ("— a\n".to_owned(), BadSignatureLine { line: 1 }),
    ] {
        assert_eq!(verify(&format!("{TEXT}\n{lines}"), &[PETER_KEY]), Err(error), "{lines}");
    }
}

#[test]
fn size_and_number_of_signatures_are_bounded() {
    let of = |count: usize| format!("{TEXT}\n{}", PETER.repeat(count));
    assert_eq!(verify(&of(MAX_SIGNATURES), &[PETER_KEY]).unwrap(), [PETER_KEY]);
    let error = NoteError::TooManySignatures { limit: MAX_SIGNATURES };
    assert_eq!(verify(&of(MAX_SIGNATURES + 1), &[PETER_KEY]), Err(error.clone()));
    let full = SignedNote::parse(of(MAX_SIGNATURES).as_bytes()).unwrap();
    let one_more = full.signatures()[0].clone();
    assert_eq!(full.with_signature(one_more), Err(error));
    let long = "x".repeat(MAX_NOTE_BYTES) + "\n\n" + PETER;
    assert_eq!(verify(&long, &[]), Err(NoteError::TooLarge { limit: MAX_NOTE_BYTES }));
}

#[test]
fn texts_that_no_note_can_hold_are_not_signed() {
    let signer = Signer::from_seed(KeyName::new("a").unwrap(), &[1; 32]).unwrap();
    for text in ["", "no newline", "a\tb\n", "a\r\n", "a\u{0}\n"] {
        assert_eq!(SignedNote::sign(text, &[&signer]), Err(NoteError::UnsignableText), "{text:?}");
    }
    assert_eq!(SignedNote::sign("a\n", &[]), Err(NoteError::NoSignatureLines));
}

#[test]
fn two_known_keys_of_one_name_and_id_are_refused() {
    // An id has 32 bits, so of some hundred thousand keys two have the same.
    let name = KeyName::new("example.com/log").unwrap();
    let mut seen = HashMap::new();
    let (one, other) = (0u64..)
        .find_map(|count| {
            let mut public_key = [0; 32];
            public_key[..8].copy_from_slice(&count.to_be_bytes());
            let key = VerifierKey::new(name.clone(), SignatureKind::Ed25519, public_key);
            seen.insert(key.id(), key.clone()).map(|earlier| (earlier, key))
        })
        .unwrap();
    let line =
        format!("— {name} {}\n", by_hand::base64(&[one.id().as_bytes().as_slice(), &[0; 64]].concat()));
    let note = SignedNote::parse(format!("{TEXT}\n{line}").as_bytes()).unwrap();
    let error = NoteError::AmbiguousKeys { name: name.to_string(), id: one.id() };
    assert_eq!(note.verify(&[one.clone(), other]), Err(error));
    assert!(matches!(note.verify(&[one.clone(), one]), Err(NoteError::BadSignature { .. })));
}

#[test]
fn verifier_keys_have_one_spelling() {
    let parse = |text: &str| text.parse::<VerifierKey>();
    assert_eq!(parse(PETER_KEY).unwrap().to_string(), PETER_KEY);
    for start in 0..PETER_KEY.len() {
        for end in start..=PETER_KEY.len() {
            assert_eq!(parse(&PETER_KEY[start..end]).is_ok(), (start, end) == (0, PETER_KEY.len()));
        }
    }
    for place in 0..PETER_KEY.len() {
        for mask in [1, 2, 0x20, 0x40] {
            let mut bytes = PETER_KEY.as_bytes().to_vec();
            bytes[place] ^= mask;
            assert!(parse(&String::from_utf8(bytes).unwrap()).is_err(), "{place} {mask:x}");
        }
    }
    let id = |text: &str| text.replace("c74f20a3", "C74F20A3");
    assert!(matches!(parse(&id(PETER_KEY)), Err(NoteError::WrongKeyId { .. })));
    // Of a wrong length, and of an unknown type, each with the id that belongs to it.
    let long = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==";
    assert_eq!(parse(long), Err(NoteError::BadVerifierKey));
    let unknown = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(parse(unknown), Err(NoteError::UnsupportedKey { algorithm: 0x65 }));
    for name in ["", "a b", "a\u{a0}b", "a\nb", "a\u{1}b"] {
        assert_eq!(KeyName::new(name), Err(NoteError::BadKeyName), "{name:?}");
        assert!(parse(&PETER_KEY.replace("PeterNeumann", name)).is_err());
    }
    assert_eq!(KeyName::new("a+b"), Err(NoteError::BadKeyName));
}

#[test]
fn keys_by_hand_are_the_same_keys() {
    for by_hand in [Key::log("example.com/log", 3), Key::witness("witness.example", 4)] {
        let parsed = key(&by_hand.vkey());
        assert_eq!(parsed.public_key().as_slice(), by_hand.public());
        assert_eq!(parsed.kind() == SignatureKind::Cosignature, by_hand.kind == 4);
        assert_eq!(parsed.to_string(), by_hand.vkey());
    }
    let log = Key::log("example.com/log", 3);
    let note = by_hand::note("text\n", &[log.line("text\n")]);
    let signer = Signer::from_seed(KeyName::new("example.com/log").unwrap(), &[3; 32]).unwrap();
    assert_eq!(SignedNote::sign("text\n", &[&signer]).unwrap().to_string(), note);
}

#[test]
fn debug_shows_no_seed() {
    let signer = Signer::from_seed(KeyName::new("a").unwrap(), &[0x5a; 32]).unwrap();
    let shown = format!("{signer:?}");
    assert!(
        shown.starts_with("Signer(a+") && !shown.contains("5a5a") && !shown.contains("90, 90"),
        "{shown}"
    );
}
