//! What may be stored, read and disposed of: pure functions of policy, rows and a time that is passed in.

pub mod admission;
pub mod disposition;
mod forbidden;
pub mod holding;
pub mod reading;
pub mod retention;

pub(crate) use forbidden::forbidden_in;
