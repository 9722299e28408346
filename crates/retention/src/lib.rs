//! Retention that ends by itself (policy clauses 6.a to 6.c).
//!
//! A record is kept while a ground of the policy holds, or a legal hold, or an open request of the person. When nothing
//! keeps it any more, the sweep disposes of it, without anybody asking.
//!
//! | module | what is in it |
//! |---|---|
//! | [`holds`] | legal holds: placed and released by a named matter |
//! | [`sweep`] | records that came to their end go, in bounded steps, on any number of workers |
//!
//! What a sweep costs follows what is due, not what is stored. `docs/retention.md` is the page for those who use it.

mod attempt;
mod error;
pub mod holds;
pub mod sweep;

pub use error::RetentionError;
pub use holds::{Holds, NewHold};
pub use sweep::{SweepOptions, SweepReport, Sweeper};
