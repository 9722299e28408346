//! A notice before it is written: headings, paragraphs, lists, facts.

use crate::language::Language;

pub(super) struct Document {
    pub(super) language: Language,
    pub(super) title: String,
    pub(super) sections: Vec<Section>,
    pub(super) foot: Vec<Fact>,
}

/// A section with a heading of the second level, and its parts with headings of the third.
pub(super) struct Section {
    /// The name of its anchor: letters, digits and dashes.
    pub(super) id: String,
    pub(super) heading: String,
    pub(super) blocks: Vec<Block>,
    pub(super) parts: Vec<Part>,
}

pub(super) struct Part {
    pub(super) heading: String,
    pub(super) blocks: Vec<Block>,
}

pub(super) enum Block {
    Paragraph(String),
    List(Vec<String>),
    Facts(Vec<Fact>),
}

/// A term and what it is.
pub(super) struct Fact {
    pub(super) term: String,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(String),
    Lines(Vec<String>),
    Link { address: String, text: String },
}

impl Fact {
    pub(super) fn text(term: &str, value: impl Into<String>) -> Self {
        Self { term: term.to_owned(), value: Value::Text(value.into()) }
    }

    pub(super) fn lines(term: &str, lines: Vec<String>) -> Self {
        Self { term: term.to_owned(), value: Value::Lines(lines) }
    }

    pub(super) fn link(term: &str, address: String, text: &str) -> Self {
        Self { term: term.to_owned(), value: Value::Link { address, text: text.to_owned() } }
    }
}
