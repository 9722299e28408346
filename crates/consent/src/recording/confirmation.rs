//! The second act of a double opt-in.
//!
//! Where the policy asks for confirmation, a grant is set aside until the person confirms it. The confirmation is a
//! grant of its own that names the first one and counts from the moment of the first one: whatever the person denied
//! in between, or at that moment, denies. That is so in every order of arrival, because the fold sees to it.

use wzapi_model::Timestamp;
use wzapi_model::consent::{
    ChannelScope, ConsentAct, ConsentMethod, ConsentScope, Provenance, PurposeScope, Question, SenderScope,
};
use wzapi_model::ids::{ConsentEventId, ControllerId, EntryId, SubjectId};
use wzapi_model::message::Channel;
use wzapi_model::name::PurposeId;
use wzapi_model::personal::Personal;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::Query;
use wzapi_storage::row::{ConsentEventRow, DataKeyRow, Quarantine, RowType, event_id_of};

use crate::details::Details;
use crate::error::ConsentError;
use crate::person::{self, KnownAs};
use crate::recording::acting::Judged;
use crate::recording::{ALLOWED_SKEW, ConsentLedger, Evidence, NewAct, Recording, until_through};
use crate::standing;

/// Events read at a time when the grant is looked for.
const PAGE: usize = 256;

/// What became of a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Confirmed {
    /// The consent is given from the first act on.
    Given {
        /// The ledger entry of the confirmation.
        entry: EntryId,
    },
    /// It was recorded, and a denial stands against it: the person said no after the first act, or at the same moment.
    Denied {
        /// The ledger entry of the confirmation.
        entry: EntryId,
    },
    /// That grant had been confirmed before; nothing changed.
    Already,
}

/// How a person confirms.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// How far the grant reaches that is confirmed: exactly its scope.
    pub scope: ConsentScope,
    /// How the confirmation arrived.
    pub method: ConsentMethod,
    /// What shows it: the words of the message, the link that was opened.
    pub evidence: Option<Evidence>,
    /// When the person confirmed; `None` when nobody can say, and then the time of record counts.
    pub at: Option<Timestamp>,
}

impl ConsentLedger {
    /// Records that a person confirmed the latest grant of a scope that waits for it. Whether a message is a
    /// confirmation (a YES, the opening of a link) is the host's to say. Confirming twice changes nothing.
    ///
    /// # Errors
    /// [`ConsentError::NothingToConfirm`] when no grant of that scope waits; [`ConsentError::ConfirmedTooLate`] when
    /// the time of the policy was over at `at`; [`ConsentError::InvalidAct`] when the evidence is too long or
    /// the confirmation is dated in the future; otherwise as [`ConsentLedger::record`].
    pub async fn confirm(
        &self,
        controller: ControllerId,
        known_as: &[KnownAs],
        confirmation: &Confirmation,
    ) -> Result<Confirmed, ConsentError> {
        until_through!(self, controller, |recording| recording.confirm(known_as, confirmation))
    }
}

