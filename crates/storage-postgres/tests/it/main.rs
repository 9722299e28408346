//! The PostgreSQL store as its users meet it, against real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, also in what its functions share, and says what it leaves out"
)]

mod catalogue;
mod compacting;
mod conformance;
mod cut;
mod disk_full;
mod guards;
mod harness;
mod load;
mod outages;
mod pooler;
mod recorder;
mod refusals;
mod schemas;
mod second_wall;
mod sizes;
mod tls;
