//! `wzapi ledger`.

mod checkpoints;
mod exports;
mod histories;
mod proofs;
mod restored;
mod tampering;
