//! Keys through the facade: rotation, epochs, restored backups, and what nobody can have back.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::encryption::epoch::EpochReport;
use wzapi_compliance::encryption::export::KeyExportFile;
use wzapi_compliance::encryption::shredding;
use wzapi_compliance::encryption::{EncryptionError, KeyProviderError, LocalKeyring};
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::ids::{ChangesetId, SubjectId};
use wzapi_compliance::model::system::SystemEntropy;
use wzapi_compliance::storage::key::Owner;
use wzapi_compliance::storage::row::{EpochStage, WrappingKeyFate};
use wzapi_compliance::storage::{Draft, Storage};
use wzapi_compliance::storage_embedded::{EmbeddedStorage, Options};
use wzapi_compliance::vault::decision::disposition::DisposalReason;
use wzapi_compliance::vault::{RecordRef, RecordValue, VaultError};
use wzapi_compliance::{Builder, Compliance, Controller, Error};

use crate::records::{email, service, wzapi_policy};
use crate::support::{ANA, BEN, CLEO, FIRST, SHOP, World, everybody, person, register, start};

/// A data directory of the test's own, whose parts can be put together with parts of an earlier copy.
struct Directory {
    folder: tempfile::TempDir,
}

impl Directory {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn keyring(&self) -> PathBuf {
        self.folder.path().join("keyring.json")
    }

    fn export(&self) -> PathBuf {
        self.folder.path().join("newest.keys")
    }

