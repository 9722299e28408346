//! Acts: stored, accounted for, and folded into what the gate reads.

use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, Provenance};
use wzapi_model::ids::{ConsentEventId, EntryId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{AgeBand, ConsentEventRow, IdentifierRow, Quarantine, ScopeMarks, event_id_of};

use crate::details::Details;
use crate::entry_words::{channel_text, event_type, notice_json, purpose_text, quarantine_text, sender_text};
use crate::error::ConsentError;
use crate::import::ImportNote;
use crate::person::{self, KnownAs};
use crate::recording::{NewAct, Recorded, Recording};
use crate::review;
use crate::standing::{self, EffectiveAct};

/// An act with what was decided about it when it arrived.
pub(super) struct Judged<'a> {
    pub(super) act: &'a NewAct,
    pub(super) effective_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) quarantine: Option<Quarantine>,
    /// The entry of the act that this one answers, and the word for it.
    pub(super) answers: Option<(&'static str, EntryId)>,
}

impl Judged<'_> {
    fn effective(&self, entry: EntryId) -> EffectiveAct {
        let act = self.act;
        EffectiveAct {
            act: act.act,
            scope: act.scope.clone(),
            provenance: act.provenance,
            effective_at: self.effective_at,
            expires_at: self.expires_at,
            notice: act.notice.as_ref().map(super::Notice::mark),
            by_guardian: act.guardian.is_some(),
            entry,
        }
    }
}

