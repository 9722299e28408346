//! Values that are never stored (policy clause 2.a).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use wzapi_model::name::PurposeId;

use crate::forbidden::{holds_card_number, holds_verification_value};
use crate::language::Translated;
use crate::term::{Term, terms};

terms! {
    /// A kind of value that this library recognises by itself.
    BuiltInPattern {
        /// A full number of a payment card: 13 to 19 digits whose check digit is right.
        CardNumber = "card_number",
        /// A card verification value: three or four digits on their own, or behind their name.
        CardVerification = "card_verification",
    }
}

impl BuiltInPattern {
    /// Whether `value` holds such a value. It errs on the side of finding one: a number that merely looks like a card
    /// is refused too, which is about one in ten of arbitrary numbers of sixteen digits that begin like a card. The
    /// digits may be of any script, grouped and parted in the ways that `docs/policy.md` lists. Takes time in proportion
    /// to the value.
    ///
    /// ```
    /// use wzapi_policy::file::BuiltInPattern;
    ///
    /// assert!(BuiltInPattern::CardNumber.is_in("paid with 4111 1111-1111 1111"));
    /// assert!(BuiltInPattern::CardNumber.is_in("४१११,११११,११११,११११"));
    /// assert!(!BuiltInPattern::CardNumber.is_in("ends in 1111, token tok_9f2"));
    /// assert!(BuiltInPattern::CardVerification.is_in("CVV: 123"));
    /// ```
    #[must_use]
    pub fn is_in(self, value: &str) -> bool {
        match self {
            Self::CardNumber => holds_card_number(value),
            Self::CardVerification => holds_verification_value(value),
        }
    }
}

/// A text is not the name of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternNameError {
    /// It has not the form of a name.
    #[error("not a pattern: use 1 to 64 of a-z, 0-9 and _, beginning with a letter")]
    Form,
    /// It is the name of a pattern that is built in, and cannot mean something else.
    #[error("choose another name: card_number and card_verification are built in")]
    BuiltIn,
}

/// The name of a pattern that the policy declares under `[patterns]`. Never that of a built-in one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PatternName(String);

impl PatternName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PatternName {
    type Err = PatternNameError;

    fn from_str(text: &str) -> Result<Self, PatternNameError> {
        if BuiltInPattern::from_name(text).is_some() {
            return Err(PatternNameError::BuiltIn);
        }
        // Names of all sorts have the same form.
        text.parse::<PurposeId>().map_err(|_| PatternNameError::Form)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PatternName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A kind of value that a category forbids. Its name is all that it holds, so it may stand in errors and logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForbiddenPattern {
    /// One that this library recognises by itself.
    BuiltIn(BuiltInPattern),
    /// One that the policy declares; [`Policy::forbidden_in`](crate::Policy::forbidden_in) looks for it.
    Named(PatternName),
}

impl ForbiddenPattern {
    /// The name, as in the policy file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(pattern) => pattern.as_str(),
            Self::Named(name) => name.as_str(),
        }
    }
}

impl FromStr for ForbiddenPattern {
    type Err = PatternNameError;

    fn from_str(text: &str) -> Result<Self, PatternNameError> {
        match BuiltInPattern::from_name(text) {
            Some(pattern) => Ok(Self::BuiltIn(pattern)),
            None => text.parse().map(Self::Named),
        }
    }
}

impl fmt::Display for ForbiddenPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ForbiddenPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A pattern that the policy declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedPattern {
    /// What it recognises, in the notice.
    pub label: Translated,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Translated>,
    /// The regular expression, in the syntax of the crate `regex-lite`. It is looked for anywhere in a value whose digits
    /// of other scripts were made ASCII; what it says about letters, words and case is about ASCII.
    pub pattern: String,
}
