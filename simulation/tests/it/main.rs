//! Many processes on one PostgreSQL: they are killed, the server crashes, and what was acknowledged holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, also in what its functions share"
)]

mod dumped;
mod place;
mod process;
mod reopening;
mod withdrawing;
mod writing;
