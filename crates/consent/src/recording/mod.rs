//! Acts, identifiers and windows, written as one changeset with their ledger entries.
//!
//! | module | what is in it |
//! |---|---|
//! | [`act`] | what an act consists of, and when a grant is set aside |
//! | [`rules`] | what the policy asks of a grant |
//! | [`confirmation`] | the second act of a double opt-in |
//! | [`age`] | what is stated about a person's age |

pub mod act;
pub(crate) mod acting;
pub mod age;
pub mod confirmation;
pub mod rules;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use wzapi_encryption::blind_index::IndexLabel;
use wzapi_encryption::{Encryption, Place, TenantKeys};
use wzapi_ledger::{Appended, Event, Ledger, LedgerError, PreparedEntry};
use wzapi_model::actor::Actor;
use wzapi_model::consent::Question;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_model::{Clock, Entropy, Timestamp};
use wzapi_storage::key::{BlindIndex, Key, Owner};
use wzapi_storage::row::{Sealed, SourceEventRow};
use wzapi_storage::{Draft, Storage};

use crate::error::ConsentError;
use crate::person::{self, KnownAs};
use crate::standing::Standing;

pub use act::{Evidence, EvidenceGrade, Guardian, NewAct, Notice, Recorded};
pub use confirmation::Confirmed;
pub use rules::{GrantRule, GrantRules};
pub(crate) use windows::MAX_WINDOWS;

/// How far in the future a grant may be dated, for clocks that differ.
pub const ALLOWED_SKEW: Duration = Duration::from_secs(300);
/// The longest evidence kept with an act, in bytes.
pub const MAX_EVIDENCE: usize = 64 * 1024;
/// How often a change is tried again when others change the same rows. Of those that meet, one gets through each
/// time, so this is also how many acts of one person can be under way at once before one of them is told so.
const MAX_ATTEMPTS: usize = 256;

/// Records consent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConsentLedger {
    pub(crate) parts: Parts,
    pub(crate) rules: Arc<GrantRules>,
    /// Who asks for what is recorded, by name.
    actor: Option<Arc<str>>,
}

/// What the engines of this crate stand on.
#[derive(Clone)]
pub struct Parts {
    /// Where rows are.
    pub storage: Arc<dyn Storage>,
    /// Keys.
    pub encryption: Arc<Encryption>,
    /// The accountability log.
    pub ledger: Ledger,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Does what stages and commits a changeset, again and again while others change the same rows.
macro_rules! until_through {
    ($consent:expr, $controller:expr, |$recording:ident| $stage:expr) => {{
        // The time of record is that of the call, however often others get in the way.
        let now = $consent.parts.clock.now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            if attempts > $crate::recording::ConsentLedger::MAX_ATTEMPTS {
                break Err($crate::error::ConsentError::Busy);
            }
            let mut $recording = $consent.begin_at($controller, now).await?;
            let outcome = match $stage.await {
                Err($crate::error::ConsentError::Busy) => continue,
                outcome => outcome?,
            };
            match $recording.commit().await {
                Err($crate::error::ConsentError::Busy) => {}
                committed => break committed.map(|_| outcome),
            }
        }
    }};
}
pub(crate) use until_through;

impl ConsentLedger {
    /// A consent ledger over these parts, whose policy asks nothing of grants.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts, rules: Arc::new(GrantRules::default()), actor: None }
    }

    /// The same under what a policy asks of grants.
    #[must_use]
    pub fn with_rules(self, rules: GrantRules) -> Self {
        Self { rules: Arc::new(rules), ..self }
    }

    /// The same on behalf of an actor, whose name stands in the ledger entries of what is recorded.
    #[must_use]
    pub fn by(&self, actor: &Actor) -> Self {
        Self { actor: Some(actor.name().into()), ..self.clone() }
    }

    /// Records one act of the person who goes by these identifiers, which are taken to be one person's. Durable
    /// when it returns, and from then on the gate knows it.
    ///
    /// # Errors
    /// [`ConsentError::InvalidAct`] when the act is malformed; [`ConsentError::Busy`] when others kept changing
    /// the same person; otherwise the failure of a part. In every case nothing was recorded, except perhaps under
    /// [`ConsentError::UnknownOutcome`].
    pub async fn record(
        &self,
        controller: ControllerId,
        known_as: &[KnownAs],
        act: &NewAct,
    ) -> Result<Recorded, ConsentError> {
        until_through!(self, controller, |recording| recording.act(known_as, act))
    }

    /// Begins a changeset of several acts. On [`ConsentError::Busy`] from its commit, begin again.
    ///
    /// # Errors
    /// [`ConsentError::Encryption`] when the controller is unknown or its keys are not to be had.
    pub async fn begin(&self, controller: ControllerId) -> Result<Recording<'_>, ConsentError> {
        self.begin_at(controller, self.parts.clock.now()).await
    }

    pub(crate) async fn begin_at(
        &self,
        controller: ControllerId,
        now: Timestamp,
    ) -> Result<Recording<'_>, ConsentError> {
        let keys = self.parts.encryption.tenant(controller).await?;
        Ok(Recording {
            parts: &self.parts,
            rules: &self.rules,
            actor: self.actor.as_deref(),
            draft: Draft::new(self.parts.storage.as_ref(), controller),
            keys,
            entries: Vec::new(),
            now,
        })
    }

    /// How often [`ConsentLedger::begin`] is worth trying when commits find others in the way.
    pub const MAX_ATTEMPTS: usize = MAX_ATTEMPTS;

    /// The person's standing on one question, under one identifier.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn standing(
        &self,
        controller: ControllerId,
        identifier: &Identifier,
        question: &Question<'_>,
    ) -> Result<Standing, ConsentError> {
        let keys = self.parts.encryption.tenant(controller).await?;
        let rows = crate::gate::read_rows(self.parts.storage.as_ref(), &keys, identifier, None).await?;
        Ok(rows.standing(question, self.parts.clock.now()))
    }
}