impl Recording<'_> {
    /// Stages a confirmation.
    ///
    /// # Errors
    /// As [`ConsentLedger::confirm`]; the recording must be dropped then.
    pub async fn confirm(
        &mut self,
        known_as: &[KnownAs],
        confirmation: &Confirmation,
    ) -> Result<Confirmed, ConsentError> {
        let Confirmation { scope, method, evidence, at } = confirmation;
        evidence.as_ref().map_or(Ok(()), Evidence::validate)?;
        if at.is_some_and(|at| at > self.now().saturating_add(ALLOWED_SKEW)) {
            return Err(ConsentError::InvalidAct("the confirmation is dated in the future"));
        }
        let now = self.now();
        let at = at.unwrap_or(now).min(now);
        let found = person::find(&mut self.draft, &self.keys, known_as, Some(at), now).await?;
        let subject = found.ok_or(ConsentError::NothingToConfirm)?;
        let (place, event, first) = self.waiting_grant(subject, scope, at).await?;
        // One confirmation per grant.
        let source = [b"confirmation/v1".as_slice(), &event.to_bytes()].concat();
        if self.is_repeated(&source).await? {
            return Ok(Confirmed::Already);
        }
        let rule = self.rules.of_grant(&scope.purpose);
        if rule.confirmed_by(first.method, first.effective_at).is_some_and(|end| end < at) {
            return Err(ConsentError::ConfirmedTooLate);
        }
        let key = Details::data_key(&place, &first);
        self.draft.load([key.clone()]).await?;
        let details = Details::open(&self.keys, &place, &first, self.draft.row::<DataKeyRow>(&key)?)?;
        let act = NewAct {
            acted_at: Some(at),
            notice: details.notice,
            guardian: details.guardian,
            evidence: evidence.clone(),
            source: Some(Personal::new(source.clone())),
            ..NewAct::direct(ConsentAct::Given, scope.clone(), *method)
        };
        let judged = Judged {
            act: &act,
            effective_at: first.effective_at,
            expires_at: first.expires_at,
            quarantine: None,
            answers: Some(("confirms", first.entry)),
        };
        let event = event_id_of(self.source_index(&source)?);
        let entry = self.stage(subject, known_as, event, &judged).await?;
        let is_denied = self.is_denied(subject, scope).await?;
        Ok(if is_denied { Confirmed::Denied { entry } } else { Confirmed::Given { entry } })
    }

    /// The latest grant of the scope up to a moment that waits to be confirmed, or was confirmed. The subject row is
    /// loaded before, so that a grant that comes meanwhile makes the commit fail.
    async fn waiting_grant(
        &mut self,
        subject: SubjectId,
        scope: &ConsentScope,
        at: Timestamp,
    ) -> Result<(Key, ConsentEventId, ConsentEventRow), ConsentError> {
        let former = person::subject_row(&mut self.draft, subject).await?.former;
        let mut latest: Option<(Key, ConsentEventId, ConsentEventRow)> = None;
        for owner in std::iter::once(subject).chain(former) {
            let prefix = KeyPrefix::Kind(Owner::Subject(owner), RowKind::ConsentEvent);
            let mut query = Query::prefix(self.draft.controller(), prefix, PAGE);
            loop {
                let page = self.parts.storage.scan(&query).await?;
                for (key, stored) in page.rows {
                    let Some(row) = ConsentEventRow::of(&stored.body) else { continue };
                    let Key::ConsentEvent { event, .. } = key else { continue };
                    let waits = row.act == ConsentAct::Given
                        && row.provenance == Provenance::Direct
                        && row.quarantine == Some(Quarantine::Unconfirmed)
                        && row.scope == *scope
                        && row.effective_at <= at;
                    let order = |row: &ConsentEventRow| (row.effective_at, row.entry);
                    if waits && latest.as_ref().is_none_or(|(.., other)| order(other) < order(row)) {
                        latest = Some((key, event, row.clone()));
                    }
                }
                match page.next {
                    Some(cursor) => query.after = Some(cursor),
                    None => break,
                }
            }
        }
        latest.ok_or(ConsentError::NothingToConfirm)
    }

    /// Whether a denial stands against a grant of this scope under any identifier of the person.
    async fn is_denied(&mut self, subject: SubjectId, scope: &ConsentScope) -> Result<bool, ConsentError> {
        let (purpose, is_marketing) = match &scope.purpose {
            PurposeScope::One(purpose) => (purpose.clone(), self.rules.of_grant(&scope.purpose).is_marketing),
            PurposeScope::Marketing | PurposeScope::All => (PurposeId::marketing(), true),
        };
        let channel = match scope.channel {
            ChannelScope::All => Channel::WhatsApp,
            ChannelScope::One(channel) => channel,
        };
        let sender = match scope.sender {
            SenderScope::All => None,
            SenderScope::One(sender) => Some(sender),
        };
        let question = Question { purpose: &purpose, is_marketing, channel, sender };
        let rows = person::gate_rows(&mut self.draft, subject).await?;
        let live = rows.iter().filter(|(_, row)| row.left_at.is_none());
        let now = self.now();
        Ok(live.map(|(_, row)| standing::answer(&row.marks, &question, None, now)).any(|one| one.is_denied()))
    }
}
