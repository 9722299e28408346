//! One row: from its fields to an act, or to what is wrong with it (pure).

use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance, PurposeScope, SenderScope};
use wzapi_model::identifier::{Bsuid, E164, Identifier};
use wzapi_model::name::PurposeId;
use wzapi_model::personal::Personal;

use super::grading::{EvidenceKind, ImportGrade, Shown};
use super::note::ImportNote;
use crate::gate::GateRules;
use crate::person::KnownAs;
use crate::recording::{Evidence, EvidenceGrade, NewAct, Notice};

/// Every column; the first [`REQUIRED`] must be there.
pub(super) const COLUMNS: [&str; 15] = [
    "phone",
    "purpose",
    "status",
    "obtained_at",
    "method",
    "evidence",
    "bsuid",
    "sender",
    "expires_at",
    "evidence_kind",
    "evidence_reference",
    "source",
    "notice_version",
    "notice_sha256",
    "notice_language",
];
/// How many columns the header of a CSV file must have.
pub(super) const REQUIRED: usize = 6;

/// The fields of a row, in the order of [`COLUMNS`], without white space around them. A missing one is empty.
pub(super) type Fields = [String; COLUMNS.len()];

/// A row as it was read.
#[derive(Debug)]
pub(super) struct RawRow {
    pub(super) line: u64,
    pub(super) fields: Result<Fields, RowProblem>,
    pub(super) has_unknown: bool,
}

/// What is wrong with one row. The row's values are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum RowProblem {
    /// The row has more than 64 KiB.
    #[error("the row is longer than 64 KiB")]
    TooLong,
    /// A quotation mark is never closed.
    #[error("a quotation mark is never closed; is the file cut off?")]
    Unclosed,
    /// Something stands behind the closing quotation mark of a field. What was read as one record may be several, from
    /// this line on: correct the mark, and import the file again.
    #[error("something stands behind a closing quotation mark; correct the mark and import the file again")]
    StrayQuote,
    /// Another number of fields than the header, or a line that is no JSON object.
    #[error("the row has another number of fields than the header, or is no JSON object")]
    Shape,
    /// A field is not UTF-8.
    #[error("a field is not UTF-8")]
    Encoding,
    /// A key occurs twice in one object.
    #[error("the object names a key twice")]
    RepeatedKey,
    /// A value is an object or a list.
    #[error("a value is an object or a list; write texts")]
    Nested,
    /// A value is a fraction, or `true` or `false`.
    #[error("a value is not a text")]
    NotText,
    /// The phone is not a number.
    #[error("phone: write the number with its country code, such as +91 98765 43210")]
    Phone,
    /// The phone is a number as a spreadsheet shows it, and digits are lost.
    #[error(
        "phone: a spreadsheet made a number of it, and digits may be lost; format the column as text and export again"
    )]
    SpreadsheetNumber,
    /// The BSUID is not one.
    #[error("bsuid: write two letters, a dot and up to 128 letters and digits")]
    Bsuid,
    /// The policy does not declare the purpose.
    #[error("purpose: the policy does not declare it")]
    Purpose,
    /// The status is none of the three.
    #[error("status: use given, refused or withdrawn")]
    Status,
    /// The time is not one.
    #[error("obtained_at: write RFC 3339, such as 2026-11-22T10:30:00Z, or a date, such as 2026-11-22")]
    ObtainedAt,
    /// Day and month could be taken for each other.
    #[error("obtained_at: nobody can tell day and month apart; write the year first, as in 2026-11-22")]
    AmbiguousDate,
    /// A time of day without its zone.
    #[error("obtained_at: a time needs its zone, as in 2026-11-22T10:30:00+05:30; or write the date alone")]
    NoTimeZone,
    /// The end of the consent is not a time after its beginning.
    #[error("expires_at: write a time after obtained_at, in the same way")]
    ExpiresAt,
    /// The method is not known.
    #[error("method: use web_form, click_to_chat, inbound_message, keyword, paper, verbal, import or api")]
    Method,
    /// The kind of evidence is not known.
    #[error("evidence_kind: use form_submission, record, message, signed_paper or recording")]
    EvidenceKind,
    /// A notice without its version, hash or language.
    #[error(
        "notice: fill notice_version, notice_sha256 (64 digits of 0-9 and a-f) and notice_language, or none"
    )]
    Notice,
    /// The sender is not an id.
    #[error("sender: write the id under which it is registered, or nothing for every sender")]
    Sender,
    /// The consent ledger refuses the act.
    #[error("the row cannot be recorded: the person has too many identifiers, or the act is malformed")]
    Refused,
}