    /// Every file as it is now, elsewhere.
    fn copy(&self) -> Self {
        let copy = Self::new();
        copy_all(self.folder.path(), copy.folder.path());
        copy
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A store and a keyring, which may be of different times.
fn builder(store: &Directory, keyring: &Directory) -> (Builder, Arc<EmbeddedStorage>) {
    let keyring = LocalKeyring::open_or_create(&keyring.keyring(), Arc::new(SystemEntropy::new())).unwrap();
    let storage = Arc::new(EmbeddedStorage::open(store.store(), Options::default()).unwrap());
    let builder = Compliance::builder()
        .storage(Arc::clone(&storage) as Arc<dyn Storage>)
        .key_provider(Arc::new(keyring))
        .policy(&wzapi_policy());
    (builder, storage)
}

async fn open(store: &Directory, keyring: &Directory) -> Result<Compliance, Error> {
    builder(store, keyring).0.build().await
}

/// One person whose data stays, one whose record is disposed of, one who is erased.
struct Filed {
    living: RecordRef,
    disposed: RecordRef,
    erased: RecordRef,
    erased_subject: SubjectId,
}

const VALUES: [&str; 3] = ["living@example.org", "disposed@example.org", "erased@example.org"];

async fn file_three(shop: &Controller) -> Filed {
    let records = shop.records();
    let mut stored = Vec::new();
    for (who, value) in [ANA, BEN, CLEO].into_iter().zip(VALUES) {
        stored.push(records.store(&everybody(), &person(who), &email(value)).await.unwrap());
    }
    let erased_subject = records.person(&everybody(), &person(CLEO)).await.unwrap().unwrap();
    let [living, disposed, erased]: [RecordRef; 3] = stored.try_into().unwrap();
    Filed { living, disposed, erased, erased_subject }
}

async fn values(shop: &Controller, filed: &Filed) -> [Option<String>; 3] {
    let mut values = Vec::new();
    for record in [&filed.living, &filed.disposed, &filed.erased] {
        values.push(match shop.records().read(&everybody(), record, &service()).await {
            Ok(opened) => match opened.value {
                RecordValue::Text(text) => Some(text),
                other => panic!("{other:?}"),
            },
            Err(Error::Vault(VaultError::Destroyed | VaultError::ReadRefused(_))) => None,
            Err(other) => panic!("{other:?}"),
        });
    }
    values.try_into().unwrap()
}

/// Destroys every key of a person, as an erasure does with its first commit.
async fn shred(storage: &dyn Storage, subject: SubjectId) {
    let owner = Owner::Subject(subject);
    let keys = shredding::data_keys_of(storage, SHOP, owner).await.unwrap();
    assert!(!keys.is_empty());
    let mut draft = Draft::new(storage, SHOP);
    shredding::stage_destruction(&mut draft, keys).await.unwrap();
    let id = ChangesetId::generate(&SystemEntropy::new()).unwrap();
    let _committed = storage.commit(draft.into_changeset(id, start())).await.unwrap();
}

async fn rotate_epoch(compliance: &Compliance, directory: &Directory) -> EpochReport {
    let mut target = KeyExportFile::create(&directory.export()).unwrap();
    compliance.keys().rotate_epoch(&everybody(), &mut target, &mut |_| {}).await.unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn clause_5_a_what_was_destroyed_cannot_be_had_with_every_earlier_file_and_the_keyring_of_today() {
    let now = Directory::new();
    let (parts, storage) = builder(&now, &now);
    let compliance = parts.build().await.unwrap();
    let shop = compliance.register_controller(&everybody(), SHOP).await.unwrap();
    let filed = file_three(&shop).await;
    assert_eq!(values(&shop, &filed).await, VALUES.map(some));
    drop((compliance, shop, storage));
    let before = now.copy();

    let (parts, storage) = builder(&now, &now);
    let compliance = parts.build().await.unwrap();
    let shop = compliance.controller(SHOP).await.unwrap();
    let reason = DisposalReason::ErasureRequested;
    let _disposed = shop.records().dispose(&everybody(), &filed.disposed, reason).await.unwrap();
    shred(storage.as_ref(), filed.erased_subject).await;
    let report = rotate_epoch(&compliance, &now).await;
    assert!(report.is_final() && report.epoch.epoch == 2, "{report:?}");
    let only_living = [some(VALUES[0]), None, None];
    assert_eq!(values(&shop, &filed).await, only_living, "the living stay readable");
    drop((compliance, shop, storage));

    // The attacker has the earlier files, and today's keyring.
    let refused = open(&before.copy(), &now).await;
    let gone =
        matches!(refused, Err(Error::Encryption(EncryptionError::Provider(KeyProviderError::NoSuchKey))));
    assert!(gone, "{refused:?}");

    // With the newest key export as well, the living come back, and only they.
    let restored = before.copy();
    let (parts, _storage) = builder(&restored, &now);
    let mut source = BufReader::new(fs::File::open(now.export()).unwrap());
    let (compliance, report) = parts.import_keys(&everybody(), &mut source, &mut |_| {}).await.unwrap();
    assert!(report.destroyed > 0 && report.living > 0, "{report:?}");
    let shop = compliance.controller(SHOP).await.unwrap();
    assert_eq!(values(&shop, &filed).await, only_living);

    // That the earlier files hold it all is shown by the keyring of their time, which is why it must go.
    let old = open(&before, &before).await.unwrap();
    assert_eq!(values(&old.controller(SHOP).await.unwrap(), &filed).await, VALUES.map(some));
}

/// Whether any file under a folder holds these bytes.
fn is_in_a_file(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            is_in_a_file(&path, needle)
        } else {
            fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
        }
    })
}

#[tokio::test]
async fn clause_5_a_no_file_of_the_data_directory_holds_a_record_or_a_number_in_clear() {
    let directory = Directory::new();
    let compliance = open(&directory, &directory).await.unwrap();
    let shop = compliance.register_controller(&everybody(), SHOP).await.unwrap();
    let filed = file_three(&shop).await;
    let records = shop.records();
    let value = RecordValue::from("corrected@example.org");
    let source = wzapi_compliance::policy::file::DataSource::Registration;
    let _corrected = records.update(&everybody(), &filed.living, &value, source).await.unwrap();
    let _report = rotate_epoch(&compliance, &directory).await;
    shop.ledger().checkpoint(&everybody()).await.unwrap();
    drop((compliance, shop));

    let planted = VALUES.into_iter().chain(["corrected@example.org", ANA, BEN, CLEO]);
    for canary in planted {
        assert!(!is_in_a_file(directory.folder.path(), canary.as_bytes()), "{canary}");
    }
    // The search finds what is there.
    fs::write(directory.store().join("control"), VALUES[0]).unwrap();
    assert!(is_in_a_file(directory.folder.path(), VALUES[0].as_bytes()));
}

