//! Rotations of many keys.

use std::sync::Arc;

use wzapi_encryption::rotation::RotationProgress;
use wzapi_encryption::{EncryptionError, TenantKeys};
use wzapi_model::entropy::Entropy;
use wzapi_model::ids::{RecordId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_model::time::Clock;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{DataKeyRow, RecordRevisionRow, RowType};

use crate::interference::{Death, Mortal};
use crate::world::{A, FIELD, Seeded, Value, World, version_of};

/// Rows of one changeset.
const BATCH: u32 = 500;

fn person(number: u32) -> SubjectId {
    let mut bytes = [0x5a; 16];
    bytes[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    SubjectId::from_bytes(bytes)
}

/// Seals one value for each of so many people.
async fn populate(world: &World, people: u32) -> Vec<Value> {
    let (keys, now) = (world.keys(A).await, world.clock.now());
    let mut values = Vec::new();
    for batch in 0..people.div_ceil(BATCH) {
        let mut draft = Draft::new(world.memory.as_ref(), A);
        for number in batch * BATCH..people.min((batch + 1) * BATCH) {
            let (subject, category) = (person(number), DataCategory::contact());
            let owner = Owner::Subject(subject);
            let data_key = keys.data_key_for_writing(&mut draft, owner, &category, now).await.unwrap();
            let row = Key::RecordRevision {
                subject,
                category: category.clone(),
                cohort: wzapi_encryption::data_key::cohort_of(now),
                record: RecordId::from_bytes([1; 16]),
                revision: 0,
            };
            let text = number.to_be_bytes().to_vec();
            let place = wzapi_encryption::Place { controller: A, row: &row, field: FIELD };
            let sealed = data_key.seal(&place, &text).unwrap();
            values.push(Value {
                controller: A,
                row: row.clone(),
                text,
                data_key: TenantKeys::data_key_of(owner, &category, &sealed),
                key_version: version_of(&sealed),
            });
            draft.load([row.clone()]).await.unwrap();
            let body = RecordRevisionRow { from: now, until: now, source: "test".to_owned(), value: sealed };
            draft.put(row, body, None).unwrap();
        }
        world.commit(draft).await.unwrap();
    }
    values
}

/// Which tenant keys wrap how many data keys.
async fn wrapped_by(world: &World) -> std::collections::BTreeMap<String, u32> {
    let mut found = std::collections::BTreeMap::new();
    let mut query = Query::kind(A, RowKind::DataKey, MAX_PAGE);
    loop {
        let page = wzapi_storage::Storage::scan(world.memory.as_ref(), &query).await.unwrap();
        for (_, stored) in &page.rows {
            for version in &DataKeyRow::of(&stored.body).unwrap().versions {
                *found.entry(version.key.wrapped_by.clone()).or_default() += 1;
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return found,
        }
    }
}

/// Rotates the keys of so many people, and kills it so many times at random; everybody is readable all the time.
async fn rotate_and_die(people: u32, deaths: u32) {
    let world = World::new(150).await;
    let values = populate(&world, people).await;
    let random = Seeded::new(151);
    let draw = |below: u32| {
        let mut bytes = [0; 4];
        random.fill(&mut bytes).unwrap();
        u32::from_be_bytes(bytes) % below
    };
    // A process that was there before, whose keys grow old, and which reads all the time.
    let long_there = Arc::new(world.process(world.memory.clone()));
    let commits = people / 256 + 3;
    let mut died = 0;
    for round in 0..deaths {
        let at = u64::from(1 + draw(commits / 2));
        let death = if round.is_multiple_of(2) { Death::Before(at) } else { Death::After(at) };
        let mortal = Mortal::new(world.memory.clone(), Some(death));
        let mut progress = RotationProgress::default();
        let outcome = world.process(mortal.clone()).rotate_tenant(A, &mut progress, &mut |_| {}).await;
        assert_eq!(outcome.is_err(), mortal.is_dead());
        died += u32::from(mortal.is_dead());
        for _ in 0..50 {
            let value = &values[usize::try_from(draw(people)).unwrap()];
            let opened = world.read_in(&long_there, value).await;
            assert_eq!(opened.as_ref().ok(), Some(&value.text), "{opened:?}");
        }
        let found = wrapped_by(&world).await;
        assert!(found.len() <= 2, "{found:?}");
        assert_eq!(found.values().sum::<u32>(), people);
    }
    assert!(died > deaths / 2, "{died}");

    let mut last = RotationProgress::default();
    let progress = {
        let mut progress = RotationProgress::default();
        world.encryption.rotate_tenant(A, &mut progress, &mut |now| last = now).await.unwrap();
        progress
    };
    assert_eq!(progress, last);
    assert_eq!(wrapped_by(&world).await.len(), 1);
    let status = world.encryption.tenant_status(A).await.unwrap();
    assert_eq!((status.data_keys, status.outdated), (u64::from(people), 0));
    for value in &values {
        let opened = world.read(value).await;
        assert_eq!(opened.as_ref().ok(), Some(&value.text), "{opened:?}");
    }
    let unknown = Value { data_key: Key::IndexKey(1), ..values[0].clone() };
    assert!(matches!(world.read(&unknown).await, Err(EncryptionError::KeyMissing)));
}

#[tokio::test]
async fn clause_5_a_a_rotation_of_thousands_of_keys_is_killed_again_and_again_and_ends() {
    rotate_and_die(5_000, 12).await;
}

#[tokio::test]
#[ignore = "takes minutes; run it by name, best with --release"]
async fn clause_5_a_a_rotation_of_100_thousand_keys_is_killed_again_and_again_and_ends() {
    rotate_and_die(100_000, 25).await;
}
