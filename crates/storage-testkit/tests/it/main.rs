//! The suite about itself: it covers the contract, it passes over the reference, and every case can fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod faults;
mod mutants;
mod reference;
mod table;
mod wrapped;
