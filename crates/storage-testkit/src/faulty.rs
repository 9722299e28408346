//! A store that fails on purpose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use wzapi_model::ids::ControllerId;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Key, Storage, StorageError};

/// What goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The call is refused before anything happens.
    Unavailable,
    /// The call waits so many turns of the scheduler before it does anything, so that others overtake it.
    Delay(u16),
    /// A commit does nothing, and its outcome is not told. Other calls are [`Fault::Unavailable`].
    UnknownBefore,
    /// A commit takes effect, and its outcome is not told. Other calls are [`Fault::Unavailable`].
    UnknownAfter,
}

/// How often each fault strikes, in calls of a thousand. What is left over goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// [`Fault::Unavailable`].
    pub unavailable: u16,
    /// [`Fault::Delay`], by up to 32 turns.
    pub delay: u16,
    /// [`Fault::UnknownBefore`].
    pub unknown_before: u16,
    /// [`Fault::UnknownAfter`].
    pub unknown_after: u16,
}

impl Rates {
    /// Every fault, often: one call in four.
    pub const HARSH: Self = Self { unavailable: 60, delay: 100, unknown_before: 45, unknown_after: 45 };
}

/// A store around another one, at whose calls faults strike: by chance from a seed, or at stated calls. The same
/// seed and the same order of calls give the same faults.
///
/// ```
/// use std::sync::Arc;
/// use wzapi_storage_memory::MemoryStorage;
/// use wzapi_storage_testkit::faulty::{Fault, FaultyStorage};
///
/// let storage = FaultyStorage::new(Arc::new(MemoryStorage::new())).with_fault(3, Fault::UnknownAfter);
/// assert_eq!(storage.calls(), 0);
/// ```
pub struct FaultyStorage {
    inner: Arc<dyn Storage>,
    seed: u64,
    rates: Rates,
    stated: BTreeMap<u64, Fault>,
    calls: AtomicU64,
    struck: AtomicU64,
    is_armed: AtomicBool,
}

impl FaultyStorage {
    /// A store at which nothing goes wrong yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self {
            inner,
            seed: 0,
            rates: Rates::default(),
            stated: BTreeMap::new(),
            calls: AtomicU64::new(0),
            struck: AtomicU64::new(0),
            is_armed: AtomicBool::new(true),
        }
    }

    /// The same, with faults by chance.
    #[must_use]
    pub const fn with_rates(mut self, seed: u64, rates: Rates) -> Self {
        self.seed = seed;
        self.rates = rates;
        self
    }

    /// The same, with a fault at one call, counted from 0 over all three methods.
    #[must_use]
    pub fn with_fault(mut self, call: u64, fault: Fault) -> Self {
        self.stated.insert(call, fault);
        self
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many faults struck.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::SeqCst)
    }

    /// Ends the trouble, or begins it again.
    pub fn set_armed(&self, is_armed: bool) {
        self.is_armed.store(is_armed, Ordering::SeqCst);
    }

    /// Counts a call and draws its fault.
    fn draw(&self) -> Option<Fault> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if !self.is_armed.load(Ordering::SeqCst) {
            return None;
        }
        let fault = self.stated.get(&call).copied().or_else(|| self.by_chance(call));
        if fault.is_some() {
            self.struck.fetch_add(1, Ordering::SeqCst);
        }
        fault
    }

    fn by_chance(&self, call: u64) -> Option<Fault> {
        let random = mixed(self.seed ^ mixed(call));
        let mut die = u16::try_from(random % 1000).unwrap_or(0);
        let turns = u16::try_from(1 + (random >> 32) % 32).unwrap_or(1);
        let faults = [
            (self.rates.unavailable, Fault::Unavailable),
            (self.rates.delay, Fault::Delay(turns)),
            (self.rates.unknown_before, Fault::UnknownBefore),
            (self.rates.unknown_after, Fault::UnknownAfter),
        ];
        for (rate, fault) in faults {
            if die < rate {
                return Some(fault);
            }
            die -= rate;
        }
        None
    }

    /// Lets a call that only reads through, sooner or later, or refuses it.
    async fn admit(&self) -> Result<(), StorageError> {
        match self.draw() {
            None => Ok(()),
            Some(Fault::Delay(turns)) => {
                wait(turns).await;
                Ok(())
            }
            Some(Fault::Unavailable | Fault::UnknownBefore | Fault::UnknownAfter) => Err(refused()),
        }
    }
}

impl std::fmt::Debug for FaultyStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyStorage")
            .field("seed", &self.seed)
            .field("rates", &self.rates)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for FaultyStorage {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.admit().await?;
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.admit().await?;
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        match self.draw() {
            None => {}
            Some(Fault::Delay(turns)) => wait(turns).await,
            Some(Fault::Unavailable) => return Err(refused()),
            Some(Fault::UnknownBefore) => return Err(not_told()),
            Some(Fault::UnknownAfter) => {
                // A conflict or a refusal would have been lost on the way just the same.
                let _ = self.inner.commit(changeset).await;
                return Err(not_told());
            }
        }
        self.inner.commit(changeset).await
    }
}

async fn wait(turns: u16) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

fn refused() -> StorageError {
    StorageError::unavailable("a fault that was injected: nothing happened")
}

fn not_told() -> StorageError {
    StorageError::UnknownOutcome { cause: "a fault that was injected: nobody knows".into() }
}

/// SplitMix64: as good a die as a test needs, and the same everywhere.
const fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults_at_about_their_rates() {
        let store = |seed| {
            FaultyStorage::new(Arc::new(wzapi_storage_memory::MemoryStorage::new()))
                .with_rates(seed, Rates::HARSH)
        };
        let draw = |seed| {
            let store = store(seed);
            (0..10_000).map(|_| store.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let struck = draw(7).into_iter().flatten().count();
        assert!((2_200..2_800).contains(&struck), "{struck} of 10,000 at a rate of 250 in 1,000");
    }
}
