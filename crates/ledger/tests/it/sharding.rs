//! Shards: several logs of one controller, over which the entries are spread by person.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wzapi_ledger::sequencer::{MAX_SHARDS, SHARDS_ADDED};
use wzapi_ledger::{Appended, FaultKind, LedgerError};
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{LogHeadRow, RowType};

use crate::world::{CONTROLLER, LOG, World, check_proof, opened, person, policy_of, subject};

const fn log(shard: u16) -> LogRef {
    LogRef { shard, generation: 0 }
}

/// Where a person's entries go.
fn home(number: u8, shards: u16) -> u16 {
    let [first, second, ..] = person(number).to_bytes();
    u16::from_be_bytes([first, second]) % shards
}

async fn shard(world: &World, shards: u16) {
    let keys = world.keys().await;
    world.ledger.add_shards(CONTROLLER, &keys, shards).await.unwrap();
}

#[tokio::test]
async fn everything_about_one_person_is_in_one_log_and_in_order() {
    let world = World::new().await;
    shard(&world, 5).await;
    let mut found: BTreeMap<u8, Vec<(LogRef, u64)>> = BTreeMap::new();
    for round in 0..6 {
        for number in 1..=20 {
            let Appended { log, entries, .. } = world.append(number, &round.to_string()).await;
            found.entry(number).or_default().push((log.unwrap(), entries[0].1));
        }
    }
    for (number, places) in found {
        assert!(places.iter().all(|(of, _)| *of == log(home(number, 5))), "{number}: {places:?}");
        assert!(places.is_sorted(), "{number}: {places:?}");
    }
    let verified = world.verify_all().await;
    assert_eq!(verified.iter().map(|one| one.log).collect::<Vec<_>>(), [0, 1, 2, 3, 4].map(log));
    assert!(verified.iter().all(|one| one.is_sound() && one.size > 0), "{verified:?}");
    assert_eq!(verified.iter().map(|one| one.size).sum::<u64>(), 121);
}

#[tokio::test]
async fn what_is_committed_together_goes_to_one_log_and_what_is_about_nobody_to_the_first() {
    let world = World::new().await;
    shard(&world, 4).await;
    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
    let mut entries = Vec::new();
    for number in [3, 4, 5, 6] {
        entries.push(world.prepare(&mut draft, subject(number), "together").await);
    }
    entries.push(world.prepare(&mut draft, Owner::Controller, "together").await);
    let appended = world.ledger.commit(draft, entries).await.unwrap();
    assert_eq!(appended.log, Some(log(home(3, 4))));
    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
    let entry = world.prepare(&mut draft, Owner::Controller, "about nobody").await;
    assert_eq!(world.ledger.commit(draft, vec![entry]).await.unwrap().log, Some(LOG));
    world.assert_sound().await;
}

#[tokio::test]
async fn adding_shards_is_recorded_with_the_new_logs() {
    let world = World::new().await;
    assert_eq!(world.ledger.shards(CONTROLLER).await.unwrap(), 1);
    let _ = world.append(1, "before").await;
    shard(&world, 3).await;
    shard(&world, 2).await;
    shard(&world, 0).await;
    assert_eq!(world.ledger.shards(CONTROLLER).await.unwrap(), 3, "a log never gets fewer");
    let signed = world.checkpoint().await;
    assert_eq!(signed.head.size(), 2, "what adds nothing is not recorded");
    let verified = check_proof(&world.prove(1).await, &policy_of(&signed));
    assert_eq!(verified.fields().text("type"), Some(SHARDS_ADDED));
    let event: serde_json::Value = serde_json::from_slice(verified.event()).unwrap();
    let mut origins = Vec::new();
    for shard in 1..3 {
        origins.push(world.notary.checkpoint(CONTROLLER, shard).await.unwrap().origin);
    }
    assert_eq!(event["shards"], 3);
    assert_eq!(event["logs"], serde_json::json!(origins));
}

