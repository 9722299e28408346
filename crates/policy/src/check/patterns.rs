//! Every pattern can be looked for and is forbidden somewhere, and what is forbidden is a pattern.

use crate::file::{ForbiddenPattern, PatternName, PolicyFile};
use crate::finding::Code;
use crate::forbidden::{MAX_PATTERN_LENGTH, MAX_PATTERNS, PatternFault, Recogniser};
use crate::syntax::{Reader, short};

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    if file.patterns.len() > MAX_PATTERNS {
        reader.add(
            Code::TooMany,
            "patterns",
            format!("there are more than {MAX_PATTERNS} patterns, and values are searched for each"),
            "join patterns of one sort with `|`, or remove what is not needed",
        );
    }
    for (name, pattern) in file.patterns.iter().take(MAX_PATTERNS) {
        if let Err(fault) = Recogniser::compile(&pattern.pattern) {
            let (reason, remedy) = explained(fault);
            reader.add(Code::WrongPattern, &format!("patterns.{name}.pattern"), reason, remedy);
        }
        if !is_forbidden_somewhere(file, name) {
            reader.add(
                Code::UnusedPattern,
                &format!("patterns.{name}"),
                format!("no category forbids `{name}`, so that nothing is searched for it"),
                "name it in the `forbidden` of a category, or remove it",
            );
        }
    }
    for (category, declared) in &file.categories {
        for name in
            declared.forbidden.iter().filter_map(named).filter(|name| !file.patterns.contains_key(name))
        {
            reader.add(
                Code::UnknownPattern,
                &format!("categories.{category}.forbidden"),
                format!("`{name}` is not declared"),
                format!("use card_number or card_verification, or add `[patterns.{name}]`"),
            );
        }
    }
}

fn explained(fault: PatternFault) -> (String, &'static str) {
    match fault {
        PatternFault::TooLong => (
            format!("the pattern is longer than {MAX_PATTERN_LENGTH} bytes"),
            "shorten it, or make several of it",
        ),
        PatternFault::DoesNotCompile(why) => (
            format!("the pattern does not compile: {}", short(&why)),
            "write a small regular expression in the syntax of the crate regex-lite, which has no look-around and \
             no Unicode classes",
        ),
        PatternFault::MatchesNothing => (
            "the pattern matches where there are no characters, and so in any value".to_owned(),
            "write at least one character that must be there",
        ),
    }
}

fn is_forbidden_somewhere(file: &PolicyFile, pattern: &PatternName) -> bool {
    file.categories
        .values()
        .flat_map(|category| &category.forbidden)
        .filter_map(named)
        .any(|name| name == pattern)
}

fn named(pattern: &ForbiddenPattern) -> Option<&PatternName> {
    match pattern {
        ForbiddenPattern::BuiltIn(_) => None,
        ForbiddenPattern::Named(name) => Some(name),
    }
}
