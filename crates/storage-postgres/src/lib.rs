//! A store on PostgreSQL, for teams that run one already, and beyond one machine.
//!
//! There is one table per kind of row, all of one shape, in a schema of their own. Every primary key begins with
//! `controller_id` and every statement names it, so that the tables can be distributed on it without a change;
//! `docs/scaling.md` says how. A `get` or a page of a `scan` is one statement, a commit is one transaction that
//! travels in one round trip.
//!
//! | module | what is in it |
//! |---|---|
//! | `store` | [`PostgresStorage`]: the store itself |
//! | `config` | [`Config`]: where the database is and how it is used |
//! | [`schema`] | the tables, as SQL that a person can read and apply |
//! | `tables` | the columns of each table |
//! | `statements` | the SQL |
//! | `plan` | a changeset as statements |
//! | `commit` | a changeset as a transaction, and what becomes of it when something goes wrong |
//! | `compaction` | `VACUUM`, table by table |
//! | `read` | `get` and `scan` |
//! | `session` | connections, and how statements travel over them |
//! | `tls` | encryption of the connections |
//! | `values` | our values as PostgreSQL's |
//! | `error` | [`PostgresError`]: what can go wrong, and what to do about it |
//!
//! ```no_run
//! use std::sync::Arc;
//! use wzapi_storage::Storage;
//! use wzapi_storage_postgres::{Config, PostgresStorage};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::from_url("postgres://app:secret@db.example/compliance?sslmode=verify-full")?;
//! let storage: Arc<dyn Storage> = Arc::new(PostgresStorage::connect(&config).await?);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod commit;
mod compaction;
mod config;
mod error;
mod plan;
mod read;
pub mod schema;
mod session;
mod statements;
mod store;
mod tables;
mod tls;
mod values;

pub use config::{Config, Migrations, Roots, Statements, Tls};
pub use error::{MIN_SERVER_VERSION, PostgresError};
pub use store::PostgresStorage;
