//! `commit`: a changeset as one transaction, and what becomes of it when something goes wrong.
//!
//! **Refusal.** Everything from `BEGIN` to `COMMIT` is sent at once. A guard that fails is an SQL error (a division
//! by zero for a version, a unique violation for an absence), after which the server skips the rest, and the
//! `COMMIT` behind it rolls back. Which guards failed is then read; that is the only case that reads.
//!
//! **Locks.** Isolation is `READ COMMITTED`; what holds up to the commit does so because it is locked (two-phase
//! locking), so neither serializable transactions nor their false alarms are needed, and a database that runs a
//! changeset on one of its nodes keeps the promise too. A version is guarded by a row lock. An absence is guarded by
//! the unique index: a row is inserted and, when the changeset does not write it, deleted again in the same
//! transaction; whoever inserts the same key meanwhile waits. A row that is deleted without a guard is first
//! overwritten for the same reason.
//!
//! **Lost connections.** The version is drawn here, by the caller's side, and is the same in every attempt. When a
//! connection is lost in a commit, the same changeset is simply sent again: its record is inserted first and waits for
//! the lost transaction, if that one is still under way. If it finds the record, the version in it tells whether
//! the lost attempt was ours. (A lost attempt that the server has not begun to read when the next one has ended is not
//! waited for: then the record, or the guards, keep the second of the two from having an effect.)

use wzapi_storage::{Changeset, Committed, Key, Precondition, StorageError, Version};

use crate::error::{Fault, PostgresError};
use crate::plan::Plan;
use crate::read;
use crate::session::{Session, Statement};

/// How often a changeset is sent at most. With the pauses in between this takes a few seconds, as a server does that
/// is started again.
const ATTEMPTS: u32 = 12;

pub(crate) async fn commit(
    session: &Session,
    schema: &str,
    changeset: &Changeset,
) -> Result<Committed, StorageError> {
    changeset.validate()?;
    let version = draw(session)?;
    let statements = Plan::of(changeset)?.statements(schema, version);
    let attempts = attempt(session, schema, changeset, version, &statements);
    // Whatever it was waiting for, an attempt may be under way.
    let late = |_| Err(StorageError::UnknownOutcome { cause: PostgresError::TimedOut.into() });
    tokio::time::timeout(session.patience(), attempts).await.unwrap_or_else(late)
}

async fn attempt(
    session: &Session,
    schema: &str,
    changeset: &Changeset,
    version: Version,
    statements: &[Statement],
) -> Result<Committed, StorageError> {
    // Set once an attempt may have taken effect without our knowing.
    let mut in_doubt = false;
    let give_up = |error: PostgresError, in_doubt| {
        if in_doubt { StorageError::UnknownOutcome { cause: error.into() } } else { error.into() }
    };
    for attempt in 1..=ATTEMPTS {
        let failed = match session.transact(changeset.controller, changeset.durability, statements).await {
            Ok(()) => return Ok(Committed { version }),
            Err(Fault::Rejected) => match settle(session, schema, changeset, version).await {
                Ok(Some(outcome)) => return outcome,
                // What was in the way is gone again.
                Ok(None) => PostgresError::Contention { attempts: attempt },
                Err(StorageError::Unavailable { cause }) if in_doubt => {
                    return Err(StorageError::UnknownOutcome { cause });
                }
                Err(error) => return Err(error),
            },
            Err(Fault::Transient) => PostgresError::Contention { attempts: attempt },
            Err(Fault::Lost(error)) => {
                in_doubt = true;
                error
            }
            // Nothing of this attempt took effect; an earlier one may have, or the next one will.
            Err(Fault::Refused(error)) if in_doubt || matches!(error, PostgresError::NotReady) => error,
            Err(Fault::Refused(error)) => return Err(error.into()),
        };
        if attempt == ATTEMPTS {
            return Err(give_up(failed, in_doubt));
        }
        session.pause(attempt).await.map_err(|error| give_up(error, in_doubt))?;
    }
    Err(give_up(PostgresError::Contention { attempts: ATTEMPTS }, in_doubt))
}

/// A version that the key never had.
///
/// It is drawn from 2^64. What must not happen is that a row gets a version again which somebody still holds as a
/// guard from an earlier reading: when the row was written k times meanwhile, that has the probability k / 2^64. A
/// million writes behind the back of one reader make it one in 18 million million. A count in the row would start
/// over when the row is deleted, a sequence would be one for all controllers, and a clock can be set back.
fn draw(session: &Session) -> Result<Version, PostgresError> {
    let mut random = [0; 8];
    session.entropy().fill(&mut random).map_err(|_| PostgresError::Entropy)?;
    Ok(Version(u64::from_be_bytes(random)))
}

/// Why the changeset was rejected: by itself, having taken effect in an earlier attempt, or by preconditions. `None`
/// when neither is so any more.
async fn settle(
    session: &Session,
    schema: &str,
    changeset: &Changeset,
    version: Version,
) -> Result<Option<Result<Committed, StorageError>>, StorageError> {
    let receipt = Key::Changeset(changeset.id);
    let keys: Vec<&Key> = changeset.preconditions.iter().map(|(key, _)| key).chain([&receipt]).collect();
    let found = read::versions(session, schema, changeset.controller, &keys).await?;
    let recorded = found.last().copied().flatten();
    if recorded == Some(version) {
        return Ok(Some(Ok(Committed { version })));
    }
    let mut failed: Vec<Key> = changeset
        .preconditions
        .iter()
        .zip(&found)
        .filter(|((_, precondition), found)| match precondition {
            Precondition::Absent => found.is_some(),
            Precondition::Version(version) => **found != Some(*version),
        })
        .map(|((key, _), _)| key.clone())
        .collect();
    if recorded.is_some() && !failed.contains(&receipt) {
        failed.push(receipt);
    }
    if failed.is_empty() { Ok(None) } else { Ok(Some(Err(StorageError::Conflict { failed }))) }
}
