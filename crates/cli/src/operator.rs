//! What the commands act on, and who acts.

use std::path::Path;

use wzapi_compliance::data_directory::Files;
use wzapi_compliance::encryption::keyring::Passphrase;
use wzapi_compliance::ledger::notary::Followed;
use wzapi_compliance::location::Location;
use wzapi_compliance::log::AccountabilityLog;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::{Builder, Compliance, Controller};

use crate::arguments::{Data, LogOwner, Opening};
use crate::failure::Failure;
use crate::{files, policy};

/// An open store, and the person who may read the data directory.
pub(crate) struct Operator {
    pub(crate) compliance: Compliance,
    pub(crate) actor: Actor,
}

impl Operator {
    /// Opens a store that is there.
    pub(crate) async fn open(data: &Data) -> Result<Self, Failure> {
        Self::refuse_fresh(data)?;
        Self::open_or_create(data).await
    }

    /// Refuses a directory in which there is no store.
    pub(crate) fn refuse_fresh(data: &Data) -> Result<(), Failure> {
        match &data.data {
            Location::Directory(directory) if !directory.join("store").exists() => {
                Err(Failure::NoData(directory.clone()))
            }
            Location::Directory(_) | Location::Postgres(_) => Ok(()),
        }
    }

    /// Opens a store, and makes a directory that is not there.
    pub(crate) async fn open_or_create(data: &Data) -> Result<Self, Failure> {
        let (builder, actor) = Self::builder(data).await?;
        Ok(Self::over(builder.build().await?, actor))
    }

    /// The parts of a store, not opened yet, and the operator.
    pub(crate) async fn builder(data: &Data) -> Result<(Builder, Actor), Failure> {
        let policy = data.opening.policy.as_deref().map(policy::valid).transpose()?;
        let mut builder = data.data.open_with(&files_of(&data.opening)?).await?;
        if let Some(policy) = &policy {
            builder = builder.policy(policy);
        }
        let roles = [Role::Administrator, Role::Ingest, Role::ConsentManager, Role::Sender, Role::Auditor];
        Ok((builder, Actor::service("wzapi-cli", roles).map_err(Failure::actor)?))
    }

    /// An operator of what was opened; tells what opening it did.
    pub(crate) fn over(compliance: Compliance, actor: Actor) -> Self {
        tell_closed(compliance.followed());
        Self { compliance, actor }
    }

    /// The logs of a controller, or of the system.
    pub(crate) async fn logs(&self, owner: LogOwner) -> Result<Logs, Failure> {
        let controller = match owner {
            LogOwner(id) if id.is_system() => None,
            LogOwner(id) => Some(self.compliance.controller(id).await?),
        };
        Ok(Logs { compliance: self.compliance.clone(), controller })
    }
}

/// The logs of one controller.
pub(crate) struct Logs {
    compliance: Compliance,
    /// `None` is the system.
    controller: Option<Controller>,
}

impl Logs {
    pub(crate) fn log(&self) -> AccountabilityLog<'_> {
        match &self.controller {
            Some(controller) => controller.ledger(),
            None => self.compliance.system_ledger(),
        }
    }
}

fn files_of(opening: &Opening) -> Result<Files, Failure> {
    Ok(Files {
        keyring: opening.keyring.clone(),
        keyring_passphrase: opening.keyring_passphrase_file.as_deref().map(read_passphrase).transpose()?,
        journal: opening.journal.clone(),
        adopt_journal: opening.adopt_journal,
    })
}

/// The end of the line is none of the passphrase.
fn read_passphrase(file: &Path) -> Result<Passphrase, Failure> {
    let mut text = files::read_text(file, Passphrase::MAX_BYTES + "\r\n".len())?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Passphrase::new(text).map_err(|error| Failure::bad_file(file, &error))
}

/// Whoever restored an old store must know that its logs do not go on.
fn tell_closed(followed: &Followed) {
    for closed in &followed.closed {
        eprintln!(
            "wzapi: the store is older than its journal, or another one: log {} of controller {}, shard {}, had \
             signed {} entries, of which at most {} are stored; it is closed, and log {} follows it",
            closed.log, closed.controller, closed.shard, closed.signed, closed.stored, closed.successor
        );
    }
    for (controller, shard) in &followed.failed {
        eprintln!(
            "wzapi: the log of controller {controller}, shard {shard}, is damaged: verify it; until it is mended, \
             nothing is signed"
        );
    }
    for lost in &followed.lost {
        eprintln!(
            "wzapi: the store is older than its journal, or another one: log {} of controller {}, shard {}, had \
             signed {} entries, and nothing of it is stored",
            lost.log, lost.controller, lost.shard, lost.signed
        );
    }
}
