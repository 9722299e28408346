//! Handovers of keys, and successions of logs.

use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointError, CheckpointPolicy};
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::handover::{self, HandoverError};
use wzapi_ledger_proof::signed_note::{KeyName, NoteError};
use wzapi_ledger_proof::succession::{Succession, SuccessionError};
use wzapi_ledger_proof::{ProofError, TreeHead};

use crate::by_hand::{Key, note};
use crate::fixture::{Log, ORIGIN, policy, signer};

const SUCCESSOR: &str = "example.com/logs/91c0";

fn keys() -> [Key; 2] {
    [1, 2].map(|seed| Key::log(ORIGIN, seed))
}

fn statement(old: &Key, new: &Key, size: u64) -> String {
    let (origin, old, new) = (&old.name, old.vkey(), new.vkey());
    format!("wzapi/ledger-key-rotation/v1\nlog {origin}\nsize {size}\nold {old}\nnew {new}\n")
}

fn verify(file: &str) -> Result<u64, HandoverError> {
    handover::verify(file.as_bytes(), signer(ORIGIN, 1).verifier_key()).map(|handover| handover.size())
}

#[test]
fn handover_is_signed_by_both_keys_over_the_stated_text() {
    let [old, new] = keys();
    let text = statement(&old, &new, 41);
    let file = handover::sign(&signer(ORIGIN, 1), &signer(ORIGIN, 2), 41).unwrap().to_string();
    assert_eq!(file, note(&text, &[old.line(&text), new.line(&text)]));
    let handover = handover::verify(file.as_bytes(), signer(ORIGIN, 1).verifier_key()).unwrap();
    assert_eq!((handover.origin().as_str(), handover.size()), (ORIGIN, 41));
    assert_eq!(handover.old_key().to_string(), old.vkey());
    assert_eq!(handover.new_key().to_string(), new.vkey());
    let in_other_order = note(&text, &[new.line(&text), old.line(&text)]);
    assert_eq!(verify(&in_other_order), Ok(41));
}

#[test]
fn either_signature_alone_is_refused() {
    let [old, new] = keys();
    let text = statement(&old, &new, 41);
    assert_eq!(verify(&note(&text, &[old.line(&text)])), Err(HandoverError::NotAgreed));
    assert_eq!(verify(&note(&text, &[new.line(&text)])), Err(NoteError::NoKnownSignature.into()));
    let bad = |key: &Key| key.line("another text\n");
    for lines in [[old.line(&text), bad(&new)], [bad(&old), new.line(&text)]] {
        assert!(matches!(
            verify(&note(&text, &lines)),
            Err(HandoverError::Note(NoteError::BadSignature { .. }))
        ));
    }
}

#[test]
fn only_the_trusted_key_hands_over() {
    let [old, new] = keys();
    let text = statement(&new, &old, 41);
    let backwards = note(&text, &[old.line(&text), new.line(&text)]);
    assert_eq!(verify(&backwards), Err(HandoverError::NotTrusted { name: ORIGIN.to_owned() }));
    // A stranger's handover under the name of the log.
    let [stranger, heir] = [8, 9].map(|seed| Key::log(ORIGIN, seed));
    let text = statement(&stranger, &heir, 41);
    let file = note(&text, &[stranger.line(&text), heir.line(&text)]);
    assert_eq!(verify(&file), Err(NoteError::NoKnownSignature.into()));
}

