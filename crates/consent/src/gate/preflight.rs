//! Preflight: how the recipients of a campaign would fare, in bounded memory.

use std::collections::BTreeMap;
use std::io::Write;

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;

use super::decision::{Decision, Message};
use super::reading::read_many;
use super::reason::ReasonCode;
use super::recipient::Recipient;
use super::{Gate, decide};
use crate::error::ConsentError;

/// How many recipients are read at a time. Each has at most [`wzapi_model::identifier::E164::MAX_SPELLINGS`] spellings
/// under each live version of the index key, eight keys in all; they and the sender stay within what one `get` may ask
/// (`MAX_GET_KEYS`).
const BATCH: usize = 500;

/// What a campaign would meet, by reason.
///
/// Recipients that stand in the list twice are counted twice, and limits of frequency count what was sent before, not
/// what this list would send: to tell them apart takes memory that grows with the list. Sending does notice: a
/// redemption counts every message that was bound before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preflight {
    /// Recipients looked at.
    pub recipients: u64,
    /// Recipients to whom the message might be sent now.
    pub allowed: u64,
    /// Recipients to whom it might not.
    pub refused: u64,
    /// How often each reason was met; a refusal can have several.
    pub reasons: BTreeMap<ReasonCode, u64>,
}

/// A recipient to whom a message may not be sent.
#[derive(Debug, Clone, Copy)]
pub struct RefusedRecipient<'a> {
    /// The line on which it stands in the list.
    pub line: u64,
    /// Who.
    pub recipient: &'a Recipient,
    /// Why.
    pub decision: &'a Decision,
}

impl RefusedRecipient<'_> {
    /// From when on none of the reasons stands, if time alone ends them all.
    #[must_use]
    pub fn possible_from(&self) -> Option<Timestamp> {
        let ends: Option<Vec<Timestamp>> =
            self.decision.reasons.iter().map(|reason| reason.possible_from).collect();
        ends?.into_iter().max()
    }
}

/// Is told of each refused recipient, in the order of the list.
pub type OnRefused<'a> = &'a mut (dyn FnMut(&RefusedRecipient<'_>) + Send);

/// A preflight under way. It takes recipients one by one, from whatever source, and holds one batch of them at a time.
#[derive(Debug)]
#[must_use = "the recipients of the last batch are looked at when it is finished"]
pub struct PreflightRun {
    gate: Gate,
    controller: ControllerId,
    message: Message,
    waiting: Vec<(u64, Recipient)>,
    report: Preflight,
}

impl PreflightRun {
    pub(super) const fn new(gate: Gate, controller: ControllerId, message: Message) -> Self {
        let report = Preflight { recipients: 0, allowed: 0, refused: 0, reasons: BTreeMap::new() };
        Self { gate, controller, message, waiting: Vec::new(), report }
    }

    /// Takes a recipient and the line on which it stands. Most calls return at once; one in so many reads a batch.
    ///
    /// # Errors
    /// The failure of a part. The recipients of the batch are lost then; begin again.
    pub async fn push(
        &mut self,
        line: u64,
        recipient: impl Into<Recipient>,
        on_refused: OnRefused<'_>,
    ) -> Result<(), ConsentError> {
        self.waiting.push((line, recipient.into()));
        if self.waiting.len() < BATCH { Ok(()) } else { self.look_at_batch(on_refused).await }
    }

    /// Looks at what is left, and reports.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn finish(mut self, on_refused: OnRefused<'_>) -> Result<Preflight, ConsentError> {
        self.look_at_batch(on_refused).await?;
        Ok(self.report)
    }

    /// The keys are asked for again with each batch, so that a rotation in the middle of a long list loses nobody.
    async fn look_at_batch(&mut self, on_refused: OnRefused<'_>) -> Result<(), ConsentError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.waiting);
        let parts = &self.gate.parts;
        let keys = parts.encryption.tenant(self.controller).await?;
        let identifiers = batch.iter().map(|(_, recipient)| recipient.identifier());
        let storage = parts.storage.as_ref();
        let rows = read_many(storage, &keys, identifiers, Some(self.message.sender)).await?;
        let now = parts.clock.now();
        for ((line, recipient), rows) in batch.iter().zip(rows) {
            let decision = decide(&self.gate.rules, &self.message, recipient, &rows, now);
            self.report.recipients += 1;
            if decision.is_allowed {
                self.report.allowed += 1;
            } else {
                self.report.refused += 1;
                on_refused(&RefusedRecipient { line: *line, recipient, decision: &decision });
            }
            for reason in decision.reasons {
                *self.report.reasons.entry(reason.code).or_default() += 1;
            }
        }
        // The allocation serves the next batch.
        self.waiting = batch;
        self.waiting.clear();
        Ok(())
    }
}

/// Writes refused recipients as comma-separated values (RFC 4180): `line`, `reasons`, `remedies` and `possible_from`. Several
/// reasons stand in one cell, with `; ` between them; `possible_from` is empty unless time alone ends them all.
///
/// It names nobody, unless the recipients are asked for: then the first column is their canonical form, which no
/// spreadsheet takes for a formula.
pub struct RefusedCsv<W: Write> {
    writer: csv::Writer<W>,
    names_recipients: bool,
}

impl<W: Write> std::fmt::Debug for RefusedCsv<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefusedCsv").field("names_recipients", &self.names_recipients).finish_non_exhaustive()
    }
}

impl<W: Write> RefusedCsv<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// The error of `to`.
    pub fn new(to: W, names_recipients: bool) -> std::io::Result<Self> {
        let mut writer = csv::Writer::from_writer(to);
        let recipient = names_recipients.then_some("recipient");
        writer.write_record(recipient.into_iter().chain(["line", "reasons", "remedies", "possible_from"]))?;
        Ok(Self { writer, names_recipients })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The error of the file.
    pub fn write(&mut self, refused: &RefusedRecipient<'_>) -> std::io::Result<()> {
        let list = |of: fn(ReasonCode) -> &'static str| {
            let reasons = &refused.decision.reasons;
            reasons.iter().map(|reason| of(reason.code)).collect::<Vec<_>>().join("; ")
        };
        let recipient = self.names_recipients.then(|| refused.recipient.identifier().expose_canonical());
        let possible_from = refused.possible_from().map(|moment| moment.to_string()).unwrap_or_default();
        let cells =
            [refused.line.to_string(), list(ReasonCode::as_str), list(ReasonCode::remedy), possible_from];
        self.writer.write_record(recipient.into_iter().chain(cells))?;
        Ok(())
    }

    /// Adds a line of the list that holds no recipient.
    ///
    /// # Errors
    /// The error of the file.
    pub fn write_unreadable(&mut self, line: u64) -> std::io::Result<()> {
        let recipient = self.names_recipients.then(String::new);
        let remedy = "write a telephone number with country code, or a business-scoped user id";
        let cells = [line.to_string(), "unreadable".to_owned(), remedy.to_owned(), String::new()];
        self.writer.write_record(recipient.into_iter().chain(cells))?;
        Ok(())
    }

    /// Writes out what is still held, and gives the file back.
    ///
    /// # Errors
    /// The error of the file.
    pub fn finish(self) -> std::io::Result<W> {
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
