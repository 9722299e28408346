//! Names that a privacy policy defines: purposes and data categories.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
pub const MAX_NAME_LENGTH: usize = 64;

/// A text is not a name that a policy may define.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: use 1 to 64 of a-z, 0-9 and _, beginning with a letter")]
pub struct NameError {
    kind: &'static str,
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_NAME_LENGTH
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

macro_rules! policy_name {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(NameError { kind: $kind }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

policy_name!(
    /// A purpose of processing (GDPR Art. 5(1)(b)), such as `marketing` or `security_notifications`.
    PurposeId,
    "purpose"
);
policy_name!(
    /// A category of personal data, such as `contact` or `consent_evidence`. Each category of a person has data
    /// keys of its own, so that one can be destroyed while another is kept.
    DataCategory,
    "data category"
);

macro_rules! predefined {
    ($type:ident: $($(#[$doc:meta])* $function:ident = $text:literal),+ $(,)?) => {
        impl $type {
            $($(#[$doc])* #[must_use] pub fn $function() -> Self { Self($text.into()) })+
        }
    };
}

predefined!(PurposeId:
    /// Campaigns and offers. Rests on consent.
    marketing = "marketing",
    /// Announcements of new features (policy clause 3.b).
    feature_releases = "feature_releases",
    /// Updates about a service that the person uses (policy clause 3.b).
    service_updates = "service_updates",
    /// Technical support (policy clause 3.b).
    technical_support = "technical_support",
    /// Security notifications and one-time codes (policy clause 3.b).
    security_notifications = "security_notifications",
);

predefined!(DataCategory:
    /// How a person can be reached: numbers, ids and addresses as they arrived.
    contact = "contact",
    /// What shows that a person consented, refused or withdrew.
    consent_evidence = "consent_evidence",
    /// Entries about no person, and the evidence of what the controller did.
    accountability = "accountability",
    /// Webhook content that nothing here understands yet.
    unrecognised = "unrecognised",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_bounded() {
        for text in ["", "1st", "Marketing", "mark-eting", "café", &"a".repeat(65)] {
            assert!(text.parse::<PurposeId>().is_err(), "{text}");
        }
        assert_eq!("marketing".parse(), Ok(PurposeId::marketing()));
    }

    #[test]
    fn every_predefined_name_is_a_valid_name() {
        for purpose in [
            PurposeId::marketing(),
            PurposeId::feature_releases(),
            PurposeId::service_updates(),
            PurposeId::technical_support(),
            PurposeId::security_notifications(),
        ] {
            assert_eq!(purpose.as_str().parse(), Ok(purpose.clone()));
        }
        for category in [
            DataCategory::contact(),
            DataCategory::consent_evidence(),
            DataCategory::accountability(),
            DataCategory::unrecognised(),
        ] {
            assert_eq!(category.as_str().parse(), Ok(category.clone()));
        }
    }
}
