//! Acts, identifiers and windows, written as one changeset with their ledger entries.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_encryption::{Encryption, Place, TenantKeys};
use wzapi_ledger::{Appended, Event, Ledger, LedgerError, PreparedEntry};
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance, Question};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ConsentEventId, ControllerId, EntryId, SenderId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_model::personal::Personal;
use wzapi_model::{Clock, Entropy, Timestamp};
use wzapi_storage::key::{BlindIndex, Key, Owner};
use wzapi_storage::row::{
    ConsentEventRow, NoticeMark, Quarantine, Sealed, SourceEventRow, Window, event_id_of,
};
use wzapi_storage::{Draft, Storage};

use crate::entry_words::{channel_text, event_type, notice_json, purpose_text, quarantine_text, sender_text};
use crate::error::ConsentError;
use crate::person::{self, IdentityChange, KnownAs, Moment};
use crate::standing::{self, EffectiveAct, Standing};

/// How far in the future a grant may be dated, for clocks that differ.
pub const ALLOWED_SKEW: Duration = Duration::from_secs(300);
/// The longest evidence kept with an act, in bytes.
pub const MAX_EVIDENCE: usize = 64 * 1024;
/// The most senders whose windows are kept per identifier.
const MAX_WINDOWS: usize = 64;
/// How often a change is tried again when others change the same rows. Of those that meet, one gets through each
/// time, so this is also how many acts of one person can be under way at once before one of them is told so.
const MAX_ATTEMPTS: usize = 256;

/// The text that a person was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its version.
    pub version: String,
    /// The SHA-256 of its text.
    pub sha256: [u8; 32],
    /// Its language (BCP 47).
    pub language: String,
}

impl Notice {
    /// What the gate's rows keep of it.
    fn mark(&self) -> NoticeMark {
        let mut mark = [0; 16];
        mark.iter_mut().zip(self.sha256).for_each(|(to, from)| *to = from);
        NoticeMark(mark)
    }
}

/// An act to be recorded.
#[derive(Debug, Clone)]
pub struct NewAct {
    /// What happened.
    pub act: ConsentAct,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// How it arrived.
    pub method: ConsentMethod,
    /// Whether it was recorded when the person acted, or taken over from other records.
    pub provenance: Provenance,
    /// When the person acted; `None` when nobody can say, and then the time of record counts.
    pub acted_at: Option<Timestamp>,
    /// When a grant ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The notice that was shown.
    pub notice: Option<Notice>,
    /// What shows that the person acted: the form's URL and fields, the words of the message, a recording's name.
    pub evidence: Option<Personal<String>>,
    /// What identifies the act at its source, so that a second arrival changes nothing. `None` makes each call a
    /// new act.
    pub source: Option<Personal<Vec<u8>>>,
}

impl NewAct {
    /// A direct act with nothing but what every act must have.
    #[must_use]
    pub const fn direct(act: ConsentAct, scope: ConsentScope, method: ConsentMethod) -> Self {
        Self {
            act,
            scope,
            method,
            provenance: Provenance::Direct,
            acted_at: None,
            expires_at: None,
            notice: None,
            evidence: None,
            source: None,
        }
    }

    fn validate(&self) -> Result<(), ConsentError> {
        if self.evidence.as_ref().is_some_and(|evidence| evidence.expose().len() > MAX_EVIDENCE) {
            return Err(ConsentError::InvalidAct("its evidence is longer than 64 KiB"));
        }
        if self.expires_at.is_some() && self.act != ConsentAct::Given {
            return Err(ConsentError::InvalidAct("only a grant can expire"));
        }
        Ok(())
    }

    /// Why a grant counts for nothing yet. Denials are never set aside, whatever their date.
    fn quarantine(&self, now: Timestamp) -> Option<Quarantine> {
        if !matches!(self.act, ConsentAct::Given | ConsentAct::PlatformResumed) {
            return None;
        }
        if self.acted_at.is_some_and(|acted| acted > now.saturating_add(ALLOWED_SKEW)) {
            return Some(Quarantine::FutureDated);
        }
        if self.act == ConsentAct::PlatformResumed {
            return None;
        }
        let has_evidence = self.evidence.as_ref().is_some_and(|text| !text.expose().trim().is_empty());
        (self.provenance == Provenance::Imported && !has_evidence).then_some(Quarantine::NoEvidence)
    }
}

/// What became of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It was recorded, and counts.
    New {
        /// Its ledger entry.
        entry: EntryId,
    },
    /// It was recorded, but counts for nothing until somebody clears it.
    Quarantined {
        /// Its ledger entry.
        entry: EntryId,
        /// Why.
        reason: Quarantine,
    },
    /// It had been recorded before; nothing changed.
    Duplicate,
}

/// Records consent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConsentLedger {
    pub(crate) parts: Parts,
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

