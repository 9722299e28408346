//! How a person can be named from outside: a phone number, a business-scoped user id, an e-mail address.
//!
//! Identifiers are personal data. None of these types implements `Display` or `Serialize`, and their `Debug`
//! prints a redaction; text comes out only through methods named `expose…`.

mod bsuid;
mod digits;
mod e164;
mod email;

pub use bsuid::Bsuid;
pub use e164::{E164, Region, Relation, Spelling};
pub use email::Email;

/// A text is not an identifier. The text itself is not repeated in the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not a telephone number with its country code.
    #[error("not a telephone number: write 7 to 15 digits with the country code, such as +91 98765 43210")]
    PhoneNumber,
    /// Not a region code.
    #[error("not a region code: use two letters of ISO 3166-1, such as IN")]
    Region,
    /// Not a business-scoped user id.
    #[error("not a business-scoped user id: expected two letters, a dot and up to 128 letters and digits")]
    Bsuid,
    /// Not an e-mail address.
    #[error("not an e-mail address")]
    Email,
    /// Neither a telephone number nor a business-scoped user id.
    #[error("neither a telephone number with country code nor a business-scoped user id")]
    Unrecognised,
}

/// The kind of an identifier; it is part of what a blind index is computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// [`E164`].
    Phone,
    /// [`Bsuid`].
    Bsuid,
    /// [`Email`].
    Email,
}

impl IdentifierKind {
    /// The name used in files, JSON and SQL, and in the input of a blind index.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Bsuid => "bsuid",
            Self::Email => "email",
        }
    }
}

/// Any identifier, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A telephone number.
    Phone(E164),
    /// A business-scoped user id.
    Bsuid(Bsuid),
    /// An e-mail address.
    Email(Email),
}

impl Identifier {
    /// Reads a recipient of a WhatsApp message: a telephone number with country code in any spelling, or a
    /// business-scoped user id.
    ///
    /// ```
    /// use wzapi_model::identifier::{Identifier, IdentifierKind};
    ///
    /// assert_eq!(Identifier::parse_recipient("+91 98765 43210")?.kind(), IdentifierKind::Phone);
    /// assert_eq!(Identifier::parse_recipient("US.13491208655302741918")?.kind(), IdentifierKind::Bsuid);
    /// # Ok::<(), wzapi_model::identifier::IdentifierError>(())
    /// ```
    ///
    /// # Errors
    /// [`IdentifierError::Unrecognised`] when it is neither.
    pub fn parse_recipient(text: &str) -> Result<Self, IdentifierError> {
        if let Ok(bsuid) = Bsuid::parse(text) {
            return Ok(Self::Bsuid(bsuid));
        }
        E164::parse(text).map(Self::Phone).map_err(|_| IdentifierError::Unrecognised)
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> IdentifierKind {
        match self {
            Self::Phone(_) => IdentifierKind::Phone,
            Self::Bsuid(_) => IdentifierKind::Bsuid,
            Self::Email(_) => IdentifierKind::Email,
        }
    }

    /// The canonical text, over which blind indexes are computed.
    #[must_use]
    pub fn expose_canonical(&self) -> String {
        match self {
            Self::Phone(number) => number.expose_digits(),
            Self::Bsuid(bsuid) => bsuid.expose().to_owned(),
            Self::Email(email) => email.expose().to_owned(),
        }
    }

    /// Every identifier under which something about the same person may be filed: this one first, then those
    /// that are only inferred and may carry denials but never grants. At most [`E164::MAX_SPELLINGS`].
    #[must_use]
    pub fn spellings(&self) -> Vec<(Self, Relation)> {
        match self {
            Self::Phone(number) => number
                .spellings()
                .into_iter()
                .map(|spelling| (Self::Phone(spelling.number), spelling.relation))
                .collect(),
            Self::Bsuid(_) | Self::Email(_) => vec![(self.clone(), Relation::Same)],
        }
    }
}
