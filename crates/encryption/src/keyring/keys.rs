//! The keys of a keyring and what may be done to them. Nothing here touches a file.

use wzapi_model::Timestamp;

use super::error::KeyringError;
use super::status::{KeyState, KeyStatus};
use crate::provider::{KeyProviderError, WrappingKeyId};
use crate::secret::SecretKey;

/// The most entries of a keyring. The traces of keys destroyed longest ago make room for new ones.
pub(super) const MAX_KEYS: usize = 1000;

/// Keys, oldest first: exactly one is active, and no two have the same name.
pub(super) struct Keys(Vec<Entry>);

pub(super) struct Entry {
    pub(super) id: WrappingKeyId,
    /// Not known of keys from a file of version 1.
    pub(super) created_at: Option<Timestamp>,
    pub(super) state: State,
}

pub(super) enum State {
    /// The current one.
    Active(SecretKey),
    /// An earlier one. It wraps as well, for whoever learnt its name before there was a newer one.
    Retired { since: Option<Timestamp>, key: SecretKey },
    /// A trace without a key.
    Destroyed { at: Timestamp },
}

impl Entry {
    pub(super) const fn key(&self) -> Option<&SecretKey> {
        match &self.state {
            State::Active(key) | State::Retired { key, .. } => Some(key),
            State::Destroyed { .. } => None,
        }
    }
}

impl Keys {
    /// # Errors
    /// [`KeyringError::Malformed`] when not exactly one is active, or two have the same name, or there are too many.
    pub(super) fn new(entries: Vec<Entry>) -> Result<Self, KeyringError> {
        let active = entries.iter().filter(|entry| matches!(entry.state, State::Active(_))).count();
        let mut names: Vec<&WrappingKeyId> = entries.iter().map(|entry| &entry.id).collect();
        names.sort_unstable();
        names.dedup();
        if active != 1 || names.len() != entries.len() || entries.len() > MAX_KEYS {
            return Err(KeyringError::Malformed);
        }
        Ok(Self(entries))
    }

    pub(super) fn with_first(id: WrappingKeyId, key: SecretKey, now: Timestamp) -> Self {
        Self(vec![Entry { id, created_at: Some(now), state: State::Active(key) }])
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Makes `key` the active one and retires the former.
    pub(super) fn activate(
        &mut self,
        id: WrappingKeyId,
        key: SecretKey,
        now: Timestamp,
    ) -> Result<(), KeyringError> {
        if self.contains(&id) {
            return Err(KeyringError::Malformed);
        }
        if self.0.len() >= MAX_KEYS {
            let oldest = self.0.iter().position(|entry| entry.key().is_none()).ok_or(KeyringError::Full)?;
            self.0.remove(oldest);
        }
        for entry in &mut self.0 {
            if let State::Active(former) = &entry.state {
                entry.state = State::Retired { since: Some(now), key: former.clone() };
            }
        }
        self.0.push(Entry { id, created_at: Some(now), state: State::Active(key) });
        Ok(())
    }

    /// Leaves a trace of a retired key in its place.
    pub(super) fn destroy(&mut self, id: &WrappingKeyId, now: Timestamp) -> Result<(), KeyProviderError> {
        let entry = self.0.iter_mut().find(|entry| entry.id == *id).ok_or(KeyProviderError::NoSuchKey)?;
        match entry.state {
            State::Active(_) => Err(KeyProviderError::StillCurrent),
            State::Retired { .. } => {
                entry.state = State::Destroyed { at: now };
                Ok(())
            }
            State::Destroyed { .. } => Err(KeyProviderError::NoSuchKey),
        }
    }

    pub(super) fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let active = self.0.iter().find(|entry| matches!(entry.state, State::Active(_)));
        active.map(|entry| entry.id.clone()).ok_or(KeyProviderError::NoSuchKey)
    }

    /// # Errors
    /// [`KeyProviderError::NoSuchKey`] when it was destroyed or never was.
    pub(super) fn living(&self, id: &WrappingKeyId) -> Result<&SecretKey, KeyProviderError> {
        let entry = self.0.iter().find(|entry| entry.id == *id);
        entry.and_then(Entry::key).ok_or(KeyProviderError::NoSuchKey)
    }

    pub(super) fn contains(&self, id: &WrappingKeyId) -> bool {
        self.0.iter().any(|entry| entry.id == *id)
    }

    pub(super) fn status(&self) -> Vec<KeyStatus> {
        let status_of = |entry: &Entry| KeyStatus {
            id: entry.id.clone(),
            created_at: entry.created_at,
            state: match entry.state {
                State::Active(_) => KeyState::Active,
                State::Retired { since, .. } => KeyState::Retired { since },
                State::Destroyed { at } => KeyState::Destroyed { at },
            },
        };
        self.0.iter().map(status_of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> WrappingKeyId {
        WrappingKeyId(format!("key-{number}"))
    }

    fn key() -> SecretKey {
        SecretKey::from_bytes(&[7; 32])
    }

    #[test]
    fn a_full_keyring_forgets_the_oldest_trace_and_never_a_key() {
        let now = Timestamp::EPOCH;
        let mut keys = Keys::with_first(id(0), key(), now);
        for number in 1..MAX_KEYS {
            keys.activate(id(number), key(), now).unwrap();
        }
        assert!(matches!(keys.activate(id(MAX_KEYS), key(), now), Err(KeyringError::Full)));
        assert_eq!(keys.current().unwrap(), id(MAX_KEYS - 1), "a refused key retires nothing");

        keys.destroy(&id(5), now).unwrap();
        keys.destroy(&id(3), now).unwrap();
        keys.activate(id(MAX_KEYS), key(), now).unwrap();
        assert!(keys.entries().iter().all(|entry| entry.id != id(3)), "the oldest trace made room");
        assert_eq!(keys.entries().len(), MAX_KEYS);
        assert_eq!(keys.entries().iter().filter(|entry| entry.key().is_some()).count(), MAX_KEYS - 1);
    }

    #[test]
    fn two_active_keys_no_active_key_and_two_of_one_name_are_malformed() {
        let active = |number| Entry { id: id(number), created_at: None, state: State::Active(key()) };
        let retired = |number| Entry {
            id: id(number),
            created_at: None,
            state: State::Retired { since: None, key: key() },
        };
        assert!(Keys::new(vec![retired(1), active(2)]).is_ok());
        for entries in [vec![], vec![retired(1)], vec![active(1), active(2)], vec![retired(1), active(1)]] {
            assert!(matches!(Keys::new(entries), Err(KeyringError::Malformed)));
        }
    }
}
