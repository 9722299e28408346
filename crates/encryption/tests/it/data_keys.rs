//! Tenant keys, index keys and data keys.

use std::sync::Arc;
use std::time::Duration;

use wzapi_encryption::tenant::cohort_of;
use wzapi_encryption::{Encryption, EncryptionError, LocalKeyring, Place, TenantKeys};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ChangesetId, ControllerId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::{Clock, ManualClock};
use wzapi_storage::key::{Cohort, Key, Owner};
use wzapi_storage::row::{DataKeyRow, RowType};
use wzapi_storage::{Draft, Storage, StorageError};
use wzapi_storage_memory::MemoryStorage;

const A: ControllerId = ControllerId::from_bytes([0xa; 16]);
const B: ControllerId = ControllerId::from_bytes([0xb; 16]);

struct World {
    storage: Arc<MemoryStorage>,
    encryption: Encryption,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

fn person(number: u8) -> Owner {
    Owner::Subject(SubjectId::from_bytes([number; 16]))
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(SystemEntropy::new());
        let keyring = LocalKeyring::open_or_create(&folder.path().join("keyring"), entropy.clone()).unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-22T12:00:00Z".parse().unwrap()));
        let storage = Arc::new(MemoryStorage::new());
        let encryption = Encryption::new(storage.clone(), Arc::new(keyring), clock.clone(), entropy);
        let world = Self { storage, encryption, clock, _folder: folder };
        for controller in [A, B] {
            let mut draft = Draft::new(world.storage.as_ref(), controller);
            world.encryption.create_tenant(&mut draft).await.unwrap();
            world.commit(draft).await.unwrap();
        }
        world
    }

    async fn commit(&self, draft: Draft<'_>) -> Result<(), StorageError> {
        let id = ChangesetId::generate(&SystemEntropy::new()).unwrap();
        self.storage.commit(draft.into_changeset(id, self.clock.now())).await.map(drop)
    }

    async fn keys(&self, controller: ControllerId) -> Arc<TenantKeys> {
        self.encryption.tenant(controller).await.unwrap()
    }

    /// Makes a data key and gives its row.
    async fn data_key(&self, controller: ControllerId, owner: Owner) -> (Key, DataKeyRow) {
        let category = DataCategory::contact();
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        let keys = self.keys(controller).await;
        keys.data_key_for_writing(&mut draft, owner, &category, self.clock.now()).await.unwrap();
        if !draft.is_unchanged() {
            self.commit(draft).await.unwrap();
        }
        let key = Key::DataKey { owner, category, cohort: cohort_of(self.clock.now()) };
        let stored =
            self.storage.get(controller, std::slice::from_ref(&key)).await.unwrap().remove(0).unwrap();
        (key, DataKeyRow::of(&stored.body).unwrap().clone())
    }
}

#[tokio::test]
async fn an_unregistered_controller_has_no_keys() {
    let world = World::new().await;
    let unknown = ControllerId::from_bytes([0xc; 16]);
    assert!(matches!(world.encryption.tenant(unknown).await, Err(EncryptionError::UnknownController)));
}

#[tokio::test]
async fn clause_5_a_each_person_category_and_month_has_a_key_of_its_own() {
    let world = World::new().await;
    let (_, first) = world.data_key(A, person(1)).await;
    let (_, again) = world.data_key(A, person(1)).await;
    assert_eq!(first, again, "within a month the key is made once");
    let (_, other) = world.data_key(A, person(2)).await;
    assert_ne!(first.key.commitment, other.key.commitment);
    world.clock.advance(Duration::from_secs(31 * 24 * 3600));
    let (next_month, later) = world.data_key(A, person(1)).await;
    assert_ne!(first.key.commitment, later.key.commitment);
    assert!(matches!(next_month, Key::DataKey { cohort: Cohort(683), .. }), "December 2026");
}

#[tokio::test]
async fn clause_5_a_a_wrapped_data_key_opens_in_its_own_row_only() {
    let world = World::new().await;
    let (key, row) = world.data_key(A, person(1)).await;
    let (other_key, other_row) = world.data_key(A, person(2)).await;
    let keys = world.keys(A).await;
    assert!(keys.open_data_key(&key, &row).is_ok());
    let elsewhere = [
        keys.open_data_key(&other_key, &row),
        keys.open_data_key(&key, &other_row),
        world.keys(B).await.open_data_key(&key, &row),
        keys.open_data_key(&key, &DataKeyRow { version: 2, ..row.clone() }),
    ];
    for outcome in elsewhere {
        assert!(matches!(outcome, Err(EncryptionError::Authentication)));
    }
    let mut false_commitment = row.clone();
    false_commitment.key.commitment[0] ^= 1;
    assert!(keys.open_data_key(&key, &false_commitment).is_err(), "the commitment is authenticated");
    let mut gone = row;
    gone.key.wrapped_by = "7".to_owned();
    assert!(matches!(keys.open_data_key(&key, &gone), Err(EncryptionError::KeyMissing)));
}

#[tokio::test]
async fn two_writers_that_both_make_the_key_do_not_both_commit() {
    let world = World::new().await;
    let (category, now) = (DataCategory::contact(), world.clock.now());
    let keys = world.keys(A).await;
    let mut first = Draft::new(world.storage.as_ref(), A);
    let mut second = Draft::new(world.storage.as_ref(), A);
    keys.data_key_for_writing(&mut first, person(1), &category, now).await.unwrap();
    keys.data_key_for_writing(&mut second, person(1), &category, now).await.unwrap();
    world.commit(first).await.unwrap();
    assert!(matches!(world.commit(second).await, Err(StorageError::Conflict { .. })));
}

#[tokio::test]
async fn what_was_sealed_under_a_destroyed_key_cannot_be_committed_any_more() {
    let world = World::new().await;
    let (key, _) = world.data_key(A, person(1)).await;
    let place = Key::Subject(SubjectId::from_bytes([1; 16]));
    let keys = world.keys(A).await;

    // A writer has the key in hand while somebody destroys it.
    let mut writer = Draft::new(world.storage.as_ref(), A);
    let data_key = keys
        .data_key_for_writing(&mut writer, person(1), &DataCategory::contact(), world.clock.now())
        .await
        .unwrap();
    data_key.seal(&Place { controller: A, row: &place, field: "x" }, b"late").unwrap();
    let mut eraser = Draft::new(world.storage.as_ref(), A);
    eraser.load([key.clone()]).await.unwrap();
    eraser.delete(key).unwrap();
    world.commit(eraser).await.unwrap();
    assert!(matches!(world.commit(writer).await, Err(StorageError::Conflict { .. })));
}

#[tokio::test]
async fn keys_are_unwrapped_anew_after_their_time() {
    let world = World::new().await;
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
    let world = World::new().await;
    let identifier = Identifier::parse_recipient("+91 98765 43210").unwrap();
    let (a, b) = (world.keys(A).await, world.keys(B).await);
    assert_ne!(a.identifier_indexes(&identifier), b.identifier_indexes(&identifier));
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
