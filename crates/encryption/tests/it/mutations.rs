//! Altered and moved rows: never another plaintext, never another key.

use std::sync::Arc;

use wzapi_encryption::shredding::data_keys_of;
use wzapi_encryption::{Encryption, EncryptionError, Place, TenantKeys};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, RecordId};
use wzapi_model::name::DataCategory;
use wzapi_model::time::Clock;
use wzapi_storage::codec::{decode_body, decode_key, encode_body, encode_key};
use wzapi_storage::key::{BlindIndex, Cohort, Key};
use wzapi_storage::row::{
    Body, DataKeyRow, DataKeyVersion, IndexKeyRow, LogKeyRow, Record, RecordRevisionRow, RowType, Sealed,
    TenantKeyRow, WrappedKey,
};
use wzapi_storage::{Draft, Storage};

use crate::stranger::{self, tenant_key_of};
use crate::world::{A, B, ExportBuffer, FIELD, SYSTEM, Value, World, owner, put_rows, rows_of, subject};

/// What a process that knows nothing yet makes of a value and of a person's blind index.
async fn use_keys(world: &World, value: &Value) -> Result<(Vec<u8>, Vec<BlindIndex>), EncryptionError> {
    let process = world.process(world.memory.clone());
    let keys = process.tenant(A).await?;
    let mut draft = Draft::new(world.memory.as_ref(), A);
    draft.load([value.row.clone()]).await?;
    let stored: &RecordRevisionRow = draft.row(&value.row)?.expect("the row of a value");
    let sealed = stored.value.clone();
    // As an engine finds the key: by owner, category and the month that the value states.
    let key_place = TenantKeys::data_key_of(owner(1), &DataCategory::contact(), &sealed);
    draft.load([key_place.clone()]).await?;
    let place = Place { controller: A, row: &value.row, field: FIELD };
    let opened = keys.open(&key_place, draft.row(&key_place)?, &place, &sealed)?.to_vec();
    Ok((opened, keys.identifier_indexes(&Identifier::parse_recipient("+1 555 000 1111").unwrap())))
}

async fn put(world: &World, controller: ControllerId, key: &Key, body: Body) {
    put_rows(world.memory.as_ref(), vec![(controller, Record { key: key.clone(), due_at: None, body })])
        .await;
}

async fn body_of(world: &World, controller: ControllerId, key: &Key) -> Body {
    let rows = world.memory.get(controller, std::slice::from_ref(key)).await.unwrap();
    rows.into_iter().next().flatten().expect("a row").body
}

/// How the altered rows of one kind were found out.
#[derive(Debug, Default, PartialEq)]
struct Outcomes {
    /// They are no row any more.
    corrupt: u32,
    /// Keys or values do not open.
    refused: u32,
    /// The byte says nothing about what opens: when a key was made, how much it sealed, who wrote a record.
    harmless: u32,
}

/// Changes every bit of the body of a row, one after the other.
async fn alter_every_bit(world: &World, value: &Value, key: &Key) -> Outcomes {
    let original = body_of(world, A, key).await;
    let bytes = encode_body(&original).unwrap();
    let expected = use_keys(world, value).await.unwrap();
    let mut outcomes = Outcomes::default();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[position] ^= 1 << bit;
            let Ok(body) = decode_body(key.kind(), &altered) else {
                outcomes.corrupt += 1;
                continue;
            };
            put(world, A, key, body).await;
            match use_keys(world, value).await {
                Ok(outcome) => {
                    assert!(outcome == expected, "{key:?}: byte {position}, bit {bit}: another value");
                    outcomes.harmless += 1;
                }
                Err(_) => outcomes.refused += 1,
            }
        }
    }
    put(world, A, key, original).await;
    assert!(use_keys(world, value).await.unwrap() == expected);
    outcomes
}

