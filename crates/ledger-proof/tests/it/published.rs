//! Checkpoints and proofs that others published, with the keys that they published.

use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointError, CheckpointPolicy};
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::memory_tree::MemoryTree;
use wzapi_ledger_proof::signed_note::{KeyName, NoteError, Signer, VerifierKey};
use wzapi_ledger_proof::tlog_proof::TlogProof;
use wzapi_ledger_proof::{Hash, TreeHead};

use crate::by_hand::{base64, unbase64};

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

fn hash(text: &str) -> Hash {
    Hash::from(<[u8; 32]>::try_from(unbase64(text)).unwrap())
}

/// The checksum database of Go, on three days. Its origin is not the name of its key.
#[test]
fn checkpoints_of_the_go_checksum_database_open() {
    let key = key("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8");
    let policy = CheckpointPolicy::for_origin("go.sum database tree", vec![key.clone()]).unwrap();
    for (size, note) in [
        (
            // As a witness of 2023 answered it, with two signatures that nobody here knows.
            15_081_221,
            "go.sum database tree\n15081221\nBoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=\n\n\
             — sum.golang.org Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=\n\
             — test.example.com qTGhC3917mAr6hGh+T55tNjxaej/D/GQivJZRIj7XGdAcQOTqfMWIPgp/v/904LEduN/h2sSRtHUJXUL4b9Gm7Bz4Qc=\n\
             — test.example.com /Pa7Y/dUvWMAAAAAQVwkQVi81ArPV7BIaQYrMIxyzY0m8a4BdeeBhSKd3PviPK4/3Sd+NKSc5N7PDTCfAkUSVniN+R2oKIggA4iiDQ==\n",
        ),
        (
            35_225_469,
            "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n\n\
             — sum.golang.org Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfwQ=\n",
        ),
        (
            63_096_908,
            "go.sum database tree\n63096908\n8lHrQPRYe4KT4WQ9/Qk8/taKnD6IRHbFgfN7vQE2Y54=\n\n\
             — sum.golang.org Az3gri/oVBN1jAhNZ/iS+W31psFAWRT20/GyrhpU6taFwulQGetBkH5S7wpGXdS935jiIGiUUAXBVHzT/P6fYhqAmAk=\n",
        ),
    ] {
        let opened = policy.open(note.as_bytes()).unwrap();
        assert_eq!(opened.head().size(), size);
        assert_eq!(opened.note().to_string(), note);
        assert_eq!(opened.log_signatures().len(), 1);

        let by_key_name = CheckpointPolicy::for_log(vec![key.clone()]).unwrap().open(note.as_bytes());
        assert!(matches!(by_key_name, Err(CheckpointError::OtherLog { .. })));
        let larger = note.replace(&format!("\n{size}\n"), &format!("\n{}\n", size + 1));
        assert!(matches!(
            policy.open(larger.as_bytes()),
            Err(CheckpointError::Note(NoteError::BadSignature { .. }))
        ));
    }
}

/// A log of certificates, signed by ECDSA (a type that is ignored here) and Ed25519, and by four witnesses.
const WITNESSED: &str = "arche2025h1.staging.ct.transparency.dev\n1432088532\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n\
    — arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n\
    — arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n\
    — transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n\
    — witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n\
    — remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n\
    — witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n";

#[test]
fn checkpoint_with_a_public_witness_opens() {
    let log =
        key("arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f");
    let witness = key("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2");
    let log_alone = CheckpointPolicy::for_log(vec![log]).unwrap();
    let policy = log_alone.clone().with_witnesses(vec![witness.clone()], 1).unwrap();

    let opened = policy.open(WITNESSED.as_bytes()).unwrap();
    assert_eq!(opened.head().size(), 1_432_088_532);
    assert_eq!(opened.cosignatures().len(), 1);
    assert_eq!(opened.cosignatures()[0].key(), &witness);
    assert_eq!(opened.cosignatures()[0].timestamp(), Some(0x6a12_2120));
    assert!(log_alone.open(WITNESSED.as_bytes()).unwrap().cosignatures().is_empty());

    // A second later is another statement.
    let retimed = WITNESSED.replace("2net5wAAAABqEiEg", "2net5wAAAABqEiEh");
    let refused = policy.open(retimed.as_bytes());
    assert!(
        matches!(refused, Err(CheckpointError::Note(NoteError::BadSignature { name, .. })) if name == "remora.n621.de")
    );
}

