//! What a server or the way to it can refuse, and what to do about it.

use std::error::Error;
use std::io;

use tokio_postgres::error::{DbError, Severity, SqlState};
use wzapi_storage::StorageError;

/// The oldest major version of PostgreSQL that this store uses.
pub const MIN_SERVER_VERSION: u32 = 14;

/// The cause inside a [`StorageError`] of this store. No text of it holds an address, a user or a password.
///
/// ```
/// use wzapi_storage::StorageError;
/// use wzapi_storage_postgres::PostgresError;
///
/// let error = StorageError::unavailable(PostgresError::DiskFull);
/// let StorageError::Unavailable { cause } = &error else { panic!() };
/// assert!(matches!(cause.downcast_ref(), Some(PostgresError::DiskFull)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address cannot be used. It is not repeated here, for it may hold a password.
    #[error("the address of the database cannot be used: {0}")]
    Address(&'static str),
    /// User, password or the server's rules of access.
    #[error("the server refused the user or the password; correct the credentials or pg_hba.conf")]
    Credentials,
    /// The database of the address does not exist.
    #[error("the server has no database of that name; create it or correct the address")]
    NoDatabase,
    /// Nobody answers.
    #[error("no server answers at that address; check that it runs, and the host and port")]
    NoServer {
        /// What the network said.
        #[source]
        cause: Option<io::Error>,
    },
    /// Encryption could not be agreed on.
    #[error(
        "no TLS connection could be made; check the server's certificate, its name and the trusted roots"
    )]
    Tls {
        /// What the TLS library said.
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The server is too old, or not PostgreSQL.
    #[error("the server reports PostgreSQL {found}; use version {MIN_SERVER_VERSION} or newer")]
    UnsupportedServer {
        /// What it reports.
        found: String,
    },
    /// The tables are missing or of an older version, and the store may not make them.
    #[error(
        "the database has schema version {found}, this library needs {needed}; apply the missing migrations \
         (`wzapi schema print --postgres`) or let the store apply them"
    )]
    SchemaBehind {
        /// The version that was found; 0 when there is none.
        found: u32,
        /// The version of this library.
        needed: u32,
    },
    /// A replica, or a server or role that is set to read only.
    #[error("the server takes no writes: it is a replica or read only; connect to the primary")]
    ReadOnly,
    /// The role lacks rights.
    #[error(
        "the role lacks rights on the tables; grant USAGE, SELECT, INSERT, UPDATE and DELETE on the schema"
    )]
    Permission,
    /// The role may not vacuum the tables.
    #[error(
        "the role may not vacuum the tables; compact as their owner, or grant MAINTAIN on them (PostgreSQL 17 or newer)"
    )]
    Maintenance,
    /// The disk of the server is full.
    #[error("the server's disk is full and nothing was changed; free space, then retry")]
    DiskFull,
    /// The server or the pool has no connection left.
    #[error(
        "every connection is in use; raise the pool size or the server's max_connections, or retry later"
    )]
    NoConnection,
    /// The server is starting, stopping or recovering.
    #[error("the server is starting up, shutting down or recovering; retry later")]
    NotReady,
    /// The connection ended in the middle.
    #[error("the connection to the server was lost")]
    Lost,
    /// The server took longer than the statement timeout.
    #[error("the server took longer than the statement timeout")]
    TimedOut,
    /// Other changesets got in the way again and again.
    #[error("other changesets got in the way {attempts} times; retry later")]
    Contention {
        /// How often it was tried.
        attempts: u32,
    },
    /// A pooler handed out a connection that does not know our prepared statements.
    #[error(
        "a prepared statement is unknown to the connection: behind pgbouncer in transaction mode use \
         Statements::Unnamed, or max_prepared_statements above zero"
    )]
    PreparedStatement,
    /// No version could be drawn.
    #[error("the source of randomness is unavailable; retry")]
    Entropy,
    /// Anything else, as the server put it; without the details, which may quote keys.
    #[error("the server answered {code}: {message}")]
    Server {
        /// The SQLSTATE.
        code: String,
        /// Its primary message.
        message: String,
    },
    /// Anything else that did not come from the server.
    #[error("the server and this library do not understand each other: {0}")]
    Protocol(String),
}

impl From<PostgresError> for StorageError {
    fn from(error: PostgresError) -> Self {
        Self::unavailable(error)
    }
}

/// How a statement failed, by what the store does next.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A precondition did not hold; the transaction is rolled back.
    Rejected,
    /// Another transaction got in the way; this one is rolled back and may be tried again.
    Transient,
    /// The connection is gone; whether a commit on it took effect is not known.
    Lost(PostgresError),
    /// Rolled back for good.
    Refused(PostgresError),
}

impl Fault {
    pub(crate) fn into_error(self) -> PostgresError {
        match self {
            // Only commits expect these two.
            Self::Rejected => PostgresError::Protocol("a check failed where there is none".to_owned()),
            Self::Transient => PostgresError::Contention { attempts: 1 },
            Self::Lost(error) | Self::Refused(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) if is_fatal(db) => Self::Lost(PostgresError::Lost),
            Some(db) if [SqlState::UNIQUE_VIOLATION, SqlState::DIVISION_BY_ZERO].contains(db.code()) => {
                Self::Rejected
            }
            Some(db)
                if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED]
                    .contains(db.code()) =>
            {
                Self::Transient
            }
            Some(db) => Self::Refused(server_error(db)),
            None if error.is_closed() || io_cause(&error).is_some() => Self::Lost(PostgresError::Lost),
            // The answer cannot be read, so it cannot be known what it said.
            None => Self::Lost(PostgresError::Protocol(error.to_string())),
        }
    }
}

/// Whether the server ended the session with this message.
fn is_fatal(error: &DbError) -> bool {
    matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || error.code().code().starts_with("08")
        || error.code().code().starts_with("57P")
}

/// What went wrong while a connection was made.
pub(crate) fn connect_error(error: tokio_postgres::Error) -> PostgresError {
    if let Some(db) = error.as_db_error() {
        return server_error(db);
    }
    let text = error.to_string();
    if text.contains("TLS") {
        return PostgresError::Tls { cause: error.into_source() };
    }
    match io_cause(&error) {
        // Told by the driver when `target_session_attrs` asks for a server that takes writes.
        Some(io::ErrorKind::PermissionDenied) => PostgresError::ReadOnly,
        Some(_) => {
            let cause = error.into_source().and_then(|cause| cause.downcast::<io::Error>().ok());
            PostgresError::NoServer { cause: cause.map(|cause| *cause) }
        }
        None if error.is_closed() => PostgresError::NoServer { cause: None },
        None => PostgresError::Protocol(text),
    }
}

fn io_cause(error: &tokio_postgres::Error) -> Option<io::ErrorKind> {
    error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind)
}

fn server_error(error: &DbError) -> PostgresError {
    let code = error.code();
    match code.code() {
        "28P01" | "28000" => PostgresError::Credentials,
        "3D000" => PostgresError::NoDatabase,
        "25006" => PostgresError::ReadOnly,
        "42501" => PostgresError::Permission,
        "53100" => PostgresError::DiskFull,
        "53300" => PostgresError::NoConnection,
        "57014" => PostgresError::TimedOut,
        "57P01" | "57P02" | "57P03" => PostgresError::NotReady,
        // Unknown, or known under this name to another session of the pooler.
        "26000" | "42P05" => PostgresError::PreparedStatement,
        other => PostgresError::Server { code: other.to_owned(), message: error.message().to_owned() },
    }
}
