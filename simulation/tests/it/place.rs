//! What the processes share: a server, a keyring file, and a controller with a sender.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use wzapi_compliance::consent::{ConsentError, NewAct, Recorded};
use wzapi_compliance::encryption::EncryptionError;
use wzapi_compliance::ledger::LedgerError;
use wzapi_compliance::location::Location;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::{ControllerId, SenderId};
use wzapi_compliance::storage::StorageError;
use wzapi_compliance::{Compliance, Controller, Error};
use xtask::postgres::{Installation, Server};

pub(crate) const SHOP: ControllerId = ControllerId::from_bytes([0xa1; 16]);
pub(crate) const SENDER: SenderId = SenderId::from_bytes([0x01; 16]);

/// How often something is tried again while the server is away, and how long is waited in between.
const ATTEMPTS: usize = 3000;
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn everybody() -> Actor {
    use Role::{Administrator, Auditor, ConsentManager, Ingest, Sender};
    Actor::service("simulation", [Administrator, Ingest, Sender, ConsentManager, Auditor]).unwrap()
}

/// A server of the test's own, since it is stopped in the middle.
pub(crate) fn own_server() -> Server {
    let installation = Installation::find_or_install().unwrap_or_else(|error| panic!("{error}"));
    Server::start(&installation, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// Where a process finds the server and the keyring.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) keyring: PathBuf,
}

impl Place {
    pub(crate) fn new(server: &Server, folder: &TempDir) -> Self {
        Self { url: server.url(), keyring: folder.path().join("keyring") }
    }

    pub(crate) async fn open(&self) -> Result<Compliance, Error> {
        Location::from(self.url.as_str()).open(Some(&self.keyring)).await?.build().await
    }

    /// Opens it, also while the server is away for a moment.
    pub(crate) async fn shop(&self) -> Controller {
        insist(async || self.open().await?.controller(SHOP).await).await
    }

    /// The first process makes the keyring, the tables, the controller and its sender.
    pub(crate) async fn set_up(&self) -> Controller {
        let shop = self.open().await.unwrap().register_controller(&everybody(), SHOP).await.unwrap();
        shop.register_sender(&everybody(), SENDER, "200000000000001", "100000000000001").await.unwrap();
        shop
    }
}

/// Does something until it works, while what fails is only the way to the server.
pub(crate) async fn insist<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> T {
    for _ in 0..ATTEMPTS {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(is_passing(&error), "{error:?}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("the server did not come back");
}

pub(crate) async fn record(shop: &Controller, who: &Identifier, act: &NewAct) -> Recorded {
    insist(async || shop.consent().record(&everybody(), who, act).await).await
}

/// Whether an error says that trying again is right.
pub(crate) fn is_passing(error: &Error) -> bool {
    match error {
        Error::Storage(error) => is_outage(error),
        Error::Encryption(EncryptionError::Storage(error)) => is_outage(error),
        Error::Ledger(error) => is_ledger_outage(error),
        Error::Consent(ConsentError::UnknownOutcome) => true,
        Error::Consent(ConsentError::Storage(error)) => is_outage(error),
        Error::Consent(ConsentError::Encryption(EncryptionError::Storage(error))) => is_outage(error),
        Error::Consent(ConsentError::Ledger(error)) => is_ledger_outage(error),
        _ => false,
    }
}

fn is_ledger_outage(error: &LedgerError) -> bool {
    match error {
        LedgerError::UnknownOutcome => true,
        LedgerError::Storage(error) => is_outage(error),
        LedgerError::Encryption(EncryptionError::Storage(error)) => is_outage(error),
        _ => false,
    }
}

const fn is_outage(error: &StorageError) -> bool {
    matches!(error, StorageError::Unavailable { .. } | StorageError::UnknownOutcome { .. })
}
