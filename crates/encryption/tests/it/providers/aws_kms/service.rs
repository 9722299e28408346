//! A model of AWS KMS.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use wzapi_encryption::provider::KeyContext;
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::{Clock, ManualClock};
use wzapi_model::{Entropy, Timestamp};

use crate::providers::sealing::{NONCE, hex, joined, open, seal};
use crate::providers::suite::Trouble;
use crate::providers::trouble::{Weather, travel};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How many reads see the state from before a write.
pub(super) const LAG: u32 = 2;

/// The exceptions of the service, by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    ConnectionRefused,
    Throttling,
    KmsInternal,
    NotFound,
    AlreadyExists,
    Disabled,
    KmsInvalidState,
    InvalidCiphertext,
    IncorrectKey,
    AccessDenied,
    Validation,
}

#[derive(Debug)]
pub(super) struct Exception(pub(super) Code);

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}Exception", self.0)
    }
}

impl std::error::Error for Exception {}

pub(super) type Answer<T> = Result<T, Exception>;

pub(super) fn exception<T>(code: Code) -> Answer<T> {
    Err(Exception(code))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion {
        at: Timestamp,
    },
    /// A primary key whose replica exists still: its waiting period begins when that is gone.
    PendingReplicaDeletion {
        window: Duration,
    },
}

#[derive(Clone)]
pub(super) struct Key {
    material: [u8; 32],
    state: KeyState,
    /// So many reads do not find it yet.
    unseen: u32,
}

pub(super) struct Alias {
    target: String,
    before: Option<String>,
    /// So many reads see the target from before.
    stale: u32,
}

#[derive(Default)]
pub(super) struct Region {
    keys: BTreeMap<String, Key>,
    aliases: BTreeMap<String, Alias>,
}

/// The service: two Regions of one account.
pub(super) struct Kms {
    regions: Mutex<[Region; 2]>,
    pub(super) weather: [Weather; 2],
    pub(super) clock: ManualClock,
    entropy: SystemEntropy,
    /// The policy of the caller's role does not allow `kms:ScheduleKeyDeletion`.
    pub(super) denies_deletion: Mutex<bool>,
}

