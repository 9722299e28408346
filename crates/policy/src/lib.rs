//! The privacy policy as a program: a file that is parsed, validated, rendered as the notice people read, versioned
//! by what it means and compared with its predecessor; regime rules as data; the calculus of retention and deadlines.
//!
//! Everything here is pure: texts and times are passed in, findings, notices and decisions come out. `docs/policy.md`
//! describes the file key by key.
//!
//! | module | what is in it |
//! |---|---|
//! | [`policy`] | [`parse`], [`check()`] and [`Policy`], a file that was found to be right |
//! | [`file`](mod@file) | the typed model of what a file says |
//! | [`finding`] | findings with code, place, reason and remedy |
//! | [`language`] | languages of the notice and translated texts |
//! | [`term`] | the closed lists of words that a file uses |
//! | [`canonical`] | the canonical form of a policy's meaning, and its hash |
//! | [`difference`] | what changed between two versions, and for whom |
//! | [`notice`] | the notice in Markdown and HTML |
//! | [`regimes`] | legal regimes and their rules as data |
//! | [`retention`] | grounds of retention: until when and why a record is kept |
//! | [`deadline`] | deadlines with pauses, extensions and business days |
//! | [`period`] | calendar-true periods |
//! | [`zone`] | in which offset days are counted |
//! | [`schema`] | the keys of a policy file, for editors and documentation |

pub mod canonical;
mod check;
pub mod deadline;
pub mod difference;
pub mod file;
pub mod finding;
mod forbidden;
pub mod language;
pub mod notice;
pub mod period;
pub mod policy;
mod read;
pub mod regimes;
pub mod retention;
pub mod schema;
mod syntax;
pub mod term;
pub mod zone;

pub use policy::{Policy, check, parse};
