//! Many records are opened page by page.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_storage::Draft;
use wzapi_storage::key::Owner;
use wzapi_vault::decision::reading::ReadRefusal;
use wzapi_vault::vault::{MAX_PAGE, Selection};
use wzapi_vault::{NewRecord, RecordRef, VaultError};

use crate::support::{A, ANA, BEN, World, category, email, invoice, message, purpose, time};

/// Stores many records, a few hundred per changeset.
async fn store_many(world: &World, count: usize, new: impl Fn(usize) -> NewRecord) -> Vec<RecordRef> {
    let keys = world.keys(A).await;
    let mut records = Vec::with_capacity(count);
    while records.len() < count {
        let mut draft = Draft::new(world.storage.as_ref(), A);
        let mut entries = Vec::new();
        while entries.len() < 200 && records.len() < count {
            let subject = if records.len() % 3 == 0 { BEN } else { ANA };
            let new = new(records.len());
            let staged =
                world.vault.stage_store(&mut draft, &keys, subject, &new, &world.actor, world.now()).await;
            let (record, entry) = staged.unwrap();
            records.push(record);
            entries.push(entry);
        }
        let _ = world.parts.ledger.commit(draft, entries).await.unwrap();
    }
    records
}

#[tokio::test]
async fn ten_thousand_records_are_streamed_in_bounded_pages() {
    const RECORDS: usize = 10_000;
    const PAGE: usize = 128;
    let world = World::new().await;
    let stored = store_many(&world, RECORDS, |one| message(&one.to_string())).await;
    let mut restricted = BTreeSet::new();
    for record in stored.iter().step_by(500) {
        let _ = world.vault.restrict(A, record, &[].into(), &world.actor).await.unwrap();
        restricted.insert(record.clone());
    }
    let selection = Selection::Category(category("end_user_messages"));
    let mut stream =
        world.vault.stream(A, selection, purpose("service_provision"), &world.actor).with_page_size(PAGE);
    let before = world.storage.counts();
    let (mut opened, mut refused, mut pages) = (BTreeMap::new(), 0, 0);
    while let Some(page) = stream.next_page().await.unwrap() {
        assert!(page.records.len() <= PAGE);
        assert_eq!(page.unreadable, []);
        assert!(page.refused.keys().all(|reason| *reason == ReadRefusal::Restricted));
        refused += page.refused.values().sum::<u64>();
        for record in page.records {
            assert!(opened.insert(record.info.record, record.value).is_none());
        }
        pages += 1;
    }
    let after = world.storage.counts();
    assert_eq!(pages, RECORDS.div_ceil(PAGE));
    assert_eq!(after[1] - before[1], pages, "one scan per page");
    assert_eq!((refused, opened.len()), (20, RECORDS - 20));
    for (one, record) in stored.iter().enumerate() {
        match opened.get(record) {
            Some(value) => assert_eq!(*value, one.to_string().as_str().into()),
            None => assert!(restricted.contains(record)),
        }
    }
    assert!(stream.next_page().await.unwrap().is_none(), "the end stays the end");
}

#[tokio::test]
async fn clause_3_a_each_record_of_a_stream_is_judged_and_what_is_refused_is_recorded() {
    let world = World::new().await;
    world.store(ANA, &email("ana@example.org")).await;
    world.store(ANA, &invoice("invoice 17")).await;
    world.store(ANA, &message("hello")).await;
    world.store(ANA, &NewRecord { collected_at: Some(time("2025-11-22")), ..message("old") }).await;
    world.clock.set(time("2026-11-22T20:00:00Z"));
    let selection = Selection::Person(ANA);
    let mut stream = world.vault.stream(A, selection.clone(), purpose("service_provision"), &world.actor);
    let page = stream.next_page().await.unwrap().unwrap();
    assert_eq!(page.records.len(), 2);
    let expected = [(ReadRefusal::OutsidePurpose, 1), (ReadRefusal::PastItsEnd, 1)].into();
    assert_eq!(page.refused, expected);
    assert!(stream.next_page().await.unwrap().is_none());

    let entries = world.entries(A).await;
    let refusals: Vec<_> =
        entries.iter().filter(|(_, event)| event["type"] == "record.read_refused").collect();
    assert_eq!(refusals.len(), 1, "one entry for the page");
    let (owner, event) = refusals[0];
    assert_eq!((*owner, &event["count"]), (Owner::Subject(ANA), &2.into()));
    assert_eq!(event["reasons"], serde_json::json!({"outside_purpose": 1, "past_its_end": 1}));
    assert!(!world.entry_types(A).await.contains_key("record.read"));

    let logging = world.logging_reads();
    let mut stream = logging.vault.stream(A, selection, purpose("billing"), &world.actor).with_page_size(1);
    while stream.next_page().await.unwrap().is_some() {}
    assert_eq!(world.entry_types(A).await["record.read"], 2, "one entry for each page that opened something");
    let of_all = Selection::Category(category("email"));
    let mut stream = logging.vault.stream(A, of_all, purpose("billing"), &world.actor);
    let _ = stream.next_page().await.unwrap();
    let entries = world.entries(A).await;
    let about_nobody = entries.iter().find(|(owner, _)| *owner == Owner::Controller).unwrap();
    assert_eq!((&about_nobody.1["count"], &about_nobody.1["category"]), (&1.into(), &"email".into()));
    world.check(A).await;
}

#[tokio::test]
async fn a_stream_that_was_broken_off_goes_on() {
    let world = World::new().await;
    let stored: BTreeSet<_> = store_many(&world, 25, |_| email("x")).await.into_iter().collect();
    for selection in [Selection::Category(category("email")), Selection::Person(ANA)] {
        let wanted: BTreeSet<_> = match selection {
            Selection::Person(subject) => {
                stored.iter().filter(|one| one.subject == subject).cloned().collect()
            }
            _ => stored.clone(),
        };
        let mut found = BTreeSet::new();
        let mut last: Option<RecordRef> = None;
        loop {
            let mut stream =
                world.vault.stream(A, selection.clone(), purpose("billing"), &world.actor).with_page_size(4);
            if let Some(last) = last.clone() {
                stream = stream.after(last);
            }
            let Some(page) = stream.next_page().await.unwrap() else { break };
            found.extend(page.records.into_iter().map(|one| one.info.record));
            if page.last.is_none() {
                break;
            }
            last = page.last.map(|last| last.to_string().parse().unwrap());
        }
        assert_eq!(found, wanted);
    }
}

#[tokio::test]
async fn the_bounds_of_pages_are_checked() {
    let world = World::new().await;
    for size in [0, MAX_PAGE + 1] {
        let selection = Selection::Person(ANA);
        let mut stream =
            world.vault.stream(A, selection, purpose("billing"), &world.actor).with_page_size(size);
        assert!(matches!(stream.next_page().await, Err(VaultError::Invalid(_))));
    }
}