impl Kms {
    pub(super) fn new() -> Self {
        Self {
            regions: Mutex::default(),
            weather: [Weather::default(), Weather::default()],
            clock: ManualClock::at("2026-11-22T12:00:00Z".parse().unwrap()),
            entropy: SystemEntropy::new(),
            denies_deletion: Mutex::new(false),
        }
    }

    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes).unwrap();
        bytes
    }

    /// A request arrives: weather strikes, and what was due happened.
    pub(super) async fn request(&self, region: usize, decrypts: bool) -> Answer<MutexGuard<'_, [Region; 2]>> {
        travel().await;
        match self.weather[region].strikes(decrypts) {
            Some(Trouble::Outage) => return exception(Code::ConnectionRefused),
            Some(Trouble::Throttled { .. }) => return exception(Code::Throttling),
            Some(Trouble::NoDecryption) => return exception(Code::KmsInternal),
            None => {}
        }
        let mut regions = self.regions.lock().unwrap();
        self.delete_what_is_due(&mut regions);
        Ok(regions)
    }

    pub(super) fn delete_what_is_due(&self, [home, other]: &mut [Region; 2]) {
        let now = self.clock.now();
        let is_due = |key: &Key| matches!(key.state, KeyState::PendingDeletion { at } if at <= now);
        other.keys.retain(|id, replica| {
            if let (Some(primary), KeyState::PendingDeletion { at }) = (home.keys.get_mut(id), replica.state)
                && at <= now
                && let KeyState::PendingReplicaDeletion { window } = primary.state
            {
                primary.state = KeyState::PendingDeletion { at: at.saturating_add(window) };
            }
            !is_due(replica)
        });
        home.keys.retain(|_, key| !is_due(key));
        for region in [home, other] {
            let keys = &region.keys;
            region.aliases.retain(|_, alias| keys.contains_key(&alias.target));
        }
    }

    pub(super) async fn create_key(&self, region: usize, multi_region: bool) -> Answer<String> {
        let mut regions = self.request(region, false).await?;
        let prefix = if multi_region { "mrk-" } else { "" };
        let id = format!("{prefix}{}", hex(&self.random::<16>()));
        let key = Key { material: self.random(), state: KeyState::Enabled, unseen: LAG };
        regions[region].keys.insert(id.clone(), key);
        Ok(id)
    }

    pub(super) async fn replicate_key(&self, id: &str, from: usize, to: usize) -> Answer<()> {
        let mut regions = self.request(from, false).await?;
        let Some(key) = regions[from].keys.get(id).cloned() else { return exception(Code::NotFound) };
        if !id.starts_with("mrk-") {
            return exception(Code::Validation);
        }
        if regions[to].keys.contains_key(id) {
            return exception(Code::AlreadyExists);
        }
        regions[to].keys.insert(id.to_owned(), Key { unseen: LAG, ..key });
        Ok(())
    }

    pub(super) async fn create_alias(&self, region: usize, alias: &str, target: &str) -> Answer<()> {
        let mut regions = self.request(region, false).await?;
        if regions[region].aliases.contains_key(alias) {
            return exception(Code::AlreadyExists);
        }
        let alias_of = Alias { target: target.to_owned(), before: None, stale: LAG };
        regions[region].aliases.insert(alias.to_owned(), alias_of);
        Ok(())
    }

    pub(super) async fn update_alias(&self, region: usize, alias: &str, target: &str) -> Answer<()> {
        let mut regions = self.request(region, false).await?;
        let Some(alias) = regions[region].aliases.get_mut(alias) else { return exception(Code::NotFound) };
        let before = std::mem::replace(&mut alias.target, target.to_owned());
        (alias.before, alias.stale) = (Some(before), LAG);
        Ok(())
    }

    /// The identifier and the state of a key that is named by identifier or alias.
    pub(super) async fn describe_key(&self, region: usize, name: &str) -> Answer<(String, KeyState)> {
        let mut regions = self.request(region, false).await?;
        let region = &mut regions[region];
        let id = match region.aliases.get_mut(name) {
            Some(alias) if alias.stale > 0 => {
                alias.stale -= 1;
                alias.before.clone()
            }
            Some(alias) => Some(alias.target.clone()),
            None => Some(name.to_owned()),
        };
        let found = id.and_then(|id| region.keys.get_mut(&id).map(|key| (id, key)));
        match found {
            Some((_, key)) if key.unseen > 0 => {
                key.unseen -= 1;
                exception(Code::NotFound)
            }
            Some((id, key)) => Ok((id, key.state)),
            None => exception(Code::NotFound),
        }
    }

    pub(super) fn usable<'a>(region: &'a mut Region, id: &str) -> Answer<&'a Key> {
        let Some(key) = region.keys.get_mut(id) else { return exception(Code::NotFound) };
        if key.unseen > 0 {
            key.unseen -= 1;
            return exception(Code::NotFound);
        }
        match key.state {
            KeyState::Enabled => Ok(key),
            KeyState::Disabled => exception(Code::Disabled),
            KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. } => {
                exception(Code::KmsInvalidState)
            }
        }
    }

    pub(super) async fn encrypt(
        &self,
        region: usize,
        id: &str,
        context: &KeyContext,
        plaintext: &[u8],
    ) -> Answer<Vec<u8>> {
        let mut regions = self.request(region, false).await?;
        let bytes: usize = context.iter().map(|(name, value)| name.len() + value.len()).sum();
        // The role is granted use by a grant, whose constraint has room for so much.
        if plaintext.len() > 4096 || context.len() > 8 || bytes > 384 {
            return exception(Code::Validation);
        }
        let nonce = self.random::<NONCE>();
        let key = Self::usable(&mut regions[region], id)?;
        let header = [&[1, 2, 2, 0, 0x78][..], &joined([id]), &nonce].concat();
        let sealed = seal(&key.material, nonce, &Self::aad(&header, context), plaintext);
        Ok([header, sealed].concat())
    }

    /// The plaintext. A ciphertext that names another key than `id` is refused.
    pub(super) async fn decrypt(
        &self,
        region: usize,
        id: Option<&str>,
        context: &KeyContext,
        blob: &[u8],
    ) -> Answer<Vec<u8>> {
        let mut regions = self.request(region, true).await?;
        let named = Self::key_of(blob).ok_or(Exception(Code::InvalidCiphertext))?;
        let id = match id {
            Some(id) if id == named => id,
            Some(id) => {
                Self::usable(&mut regions[region], id)?;
                return exception(Code::IncorrectKey);
            }
            None => named,
        };
        let key = Self::usable(&mut regions[region], id)?;
        let (header, sealed) = blob.split_at(5 + 4 + id.len() + NONCE);
        let nonce = *header.last_chunk().unwrap();
        open(&key.material, nonce, &Self::aad(header, context), sealed)
            .ok_or(Exception(Code::InvalidCiphertext))
    }

    pub(super) fn key_of(blob: &[u8]) -> Option<&str> {
        let rest = blob.strip_prefix(&[1, 2, 2, 0, 0x78])?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let id = rest.get(..length)?;
        (rest.len() >= length + NONCE).then(|| std::str::from_utf8(id).ok())?
    }

    pub(super) fn aad(header: &[u8], context: &KeyContext) -> Vec<u8> {
        let pairs = context.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        [header, &joined(pairs)].concat()
    }

    pub(super) async fn schedule_key_deletion(&self, region: usize, id: &str, days: u32) -> Answer<()> {
        let mut regions = self.request(region, false).await?;
        if !(7..=30).contains(&days) {
            return exception(Code::Validation);
        }
        if *self.denies_deletion.lock().unwrap() {
            return exception(Code::AccessDenied);
        }
        let window = DAY * days;
        let has_replicas = region == 0 && regions[1].keys.contains_key(id);
        let at = self.clock.now().saturating_add(window);
        let Some(key) = regions[region].keys.get_mut(id) else { return exception(Code::NotFound) };
        match key.state {
            KeyState::Enabled | KeyState::Disabled => {
                key.state = if has_replicas {
                    KeyState::PendingReplicaDeletion { window }
                } else {
                    KeyState::PendingDeletion { at }
                };
                Ok(())
            }
            KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. } => {
                exception(Code::KmsInvalidState)
            }
        }
    }

    /// Cancels a deletion; the key is disabled then.
    pub(super) async fn cancel_key_deletion(&self, region: usize, id: &str) -> Answer<()> {
        self.set_state(region, id, KeyState::Disabled).await
    }

    pub(super) async fn set_state(&self, region: usize, id: &str, state: KeyState) -> Answer<()> {
        let mut regions = self.request(region, false).await?;
        let Some(key) = regions[region].keys.get_mut(id) else { return exception(Code::NotFound) };
        key.state = state;
        Ok(())
    }
}
