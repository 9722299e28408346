//! Erasing a person: the bodies go, the proofs of everybody else stay, and what is gone is accounted for.

use std::sync::Arc;

use wzapi_ledger::erasure::{BODIES_PER_CERTIFICATE, CERTIFICATE, Eraser};
use wzapi_ledger::proof::canonical::Value;
use wzapi_ledger::{Event, FaultKind, LedgerError, PreparedEntry};
use wzapi_model::Clock;
use wzapi_model::ids::EntryId;
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{EntryBody, EntryBodyRow, LogLeafRow, RowType};

use crate::world::{CONTROLLER, LOG, World, check_proof, opened, policy_of, subject};

async fn body_at(world: &World, index: u64) -> (Key, EntryBodyRow) {
    let leaf = world.row(&Key::LogLeaf { log: LOG, index }).await.unwrap();
    let leaf = LogLeafRow::of(&leaf.body).unwrap().clone();
    let key = Key::EntryBody { owner: leaf.owner, entry: leaf.entry };
    let body = EntryBodyRow::of(&world.row(&key).await.unwrap().body).unwrap().clone();
    (key, body)
}

async fn assert_fault(world: &World, index: u64, kind: FaultKind) {
    let fault = world.verify_all().await[0].fault.expect("the change must be found");
    assert_eq!((fault.index, fault.kind), (index, kind));
}

#[tokio::test]
async fn after_an_erasure_everybody_elses_proofs_check_and_the_erased_are_counted() {
    let world = World::new().await;
    world.fill_each(21).await;
    let before = world.checkpoint().await;
    let handed_out = world.prove(2).await;
    let erased = world.erase(3).await;
    assert_eq!((erased.bodies, erased.certificates.len()), (3, 1));

    let verification = world.verify_against(opened(&before)).await.remove(0);
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!((verification.size, verification.erased, verification.certificates), (22, 3, 1));

    let signed = world.checkpoint().await;
    for index in 0..22 {
        match world.notary.prove(CONTROLLER, 0, index).await {
            Ok(proof) => {
                assert!(![2, 9, 16].contains(&index));
                check_proof(&proof, &policy_of(&signed));
            }
            Err(LedgerError::Erased { certificate }) => {
                assert!([2, 9, 16].contains(&index));
                assert_eq!(certificate, erased.certificates[0]);
            }
            Err(error) => panic!("{index}: {error}"),
        }
    }
    // What was handed out before keeps its force, and cannot be called back.
    let verified = check_proof(&handed_out, &policy_of(&before));
    assert_eq!(verified.fields().text("text"), Some("entry 2"));
    check_proof(&handed_out, &policy_of(&signed));
}

#[tokio::test]
async fn a_certificate_names_the_case_and_the_indexes_and_nobody() {
    let world = World::new().await;
    world.fill_each(9).await;
    let erased = world.erase(2).await;
    let (log, index) =
        world.notary.locate(CONTROLLER, Owner::Controller, erased.certificates[0]).await.unwrap();
    assert_eq!((log, index), (LOG, 9));
    let signed = world.checkpoint().await;
    let verified = check_proof(&world.prove(index).await, &policy_of(&signed));
    let fields = verified.fields();
    assert_eq!((fields.text("type"), fields.text("case")), (Some(CERTIFICATE), Some("case-7")));
    assert_eq!(fields.get("bodies"), Some(&Value::Integer(2)));
    let range = |first: i64, last: i64| Value::Array([0, 0, first, last].map(Value::Integer).to_vec());
    assert_eq!(fields.get("covered"), Some(&Value::Array(vec![range(1, 1), range(8, 8)])));
    let text = String::from_utf8(verified.event().to_vec()).unwrap();
    assert!(!text.contains(&crate::world::person(2).to_string()), "{text}");
}

#[tokio::test]
async fn what_a_law_keeps_is_kept() {
    let world = World::new().await;
    world.fill_each(7).await;
    let keys = world.keys().await;
    let eraser = Eraser {
        storage: world.storage.as_ref(),
        ledger: &world.ledger,
        keys: &keys,
        entropy: world.machine.entropy.as_ref(),
    };
    let now = world.machine.clock.now();
    let kept = [DataCategory::consent_evidence()];
    let erased = eraser.erase(CONTROLLER, subject(1), &kept, "case-1", now).await.unwrap();
    assert_eq!((erased.bodies, erased.certificates.len()), (0, 0), "nothing to certify, no certificate");
    // Certificates, and whatever else is about nobody, are not erased whoever asks.
    let _ = world.erase(1).await;
    let erased = eraser.erase(CONTROLLER, Owner::Controller, &[], "case-2", now).await.unwrap();
    assert_eq!(erased.bodies, 0);
    assert!(world.verify().await.is_sound());
}

