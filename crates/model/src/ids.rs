//! Random 128-bit identifiers. They say nothing about the person or the business they stand for, so they may
//! stand in clear columns, in logs and in errors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entropy::{Entropy, EntropyError};

/// A text is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a valid {kind}: expected a UUID other than the nil one, such as 6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab"
)]
pub struct IdError {
    kind: &'static str,
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Draws a new identifier (122 random bits, UUID version 4).
            ///
            /// # Errors
            /// [`EntropyError`] when the source of randomness fails; nothing was made.
            pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes)?;
                Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid()))
            }

            /// The identifier with these 16 bytes, as stored in a key.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes, in the order in which keys sort.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                match Uuid::parse_str(text) {
                    Ok(uuid) if !uuid.is_nil() => Ok(Self(uuid)),
                    _ => Err(IdError { kind: $kind }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

random_id!(
    /// A controller: who decides why personal data is processed (GDPR Art. 4(7)). It is the tenant boundary and
    /// the first part of every stored key.
    ControllerId,
    "controller id"
);
random_id!(
    /// A data subject: one person as one controller knows them. The same person at two controllers has two
    /// unrelated ids.
    SubjectId,
    "subject id"
);
random_id!(
    /// A sender: one WhatsApp business phone number of a controller.
    SenderId,
    "sender id"
);
random_id!(
    /// A changeset, chosen by the caller, so that an unknown outcome of a commit can be settled.
    ChangesetId,
    "changeset id"
);
random_id!(
    /// A ledger entry, before and after it has an index in its log.
    EntryId,
    "ledger entry id"
);
random_id!(
    /// A consent event.
    ConsentEventId,
    "consent event id"
);
random_id!(
    /// A send permit; it may travel to the provider as `biz_opaque_callback_data`.
    PermitId,
    "permit id"
);
random_id!(
    /// A record of personal data.
    RecordId,
    "record id"
);
random_id!(
    /// A case: a person's request, or an erasure.
    CaseId,
    "case id"
);
random_id!(
    /// A legal hold.
    HoldId,
    "legal hold id"
);
random_id!(
    /// A log: the origin line of its checkpoints names this id and never the customer.
    LogId,
    "log id"
);

impl ControllerId {
    /// The reserved controller that owns rows of no customer: routing, the directory of controllers, and
    /// deliveries that nobody has claimed.
    pub const SYSTEM: Self = Self(Uuid::from_bytes([
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x8f, 0xff, 0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ]));

    /// Whether this is the reserved controller [`ControllerId::SYSTEM`].
    #[must_use]
    pub fn is_system(self) -> bool {
        self == Self::SYSTEM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nil_or_malformed_id_is_refused() {
        assert!(ControllerId::from_str("00000000-0000-0000-0000-000000000000").is_err());
        let error = SenderId::from_str("+15550001111").unwrap_err();
        assert!(error.to_string().contains("sender id"));
        assert!(!error.to_string().contains("1555"), "the input is not echoed");
    }

    #[test]
    fn text_and_bytes_round_trip() {
        let id = SubjectId::from_bytes([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(SubjectId::from_bytes(id.to_bytes()), id);
    }
}
