use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointError, CheckpointPolicy, PolicyError};
use wzapi_ledger_proof::cosignature::Witness;
use wzapi_ledger_proof::signed_note::{KeyName, NoteError, VerifierKey};
use wzapi_ledger_proof::{ProofError, TreeHead};

use crate::by_hand::{Key, note};
use crate::fixture::{Log, ORIGIN, signer};

fn key(key: &Key) -> VerifierKey {
    key.vkey().parse().unwrap()
}

fn log_policy(seeds: &[u8]) -> CheckpointPolicy {
    CheckpointPolicy::for_log(seeds.iter().map(|seed| key(&Key::log(ORIGIN, *seed))).collect()).unwrap()
}

fn text() -> String {
    Log::of(5).opened_at(5).checkpoint().to_string()
}

#[test]
fn log_alone_suffices_where_no_witness_is_demanded() {
    let text = text();
    let opened = log_policy(&[1]).open(note(&text, &[Key::log(ORIGIN, 1).line(&text)]).as_bytes()).unwrap();
    assert_eq!(opened.head(), Log::of(5).tree.head());
    assert_eq!(opened.checkpoint().to_string(), text);
    assert!(opened.cosignatures().is_empty());
}

#[test]
fn during_a_rotation_either_key_suffices_and_both_must_be_good() {
    let text = text();
    let [old, new] = [1, 2].map(|seed| Key::log(ORIGIN, seed));
    let (by_old, by_new) = (old.line(&text), new.line(&text));
    let open = |seeds: &[u8], lines: &[String]| log_policy(seeds).open(note(&text, lines).as_bytes());
    let both = [by_old.clone(), by_new.clone()];
    for seeds in [[1].as_slice(), &[2], &[1, 2], &[2, 1]] {
        assert_eq!(open(seeds, &both).unwrap().log_signatures().len(), seeds.len());
    }
    assert_eq!(open(&[1, 2], std::slice::from_ref(&by_new)).unwrap().log_signatures()[0].key(), &key(&new));
    assert_eq!(open(&[1], std::slice::from_ref(&by_new)), Err(NoteError::NoKnownSignature.into()));
    let bad = old.line("another text\n");
    assert!(matches!(open(&[1, 2], &[bad.clone(), by_new.clone()]), Err(CheckpointError::Note(_))));
    assert!(open(&[2], &[bad, by_new]).is_ok(), "to whoever knows the new key only, the old one is unknown");
}

#[test]
fn as_many_witnesses_as_demanded_must_have_signed() {
    let text = text();
    let witnesses: Vec<_> = (1..=3).map(|n| Key::witness(&format!("w{n}.example"), 10 + n)).collect();
    let lines = |count: usize| {
        let cosigned =
            witnesses[..count].iter().map(|witness| witness.cosignature(&text, 1000 + count as u64));
        [Key::log(ORIGIN, 1).line(&text)].into_iter().chain(cosigned).collect::<Vec<_>>()
    };
    let keys: Vec<_> = witnesses.iter().map(key).collect();
    for required in 0..=3 {
        let policy = log_policy(&[1]).with_witnesses(keys.clone(), required).unwrap();
        for found in 0..=3 {
            let opened = policy.open(note(&text, &lines(found)).as_bytes());
            if found >= required {
                let opened = opened.unwrap();
                assert_eq!(opened.cosignatures().len(), found);
                let times = opened.cosignatures().iter().map(|one| one.timestamp().unwrap());
                assert!(times.eq((0..found).map(|_| 1000 + found as u64)));
            } else {
                assert_eq!(opened, Err(CheckpointError::TooFewWitnesses { required, found }));
            }
        }
    }
}

#[test]
fn one_witness_counts_once_however_often_it_signed() {
    let text = text();
    let witness = Key::witness("w1.example", 11);
    let lines = [
        Key::log(ORIGIN, 1).line(&text),
        witness.cosignature(&text, 2000),
        witness.cosignature(&text, 3000),
        witness.cosignature(&text, 1000),
    ];
    let others = vec![key(&witness), key(&Key::witness("w2.example", 12))];
    let policy = log_policy(&[1]).with_witnesses(others.clone(), 2).unwrap();
    let refused = policy.open(note(&text, &lines).as_bytes());
    assert_eq!(refused, Err(CheckpointError::TooFewWitnesses { required: 2, found: 1 }));
    let policy = log_policy(&[1]).with_witnesses(others, 1).unwrap();
    let opened = policy.open(note(&text, &lines).as_bytes()).unwrap();
    assert_eq!(opened.cosignatures()[0].timestamp(), Some(3000), "its last word");
}

