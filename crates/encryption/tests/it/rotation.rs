//! New tenant keys: nothing is lost, whoever writes, destroys or dies meanwhile.

use std::sync::Arc;
use std::time::Duration;

use wzapi_encryption::EncryptionError;
use wzapi_encryption::rotation::RotationProgress;
use wzapi_model::name::DataCategory;
use wzapi_model::time::Clock;
use wzapi_storage::changeset::Write;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::row::{
    Body, ControllerRow, IndexKeyRow, LogKeyRow, Record, RecordRevisionRow, RowType, TenantKeyRow,
};
use wzapi_storage::{Changeset, Draft, StorageError};
use wzapi_storage_testkit::faulty::{FaultyStorage, Rates};

use crate::interference::{Call, Contended, Death, Gate, Mortal};
use crate::stranger::{self, tenant_key_of};
use crate::world::{A, B, SYSTEM, Value, World, owner, put_rows, rows_of};

/// Writes one value for each of `people`.
async fn populate(world: &World, people: std::ops::Range<u8>) -> Vec<Value> {
    let mut values = Vec::new();
    for person in people {
        values.push(world.write(A, person, &format!("value of person {person}")).await);
    }
    values
}

/// Adds signing keys of logs, wrapped as the documents say.
async fn add_log_keys(world: &World, shards: std::ops::Range<u16>) {
    let settings: ControllerRow = stranger::row_of(world, A, Key::Controller).await;
    let by = settings.tenant_keys[0];
    let tenant_key = tenant_key_of(world, A, by).await;
    let mut rows = Vec::new();
    for shard in shards {
        let place = Key::LogKey { shard, version: 1 };
        let encoded = wzapi_storage::codec::encode_key(A, &place);
        let mut nonce = [0; 12];
        world.entropy.fill(&mut nonce).unwrap();
        let row = LogKeyRow {
            created_at: world.clock.now(),
            verifier_key: "example.org/log+00000000+AQ==".to_owned(),
            key: stranger::wrap(&tenant_key, by, &encoded, 1, &[9; 32], nonce),
            retired_at: None,
        };
        rows.push((A, Record { key: place, due_at: None, body: row.into() }));
    }
    put_rows(world.memory.as_ref(), rows).await;
}

/// Every key of A that a tenant key wraps opens under `version`, by the documents.
async fn assert_all_wrapped_by(world: &World, version: u32) {
    let tenant_key = tenant_key_of(world, A, version).await;
    for (controller, record) in rows_of(world.memory.as_ref()).await {
        let place = wzapi_storage::codec::encode_key(controller, &record.key);
        let wrapped = match (&record.key, &record.body) {
            _ if controller != A => vec![],
            (Key::IndexKey(number), Body::IndexKey(row)) => vec![(*number, row.key.clone())],
            (Key::LogKey { version, .. }, Body::LogKey(row)) => vec![(*version, row.key.clone())],
            (Key::DataKey { .. }, Body::DataKey(row)) => {
                row.versions.iter().map(|version| (version.version, version.key.clone())).collect()
            }
            _ => vec![],
        };
        for (number, key) in wrapped {
            assert_eq!(key.wrapped_by, version.to_string(), "{:?}", record.key);
            assert!(stranger::unwrap(&tenant_key, &place, number, &key).is_some(), "{:?}", record.key);
        }
    }
}