/// A changeset in the making: rows, and the ledger entries that account for them.
#[derive(Debug)]
pub struct Recording<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) rules: &'a GrantRules,
    actor: Option<&'a str>,
    pub(crate) draft: Draft<'a>,
    pub(crate) keys: Arc<TenantKeys>,
    pub(crate) entries: Vec<PreparedEntry>,
    now: Timestamp,
}

impl<'a> Recording<'a> {
    /// The time of record of everything in this changeset.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Seals a value for a field of a row, under the data key of `owner` and `category`.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn seal(
        &mut self,
        owner: Owner,
        category: &DataCategory,
        row: &Key,
        field: &str,
        plaintext: &[u8],
    ) -> Result<Sealed, ConsentError> {
        let controller = self.draft.controller();
        let data_key = self.keys.data_key_for_writing(&mut self.draft, owner, category, self.now).await?;
        Ok(data_key.seal(&Place { controller, row, field }, plaintext)?)
    }

    /// The rows, for what is written along with the acts.
    pub const fn draft(&mut self) -> &mut Draft<'a> {
        &mut self.draft
    }

    /// Loads the gate rows of many people in one read, before their acts are taken one by one.
    ///
    /// # Errors
    /// The failure of the store.
    pub async fn prefetch(
        &mut self,
        known_as: impl IntoIterator<Item = &KnownAs>,
    ) -> Result<(), ConsentError> {
        person::load(&mut self.draft, &self.keys, known_as).await
    }

    /// The beginning of a ledger event about what is recorded here: its type and who asked for it.
    pub(crate) fn event(&self, event_type: &'static str) -> Event {
        Event::new(event_type, self.draft.controller(), self.now).with_some("actor", self.actor)
    }

    /// Stages a ledger entry.
    ///
    /// # Errors
    /// [`ConsentError::Ledger`] when the event cannot be written canonically; the failure of a part.
    pub async fn entry(
        &mut self,
        owner: Owner,
        category: &DataCategory,
        event: &Event,
    ) -> Result<EntryId, ConsentError> {
        let entropy = self.parts.entropy.as_ref();
        let entry =
            PreparedEntry::seal(&mut self.draft, &self.keys, entropy, (owner, category), event, self.now)
                .await
                .map_err(ConsentError::from)?;
        let id = entry.id();
        self.entries.push(entry);
        Ok(id)
    }

    /// The keyed hash under which a source event is filed.
    ///
    /// # Errors
    /// [`ConsentError::Damaged`] when the controller has no index key.
    pub fn source_index(&self, source: &[u8]) -> Result<BlindIndex, ConsentError> {
        let indexes = self.keys.indexes(IndexLabel::SourceEvent, "", source);
        indexes.last().copied().ok_or(ConsentError::Damaged("the controller has no index key"))
    }

    /// Commits everything staged, durably. `None` when nothing was staged.
    ///
    /// # Errors
    /// [`ConsentError::Busy`] when a row changed since it was loaded: nothing was written.
    pub async fn commit(self) -> Result<Option<Appended>, ConsentError> {
        if self.draft.is_unchanged() && self.entries.is_empty() {
            return Ok(None);
        }
        match self.parts.ledger.commit(self.draft, self.entries).await {
            Ok(appended) => Ok(Some(appended)),
            Err(LedgerError::Conflict) => Err(ConsentError::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an act from this source was recorded before, about whomever: identifiers change hands and subjects
    /// are merged between two arrivals. Otherwise the source is staged as taken in.
    pub(crate) async fn is_repeated(&mut self, source: &[u8]) -> Result<bool, ConsentError> {
        let indexes = self.keys.indexes(IndexLabel::SourceEvent, "consent_act", source);
        let oldest =
            indexes.last().copied().ok_or(ConsentError::Damaged("the controller has no index key"))?;
        let place = Key::SourceEvent(oldest);
        self.draft.load([place.clone()]).await?;
        if self.draft.row::<SourceEventRow>(&place)?.is_some() {
            return Ok(true);
        }
        self.draft.put(place, SourceEventRow { seen_at: self.now }, None)?;
        Ok(false)
    }
}
