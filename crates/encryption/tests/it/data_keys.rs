//! Tenant keys, index keys and data keys.

use std::sync::Arc;
use std::time::Duration;

use wzapi_encryption::data_key::cohort_of;
use wzapi_encryption::shredding::{
    is_retired, is_sealed_by_newest, stage_destruction_of_former, stage_retirement,
};
use wzapi_encryption::{EncryptionError, Place, TenantKeys};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_model::time::Clock;
use wzapi_storage::key::{Cohort, Key};
use wzapi_storage::row::{DataKeyRow, Sealed};
use wzapi_storage::{Draft, StorageError};

use crate::world::{A, B, World, owner, subject, version_of};

/// Makes a data key if there is none; its place, its row, and a value that it sealed for the person's own row.
async fn data_key(world: &World, controller: ControllerId, person: u8) -> (Key, DataKeyRow, Sealed) {
    let category = DataCategory::contact();
    let mut draft = Draft::new(world.memory.as_ref(), controller);
    let keys = world.keys(controller).await;
    let data_key =
        keys.data_key_for_writing(&mut draft, owner(person), &category, world.clock.now()).await.unwrap();
    let row = Key::Subject(subject(person));
    let sealed = data_key.seal(&Place { controller, row: &row, field: "name" }, b"Ada").unwrap();
    if !draft.is_unchanged() {
        world.commit(draft).await.unwrap();
    }
    let place = TenantKeys::data_key_of(owner(person), &category, &sealed);
    let row = world.data_key_row(controller, &place).await.unwrap();
    (place, row, sealed)
}

fn only_version(row: &DataKeyRow) -> &wzapi_storage::row::DataKeyVersion {
    assert_eq!(row.versions.len(), 1);
    &row.versions[0]
}

#[tokio::test]
async fn an_unregistered_controller_has_no_keys() {
    let world = World::new(1).await;
    let unknown = ControllerId::from_bytes([0xc; 16]);
    assert!(matches!(world.encryption.tenant(unknown).await, Err(EncryptionError::UnknownController)));
}

#[tokio::test]
async fn keys_of_one_controller_write_nothing_into_a_draft_of_another() {
    let world = World::new(12).await;
    let mut draft = Draft::new(world.memory.as_ref(), B);
    let (keys, now) = (world.keys(A).await, world.clock.now());
    let made = keys.data_key_for_writing(&mut draft, owner(1), &DataCategory::contact(), now).await;
    assert!(matches!(made, Err(EncryptionError::NotLoaded(_))));
    assert!(draft.is_unchanged());
}

#[tokio::test]
async fn the_keys_of_a_controller_are_made_once_and_never_replaced() {
    let world = World::new(13).await;
    let value = world.write(A, 1, "text").await;
    let mut draft = Draft::new(world.memory.as_ref(), A);
    let outcome = world.encryption.create_tenant(&mut draft).await;
    assert!(matches!(outcome, Err(EncryptionError::KeysChanged)));
    assert!(draft.is_unchanged());
    world.assert_living(&[value]).await;

    // Of two that register a controller at once, one does.
    let c = ControllerId::from_bytes([0xc; 16]);
    let mut drafts: Vec<Draft<'_>> = (0..2).map(|_| Draft::new(world.memory.as_ref(), c)).collect();
    for draft in &mut drafts {
        world.encryption.create_tenant(draft).await.unwrap();
    }
    let mut committed = 0;
    for draft in drafts {
        committed += u32::from(world.commit(draft).await.is_ok());
    }
    assert_eq!(committed, 1);
}

#[tokio::test]
async fn clause_5_a_each_person_category_and_month_has_a_key_of_its_own() {
    let world = World::new(2).await;
    let (_, first, _) = data_key(&world, A, 1).await;
    let (_, again, _) = data_key(&world, A, 1).await;
    assert_eq!(first, again, "within a month the key is made once");
    let (_, other, _) = data_key(&world, A, 2).await;
    assert_ne!(only_version(&first).key.commitment, only_version(&other).key.commitment);
    world.clock.advance(Duration::from_secs(31 * 24 * 3600));
    let (next_month, later, _) = data_key(&world, A, 1).await;
    assert_ne!(only_version(&first).key.commitment, only_version(&later).key.commitment);
    assert!(matches!(next_month, Key::DataKey { cohort: Cohort(683), .. }), "December 2026");

    let mut draft = Draft::new(world.memory.as_ref(), A);
    let keys = world.keys(A).await;
    let now = world.clock.now();
    keys.data_key_for_writing(&mut draft, owner(1), &DataCategory::accountability(), now).await.unwrap();
    assert!(!draft.is_unchanged(), "another category, another key");
}

