//! Writing a document as Markdown (CommonMark).

use crate::notice::document::{Block, Document, Fact, Value};

pub(super) fn write(document: &Document) -> String {
    let mut out = format!("# {}\n", inline(&document.title));
    for section in &document.sections {
        out.push_str(&format!("\n## {}\n", inline(&section.heading)));
        section.blocks.iter().for_each(|one| block(one, &mut out));
        for part in &section.parts {
            out.push_str(&format!("\n### {}\n", inline(&part.heading)));
            part.blocks.iter().for_each(|one| block(one, &mut out));
        }
    }
    out.push_str("\n---\n");
    facts(&document.foot, &mut out);
    out
}

fn block(block: &Block, out: &mut String) {
    match block {
        Block::Paragraph(text) => {
            for paragraph in text.split("\n\n") {
                out.push_str(&format!("\n{}\n", inline(paragraph)));
            }
        }
        Block::List(items) => {
            out.push('\n');
            items.iter().for_each(|item| out.push_str(&format!("- {}\n", inline(item))));
        }
        Block::Facts(list) => facts(list, out),
    }
}

fn facts(list: &[Fact], out: &mut String) {
    out.push('\n');
    for fact in list {
        let term = inline(&fact.term);
        match &fact.value {
            Value::Text(text) => out.push_str(&format!("- **{term}**: {}\n", inline(text))),
            Value::Link { address, text } => {
                out.push_str(&format!("- **{term}**: [{}](<{}>)\n", inline(text), link(address)));
            }
            Value::Lines(lines) => {
                out.push_str(&format!("- **{term}**:\n"));
                lines.iter().for_each(|line| out.push_str(&format!("  - {}\n", inline(line))));
            }
        }
    }
}

/// A text on one line, in which nothing is markup.
fn inline(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(joined.len());
    for (index, character) in joined.char_indices() {
        // Marks that begin a list, a heading or a quotation do so at the beginning of a line only.
        let begins = index == 0 && matches!(character, '#' | '+' | '-' | '=' | '>' | '~');
        let marks =
            matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' | '!' | '~');
        // "1." and "1)" at the beginning of a line would begin a list.
        let numbers = matches!(character, '.' | ')')
            && index > 0
            && joined.get(..index).is_some_and(|before| before.bytes().all(|byte| byte.is_ascii_digit()));
        if begins || marks || numbers {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// An address between angle brackets.
fn link(address: &str) -> String {
    address.chars().filter(|c| !matches!(c, '<' | '>' | '\\') && !c.is_whitespace()).collect()
}