#[tokio::test]
async fn rotation_changes_no_answer_and_is_recorded() {
    let directory = Directory::new();
    let compliance = open(&directory, &directory).await.unwrap();
    let shop = compliance.register_controller(&everybody(), SHOP).await.unwrap();
    register(&shop, FIRST).await.unwrap();
    let filed = file_three(&shop).await;
    let before = compliance.system_ledger().verify(&everybody()).await.unwrap().size();
    for _ in 0..3 {
        let progress = compliance.keys().rotate(&everybody(), &mut |_| {}).await.unwrap();
        assert!(progress.rewrapped > 0 && progress.controllers == 2, "{progress:?}");
        assert_eq!(values(&shop, &filed).await, VALUES.map(some));
        assert!(shop.ledger().verify(&everybody()).await.unwrap().is_sound());
    }
    let after = compliance.system_ledger().verify(&everybody()).await.unwrap();
    assert_eq!(after.size(), before + 3);

    let status = compliance.keys().status(&everybody()).await.unwrap();
    assert_eq!((status.epoch.epoch, status.epoch.stage), (1, EpochStage::Complete));
    assert!(status.tenants.iter().all(|tenant| tenant.outdated == 0 && tenant.tenant_keys.len() == 1));
}

#[tokio::test]
async fn a_second_process_with_keys_of_before_goes_on_after_a_rotation() {
    let world = World::in_memory().await.with_shops().await;
    let second = Compliance::builder()
        .storage(Arc::clone(&world.storage))
        .key_provider(Arc::clone(&world.keyring) as _)
        .clock(Arc::clone(&world.clock) as _)
        .policy(&wzapi_policy())
        .build()
        .await
        .unwrap();
    let shop = second.controller(SHOP).await.unwrap();
    let first = shop.records().store(&everybody(), &person(ANA), &email(VALUES[0])).await.unwrap();
    world.compliance.keys().rotate(&everybody(), &mut |_| {}).await.unwrap();

    let next = shop.records().store(&everybody(), &person(BEN), &email(VALUES[1])).await.unwrap();
    for (record, value) in [(&first, VALUES[0]), (&next, VALUES[1])] {
        let opened = shop.records().read(&everybody(), record, &service()).await.unwrap();
        assert_eq!(opened.value, RecordValue::from(value));
    }
    world.agrees(CLEO).await;
    assert_eq!(world.marketing(CLEO).await, [ReasonCode::ConsentGiven]);
}

#[tokio::test]
async fn every_former_wrapping_key_is_destroyed_by_a_new_epoch() {
    let directory = Directory::new();
    let compliance = open(&directory, &directory).await.unwrap();
    let report = rotate_epoch(&compliance, &directory).await;
    assert!(report.epoch.former.iter().all(|key| matches!(key.fate, WrappingKeyFate::DestroyedAt(_))));
}

#[tokio::test]
async fn clause_5_b_keys_are_managed_by_administrators_only() {
    let directory = Directory::new();
    let compliance = open(&directory, &directory).await.unwrap();
    let auditor = Actor::service("auditor", [Role::Auditor, Role::RecordKeeper, Role::Sender]).unwrap();
    let keys = compliance.keys();
    let mut target = KeyExportFile::create(&directory.export()).unwrap();
    assert!(matches!(keys.status(&auditor).await, Err(Error::Refused(_))));
    assert!(matches!(keys.rotate(&auditor, &mut |_| {}).await, Err(Error::Refused(_))));
    assert!(matches!(keys.export(&auditor, &mut target).await, Err(Error::Refused(_))));
    let refused = keys.rotate_epoch(&auditor, &mut target, &mut |_| {}).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    drop(target);
    assert!(!directory.export().exists(), "half an export is no file");
}