#[tokio::test]
async fn clause_5_a_a_rotation_wraps_every_key_anew_and_leaves_what_they_sealed_alone() {
    let world = World::new(30).await;
    let values = populate(&world, 1..200).await;
    let of_b = world.write(B, 1, "another controller").await;
    add_log_keys(&world, 0..300).await;
    let sealed = |rows: Vec<(_, Record)>| -> Vec<RecordRevisionRow> {
        rows.iter().filter_map(|(_, record)| RecordRevisionRow::of(&record.body).cloned()).collect()
    };
    let before = sealed(rows_of(world.memory.as_ref()).await);

    let mut seen = Vec::new();
    let mut progress = RotationProgress::default();
    world.encryption.rotate_tenant(A, &mut progress, &mut |now| seen.push(now)).await.unwrap();
    assert_eq!(progress.rewrapped, 199);
    assert_eq!(progress.controllers, 1);
    assert_eq!(seen.last(), Some(&progress));
    assert!(seen.is_sorted_by_key(|now| (now.data_keys, now.rewrapped)));

    let status = world.encryption.tenant_status(A).await.unwrap();
    assert_eq!(status.tenant_keys.iter().map(|key| key.version).collect::<Vec<_>>(), [2]);
    assert_eq!((status.data_keys, status.outdated), (199, 0));
    assert_eq!(world.encryption.tenant_status(B).await.unwrap().tenant_keys[0].version, 1);
    assert_all_wrapped_by(&world, 2).await;
    assert_eq!(sealed(rows_of(world.memory.as_ref()).await), before);
    world.assert_living(&values).await;
    world.assert_living(&[of_b]).await;
}

#[tokio::test]
async fn blind_indexes_are_the_same_after_a_rotation() {
    let world = World::new(31).await;
    let phone = wzapi_model::identifier::Identifier::parse_recipient("+1 555 000 1111").unwrap();
    let before = world.keys(A).await.identifier_indexes(&phone);
    world.rotate_tenant(A).await;
    assert_eq!(world.keys(A).await.identifier_indexes(&phone), before);
    let process = world.process(world.memory.clone());
    assert_eq!(process.tenant(A).await.unwrap().identifier_indexes(&phone), before);
}

/// Runs a rotation in a process that dies, and tells whether it died.
async fn rotate_and_die(world: &World, death: Death) -> bool {
    let mortal = Mortal::new(world.memory.clone(), Some(death));
    let process = world.process(mortal.clone());
    let outcome = process.rotate_tenant(A, &mut RotationProgress::default(), &mut |_| {}).await;
    assert_eq!(outcome.is_err(), mortal.is_dead(), "{death:?}: {outcome:?}");
    mortal.is_dead()
}

#[tokio::test]
async fn clause_5_a_a_rotation_that_is_killed_at_any_commit_leaves_everybody_readable_and_goes_on() {
    let original = World::new(32).await;
    let mut values = populate(&original, 1..250).await;
    for _ in 0..3 {
        original.clock.advance(Duration::from_secs(31 * 24 * 3600));
        values.extend(populate(&original, 1..180).await);
    }
    add_log_keys(&original, 0..1).await;
    let backup = original.copy().await;

    let mut deaths = 0;
    for number in 1..100 {
        let mut has_died = false;
        for death in [Death::Before(number), Death::After(number)] {
            let world = original.beside(crate::world::copy_of(backup.as_ref()).await);
            let long_there = world.process(world.memory.clone());
            long_there.tenant(A).await.unwrap();
            if !rotate_and_die(&world, death).await {
                continue;
            }
            has_died = true;
            deaths += 1;
            for value in &values {
                let opened = world.read_in(&long_there, value).await;
                assert_eq!(opened.ok().as_ref(), Some(&value.text), "{death:?} {value:?}");
            }
            let written = world.write(A, 251, "written while a rotation is cut short").await;
            world.rotate_tenant(A).await;
            let status = world.encryption.tenant_status(A).await.unwrap();
            assert_eq!(status.outdated, 0);
            assert_eq!(status.tenant_keys.len(), 1);
            // One that was begun is finished, and one that was finished, or not begun, is begun anew.
            assert!((2..=3).contains(&status.tenant_keys[0].version));
            assert_all_wrapped_by(&world, status.tenant_keys[0].version).await;
            world.assert_living(&[written]).await;
            world.assert_living(&values[..20]).await;
        }
        if !has_died {
            break;
        }
    }
    // 786 data keys in chunks of 256, index keys, log keys, the beginning and the end.
    assert_eq!(deaths, 2 * 8);
}

