//! What tests of this workspace need beside Rust: real servers, found or installed, started in a temporary folder.
//!
//! The checks themselves are the program, `cargo xtask test`.

pub mod postgres;