#[tokio::test]
async fn clause_5_a_a_wrapped_data_key_opens_in_its_own_row_only() {
    let world = World::new(3).await;
    let (place, row, sealed) = data_key(&world, A, 1).await;
    let (other_place, other_row, _) = data_key(&world, A, 2).await;
    let (a, b) = (world.keys(A).await, world.keys(B).await);
    let in_row = Key::Subject(subject(1));
    let at = |controller| Place { controller, row: &in_row, field: "name" };
    assert_eq!(a.open(&place, Some(&row), &at(A), &sealed).unwrap().as_slice(), b"Ada");

    let mut relabelled = other_row.clone();
    relabelled.versions[0].version = version_of(&sealed);
    let mut renumbered = row.clone();
    renumbered.versions[0].version ^= 1;
    let mut renumbered_envelope = sealed.clone();
    renumbered_envelope.envelope[5] ^= 1;
    let elsewhere = [
        ("the row of another person", a.open(&other_place, Some(&row), &at(A), &sealed)),
        ("another person's key", a.open(&place, Some(&relabelled), &at(A), &sealed)),
        ("another controller", b.open(&place, Some(&row), &at(B), &sealed)),
        ("another version", a.open(&place, Some(&renumbered), &at(A), &renumbered_envelope)),
        (
            "another month",
            a.open(&place, Some(&row), &at(A), &Sealed { cohort: Cohort(1), ..sealed.clone() }),
        ),
        ("no data key's row", a.open(&Key::IndexKey(1), Some(&row), &at(A), &sealed)),
    ];
    for (what, outcome) in elsewhere {
        assert!(matches!(outcome, Err(EncryptionError::Authentication)), "{what}: {outcome:?}");
    }
    let mut false_commitment = row.clone();
    false_commitment.versions[0].key.commitment[0] ^= 1;
    let opened = a.open(&place, Some(&false_commitment), &at(A), &sealed);
    assert!(matches!(opened, Err(EncryptionError::Authentication)), "the commitment is authenticated");
}

#[tokio::test]
async fn a_key_that_is_not_there_is_told_from_one_that_is_newer_than_what_this_process_knows() {
    let world = World::new(4).await;
    let (place, row, sealed) = data_key(&world, A, 1).await;
    let in_row = Key::Subject(subject(1));
    let at = Place { controller: A, row: &in_row, field: "name" };
    let keys = world.keys(A).await;
    assert!(matches!(keys.open(&place, None, &at, &sealed), Err(EncryptionError::KeyMissing)));
    let made_anew = DataKeyRow { versions: vec![] };
    assert!(matches!(keys.open(&place, Some(&made_anew), &at, &sealed), Err(EncryptionError::KeyMissing)));

    let wrapped_by = |version: &str| {
        let mut row = row.clone();
        version.clone_into(&mut row.versions[0].key.wrapped_by);
        keys.open(&place, Some(&row), &at, &sealed)
    };
    assert!(matches!(wrapped_by("0"), Err(EncryptionError::KeyMissing)), "an older tenant key is gone");
    assert!(matches!(wrapped_by("one"), Err(EncryptionError::Corrupt)));
    assert!(matches!(wrapped_by("7"), Err(EncryptionError::KeysChanged)), "a newer one is to be loaded");
    assert!(!Arc::ptr_eq(&keys, &world.keys(A).await), "and is loaded by whoever asks next");
}

#[tokio::test]
async fn two_writers_that_both_make_the_key_do_not_both_commit() {
    let world = World::new(5).await;
    let (category, now) = (DataCategory::contact(), world.clock.now());
    let keys = world.keys(A).await;
    let mut first = Draft::new(world.memory.as_ref(), A);
    let mut second = Draft::new(world.memory.as_ref(), A);
    keys.data_key_for_writing(&mut first, owner(1), &category, now).await.unwrap();
    keys.data_key_for_writing(&mut second, owner(1), &category, now).await.unwrap();
    world.commit(first).await.unwrap();
    assert!(matches!(world.commit(second).await, Err(StorageError::Conflict { .. })));
}

