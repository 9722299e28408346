//! Lists are complete and exact.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use wzapi_model::ids::SubjectId;
use wzapi_policy::file::DataSource;
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::vault::{MAX_PAGE, Selection};
use wzapi_vault::{NewRecord, RecordRef, VaultError};

use crate::support::{A, ANA, B, BEN, NOBODY, World, category, email, invoice, message, time};

/// Every record of a selection, over pages of this size; each page is within its bound, and none comes twice.
async fn listed(world: &World, selection: &Selection, limit: usize) -> BTreeMap<RecordRef, u32> {
    let mut found = BTreeMap::new();
    let mut after = None;
    let mut pages = 0;
    loop {
        let page = world.vault.list(A, selection, after.as_ref(), limit).await.unwrap();
        assert!(page.records.len() <= limit);
        for info in page.records {
            assert!(found.insert(info.record.clone(), info.revision).is_none(), "listed twice");
        }
        pages += 1;
        assert!(pages < 1000, "a list has an end");
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

#[derive(Debug, Clone)]
enum Operation {
    Store { who: usize, what: usize, month: usize },
    Update { which: prop::sample::Index },
    Dispose { which: prop::sample::Index },
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0_usize..2, 0_usize..3, 0_usize..3)
            .prop_map(|(who, what, month)| Operation::Store { who, what, month }),
        1 => any::<prop::sample::Index>().prop_map(|which| Operation::Update { which }),
        2 => any::<prop::sample::Index>().prop_map(|which| Operation::Dispose { which }),
    ]
}

async fn run(operations: &[Operation], limit: usize) {
    let world = World::new().await;
    let mut expected: BTreeMap<RecordRef, u32> = BTreeMap::new();
    for operation in operations {
        match operation {
            Operation::Store { who, what, month } => {
                let new = [email("x"), message("x"), invoice("x")][*what].clone();
                let month = ["2026-09-03", "2026-10-31", "2026-11-01"][*month];
                let new = NewRecord { collected_at: Some(time(month)), ..new };
                expected.insert(world.store([ANA, BEN][*who], &new).await, 0);
            }
            Operation::Update { which } if !expected.is_empty() => {
                let record = expected.keys().nth(which.index(expected.len())).unwrap().clone();
                let source = match record.category.as_str() {
                    "email" => DataSource::Registration,
                    "billing_information" => DataSource::Use,
                    _ => DataSource::MessagingPlatform,
                };
                let updated =
                    world.vault.update(A, &record, &"y".into(), source, &world.actor).await.unwrap();
                expected.insert(record, updated.revision);
            }
            Operation::Dispose { which } if !expected.is_empty() => {
                let record = expected.keys().nth(which.index(expected.len())).unwrap().clone();
                let reason = DisposalReason::StoredInError;
                let _ = world.vault.dispose(A, &record, reason, &world.actor).await.unwrap();
                expected.remove(&record);
            }
            Operation::Update { .. } | Operation::Dispose { .. } => {}
        }
    }
    let of = |wanted: &dyn Fn(&RecordRef) -> bool| -> BTreeMap<RecordRef, u32> {
        expected.iter().filter(|(record, _)| wanted(record)).map(|(record, n)| (record.clone(), *n)).collect()
    };
    for subject in [ANA, BEN] {
        let all = listed(&world, &Selection::Person(subject), limit).await;
        assert_eq!(all, of(&|record| record.subject == subject));
        for name in ["email", "end_user_messages", "billing_information", "name"] {
            let selection = Selection::PersonIn(subject, category(name));
            let expected = of(&|record| record.subject == subject && record.category.as_str() == name);
            assert_eq!(listed(&world, &selection, limit).await, expected);
        }
    }
    for name in ["email", "end_user_messages", "billing_information", "name"] {
        let found = listed(&world, &Selection::Category(category(name)), limit).await;
        assert_eq!(found, of(&|record| record.category.as_str() == name));
    }
    world.check(A).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn lists_by_person_and_category_are_complete_and_exact(
        operations in proptest::collection::vec(any_operation(), 0..40), limit in 1_usize..7,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&operations, limit));
    }
}

#[tokio::test]
async fn a_list_of_a_merged_person_covers_everybody_they_were() {
    let world = World::new().await;
    let mut expected = BTreeSet::new();
    let third = SubjectId::from_bytes([3; 16]);
    world.know(A, third, |_| ()).await;
    for subject in [ANA, BEN, third] {
        for _ in 0..3 {
            expected.insert(world.store(subject, &email("x")).await);
        }
    }
    world.merge(A, ANA, BEN).await;
    world.merge(A, BEN, third).await;
    for subject in [ANA, BEN, third] {
        for limit in [1, 2, 3, 4, 100] {
            let found = listed(&world, &Selection::Person(subject), limit).await;
            assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), expected, "{limit}");
            let found = listed(&world, &Selection::PersonIn(subject, category("email")), limit).await;
            assert_eq!(found.len(), 9);
        }
    }
}

#[tokio::test]
async fn a_list_goes_on_after_a_record_that_is_gone() {
    let world = World::new().await;
    for _ in 0..4 {
        world.store(ANA, &email("x")).await;
    }
    for selection in [Selection::Person(ANA), Selection::Category(category("email"))] {
        let page = world.vault.list(A, &selection, None, 2).await.unwrap();
        let next = page.next.unwrap();
        let _ = world.vault.dispose(A, &next, DisposalReason::StoredInError, &world.actor).await.unwrap();
        let rest = world.vault.list(A, &selection, Some(&next), 100).await.unwrap();
        assert_eq!(rest.next, None);
        assert!(rest.records.iter().all(|info| info.record > next));
        world.store(ANA, &email("x")).await;
    }
}

#[tokio::test]
async fn clause_5_b_a_list_stays_within_its_controller() {
    let world = World::new().await;
    world.store(BEN, &email("x")).await;
    for selection in [Selection::Person(BEN), Selection::Category(category("email"))] {
        let page = world.vault.list(B, &selection, None, 10).await.unwrap();
        assert_eq!(page.records, []);
    }
    let unknown = world.vault.list(B, &Selection::Person(NOBODY), None, 10).await;
    assert!(matches!(unknown, Err(VaultError::UnknownSubject)));
}

#[tokio::test]
async fn pages_are_bounded() {
    let world = World::new().await;
    let record = world.store(ANA, &email("x")).await;
    let list = |selection: Selection, after: Option<RecordRef>, limit| {
        let vault = world.vault.clone();
        async move { vault.list(A, &selection, after.as_ref(), limit).await }
    };
    for limit in [0, MAX_PAGE + 1] {
        assert!(matches!(list(Selection::Person(ANA), None, limit).await, Err(VaultError::Invalid(_))));
    }
    let elsewhere = Selection::Category(category("name"));
    assert!(matches!(list(elsewhere, Some(record), 10).await, Err(VaultError::Invalid(_))));
}
