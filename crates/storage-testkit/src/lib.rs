//! The conformance suite of the storage contract.
//!
//! [`wzapi_storage::contract`] is made of named sentences. For each there is one case here, of the same name,
//! which can fail: the suite's own tests run it over stores that break that sentence on purpose. A backend is done
//! when every case holds over it.
//!
//! A backend plugs in by a [`Backend`], which makes fresh stores, and lists the cases among its own tests by
//! [`conformance_suite!`]:
//!
//! ```
//! use std::sync::Arc;
//! use wzapi_storage::Storage;
//! use wzapi_storage_memory::MemoryStorage;
//! use wzapi_storage_testkit::{Backend, OpenStore, SetupError, async_trait};
//!
//! struct Memory;
//! struct Opened(Arc<MemoryStorage>);
//!
//! #[async_trait]
//! impl Backend for Memory {
//!     async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
//!         Ok(Box::new(Opened(Arc::new(MemoryStorage::new()))))
//!     }
//! }
//!
//! impl OpenStore for Opened {
//!     fn storage(&self) -> Arc<dyn Storage> {
//!         self.0.clone()
//!     }
//! }
//!
//! wzapi_storage_testkit::conformance_suite!(Memory);
//! # fn main() {}
//! ```
//!
//! | module | what is in it |
//! |---|---|
//! | `backend` | [`Backend`], [`OpenStore`]: how a store plugs in |
//! | [`faulty`] | a store that fails on purpose, for the tests of whatever stands on a store |
//! | [`suite`] | the table of cases, and how they are run |
//! | [`sample`] | records of every kind, from a seed |

mod backend;
mod bench;
mod cases;
pub mod faulty;
pub mod sample;
pub mod suite;

pub use async_trait::async_trait;
pub use backend::{Backend, OpenStore, Reopened, SetupError};