#[tokio::test]
async fn what_was_sealed_under_a_destroyed_key_cannot_be_committed_any_more() {
    let world = World::new(6).await;
    let (place, _, _) = data_key(&world, A, 1).await;
    let row = Key::Subject(subject(1));
    let keys = world.keys(A).await;

    // A writer has the key in hand while somebody destroys it.
    let mut writer = Draft::new(world.memory.as_ref(), A);
    let now = world.clock.now();
    let data_key =
        keys.data_key_for_writing(&mut writer, owner(1), &DataCategory::contact(), now).await.unwrap();
    data_key.seal(&Place { controller: A, row: &row, field: "x" }, b"late").unwrap();
    let mut eraser = Draft::new(world.memory.as_ref(), A);
    wzapi_encryption::shredding::stage_destruction(&mut eraser, [place]).await.unwrap();
    world.commit(eraser).await.unwrap();
    assert!(matches!(world.commit(writer).await, Err(StorageError::Conflict { .. })));
}

#[tokio::test]
async fn a_key_that_is_made_after_a_destruction_does_not_stand_for_the_old_one() {
    let world = World::new(7).await;
    let old = world.write(A, 1, "before").await;
    world.erase(A, 1).await;
    let new = world.write(A, 1, "after").await;
    assert_eq!(old.data_key, new.data_key, "the same person, category and month");
    assert_ne!(old.key_version, new.key_version);
    world.assert_dead(std::slice::from_ref(&old)).await;
    world.assert_living(std::slice::from_ref(&new)).await;
}

#[tokio::test]
async fn destruction_takes_every_key_of_the_person_and_nothing_of_anybody_else() {
    let world = World::new(8).await;
    let mut erased = Vec::new();
    let mut kept =
        vec![world.write(A, 2, "another person").await, world.write(B, 1, "another controller").await];
    for month in 0..3 {
        for category in [DataCategory::contact(), DataCategory::consent_evidence()] {
            let text = format!("month {month}");
            erased.push(world.write_in(&world.encryption, A, 1, &category, &text).await);
        }
        world.clock.advance(Duration::from_secs(31 * 24 * 3600));
    }
    let places = wzapi_encryption::shredding::data_keys_of(world.memory.as_ref(), A, owner(1)).await.unwrap();
    assert_eq!(places.len(), 6);
    kept.push(world.write(A, 3, "a third person").await);
    world.erase(A, 1).await;
    world.assert_dead(&erased).await;
    world.assert_living(&kept).await;

    let mut draft = Draft::new(world.memory.as_ref(), A);
    let others = [places[0].clone(), Key::TenantKey(1), Key::IndexKey(1), Key::Controller];
    wzapi_encryption::shredding::stage_destruction(&mut draft, others).await.unwrap();
    assert_eq!(draft.staged_len(), 1, "it destroys data keys and nothing else");
}

#[tokio::test]
async fn keys_are_unwrapped_anew_after_their_time() {
    let world = World::new(9).await;
    let (first, second) = (world.keys(A).await, world.keys(A).await);
    assert!(Arc::ptr_eq(&first, &second));
    world.clock.advance(Duration::from_secs(601));
    let later = world.keys(A).await;
    assert!(!Arc::ptr_eq(&first, &later));
    let identifier = Identifier::parse_recipient("+91 98765 43210").unwrap();
    assert_eq!(first.identifier_indexes(&identifier), later.identifier_indexes(&identifier));
}

#[tokio::test]
async fn the_same_person_at_two_controllers_has_unrelated_indexes() {
    let world = World::new(10).await;
    let identifier = Identifier::parse_recipient("+91 98765 43210").unwrap();
    let (a, b) = (world.keys(A).await, world.keys(B).await);
    assert_ne!(a.identifier_indexes(&identifier), b.identifier_indexes(&identifier));
}

