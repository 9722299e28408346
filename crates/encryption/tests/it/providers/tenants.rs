//! The keys of controllers over each provider, in good and in bad weather.

use std::io;
use std::sync::Arc;

use wzapi_encryption::export::KeyExportTarget;
use wzapi_encryption::provider::{Destruction, WrappingKeyId};
use wzapi_encryption::{Encryption, EncryptionError, KeyProviderError};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::{Clock, ManualClock};
use wzapi_storage::key::Key;
use wzapi_storage::row::{DirectoryRow, TenantKeyRow};
use wzapi_storage::{Draft, Storage};
use wzapi_storage_memory::MemoryStorage;

use super::suite::{Setup, Trouble};
use super::{aws_kms, local, pkcs11, vault_transit};

const A: ControllerId = ControllerId::from_bytes([0xa; 16]);
const B: ControllerId = ControllerId::from_bytes([0xb; 16]);

/// A store whose keys a provider wraps.
struct World {
    name: &'static str,
    setup: Arc<dyn Setup>,
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
}

fn worlds() -> Vec<World> {
    let setups: [(&str, Arc<dyn Setup>); 6] = [
        ("local keyring", local::Local::plain()),
        ("local keyring with a passphrase", local::Local::with_passphrase()),
        ("AWS KMS", aws_kms::Account::single_region()),
        ("AWS KMS in two Regions", aws_kms::Account::multi_region()),
        ("Vault transit", vault_transit::Mount::new()),
        ("PKCS#11", pkcs11::Slot::with(pkcs11::Iv::IntoBuffer)),
    ];
    let world = |(name, setup)| World {
        name,
        setup,
        storage: Arc::new(MemoryStorage::new()),
        clock: Arc::new(ManualClock::at("2026-11-22T12:00:00Z".parse().unwrap())),
    };
    setups.into_iter().map(world).collect()
}

impl World {
    /// As after a restart: nothing is in memory.
    fn encryption(&self) -> Encryption {
        let entropy = Arc::new(SystemEntropy::new());
        Encryption::new(self.storage.clone(), self.setup.client(), self.clock.clone(), entropy)
    }

    async fn generate(&self) -> WrappingKeyId {
        self.setup.client().generate().await.unwrap()
    }

    async fn commit(&self, draft: Draft<'_>) {
        let id = ChangesetId::generate(&SystemEntropy::new()).unwrap();
        self.storage.commit(draft.into_changeset(id, self.clock.now())).await.map(drop).unwrap();
    }

    async fn register(&self, controller: ControllerId) {
        if !controller.is_system() {
            let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
            draft.load([Key::Directory(controller)]).await.unwrap();
            let row = DirectoryRow { registered_at: self.clock.now() };
            draft.put(Key::Directory(controller), row, None).unwrap();
            self.commit(draft).await;
        }
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        self.encryption().create_tenant(&mut draft).await.unwrap();
        self.commit(draft).await;
    }

    /// Something that only the controller's own keys give.
    async fn fingerprint(&self, controller: ControllerId) -> Result<String, EncryptionError> {
        let keys = self.encryption().tenant(controller).await?;
        let identifier = Identifier::parse_recipient("+1 555 000 1111").unwrap();
        Ok(format!("{:?}", keys.identifier_indexes(&identifier)))
    }

    async fn rows_of(&self, controller: ControllerId) -> usize {
        let keys = [Key::Controller, Key::TenantKey(1), Key::IndexKey(1)];
        self.storage.get(controller, &keys).await.unwrap().into_iter().flatten().count()
    }
}

/// What the caller may begin again later.
fn is_retryable(error: &EncryptionError) -> bool {
    matches!(error, EncryptionError::Provider(error) if error.is_retryable())
}

