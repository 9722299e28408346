//! A controller with rows of every kind, among them such as a careless scan confuses.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_model::ids::{ControllerId, RecordId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{BlindIndex, Cohort, KeyPrefix, RowKind};
use wzapi_storage::row::Record;
use wzapi_storage::{Key, Owner};

use crate::bench::Bench;
use crate::sample;
use crate::suite::Failure;

/// Rows by key.
pub(super) type Population = BTreeMap<Key, Record>;

/// Fills a controller; answers its rows, with the record of the changeset that wrote them.
pub(super) async fn populate(bench: &Bench, controller: ControllerId) -> Result<Population, Failure> {
    let kinds = RowKind::ALL.iter().copied().filter(|kind| *kind != RowKind::Changeset);
    let samples = kinds.flat_map(|kind| (0..6).map(move |seed| sample::record(kind, seed)));
    let neighbours = parked().into_iter().chain(of_neighbours()).chain(records());
    let rows = samples.chain(neighbours).map(|record| (record.key.clone(), record));
    let mut rows: Population = rows.collect();
    let change = bench.change(controller).puts(rows.values().cloned());
    let receipt = change.receipt();
    change.commit().await?;
    if let Some(stored) = bench.one(controller, &receipt).await? {
        rows.insert(receipt.clone(), Record { key: receipt, due_at: stored.due_at, body: stored.body });
    }
    Ok(rows)
}

/// Persons whose ids follow each other.
fn neighbours() -> [SubjectId; 3] {
    let id = |last: u128| u128::from_be_bytes([7; 16]).wrapping_add(last).to_be_bytes();
    [6, 7, 8].map(|last| SubjectId::from_bytes(id(last)))
}

/// Rows of several kinds of each neighbour.
fn of_neighbours() -> Vec<Record> {
    let mut rows = Vec::new();
    for subject in neighbours() {
        for kind in [RowKind::Subject, RowKind::ConsentEvent, RowKind::Permit] {
            let Record { due_at, body, key } = sample::record(kind, 3);
            let key = match key {
                Key::ConsentEvent { event, .. } => Key::ConsentEvent { subject, event },
                Key::Permit { permit, .. } => Key::Permit { subject, permit },
                _ => Key::Subject(subject),
            };
            rows.push(Record { key, due_at, body });
        }
    }
    rows
}

fn parked() -> Vec<Record> {
    let index = |number: u128| BlindIndex(number.to_be_bytes());
    let record = |(route, source)| {
        let key = Key::Parked { route: index(route), source: index(source) };
        Record { key, ..sample::record(RowKind::Parked, 0) }
    };
    [(1, 1), (1, 2), (1, 3), (2, 1), (255, 1), (256, 1)].map(record).into()
}

/// One name is the beginning of another one.
fn categories() -> [DataCategory; 2] {
    let longer = format!("{}_2", DataCategory::contact());
    [DataCategory::contact(), longer.parse().unwrap_or_else(|_| DataCategory::consent_evidence())]
}

const MONTHS: [Cohort; 3] = [Cohort(1), Cohort(2), Cohort(256)];

fn record_ids() -> [RecordId; 2] {
    [[0x01; 16], [0xff; 16]].map(RecordId::from_bytes)
}

/// Records of two neighbours in several categories and months, with earlier values, and the index of them.
fn records() -> Vec<Record> {
    let mut rows = Vec::new();
    let [subject, other, _] = neighbours();
    for subject in [subject, other] {
        for category in categories() {
            for (cohort, record) in MONTHS.into_iter().flat_map(|month| record_ids().map(|id| (month, id))) {
                let key = Key::Record { subject, category: category.clone(), cohort, record };
                rows.push(Record { key, ..sample::record(RowKind::Record, 0) });
                let key = Key::RecordOfCategory { category: category.clone(), cohort, subject, record };
                rows.push(Record { key, ..sample::record(RowKind::RecordOfCategory, 0) });
                for revision in [0, 256] {
                    let category = category.clone();
                    let key = Key::RecordRevision { subject, category, cohort, record, revision };
                    rows.push(Record { key, ..sample::record(RowKind::RecordRevision, 0) });
                }
            }
        }
    }
    rows
}

/// Whether a prefix fits a key, told by their parts.
pub(super) fn is_under(key: &Key, prefix: &KeyPrefix) -> bool {
    match prefix {
        KeyPrefix::Owner(owner) => key.owner() == *owner,
        KeyPrefix::Kind(owner, kind) => key.owner() == *owner && key.kind() == *kind,
        KeyPrefix::ParkedUnder(under) => matches!(key, Key::Parked { route, .. } if route == under),
        KeyPrefix::Records(of, under) => {
            matches!(key, Key::Record { subject, category, .. } if (subject, category) == (of, under))
        }
        KeyPrefix::RecordsIn(of, under, month) => matches!(
            key,
            Key::Record { subject, category, cohort, .. } if (subject, category, cohort) == (of, under, month)
        ),
        KeyPrefix::Revisions(of, under, month, one) => matches!(
            key,
            Key::RecordRevision { subject, category, cohort, record, .. }
                if (subject, category, cohort, record) == (of, under, month, one)
        ),
        KeyPrefix::RecordsOfCategory(under) => {
            matches!(key, Key::RecordOfCategory { category, .. } if category == under)
        }
    }
}

/// Prefixes of every sort, under some of which there is nothing.
pub(super) fn prefixes(rows: &Population) -> Vec<KeyPrefix> {
    let mut owners: BTreeSet<Owner> = rows.keys().map(Key::owner).collect();
    owners.insert(Owner::Subject(SubjectId::from_bytes([0x55; 16])));
    let owned = owners.iter().map(|owner| KeyPrefix::Owner(*owner));
    let kinds: BTreeSet<_> = rows.keys().map(|key| (key.owner(), key.kind())).collect();
    let kinds = kinds.into_iter().map(|(owner, kind)| KeyPrefix::Kind(owner, kind));
    let routes = [0, 1, 2, 255, 256, u128::MAX].map(|route| BlindIndex(route.to_be_bytes()));
    let mut prefixes: Vec<_> = owned.chain(kinds).chain(routes.map(KeyPrefix::ParkedUnder)).collect();
    for category in categories().into_iter().chain([DataCategory::consent_evidence()]) {
        prefixes.push(KeyPrefix::RecordsOfCategory(category.clone()));
        for subject in neighbours() {
            prefixes.push(KeyPrefix::Records(subject, category.clone()));
            for month in [Cohort(0), Cohort(1), Cohort(256)] {
                prefixes.push(KeyPrefix::RecordsIn(subject, category.clone(), month));
            }
            let revisions =
                record_ids().map(|record| KeyPrefix::Revisions(subject, category.clone(), MONTHS[1], record));
            prefixes.extend(revisions);
        }
    }
    prefixes
}
