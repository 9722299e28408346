//! The facade as a service uses it: real payloads, real stores, and everything that can go wrong around them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod at_rest;
mod authorisation;
mod authorised_records;
mod bad_input;
mod expiry;
mod faults;
mod futures;
mod happenings;
mod identities;
mod importing;
mod interruptions;
mod keys;
mod opt_outs;
mod payloads;
mod preflighting;
mod races;
mod records;
mod redaction;
mod restart;
mod routing;
mod statuses;
mod support;
mod withdrawal;