#[test]
fn witnesses_do_not_stand_in_for_the_log() {
    let text = text();
    let witness = Key::witness("w1.example", 11);
    let policy = log_policy(&[1]).with_witnesses(vec![key(&witness)], 1).unwrap();
    let refused = policy.open(note(&text, &[witness.cosignature(&text, 1)]).as_bytes());
    assert_eq!(refused, Err(CheckpointError::NotSignedByLog { origin: ORIGIN.to_owned() }));
}

#[test]
fn bad_cosignature_of_a_known_witness_refuses_the_checkpoint() {
    let text = text();
    let witness = Key::witness("w1.example", 11);
    let policy = log_policy(&[1]).with_witnesses(vec![key(&witness)], 0).unwrap();
    let log_line = Key::log(ORIGIN, 1).line(&text);
    let as_log = Key { kind: 4, ..Key::log("w1.example", 11) };
    for bad in [
        witness.cosignature("another text\n", 1),
        witness.raw_line(&[0; 72]),
        witness.raw_line(&[0; 7]),
        as_log.line(&text),
        witness.cosignature(&text, 1 << 63),
    ] {
        let refused = policy.open(note(&text, &[log_line.clone(), bad]).as_bytes());
        assert!(matches!(refused, Err(CheckpointError::Note(NoteError::BadSignature { .. }))));
    }
    assert!(
        policy.open(note(&text, &[log_line, witness.cosignature(&text, (1 << 63) - 1)]).as_bytes()).is_ok()
    );
}

#[test]
fn checkpoint_of_another_log_is_refused_though_the_key_signed_it() {
    let text = Checkpoint::new(&KeyName::new("example.com/logs/other").unwrap(), TreeHead::EMPTY).to_string();
    let refused = log_policy(&[1]).open(note(&text, &[Key::log(ORIGIN, 1).line(&text)]).as_bytes());
    let (expected, found) = (ORIGIN.to_owned(), "example.com/logs/other".to_owned());
    assert_eq!(refused, Err(CheckpointError::OtherLog { expected, found }));
}

#[test]
fn extension_lines_are_refused_unless_the_log_may_have_them() {
    let text = text() + "for your eyes only\n";
    let witness = Key::witness("w1.example", 11);
    let file = note(&text, &[Key::log(ORIGIN, 1).line(&text), witness.cosignature(&text, 1)]);
    let policy = log_policy(&[1]).with_witnesses(vec![key(&witness)], 1).unwrap();
    assert_eq!(policy.open(file.as_bytes()), Err(CheckpointError::ExtensionLines));
    let opened = policy.accepting_extensions().open(file.as_bytes()).unwrap();
    assert_eq!(opened.checkpoint().extensions(), ["for your eyes only"]);
    assert_eq!(opened.note().to_string(), file);
}