#[test]
fn statement_has_one_form() {
    let [old, new] = keys();
    let good = statement(&old, &new, 41);
    let malformed = |line| Err(HandoverError::Malformed { line });
    for (text, expected) in [
        (good.replace("/v1", "/v2"), malformed(1)),
        (good.replace("wzapi/", "other/"), malformed(1)),
        (good.replace("\nlog ", "\nLog "), malformed(2)),
        (good.replace("7f3a\nsize", "7f3b\nsize"), malformed(2)),
        (good.replace("size 41", "size 041"), malformed(3)),
        (good.replace("size 41", "size -1"), malformed(3)),
        (good.replace("old example", "old  example"), malformed(4)),
        (good.replace("new example", "new Example"), malformed(5)),
        (good.clone() + "more\n", malformed(6)),
        (good.clone() + "\n", malformed(6)),
        (statement(&old, &new, TreeHead::MAX_SIZE + 1), Err(HandoverError::ImpossibleSize)),
        (statement(&old, &old, 41), Err(HandoverError::NotTwoKeysOfOneLog)),
        (statement(&old, &Key::log(SUCCESSOR, 2), 41), Err(HandoverError::NotTwoKeysOfOneLog)),
        (statement(&old, &Key::witness(ORIGIN, 2), 41), Err(HandoverError::NotTwoKeysOfOneLog)),
    ] {
        let file = note(&text, &[old.line(&text), new.line(&text)]);
        assert_eq!(verify(&file), expected, "{text}");
    }
    let sign = |new: (&str, u8), size| handover::sign(&signer(ORIGIN, 1), &signer(new.0, new.1), size);
    assert_eq!(sign((ORIGIN, 1), 0), Err(HandoverError::NotTwoKeysOfOneLog));
    assert_eq!(sign((SUCCESSOR, 2), 0), Err(HandoverError::NotTwoKeysOfOneLog));
    assert_eq!(sign((ORIGIN, 2), TreeHead::MAX_SIZE + 1), Err(HandoverError::ImpossibleSize));
}

#[test]
fn a_handover_is_no_checkpoint_and_a_checkpoint_no_handover() {
    let [old, new] = keys();
    let text = statement(&old, &new, 41);
    assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Malformed { line: 2 }));
    let file = note(&text, &[old.line(&text), new.line(&text)]);
    let opened = policy().open(file.as_bytes());
    assert_eq!(opened, Err(CheckpointError::Malformed { line: 2 }));
    assert_eq!(verify(&Log::of(3).checkpoint()), Err(HandoverError::Malformed { line: 1 }));
}

#[test]
fn new_key_alone_does_not_speak_for_trees_from_before_the_handover() {
    let log = Log::of(50);
    let [old, new] = [1, 2].map(|seed| signer(ORIGIN, seed));
    let both = vec![old.verifier_key().clone(), new.verifier_key().clone()];
    let policy = CheckpointPolicy::for_log(both).unwrap();
    let file = handover::sign(&old, &new, 41).unwrap().to_string();
    let handover = handover::verify(file.as_bytes(), old.verifier_key()).unwrap();
    let check = |size: u64, signers: &[&_]| {
        let checkpoint = Checkpoint::new(old.verifier_key().name(), log.tree.head_at(size).unwrap());
        let note = checkpoint.sign(signers).unwrap().to_string();
        handover.check(&policy.open(note.as_bytes()).unwrap())
    };
    assert_eq!(check(40, &[&new]), Err(HandoverError::NotYet { size: 40, from: 41 }));
    for (size, signers) in [
        (41, [&new].as_slice()),
        (50, &[&new]),
        (40, &[&old]),
        (40, &[&old, &new]),
        (40, &[&new, &old]),
        (41, &[&old]),
    ] {
        assert_eq!(check(size, signers), Ok(()));
    }
}

