//! Business-scoped user ids.

use std::fmt;

use super::IdentifierError;

/// The longest part after the country, in bytes.
const MAX_SUFFIX: usize = 128;

/// A business-scoped user id: two-letter country, a dot, up to 128 letters and digits. It is scoped to one
/// business portfolio and changes when the person changes number. The parent form, as in `US.ENT.118157`,
/// has one more dot.
///
/// Source: Meta, "Business-scoped user IDs".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bsuid(Box<str>);

impl Bsuid {
    /// Reads an id as it stands in a webhook. Letters keep their case.
    ///
    /// # Errors
    /// [`IdentifierError::Bsuid`] for anything else.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let (country, rest) = text.split_once('.').ok_or(IdentifierError::Bsuid)?;
        let suffix = rest.strip_prefix("ENT.").unwrap_or(rest);
        let country_is_valid = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let suffix_is_valid = (1..=MAX_SUFFIX).contains(&suffix.len())
            && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if country_is_valid && suffix_is_valid { Ok(Self(text.into())) } else { Err(IdentifierError::Bsuid) }
    }

    /// The id as text: personal data.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bsuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bsuid([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_published_forms_and_nothing_else() {
        for text in ["US.13491208655302741918", "US.ENT.11815799212886844830", "IN.a1B2"] {
            assert_eq!(Bsuid::parse(text).unwrap().expose(), text);
        }
        let long = format!("US.{}", "1".repeat(129));
        for text in ["", "US", "US.", "us.1", "USA.1", "US.1-2", "BSUID_123", "US.ENT.", "US.A.1", &long] {
            assert_eq!(Bsuid::parse(text), Err(IdentifierError::Bsuid), "{text}");
        }
    }
}
