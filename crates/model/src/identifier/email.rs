//! E-mail addresses.

use std::fmt;
use std::str::FromStr;

use email_address::EmailAddress;

use super::IdentifierError;

/// An e-mail address (RFC 5321), canonical in lower case.
///
/// The local part may by the letter of RFC 5321 differ in case; no large provider makes that difference, and
/// an opt-out must match however it is typed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Box<str>);

impl Email {
    /// Reads a bare address, without a display name.
    ///
    /// # Errors
    /// [`IdentifierError::Email`] for anything else.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let trimmed = text.trim();
        if trimmed.contains('<') {
            return Err(IdentifierError::Email);
        }
        let address = EmailAddress::from_str(trimmed).map_err(|_| IdentifierError::Email)?;
        Ok(Self(address.as_str().to_lowercase().into()))
    }

    /// The address as text: personal data.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_make_two_people() {
        assert_eq!(Email::parse("Ana@Example.COM"), Email::parse(" ana@example.com "));
        for text in ["", "ana", "ana@", "@example.com", "a b@example.com", "Ana <ana@example.com>"] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
    }
}