#[tokio::test]
async fn there_is_a_bound_and_it_can_be_reached() {
    let world = World::new().await;
    let keys = world.keys().await;
    let refused = world.ledger.add_shards(CONTROLLER, &keys, MAX_SHARDS + 1).await;
    assert!(matches!(refused, Err(LedgerError::TooManyShards)));
    shard(&world, MAX_SHARDS).await;
    for number in 1..=255 {
        let appended = world.append(number, "text").await;
        assert_eq!(appended.log, Some(log(home(number, MAX_SHARDS))));
    }
    let last = world.notary.checkpoint(CONTROLLER, MAX_SHARDS - 1).await.unwrap();
    assert_eq!(last.head.size(), 1);
    let verified = world.verify_against(opened(&last)).await;
    assert_eq!(verified.len(), 256);
    assert!(verified.iter().all(|one| one.is_sound()));
}

#[tokio::test]
async fn each_shard_is_signed_and_proved_by_itself() {
    let world = World::new().await;
    shard(&world, 3).await;
    world.fill_each(21).await;
    let mut origins = Vec::new();
    for shard in 0..3 {
        let signed = world.notary.checkpoint(CONTROLLER, shard).await.unwrap();
        for index in 0..signed.head.size() {
            let proof = world.notary.prove(CONTROLLER, shard, index).await.unwrap();
            check_proof(&proof, &policy_of(&signed));
        }
        let folder = world.machine.folder().join(format!("shard-{shard}"));
        let mut sink = wzapi_ledger::notary::DirectorySink::new(&folder).unwrap();
        assert_eq!(world.notary.export(CONTROLLER, shard, &mut sink, &mut |_| {}).await.unwrap(), signed);
        origins.push(signed.origin);
    }
    origins.sort_unstable();
    origins.dedup();
    assert_eq!(origins.len(), 3);
    assert!(matches!(world.notary.checkpoint(CONTROLLER, 3).await, Err(LedgerError::NoLog)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shards_are_added_while_sixty_four_tasks_write() {
    let world = Arc::new(World::new().await);
    let tasks: Vec<_> = (1..=64_u8)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let mut places = Vec::new();
                for round in 0..12 {
                    let Appended { log, entries, .. } = world.append(number, &round.to_string()).await;
                    places.push((log.unwrap(), entries[0].1));
                }
                (number, places)
            })
        })
        .collect();
    for shards in [2, 3, 8] {
        tokio::task::yield_now().await;
        shard(&world, shards).await;
    }
    for task in tasks {
        let (number, places) = task.await.unwrap();
        // Whoever moves, moves when shards are added, and never back.
        let mut homes = vec![home(number, 1), home(number, 2), home(number, 3), home(number, 8)];
        homes.dedup();
        let mut visited: Vec<u16> = places.iter().map(|(log, _)| log.shard).collect();
        visited.dedup();
        let mut route = homes.iter();
        assert!(visited.iter().all(|shard| route.any(|home| home == shard)), "{number}: {visited:?}");
        for shard in visited {
            let indexes: Vec<u64> =
                places.iter().filter(|(log, _)| log.shard == shard).map(|(_, index)| *index).collect();
            assert!(indexes.is_sorted(), "{number}: {places:?}");
        }
    }
    let verified = world.verify_all().await;
    assert_eq!(verified.len(), 8);
    assert!(verified.iter().all(|one| one.is_sound()), "{verified:?}");
    assert_eq!(verified.iter().map(|one| one.size).sum::<u64>(), 64 * 12 + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_may_add_shards_at_the_same_time() {
    let world = World::new().await;
    let (first, second) = (world.beside().await, world.beside().await);
    let writer = tokio::spawn(async move {
        for number in 0..50 {
            let _ = first.append(number % 9 + 1, "meanwhile").await;
        }
        shard(&first, 6).await;
    });
    shard(&second, 4).await;
    writer.await.unwrap();
    assert_eq!(world.ledger.shards(CONTROLLER).await.unwrap(), 6);
    let verified = world.verify_all().await;
    assert_eq!(verified.len(), 6);
    assert!(verified.iter().all(|one| one.is_sound()), "{verified:?}");
}

#[tokio::test]
async fn another_process_learns_of_new_shards_within_a_minute() {
    let world = World::new().await;
    let beside = world.beside().await;
    let stranger = 5;
    assert_eq!(beside.append(stranger, "text").await.log, Some(LOG));
    shard(&world, 4).await;
    assert_ne!(home(stranger, 4), 0);
    world.machine.clock.advance(Duration::from_secs(60));
    assert_eq!(beside.append(stranger, "text").await.log, Some(log(home(stranger, 4))));
    // And at once when it reads the head of the first one.
    shard(&world, 7).await;
    let _ = beside.ledger.add_shards(CONTROLLER, beside.keys().await.as_ref(), 1).await;
    assert_eq!(beside.append(stranger, "text").await.log, Some(log(home(stranger, 7))));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_shard_that_is_hidden_or_gone_is_found() {
    let world = World::new().await;
    shard(&world, 3).await;
    world.fill_each(21).await;
    let sound = world.head().await;
    for shards in [0, 1, 2] {
        world.overwrite(&Key::LogHead(0), Some(LogHeadRow { shards, ..sound.clone() }.into())).await;
        let verified = world.verify_all().await;
        let faults: Vec<_> = verified.iter().map(|one| one.fault.map(|fault| fault.kind)).collect();
        let uncounted = Some(FaultKind::ShardNotCounted);
        let expected = if shards == 2 { [None, None, uncounted] } else { [None, uncounted, uncounted] };
        assert_eq!(faults, expected, "{shards} shards");
        // And shards that are there are never made anew.
        let beside = world.beside().await;
        let outcome = beside.ledger.add_shards(CONTROLLER, beside.keys().await.as_ref(), 3).await;
        assert!(matches!(outcome, Err(LedgerError::Conflict)), "{outcome:?}");
    }
    world.overwrite(&Key::LogHead(0), Some(LogHeadRow { shards: 4, ..sound.clone() }.into())).await;
    let verified = world.verify_all().await;
    assert_eq!(verified[3].fault.map(|fault| fault.kind), Some(FaultKind::HeadMissing));
    world.overwrite(&Key::LogHead(0), Some(sound.into())).await;

    let head = world.row(&Key::LogHead(1)).await.unwrap().body;
    world.overwrite(&Key::LogHead(1), None).await;
    let verified = world.verify_all().await;
    let missing = verified[1].fault.unwrap();
    assert_eq!((verified[1].log, missing.index, missing.kind), (log(1), 0, FaultKind::HeadMissing));
    // Hidden, with its head: the entries are still there.
    let hidden = [2, 1].map(|shard| (Key::LogHead(shard), None));
    let counted = LogHeadRow { shards: 1, ..world.head().await };
    let kept = [
        (Key::LogHead(1), Some(head.clone())),
        (Key::LogHead(2), world.row(&Key::LogHead(2)).await.map(|row| row.body)),
        (Key::LogHead(0), Some(world.head().await.into())),
    ];
    world.overwrite_all(hidden).await;
    world.overwrite(&Key::LogHead(0), Some(counted.into())).await;
    let verified = world.verify_all().await;
    assert_eq!(verified.len(), 2);
    assert_eq!(
        verified[1].fault.map(|fault| (verified[1].log, fault.kind)),
        Some((log(1), FaultKind::HeadMissing))
    );
    world.overwrite_all(kept).await;
    world.assert_sound().await;

    // One shard's head in the place of another.
    let other = world.row(&Key::LogHead(2)).await.unwrap().body;
    assert_ne!(LogHeadRow::of(&other), LogHeadRow::of(&head));
    world.overwrite(&Key::LogHead(1), Some(other)).await;
    assert!(!world.verify_all().await[1].is_sound());
    world.overwrite(&Key::LogHead(1), Some(head)).await;
    world.assert_sound().await;
}
