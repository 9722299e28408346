use wzapi_ledger_proof::canonical::SyntaxFault;
use wzapi_ledger_proof::checkpoint::{CheckpointError, CheckpointPolicy};
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::signed_note::NoteError;
use wzapi_ledger_proof::tlog_proof::{
    Disclosure, MAX_EVENT_BYTES, MAX_PROOF_BYTES, TlogProof, TlogProofError,
};
use wzapi_ledger_proof::{Blinding, ProofError};

use crate::by_hand::base64;
use crate::fixture::{Log, disclosure, policy, signer};

fn verify(file: &str) -> Result<String, TlogProofError> {
    let event = TlogProof::parse(file.as_bytes())?.verify(&policy())?;
    Ok(String::from_utf8(event.event().to_vec()).unwrap())
}

#[test]
fn every_entry_of_small_logs_is_proved_in_a_file() {
    let log = Log::of(20);
    for size in 1..=20 {
        for index in 0..size {
            let file = log.proof(index, size).to_string();
            assert_eq!(verify(&file).unwrap().into_bytes(), disclosure(index).event());
            assert_eq!(TlogProof::parse(file.as_bytes()).unwrap().to_string(), file);
        }
    }
}

#[test]
fn file_is_what_the_specification_says() {
    let log = Log::of(3);
    let hash = |level: usize| base64(log.proof(1, 3).inclusion().hashes()[level].as_bytes());
    let extra = base64(
        &[[0, 0, 0, 0, 0, 0, 0, 1, 0xb1].as_slice(), &[0; 23], br#"{"at":1,"type":"example"}"#].concat(),
    );
    let expected = format!(
        "c2sp.org/tlog-proof@v1\nextra {extra}\nindex 1\n{}\n{}\n\n{}",
        hash(0),
        hash(1),
        log.checkpoint()
    );
    assert_eq!(log.proof(1, 3).to_string(), expected);
}

#[test]
fn another_event_blinding_index_or_tree_is_refused() {
    let log = Log::of(7);
    let not_included = |file: &TlogProof| {
        assert!(matches!(verify(&file.to_string()), Err(TlogProofError::NotIncluded(_))));
    };
    let opened = log.opened_at(7);
    let path = |index| InclusionProof::build(&log.tree, index, 7).unwrap();
    let proof =
        |disclosure, index, path| TlogProof::new(Some(disclosure), index, path, opened.note().clone());
    assert!(verify(&proof(disclosure(2), 2, path(2)).to_string()).is_ok());
    not_included(&proof(disclosure(3), 2, path(2)));
    not_included(&proof(disclosure(2), 3, path(2)));
    not_included(&proof(disclosure(2), 3, path(3)));
    not_included(&proof(disclosure(2), 7, path(2)));
    let event = disclosure(2).event().to_vec();
    not_included(&proof(Disclosure::new(Blinding::from_bytes([0; 32]), event), 2, path(2)));
    let older = TlogProof::new(Some(disclosure(2)), 2, path(2), log.opened_at(5).note().clone());
    not_included(&older);
    let beyond = proof(disclosure(2), 9, path(2)).verify(&policy()).unwrap_err();
    assert_eq!(beyond, TlogProofError::NotIncluded(ProofError::IndexBeyondSize { index: 9, size: 7 }));
}

#[test]
fn checkpoint_must_satisfy_the_policy() {
    let file = Log::of(3).proof(1, 3).to_string();
    let proof = TlogProof::parse(file.as_bytes()).unwrap();
    let stranger =
        CheckpointPolicy::for_log(vec![signer("example.com/x", 5).verifier_key().clone()]).unwrap();
    let error = TlogProofError::Checkpoint(CheckpointError::Note(NoteError::NoKnownSignature));
    assert_eq!(proof.verify(&stranger).unwrap_err(), error);
    assert_eq!(proof.verify_entry(&stranger, &disclosure(1).commitment()), Err(error));
}

#[test]
fn without_its_event_a_proof_serves_those_who_have_the_entry() {
    let log = Log::of(3);
    let path = InclusionProof::build(&log.tree, 1, 3).unwrap();
    let file = TlogProof::new(None, 1, path, log.opened_at(3).note().clone()).to_string();
    assert!(!file.contains("extra"));
    let proof = TlogProof::parse(file.as_bytes()).unwrap();
    assert_eq!(proof.verify(&policy()).unwrap_err(), TlogProofError::NotDisclosed);
    let inclusion = proof.verify_entry(&policy(), &disclosure(1).commitment()).unwrap();
    assert_eq!((inclusion.index(), inclusion.checkpoint().head()), (1, log.tree.head()));
    assert!(proof.verify_entry(&policy(), &disclosure(2).commitment()).is_err());
}

#[test]
fn event_that_can_be_read_in_two_ways_is_refused_though_it_is_in_the_log() {
    let event = br#"{"type":"consent.given","type":"consent.withdrawn"}"#.to_vec();
    let disclosure = Disclosure::new(Blinding::from_bytes([3; 32]), event);
    let log = Log::with_entries(vec![disclosure.commitment()]);
    let path = InclusionProof::build(&log.tree, 0, 1).unwrap();
    let proof = TlogProof::new(Some(disclosure), 0, path, log.opened_at(1).note().clone());
    let TlogProofError::NotCanonical(error) = proof.verify(&policy()).unwrap_err() else { panic!() };
    assert_eq!((error.offset, error.fault), (24, SyntaxFault::KeysNotSorted));
}

#[test]
fn malformed_files_are_refused_by_line() {
    let good = Log::of(3).proof(1, 3).to_string();
    let (extra, index) = (good.lines().nth(1).unwrap(), "index 1");
    let hash = good.lines().nth(3).unwrap();
    let malformed = |line| TlogProofError::Malformed { line };
    for (file, expected) in [
        (String::new(), TlogProofError::NoCheckpoint(None)),
        (good.replacen("@v1", "@v2", 1), malformed(1)),
        (good.replacen("c2sp", " c2sp", 1), malformed(1)),
        (format!("\n{good}"), malformed(1)),
        (good.replace('\n', "\r\n"), TlogProofError::NoCheckpoint(None)),
        (good.replace(extra, "extra "), malformed(2)),
        (good.replace(extra, "extra"), malformed(2)),
        (good.replace(extra, "extra AA"), malformed(2)),
        (good.replace(extra, &extra.replacen("extra ", "extra  ", 1)), malformed(2)),
        (good.replace(extra, &format!("{extra}\n{extra}")), malformed(3)),
        (good.replace(extra, &extra.replacen("extra", "Extra", 1)), malformed(2)),
        (
            good.replacen(index, &format!("{index}\n{extra}"), 1).replacen(&format!("{extra}\n"), "", 1),
            malformed(3),
        ),
        (good.replace(index, "index 01"), malformed(3)),
        (good.replace(index, "index +1"), malformed(3)),
        (good.replace(index, "index -1"), malformed(3)),
        (good.replace(index, "index 1 "), malformed(3)),
        (good.replace(index, "index"), malformed(3)),
        (good.replace(index, "index 18446744073709551616"), malformed(3)),
        (good.replace(&format!("{index}\n"), ""), malformed(3)),
        (good.replace(hash, &hash[1..]), malformed(4)),
        (good.replace(hash, &format!("{hash} ")), malformed(4)),
        (good.replace(hash, &base64(&[0; 31])), malformed(4)),
        (good.replace(hash, &base64(&[0; 64])), malformed(4)),
        (good.replace(hash, &vec![hash; 62].join("\n")), malformed(66)),
    ] {
        assert_eq!(verify(&file), Err(expected), "{file}");
    }
    let cut = &good[..good.find("\n\n").unwrap() + 2];
    assert!(matches!(verify(cut), Err(TlogProofError::NoCheckpoint(Some(NoteError::NoSignatureLines)))));
    assert!(matches!(verify(&format!("{good}\n")), Err(TlogProofError::NoCheckpoint(Some(_)))));
    assert!(matches!(verify(&format!("{good}more\n")), Err(TlogProofError::NoCheckpoint(Some(_)))));
    assert_eq!(verify(&good.replace(extra, "extra AAAA")), Err(TlogProofError::BadDisclosure));
    assert_eq!(
        verify(&good.replace(extra, &format!("extra {}", base64(&[0; 32])))),
        Err(TlogProofError::BadDisclosure)
    );
    assert!(matches!(
        verify(&good.replacen(hash, &format!("{hash}\n{hash}"), 1)),
        Err(TlogProofError::NotIncluded(_))
    ));
}

#[test]
fn length_of_events_and_files_is_bounded() {
    let of = |length: usize| {
        let text = "x".repeat(length - r#"{"text":""}"#.len());
        let disclosure =
            Disclosure::new(Blinding::from_bytes([3; 32]), format!(r#"{{"text":"{text}"}}"#).into_bytes());
        let log = Log::with_entries(vec![disclosure.commitment()]);
        let path = InclusionProof::build(&log.tree, 0, 1).unwrap();
        TlogProof::new(Some(disclosure), 0, path, log.opened_at(1).note().clone()).to_string()
    };
    assert_eq!(verify(&of(MAX_EVENT_BYTES)).unwrap().len(), MAX_EVENT_BYTES);
    assert_eq!(verify(&of(MAX_EVENT_BYTES + 1)), Err(TlogProofError::BadDisclosure));
    let long = vec![b' '; MAX_PROOF_BYTES + 1];
    let refused = TlogProof::parse(&long).unwrap_err();
    assert_eq!(refused, TlogProofError::TooLarge { limit: MAX_PROOF_BYTES });
}

#[test]
fn debug_shows_no_event() {
    let proof = Log::of(3).proof(1, 3);
    let verified = proof.verify(&policy()).unwrap();
    for shown in [format!("{proof:?}"), format!("{verified:?}"), format!("{:?}", disclosure(1))] {
        assert!(!shown.contains("example\"") && !shown.contains("123, 34"), "{shown}");
    }
}