impl RowProblem {
    /// The problem as a code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Unclosed => "unclosed_quote",
            Self::StrayQuote => "stray_quote",
            Self::Shape => "shape",
            Self::Encoding => "encoding",
            Self::RepeatedKey => "repeated_key",
            Self::Nested => "nested",
            Self::NotText => "not_text",
            Self::Phone => "phone",
            Self::SpreadsheetNumber => "spreadsheet_number",
            Self::Bsuid => "bsuid",
            Self::Purpose => "purpose",
            Self::Status => "status",
            Self::ObtainedAt => "obtained_at",
            Self::AmbiguousDate => "ambiguous_date",
            Self::NoTimeZone => "no_time_zone",
            Self::ExpiresAt => "expires_at",
            Self::Method => "method",
            Self::EvidenceKind => "evidence_kind",
            Self::Notice => "notice",
            Self::Sender => "sender",
            Self::Refused => "refused",
        }
    }
}

/// A row that can be recorded.
#[derive(Debug, Clone)]
pub(super) struct ImportedRow {
    pub(super) line: u64,
    /// The phone number, the business-scoped user id, or both in this order.
    pub(super) known_as: Vec<KnownAs>,
    pub(super) act: NewAct,
    /// The source of the act for the second identifier, should it be another person's.
    pub(super) source_of_second: Option<Personal<Vec<u8>>>,
    /// What was left out of a denial.
    pub(super) mended: Option<RowProblem>,
}

/// Takes what cannot be read for an error in a grant. A denial counts without it, and the first of these is noted.
struct Strictness {
    is_denial: bool,
    mended: Option<RowProblem>,
}

impl Strictness {
    fn take<T: Default>(&mut self, read: Result<T, RowProblem>) -> Result<T, RowProblem> {
        match read {
            Err(problem) if self.is_denial => {
                self.mended.get_or_insert(problem);
                Ok(T::default())
            }
            read => read,
        }
    }
}

pub(super) fn read(
    line: u64,
    fields: &Fields,
    rules: &GateRules,
    file: Option<[u8; 32]>,
) -> Result<ImportedRow, RowProblem> {
    let [phone, purpose, status, obtained_at, method, evidence, bsuid, sender, expires_at, rest @ ..] =
        fields;
    let [kind, reference, source, notice @ ..] = rest;
    let status_read = act_of(status);
    let is_denial = status_read.is_ok_and(ConsentAct::is_denial);
    let mut strict = Strictness { is_denial, mended: None };
    let phone_read = strict.take(phone_of(phone))?;
    let bsuid_read = strict.take(bsuid_of(bsuid))?;
    let known_as: Vec<KnownAs> = phone_read.into_iter().chain(bsuid_read).collect();
    let first = known_as.first().ok_or(strict.mended.unwrap_or(RowProblem::Phone))?;
    let act = status_read?;
    let sender_read = strict.take(sender_of(sender))?;
    let scope = scope_of(purpose, act, sender_read, rules).ok_or(RowProblem::Purpose)?;
    let acted_at = strict.take(obtained_of(obtained_at, act))?;
    let method_read = strict.take(method_of(method))?;
    let kind = strict.take(kind_of(kind))?;
    let notice_read = strict.take(notice_of(notice))?;
    let expires_at_read = if is_denial { None } else { expiry_of(expires_at, acted_at)? };
    let shown = Shown {
        acted_at,
        has_method: method_read.is_some(),
        has_text: !evidence.is_empty(),
        kind,
        has_reference: !reference.is_empty(),
        has_source: !source.is_empty(),
        has_notice: notice_read.is_some(),
    };
    let is_weak = !is_denial && shown.grade() == ImportGrade::Stated;

    // A grant that was set aside for what shows it counts once a file brings more.
    let standing = if is_weak { "unproven" } else { "" };
    // Two dates that cannot be read are two facts.
    let unread =
        || if obtained_at.is_empty() { "undated".to_owned() } else { format!("unread:{obtained_at}") };
    let moment = acted_at.map_or_else(unread, |at| at.to_string());
    let optional = optional_parts(scope.sender, expires_at_read, notice_read.as_ref());
    let mut parts = vec![purpose.as_str(), status, &moment, standing];
    parts.extend(optional.iter().map(String::as_str));
    let second = known_as.get(1).map(|known| known.identifier.expose_canonical());
    let source_of_second = second.as_ref().map(|second| source_of(second, &parts));
    if let Some(second) = &second {
        parts.extend(["bsuid", second.as_str()]);
    }
    let text_of = |text: &str| (!text.is_empty()).then(|| text.into());
    let note = ImportNote { grade: shown.grade(), line, file, kind, source: text_of(source) };
    let evidence = Evidence {
        words: text_of(evidence),
        // A row that names no document, but the system that has it.
        reference: text_of(reference).or_else(|| text_of(source)),
        grade: if is_weak { EvidenceGrade::Weak } else { EvidenceGrade::Sufficient },
    };
    let act = NewAct {
        provenance: Provenance::Imported,
        acted_at,
        expires_at: expires_at_read,
        notice: notice_read,
        evidence: (!evidence.is_empty()).then_some(evidence),
        source: Some(source_of(&first.identifier.expose_canonical(), &parts)),
        import: Some(note),
        ..NewAct::direct(act, scope, method_read.unwrap_or(ConsentMethod::Import))
    };
    Ok(ImportedRow { line, known_as, act, source_of_second, mended: strict.mended })
}