#[tokio::test]
async fn clause_5_a_whatever_bit_of_a_row_is_changed_nothing_but_the_true_value_is_opened() {
    let world = World::new(120).await;
    let value = world.write(A, 1, "the true value").await;
    world.rotate_tenant(A).await;
    // A second version, so that there is more to mix up.
    let mut row = world.data_key_row(A, &value.data_key).await.unwrap();
    row.versions[0].seals = u64::MAX;
    put(&world, A, &value.data_key, row.into()).await;
    let second = world.write(A, 1, "under the second version").await;

    for value in [&value, &second] {
        for (key, sealed_bytes) in [
            (&value.row, value.text.len() + 34),
            (&value.data_key, 60 + 32),
            (&Key::TenantKey(2), 60 + 32),
            (&Key::IndexKey(1), 60 + 32),
        ] {
            let outcomes = alter_every_bit(&world, value, key).await;
            let refused = usize::try_from(outcomes.refused).unwrap();
            assert!(refused >= 8 * sealed_bytes, "{key:?}: {outcomes:?}");
        }
        let settings = alter_every_bit(&world, value, &Key::Controller).await;
        assert!(settings.refused > 0, "{settings:?}");
    }
}

#[tokio::test]
async fn a_row_is_never_read_as_one_of_another_kind() {
    let world = World::new(121).await;
    world.write(A, 1, "text").await;
    for (controller, record) in rows_of(world.memory.as_ref()).await {
        let key = encode_key(controller, &record.key);
        for position in 0..key.len() {
            for bit in 0..8 {
                let mut altered = key.clone();
                altered[position] ^= 1 << bit;
                if let Ok((of, decoded)) = decode_key(&altered) {
                    assert!((of, &decoded) != (controller, &record.key));
                    assert_eq!(encode_key(of, &decoded), altered, "no two encodings of one key");
                }
            }
        }
    }
}

