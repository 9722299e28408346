//! How much one data key may seal, and that no nonce comes twice.

use std::sync::Arc;

use wzapi_encryption::data_key::MAX_SEALS_AT_A_TIME;
use wzapi_encryption::envelope::{MAX_PLAINTEXT, OVERHEAD};
use wzapi_encryption::{DataKey, EncryptionError, Place};
use wzapi_model::name::DataCategory;
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::Clock;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::{DataKeyRow, Record};

use crate::world::{A, MemoryProvider, World, owner, put_rows, subject};

/// What an estimate from above may reach before a key is not used any more.
const MAX_SEALS: u64 = 1 << 31;

/// Takes the data key of a person, as every engine does before it seals, and commits what that staged.
async fn take(world: &World, person: u8) -> DataKey {
    let keys = world.keys(A).await;
    let mut draft = Draft::new(world.memory.as_ref(), A);
    let (category, now) = (DataCategory::contact(), world.clock.now());
    let data_key = keys.data_key_for_writing(&mut draft, owner(person), &category, now).await.unwrap();
    if !draft.is_unchanged() {
        world.commit(draft).await.unwrap();
    }
    data_key
}

async fn row(world: &World, place: &Key) -> DataKeyRow {
    world.data_key_row(A, place).await.unwrap()
}

async fn set_seals(world: &World, place: &Key, seals: u64) {
    let mut row = row(world, place).await;
    row.versions[0].seals = seals;
    let record = Record { key: place.clone(), due_at: None, body: row.into() };
    put_rows(world.memory.as_ref(), vec![(A, record)]).await;
}

#[tokio::test]
async fn clause_5_a_a_million_seals_under_one_key_repeat_no_nonce() {
    let entropy = Arc::new(SystemEntropy::new());
    let world = World::with(Arc::new(MemoryProvider::new(entropy.clone())), entropy).await;
    let in_row = Key::Subject(subject(1));
    let place = Place { controller: A, row: &in_row, field: "name" };
    let mut nonces: Vec<[u8; 12]> = Vec::with_capacity(1_000_000);
    let mut version = None;
    while nonces.len() < 1_000_000 {
        let data_key = take(&world, 1).await;
        for _ in 0..MAX_SEALS_AT_A_TIME {
            let envelope = data_key.seal(&place, b"").unwrap().envelope;
            nonces.push(envelope[6..18].try_into().unwrap());
            assert_eq!(version.get_or_insert(envelope[2..6].to_vec()), &envelope[2..6], "one key");
        }
    }
    assert_eq!(nonces.len(), 1_000_000);
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 1_000_000);
    // Every byte of them is random: each takes all of its values.
    for place in 0..12 {
        let mut seen = [0_u32; 256];
        nonces.iter().for_each(|nonce| seen[usize::from(nonce[place])] += 1);
        // 3,906 are expected of each value, with a standard deviation of 62.
        assert!(seen.iter().all(|count| (3_400..4_400).contains(count)), "byte {place}");
    }
}

#[tokio::test]
async fn an_unwrapped_key_seals_so_much_and_no_more() {
    let world = World::new(110).await;
    let in_row = Key::Subject(subject(1));
    let place = Place { controller: A, row: &in_row, field: "name" };
    let data_key = take(&world, 1).await;
    for _ in 0..MAX_SEALS_AT_A_TIME {
        data_key.seal(&place, b"text").unwrap();
    }
    for _ in 0..3 {
        assert!(matches!(data_key.seal(&place, b"text"), Err(EncryptionError::Exhausted)));
    }
    assert!(take(&world, 1).await.seal(&place, b"text").is_ok(), "it is taken anew");
}

