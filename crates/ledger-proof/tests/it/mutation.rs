//! Every byte of every file, altered: refused, or of the same meaning.

use wzapi_ledger_proof::audit::Audit;
use wzapi_ledger_proof::checkpoint::{CheckpointPolicy, OpenedCheckpoint};
use wzapi_ledger_proof::handover;
use wzapi_ledger_proof::tlog_proof::TlogProof;

use crate::by_hand::{Key, note};
use crate::fixture::{Log, ORIGIN, policy, signer};

/// The file with one byte altered, in several ways, or lost, or doubled.
fn altered(file: &[u8], place: usize) -> impl Iterator<Item = Vec<u8>> {
    let [mut shorter, mut longer] = [file.to_vec(), file.to_vec()];
    shorter.remove(place);
    longer.insert(place, file[place]);
    let masks = [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff];
    let flipped = masks.map(|mask| {
        let mut flipped = file.to_vec();
        flipped[place] ^= mask;
        flipped
    });
    // Equal neighbours: to lose either of them, or to double it, is the same as to do so with the other.
    flipped.into_iter().chain([shorter, longer])
}

fn witnessed(log: &Log) -> (String, CheckpointPolicy) {
    let text = log.opened_at(log.size()).checkpoint().to_string();
    let witness = Key::witness("w.example", 11);
    let lines = [
        Key::log(ORIGIN, 1).line(&text),
        witness.cosignature(&text, 1_700_000_000),
        Key::log("unknown.example", 12).line(&text),
    ];
    let policy = policy().with_witnesses(vec![witness.vkey().parse().unwrap()], 1).unwrap();
    (note(&text, &lines), policy)
}

/// What a checkpoint means, whoever else signed it.
fn meaning(opened: &OpenedCheckpoint) -> impl PartialEq + std::fmt::Debug + use<> {
    (opened.checkpoint().clone(), opened.log_signatures().to_vec(), opened.cosignatures().to_vec())
}

#[test]
fn checkpoints_mean_the_same_or_are_refused() {
    let (file, policy) = witnessed(&Log::of(5));
    let meant = meaning(&policy.open(file.as_bytes()).unwrap());
    let unknown = file.find("— unknown").unwrap();
    let mut accepted = 0;
    for place in 0..file.len() {
        for altered in altered(file.as_bytes(), place) {
            if let Ok(opened) = policy.open(&altered) {
                assert_eq!(meaning(&opened), meant, "byte {place}");
                assert!(place >= unknown, "only in the line of a signer that is not known");
                accepted += 1;
            }
        }
    }
    assert!(accepted > 0);
}

#[test]
fn proofs_mean_the_same_or_are_refused() {
    let log = Log::of(7);
    let (checkpoint, policy) = witnessed(&log);
    let file = log.proof(4, 7).to_string().replace(&log.checkpoint(), &checkpoint);
    let meant = TlogProof::parse(file.as_bytes()).unwrap().verify(&policy).unwrap();
    let unknown = file.find("— unknown").unwrap();
    for place in 0..file.len() {
        for altered in altered(file.as_bytes(), place) {
            let verified = TlogProof::parse(&altered).and_then(|proof| proof.verify(&policy));
            if let Ok(verified) = verified {
                assert!(place >= unknown, "byte {place}");
                assert_eq!((verified.event(), verified.inclusion().index()), (meant.event(), 4));
                let of = |event: &wzapi_ledger_proof::tlog_proof::VerifiedEvent| {
                    meaning(event.inclusion().checkpoint())
                };
                assert_eq!(of(&verified), of(&meant));
            }
        }
    }
}

#[test]
fn handovers_are_refused() {
    let file = handover::sign(&signer(ORIGIN, 1), &signer(ORIGIN, 2), 41).unwrap().to_string();
    let trusted = signer(ORIGIN, 1);
    assert!(handover::verify(file.as_bytes(), trusted.verifier_key()).is_ok());
    for place in 0..file.len() {
        for altered in altered(file.as_bytes(), place) {
            assert!(handover::verify(&altered, trusted.verifier_key()).is_err(), "byte {place}");
        }
    }
}

#[test]
fn every_byte_of_a_small_export_matters() {
    let log = Log::of(5);
    let policy = policy();
    let good = log.export();
    for path in good.by_path.keys() {
        for place in 0..good.by_path[path].len() {
            for altered in altered(&good.by_path[path], place) {
                let mut files = good.clone();
                files.put(path, altered);
                assert!(Audit::new(&policy).run(&files, |_, _| ()).is_err(), "{path} at {place}");
            }
        }
    }
}

#[test]
fn bytes_all_over_a_larger_export_matter() {
    let log = Log::of(520);
    let policy = policy();
    let good = log.export();
    for path in good.by_path.keys() {
        let file = &good.by_path[path];
        for place in (0..file.len()).step_by(331).chain([file.len() - 1]) {
            let mut files = good.clone();
            files.file(path)[place] ^= 0x08;
            assert!(Audit::new(&policy).run(&files, |_, _| ()).is_err(), "{path} at {place}");
        }
    }
}