#[tokio::test]
async fn debug_output_shows_no_key() {
    let world = World::new(11).await;
    let (_, row, sealed) = data_key(&world, A, 1).await;
    let mut draft = Draft::new(world.memory.as_ref(), A);
    let keys = world.keys(A).await;
    let now = world.clock.now();
    let data_key =
        keys.data_key_for_writing(&mut draft, owner(1), &DataCategory::contact(), now).await.unwrap();
    assert_eq!(format!("{data_key:?}"), format!("DataKey {{ version: {}, .. }}", only_version(&row).version));
    assert_eq!(format!("{keys:?}"), format!("TenantKeys {{ controller: {A:?}, .. }}"));
    assert_eq!(format!("{:?}", world.encryption), "Encryption { .. }");
    assert_eq!(format!("{sealed:?}"), format!("Sealed({} bytes)", sealed.envelope.len()));
    assert!(!format!("{row:?}").contains("wrapped:"), "{row:?}");
}

#[test]
fn cohorts_are_calendar_months() {
    for (moment, months) in [
        ("1970-01-31T23:59:59Z", 0),
        ("1970-02-01T00:00:00Z", 1),
        ("2024-02-29T12:00:00Z", 54 * 12 + 1),
        ("2026-12-31T23:59:59Z", 56 * 12 + 11),
    ] {
        assert_eq!(cohort_of(moment.parse().unwrap()), Cohort(months), "{moment}");
    }
}

#[tokio::test]
async fn a_retired_key_still_opens_and_is_renewed_by_whoever_seals_next() {
    let world = World::new(80).await;
    let (category, now) = (DataCategory::contact(), world.clock.now());
    let keys = world.keys(A).await;
    let row = Key::Subject(subject(1));
    let at = Place { controller: A, row: &row, field: "x" };
    let mut draft = Draft::new(world.memory.as_ref(), A);
    let data_key = keys.data_key_for_writing(&mut draft, owner(1), &category, now).await.unwrap();
    let sealed = data_key.seal(&at, b"kept").unwrap();
    world.commit(draft).await.unwrap();
    let place = TenantKeys::data_key_of(owner(1), &category, &sealed);

    // Somebody who has the key in hand while it is retired has to begin again.
    let mut writer = Draft::new(world.memory.as_ref(), A);
    keys.data_key_for_writing(&mut writer, owner(1), &category, now).await.unwrap();
    let mut draft = Draft::new(world.memory.as_ref(), A);
    stage_retirement(&mut draft, &place).await.unwrap();
    world.commit(draft).await.unwrap();
    assert!(matches!(world.commit(writer).await, Err(StorageError::Conflict { .. })));

    let mut draft = Draft::new(world.memory.as_ref(), A);
    stage_retirement(&mut draft, &place).await.unwrap();
    assert!(draft.is_unchanged(), "it is retired already");
    let retired = draft.row::<DataKeyRow>(&place).unwrap().unwrap();
    assert!(is_retired(retired) && is_sealed_by_newest(retired, &sealed));
    assert_eq!(keys.open(&place, Some(retired), &at, &sealed).unwrap().as_slice(), b"kept");

    keys.data_key_for_writing(&mut draft, owner(1), &category, now).await.unwrap();
    let renewed = draft.row::<DataKeyRow>(&place).unwrap().unwrap().clone();
    assert!(renewed.versions.len() == 2 && !is_retired(&renewed) && !is_sealed_by_newest(&renewed, &sealed));
    assert_eq!(keys.open(&place, Some(&renewed), &at, &sealed).unwrap().as_slice(), b"kept");
    world.commit(draft).await.unwrap();

    let mut draft = Draft::new(world.memory.as_ref(), A);
    stage_destruction_of_former(&mut draft, &place).await.unwrap();
    let left = draft.row::<DataKeyRow>(&place).unwrap().unwrap();
    assert_eq!(left.versions, renewed.versions[..1]);
    assert!(matches!(keys.open(&place, Some(left), &at, &sealed), Err(EncryptionError::KeyMissing)));

    let mut draft = Draft::new(world.memory.as_ref(), A);
    let nowhere = Key::DataKey { owner: owner(2), category, cohort: Cohort(0) };
    stage_retirement(&mut draft, &nowhere).await.unwrap();
    stage_destruction_of_former(&mut draft, &nowhere).await.unwrap();
    assert!(draft.is_unchanged(), "there is nothing to retire");
}
