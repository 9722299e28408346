//! Records of personal data: stored sealed under a category and its purposes, read for a purpose, and disposed of with
//! their keys (policy clauses 2.a, 2.b, 3.a, 5.a, 6.b and 7.b).
//!
//! What the policy does not name is refused: a category, a purpose, a source. Full card numbers and verification values
//! are refused everywhere, and addresses are cut where the policy says so. Every change is one changeset with its ledger
//! entry, and every refused read leaves one too. `docs/vault.md` is the page for those who use it.
//!
//! | module | what is in it |
//! |---|---|
//! | [`decision`] | what may be stored, read and disposed of (pure) |
//! | [`vault`] | the operations |
//! | [`value`] | what a record holds, and its encoding |
//! | [`record`] | where a record is, and what is known of it |
//!
//! ```
//! # use std::sync::Arc;
//! # use wzapi_encryption::{Encryption, LocalKeyring};
//! # use wzapi_ledger::Ledger;
//! # use wzapi_model::ids::{ChangesetId, ControllerId, SubjectId};
//! # use wzapi_model::system::{SystemClock, SystemEntropy};
//! # use wzapi_model::Clock;
//! # use wzapi_storage::{Draft, Key, Storage, row::SubjectRow};
//! # use wzapi_storage_memory::MemoryStorage;
//! use wzapi_model::actor::Actor;
//! use wzapi_policy::file::DataSource;
//! use wzapi_vault::decision::reading::ReadRefusal;
//! use wzapi_vault::{NewRecord, Parts, RecordValue, Vault, VaultError};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
//! # let keyring = Arc::new(LocalKeyring::open_or_create(&folder.path().join("keys"), entropy.clone())?);
//! # let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
//! # let encryption = Arc::new(Encryption::new(storage.clone(), keyring, clock.clone(), entropy.clone()));
//! # let ledger = Ledger::new(storage.clone(), clock.clone(), entropy.clone());
//! # let (controller, subject) = (ControllerId::from_bytes([1; 16]), SubjectId::from_bytes([2; 16]));
//! # let mut draft = Draft::new(storage.as_ref(), controller);
//! # let keys = encryption.create_tenant(&mut draft).await?;
//! # ledger.create_log(&mut draft, &keys).await?;
//! # let now = clock.now();
//! # draft.load([Key::Subject(subject)]).await?;
//! # draft.put(Key::Subject(subject), SubjectRow::new(now), None)?;
//! # let _ = storage.commit(draft.into_changeset(ChangesetId::from_bytes([3; 16]), now)).await?;
//! let policy = Arc::new(wzapi_policy::parse(include_str!("../../../policies/wzapi.toml"), "wzapi.toml")?);
//! let vault = Vault::new(Parts { storage, encryption, ledger, clock, entropy }, policy);
//! let actor = Actor::service("signup", [])?;
//!
//! // The person is known already: here as `subject`, at `controller`.
//! let email = NewRecord::new(
//!     "email".parse()?,
//!     ["service_provision".parse()?, "billing".parse()?],
//!     DataSource::Registration,
//!     "ana@example.org",
//! );
//! let record = vault.store(controller, subject, &email, &actor).await?;
//!
//! let opened = vault.read(controller, &record, &"billing".parse()?, &actor).await?;
//! assert_eq!(opened.value, RecordValue::from("ana@example.org"));
//!
//! let refused = vault.read(controller, &record, &"marketing".parse()?, &actor).await;
//! assert!(matches!(refused, Err(VaultError::ReadRefused(ReadRefusal::OutsidePurpose))));
//! # Ok(())
//! # }
//! ```

pub mod decision;
mod error;
pub mod record;
pub mod value;
pub mod vault;

pub use decision::admission::NewRecord;
pub use error::VaultError;
pub use record::RecordRef;
pub use value::RecordValue;
pub use vault::{Options, Parts, Vault};