fn phone_of(text: &str) -> Result<Option<KnownAs>, RowProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    if is_from_a_spreadsheet(text) {
        return Err(RowProblem::SpreadsheetNumber);
    }
    let number = E164::parse(text).map_err(|_| RowProblem::Phone)?;
    Ok(Some(KnownAs { raw: text.into(), ..KnownAs::canonical(Identifier::Phone(number)) }))
}

/// `9.19877E+11`, or a number with a fraction of nothing: `919876543210.0`.
fn is_from_a_spreadsheet(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| match part.split_once(['.', ',']) {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(part),
    };
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        return number(mantissa) && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    }
    text.split_once(['.', ',']).is_some_and(|(whole, fraction)| {
        digits(whole) && digits(fraction) && fraction.bytes().all(|byte| byte == b'0') && whole.len() > 6
    })
}

fn bsuid_of(text: &str) -> Result<Option<KnownAs>, RowProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    let bsuid = Bsuid::parse(text).map_err(|_| RowProblem::Bsuid)?;
    Ok(Some(KnownAs::canonical(Identifier::Bsuid(bsuid))))
}

fn act_of(status: &str) -> Result<ConsentAct, RowProblem> {
    match status {
        "given" => Ok(ConsentAct::Given),
        "refused" => Ok(ConsentAct::Refused),
        "withdrawn" => Ok(ConsentAct::Withdrawn),
        _ => Err(RowProblem::Status),
    }
}

/// Nothing is every sender.
fn sender_of(text: &str) -> Result<Option<SenderScope>, RowProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(|sender| Some(SenderScope::One(sender))).map_err(|_| RowProblem::Sender)
}

/// A grant is for one declared purpose, over WhatsApp; a denial may be for all, and is for every channel.
fn scope_of(
    purpose: &str,
    act: ConsentAct,
    sender: Option<SenderScope>,
    rules: &GateRules,
) -> Option<ConsentScope> {
    let sender = sender.unwrap_or(SenderScope::All);
    if purpose == "*" {
        return act.is_denial().then(|| ConsentScope { sender, ..ConsentScope::everything() });
    }
    let purpose: PurposeId = purpose.parse().ok()?;
    rules.purpose(&purpose)?;
    Some(if act.is_denial() {
        ConsentScope { purpose: PurposeScope::One(purpose), sender, ..ConsentScope::everything() }
    } else {
        ConsentScope { sender, ..ConsentScope::whatsapp(purpose) }
    })
}

/// The time of an act; nothing when nobody says. A bare date is the whole day: a grant counts from its beginning, a
/// denial until its end, since either may have come last.
fn obtained_of(text: &str, act: ConsentAct) -> Result<Option<Timestamp>, RowProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    let (at, is_date) = time_of(text)?;
    let rest_of_day = Duration::from_millis(24 * 3600 * 1000 - 1);
    Ok(Some(if is_date && act.is_denial() { at.saturating_add(rest_of_day) } else { at }))
}

