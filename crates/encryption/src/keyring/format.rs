//! What stands in a keyring file: JSON, of version 2 when it is written and of 1 or 2 when it is read.
//!
//! `docs/formats/envelope.md` has the whole format. Every entry's name, state and times are bound to the key bytes: in a
//! protected file they are the associated data of the sealed keys, otherwise a checksum covers both.

use ring::digest;
use serde::{Deserialize, Serialize};
use wzapi_model::{Entropy, Timestamp};
use zeroize::{Zeroize, Zeroizing};

use super::error::KeyringError;
use super::keys::{Entry, Keys, State};
use super::passphrase::{ITERATIONS, Stretching, Unlocked};
use super::status::Protection;
use crate::encoding::length_prefixed;
use crate::envelope::{open_from, seal_onto};
use crate::error::EncryptionError;
use crate::provider::WrappingKeyId;
use crate::secret::SecretKey;

const FORMAT: &str = "wzapi-keyring";
const VERSION: u32 = 2;
const KEY_BYTES: usize = 32;
const MAX_NAME: usize = 128;
const METADATA_LABEL: &[u8] = b"wzapi/keyring-file/v2";
const CHECKSUM_LABEL: &[u8] = b"wzapi/keyring-checksum/v2";
const KDF: &str = "PBKDF2-HMAC-SHA256";

/// A file that was parsed, and not authenticated yet.
pub(super) struct Parsed(Content);

enum Content {
    V1(FileV1),
    V2(FileV2),
}

