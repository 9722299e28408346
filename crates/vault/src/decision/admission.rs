//! Whether something may be stored (policy clauses 2.a, 2.b and 3.a).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use wzapi_encryption::data_key::cohort_of;
use wzapi_model::Timestamp;
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_policy::Policy;
use wzapi_policy::file::{Category, DataSource, ForbiddenPattern};
use wzapi_policy::retention::{RetentionState, Trigger};
use wzapi_storage::key::Cohort;
use wzapi_storage::row::RecordEvent;
use zeroize::Zeroizing;

use crate::decision::forbidden::forbidden_in;
use crate::decision::retention::{ALLOWED_SKEW, RetentionEvent, note, standing_of_new};
use crate::value::{RecordValue, ValueProblem};

/// Something to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Its category.
    pub category: DataCategory,
    /// What it is stored for: the purposes for which it can be read.
    pub purposes: BTreeSet<PurposeId>,
    /// Where it comes from.
    pub source: DataSource,
    /// When it was collected; `None` for now.
    pub collected_at: Option<Timestamp>,
    /// The value.
    pub value: RecordValue,
    /// What is known to have happened that its retention depends on, such as that its invoice was issued.
    pub events: BTreeMap<Trigger, Timestamp>,
}

impl NewRecord {
    /// A record that is collected now, without events.
    #[must_use]
    pub fn new(
        category: DataCategory,
        purposes: impl IntoIterator<Item = PurposeId>,
        source: DataSource,
        value: impl Into<RecordValue>,
    ) -> Self {
        Self {
            category,
            purposes: purposes.into_iter().collect(),
            source,
            collected_at: None,
            value: value.into(),
            events: BTreeMap::new(),
        }
    }
}

/// Why something is not stored. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The policy does not declare the category.
    CategoryNotDeclared,
    /// The category is one of [`KEPT_ELSEWHERE`].
    CategoryKeptElsewhere,
    /// No purpose is named.
    NoPurpose,
    /// The policy does not declare one of the purposes for the category.
    PurposeNotDeclared,
    /// The policy does not declare the source for the category.
    SourceNotDeclared,
    /// It is dated in the future, or one of its events is.
    InTheFuture,
    /// [`Trigger::Collected`] is among the events; `collected_at` says when that was.
    CollectedAmongEvents,
    /// The value is longer than [`MAX_VALUE_BYTES`](crate::value::MAX_VALUE_BYTES).
    TooLong,
    /// The value is nested deeper than [`MAX_JSON_DEPTH`](crate::value::MAX_JSON_DEPTH).
    TooDeep,
    /// The media type of the value is none.
    NoMediaType,
    /// The value holds what is never stored.
    Forbidden(ForbiddenPattern),
    /// The category holds IP addresses, which are cut; the value is none, and may hold one that is not cut.
    NotAnAddress,
    /// No ground of its category keeps it: it is too old, or the event from which its period runs is missing.
    NotKept,
    /// It was corrected as often as earlier values are kept ([`MAX_REVISIONS`]).
    TooManyCorrections,
}

impl Refusal {
    /// Its name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::CategoryNotDeclared => "category_not_declared",
            Self::CategoryKeptElsewhere => "category_kept_elsewhere",
            Self::NoPurpose => "no_purpose",
            Self::PurposeNotDeclared => "purpose_not_declared",
            Self::SourceNotDeclared => "source_not_declared",
            Self::InTheFuture => "in_the_future",
            Self::CollectedAmongEvents => "collected_among_events",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::NoMediaType => "no_media_type",
            Self::Forbidden(_) => "forbidden",
            Self::NotAnAddress => "not_an_address",
            Self::NotKept => "not_kept",
            Self::TooManyCorrections => "too_many_corrections",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CategoryNotDeclared => "the policy does not declare the category",
            Self::CategoryKeptElsewhere => {
                "other parts of the library keep this category; the vault does not"
            }
            Self::NoPurpose => "no purpose is named",
            Self::PurposeNotDeclared => "the policy does not declare one of the purposes for the category",
            Self::SourceNotDeclared => "the policy does not declare the source for the category",
            Self::InTheFuture => "it is dated in the future",
            Self::CollectedAmongEvents => "the time of collection is not given as an event",
            Self::TooLong => "the value is too long",
            Self::TooDeep => "the value is nested too deep",
            Self::NoMediaType => "the media type is none; write type, slash and subtype",
            Self::Forbidden(pattern) => return write!(f, "the value holds what is never stored: {pattern}"),
            Self::NotAnAddress => "the category holds IP addresses, and the value is none",
            Self::NotKept => "no ground keeps it: it is too old, or its retention waits for an event",
            Self::TooManyCorrections => "it was corrected as often as earlier values are kept",
        })
    }
}

/// The categories whose data keys seal rows of other parts too (identifiers, evidence of consent, ledger entries, webhook
/// content that nothing understands): destroying the key of a record would destroy those.
pub const KEPT_ELSEWHERE: [&str; 4] = ["contact", "consent_evidence", "accountability", "unrecognised"];

/// Whether a category is one of [`KEPT_ELSEWHERE`].
#[must_use]
pub fn is_kept_elsewhere(category: &DataCategory) -> bool {
    KEPT_ELSEWHERE.contains(&category.as_str())
}

