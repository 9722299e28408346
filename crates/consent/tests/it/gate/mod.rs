//! The decision against its specification, and against a second one written for the test.

mod clauses;
mod preflight;
mod reference;
mod sending;
mod table;

use std::time::Duration;

use wzapi_consent::gate::{Decision, GateRows, GateRules, Message, Recipient, decide as decide_about};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentScope};
use wzapi_model::identifier::{E164, Identifier, IdentifierKind};
use wzapi_model::ids::{EntryId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{DenialMark, GrantMark, IdentifierRow, Mark, ScopeMarks, Window};

use crate::support::{NOON, SENDER, time};

/// The specification.
pub(crate) const PAGE: &str = include_str!("../../../../../docs/gate.md");

/// The cells of the rows of the page under the header that begins so.
pub(crate) fn table_of(header: &str) -> Vec<Vec<String>> {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// What a cell lists.
pub(crate) fn list(cell: &str) -> Vec<String> {
    cell.split(',').map(|one| one.trim().to_owned()).collect()
}

/// A recipient in India, of whom the host says nothing more.
pub(crate) fn somebody() -> Recipient {
    number("919876543210")
}

/// A recipient by an id as WhatsApp writes it: it is read without the numbering plans, which take a while to load.
pub(crate) fn number(wa_id: &str) -> Recipient {
    match E164::from_wa_id(wa_id) {
        Ok(number) => Identifier::Phone(number).into(),
        Err(_) => Recipient::parse(wa_id).unwrap(),
    }
}

pub(crate) fn decide(rules: &GateRules, message: &Message, rows: &GateRows, now: Timestamp) -> Decision {
    decide_about(rules, message, &somebody(), rows, now)
}

pub(crate) fn message(category: MessageCategory) -> Message {
    Message::new(SENDER, category)
}

/// Nothing about the recipient, and a sender that is registered.
pub(crate) fn by_a_sender_of_ours() -> GateRows {
    GateRows { is_sender_registered: true, ..GateRows::default() }
}

pub(crate) fn rows_with(marks: Vec<ScopeMarks>) -> GateRows {
    GateRows { same: vec![row(marks, vec![])], ..by_a_sender_of_ours() }
}

pub(crate) fn wzapi(category: MessageCategory, rows: &GateRows) -> Decision {
    decide(&GateRules::wzapi(), &message(category), rows, now())
}

pub(crate) fn now() -> Timestamp {
    time(NOON)
}

/// A moment so many minutes from now.
pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(now().as_millis() + minutes * 60_000).unwrap()
}

pub(crate) fn before(duration: Duration) -> Timestamp {
    now().saturating_sub(duration)
}

pub(crate) fn entry(minutes: i64) -> EntryId {
    EntryId::from_bytes([u8::try_from(minutes + 100).unwrap(); 16])
}

pub(crate) fn mark(minutes: i64) -> Mark {
    Mark { at: at(minutes), entry: entry(minutes) }
}

pub(crate) fn opted_in_purpose() -> PurposeId {
    "opted_in_purpose".parse().unwrap()
}

pub(crate) fn granted(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { granted: Some(GrantMark::plain(mark(minutes))), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn imported(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { imported: Some(GrantMark::plain(mark(minutes))), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn expired(marks: ScopeMarks) -> ScopeMarks {
    let over = |grant: Option<GrantMark>| grant.map(|one| GrantMark { expires_at: Some(now()), ..one });
    ScopeMarks { granted: over(marks.granted), imported: over(marks.imported), ..marks }
}

pub(crate) fn denied(scope: ConsentScope, act: ConsentAct, minutes: i64) -> ScopeMarks {
    let denial = Some(DenialMark { mark: mark(minutes), act });
    match act {
        ConsentAct::Revoked | ConsentAct::Invalidated => {
            ScopeMarks { voided: denial, ..ScopeMarks::unmarked(scope) }
        }
        _ => ScopeMarks { denied: denial, ..ScopeMarks::unmarked(scope) },
    }
}

pub(crate) fn requested(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { requested: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn stopped(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { stopped: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn resumed(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { resumed: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn stopped_and_resumed(scope: ConsentScope, stop: i64, resume: i64) -> ScopeMarks {
    ScopeMarks { stopped: Some(mark(stop)), resumed: Some(mark(resume)), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn row(marks: Vec<ScopeMarks>, windows: Vec<Window>) -> IdentifierRow {
    let subject = SubjectId::from_bytes([7; 16]);
    IdentifierRow { marks, windows, ..IdentifierRow::new(subject, IdentifierKind::Phone, 1) }
}

pub(crate) fn doubted(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { doubted: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn cleared(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { cleared: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

pub(crate) fn doubted_and_cleared(scope: ConsentScope, doubt: i64, clearance: i64) -> ScopeMarks {
    ScopeMarks { doubted: Some(mark(doubt)), cleared: Some(mark(clearance)), ..ScopeMarks::unmarked(scope) }
}
