//! Reading licence expressions.
//!
//! The grammar is that of the SPDX specification, annex "SPDX License Expressions": `WITH` binds tighter
//! than `AND`, `AND` tighter than `OR`. Old manifests on crates.io write `/` for `OR`; that is read too.

/// Whether a user may keep to an expression by keeping to allowed licences alone.
///
/// `is_allowed` is asked about one licence at a time, with its exception: `Apache-2.0 WITH LLVM-exception`.
pub(crate) fn is_satisfied(
    expression: &str,
    is_allowed: &dyn Fn(&str) -> bool,
) -> Result<bool, ExpressionError> {
    if expression.len() > LONGEST {
        return Err(ExpressionError::TooLong);
    }
    let words = words(expression);
    let mut reader = Reader { words: &words, is_allowed };
    let satisfied = reader.alternatives()?;
    match reader.words.first() {
        None => Ok(satisfied),
        Some(word) => Err(ExpressionError::Unexpected((*word).to_owned())),
    }
}

/// Why an expression cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpressionError {
    #[error("it ends too early")]
    Incomplete,
    #[error("`{0}` does not belong where it stands")]
    Unexpected(String),
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
}

/// Bounds the depth of parentheses; the longest expression in use is a small part of it.
const LONGEST: usize = 500;

fn words(expression: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for mut rest in expression.split_whitespace() {
        while let Some(at) = rest.find(['(', ')', '/']) {
            let (before, from) = rest.split_at(at);
            let (mark, after) = from.split_at(1);
            words.extend([before, mark].into_iter().filter(|word| !word.is_empty()));
            rest = after;
        }
        words.extend(Some(rest).filter(|word| !word.is_empty()));
    }
    words
}

struct Reader<'a> {
    words: &'a [&'a str],
    is_allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Reader<'a> {
    fn alternatives(&mut self) -> Result<bool, ExpressionError> {
        let mut satisfied = self.conjunction()?;
        while self.take("OR") || self.take("/") {
            // Read the right side even when the left decides, so that nonsense there is not passed over.
            satisfied |= self.conjunction()?;
        }
        Ok(satisfied)
    }

    fn conjunction(&mut self) -> Result<bool, ExpressionError> {
        let mut satisfied = self.term()?;
        while self.take("AND") {
            satisfied &= self.term()?;
        }
        Ok(satisfied)
    }

    fn term(&mut self) -> Result<bool, ExpressionError> {
        if self.take("(") {
            let satisfied = self.alternatives()?;
            return match self.next()? {
                ")" => Ok(satisfied),
                word => Err(ExpressionError::Unexpected(word.to_owned())),
            };
        }
        let licence = self.name()?;
        if self.take("WITH") {
            let exception = self.name()?;
            return Ok((self.is_allowed)(&format!("{licence} WITH {exception}")));
        }
        Ok((self.is_allowed)(licence))
    }

    fn name(&mut self) -> Result<&'a str, ExpressionError> {
        match self.next()? {
            word @ ("(" | ")" | "/" | "OR" | "AND" | "WITH") => {
                Err(ExpressionError::Unexpected(word.to_owned()))
            }
            word => Ok(word),
        }
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words {
            [first, rest @ ..] if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn next(&mut self) -> Result<&'a str, ExpressionError> {
        let (first, rest) = self.words.split_first().ok_or(ExpressionError::Incomplete)?;
        self.words = rest;
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn satisfied(expression: &str) -> Result<bool, ExpressionError> {
        let allowed = ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"];
        is_satisfied(expression, &|licence| allowed.contains(&licence))
    }

    #[test]
    fn one_licence_stands_for_itself() {
        assert_eq!(satisfied("MIT"), Ok(true));
        assert_eq!(satisfied(" MIT "), Ok(true));
        assert_eq!(satisfied("GPL-3.0-only"), Ok(false));
        assert_eq!(satisfied("MIT+"), Ok(false));
    }

    #[test]
    fn one_allowed_alternative_is_enough() {
        assert_eq!(satisfied("GPL-3.0-only OR MIT"), Ok(true));
        assert_eq!(satisfied("MIT OR GPL-3.0-only OR MPL-2.0"), Ok(true));
        assert_eq!(satisfied("GPL-3.0-only OR MPL-2.0"), Ok(false));
    }

    #[test]
    fn a_slash_means_or() {
        assert_eq!(satisfied("Unlicense/MIT"), Ok(true));
        assert_eq!(satisfied("MIT / GPL-3.0-only"), Ok(true));
        assert_eq!(satisfied("Unlicense/MPL-2.0"), Ok(false));
    }

    #[test]
    fn every_part_of_a_conjunction_is_needed() {
        assert_eq!(satisfied("Apache-2.0 AND ISC"), Ok(true));
        assert_eq!(satisfied("MIT AND OpenSSL"), Ok(false));
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert_eq!(satisfied("MIT OR ISC AND OpenSSL"), Ok(true));
        assert_eq!(satisfied("OpenSSL AND ISC OR MIT"), Ok(true));
        assert_eq!(satisfied("(MIT OR ISC) AND OpenSSL"), Ok(false));
    }

    #[test]
    fn parentheses_nest_and_need_no_spaces() {
        assert_eq!(satisfied("(MIT OR Apache-2.0) AND ISC"), Ok(true));
        assert_eq!(satisfied("((MIT)OR(GPL-2.0-only AND ISC))"), Ok(true));
        assert_eq!(satisfied("(GPL-2.0-only OR (MIT AND OpenSSL))"), Ok(false));
    }

    #[test]
    fn an_exception_is_part_of_its_licence() {
        assert_eq!(satisfied("Apache-2.0 WITH LLVM-exception"), Ok(true));
        assert_eq!(satisfied("Apache-2.0 WITH LLVM-exception AND OpenSSL"), Ok(false));
        assert_eq!(satisfied("MIT WITH LLVM-exception"), Ok(false));
        assert_eq!(satisfied("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only"), Ok(true));
    }

    #[test]
    fn what_is_not_an_expression_is_an_error_even_beside_an_allowed_licence() {
        let unexpected = |word: &str| Err(ExpressionError::Unexpected(word.to_owned()));
        assert_eq!(satisfied(""), Err(ExpressionError::Incomplete));
        assert_eq!(satisfied("MIT OR"), Err(ExpressionError::Incomplete));
        assert_eq!(satisfied("(MIT"), Err(ExpressionError::Incomplete));
        assert_eq!(satisfied("MIT)"), unexpected(")"));
        assert_eq!(satisfied("MIT ISC"), unexpected("ISC"));
        assert_eq!(satisfied("MIT OR OR ISC"), unexpected("OR"));
        assert_eq!(satisfied("(MIT ISC)"), unexpected("ISC"));
        assert_eq!(satisfied(&"(".repeat(501)), Err(ExpressionError::TooLong));
    }
}
