//! Preflight over the embedded store: any number of recipients in the same memory.

use std::sync::Arc;

use wzapi_compliance::consent::gate::{Message, ReasonCode, Recipient};
use wzapi_compliance::encryption::Encryption;
use wzapi_compliance::model::consent::ConsentScope;
use wzapi_compliance::model::identifier::{E164, Identifier, IdentifierKind};
use wzapi_compliance::model::ids::{ChangesetId, EntryId, SubjectId};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::storage::changeset::{Changeset, Durability, Write};
use wzapi_compliance::storage::key::Key;
use wzapi_compliance::storage::row::{Body, GrantMark, IdentifierRow, Mark, Record, ScopeMarks};

use crate::support::{FIRST, SHOP, SeededEntropy, World, everybody, start};

/// Every how manyth recipient of the list is on record: the rest is unknown, as in a bought list.
const KNOWN: u64 = 10;
/// As much as the list may make the process grow, beside the cache of the store, which is warm by then.
const MAX_GROWTH: u64 = 64 << 20;

fn number(one: u64) -> Identifier {
    Identifier::Phone(E164::from_wa_id(&format!("9198{one:08}")).unwrap())
}

/// Puts the rows of `count` people who agreed straight into the store: what the gate reads, and nothing else.
async fn put_people(world: &World, count: u64) {
    let encryption = Encryption::new(
        Arc::clone(&world.storage),
        Arc::clone(&world.keyring) as _,
        Arc::clone(&world.clock) as _,
        SeededEntropy::new(3),
    );
    let keys = encryption.tenant(SHOP).await.unwrap();
    let mark = Mark {
        at: start().saturating_sub(std::time::Duration::from_secs(60)),
        entry: EntryId::from_bytes([1; 16]),
    };
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    let marks = ScopeMarks { granted: Some(GrantMark::plain(mark)), ..ScopeMarks::unmarked(scope) };
    let people: Vec<u64> = (0..count).collect();
    for (batch, people) in people.chunks(2000).enumerate() {
        let put = |one: &u64| {
            let subject = SubjectId::from_bytes(u128::from(*one).to_be_bytes());
            let row = IdentifierRow {
                marks: vec![marks.clone()],
                ..IdentifierRow::new(subject, IdentifierKind::Phone, 1)
            };
            let index = keys.identifier_indexes(&number(one * KNOWN))[0];
            Write::Put(Record { key: Key::Identifier(index), due_at: None, body: Body::from(row) })
        };
        let changeset = Changeset {
            id: ChangesetId::from_bytes((u128::try_from(batch).unwrap() + (1 << 64)).to_be_bytes()),
            controller: SHOP,
            at: start(),
            preconditions: Vec::new(),
            writes: people.iter().map(put).collect(),
            durability: Durability::Relaxed,
        };
        let _ = world.storage.commit(changeset).await.unwrap();
    }
}

/// The memory of this process that is resident, in bytes. Where the system does not tell it, nothing is compared.
fn resident() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

async fn preflight(recipients: u64) -> String {
    let world = World::on_disk().await.with_shops().await;
    put_people(&world, recipients / KNOWN).await;
    let shop = world.shop().await;
    let message = Message::new(FIRST.sender, MessageCategory::Marketing);
    let mut run = shop.gate().start_preflight(&everybody(), message.clone()).await.unwrap();
    let mut refused = 0_u64;
    let mut most = 0;
    let mut warm = None;
    for one in 0..recipients {
        run.push(one + 1, Recipient::from(number(one)), &mut |_| refused += 1).await.unwrap();
        if one == recipients / 10 {
            warm = resident();
        }
        if one % 1000 == 0 {
            most = most.max(resident().unwrap_or(0));
        }
    }
    let report = run.finish(&mut |_| refused += 1).await.unwrap();
    assert_eq!(report.recipients, recipients);
    assert_eq!(report.reasons[&ReasonCode::ConsentGiven], recipients / KNOWN);
    assert_eq!((report.refused, refused), (recipients - recipients / KNOWN, report.refused));
    let growth = warm.map(|warm| most.saturating_sub(warm));
    assert!(growth.is_none_or(|growth| growth < MAX_GROWTH), "{growth:?}");
    format!(
        "{recipients} recipients: grew by {growth:?} bytes after the first tenth, at most {most} resident"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preflight_of_twenty_thousand_stays_in_its_memory() {
    println!("{}", preflight(20_000).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a million recipients take minutes without optimisation: cargo nextest run --release --run-ignored all"]
async fn a_preflight_of_a_million_stays_in_its_memory() {
    println!("{}", preflight(1_000_000).await);
}