/// A time, and whether it is a date alone.
fn time_of(text: &str) -> Result<(Timestamp, bool), RowProblem> {
    let is_date = !text.contains(['T', 't', ' ']);
    if let Ok(at) = text.parse() {
        return Ok((at, is_date));
    }
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, ""));
    let has_zone = time.contains(['Z', 'z', '+', '-']);
    if !time.is_empty() && !has_zone && date.parse::<Timestamp>().is_ok() {
        return Err(RowProblem::NoTimeZone);
    }
    let groups: Vec<&str> = date.split(['/', '.', '-']).collect();
    let are_numbers =
        groups.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let year_is_last = groups.first().is_some_and(|first| first.len() <= 2);
    Err(if groups.len() == 3 && are_numbers && year_is_last {
        RowProblem::AmbiguousDate
    } else {
        RowProblem::ObtainedAt
    })
}

/// A bare date ends with its beginning: of two readings, the one that permits less.
fn expiry_of(text: &str, acted_at: Option<Timestamp>) -> Result<Option<Timestamp>, RowProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    let (end, _) = time_of(text).map_err(|_| RowProblem::ExpiresAt)?;
    if acted_at.is_some_and(|acted| end <= acted) { Err(RowProblem::ExpiresAt) } else { Ok(Some(end)) }
}

fn method_of(text: &str) -> Result<Option<ConsentMethod>, RowProblem> {
    let is_importable = |method: &ConsentMethod| match method {
        ConsentMethod::WebForm
        | ConsentMethod::ClickToChat
        | ConsentMethod::InboundMessage
        | ConsentMethod::Keyword
        | ConsentMethod::Paper
        | ConsentMethod::Verbal
        | ConsentMethod::Import
        | ConsentMethod::Api => true,
        ConsentMethod::PlatformPreference
        | ConsentMethod::PlatformError
        | ConsentMethod::Block
        | ConsentMethod::Review => false,
    };
    if text.is_empty() {
        return Ok(None);
    }
    let known = ConsentMethod::ALL.into_iter().filter(is_importable).find(|known| known.as_str() == text);
    known.map(Some).ok_or(RowProblem::Method)
}

fn kind_of(text: &str) -> Result<Option<EvidenceKind>, RowProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = EvidenceKind::ALL.into_iter().find(|known| known.as_str() == text);
    known.map(Some).ok_or(RowProblem::EvidenceKind)
}

fn notice_of(fields: &[String; 3]) -> Result<Option<Notice>, RowProblem> {
    let [version, hash, language] = fields;
    if version.is_empty() && hash.is_empty() && language.is_empty() {
        return Ok(None);
    }
    let sha256 = hash_of(hash).ok_or(RowProblem::Notice)?;
    let is_short = version.len() <= MAX_NOTICE_FIELD && language.len() <= MAX_NOTICE_FIELD;
    if version.is_empty() || language.is_empty() || !is_short {
        return Err(RowProblem::Notice);
    }
    Ok(Some(Notice { version: version.clone(), sha256, language: language.clone() }))
}

/// The longest version and the longest language of a notice, in bytes.
const MAX_NOTICE_FIELD: usize = 64;

pub(super) fn hash_of(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (position, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * position..2 * position + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// What tells facts apart that are the same but for it, each behind its name.
fn optional_parts(
    sender: SenderScope,
    expires_at: Option<Timestamp>,
    notice: Option<&Notice>,
) -> Vec<String> {
    let sender = match sender {
        SenderScope::All => None,
        SenderScope::One(sender) => Some(sender.to_string()),
    };
    let hash = notice.map(|notice| notice.sha256.iter().map(|byte| format!("{byte:02x}")).collect());
    let parts = [
        ("sender", sender),
        ("expires_at", expires_at.map(|end| end.to_string())),
        ("notice", notice.map(|notice| notice.version.clone())),
        ("hash", hash),
    ];
    parts.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).flatten().collect()
}

/// The same for every spelling of the same fact, whatever file and line it stands in.
fn source_of(who: &str, parts: &[&str]) -> Personal<Vec<u8>> {
    let mut source = b"import/v1".to_vec();
    for part in std::iter::once(&who).chain(parts) {
        source.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        source.extend_from_slice(part.as_bytes());
    }
    Personal::new(source)
}