#[tokio::test]
async fn keys_are_made_loaded_after_a_restart_and_lost_with_their_wrapping_key() {
    for world in worlds() {
        let name = world.name;
        let old = world.generate().await;
        world.register(A).await;
        let fingerprint = world.fingerprint(A).await.unwrap();
        let held = world.encryption();
        held.tenant(A).await.unwrap();

        world.generate().await;
        world.register(B).await;
        assert_eq!(world.fingerprint(A).await.unwrap(), fingerprint, "{name}");
        assert_ne!(world.fingerprint(B).await.unwrap(), fingerprint, "{name}");

        world.setup.client().destroy(&old).await.unwrap();
        let lost = world.fingerprint(A).await.unwrap_err();
        assert!(matches!(lost, EncryptionError::Provider(KeyProviderError::NoSuchKey)), "{name}: {lost:?}");
        assert!(!is_retryable(&lost));
        assert!(world.fingerprint(B).await.is_ok(), "{name}");
        // What is in memory goes when its time is over.
        assert!(held.tenant(A).await.is_ok(), "{name}");
        world.clock.advance(std::time::Duration::from_secs(601));
        assert!(held.tenant(A).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn without_a_wrapping_key_nothing_is_made() {
    for world in worlds().into_iter().filter(|world| !world.setup.begins_with_a_key()) {
        let mut draft = Draft::new(world.storage.as_ref(), A);
        let refused = world.encryption().create_tenant(&mut draft).await.map(drop);
        assert!(
            matches!(refused, Err(EncryptionError::Provider(KeyProviderError::NoSuchKey))),
            "{}: {refused:?}",
            world.name
        );
        assert!(draft.is_unchanged());
    }
}

#[tokio::test]
async fn throttling_stops_a_registration_whole_and_trying_again_completes_it() {
    for every in [1, 2, 3, 5, 9, 12] {
        for world in worlds().into_iter().filter(|world| !world.setup.begins_with_a_key()) {
            let name = world.name;
            world.generate().await;
            assert!(world.setup.set_trouble(Some(Trouble::Throttled { every })));
            let mut completed = false;
            for _ in 0..12 {
                let mut draft = Draft::new(world.storage.as_ref(), A);
                match world.encryption().create_tenant(&mut draft).await {
                    Ok(_) => {
                        world.commit(draft).await;
                        completed = true;
                        break;
                    }
                    Err(error) => {
                        assert!(is_retryable(&error), "{name}: {error:?}");
                        assert!(draft.is_unchanged(), "{name}");
                        assert_eq!(world.rows_of(A).await, 0, "{name}");
                    }
                }
            }
            // A call in twelve: no attempt makes so many.
            assert!(completed || every < 12, "{name}");
            assert!(!completed || every > 1, "{name}");
            if !completed {
                continue;
            }
            assert_eq!(world.rows_of(A).await, 3, "{name}");
            let loaded = world.fingerprint(A).await;
            world.setup.set_trouble(None);
            let fingerprint = world.fingerprint(A).await.unwrap();
            match loaded {
                Ok(loaded) => assert_eq!(loaded, fingerprint, "{name}"),
                Err(error) => assert!(is_retryable(&error), "{name}: {error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_outage_stops_everything_and_leaves_nothing_behind() {
    for world in worlds() {
        let name = world.name;
        world.generate().await;
        world.register(A).await;
        let fingerprint = world.fingerprint(A).await.unwrap();
        let encryption = world.encryption();
        assert!(world.setup.set_trouble(Some(Trouble::Outage)));

        let mut draft = Draft::new(world.storage.as_ref(), B);
        let error = encryption.create_tenant(&mut draft).await.unwrap_err();
        assert!(is_retryable(&error), "{name}: {error:?}");
        assert!(draft.is_unchanged());
        for _ in 0..2 {
            let error = encryption.tenant(A).await.unwrap_err();
            assert!(is_retryable(&error), "{name}: {error:?}");
        }
        world.setup.set_trouble(None);
        assert!(encryption.tenant(A).await.is_ok(), "{name}: a failure is not remembered");
        assert_eq!(world.fingerprint(A).await.unwrap(), fingerprint, "{name}");
        world.register(B).await;
    }
}

#[tokio::test]
async fn a_provider_that_encrypts_and_does_not_decrypt_delays_and_loses_nothing() {
    for world in worlds() {
        let name = world.name;
        world.generate().await;
        if !world.setup.set_trouble(Some(Trouble::NoDecryption)) {
            continue;
        }
        let mut draft = Draft::new(world.storage.as_ref(), A);
        match world.encryption().create_tenant(&mut draft).await {
            Ok(_) => {
                world.commit(draft).await;
                let error = world.fingerprint(A).await.unwrap_err();
                assert!(is_retryable(&error), "{name}: {error:?}");
            }
            // It tried what it had wrapped.
            Err(error) => {
                assert!(is_retryable(&error), "{name}: {error:?}");
                assert_eq!(world.rows_of(A).await, 0, "{name}");
                continue;
            }
        }
        world.setup.set_trouble(None);
        assert!(world.fingerprint(A).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_tenant_key_moved_to_another_controller_does_not_open() {
    for world in worlds() {
        world.generate().await;
        world.register(A).await;
        world.register(B).await;
        let place = Key::TenantKey(1);
        let mut from = Draft::new(world.storage.as_ref(), A);
        from.load([place.clone()]).await.unwrap();
        let row: TenantKeyRow = from.row::<TenantKeyRow>(&place).unwrap().unwrap().clone();
        let mut to = Draft::new(world.storage.as_ref(), B);
        to.load([place.clone()]).await.unwrap();
        to.put(place, row, None).unwrap();
        world.commit(to).await;
        let error = world.fingerprint(B).await.unwrap_err();
        assert!(
            matches!(error, EncryptionError::Provider(KeyProviderError::Authentication)),
            "{}: {error:?}",
            world.name
        );
    }
}

/// An export that goes nowhere, on a medium that may be full.
struct Medium {
    is_full: bool,
}

impl KeyExportTarget for Medium {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        if self.is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn begin_new_epoch(encryption: &Encryption, is_full: bool) -> Result<(), EncryptionError> {
    encryption.rotate_epoch(&mut Medium { is_full }, &mut |_| ()).await.map(drop)
}

/// Asks until it is known.
async fn is_gone(world: &World, id: &WrappingKeyId) -> bool {
    if let Ok(Destruction::PendingUntil(moment)) = world.setup.client().destroy(id).await {
        world.setup.clock().expect("whoever waits has a clock").set(moment);
    }
    matches!(world.setup.client().destroy(id).await, Err(KeyProviderError::NoSuchKey))
}

#[tokio::test]
async fn a_new_epoch_comes_over_every_provider_in_any_weather() {
    for world in worlds() {
        let name = world.name;
        let old = world.generate().await;
        world.register(ControllerId::SYSTEM).await;
        world.register(A).await;
        let fingerprint = world.fingerprint(A).await.unwrap();
        let mut attempts = 0;
        loop {
            attempts += 1;
            assert!(attempts < 100, "{name}");
            let every = [3, 4, 5, 7, 11, 13][attempts % 6];
            world.setup.set_trouble(Some(Trouble::Throttled { every }));
            match begin_new_epoch(&world.encryption(), false).await {
                Ok(()) => break,
                Err(error) => assert!(is_retryable(&error), "{name}: {error:?}"),
            }
        }
        world.setup.set_trouble(None);
        assert_eq!(world.fingerprint(A).await.unwrap(), fingerprint, "{name}");
        assert!(is_gone(&world, &old).await, "{name}");
        assert_eq!(world.fingerprint(A).await.unwrap(), fingerprint, "{name}");
        world.register(B).await;
    }
}

#[tokio::test]
async fn a_rotation_ends_although_somebody_else_made_a_newer_wrapping_key() {
    for world in worlds() {
        let name = world.name;
        let old = world.generate().await;
        world.register(ControllerId::SYSTEM).await;
        world.register(A).await;
        let fingerprint = world.fingerprint(A).await.unwrap();
        // The epoch's key is in use and the old one not destroyed yet; another rotation that came to nothing makes a key.
        let stopped = begin_new_epoch(&world.encryption(), true).await;
        assert!(matches!(stopped, Err(EncryptionError::Export(_))), "{name}: {stopped:?}");
        let newer = world.generate().await;
        world.register(B).await;
        begin_new_epoch(&world.encryption(), false).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(is_gone(&world, &old).await, "{name}");
        // The next one takes the key that nobody uses.
        begin_new_epoch(&world.encryption(), false).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(world.setup.client().current().await.unwrap(), newer, "{name}");
        assert_eq!(world.fingerprint(A).await.unwrap(), fingerprint, "{name}");
        assert!(world.fingerprint(B).await.is_ok(), "{name}");
    }
}
