//! Writing a document as one accessible HTML page: language, landmarks, headings in order, no script, and a style that
//! prints.

use crate::notice::document::{Block, Document, Fact, Section, Value};
use crate::notice::phrases::Phrases;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.6 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1rem}\
h1,h2,h3{line-height:1.25}\
h2{margin-top:2.5rem;border-bottom:1px solid}\
dt{font-weight:600;margin-top:.5rem}\
dd{margin:0 0 0 1.5rem}\
dd ul{margin:0;padding-left:1.2rem}\
a:focus{outline:3px solid}\
.skip{position:absolute;left:-100rem}\
.skip:focus{position:static}\
footer{margin-top:3rem;border-top:1px solid;font-size:.875rem;overflow-wrap:anywhere}\
@media print{body{max-width:none;font-size:11pt;padding:0}nav,.skip{display:none}\
h2,h3{break-after:avoid}dl,li{break-inside:avoid}a{color:inherit;text-decoration:none}}";

pub(super) fn write(document: &Document, phrases: &Phrases) -> String {
    let mut out = String::new();
    let title = escape(&document.title);
    let lang = document.language.code();
    out.push_str(&format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">{}</a>\n<header>\n<h1>{title}</h1>\n</header>\n",
        escape(&phrases.skip)
    ));
    contents(document, phrases, &mut out);
    out.push_str("<main id=\"content\">\n");
    document.sections.iter().for_each(|one| section(one, &mut out));
    out.push_str("</main>\n<footer>\n");
    facts(&document.foot, &mut out);
    out.push_str("</footer>\n</body>\n</html>\n");
    out
}

fn contents(document: &Document, phrases: &Phrases, out: &mut String) {
    out.push_str(&format!("<nav aria-label=\"{}\">\n<ul>\n", escape(&phrases.contents)));
    for section in &document.sections {
        out.push_str(&format!("<li><a href=\"#{}\">{}</a></li>\n", section.id, escape(&section.heading)));
    }
    out.push_str("</ul>\n</nav>\n");
}

fn section(section: &Section, out: &mut String) {
    let id = &section.id;
    out.push_str(&format!(
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>\n",
        escape(&section.heading)
    ));
    section.blocks.iter().for_each(|one| block(one, out));
    for part in &section.parts {
        out.push_str(&format!("<h3>{}</h3>\n", escape(&part.heading)));
        part.blocks.iter().for_each(|one| block(one, out));
    }
    out.push_str("</section>\n");
}

fn block(block: &Block, out: &mut String) {
    match block {
        Block::Paragraph(text) => {
            for paragraph in text.split("\n\n") {
                out.push_str(&format!("<p>{}</p>\n", escape(paragraph)));
            }
        }
        Block::List(items) => list(items, out),
        Block::Facts(list) => facts(list, out),
    }
}

fn list(items: &[String], out: &mut String) {
    out.push_str("<ul>\n");
    items.iter().for_each(|item| out.push_str(&format!("<li>{}</li>\n", escape(item))));
    out.push_str("</ul>\n");
}

fn facts(facts: &[Fact], out: &mut String) {
    out.push_str("<dl>\n");
    for fact in facts {
        out.push_str(&format!("<dt>{}</dt>\n", escape(&fact.term)));
        match &fact.value {
            Value::Text(text) => out.push_str(&format!("<dd>{}</dd>\n", escape(text))),
            Value::Link { address, text } => {
                out.push_str(&format!("<dd><a href=\"{}\">{}</a></dd>\n", escape(address), escape(text)));
            }
            Value::Lines(lines) => {
                out.push_str("<dd>");
                list(lines, out);
                out.push_str("</dd>\n");
            }
        }
    }
    out.push_str("</dl>\n");
}

/// A text in which nothing is markup, in content and in quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
