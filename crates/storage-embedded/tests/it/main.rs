//! The embedded store as its users meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, also in what its functions share"
)]

mod closing;
mod compacting;
mod conformance;
mod group_commit;
mod kill;
mod opening;
mod rows;