/// The most earlier values of one record that are kept.
pub const MAX_REVISIONS: u32 = 255;

/// Something that may be stored. Only [`admit`] makes one, and storing demands it.
#[must_use]
pub struct Admitted {
    pub(crate) category: DataCategory,
    pub(crate) purposes: Vec<PurposeId>,
    pub(crate) source: DataSource,
    pub(crate) collected_at: Timestamp,
    pub(crate) events: Vec<RecordEvent>,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) encoded: Zeroizing<Vec<u8>>,
}

impl Admitted {
    /// When it was collected; now, when it was dated slightly ahead.
    #[must_use]
    pub const fn collected_at(&self) -> Timestamp {
        self.collected_at
    }

    /// When the last of its grounds ends, as far as that is known.
    #[must_use]
    pub const fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    /// The value as it is stored: an IP address is cut.
    #[must_use]
    pub fn value(&self) -> Option<RecordValue> {
        RecordValue::decode(&self.encoded)
    }

    pub(crate) fn cohort(&self) -> Cohort {
        cohort_of(self.collected_at)
    }
}

impl std::fmt::Debug for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admitted")
            .field("category", &self.category)
            .field("collected_at", &self.collected_at)
            .field("due_at", &self.due_at)
            .finish_non_exhaustive()
    }
}

/// Whether something may be stored now, and as what.
///
/// # Errors
/// The first reason why not.
pub fn admit(policy: &Policy, new: &NewRecord, now: Timestamp) -> Result<Admitted, Refusal> {
    let rules = rules_of(policy, &new.category)?;
    if new.purposes.is_empty() {
        return Err(Refusal::NoPurpose);
    }
    if !new.purposes.iter().all(|purpose| policy.permits(purpose, &new.category)) {
        return Err(Refusal::PurposeNotDeclared);
    }
    let collected_at = new.collected_at.map_or(Ok(now), |moment| not_later(moment, now))?;
    let mut occurred = BTreeMap::new();
    let mut events = Vec::with_capacity(new.events.len());
    for (trigger, at) in &new.events {
        let event = RetentionEvent::Trigger(*trigger);
        let at = dated(event, *at, now)?;
        note(&mut events, event, at);
        occurred.insert(*trigger, at);
    }
    let encoded = admit_value(policy, &new.category, new.source, &new.value)?;
    let assessment = standing_of_new(policy, rules, collected_at, &occurred, now);
    if assessment.state == RetentionState::Due {
        return Err(Refusal::NotKept);
    }
    Ok(Admitted {
        category: new.category.clone(),
        purposes: new.purposes.iter().cloned().collect(),
        source: new.source,
        collected_at,
        events,
        due_at: assessment.due_at,
        encoded,
    })
}

/// The bytes of a value that may be stored in a category, from a source; those of a correction too.
pub(crate) fn admit_value(
    policy: &Policy,
    category: &DataCategory,
    source: DataSource,
    value: &RecordValue,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let rules = rules_of(policy, category)?;
    if !rules.comes_from(source) {
        return Err(Refusal::SourceNotDeclared);
    }
    let value = truncated(rules, value)?;
    // Encoding checks the bounds, within which everything else takes its time.
    let encoded = value.encode().map_err(|problem| match problem {
        ValueProblem::TooLong => Refusal::TooLong,
        ValueProblem::TooDeep => Refusal::TooDeep,
        ValueProblem::MediaType => Refusal::NoMediaType,
    })?;
    match forbidden_in(policy, category, &value) {
        Some(pattern) => Err(Refusal::Forbidden(pattern)),
        None => Ok(encoded),
    }
}

/// When an event is taken to have happened, if it may be set.
pub(crate) fn dated(event: RetentionEvent, at: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
    if event == RetentionEvent::Trigger(Trigger::Collected) {
        return Err(Refusal::CollectedAmongEvents);
    }
    not_later(at, now)
}

fn rules_of<'p>(policy: &'p Policy, category: &DataCategory) -> Result<&'p Category, Refusal> {
    if is_kept_elsewhere(category) {
        return Err(Refusal::CategoryKeptElsewhere);
    }
    policy.category(category).ok_or(Refusal::CategoryNotDeclared)
}

/// A moment that is not in the future; one that is slightly ahead is taken for now.
fn not_later(moment: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
    if moment > now.saturating_add(ALLOWED_SKEW) { Err(Refusal::InTheFuture) } else { Ok(moment.min(now)) }
}

/// The value as its category keeps it: where the policy cuts IP addresses, the value is one, and is cut.
fn truncated<'v>(rules: &Category, value: &'v RecordValue) -> Result<Cow<'v, RecordValue>, Refusal> {
    let Some(rule) = rules.ip_truncation else { return Ok(Cow::Borrowed(value)) };
    let cut = |text: &str| rule.truncate_text(text).map_err(|_| Refusal::NotAnAddress);
    Ok(Cow::Owned(match value {
        RecordValue::Text(text) => RecordValue::Text(cut(text)?),
        RecordValue::Json(serde_json::Value::String(text)) => RecordValue::Json(cut(text)?.into()),
        RecordValue::Json(_) | RecordValue::Binary { .. } => return Err(Refusal::NotAnAddress),
    }))
}
