//! The ledger entries about records; `docs/vault.md` lists them. None of them holds anything of a value.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use wzapi_ledger::Event;
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_storage::key::Cohort;

use crate::decision::reading::ReadRefusal;
use crate::record::{RecordRef, month_text};
use crate::vault::Selection;

/// An entry about one record.
pub(super) fn about_record(
    event_type: &'static str,
    controller: ControllerId,
    at: Timestamp,
    record: &RecordRef,
    actor: &Actor,
) -> Event {
    about_cohort(event_type, controller, at, &record.category, record.cohort, actor)
        .with("subject", record.subject.to_string())
        .with("record", record.record.to_string())
}

/// An entry about what was collected in one category and month.
pub(super) fn about_cohort(
    event_type: &'static str,
    controller: ControllerId,
    at: Timestamp,
    category: &DataCategory,
    cohort: Cohort,
    actor: &Actor,
) -> Event {
    Event::new(event_type, controller, at)
        .with("actor", actor.name())
        .with("category", category.as_str())
        .with("month", month_text(cohort))
}

/// An entry about many records that were asked for together.
pub(super) fn about_selection(
    event_type: &'static str,
    controller: ControllerId,
    at: Timestamp,
    selection: &Selection,
    actor: &Actor,
) -> Event {
    let event = Event::new(event_type, controller, at).with("actor", actor.name());
    match selection {
        Selection::Person(subject) => event.with("subject", subject.to_string()),
        Selection::PersonIn(subject, category) => {
            event.with("subject", subject.to_string()).with("category", category.as_str())
        }
        Selection::Category(category) => event.with("category", category.as_str()),
    }
}

pub(super) fn purposes_json<'p>(purposes: impl IntoIterator<Item = &'p PurposeId>) -> Value {
    purposes.into_iter().map(|purpose| Value::from(purpose.as_str())).collect()
}

pub(super) fn refusals_json(refused: &BTreeMap<ReadRefusal, u64>) -> Value {
    let fields = refused.iter().map(|(reason, count)| (reason.as_str().to_owned(), Value::from(*count)));
    Value::Object(fields.collect::<Map<_, _>>())
}
