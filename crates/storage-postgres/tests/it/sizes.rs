//! How many bytes a row takes on disk, which is what `docs/scaling.md` counts with.
//!
//! `cargo nextest run -p wzapi-storage-postgres sizes --no-capture` prints the table.

use wzapi_model::Timestamp;
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{EntryId, PermitId, RecordId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_storage::changeset::Write;
use wzapi_storage::key::{BlindIndex, Cohort, LogRef, RowKind};
use wzapi_storage::row::{
    Body, DataKeyRow, DataKeyVersion, EntryBody, EntryBodyRow, IdentifierRow, LogLeafRow, PermitRow, Record,
    RecordEvent, RecordOfCategoryRow, RecordRevisionRow, RecordRow, Sealed, SourceEventRow,
    SubjectIdentifier, SubjectRow, Window, WrappedKey,
};
use wzapi_storage::{Changeset, Key, Owner};
use wzapi_storage_testkit::sample::Sequence;

use crate::harness::{changeset, client, commit, config, own_database, store};

const ROWS: u64 = 20_000;
const ROWS_PER_CHANGESET: u64 = 500;
const LOG: LogRef = LogRef { shard: 0, generation: 0 };
/// What an envelope adds to a value.
const OVERHEAD: usize = 34;
/// Bodies of entries are padded to steps of this.
const ENTRY: usize = 256;

/// Rows as the engines write them for one message, and for one record of 64 bytes, with the most bytes that the sizing grants each, index and all.
const GRANTED: &[(RowKind, u64)] = &[
    (RowKind::SourceEvent, 250),
    (RowKind::Permit, 500),
    (RowKind::LogLeaf, 285),
    (RowKind::EntryBody, 675),
    (RowKind::Identifier, 400),
    (RowKind::Subject, 440),
    (RowKind::DataKey, 430),
    (RowKind::Record, 625),
    (RowKind::RecordRevision, 495),
    (RowKind::RecordOfCategory, 385),
    (RowKind::Changeset, 370),
];

struct Rows(Sequence);

impl Rows {
    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.0.next_number().to_be_bytes()[0]).collect()
    }

    fn sealed(&mut self, length: usize) -> Sealed {
        Sealed { cohort: Cohort(680), envelope: self.noise(length + OVERHEAD) }
    }

    fn record(&mut self, kind: RowKind, number: u64) -> Record {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let subject = SubjectId::from_bytes(self.0.id());
        let entry = EntryId::from_bytes(self.0.id());
        let index = BlindIndex(self.0.id());
        let sender = SenderId::from_bytes([5; 16]);
        let (key, body): (Key, Body) = match kind {
            RowKind::SourceEvent => (Key::SourceEvent(index), SourceEventRow { seen_at: at }.into()),
            RowKind::Permit => (
                Key::Permit { subject, permit: PermitId::from_bytes(self.0.id()) },
                PermitRow {
                    sender,
                    purpose: PurposeId::service_updates(),
                    category: MessageCategory::Utility,
                    redeemed_at: at,
                    entry,
                    message_id: self.sealed(60),
                    steps: Vec::new(),
                }
                .into(),
            ),
            RowKind::LogLeaf => (
                Key::LogLeaf { log: LOG, index: number },
                LogLeafRow { commitment: [7; 32], owner: Owner::Subject(subject), entry }.into(),
            ),
            RowKind::EntryBody => (
                Key::EntryBody { owner: Owner::Subject(subject), entry },
                EntryBodyRow {
                    log: LOG,
                    index: number,
                    category: DataCategory::consent_evidence(),
                    body: EntryBody::Kept(self.sealed(ENTRY)),
                }
                .into(),
            ),
            RowKind::Identifier => {
                // As after a first message.
                let row = IdentifierRow {
                    windows: vec![Window::plain(sender, at)],
                    ..IdentifierRow::new(subject, IdentifierKind::Phone, 1)
                };
                (Key::Identifier(index), row.into())
            }
            RowKind::Subject => {
                let identifier = SubjectIdentifier {
                    index,
                    kind: IdentifierKind::Phone,
                    since: at,
                    sealed_for: subject,
                    sealed: self.sealed(40),
                };
                let row = SubjectRow { identifiers: vec![identifier], ..SubjectRow::new(at) };
                (Key::Subject(subject), row.into())
            }
            RowKind::Record | RowKind::RecordRevision | RowKind::RecordOfCategory => {
                self.of_record(kind, subject, entry, at)
            }
            _ => {
                let key = WrappedKey {
                    wrapped_by: "1".to_owned(),
                    wrapped: self.noise(32 + OVERHEAD),
                    commitment: [3; 32],
                };
                let category = DataCategory::consent_evidence();
                let place = Key::DataKey { owner: Owner::Subject(subject), category, cohort: Cohort(680) };
                let version = DataKeyVersion { version: 1, created_at: at, seals: 0, key };
                (place, DataKeyRow { versions: vec![version] }.into())
            }
        };
        Record { key, due_at: None, body }
    }

    fn of_record(&mut self, kind: RowKind, subject: SubjectId, entry: EntryId, at: Timestamp) -> (Key, Body) {
        let (category, cohort) = (DataCategory::contact(), Cohort(680));
        let record = RecordId::from_bytes(self.0.id());
        let value = self.sealed(64);
        let source = "web_form".to_owned();
        match kind {
            RowKind::Record => {
                let row = RecordRow {
                    purposes: vec![PurposeId::service_updates()],
                    source,
                    collected_at: at,
                    changed_at: at,
                    events: vec![RecordEvent { trigger: "collected".to_owned(), at }],
                    restriction: None,
                    revision: 0,
                    entry,
                    value,
                };
                (Key::Record { subject, category, cohort, record }, row.into())
            }
            RowKind::RecordRevision => {
                let row = RecordRevisionRow { from: at, until: at, source, value };
                (Key::RecordRevision { subject, category, cohort, record, revision: 0 }, row.into())
            }
            _ => {
                let row = RecordOfCategoryRow { collected_at: at };
                (Key::RecordOfCategory { category, cohort, subject, record }, row.into())
            }
        }
    }
}