#[tokio::test]
async fn a_rotation_goes_on_through_any_trouble_with_the_store() {
    let world = World::new(33).await;
    let values = populate(&world, 1..60).await;
    let mut finished = 0;
    for seed in 0..60 {
        let faulty = FaultyStorage::new(world.memory.clone()).with_rates(seed, Rates::HARSH);
        let process = world.process(Arc::new(faulty));
        let outcome = process.rotate_tenant(A, &mut RotationProgress::default(), &mut |_| {}).await;
        finished += u32::from(outcome.is_ok());
        if seed % 10 == 0 {
            world.assert_living(&values).await;
        }
    }
    world.assert_living(&values).await;
    assert!(finished > 3, "{finished}");
    world.rotate_tenant(A).await;
    assert_eq!(world.encryption.tenant_status(A).await.unwrap().outdated, 0);
}

#[tokio::test]
async fn a_key_that_is_destroyed_while_it_is_wrapped_anew_stays_destroyed() {
    let world = World::new(34).await;
    let values = populate(&world, 1..40).await;
    let gate = Gate::before(
        world.memory.clone(),
        |call| matches!(call, Call::Commit(changeset) if changeset.writes.iter().any(|write| write.key().kind() == RowKind::DataKey)),
    );
    let process = world.process(gate.clone());
    let rotation = tokio::spawn(async move {
        let mut progress = RotationProgress::default();
        process.rotate_tenant(A, &mut progress, &mut |_| {}).await.map(|()| progress)
    });
    gate.arrived().await;
    world.erase(A, 7).await;
    gate.open();
    let progress = rotation.await.unwrap().unwrap();
    assert_eq!(progress.rewrapped, 38, "each of the others, and once");
    let (erased, living): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|value| value.data_key.owner() == owner(7));
    world.assert_dead(&erased).await;
    world.assert_living(&living).await;
}

#[tokio::test]
async fn a_key_that_others_change_all_the_time_is_left_to_the_next_pass_and_holds_up_nobody() {
    let is_of_data_keys =
        |changeset: &Changeset| changeset.writes.iter().any(|write| write.key().kind() == RowKind::DataKey);
    // The chunk conflicts, then the keys by themselves, up to all of them and once more.
    for conflicts in [1, 2, 5, 11, 12, 40] {
        let world = World::new(45).await;
        let values = populate(&world, 1..11).await;
        let contended = Contended::first(conflicts, world.memory.clone(), is_of_data_keys);
        let process = world.process(contended);
        let mut progress = RotationProgress::default();
        process.rotate_tenant(A, &mut progress, &mut |_| {}).await.unwrap();
        assert_eq!(progress.rewrapped, 10);
        assert_all_wrapped_by(&world, 2).await;
        world.assert_living(&values).await;
    }
    // Somebody who changes the keys faster than they can be wrapped anew wins for the time being.
    let world = World::new(46).await;
    let values = populate(&world, 1..4).await;
    let contended = Contended::first(u64::MAX, world.memory.clone(), is_of_data_keys);
    let process = world.process(contended);
    let outcome = process.rotate_tenant(A, &mut RotationProgress::default(), &mut |_| {}).await;
    assert!(matches!(outcome, Err(EncryptionError::KeysChanged)));
    world.assert_living(&values).await;
    world.rotate_tenant(A).await;
    assert_all_wrapped_by(&world, 2).await;
    world.assert_living(&values).await;
}

/// Somebody is about to store a new data key while the keys of the controller are rotated, wholly or in part.
async fn write_across_a_rotation(seed: u64, is_whole: bool) {
    let world = World::new(seed).await;
    let stale = world.process(world.memory.clone());
    let keys = stale.tenant(A).await.unwrap();
    let now = world.clock.now();

    // Everything is decided before the rotation, and committed after it.
    let mut overtaken = Draft::new(world.memory.as_ref(), A);
    keys.data_key_for_writing(&mut overtaken, owner(1), &DataCategory::contact(), now).await.unwrap();
    if is_whole {
        world.rotate_tenant(A).await;
    } else {
        assert!(rotate_and_die(&world, Death::After(1)).await);
    }
    assert!(matches!(world.commit(overtaken).await, Err(StorageError::Conflict { .. })));

    // The same process begins again with the keys that it holds, and then with newer ones.
    let mut again = Draft::new(world.memory.as_ref(), A);
    let refused = keys.data_key_for_writing(&mut again, owner(1), &DataCategory::contact(), now).await;
    assert!(matches!(refused, Err(EncryptionError::KeysChanged)), "{refused:?}");
    let value = world.write_in(&stale, A, 1, &DataCategory::contact(), "at last").await;
    world.rotate_tenant(A).await;
    world.assert_living(&[value]).await;
}

