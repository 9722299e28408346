//! An import under way: rows gathered into batches, each batch one changeset.

use std::collections::HashSet;
use std::io::Read;

use wzapi_encryption::TenantKeys;
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_model::consent::{PurposeScope, Question, SenderScope};
use wzapi_model::ids::ControllerId;
use wzapi_model::message::Channel;
use wzapi_model::personal::Personal;
use wzapi_storage::key::{BlindIndex, Key};
use wzapi_storage::row::{IdentifierRow, SourceEventRow};

use super::csv::CsvReader;
use super::jsonl::JsonlReader;
use super::report::{ImportReport, Observer, Progress, RowReason, StandingDenial};
use super::row::{self, ImportedRow, RawRow, RowProblem};
use super::{Format, ImportError};
use crate::error::ConsentError;
use crate::gate::GateRules;
use crate::person::{self, KnownAs};
use crate::recording::{ConsentLedger, NewAct, Recorded, Recording};
use crate::standing;

/// Rows recorded in one changeset.
const BATCH: usize = 64;
/// Rows after which the observer hears of progress, when so many are bad.
const REPORTED_ROWS: u64 = 1024;
/// How many facts of a file a dry run remembers, to tell those that come again.
const REMEMBERED: usize = 1_000_000;

/// A file as rows.
#[allow(clippy::large_enum_variant, reason = "there is one of them for a file")]
pub(super) enum Rows<R> {
    Csv(CsvReader<R>),
    JsonLines(JsonlReader<R>),
}

impl<R: Read> Rows<R> {
    pub(super) fn of(format: Format, file: R) -> Result<Self, ImportError> {
        Ok(match format {
            Format::Csv => Self::Csv(CsvReader::new(file)?),
            Format::JsonLines => Self::JsonLines(JsonlReader::new(file)?),
        })
    }

    fn next(&mut self) -> Result<Option<RawRow>, ImportError> {
        match self {
            Self::Csv(reader) => reader.next(),
            Self::JsonLines(reader) => reader.next(),
        }
    }

    const fn progress(&self) -> Progress {
        let (line, bytes) = match self {
            Self::Csv(reader) => reader.position(),
            Self::JsonLines(reader) => reader.position(),
        };
        Progress { line, bytes }
    }
}

/// What became of a row, or would.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    recorded: Decided,
    denied_on_record: Option<StandingDenial>,
}

#[derive(Debug, Clone, Copy)]
enum Decided {
    Given,
    Denied,
    SetAside(wzapi_storage::row::Quarantine),
    Duplicate,
}

impl Outcome {
    const DUPLICATE: Self = Self { recorded: Decided::Duplicate, denied_on_record: None };
}

/// An act that the consent ledger refuses, by its place in the batch, or why the batch failed.
enum Stopped {
    At(usize),
    With(ConsentError),
}

impl<E: Into<ConsentError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::With(error.into())
    }
}