#[tokio::test]
async fn rows_take_no_more_bytes_than_the_sizing_grants_them() {
    let url = own_database().await;
    let storage = store(&config(&url)).await;
    let client = client(&url).await;
    let mut rows = Rows(Sequence::new(2026));
    let mut number = 0;
    let mut written = Vec::new();
    for (kind, _) in GRANTED.iter().filter(|(kind, _)| *kind != RowKind::Changeset) {
        let before: i64 = client
            .query_one("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint", &[])
            .await
            .unwrap()
            .get(0);
        for start in (0..ROWS).step_by(ROWS_PER_CHANGESET as usize) {
            let writes =
                (start..start + ROWS_PER_CHANGESET).map(|row| Write::Put(rows.record(*kind, row))).collect();
            commit(&storage, Changeset { writes, ..changeset(number, 0) }).await;
            number += 1;
        }
        let after: i64 = client
            .query_one("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint", &[])
            .await
            .unwrap()
            .get(0);
        written.push((*kind, ROWS, after - before));
    }
    // Changesets of nothing, for the sake of their records.
    for _ in 0..2_000 {
        commit(&storage, changeset(number, 0)).await;
        number += 1;
    }
    written.push((RowKind::Changeset, number, 0));
    for ((kind, rows, wal), (granted_kind, granted)) in written.into_iter().zip(GRANTED) {
        assert_eq!(kind, *granted_kind);
        let sql = format!("SELECT pg_table_size('wzapi.{kind}'), pg_indexes_size('wzapi.{kind}')");
        let row = client.query_one(&sql, &[]).await.unwrap();
        let (table, index): (i64, i64) = (row.get(0), row.get(1));
        let per_row = |bytes: i64| u64::try_from(bytes).unwrap() / rows;
        let total = per_row(table + index);
        eprintln!(
            "{kind:<14} table {:>4}  index {:>4}  together {total:>4}  log {:>5}",
            per_row(table),
            per_row(index),
            per_row(wal)
        );
        assert!(total <= *granted, "{kind}: {total} bytes per row, {granted} granted");
    }
}
