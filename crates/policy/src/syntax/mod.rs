//! From text to a tree whose every part knows its place.

mod bounds;
mod lines;
mod section;
pub(crate) mod shape;

pub(crate) use bounds::{Part, Places, walk};
pub(crate) use lines::Lines;
pub(crate) use section::{Reader, Section, parse, short, term_of};