/// An import under way.
pub(super) struct Run<'a> {
    consent: &'a ConsentLedger,
    rules: &'a GateRules,
    controller: ControllerId,
    file: Option<[u8; 32]>,
    observer: &'a mut dyn Observer,
    report: ImportReport,
    /// In a dry run, the beginnings of the keyed hashes of the facts so far.
    seen: Option<HashSet<u64>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        consent: &'a ConsentLedger,
        rules: &'a GateRules,
        controller: ControllerId,
        file: Option<[u8; 32]>,
        is_dry_run: bool,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let seen = is_dry_run.then(HashSet::new);
        Self { consent, rules, controller, file, observer, report: ImportReport::default(), seen }
    }

    pub(super) async fn until_end<R: Read>(mut self, mut rows: Rows<R>) -> Result<ImportReport, ImportError> {
        if let Rows::Csv(reader) = &rows
            && reader.has_unknown_columns
        {
            self.note(1, RowReason::UnknownField);
        }
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let raw = match rows.next() {
                Ok(Some(raw)) => raw,
                Ok(None) => break,
                // What was read before is recorded all the same: nobody would import those rows again.
                Err(error) => {
                    self.finish(&mut batch).await?;
                    return Err(error);
                }
            };
            self.report.rows += 1;
            if raw.has_unknown {
                self.note(raw.line, RowReason::UnknownField);
            }
            let read = raw.fields.and_then(|fields| row::read(raw.line, &fields, self.rules, self.file));
            match read {
                Ok(row) => batch.push(row),
                Err(problem) => self.note(raw.line, RowReason::Bad(problem)),
            }
            if batch.len() >= BATCH || self.report.rows.is_multiple_of(REPORTED_ROWS) {
                self.finish(&mut batch).await?;
                self.observer.progress(rows.progress(), &self.report);
            }
        }
        self.finish(&mut batch).await?;
        self.observer.progress(rows.progress(), &self.report);
        Ok(self.report)
    }

    fn note(&mut self, line: u64, reason: RowReason) {
        self.report.note(line, reason);
        if reason != RowReason::Duplicate {
            self.observer.row(line, reason);
        }
    }

    /// Records a batch, or decides about it, and empties it.
    async fn finish(&mut self, batch: &mut Vec<ImportedRow>) -> Result<(), ImportError> {
        let mut attempts = 0;
        let outcomes = loop {
            let Some(line) = batch.first().map(|row| row.line) else { return Ok(()) };
            attempts += 1;
            match self.decide(batch).await {
                Ok(outcomes) => break outcomes,
                Err(Stopped::At(place)) => {
                    let refused = batch.remove(place.min(batch.len().saturating_sub(1)));
                    self.note(refused.line, RowReason::Bad(RowProblem::Refused));
                }
                Err(Stopped::With(ConsentError::Busy)) if attempts < ConsentLedger::MAX_ATTEMPTS => {}
                Err(Stopped::With(cause)) => return Err(ImportError::NotRecorded { line, cause }),
            }
        };
        for (row, outcome) in batch.drain(..).zip(outcomes) {
            self.count(&row, outcome);
        }
        Ok(())
    }

    fn count(&mut self, row: &ImportedRow, outcome: Outcome) {
        match outcome.recorded {
            Decided::Given => self.report.given += 1,
            Decided::Denied => self.report.denied += 1,
            Decided::SetAside(reason) => self.note(row.line, RowReason::SetAside(reason.into())),
            Decided::Duplicate => return self.note(row.line, RowReason::Duplicate),
        }
        if let Some(problem) = row.mended {
            self.note(row.line, RowReason::Mended(problem));
        }
        if let Some(denial) = outcome.denied_on_record {
            self.note(row.line, RowReason::DeniedOnRecord(denial));
        }
    }

    async fn decide(&mut self, batch: &[ImportedRow]) -> Result<Vec<Outcome>, Stopped> {
        let mut recording = self.consent.begin(self.controller).await?;
        // What was recorded before is told by one read, before anybody is looked up.
        let sources = batch.iter().map(|row| source_place(&recording.keys, row.act.source.as_ref()));
        let sources = sources.collect::<Result<Vec<Key>, ConsentError>>()?;
        recording.draft.load(sources.iter().cloned()).await?;
        let mut is_new = Vec::with_capacity(batch.len());
        for place in &sources {
            is_new.push(recording.draft.row::<SourceEventRow>(place)?.is_none());
        }
        let fresh = || batch.iter().zip(&is_new).filter(|(_, is_new)| **is_new).map(|(row, _)| row);
        let people: Vec<Key> =
            fresh().flat_map(|row| &row.known_as).flat_map(|one| gate_keys(&recording.keys, one)).collect();
        recording.draft.load(people).await?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for (place, (row, is_new)) in batch.iter().zip(is_new).enumerate() {
            let is_seen = sources.get(place).is_some_and(|source| self.was_seen(source));
            let outcome = if is_new && !is_seen {
                self.record(&mut recording, place, row).await?
            } else {
                Outcome::DUPLICATE
            };
            outcomes.push(outcome);
        }
        match &mut self.seen {
            // What was staged is dropped: it served to decide.
            Some(seen) => seen
                .extend(sources.iter().filter_map(beginning_of).take(REMEMBERED.saturating_sub(seen.len()))),
            None => drop(recording.commit().await?),
        }
        Ok(outcomes)
    }

    /// Whether an earlier batch of a dry run had this fact, as far as it remembers.
    fn was_seen(&self, source: &Key) -> bool {
        self.seen
            .as_ref()
            .is_some_and(|seen| beginning_of(source).is_some_and(|beginning| seen.contains(&beginning)))
    }

    async fn record(
        &self,
        recording: &mut Recording<'_>,
        place: usize,
        row: &ImportedRow,
    ) -> Result<Outcome, Stopped> {
        let mut quarantine = None;
        let mut is_new = false;
        let people = people_of(recording, row).await?;
        for (known_as, act) in &people {
            let recorded = match recording.act(known_as, act).await {
                Err(ConsentError::InvalidAct(_) | ConsentError::TooManyIdentifiers(_)) => {
                    return Err(Stopped::At(place));
                }
                recorded => recorded?,
            };
            match recorded {
                Recorded::New { .. } => is_new = true,
                Recorded::Quarantined { reason, .. } => (is_new, quarantine) = (true, Some(reason)),
                Recorded::Duplicate => {}
            }
        }
        if let ([one, other], true) = (row.known_as.as_slice(), people.len() > 1) {
            match recording.link(one, other).await {
                // The act counts without it.
                Err(ConsentError::TooManyLinks(_) | ConsentError::TooManyIdentifiers(_)) => {}
                linked => drop(linked?),
            }
        }
        if is_new { Ok(self.outcome(recording, row, quarantine)?) } else { Ok(Outcome::DUPLICATE) }
    }

    fn outcome(
        &self,
        recording: &Recording<'_>,
        row: &ImportedRow,
        quarantine: Option<wzapi_storage::row::Quarantine>,
    ) -> Result<Outcome, ConsentError> {
        let recorded = match quarantine {
            Some(reason) => Decided::SetAside(reason),
            None if row.act.act.is_denial() => Decided::Denied,
            None => Decided::Given,
        };
        let denied_on_record = match recorded {
            Decided::Given => self.denied_on_record(recording, row)?,
            Decided::Denied | Decided::SetAside(_) | Decided::Duplicate => None,
        };
        Ok(Outcome { recorded, denied_on_record })
    }

    /// The denial that leaves a grant of this row without effect.
    fn denied_on_record(
        &self,
        recording: &Recording<'_>,
        row: &ImportedRow,
    ) -> Result<Option<StandingDenial>, ConsentError> {
        let scope = &row.act.scope;
        let PurposeScope::One(purpose) = &scope.purpose else { return Ok(None) };
        let sender = match scope.sender {
            SenderScope::All => None,
            SenderScope::One(sender) => Some(sender),
        };
        let is_marketing = self.rules.purpose(purpose).is_some_and(|rule| rule.is_marketing());
        let question = Question { purpose, is_marketing, channel: Channel::WhatsApp, sender };
        for known in &row.known_as {
            for key in gate_keys(&recording.keys, known) {
                let Some(gate_row) = recording.draft.row::<IdentifierRow>(&key)? else { continue };
                let standing =
                    standing::answer(&gate_row.marks, &question, gate_row.left_at, recording.now());
                if let Some(denial) = StandingDenial::of(&standing) {
                    return Ok(Some(denial));
                }
            }
        }
        Ok(None)
    }
}

