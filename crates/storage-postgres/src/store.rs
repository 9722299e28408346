//! The store itself.

use std::sync::Arc;

use async_trait::async_trait;
use wzapi_model::entropy::Entropy;
use wzapi_model::ids::ControllerId;
use wzapi_model::system::SystemEntropy;
use wzapi_storage::changeset::InvalidChangeset;
use wzapi_storage::compaction::Compacted;
use wzapi_storage::contract::MAX_GET_KEYS;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Key, Storage, StorageError};

use crate::commit;
use crate::compaction;
use crate::config::Config;
use crate::error::{Fault, MIN_SERVER_VERSION, PostgresError};
use crate::read;
use crate::schema;
use crate::session::Session;

/// A [`Storage`] in a PostgreSQL database. Clones are the same store and share its connections; any number of
/// processes may have the same database open.
///
/// **Durability.** A durable commit returns after the server acknowledged `COMMIT`. What the server promises by that
/// is its `synchronous_commit`: the store leaves a stronger setting alone (`remote_apply`, say) and replaces `off`.
///
/// **Outages.** Reads that lose their connection are sent again, up to three times. A commit that loses its
/// connection is sent again until it is known what became of it, for a few seconds; it has one effect. When the
/// server cannot be reached any more by then, it is [`StorageError::UnknownOutcome`]. Every error's cause is a
/// [`PostgresError`], which says what to do. Once the server is back, so is the store.
///
/// **Erasure** does not rest on the server: old rows stay in its files, its log and its backups for a while. Whatever
/// says something about a person is sealed, and its key is what is destroyed.
#[derive(Clone)]
pub struct PostgresStorage(Arc<Inner>);

struct Inner {
    session: Session,
    schema: String,
}

impl PostgresStorage {
    /// Connects, checks the server, and sees to it that the tables are there.
    ///
    /// # Errors
    /// [`StorageError::Format`] when the tables are of another version than this library reads; otherwise [`StorageError::Unavailable`] with
    /// a [`PostgresError`] for a cause.
    pub async fn connect(config: &Config) -> Result<Self, StorageError> {
        Self::connect_with(config, Arc::new(SystemEntropy::new())).await
    }

    /// As [`PostgresStorage::connect`], with another source of randomness: for row versions, and for the pauses
    /// before a changeset is tried again.
    ///
    /// # Errors
    /// As [`PostgresStorage::connect`].
    pub async fn connect_with(config: &Config, entropy: Arc<dyn Entropy>) -> Result<Self, StorageError> {
        let mut session = Session::new(config, entropy)?;
        if !config.any_server_version {
            check_version(&ask(&session, "SHOW server_version_num").await?)?;
        }
        if ask(&session, "SHOW synchronous_commit").await? == "off" {
            session.insist_on_durability();
        }
        schema::prepare(&session, config).await?;
        Ok(Self(Arc::new(Inner { session, schema: config.schema.clone() })))
    }

    /// Gives the room of deleted and replaced rows back, by `VACUUM` on every table, and answers how much the tables
    /// take up with their indexes. Autovacuum does the same sooner or later; this does it now, and to the end.
    ///
    /// The server reuses that room for new rows, and returns to the disk only what lies at the end of a file. It does
    /// not overwrite what was there, so old bytes stay in the free room of its files, in its log, on replicas and in
    /// backups; `VACUUM FULL`, by hand, leaves none in the tables (`docs/formats/rows.md`). Rows that an open
    /// transaction of the same database could still see are left for the next time. Erasure does not rest on this.
    ///
    /// It takes as long as it takes, on a connection of its own beside the pool; reads and commits go on. When the
    /// future is dropped, the server finishes the table that it is at. A `statement_timeout` of the role ends it.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] with a [`PostgresError`] for a cause: [`PostgresError::Maintenance`] when the role
    /// may not do this, and nothing was done.
    pub async fn compact(&self) -> Result<Compacted, StorageError> {
        compaction::compact(&self.0.session, &self.0.schema).await
    }

    /// Closes the connections that are idle, and the others when their work is done. Later requests are refused as
    /// [`StorageError::Unavailable`].
    pub fn close(&self) {
        self.0.session.close();
    }
}

async fn ask(session: &Session, sql: &str) -> Result<String, PostgresError> {
    session.ask(sql).await.map(Option::unwrap_or_default).map_err(Fault::into_error)
}

/// PostgreSQL counts 140005 for 14.5.
fn check_version(reported: &str) -> Result<(), PostgresError> {
    match reported.parse::<u32>() {
        Ok(number) if number / 10_000 >= MIN_SERVER_VERSION => Ok(()),
        Ok(number) => {
            let found = format!("{}.{}", number / 10_000, number % 10_000);
            Err(PostgresError::UnsupportedServer { found })
        }
        Err(_) => Err(PostgresError::UnsupportedServer { found: "no version".to_owned() }),
    }
}

impl std::fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStorage").field("schema", &self.0.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(InvalidChangeset::TooManyRows.into());
        }
        read::get(&self.0.session, &self.0.schema, controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        query.validate()?;
        read::scan(&self.0.session, &self.0.schema, query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        commit::commit(&self.0.session, &self.0.schema, &changeset).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_from_version_14_on_are_taken() {
        for reported in ["140000", "150018", "190001"] {
            assert!(check_version(reported).is_ok(), "{reported}");
        }
        for (reported, expected) in [("130011", "13.11"), ("90624", "9.624"), ("", "no version")] {
            match check_version(reported) {
                Err(PostgresError::UnsupportedServer { found }) => assert_eq!(found, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}
