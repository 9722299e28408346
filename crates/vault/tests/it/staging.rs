//! Records in a changeset of the caller's.

use wzapi_ledger::{Event, PreparedEntry};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::SubjectRow;
use wzapi_vault::VaultError;
use wzapi_vault::decision::admission::Refusal;

use crate::support::{A, NOBODY, World, email, message};

#[tokio::test]
async fn records_are_filed_with_the_person_who_becomes_known() {
    let world = World::new().await;
    let keys = world.keys(A).await;
    let now = world.now();
    let mut draft = Draft::new(world.storage.as_ref(), A);
    let (vault, actor) = (&world.vault, &world.actor);

    let unknown = vault.stage_store(&mut draft, &keys, NOBODY, &email("x"), actor, now).await;
    assert!(matches!(unknown, Err(VaultError::UnknownSubject)));
    let row = SubjectRow::new(now);
    draft.put(Key::Subject(NOBODY), row, None).unwrap();
    let staged = draft.staged_len();
    let card = vault.stage_store(&mut draft, &keys, NOBODY, &message("4111111111111111"), actor, now).await;
    assert!(matches!(card, Err(VaultError::Refused(Refusal::Forbidden(_)))));
    assert_eq!(draft.staged_len(), staged, "a refused record leaves nothing behind");

    let mut entries = Vec::new();
    let mut records = Vec::new();
    for text in ["one", "two", "three"] {
        let (record, entry) =
            vault.stage_store(&mut draft, &keys, NOBODY, &message(text), actor, now).await.unwrap();
        entries.push(entry);
        records.push(record);
    }
    let event = Event::new("test.event", A, now);
    let about = (Owner::Subject(NOBODY), &DataCategory::consent_evidence());
    entries.push(
        PreparedEntry::seal(&mut draft, &keys, world.parts.entropy.as_ref(), about, &event, now)
            .await
            .unwrap(),
    );
    let before = world.storage.counts();
    let _ = world.parts.ledger.commit(draft, entries).await.unwrap();
    assert_eq!(world.storage.counts()[2] - before[2], 1);
    for (record, text) in records.iter().zip(["one", "two", "three"]) {
        assert_eq!(world.read(record, "service_provision").await.unwrap(), text.into());
    }
    world.verify(A).await;
}

#[tokio::test]
async fn a_person_who_changes_meanwhile_stops_the_changeset() {
    let world = World::new().await;
    let keys = world.keys(A).await;
    let mut draft = Draft::new(world.storage.as_ref(), A);
    let (_, entry) = world
        .vault
        .stage_store(&mut draft, &keys, crate::support::ANA, &email("x"), &world.actor, world.now())
        .await
        .unwrap();
    // As an erasure would: it marks the row.
    world.know(A, crate::support::ANA, |row| row.changed_at = row.created_at).await;
    let outcome = world.parts.ledger.commit(draft, vec![entry]).await;
    assert!(matches!(outcome, Err(wzapi_ledger::LedgerError::Conflict)));
    world.check(A).await;
}