#[tokio::test]
async fn no_key_is_stored_under_a_tenant_key_that_a_rotation_is_about_to_remove() {
    write_across_a_rotation(35, true).await;
    write_across_a_rotation(36, false).await;
}

#[tokio::test]
async fn a_process_that_has_not_heard_of_a_rotation_begins_again_and_succeeds() {
    let world = World::new(37).await;
    let value = world.write(A, 1, "before the rotation").await;
    let stale = world.process(world.memory.clone());
    assert!(stale.tenant(A).await.is_ok());
    world.rotate_tenant(A).await;
    let first = world.try_read(&stale, &value).await;
    assert!(matches!(first, Err(EncryptionError::KeysChanged)), "{first:?}");
    assert_eq!(
        world.try_read(&stale, &value).await.unwrap(),
        value.text,
        "the next attempt has the new keys"
    );

    // The same for who writes under a key that is there.
    let stale = world.process(world.memory.clone());
    assert!(stale.tenant(A).await.is_ok());
    world.rotate_tenant(A).await;
    let first = world.try_write(&stale, A, 1, &DataCategory::contact(), "after").await;
    assert!(matches!(first, Err(EncryptionError::KeysChanged)));
    let second = world.try_write(&stale, A, 1, &DataCategory::contact(), "after").await.unwrap().unwrap();
    world.assert_living(&[value, second]).await;
}

#[tokio::test]
async fn keys_that_are_loaded_while_they_are_rotated_are_those_before_or_those_after() {
    for (seed, keys_read) in [(38, false), (39, true)] {
        let world = World::new(seed).await;
        let value = world.write(A, 1, "read at a bad moment").await;
        // The reader has seen the controller's row and asks for what it names; or it has both, and unwraps.
        let gate = Gate::before(
            world.memory.clone(),
            move |call| matches!(call, Call::Get(keys) if keys.iter().any(|key| matches!(key, Key::TenantKey(_))) != keys_read),
        );
        let reader = Arc::new(world.process(gate.clone()));
        let loading = {
            let reader = Arc::clone(&reader);
            tokio::spawn(async move { reader.tenant(A).await.map(drop) })
        };
        gate.arrived().await;
        world.rotate_tenant(A).await;
        gate.open();
        loading.await.unwrap().unwrap();
        assert_eq!(world.read_in(&reader, &value).await.unwrap(), value.text);
    }
}

#[tokio::test]
async fn two_rotations_of_one_controller_at_once_both_end_well() {
    let world = World::new(40).await;
    let values = populate(&world, 1..100).await;
    let gate = Gate::before(
        world.memory.clone(),
        |call| matches!(call, Call::Commit(changeset) if changeset.writes.iter().any(|write| write.key().kind() == RowKind::DataKey)),
    );
    let process = world.process(gate.clone());
    let first =
        tokio::spawn(
            async move { process.rotate_tenant(A, &mut RotationProgress::default(), &mut |_| {}).await },
        );
    gate.arrived().await;
    // It joins the first, and ends it.
    world.rotate_tenant(A).await;
    // And this is another one altogether, which the first finds out.
    world.rotate_tenant(A).await;
    gate.open();
    let first = first.await.unwrap();
    assert!(matches!(first, Ok(()) | Err(EncryptionError::KeysChanged)), "{first:?}");
    world.assert_living(&values).await;
    assert_eq!(world.encryption.tenant_status(A).await.unwrap().tenant_keys[0].version, 3);
}