/// Enough to see which version it is.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileV1 {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u32,
    keys: Vec<EntryV1>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryV1 {
    id: String,
    key_hex: Hex,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileV2 {
    format: String,
    version: u32,
    protection: ProtectionName,
    #[serde(skip_serializing_if = "Option::is_none")]
    kdf: Option<KdfV2>,
    keys: Vec<EntryV2>,
    /// Of an unprotected file.
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_hex: Option<Hex>,
    /// Of a protected file: the bytes of all keys that there still are, in the order of the entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_hex: Option<Hex>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ProtectionName {
    None,
    Passphrase,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KdfV2 {
    algorithm: String,
    iterations: u32,
    salt_hex: Hex,
    check_hex: Hex,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryV2 {
    id: String,
    state: StateName,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destroyed_at: Option<String>,
    /// In an unprotected file, unless it was destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hex: Option<Hex>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateName {
    Active,
    Retired,
    Destroyed,
}

impl Parsed {
    /// # Errors
    /// [`KeyringError::Malformed`], [`KeyringError::Newer`].
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, KeyringError> {
        // What the parser says about an error may quote the file.
        let malformed = |_| KeyringError::Malformed;
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.format != FORMAT {
            return Err(KeyringError::Malformed);
        }
        match head.version {
            1 => Ok(Self(Content::V1(serde_json::from_slice(bytes).map_err(malformed)?))),
            VERSION => Ok(Self(Content::V2(serde_json::from_slice(bytes).map_err(malformed)?))),
            0 => Err(KeyringError::Malformed),
            _ => Err(KeyringError::Newer),
        }
    }

    /// How the passphrase is stretched; `None` when the file is not protected.
    ///
    /// # Errors
    /// [`KeyringError::Malformed`], [`KeyringError::Iterations`].
    pub(super) fn stretching(&self) -> Result<Option<Stretching>, KeyringError> {
        let Content::V2(file) = &self.0 else { return Ok(None) };
        match (file.protection, &file.kdf) {
            (ProtectionName::None, None) => Ok(None),
            (ProtectionName::Passphrase, Some(kdf)) => kdf.stretching().map(Some),
            (ProtectionName::None, Some(_)) | (ProtectionName::Passphrase, None) => {
                Err(KeyringError::Malformed)
            }
        }
    }

    pub(super) fn protection(&self) -> Result<Protection, KeyringError> {
        Ok(self.stretching()?.map_or(Protection::None, |stretching| Protection::Passphrase {
            iterations: stretching.iterations,
        }))
    }

    /// The keys, after all of the file was authenticated.
    ///
    /// # Errors
    /// [`KeyringError::Malformed`], [`KeyringError::Altered`], and those of a passphrase that is missing, unexpected or
    /// not the one any more.
    pub(super) fn open(&self, unlocked: Option<&Unlocked>) -> Result<Keys, KeyringError> {
        let stretching = self.stretching()?;
        match (&self.0, stretching, unlocked) {
            (_, None, Some(_)) => Err(KeyringError::NotProtected),
            (_, Some(_), None) => Err(KeyringError::PassphraseRequired),
            (Content::V2(file), Some(stretching), Some(unlocked)) => {
                if stretching != unlocked.stretching {
                    return Err(KeyringError::ProtectionChanged);
                }
                file.unseal(unlocked)
            }
            (Content::V2(file), None, None) => file.check(),
            (Content::V1(file), _, None) => file.keys(),
            (Content::V1(_), Some(_), Some(_)) => Err(KeyringError::Malformed),
        }
    }
}

/// The file with these keys, in the newest version.
///
/// # Errors
/// [`KeyringError::Entropy`].
pub(super) fn to_bytes(
    keys: &Keys,
    unlocked: Option<&Unlocked>,
    entropy: &dyn Entropy,
) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let mut file = FileV2 {
        format: FORMAT.to_owned(),
        version: VERSION,
        protection: if unlocked.is_some() { ProtectionName::Passphrase } else { ProtectionName::None },
        kdf: unlocked.map(|unlocked| KdfV2::of(&unlocked.stretching)),
        keys: keys.entries().iter().map(EntryV2::of).collect(),
        checksum_hex: None,
        sealed_hex: None,
    };
    let metadata = metadata(unlocked.map(|unlocked| &unlocked.stretching), keys.entries());
    let secret = key_bytes(keys.entries());
    if let Some(unlocked) = unlocked {
        let mut sealed = Vec::new();
        seal_onto(&mut sealed, &unlocked.sealing_key, &metadata, &secret, entropy).map_err(|error| {
            match error {
                EncryptionError::Entropy(error) => KeyringError::Entropy(error),
                _ => KeyringError::Malformed,
            }
        })?;
        file.sealed_hex = Some(Hex::of(&sealed));
    } else {
        for (shown, entry) in file.keys.iter_mut().zip(keys.entries()) {
            shown.key_hex = entry.key().map(|key| Hex::of(key.expose()));
        }
        file.checksum_hex = Some(Hex::of(&checksum(&metadata, &secret)));
    }
    // Large enough not to be moved while it grows, which would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2048 + keys.entries().len() * 512));
    serde_json::to_writer_pretty(&mut *bytes, &file).map_err(|_| KeyringError::Malformed)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl FileV1 {
    /// The last key was the current one.
    fn keys(&self) -> Result<Keys, KeyringError> {
        let last = self.keys.len().saturating_sub(1);
        let entry_of = |(position, entry): (usize, &EntryV1)| {
            let key = entry.key_hex.key()?;
            let state =
                if position == last { State::Active(key) } else { State::Retired { since: None, key } };
            Ok(Entry { id: checked_name(&entry.id)?, created_at: None, state })
        };
        Keys::new(self.keys.iter().enumerate().map(entry_of).collect::<Result<_, KeyringError>>()?)
    }
}

impl FileV2 {
    fn check(&self) -> Result<Keys, KeyringError> {
        let (Some(stated), None) = (&self.checksum_hex, &self.sealed_hex) else {
            return Err(KeyringError::Malformed);
        };
        let take = |entry: &EntryV2| match &entry.key_hex {
            Some(key) => key.key(),
            None => Err(KeyringError::Malformed),
        };
        let entries = self.keys.iter().map(|entry| entry.entry(take)).collect::<Result<Vec<_>, _>>()?;
        let is_whole =
            self.keys.iter().all(|entry| (entry.state == StateName::Destroyed) == entry.key_hex.is_none());
        let checksum = checksum(&metadata(None, &entries), &key_bytes(&entries));
        if !is_whole || stated.bytes()?.as_slice() != checksum {
            return Err(KeyringError::Altered);
        }
        Keys::new(entries)
    }

    fn unseal(&self, unlocked: &Unlocked) -> Result<Keys, KeyringError> {
        let (Some(sealed), None) = (&self.sealed_hex, &self.checksum_hex) else {
            return Err(KeyringError::Malformed);
        };
        if self.keys.iter().any(|entry| entry.key_hex.is_some()) {
            return Err(KeyringError::Malformed);
        }
        // The associated data holds no key, so any will do for the entries until the keys are known.
        let unknown = |_: &EntryV2| Ok(SecretKey::from_bytes(&[0; KEY_BYTES]));
        let entries = self.keys.iter().map(|entry| entry.entry(unknown)).collect::<Result<Vec<_>, _>>()?;
        let bound_to = metadata(Some(&unlocked.stretching), &entries);
        let secret = open_from(&sealed.bytes()?, &unlocked.sealing_key, &bound_to)
            .map_err(|_| KeyringError::Altered)?;
        let (keys, rest) = secret.as_chunks::<KEY_BYTES>();
        let mut keys = keys.iter();
        let mut next = |_: &EntryV2| keys.next().map(SecretKey::from_bytes).ok_or(KeyringError::Altered);
        let entries = self.keys.iter().map(|entry| entry.entry(&mut next)).collect::<Result<Vec<_>, _>>()?;
        if keys.next().is_some() || !rest.is_empty() {
            return Err(KeyringError::Altered);
        }
        Keys::new(entries)
    }
}

impl EntryV2 {
    fn of(entry: &Entry) -> Self {
        let text = |moment: Timestamp| moment.to_string();
        let (state, retired_at, destroyed_at) = match entry.state {
            State::Active(_) => (StateName::Active, None, None),
            State::Retired { since, .. } => (StateName::Retired, since.map(text), None),
            State::Destroyed { at } => (StateName::Destroyed, None, Some(text(at))),
        };
        let created_at = entry.created_at.map(text);
        Self { id: entry.id.0.clone(), state, created_at, retired_at, destroyed_at, key_hex: None }
    }

    /// The entry, with the key that `take` gives if it needs one.
    fn entry(
        &self,
        mut take: impl FnMut(&Self) -> Result<SecretKey, KeyringError>,
    ) -> Result<Entry, KeyringError> {
        let moment = |text: &Option<String>| match text {
            Some(text) => text.parse().map(Some).map_err(|_| KeyringError::Malformed),
            None => Ok(None),
        };
        let (retired_at, destroyed_at): (Option<Timestamp>, _) =
            (moment(&self.retired_at)?, moment(&self.destroyed_at)?);
        let state = match (self.state, retired_at, destroyed_at) {
            (StateName::Active, None, None) => State::Active(take(self)?),
            (StateName::Retired, since, None) => State::Retired { since, key: take(self)? },
            (StateName::Destroyed, None, Some(at)) => State::Destroyed { at },
            _ => return Err(KeyringError::Malformed),
        };
        Ok(Entry { id: checked_name(&self.id)?, created_at: moment(&self.created_at)?, state })
    }
}

impl KdfV2 {
    fn of(stretching: &Stretching) -> Self {
        Self {
            algorithm: KDF.to_owned(),
            iterations: stretching.iterations,
            salt_hex: Hex::of(&stretching.salt),
            check_hex: Hex::of(&stretching.check),
        }
    }

    fn stretching(&self) -> Result<Stretching, KeyringError> {
        if self.algorithm != KDF {
            return Err(KeyringError::Malformed);
        }
        if !ITERATIONS.contains(&self.iterations) {
            return Err(KeyringError::Iterations);
        }
        let malformed = |_| KeyringError::Malformed;
        Ok(Stretching {
            iterations: self.iterations,
            salt: self.salt_hex.bytes()?.as_slice().try_into().map_err(malformed)?,
            check: self.check_hex.bytes()?.as_slice().try_into().map_err(malformed)?,
        })
    }
}

fn checked_name(name: &str) -> Result<WrappingKeyId, KeyringError> {
    let is_name =
        !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_name { Ok(WrappingKeyId(name.to_owned())) } else { Err(KeyringError::Malformed) }
}

/// Everything in the file but the keys.
fn metadata(stretching: Option<&Stretching>, entries: &[Entry]) -> Vec<u8> {
    let mut out = match stretching {
        None => length_prefixed(&[METADATA_LABEL, b"none"]),
        Some(Stretching { iterations, salt, check }) => length_prefixed(&[
            METADATA_LABEL,
            b"passphrase",
            KDF.as_bytes(),
            &iterations.to_be_bytes(),
            salt,
            check,
        ]),
    };
    for entry in entries {
        let (state, since): (&[u8], _) = match entry.state {
            State::Active(_) => (b"active", None),
            State::Retired { since, .. } => (b"retired", since),
            State::Destroyed { at } => (b"destroyed", Some(at)),
        };
        let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.as_millis().to_be_bytes());
        let (created_at, since) = (moment(entry.created_at), moment(since));
        out.extend_from_slice(&length_prefixed(&[
            entry.id.0.as_bytes(),
            state,
            created_at.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            since.as_ref().map_or(&[], |bytes| bytes.as_slice()),
        ]));
    }
    out
}

fn key_bytes(entries: &[Entry]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(entries.len() * KEY_BYTES));
    for key in entries.iter().filter_map(Entry::key) {
        out.extend_from_slice(key.expose());
    }
    out
}

/// SHA-256 over both. The digest keeps its last block on the stack, which may hold key bytes; so it has a frame of its own,
/// and the part of the stack that it used is overwritten, as in `cipher.rs`.
fn checksum(metadata: &[u8], key_bytes: &[u8]) -> [u8; 32] {
    let checksum = checksum_in_own_frame(metadata, key_bytes);
    scrub_stack();
    checksum
}

#[inline(never)]
fn scrub_stack() {
    std::hint::black_box(&mut [0_u8; 4096]);
}

#[inline(never)]
fn checksum_in_own_frame(metadata: &[u8], key_bytes: &[u8]) -> [u8; 32] {
    let covered = Zeroizing::new(length_prefixed(&[CHECKSUM_LABEL, metadata, key_bytes]));
    let digest = digest::digest(&digest::SHA256, &covered);
    let mut out = [0; 32];
    out.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Bytes as lower-case hexadecimal digits: wiped when dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Hex(String);

impl Drop for Hex {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Hex {
    fn of(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            for half in [byte >> 4, byte & 0xf] {
                text.push(char::from_digit(half.into(), 16).unwrap_or_default());
            }
        }
        Self(text)
    }

    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let (pairs, rest) = self.0.as_bytes().as_chunks::<2>();
        let mut out = Zeroizing::new(Vec::with_capacity(pairs.len()));
        for [high, low] in pairs {
            out.push(half_byte(*high)? << 4 | half_byte(*low)?);
        }
        if rest.is_empty() { Ok(out) } else { Err(KeyringError::Malformed) }
    }

    fn key(&self) -> Result<SecretKey, KeyringError> {
        let bytes = self.bytes()?;
        let bytes: &[u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| KeyringError::Malformed)?;
        Ok(SecretKey::from_bytes(bytes))
    }
}

fn half_byte(digit: u8) -> Result<u8, KeyringError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(KeyringError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use wzapi_model::system::SystemEntropy;

    use super::*;

    fn keys() -> Keys {
        let moment = |text: &str| Some(text.parse().unwrap());
        let key = |byte| SecretKey::from_bytes(&[byte; 32]);
        let entry =
            |id: &str, created_at, state| Entry { id: WrappingKeyId(id.to_owned()), created_at, state };
        let since = moment("2026-03-01T12:00:00.500Z");
        Keys::new(vec![
            entry("local-a", None, State::Retired { since: None, key: key(1) }),
            entry("local-b", moment("2026-01-01"), State::Destroyed { at: "2026-02-01".parse().unwrap() }),
            entry("local-c", moment("2026-01-02"), State::Retired { since, key: key(3) }),
            entry("local-d", since, State::Active(key(4))),
        ])
        .unwrap()
    }

    fn unlocked() -> Unlocked {
        let stretching = Stretching { iterations: 100_000, salt: [5; 16], check: [6; 32] };
        Unlocked { stretching, sealing_key: SecretKey::from_bytes(&[7; 32]) }
    }

    /// Everything that there is to know about keys.
    fn known(keys: &Keys) -> (Vec<u8>, Vec<u8>) {
        (metadata(None, keys.entries()), key_bytes(keys.entries()).to_vec())
    }

    #[test]
    fn every_changed_bit_is_noticed_or_changes_nothing() {
        let unlocked = unlocked();
        for unlocked in [None, Some(&unlocked)] {
            let bytes = to_bytes(&keys(), unlocked, &SystemEntropy::new()).unwrap();
            let read = |bytes: &[u8]| Parsed::from_bytes(bytes).and_then(|parsed| parsed.open(unlocked));
            assert_eq!(known(&read(&bytes).unwrap()), known(&keys()));
            let mut unnoticed = 0;
            for position in 0..bytes.len() {
                for bit in 0..8 {
                    let mut altered = bytes.to_vec();
                    altered[position] ^= 1 << bit;
                    if let Ok(read) = read(&altered) {
                        assert_eq!(known(&read), known(&keys()), "byte {position}, bit {bit}");
                        unnoticed += 1;
                    }
                }
            }
            // Space that becomes another space, and the T and the Z of a time in lower case.
            assert!(unnoticed < bytes.len() / 2, "{unnoticed} of {}", 8 * bytes.len());
        }
    }

    #[test]
    fn what_is_cut_off_or_put_behind_is_noticed() {
        let bytes = to_bytes(&keys(), None, &SystemEntropy::new()).unwrap();
        for length in 0..bytes.len() - 2 {
            assert!(Parsed::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Parsed::from_bytes(&[bytes.as_slice(), b"{}"].concat()).is_err());
    }

    #[test]
    fn a_buffer_that_holds_keys_is_not_moved_while_it_grows() {
        let mut entries = Vec::new();
        for number in 0..999 {
            let id = WrappingKeyId(format!("{number:0>128}"));
            let state = State::Retired { since: Some(Timestamp::MAX), key: SecretKey::from_bytes(&[9; 32]) };
            entries.push(Entry { id, created_at: Some(Timestamp::MAX), state });
        }
        let id = WrappingKeyId("active".to_owned());
        entries.push(Entry { id, created_at: None, state: State::Active(SecretKey::from_bytes(&[9; 32])) });
        let keys = Keys::new(entries).unwrap();
        for unlocked in [None, Some(&unlocked())] {
            let bytes = to_bytes(&keys, unlocked, &SystemEntropy::new()).unwrap();
            assert_eq!(bytes.capacity(), 2048 + 1000 * 512, "{}", bytes.len());
            assert!(bytes.len() < 1024 * 1024, "the largest keyring is smaller than the largest file");
        }
    }
}