/// Places that differ from one another in every way that a place can.
fn places() -> Vec<(ControllerId, Key, &'static str)> {
    let mut found = Vec::new();
    for controller in [A, B] {
        for person in [1, 2] {
            for field in [FIELD, "other"] {
                found.push((controller, Key::Subject(subject(person)), field));
                for category in [DataCategory::contact(), DataCategory::consent_evidence()] {
                    for cohort in [Cohort(682), Cohort(683)] {
                        let (subject, record) = (subject(person), RecordId::from_bytes([5; 16]));
                        let category = || category.clone();
                        let record_row = Key::Record { subject, category: category(), cohort, record };
                        found.push((controller, record_row, field));
                        for (record, revision) in
                            [(record, 0), (record, 1), (RecordId::from_bytes([6; 16]), 0)]
                        {
                            let row = Key::RecordRevision {
                                subject,
                                category: category(),
                                cohort,
                                record,
                                revision,
                            };
                            found.push((controller, row, field));
                        }
                    }
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn clause_5_a_a_sealed_value_that_was_moved_anywhere_does_not_open() {
    let world = World::new(122).await;
    // Data keys of two people in two categories and two months at two controllers.
    let mut sealing: Vec<(ControllerId, Key, DataKeyRow)> = Vec::new();
    for _ in 0..2 {
        for (controller, person) in [(A, 1), (A, 2), (B, 1), (B, 2)] {
            for category in [DataCategory::contact(), DataCategory::consent_evidence()] {
                world.write_in(&world.encryption, controller, person, &category, "text").await;
            }
        }
        world.wait(20 * 24 * 60);
    }
    for (controller, person) in [(A, 1), (A, 2), (B, 1), (B, 2)] {
        for place in data_keys_of(world.memory.as_ref(), controller, owner(person)).await.unwrap() {
            let row = world.data_key_row(controller, &place).await.unwrap();
            sealing.push((controller, place, row));
        }
    }
    assert_eq!(sealing.len(), 16);

    let places = places();
    assert_eq!(places.len(), 2 * 2 * 2 * (1 + 4 * 4));
    let keys = [world.keys(A).await, world.keys(B).await];
    let keys_of = |controller: ControllerId| &keys[usize::from(controller == B)];
    let (mut opened, mut refused) = (0, 0);
    for (controller, key_place, key_row) in &sealing {
        for (sealed_at, row, field) in places.iter().filter(|(of, _, _)| of == controller) {
            let Key::DataKey { owner, category, cohort } = key_place else { panic!() };
            let mut draft = Draft::new(world.memory.as_ref(), *controller);
            let moment = if *cohort == Cohort(682) { "2026-11-22" } else { "2026-12-12" };
            let data_key = keys_of(*controller)
                .data_key_for_writing(&mut draft, *owner, category, moment.parse().unwrap())
                .await
                .unwrap();
            let place = Place { controller: *sealed_at, row, field };
            let sealed = data_key.seal(&place, b"the true value").unwrap();
            for (of, other_row, other_field) in &places {
                let other = Place { controller: *of, row: other_row, field: other_field };
                let is_there = (of, other_row, other_field) == (sealed_at, row, field);
                // With the key that sealed it, wherever the value is taken to.
                match keys_of(*of).open(key_place, Some(key_row), &other, &sealed) {
                    Ok(text) => {
                        assert!(is_there && text.as_slice() == b"the true value");
                        opened += 1;
                    }
                    Err(EncryptionError::Authentication) if !is_there => refused += 1,
                    Err(error) => panic!("{other:?}: {error:?}"),
                }
            }
            // With every other key, in its own place.
            for (of, other_key, other_row) in &sealing {
                if (of, other_key) == (controller, key_place) {
                    continue;
                }
                let Key::DataKey { cohort, .. } = other_key else { panic!() };
                let claimed = Sealed { cohort: *cohort, ..sealed.clone() };
                let mut relabelled = other_row.clone();
                relabelled.versions[0].version = crate::world::version_of(&sealed);
                for row in [other_row, &relabelled] {
                    assert!(keys_of(*of).open(other_key, Some(row), &place, &claimed).is_err());
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(opened, 16 * 68);
    assert!(refused > 150_000, "{refused}");
}

#[tokio::test]
async fn clause_5_a_a_value_does_not_open_under_another_version_of_its_key() {
    let world = World::new(123).await;
    let first = world.write(A, 1, "first").await;
    let mut row = world.data_key_row(A, &first.data_key).await.unwrap();
    row.versions[0].seals = u64::MAX;
    put(&world, A, &first.data_key, row.into()).await;
    let second = world.write(A, 1, "second").await;
    let row = world.data_key_row(A, &first.data_key).await.unwrap();
    let keys = world.keys(A).await;
    for (value, other) in [(&first, &second), (&second, &first)] {
        let Body::RecordRevision(stored) = body_of(&world, A, &value.row).await else { panic!() };
        let at = Place { controller: A, row: &value.row, field: FIELD };
        let mut relabelled = stored.value.clone();
        relabelled.envelope[2..6].copy_from_slice(&other.key_version.to_be_bytes());
        let outcome = keys.open(&value.data_key, Some(&row), &at, &relabelled);
        assert!(matches!(outcome, Err(EncryptionError::Authentication)));
        // The versions change places in the row of the key.
        let mut swapped = row.clone();
        let versions: Vec<u32> = row.versions.iter().map(|version| version.version).collect();
        swapped.versions[0].version = versions[1];
        swapped.versions[1].version = versions[0];
        let outcome = keys.open(&value.data_key, Some(&swapped), &at, &stored.value);
        assert!(matches!(outcome, Err(EncryptionError::Authentication)));
    }
}

/// A wrapped key and how it is named in its own row.
struct Wrapped {
    controller: ControllerId,
    key: Key,
    version: u32,
    wrapped: WrappedKey,
}

fn with_wrapped(body: &Body, wrapped: &WrappedKey, version: u32) -> Body {
    match body.clone() {
        Body::IndexKey(row) => IndexKeyRow { key: wrapped.clone(), ..row }.into(),
        Body::LogKey(row) => LogKeyRow { key: wrapped.clone(), ..row }.into(),
        Body::DataKey(row) => {
            let only = DataKeyVersion { version, key: wrapped.clone(), ..row.versions[0].clone() };
            DataKeyRow { versions: vec![only] }.into()
        }
        Body::TenantKey(row) => TenantKeyRow { key: wrapped.clone(), ..row }.into(),
        other => panic!("{other:?}"),
    }
}

/// Whether every key of the controller opens: an export looks at each of them.
async fn all_keys_open(world: &World) -> Result<(), EncryptionError> {
    let process: Encryption = world.process(world.memory.clone());
    process.export_keys(&mut ExportBuffer::default()).await.map(drop)
}

#[tokio::test]
async fn clause_5_a_a_wrapped_key_that_was_moved_to_any_other_row_does_not_open() {
    let world = World::new(124).await;
    let mut wrapped = Vec::new();
    for (controller, person) in [(A, 1), (A, 2), (B, 1)] {
        for category in [DataCategory::contact(), DataCategory::consent_evidence()] {
            world.write_in(&world.encryption, controller, person, &category, "text").await;
        }
    }
    for controller in [A, B] {
        let tenant_key = tenant_key_of(&world, controller, 1).await;
        for shard in [0, 1] {
            let key = Key::LogKey { shard, version: 1 };
            let row = LogKeyRow {
                created_at: world.clock.now(),
                verifier_key: "example.org/log+00000000+AQ==".to_owned(),
                key: stranger::wrap(&tenant_key, 1, &encode_key(controller, &key), 1, &[7; 32], [1; 12]),
                retired_at: None,
            };
            put(&world, controller, &key, row.into()).await;
        }
    }
    all_keys_open(&world).await.unwrap();
    for (controller, record) in rows_of(world.memory.as_ref()).await {
        let found = match (&record.key, &record.body) {
            (
                Key::IndexKey(version) | Key::TenantKey(version),
                Body::IndexKey(IndexKeyRow { key, .. }) | Body::TenantKey(TenantKeyRow { key, .. }),
            ) => (*version, key),
            (Key::LogKey { version, .. }, Body::LogKey(row)) => (*version, &row.key),
            (Key::DataKey { .. }, Body::DataKey(row)) => (row.versions[0].version, &row.versions[0].key),
            _ => continue,
        };
        wrapped.push(Wrapped {
            controller,
            key: record.key.clone(),
            version: found.0,
            wrapped: found.1.clone(),
        });
    }
    assert_eq!(wrapped.len(), 6 + 4 + 3 + 3);

    let mut refused = 0;
    for from in &wrapped {
        for to in &wrapped {
            if (from.controller, &from.key) == (to.controller, &to.key) {
                continue;
            }
            let original = body_of(&world, to.controller, &to.key).await;
            // Whichever number the thief gives it.
            for version in [from.version, to.version] {
                put(&world, to.controller, &to.key, with_wrapped(&original, &from.wrapped, version)).await;
                assert!(all_keys_open(&world).await.is_err(), "{:?} as {:?}", from.key, to.key);
                refused += 1;
            }
            put(&world, to.controller, &to.key, original).await;
        }
    }
    assert_eq!(refused, 16 * 15 * 2);
    all_keys_open(&world).await.unwrap();
}

#[tokio::test]
async fn a_wrapped_key_from_before_a_rotation_does_not_open_after_it() {
    let world = World::new(125).await;
    let value = world.write(A, 1, "text").await;
    let before = world.data_key_row(A, &value.data_key).await.unwrap();
    world.rotate_tenant(A).await;
    put(&world, A, &value.data_key, before.clone().into()).await;
    assert!(matches!(world.read(&value).await, Err(EncryptionError::KeyMissing)));
    let mut relabelled = before;
    "2".clone_into(&mut relabelled.versions[0].key.wrapped_by);
    put(&world, A, &value.data_key, relabelled.into()).await;
    assert!(matches!(world.read(&value).await, Err(EncryptionError::Authentication)));
}

#[tokio::test]
async fn the_tenant_key_of_another_version_or_controller_is_refused() {
    let world = World::new(126).await;
    world.rotate_tenant(A).await;
    world.rotate_tenant(B).await;
    for (controller, version) in [(B, 2), (SYSTEM, 1)] {
        let Body::TenantKey(row) = body_of(&world, controller, &Key::TenantKey(version)).await else {
            panic!()
        };
        let original = body_of(&world, A, &Key::TenantKey(2)).await;
        put(&world, A, &Key::TenantKey(2), row.into()).await;
        let outcome = world.process(world.memory.clone()).tenant(A).await;
        assert!(matches!(outcome, Err(EncryptionError::Provider(_))), "{outcome:?}");
        put(&world, A, &Key::TenantKey(2), original).await;
    }
    let keys: Arc<TenantKeys> = world.process(world.memory.clone()).tenant(A).await.unwrap();
    assert_eq!(keys.controller(), A);
    assert!(IndexKeyRow::of(&body_of(&world, A, &Key::IndexKey(1)).await).is_some());
}
