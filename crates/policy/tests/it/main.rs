//! Tests of the policy crate through its public interface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod bounds;
mod canonical;
mod collection;
mod consent;
mod deadlines;
mod difference;
mod documentation;
mod findings;
mod forbidden;
mod notice;
mod policies;
mod regimes;
mod renewal;
mod retention;
mod sale;
mod sending;
mod support;
mod traceability;
mod webhooks;