#[test]
fn handover_is_read_from_its_event() {
    let file = handover::sign(&signer(ORIGIN, 1), &signer(ORIGIN, 2), 41).unwrap().to_string();
    let event = |kind: &str| {
        serde_json::json!({"at": 5, "controller": "c", "statement": file, "type": kind}).to_string()
    };
    let trusted = signer(ORIGIN, 1);
    let verify = |event: &str| handover::verify_event(event.as_bytes(), trusted.verifier_key());
    assert_eq!(verify(&event("ledger.key_rotated")).unwrap().size(), 41);
    assert_eq!(verify(&event("ledger.succeeded")), Err(HandoverError::OtherEvent));
    assert_eq!(verify(r#"{"type":"ledger.key_rotated"}"#), Err(HandoverError::OtherEvent));
    assert_eq!(verify(r#"{"statement":1,"type":"ledger.key_rotated"}"#), Err(HandoverError::OtherEvent));
    assert!(matches!(verify(" {}"), Err(HandoverError::NotCanonical(_))));
}

fn first_event(checkpoint: &str) -> String {
    serde_json::json!({"at": 5, "checkpoint": checkpoint, "controller": "c", "type": "ledger.succeeded"})
        .to_string()
}

#[test]
fn successor_commits_to_the_last_checkpoint_of_its_predecessor() {
    let log = Log::of(10);
    let event = first_event(&log.checkpoint());
    let succession = Succession::verify(event.as_bytes(), SUCCESSOR, &policy()).unwrap();
    assert_eq!(succession.last().head(), log.tree.head());
    assert_eq!(succession.check_last(&log.opened_at(10)), Ok(()));
    for known in 0..=10 {
        let proof = ConsistencyProof::build(&log.tree, known, 10).unwrap();
        assert_eq!(succession.check_known(&log.opened_at(known), &proof), Ok(()), "{known}");
        assert_eq!(succession.check_last(&log.opened_at(known)).is_ok(), known == 10);
    }
}

#[test]
fn successor_that_denies_or_replaces_entries_is_found() {
    let log = Log::of(10);
    // The store was restored to 8 entries, and the successor says that there never were more.
    let event = first_event(&log.checkpoint_at(8));
    let succession = Succession::verify(event.as_bytes(), SUCCESSOR, &policy()).unwrap();
    let none = ConsistencyProof::from(Vec::new());
    let denied = SuccessionError::OtherEnd(ProofError::OlderIsLarger { older: 10, newer: 8 });
    assert_eq!(succession.check_known(&log.opened_at(10), &none), Err(denied));
    let other = SuccessionError::OtherEnd(ProofError::RootMismatch { size: 10 });
    assert_eq!(succession.check_last(&log.opened_at(10)), Err(other));

    let mut rewritten = log.entries.clone();
    rewritten.swap(0, 1);
    let event = first_event(&Log::with_entries(rewritten).checkpoint());
    let succession = Succession::verify(event.as_bytes(), SUCCESSOR, &policy()).unwrap();
    let other = SuccessionError::OtherEnd(ProofError::RootMismatch { size: 10 });
    assert_eq!(succession.check_last(&log.opened_at(10)), Err(other));
    let proof = ConsistencyProof::build(&log.tree, 8, 10).unwrap();
    assert!(succession.check_known(&log.opened_at(8), &proof).is_err());
}

#[test]
fn succession_needs_a_signed_checkpoint_of_another_log() {
    let log = Log::of(10);
    let verify = |event: &str, successor: &str| Succession::verify(event.as_bytes(), successor, &policy());
    let event = first_event(&log.checkpoint());
    assert_eq!(verify(&event, ORIGIN), Err(SuccessionError::SameOrigin));
    assert!(matches!(
        verify(&event.replace("succeeded", "closed"), SUCCESSOR),
        Err(SuccessionError::OtherEvent)
    ));
    assert_eq!(verify(r#"{"type":"ledger.succeeded"}"#, SUCCESSOR), Err(SuccessionError::OtherEvent));
    assert!(matches!(verify("{", SUCCESSOR), Err(SuccessionError::NotCanonical(_))));
    let unsigned = log.checkpoint().replace("\n10\n", "\n11\n");
    assert!(matches!(verify(&first_event(&unsigned), SUCCESSOR), Err(SuccessionError::Checkpoint(_))));

    let succession = verify(&event, SUCCESSOR).unwrap();
    let stranger = signer("example.com/logs/other", 1);
    let name = KeyName::new("example.com/logs/other").unwrap();
    let elsewhere = Checkpoint::new(&name, log.tree.head()).sign(&[&stranger]).unwrap().to_string();
    let policy = CheckpointPolicy::for_log(vec![stranger.verifier_key().clone()]).unwrap();
    let elsewhere = policy.open(elsewhere.as_bytes()).unwrap();
    assert_eq!(succession.check_last(&elsewhere), Err(SuccessionError::OtherPredecessor));
}