#[tokio::test]
async fn a_rotation_does_not_remove_a_tenant_key_that_a_later_one_still_needs() {
    let world = World::new(47).await;
    let values = populate(&world, 1..20).await;
    // Everything is wrapped anew, and the former tenant key is about to go.
    let gate = Gate::before(
        world.memory.clone(),
        |call| matches!(call, Call::Commit(changeset) if changeset.writes.contains(&Write::Delete(Key::TenantKey(1)))),
    );
    let process = world.process(gate.clone());
    let late =
        tokio::spawn(
            async move { process.rotate_tenant(A, &mut RotationProgress::default(), &mut |_| {}).await },
        );
    gate.arrived().await;
    // Somebody else ends this rotation, begins the next one, and dies.
    world.rotate_tenant(A).await;
    assert!(rotate_and_die(&world, Death::After(1)).await);
    gate.open();
    let late = late.await.unwrap();
    assert!(matches!(late, Err(EncryptionError::KeysChanged)), "{late:?}");
    world.assert_living(&values).await;
    world.rotate_tenant(A).await;
    assert_all_wrapped_by(&world, 3).await;
    world.assert_living(&values).await;
}

#[tokio::test]
async fn a_damaged_key_is_named_and_nothing_is_lost_by_it() {
    let world = World::new(41).await;
    let values = populate(&world, 1..10).await;
    let mut row = world.data_key_row(A, &values[4].data_key).await.unwrap();
    let intact = row.clone();
    row.versions[0].key.wrapped[20] ^= 1;
    let put = |row: wzapi_storage::row::DataKeyRow| {
        vec![(A, Record { key: values[4].data_key.clone(), due_at: None, body: row.into() })]
    };
    put_rows(world.memory.as_ref(), put(row)).await;
    let mut progress = RotationProgress::default();
    let outcome = world.encryption.rotate_tenant(A, &mut progress, &mut |_| {}).await;
    match outcome {
        Err(EncryptionError::DamagedKey { controller, place }) => {
            assert_eq!((controller, *place), (A, values[4].data_key.clone()));
        }
        other => panic!("{other:?}"),
    }
    let others: Vec<Value> = values.iter().filter(|value| value.row != values[4].row).cloned().collect();
    world.assert_living(&others).await;
    // The row comes back from a backup, and the rotation goes on where it was.
    put_rows(world.memory.as_ref(), put(intact)).await;
    world.rotate_tenant(A).await;
    world.assert_living(&values).await;
    assert_eq!(world.encryption.tenant_status(A).await.unwrap().tenant_keys[0].version, 2);
}

#[tokio::test]
async fn there_is_nothing_to_rotate_for_who_is_not_registered() {
    let world = World::new(42).await;
    let unknown = wzapi_model::ids::ControllerId::from_bytes([0xc; 16]);
    let mut progress = RotationProgress::default();
    let outcome = world.encryption.rotate_tenant(unknown, &mut progress, &mut |_| {}).await;
    assert!(matches!(outcome, Err(EncryptionError::UnknownController)));
    let status = world.encryption.tenant_status(unknown).await;
    assert!(matches!(status, Err(EncryptionError::UnknownController)));
    let empty = world.beside(Arc::new(wzapi_storage_memory::MemoryStorage::new()));
    let epoch = empty.encryption.epoch_status().await;
    assert!(matches!(epoch, Err(EncryptionError::UnknownController)));
    assert_eq!(empty.encryption.controllers().await.unwrap(), [SYSTEM]);
}

#[tokio::test]
async fn the_status_counts_what_a_rotation_has_still_to_do() {
    let world = World::new(43).await;
    populate(&world, 1..30).await;
    assert!(rotate_and_die(&world, Death::After(1)).await);
    let status = world.encryption.tenant_status(A).await.unwrap();
    assert_eq!(status.controller, A);
    assert_eq!(status.tenant_keys.iter().map(|key| key.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(status.index_keys, [1]);
    assert_eq!((status.data_keys, status.outdated), (29, 29));
    let epoch = world.encryption.epoch_status().await.unwrap();
    assert!(status.tenant_keys.iter().all(|key| key.wrapped_by == epoch.wrapping_key));
    let row: TenantKeyRow = stranger::row_of(&world, A, Key::TenantKey(2)).await;
    assert_eq!(status.tenant_keys[0].created_at, row.created_at);
    let _: IndexKeyRow = stranger::row_of(&world, A, Key::IndexKey(1)).await;
}