impl Recording<'_> {
    /// Stages one act. A duplicate stages no act.
    ///
    /// # Errors
    /// As [`ConsentLedger::record`](crate::ConsentLedger::record); the recording must be dropped then.
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
        let subject = self.subject_of(known_as, act.acted_at, act.act.is_denial()).await?;
        self.act_by(subject, known_as, act).await
    }

    /// As [`Recording::act`], of a person who is known by their subject and by nothing else.
    ///
    /// # Errors
    /// As [`Recording::act`]; [`ConsentError::Damaged`] when there is no such subject.
    pub async fn act_of(&mut self, subject: SubjectId, act: &NewAct) -> Result<Recorded, ConsentError> {
        act.validate()?;
        if let Some(source) = &act.source
            && self.is_repeated(source.expose()).await?
        {
            return Ok(Recorded::Duplicate);
        }
        let subject = person::surviving(&mut self.draft, subject).await?;
        self.act_by(subject, &[], act).await
    }

    async fn act_by(
        &mut self,
        subject: SubjectId,
        known_as: &[KnownAs],
        act: &NewAct,
    ) -> Result<Recorded, ConsentError> {
        let event = match &act.source {
            Some(source) => event_id_of(self.source_index(source.expose())?),
            None => ConsentEventId::generate(self.parts.entropy.as_ref())?,
        };
        let rows = person::gate_rows(&mut self.draft, subject).await?;
        let effective_at = effective_time(&rows, act, self.now);
        let rule = self.rules.of_grant(&act.scope.purpose);
        let by_child = self.rules.asks_for_guardian() && is_child(&rows);
        let is_grant = act.act == ConsentAct::Given;
        let judged = Judged {
            act,
            effective_at,
            // Whatever an act says of itself, a consent ends no later than the policy says.
            expires_at: match rule.end_of(effective_at).filter(|_| is_grant) {
                Some(end) => Some(act.expires_at.map_or(end, |stated| stated.min(end))),
                None => act.expires_at,
            },
            quarantine: act.quarantine(&rule, by_child, self.now),
            answers: None,
        };
        let entry = self.stage(subject, known_as, event, &judged).await?;
        Ok(match judged.quarantine {
            Some(reason) => Recorded::Quarantined { entry, reason },
            None => Recorded::New { entry },
        })
    }

    /// Stages the event, its ledger entry, what it changes in the rows of the gate, and what an officer has to look at.
    pub(super) async fn stage(
        &mut self,
        subject: SubjectId,
        known_as: &[KnownAs],
        event: ConsentEventId,
        judged: &Judged<'_>,
    ) -> Result<EntryId, ConsentError> {
        let place = Key::ConsentEvent { subject, event };
        self.draft.load([place.clone()]).await?;
        let entry = self.account_for(subject, judged).await?;
        self.stage_event(place, judged, entry).await?;
        if let Some(question) = review::question_of(judged.act, judged.quarantine, event) {
            self.ask_officer(subject, entry, question).await?;
        }
        match judged.quarantine {
            None => self.apply(subject, known_as, &judged.effective(entry)).await?,
            // Somebody asked the person; the answer is not there yet.
            Some(Quarantine::Unconfirmed) => {
                let asked = EffectiveAct {
                    act: ConsentAct::Requested,
                    expires_at: None,
                    notice: None,
                    by_guardian: false,
                    ..judged.effective(entry)
                };
                self.apply(subject, known_as, &asked).await?;
            }
            Some(
                Quarantine::FutureDated
                | Quarantine::NoEvidence
                | Quarantine::WeakEvidence
                | Quarantine::NoNotice
                | Quarantine::NoGuardian,
            ) => {}
        }
        Ok(entry)
    }

    /// Stages what an officer decided about a doubt, as of the message that was doubted.
    pub(crate) async fn resolve(
        &mut self,
        subject: SubjectId,
        act: &NewAct,
        effective_at: Timestamp,
        doubt: EntryId,
    ) -> Result<EntryId, ConsentError> {
        let event = ConsentEventId::generate(self.parts.entropy.as_ref())?;
        let judged = Judged {
            act,
            effective_at,
            expires_at: None,
            quarantine: None,
            answers: Some(("resolves", doubt)),
        };
        self.stage(subject, &[], event, &judged).await
    }

    async fn account_for(
        &mut self,
        subject: SubjectId,
        judged: &Judged<'_>,
    ) -> Result<EntryId, ConsentError> {
        let act = judged.act;
        let evidence = act.evidence.as_ref();
        let words = evidence.and_then(|evidence| evidence.words.as_ref());
        let reference = evidence.and_then(|evidence| evidence.reference.as_ref());
        let mut event = self
            .event(event_type(act.act))
            .with("subject", subject.to_string())
            .with("purpose", purpose_text(&act.scope.purpose))
            .with("channel", channel_text(act.scope.channel))
            .with("sender", sender_text(act.scope.sender))
            .with("method", act.method.as_str())
            .with("imported", act.provenance == Provenance::Imported)
            .with("effective_at", judged.effective_at.as_millis())
            .with_some("acted_at", act.acted_at.map(Timestamp::as_millis))
            .with_some("expires_at", judged.expires_at.map(Timestamp::as_millis))
            .with_some("notice", act.notice.as_ref().map(notice_json))
            .with_some("evidence", words.map(|text| text.expose().as_str()))
            .with_some("reference", reference.map(|text| text.expose().as_str()))
            .with_some("import", act.import.as_ref().map(ImportNote::to_json))
            .with_some("by_guardian", act.guardian.is_some().then_some(true))
            .with_some("quarantine", judged.quarantine.map(quarantine_text));
        if let Some((word, entry)) = judged.answers {
            event = event.with(word, entry.to_string());
        }
        self.entry(Owner::Subject(subject), &DataCategory::consent_evidence(), &event).await
    }

    async fn stage_event(
        &mut self,
        place: Key,
        judged: &Judged<'_>,
        entry: EntryId,
    ) -> Result<(), ConsentError> {
        let act = judged.act;
        let details = Details::of(act).to_json();
        let category = DataCategory::consent_evidence();
        let sealed = self.seal(place.owner(), &category, &place, Details::FIELD, details.as_bytes()).await?;
        let row = ConsentEventRow {
            act: act.act,
            scope: act.scope.clone(),
            method: act.method,
            provenance: act.provenance,
            acted_at: act.acted_at,
            recorded_at: self.now(),
            effective_at: judged.effective_at,
            expires_at: judged.expires_at,
            quarantine: judged.quarantine,
            entry,
            details: sealed,
        };
        Ok(self.draft.put(place, row, None)?)
    }

    /// Folds the act into every gate row of the person, also into those that the person had when acting; a denial
    /// also into the rows of the identifiers it was made under, whoever has them now. The subject row is rewritten
    /// with them, so that two changes about one person never pass each other.
    pub(crate) async fn apply(
        &mut self,
        subject: SubjectId,
        known_as: &[KnownAs],
        act: &EffectiveAct,
    ) -> Result<(), ConsentError> {
        if act.act.is_denial() {
            let (at, now) = (act.effective_at, self.now);
            let rows = person::denied_with(&mut self.draft, &self.keys, known_as, subject, at, now).await?;
            for (key, mut row) in rows {
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
        self.touch(subject).await
    }

    /// Rewrites the subject row, so that two changes about one person never pass each other.
    pub(crate) async fn touch(&mut self, subject: SubjectId) -> Result<(), ConsentError> {
        let mut row = person::subject_row(&mut self.draft, subject).await?;
        row.changed_at = self.now;
        Ok(self.draft.put(Key::Subject(subject), row, None)?)
    }
}

/// The earlier of act and record. A denial that nobody dated happens now, after everything on record, even when the
/// clock went back since or another machine's clock is ahead.
fn effective_time(rows: &[(Key, IdentifierRow)], act: &NewAct, now: Timestamp) -> Timestamp {
    let marks = || rows.iter().flat_map(|(_, row)| &row.marks);
    let effective_at = match act.acted_at {
        Some(acted) if act.act.is_denial() => end_of_second(acted).min(now),
        Some(acted) => acted.min(now),
        None if act.act.is_denial() => {
            let grants = marks().flat_map(|marks| [marks.granted, marks.imported]).flatten();
            grants.map(|grant| grant.mark.at).fold(now, Timestamp::max)
        }
        None => now,
    };
    if act.act == ConsentAct::Doubted { unread(marks(), effective_at) } else { effective_at }
}

/// Moves a doubt to a moment at which nothing lifts it that was decided before anybody read it: not before the latest
/// one that was cleared, and after those of the same second, so that clearing one of them leaves the next.
fn unread<'r>(marks: impl Iterator<Item = &'r ScopeMarks> + Clone, doubted_at: Timestamp) -> Timestamp {
    let cleared = marks.clone().filter_map(|marks| marks.cleared).map(|mark| mark.at);
    let from = cleared.fold(doubted_at, Timestamp::max);
    let latest = marks.filter_map(|marks| marks.doubted).map(|mark| mark.at).max();
    match latest {
        Some(latest) if from <= latest && latest.since(from) < Duration::from_secs(1) => next_moment(latest),
        Some(_) | None => from,
    }
}

/// The smallest step of time.
pub(crate) fn next_moment(moment: Timestamp) -> Timestamp {
    moment.saturating_add(Duration::from_millis(1))
}

/// Whether the person is known to be a child, by what was stated last under any of their identifiers.
fn is_child(rows: &[(Key, IdentifierRow)]) -> bool {
    let live = rows.iter().filter(|(_, row)| row.left_at.is_none()).filter_map(|(_, row)| row.age);
    let latest = live.max_by_key(|age| (age.mark.at, age.band == AgeBand::Child));
    latest.is_some_and(|age| age.band == AgeBand::Child)
}

/// WhatsApp tells times in whole seconds. A denial that is dated so may have come at the end of its second, after a
/// grant within it.
fn end_of_second(acted: Timestamp) -> Timestamp {
    if acted.as_millis() % 1000 == 0 { acted.saturating_add(Duration::from_millis(999)) } else { acted }
}
