//! The cases, one function each, by what they are about.

pub(crate) mod changeset_ids;
pub(crate) mod concurrency;
pub(crate) mod kind_scans;
mod population;
pub(crate) mod preconditions;
pub(crate) mod reading;
mod rewriting;
pub(crate) mod scanning;
pub(crate) mod whole;
pub(crate) mod writing;