/// Whose act the row is. A number and a business-scoped user id of whom nothing is known, or who are known as one
/// person, are one. Otherwise each of the two has the act on its own, and they are linked: what one denies, both deny. A
/// file's word makes no two people one, for one could then be messaged on what the other agreed to.
async fn people_of(
    recording: &mut Recording<'_>,
    row: &ImportedRow,
) -> Result<Vec<(Vec<KnownAs>, NewAct)>, ConsentError> {
    let (Some(second), Some(source)) = (row.known_as.get(1), &row.source_of_second) else {
        return Ok(vec![(row.known_as.clone(), row.act.clone())]);
    };
    let mut subjects = Vec::with_capacity(2);
    for known in &row.known_as {
        let (acted_at, now) = (row.act.acted_at, recording.now());
        let one = std::slice::from_ref(known);
        subjects.push(person::find(&mut recording.draft, &recording.keys, one, acted_at, now).await?);
    }
    if subjects.windows(2).all(|pair| pair.first() == pair.last()) {
        return Ok(vec![(row.known_as.clone(), row.act.clone())]);
    }
    let first = row.known_as.iter().take(1).cloned().collect();
    let act_of_second = NewAct { source: Some(source.clone()), ..row.act.clone() };
    Ok(vec![(first, row.act.clone()), (vec![second.clone()], act_of_second)])
}

/// Where it stands that the fact was recorded.
fn source_place(keys: &TenantKeys, source: Option<&Personal<Vec<u8>>>) -> Result<Key, ConsentError> {
    let source = source.map(|source| source.expose().as_slice()).unwrap_or_default();
    let indexes = keys.indexes(IndexLabel::SourceEvent, "consent_act", source);
    let oldest = indexes.last().copied().ok_or(ConsentError::Damaged("the controller has no index key"))?;
    Ok(Key::SourceEvent(oldest))
}

/// The beginning of the keyed hash of a fact: enough to tell a million apart.
fn beginning_of(source: &Key) -> Option<u64> {
    let Key::SourceEvent(BlindIndex(bytes)) = source else { return None };
    bytes.first_chunk().map(|beginning| u64::from_be_bytes(*beginning))
}

/// The gate rows of an identifier, those of its other spellings included.
fn gate_keys(keys: &TenantKeys, known: &KnownAs) -> Vec<Key> {
    let spellings = known.identifier.spellings().into_iter();
    spellings.flat_map(|(spelling, _)| keys.identifier_indexes(&spelling)).map(Key::Identifier).collect()
}