#[test]
fn malformed_checkpoints_are_refused_by_line() {
    let root = "IrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=";
    let malformed = |line| Err(CheckpointError::Malformed { line });
    for (text, expected) in [
        (String::new(), malformed(1)),
        ("\n".to_owned(), malformed(1)),
        (format!("\n7\n{root}\n"), malformed(1)),
        ("o\n".to_owned(), malformed(2)),
        (format!("o\n\n{root}\n"), malformed(2)),
        (format!("o\n07\n{root}\n"), malformed(2)),
        (format!("o\n+7\n{root}\n"), malformed(2)),
        (format!("o\n7 \n{root}\n"), malformed(2)),
        (format!("o\n0x7\n{root}\n"), malformed(2)),
        (format!("o\n18446744073709551616\n{root}\n"), malformed(2)),
        ("o\n7\n".to_owned(), malformed(3)),
        ("o\n7\n\n".to_owned(), malformed(3)),
        (format!("o\n7\n{}\n", &root[..40]), malformed(3)),
        (format!("o\n7\n{}\n", root.replace('=', "")), malformed(3)),
        (format!("o\n7\n{}\n", root.replace("7U=", "7V=")), malformed(3)),
        (format!("o\n7\n{root}{root}\n"), malformed(3)),
        (format!("o\n7\n{root}\n\n"), malformed(4)),
        (format!("o\n7\n{root}\na\n\n"), malformed(5)),
        (format!("o\n7\n{root}\na\n\nb\n"), malformed(5)),
        (format!("o\n7\n{root}"), malformed(1)),
        (format!("o\u{1}\n7\n{root}\n"), malformed(1)),
        (
            format!("o\n{}\n{root}\n", TreeHead::MAX_SIZE + 1),
            Err(CheckpointError::ImpossibleTree(ProofError::TooLarge { size: TreeHead::MAX_SIZE + 1 })),
        ),
        (
            format!("o\n0\n{root}\n"),
            Err(CheckpointError::ImpossibleTree(ProofError::RootMismatch { size: 0 })),
        ),
    ] {
        assert_eq!(Checkpoint::parse(&text).map(|_| ()), expected, "{text:?}");
    }
    let largest = format!("o\n{}\n{root}\n", TreeHead::MAX_SIZE);
    assert_eq!(Checkpoint::parse(&largest).unwrap().to_string(), largest);
    let spaced = format!("go.sum database tree\n7\n{root}\n");
    assert_eq!(Checkpoint::parse(&spaced).unwrap().origin(), "go.sum database tree");
}

#[test]
fn only_keys_of_the_log_sign_its_checkpoint() {
    let log = signer(ORIGIN, 1);
    let checkpoint = Checkpoint::new(log.verifier_key().name(), TreeHead::EMPTY);
    let other = checkpoint.sign(&[&log, &signer("example.com/logs/other", 1)]);
    assert!(matches!(other, Err(CheckpointError::OtherSigner { .. })));
    assert_eq!(checkpoint.sign(&[]), Err(NoteError::NoSignatureLines.into()));
}

#[test]
fn policies_that_make_no_sense_are_refused() {
    let log = key(&Key::log(ORIGIN, 1));
    let witness = key(&Key::witness("w.example", 11));
    let for_log = |keys: &[&VerifierKey]| CheckpointPolicy::for_log(keys.iter().copied().cloned().collect());
    assert_eq!(for_log(&[]), Err(PolicyError::NoLogKey));
    assert_eq!(CheckpointPolicy::for_origin("o", Vec::new()), Err(PolicyError::NoLogKey));
    assert_eq!(for_log(&[&witness]), Err(PolicyError::NotALogKey));
    assert_eq!(for_log(&[&log, &log]), Err(PolicyError::RepeatedKey));
    assert_eq!(
        for_log(&[&log, &key(&Key::log("example.com/logs/other", 2))]),
        Err(PolicyError::DifferentLogs)
    );
    let with = |witnesses: &[&VerifierKey], required| {
        for_log(&[&log]).unwrap().with_witnesses(witnesses.iter().copied().cloned().collect(), required)
    };
    assert_eq!(with(&[&log], 1), Err(PolicyError::NotAWitnessKey));
    assert_eq!(with(&[&witness], 2), Err(PolicyError::OutOfReach { required: 2, known: 1 }));
    // One public key under two names is one witness, and the log is no witness of itself.
    let alias = key(&Key::witness("alias.example", 11));
    assert_eq!(with(&[&witness, &alias], 2), Err(PolicyError::RepeatedKey));
    assert_eq!(with(&[&key(&Key::witness("w.example", 1))], 1), Err(PolicyError::RepeatedKey));
}

#[test]
fn witness_signs_what_the_specification_says() {
    let text = text();
    let checkpoint = Checkpoint::parse(&text).unwrap();
    let ours = Witness::from_seed(KeyName::new("w.example").unwrap(), &[11; 32]).unwrap();
    let line = Key::witness("w.example", 11).cosignature(&text, 1_679_315_147);
    assert_eq!(format!("{}\n", ours.cosign(&checkpoint, 1_679_315_147).unwrap()), line);
    assert_eq!(ours.verifier_key(), &key(&Key::witness("w.example", 11)));
    assert_eq!(ours.cosign(&checkpoint, 1 << 63), Err(NoteError::BadTime));
}
