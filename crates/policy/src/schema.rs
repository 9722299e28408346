//! The keys of a policy file.
//!
//! The reader refuses every key that is not listed here. `policies/policy.schema.json` says the same to editors, and
//! a test holds the two together.

pub use crate::syntax::shape::{SHAPES, Shape};