/// The log in the test data of Tessera, an implementation in Go, with the seed of its key.
#[test]
fn log_of_tessera_is_read_and_written_to_the_same_bytes() {
    const ENTRIES: [&str; 15] = [
        "one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf",
        "threeten", "fourten", "fivten",
    ];
    const CHECKPOINTS: [(usize, &str); 3] = [
        (
            0,
            "example.com/log/testdata\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\
         — example.com/log/testdata M9e0lhxJACzE1KoUdqKuPa+9p6R7dSW8BlEvrg/noo8FkGg6PbJoRNOcdjqjOq89wVvTA60eubCc4oufo5BvIVEgtQc=\n",
        ),
        (
            7,
            "example.com/log/testdata\n7\nIrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=\n\n\
         — example.com/log/testdata M9e0luA5JhTRUki/BBQD0QNiH6AEJ2pdtsA5CQjqJErViuuKrN6513RCTL2640wXJv0dCed3neRGI6dMzBq9uANf2Qc=\n",
        ),
        (
            15,
            "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n\
         — example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n",
        ),
    ];
    let seed: [u8; 32] = unbase64("AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg")[1..].try_into().unwrap();
    let log = Signer::from_seed(KeyName::new("example.com/log/testdata").unwrap(), &seed).unwrap();
    assert_eq!(
        log.verifier_key().to_string(),
        "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
    );
    let policy = CheckpointPolicy::for_log(vec![log.verifier_key().clone()]).unwrap();
    let mut tree = MemoryTree::new();
    ENTRIES.iter().for_each(|entry| tree.append(Hash::leaf(entry.as_bytes())).unwrap());
    for (size, note) in CHECKPOINTS {
        let opened = policy.open(note.as_bytes()).unwrap();
        assert_eq!(opened.head(), tree.head_at(size as u64).unwrap());
        let written = Checkpoint::new(log.verifier_key().name(), opened.head()).sign(&[&log]).unwrap();
        assert_eq!(written.to_string(), note);
    }

    // Its last checkpoint carries a proof in our file.
    let path = InclusionProof::build(&tree, 9, 15).unwrap();
    let checkpoint = policy.open(CHECKPOINTS[2].1.as_bytes()).unwrap().note().clone();
    let file = TlogProof::new(None, 9, path, checkpoint).to_string();
    let proof = TlogProof::parse(file.as_bytes()).unwrap();
    assert_eq!(proof.verify_leaf(&policy, Hash::leaf(b"ten")).unwrap().index(), 9);
    assert!(proof.verify_leaf(&policy, Hash::leaf(b"eleven")).is_err());
}

/// The trees with which Torchwood tests a witness of Sigsum's logs.
#[test]
fn consistency_of_a_sigsum_log_is_proved() {
    const ORIGIN: &str =
        "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";
    let key = key(&format!("{ORIGIN}+5202289b+Af/cLU2Y5BJNP+r3iMDC+av9eWCD0fBJVDfzAux5zxAP"));
    let policy = CheckpointPolicy::for_log(vec![key]).unwrap();
    let open = |size: u64, root: &str, signature: &str| {
        let note = format!("{ORIGIN}\n{size}\n{root}\n\n— {ORIGIN} {signature}\n");
        policy.open(note.as_bytes()).map(|opened| opened.head())
    };
    let one = open(
        1,
        "KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=",
    )
    .unwrap();
    let three = open(
        3,
        "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=",
        "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=",
    )
    .unwrap();
    let five = open(
        5,
        "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=",
        "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=",
    )
    .unwrap();
    assert!(
        open(
            3,
            "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=",
            "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6gx=",
        )
        .is_err(),
        "its example of a bad signature"
    );

    let proof =
        |hashes: &[&str]| ConsistencyProof::from(hashes.iter().map(|text| hash(text)).collect::<Vec<_>>());
    let to_three = proof(&[
        "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ]);
    assert_eq!(to_three.verify(one, three), Ok(()));
    let to_five = proof(&[
        "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "KgMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=",
        "KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ]);
    assert_eq!(to_five.verify(three, five), Ok(()));
    let wrong = proof(&[
        "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABA=",
    ]);
    assert!(wrong.verify(one, three).is_err(), "its example of a bad proof");
}

/// An entry of a public Tessera log, as Project Oak tests it: the last of 76,959.
#[test]
fn inclusion_in_a_public_log_is_proved() {
    let path = [
        "fGRlLyuz+L9Jb8+uTSut/2aVc4z7fKFW+clvsb6xjEM=",
        "F6LautOHD5eppkWC0xn/lz00X5g2yLlZAkl2jCI/wdE=",
        "qH7OJxFNup+TDvJuohd2HphKVngfMeMzUK8QChEDcas=",
        "+Y3g758yXtPCRh/eqhLTA3bdcx+cCV1Uah0JdgB0YEs=",
        "vq8cJSjj8dPVmFBRUqDLlaMqW6aAYR2GKugVhgudXLs=",
        "J0z3X5qTb9WFC1gABhVFx0bW1rVZRL+DAoBL2e2h4G4=",
        "NmSbYg25xNFzTRerIsF3HbEMyTIDqW87AQd9ekzopE8=",
        "L8BZipjURnkctkjJtGJs+YyTXMssvNKA7+a8nV2JT/s=",
        "pva4RFzCejMkVMVmYc93As2lbk7WAyrw58TvrzEOjNc=",
    ];
    let head = TreeHead::new(76_959, hash("QYfrD7XAd4qUHbRBs4dDyDZwpZN4M/cccXr2G56pxkY=")).unwrap();
    let proof = InclusionProof::from(path.map(hash).to_vec());
    assert_eq!(proof.verify(Hash::leaf(b"hello tesseroak\n"), 76_958, head), Ok(()));
}

#[test]
fn example_of_the_checkpoint_specification_is_read() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.head().size()), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(base64(checkpoint.head().root().as_bytes()), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
}
