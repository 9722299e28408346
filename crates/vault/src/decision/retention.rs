//! How a record stands: which grounds keep it, and until when.

use std::collections::BTreeMap;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_policy::Policy;
use wzapi_policy::file::Category;
use wzapi_policy::retention::{Assessment, RecordEvents, Trigger, assess};
use wzapi_policy::term::Term;
use wzapi_storage::row::{RecordEvent, RecordRow};

/// How far in the future collection and events may be dated, for clocks that differ; they are then taken for now.
pub const ALLOWED_SKEW: Duration = Duration::from_secs(300);

const SERVICE_ENDED: &str = "service_ended";
const REVIEW_ASKED: &str = "review_asked";

/// Something that happened to a record and on which its retention depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetentionEvent {
    /// An event of the policy. [`Trigger::Collected`] cannot be set: a record has it from the beginning.
    Trigger(Trigger),
    /// The service lost its ground at once, whatever its periods say: the person asked for deletion and it was granted,
    /// or the purpose ended. What the law keeps is restricted to that duty from then on.
    ServiceEnded,
    /// A person was asked whether the record may go. It changes nothing about how the record stands.
    ReviewAsked,
}

impl RetentionEvent {
    /// Its name in rows and ledger entries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trigger(trigger) => trigger.as_str(),
            Self::ServiceEnded => SERVICE_ENDED,
            Self::ReviewAsked => REVIEW_ASKED,
        }
    }
}

/// A stored record has an event that this library does not know. A newer one wrote it; use that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record has an event that this version of the library does not know; use the one that wrote it")]
pub struct UnknownEvent;

/// How a stored record stands under the policy as it is now, legal holds aside. A category that the policy does not
/// declare any more has no grounds, and nothing keeps its records. Of a person who was erased at `erased_at`, the service
/// lost its ground then: what a law asks for stays, for that law alone.
///
/// # Errors
/// [`UnknownEvent`].
pub fn standing(
    policy: &Policy,
    category: Option<&Category>,
    row: &RecordRow,
    erased_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Assessment, UnknownEvent> {
    let mut events = RecordEvents::default();
    for event in &row.events {
        match Trigger::from_name(&event.trigger) {
            Some(trigger) => drop(events.occurred.insert(trigger, event.at)),
            None if event.trigger == SERVICE_ENDED => events.service_ended = Some(event.at),
            None if event.trigger == REVIEW_ASKED => {}
            None => return Err(UnknownEvent),
        }
    }
    events.occurred.insert(Trigger::Collected, row.collected_at);
    events.service_ended = match (events.service_ended, erased_at) {
        (Some(ended), Some(erased)) => Some(ended.min(erased)),
        (ended, erased) => ended.or(erased),
    };
    let grounds = category.map_or(&[][..], |category| &category.retention);
    Ok(assess(grounds, &events, &[], policy.utc_offset, now))
}

/// Whether a person was asked about the record.
pub(crate) fn review_is_asked(row: &RecordRow) -> bool {
    row.events.iter().any(|event| event.trigger == REVIEW_ASKED)
}

/// As [`standing`], for a record that is about to be stored.
pub(crate) fn standing_of_new(
    policy: &Policy,
    category: &Category,
    collected_at: Timestamp,
    events: &BTreeMap<Trigger, Timestamp>,
    now: Timestamp,
) -> Assessment {
    let mut events = RecordEvents { occurred: events.clone(), ..RecordEvents::default() };
    events.occurred.insert(Trigger::Collected, collected_at);
    assess(&category.retention, &events, &[], policy.utc_offset, now)
}

/// Notes an event, of which the last of a kind counts; whether anything changed.
pub(crate) fn note(events: &mut Vec<RecordEvent>, event: RetentionEvent, at: Timestamp) -> bool {
    let word = event.as_str();
    match events.iter_mut().find(|known| known.trigger == word) {
        Some(known) if known.at >= at => false,
        Some(known) => {
            known.at = at;
            true
        }
        None => {
            let place = events.partition_point(|known| known.trigger.as_str() < word);
            events.insert(place, RecordEvent { trigger: word.to_owned(), at });
            true
        }
    }
}
