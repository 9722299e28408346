//! Patterns that a policy names: regular expressions, bounded so that looking for one is always cheap.

use std::collections::BTreeMap;

use regex_lite::{Regex, RegexBuilder};

use crate::file::{NamedPattern, PatternName};
use crate::forbidden::characters::{folded, visible};

/// The longest pattern, in bytes.
pub(crate) const MAX_PATTERN_LENGTH: usize = 512;
/// The most patterns of a policy.
pub(crate) const MAX_PATTERNS: usize = 32;
/// The largest program that a pattern may become, in bytes. A search takes at most a number of steps per byte that is in
/// proportion to it; this allows a few microseconds. An IBAN takes 3 KiB.
const MAX_PROGRAM: usize = 16 * 1024;
/// How deep groups may be nested.
const MAX_NESTING: u32 = 32;

/// Why a pattern cannot be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PatternFault {
    TooLong,
    /// With what the library says about it.
    DoesNotCompile(String),
    MatchesNothing,
}

/// A pattern, ready to be looked for.
#[derive(Debug, Clone)]
pub(crate) struct Recogniser(Regex);

impl Recogniser {
    pub(crate) fn compile(pattern: &str) -> Result<Self, PatternFault> {
        if pattern.len() > MAX_PATTERN_LENGTH {
            return Err(PatternFault::TooLong);
        }
        let regex = RegexBuilder::new(pattern)
            .size_limit(MAX_PROGRAM)
            .nest_limit(MAX_NESTING)
            .build()
            .map_err(|error| PatternFault::DoesNotCompile(error.to_string()))?;
        // A pattern that matches no characters is found in every value. An anchor such as `\b` does so in some texts only.
        let matches_nothing = ["", "a", "0", "-", " a 0\n"]
            .iter()
            .any(|probe| regex.find_iter(probe).any(|found| found.range().is_empty()));
        if matches_nothing { Err(PatternFault::MatchesNothing) } else { Ok(Self(regex)) }
    }

    /// Whether the pattern is in the value, whose digits may be of any script, with or without the characters in it
    /// that are not seen: these belong to words of some scripts, and part numbers in others.
    fn is_in(&self, value: &str) -> bool {
        let folded = folded(value);
        let visible = visible(&folded);
        self.0.is_match(&folded) || (visible != folded && self.0.is_match(&visible))
    }
}

impl PartialEq for Recogniser {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Recogniser {}

/// The patterns of a policy, ready to be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recognisers(BTreeMap<PatternName, Recogniser>);

impl Recognisers {
    /// Those of the patterns that can be looked for: all of them, in a policy without findings about them.
    pub(crate) fn of(patterns: &BTreeMap<PatternName, NamedPattern>) -> Self {
        let compiled = patterns
            .iter()
            .take(MAX_PATTERNS)
            .filter_map(|(name, pattern)| Some((name.clone(), Recogniser::compile(&pattern.pattern).ok()?)));
        Self(compiled.collect())
    }

    /// Whether the pattern of this name is in the value. One that is not known could be anything, so it is in all.
    pub(crate) fn find(&self, name: &PatternName, value: &str) -> bool {
        self.0.get(name).is_none_or(|pattern| pattern.is_in(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_bounded_and_matches_at_least_one_character() {
        for pattern in ["", "a*", "(?:)", r"\b", "^", "$", "x?", "a|", r"\B", "(?m)^"] {
            assert_eq!(Recogniser::compile(pattern), Err(PatternFault::MatchesNothing), "{pattern}");
        }
        for pattern in ["(", "[a", "a{2", r"\p{L}", "a{1000}{1000}", "(?=a)a", r"(a)\1"] {
            let fault = Recogniser::compile(pattern);
            assert!(matches!(fault, Err(PatternFault::DoesNotCompile(_))), "{pattern}: {fault:?}");
        }
        let longest = format!("[{}]", "a".repeat(MAX_PATTERN_LENGTH - 2));
        assert!(Recogniser::compile(&longest).is_ok());
        assert_eq!(Recogniser::compile(&"a".repeat(MAX_PATTERN_LENGTH + 1)), Err(PatternFault::TooLong));
        let nested = format!("{}a{}", "(".repeat(40), ")".repeat(40));
        assert!(matches!(Recogniser::compile(&nested), Err(PatternFault::DoesNotCompile(_))));
    }

    #[test]
    fn a_pattern_without_a_recogniser_is_in_every_value() {
        let none = Recognisers::of(&BTreeMap::new());
        assert!("passport_number".parse().is_ok_and(|name| none.find(&name, "")));
    }
}