#[tokio::test]
async fn a_value_is_sealed_up_to_its_bound() {
    let world = World::new(111).await;
    let in_row = Key::Subject(subject(1));
    let at = Place { controller: A, row: &in_row, field: "name" };
    let data_key = take(&world, 1).await;
    let longest = vec![7; MAX_PLAINTEXT];
    let sealed = data_key.seal(&at, &longest).unwrap();
    assert_eq!(sealed.envelope.len(), MAX_PLAINTEXT + OVERHEAD);
    let place = wzapi_encryption::TenantKeys::data_key_of(owner(1), &DataCategory::contact(), &sealed);
    let keys = world.keys(A).await;
    let opened = keys.open(&place, Some(&row(&world, &place).await), &at, &sealed).unwrap();
    assert!(opened.as_slice() == longest);
    let too_long = vec![7; MAX_PLAINTEXT + 1];
    assert!(matches!(data_key.seal(&at, &too_long), Err(EncryptionError::TooLong)));
    assert!(data_key.seal(&at, b"").unwrap().envelope.len() == OVERHEAD);
}

#[tokio::test]
async fn what_a_key_sealed_is_counted_by_sample_and_from_above() {
    let world = World::new(112).await;
    let first = world.write(A, 1, "makes the key").await;
    let mut changes = 0;
    const TAKINGS: u64 = 40_000;
    let mut before = 0;
    for _ in 0..TAKINGS {
        drop(take(&world, 1).await);
        let now = row(&world, &first.data_key).await.versions[0].seals;
        if now != before {
            changes += 1;
            assert_eq!(now - before, 1024 * u64::from(MAX_SEALS_AT_A_TIME), "as if all had sealed the most");
            before = now;
        }
    }
    // 39 are expected, with a standard deviation of 6.2; the seed is fixed.
    assert!((20..60).contains(&changes), "{changes}");
    let estimate = before as f64 / (TAKINGS as f64 * f64::from(MAX_SEALS_AT_A_TIME));
    assert!((0.5..1.5).contains(&estimate), "{estimate}");
}

#[tokio::test]
async fn a_key_that_sealed_as_much_as_it_may_gets_a_second_version_and_both_open() {
    let world = World::new(113).await;
    let mut values = vec![world.write(A, 1, "under the first version").await];
    let place = values[0].data_key.clone();
    set_seals(&world, &place, MAX_SEALS - 1).await;
    values.push(world.write(A, 1, "the last under the first version").await);
    assert_eq!(values[1].key_version, values[0].key_version);

    set_seals(&world, &place, MAX_SEALS).await;
    values.push(world.write(A, 1, "under the second version").await);
    assert_ne!(values[2].key_version, values[0].key_version);
    let stored = row(&world, &place).await;
    let versions: Vec<u32> = stored.versions.iter().map(|version| version.version).collect();
    assert_eq!(versions, [values[2].key_version, values[0].key_version], "newest first");
    assert_eq!(stored.versions[0].seals, 0);
    world.assert_living(&values).await;

    values.push(world.write(A, 1, "still under the second").await);
    assert_eq!(values[3].key_version, values[2].key_version);
    world.rotate_tenant(A).await;
    world.assert_living(&values).await;
    world.rotate_epoch().await;
    world.assert_living(&values).await;
    world.erase(A, 1).await;
    world.assert_dead(&values).await;
}

#[tokio::test]
async fn two_that_make_the_second_version_at_once_do_not_both_commit() {
    let world = World::new(114).await;
    let first = world.write(A, 1, "text").await;
    set_seals(&world, &first.data_key, MAX_SEALS).await;
    let keys = world.keys(A).await;
    let (category, now) = (DataCategory::contact(), world.clock.now());
    let mut drafts: Vec<Draft<'_>> = (0..2).map(|_| Draft::new(world.memory.as_ref(), A)).collect();
    for draft in &mut drafts {
        keys.data_key_for_writing(draft, owner(1), &category, now).await.unwrap();
    }
    let mut committed = 0;
    for draft in drafts {
        committed += u32::from(world.commit(draft).await.is_ok());
    }
    assert_eq!(committed, 1);
    assert_eq!(row(&world, &first.data_key).await.versions.len(), 2);
}

#[tokio::test]
async fn versions_are_random_so_that_none_comes_twice() {
    let world = World::new(115).await;
    let mut versions = std::collections::BTreeSet::new();
    for round in 0..300 {
        let value = world.write(A, 1, &format!("round {round}")).await;
        assert!(value.key_version >= 1 << 31);
        assert!(versions.insert(value.key_version));
        world.erase(A, 1).await;
    }
}
