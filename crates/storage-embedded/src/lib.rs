//! The default store: one directory, opened by one process, over the log-structured engine fjall.
//!
//! Commits of all callers go through one writer thread, which checks their preconditions in the order of arrival
//! and writes everything that waits as one batch: a hundred callers share one sync of the disk. A caller's
//! `commit` returns when its own changeset is durable, and a reader never sees a durable changeset before it is
//! on disk (see [`EmbeddedStorage`]). Reads run on the caller's own task and wait for nobody.
//!
//! | module | what is in it |
//! |---|---|
//! | `store` | [`EmbeddedStorage`]: the store itself |
//! | `compaction` | rewriting the files without what was deleted |
//! | `directory` | the `FORMAT` file and the lock of the directory |
//! | `engine` | fjall: its keyspaces, and the snapshot that readers see |
//! | `prepared` | a changeset, encoded on its caller's task |
//! | `group` | changesets that are checked one after the other and written together |
//! | `versions` | version numbers that no crash can bring back |
//! | `writer` | the writer thread |
//! | `read` | `get` and `scan` |
//! | `kind_scan` | the rows of one kind over all owners, leaping over what else they have |
//!
//! ```
//! use wzapi_storage_embedded::{EmbeddedStorage, Options};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("data");
//! let storage = EmbeddedStorage::open(&path, Options::default())?;
//! // One process at a time; the second is told so.
//! assert!(EmbeddedStorage::open(&path, Options::default()).is_err());
//! # drop(storage);
//! # Ok::<(), wzapi_storage::StorageError>(())
//! ```
#![forbid(unsafe_code)]

mod compaction;
mod directory;
mod engine;
mod group;
mod kind_scan;
mod prepared;
mod read;
mod store;
mod versions;
mod writer;

pub use store::{EmbeddedStorage, Options};
pub use writer::Stats;