impl ConsentLedger {
    /// A consent ledger over these parts.
    #[must_use]
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
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
        // The time of record is that of the call, however often others get in the way.
        let now = self.parts.clock.now();
        for _ in 0..MAX_ATTEMPTS {
            let mut recording = self.begin_at(controller, now).await?;
            let recorded = match recording.act(known_as, act).await {
                Err(ConsentError::Busy) => continue,
                recorded => recorded?,
            };
            match recording.commit().await {
                Err(ConsentError::Busy) => {}
                outcome => return outcome.map(|_| recorded),
            }
        }
        Err(ConsentError::Busy)
    }

    /// Begins a changeset of several acts. On [`ConsentError::Busy`] from its commit, begin again.
    ///
    /// # Errors
    /// [`ConsentError::Encryption`] when the controller is unknown or its keys are not to be had.
    pub async fn begin(&self, controller: ControllerId) -> Result<Recording<'_>, ConsentError> {
        self.begin_at(controller, self.parts.clock.now()).await
    }

    async fn begin_at(
        &self,
        controller: ControllerId,
        now: Timestamp,
    ) -> Result<Recording<'_>, ConsentError> {
        let keys = self.parts.encryption.tenant(controller).await?;
        Ok(Recording {
            parts: &self.parts,
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

    /// Stages one act. A duplicate stages no act.
    ///
    /// # Errors
    /// As [`ConsentLedger::record`]; the recording must be dropped then.
    pub async fn act(&mut self, known_as: &[KnownAs], act: &NewAct) -> Result<Recorded, ConsentError> {
        act.validate()?;
        if known_as.is_empty() {
            return Err(ConsentError::InvalidAct("it names nobody"));
        }
        if let Some(source) = &act.source
            && self.is_repeated(source.expose()).await?
        {
            return Ok(Recorded::Duplicate);
        }
        let now = self.now;
        let subject = self.subject_of(known_as, act.acted_at, act.act.is_denial()).await?;
        let event = match &act.source {
            Some(source) => event_id_of(self.source_index(source.expose())?),
            None => ConsentEventId::generate(self.parts.entropy.as_ref())?,
        };
        let place = Key::ConsentEvent { subject, event };
        self.draft.load([place.clone()]).await?;
        let effective_at = self.effective_time(subject, act).await?;
        let quarantine = act.quarantine(now);
        let entry = self.account_for(subject, act, effective_at, quarantine).await?;
        self.stage_event(place, act, effective_at, quarantine, entry).await?;
        match quarantine {
            Some(reason) => Ok(Recorded::Quarantined { entry, reason }),
            None => {
                let effective = EffectiveAct {
                    act: act.act,
                    scope: act.scope.clone(),
                    provenance: act.provenance,
                    effective_at,
                    expires_at: act.expires_at,
                    notice: act.notice.as_ref().map(Notice::mark),
                    by_guardian: false,
                    entry,
                };
                self.apply(subject, known_as, &effective).await?;
                Ok(Recorded::New { entry })
            }
        }
    }

    /// Stages that the person wrote to, or called, a sender: the customer service window opens or goes on.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn inbound(
        &mut self,
        known_as: &[KnownAs],
        sender: SenderId,
        at: Option<Timestamp>,
    ) -> Result<(), ConsentError> {
        // A message from a future beyond the skew says nothing about when it was sent.
        if at.is_some_and(|at| at > self.now.saturating_add(ALLOWED_SKEW)) {
            return Ok(());
        }
        let subject = self.subject_of(known_as, at, false).await?;
        let last_inbound = at.map_or(self.now, |at| at.min(self.now));
        for (key, mut row) in person::gate_rows(&mut self.draft, subject).await? {
            if row.left_at.is_none() && open_window(&mut row.windows, Window::plain(sender, last_inbound)) {
                self.draft.put(key, row, None)?;
            }
        }
        Ok(())
    }

    /// Stages that a person goes by other identifiers now.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn change_identity(&mut self, change: &IdentityChange) -> Result<(), ConsentError> {
        let (parts, now) = (self.parts, self.now);
        let change = IdentityChange { at: change.at.min(now), ..change.clone() };
        let entropy = parts.entropy.as_ref();
        let moved = person::change_identity(&mut self.draft, &self.keys, entropy, &change, now).await?;
        let Some(subject) = moved else { return Ok(()) };
        let event = Event::new("subject.identity_changed", self.draft.controller(), now)
            .with("subject", subject.to_string())
            .with("since", change.at.as_millis());
        self.entry(Owner::Subject(subject), &DataCategory::consent_evidence(), &event).await.map(drop)
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

    async fn subject_of(
        &mut self,
        known_as: &[KnownAs],
        acted_at: Option<Timestamp>,
        links_all: bool,
    ) -> Result<SubjectId, ConsentError> {
        let entropy = self.parts.entropy.as_ref();
        let when = Moment { acted_at, now: self.now };
        person::find_or_create(&mut self.draft, &self.keys, entropy, known_as, when, links_all).await
    }

    /// Whether an act from this source was recorded before, about whomever: identifiers change hands and subjects
    /// are merged between two arrivals. Otherwise the source is staged as taken in.
    async fn is_repeated(&mut self, source: &[u8]) -> Result<bool, ConsentError> {
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

    /// The earlier of act and record. A denial that nobody dated happens now, after everything on record, even when
    /// the clock went back since or another machine's clock is ahead.
    async fn effective_time(&mut self, subject: SubjectId, act: &NewAct) -> Result<Timestamp, ConsentError> {
        if let Some(acted) = act.acted_at {
            return Ok(if act.act.is_denial() { end_of_second(acted) } else { acted }.min(self.now));
        }
        let mut effective_at = self.now;
        if act.act.is_denial() {
            for (_, row) in person::gate_rows(&mut self.draft, subject).await? {
                let grants = row.marks.iter().flat_map(|marks| [marks.granted, marks.imported]).flatten();
                effective_at = grants.map(|grant| grant.mark.at).fold(effective_at, Timestamp::max);
            }
        }
        Ok(effective_at)
    }

    async fn account_for(
        &mut self,
        subject: SubjectId,
        act: &NewAct,
        effective_at: Timestamp,
        quarantine: Option<Quarantine>,
    ) -> Result<EntryId, ConsentError> {
        let event = Event::new(event_type(act.act), self.draft.controller(), self.now)
            .with("subject", subject.to_string())
            .with("purpose", purpose_text(&act.scope.purpose))
            .with("channel", channel_text(act.scope.channel))
            .with("sender", sender_text(act.scope.sender))
            .with("method", act.method.as_str())
            .with("imported", act.provenance == Provenance::Imported)
            .with("effective_at", effective_at.as_millis())
            .with_some("acted_at", act.acted_at.map(Timestamp::as_millis))
            .with_some("expires_at", act.expires_at.map(Timestamp::as_millis))
            .with_some("notice", act.notice.as_ref().map(notice_json))
            .with_some("evidence", act.evidence.as_ref().map(|text| text.expose().as_str()))
            .with_some("quarantine", quarantine.map(quarantine_text));
        self.entry(Owner::Subject(subject), &DataCategory::consent_evidence(), &event).await
    }

    async fn stage_event(
        &mut self,
        place: Key,
        act: &NewAct,
        effective_at: Timestamp,
        quarantine: Option<Quarantine>,
        entry: EntryId,
    ) -> Result<(), ConsentError> {
        let category = DataCategory::consent_evidence();
        let details = json!({
            "evidence": act.evidence.as_ref().map(|text| text.expose().as_str()),
            "notice": act.notice.as_ref().map(notice_json),
        });
        let sealed =
            self.seal(place.owner(), &category, &place, "details", details.to_string().as_bytes()).await?;
        let row = ConsentEventRow {
            act: act.act,
            scope: act.scope.clone(),
            method: act.method,
            provenance: act.provenance,
            acted_at: act.acted_at,
            recorded_at: self.now,
            effective_at,
            expires_at: act.expires_at,
            quarantine,
            entry,
            details: sealed,
        };
        Ok(self.draft.put(place, row, None)?)
    }

    /// Folds the act into every gate row of the person, also into those that the person had when acting; a denial
    /// also into the rows of the identifiers it was made under, whoever has them now. The subject row is rewritten
    /// with them, so that two changes about one person never pass each other.
    async fn apply(
        &mut self,
        subject: SubjectId,
        known_as: &[KnownAs],
        act: &EffectiveAct,
    ) -> Result<(), ConsentError> {
        if act.act.is_denial() {
            for (key, mut row) in person::rows_of_others(&self.draft, &self.keys, known_as, subject)? {
                standing::apply(&mut row.marks, act);
                self.draft.put(key, row, None)?;
            }
        }
        for (key, mut row) in person::gate_rows(&mut self.draft, subject).await? {
            if row.left_at.is_none_or(|left| act.effective_at <= left) {
                standing::apply(&mut row.marks, act);
                self.draft.put(key, row, None)?;
            }
        }
        let mut row = person::subject_row(&mut self.draft, subject).await?;
        row.changed_at = self.now;
        Ok(self.draft.put(Key::Subject(subject), row, None)?)
    }
}

/// WhatsApp tells times in whole seconds. A denial that is dated so may have come at the end of its second, after a
/// grant within it.
fn end_of_second(acted: Timestamp) -> Timestamp {
    if acted.as_millis() % 1000 == 0 { acted.saturating_add(Duration::from_millis(999)) } else { acted }
}

/// Moves a window forward; whether anything changed.
fn open_window(windows: &mut Vec<Window>, window: Window) -> bool {
    match windows.iter_mut().find(|known| known.sender == window.sender) {
        Some(known) if known.last_inbound >= window.last_inbound => false,
        Some(known) => {
            known.last_inbound = window.last_inbound;
            true
        }
        None => {
            windows.push(window);
            if windows.len() > MAX_WINDOWS {
                let oldest = windows.iter().enumerate().min_by_key(|(_, window)| window.last_inbound);
                if let Some(position) = oldest.map(|(position, _)| position) {
                    windows.remove(position);
                }
            }
            true
        }
    }
}
