//! Open requests freeze disposal, and of a person who was erased only what a law keeps is left.

use wzapi_model::ids::CaseId;
use wzapi_policy::retention::Trigger;
use wzapi_storage::row::ErasedMark;
use wzapi_vault::decision::reading::ReadRefusal;
use wzapi_vault::{NewRecord, VaultError};

use crate::support::{A, ANA, World, email, invoice, time};
use crate::sweeping::{close_account, is_there, sweep, sweeper};

const CASE: CaseId = CaseId::from_bytes([0xca; 16]);

#[tokio::test]
async fn clause_7_a_an_open_request_freezes_disposal_and_its_end_resumes_it() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let record = world.store(ANA, &email("ana@example.org")).await;
    close_account(&world, &record).await;
    world.know(A, ANA, |row| row.frozen_by.push(CASE)).await;
    world.pass_days(31);
    let report = sweep(&world).await;
    assert_eq!((report.disposed(), report.categories[&record.category].frozen), (0, 1), "{report:?}");
    world.know(A, ANA, |row| row.frozen_by.clear()).await;
    assert_eq!(sweep(&world).await.disposed(), 1);
}

#[tokio::test]
async fn clause_7_c_of_a_person_who_was_erased_only_what_a_law_keeps_is_read_and_goes_by_itself() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let issued = NewRecord { events: [(Trigger::InvoiceIssued, world.now())].into(), ..invoice("invoice 7") };
    let (letter, bill) = (world.store(ANA, &email("ana@example.org")).await, world.store(ANA, &issued).await);
    for record in [&letter, &bill] {
        close_account(&world, record).await;
    }
    let now = world.now();
    world.know(A, ANA, |row| row.erased = Some(ErasedMark { case: CASE, at: now })).await;

    assert!(matches!(
        world.read(&letter, "billing").await,
        Err(VaultError::ReadRefused(ReadRefusal::PastItsEnd))
    ));
    let for_service = world.read(&bill, "billing").await;
    assert!(
        matches!(for_service, Err(VaultError::ReadRefused(ReadRefusal::LegalDutyOnly))),
        "{for_service:?}"
    );
    assert_eq!(world.read(&bill, "legal_compliance").await.unwrap(), "invoice 7".into());
    let stored = world.vault.store(A, ANA, &email("again@example.org"), &world.actor).await;
    assert!(matches!(stored, Err(VaultError::Erased)), "{stored:?}");

    while world.now() < time("2036-01-01") {
        world.pass_days(90);
        sweep(&world).await;
    }
    assert!(!is_there(&world, &bill).await, "it went at its end, without anybody asking");
    let about_case = world.entries(A).await.into_iter().filter(|(_, event)| {
        event["type"] == "erasure.records_disposed" && event["case"] == CASE.to_string()
    });
    for (owner, event) in about_case.collect::<Vec<_>>() {
        assert_eq!(owner, wzapi_storage::Owner::Controller);
        assert!(!event.to_string().contains(&ANA.to_string()), "{event}");
    }
    world.verify(A).await;
}
