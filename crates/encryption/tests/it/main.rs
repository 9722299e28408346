//! Keys of controllers, data keys, rotations, exports and the local keyring, over the memory store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod beyond_recovery;
mod concurrency;
mod data_keys;
mod epoch;
mod export;
mod export_vectors;
mod import;
mod interference;
mod keyring;
mod keyring_file;
mod keyring_passphrase;
mod keyring_sharing;
mod memory;
mod model;
mod mutations;
mod providers;
mod rotation;
mod scale;
mod seals;
mod stranger;
mod uneasy_providers;
mod vectors;
mod world;
