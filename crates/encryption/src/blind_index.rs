//! Keyed hashes that stand for what must not be stored in clear.
//!
//! `HMAC-SHA256(index key, label ‖ kind ‖ value)` with length-prefixed parts, cut to 16 bytes. A plain hash of a
//! telephone number can be enumerated; a keyed one cannot without the key, which is wrapped under the
//! controller's tenant key. Index keys have versions: look-ups try every live one, new rows use the newest.

use wzapi_model::identifier::Identifier;
use wzapi_storage::key::BlindIndex;

use crate::cipher::mac;
use crate::encoding::length_prefixed;
use crate::secret::SecretKey;

/// What kind of thing a blind index stands for. Indexes of different labels never match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexLabel {
    /// An identifier of a person.
    Identifier,
    /// A source event: message ids embed telephone numbers.
    SourceEvent,
    /// A WABA or phone number id of a business.
    Route,
    /// A business portfolio.
    Portfolio,
    /// What a message carries to the provider and back: it shows that a status is about a message of ours.
    Callback,
}

impl IndexLabel {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Identifier => b"wzapi/index/identifier/v1",
            Self::SourceEvent => b"wzapi/index/source-event/v1",
            Self::Route => b"wzapi/index/route/v1",
            Self::Portfolio => b"wzapi/index/portfolio/v1",
            Self::Callback => b"wzapi/index/callback/v1",
        }
    }
}

/// One version of a controller's index key, prepared.
pub(crate) struct IndexKey {
    pub(crate) version: u32,
    key: SecretKey,
}

impl IndexKey {
    pub(crate) const fn new(version: u32, key: SecretKey) -> Self {
        Self { version, key }
    }

    pub(crate) fn of(&self, label: IndexLabel, kind: &[u8], value: &[u8]) -> BlindIndex {
        let tag = mac(self.key.expose(), &length_prefixed(&[label.as_bytes(), kind, value]));
        let mut index = [0; 16];
        index.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
        BlindIndex(index)
    }

    pub(crate) fn of_identifier(&self, identifier: &Identifier) -> BlindIndex {
        let canonical = identifier.expose_canonical();
        self.of(IndexLabel::Identifier, identifier.kind().as_str().as_bytes(), canonical.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use wzapi_model::identifier::E164;

    use super::*;

    #[test]
    fn label_kind_value_and_key_all_matter() {
        let key = IndexKey::new(1, SecretKey::from_bytes(&[1; 32]));
        let other = IndexKey::new(2, SecretKey::from_bytes(&[2; 32]));
        let base = key.of(IndexLabel::Identifier, b"phone", b"15550001111");
        assert_eq!(base, key.of_identifier(&Identifier::Phone(E164::parse("+1 555 000 1111").unwrap())));
        for different in [
            key.of(IndexLabel::Route, b"phone", b"15550001111"),
            key.of(IndexLabel::Identifier, b"email", b"15550001111"),
            key.of(IndexLabel::Identifier, b"phone", b"15550001112"),
            key.of(IndexLabel::Identifier, b"phone1", b"5550001111"),
            other.of(IndexLabel::Identifier, b"phone", b"15550001111"),
        ] {
            assert_ne!(base, different);
        }
    }
}