#[tokio::test]
async fn erasing_again_finds_nothing_more() {
    let world = World::new().await;
    world.fill_each(14).await;
    assert_eq!(world.erase(4).await.bodies, 2);
    assert_eq!(world.erase(4).await.bodies, 0);
    let _ = world.append(4, "back again").await;
    assert_eq!(world.erase(4).await.bodies, 1);
    let verification = world.verify().await;
    assert!(verification.is_sound());
    assert_eq!((verification.erased, verification.certificates), (3, 2));
}

#[tokio::test]
async fn many_bodies_go_in_chunks_each_with_its_certificate() {
    let world = World::new().await;
    let count = 2 * BODIES_PER_CERTIFICATE as u64 + 100;
    world.fill(7 * count).await;
    let erased = world.erase(5).await;
    assert_eq!((erased.bodies, erased.certificates.len()), (count, 3));
    let verification = world.verify().await;
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!((verification.erased, verification.certificates), (count, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_written_during_an_erasure_is_erased_or_found_the_next_time() {
    let world = Arc::new(World::new().await);
    world.fill(700).await;
    let writer = tokio::spawn({
        let world = Arc::clone(&world);
        async move {
            for number in 0..60 {
                let _ = world.append(1, &format!("meanwhile {number}")).await;
                let _ = world.append(2, &format!("meanwhile {number}")).await;
            }
        }
    });
    // Two workers are at it at the same time.
    let (first, second) = tokio::join!(world.try_erase(1), world.try_erase(1));
    writer.await.unwrap();
    let (first, second) = (first.unwrap(), second.unwrap());
    let last = world.try_erase(1).await.unwrap();
    assert_eq!(first.bodies + second.bodies + last.bodies, 160);
    let verification = world.verify().await;
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!(verification.erased, 160);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn verification_during_an_erasure_finds_no_fault() {
    let world = Arc::new(World::new().await);
    world.fill(4200).await;
    let eraser = tokio::spawn({
        let world = Arc::clone(&world);
        async move {
            for number in 1..=6 {
                let _ = world.erase(number).await;
            }
        }
    });
    let mut rounds = 0;
    while !eraser.is_finished() {
        let verification = world.verify().await;
        assert!(verification.is_sound(), "{verification:?}");
        rounds += 1;
    }
    eraser.await.unwrap();
    assert!(rounds > 0);
    let verification = world.verify().await;
    assert_eq!((verification.erased, verification.fault), (3600, None));
}

#[tokio::test]
async fn a_body_that_is_gone_without_a_certificate_is_a_fault() {
    let world = World::new().await;
    world.fill_each(14).await;
    let _ = world.erase(1).await;
    let (key, sound) = body_at(&world, 3).await;
    world.overwrite(&key, None).await;
    assert_fault(&world, 3, FaultKind::BodyMissing).await;

    // Claimed to be erased, under every kind of thing that is no certificate of it.
    let (_, erased) = body_at(&world, 0).await;
    let EntryBody::Erased { certificate } = erased.body else { panic!("it is erased") };
    let elsewhere = world.append(2, "no certificate").await.entries[0].0;
    for (name, claimed) in [
        ("a certificate of other entries", certificate),
        ("an entry about a person", elsewhere),
        ("no entry at all", EntryId::from_bytes([9; 16])),
    ] {
        let claim = EntryBody::Erased { certificate: claimed };
        world.overwrite(&key, Some(EntryBodyRow { body: claim, ..sound.clone() }.into())).await;
        let fault = world.verify().await.fault;
        assert_eq!(
            fault.map(|fault| (fault.index, fault.kind)),
            Some((3, FaultKind::NotCertified)),
            "{name}"
        );
    }
    world.overwrite(&key, Some(sound.into())).await;
    assert!(world.verify().await.is_sound());
}

#[tokio::test]
async fn a_body_that_comes_back_is_a_fault_of_its_certificate() {
    let world = World::new().await;
    world.fill_each(14).await;
    let (key, before) = body_at(&world, 2).await;
    // The keys are still there.
    let _erased = world.try_erase(3).await.unwrap();
    assert!(world.verify().await.is_sound());
    world.overwrite(&key, Some(before.clone().into())).await;
    assert_fault(&world, 14, FaultKind::CertificateContradicted).await;
    // And without them it does not open.
    world.destroy_keys(3).await;
    assert_fault(&world, 2, FaultKind::KeyMissing).await;
    world.overwrite(&key, None).await;
    assert_fault(&world, 2, FaultKind::BodyMissing).await;
}

#[tokio::test]
async fn a_certificate_that_is_itself_gone_covers_nothing() {
    let world = World::new().await;
    world.fill_each(7).await;
    let erased = world.erase(1).await;
    let again = world.erase(2).await;
    let place = |entry| Key::EntryBody { owner: Owner::Controller, entry };
    let sound = world.row(&place(erased.certificates[0])).await.unwrap().body;
    let row = EntryBodyRow::of(&sound).unwrap().clone();
    // "Erased" under the other certificate, or simply gone.
    let claim = EntryBody::Erased { certificate: again.certificates[0] };
    for body in [None, Some(EntryBodyRow { body: claim, ..row }.into())] {
        world.overwrite(&place(erased.certificates[0]), body).await;
        assert_fault(&world, 0, FaultKind::NotCertified).await;
    }
    world.overwrite(&place(erased.certificates[0]), Some(sound)).await;
    assert!(world.verify().await.is_sound());
}

/// Certificates that somebody wrote who has the keys, but not by way of the log.
#[tokio::test]
async fn a_certificate_outside_of_the_log_covers_nothing() {
    let world = World::new().await;
    world.fill_each(7).await;
    let (key, sound) = body_at(&world, 3).await;
    let keys = world.keys().await;
    let now = world.machine.clock.now();
    let event = Event::new(CERTIFICATE, CONTROLLER, now)
        .with("case", "none")
        .with("bodies", 1)
        .with("covered", serde_json::json!([[0, 0, 3, 3]]));
    let about = (Owner::Controller, &DataCategory::accountability());
    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
    let entropy = world.machine.entropy.as_ref();
    let entry = PreparedEntry::seal(&mut draft, &keys, entropy, about, &event, now).await.unwrap();
    let certificate = entry.id();
    // It gets into the log, and is then moved out of it, to a place that no head counts.
    let backup = world.backup().await;
    let _ = world.ledger.commit(draft, vec![entry]).await.unwrap();
    let with = world.backup().await;
    let leaf_of = |log: LogRef, index| Key::LogLeaf { log, index };
    let row_at = |place: &Key| {
        let found = with.rows_of(CONTROLLER).find(|(key, _)| *key == place);
        found.map(|(_, body)| body.clone()).unwrap()
    };
    let leaf = row_at(&leaf_of(LOG, 7));
    let body = EntryBodyRow::of(&row_at(&Key::EntryBody { owner: Owner::Controller, entry: certificate }))
        .unwrap()
        .clone();
    let data_key = with.rows_of(CONTROLLER).find(|(key, _)| {
        matches!(key, Key::DataKey { owner: Owner::Controller, category, .. } if *category == DataCategory::accountability())
    });
    let (data_key_at, data_key) = data_key.map(|(key, body)| (key.clone(), body.clone())).unwrap();
    for (log, index) in
        [(LOG, 9), (LogRef { shard: 3, generation: 0 }, 0), (LogRef { shard: 0, generation: 5 }, 7)]
    {
        let forged = world.restored(&backup).await;
        let claim = EntryBodyRow { body: EntryBody::Erased { certificate }, ..sound.clone() };
        forged
            .overwrite_all([
                (key.clone(), Some(claim.into())),
                (leaf_of(log, index), Some(leaf.clone())),
                (data_key_at.clone(), Some(data_key.clone())),
                (
                    Key::EntryBody { owner: Owner::Controller, entry: certificate },
                    Some(EntryBodyRow { log, index, ..body.clone() }.into()),
                ),
            ])
            .await;
        assert_fault(&forged, 3, FaultKind::NotCertified).await;
    }
}

#[tokio::test]
async fn a_certificate_may_stand_in_another_shard_than_what_it_covers() {
    let world = World::new().await;
    let keys = world.keys().await;
    world.ledger.add_shards(CONTROLLER, &keys, 3).await.unwrap();
    world.fill_each(21).await;
    let signed = world.notary.checkpoint(CONTROLLER, 1).await.unwrap();
    // Person 1's id gives shard 0x0101 % 3 = 2, person 3's 0x0303 % 3 = 0.
    for number in [1, 2, 3] {
        assert_eq!(world.erase(number).await.bodies, 3);
    }
    let verified = world.verify_against(opened(&signed)).await;
    assert!(verified.iter().all(|log| log.is_sound()), "{verified:?}");
    assert_eq!(verified.iter().map(|log| log.erased).sum::<u64>(), 9);
    assert_eq!(verified.iter().map(|log| log.certificates).collect::<Vec<_>>(), [3, 0, 0]);
    assert!(verified[1].erased + verified[2].erased > 0);
}

#[tokio::test]
async fn entries_of_a_closed_log_can_be_erased() {
    let world = World::journalled().await;
    world.fill_each(14).await;
    let backup = world.backup().await;
    world.fill_each(1).await;
    let _ = world.checkpoint().await;
    let restored = world.restored(&backup).await;
    let _followed = restored.notary.follow_journal(false).await.unwrap();
    let _ = restored.append(6, "afterwards").await;
    assert_eq!(restored.erase(6).await.bodies, 3);
    let verified = restored.verify_all().await;
    assert!(verified.iter().all(|log| log.is_sound()), "{verified:?}");
    assert_eq!(
        verified.iter().map(|log| (log.erased, log.certificates)).collect::<Vec<_>>(),
        [(2, 0), (1, 1)]
    );
}
