//! A hold keeps what it covers, whoever wants it gone.

use wzapi_model::ids::HoldId;
use wzapi_model::personal::Personal;
use wzapi_retention::holds::MAX_HOLDS;
use wzapi_retention::{Holds, NewHold, RetentionError};
use wzapi_storage::row::HoldScope;
use wzapi_vault::VaultError;
use wzapi_vault::decision::disposition::{DisposalReason, DisposalRefusal};

use crate::support::{A, ANA, BEN, World, category, email, time};
use crate::sweeping::{close_account, is_there, sweep, sweeper};

const MATTER: &str = "Ana against the shop, case 4711";

fn holds(world: &World) -> Holds {
    Holds::new(world.parts.clone())
}

async fn place(world: &World, scope: HoldScope) -> HoldId {
    let hold = NewHold { matter: MATTER.into(), scope };
    holds(world).place(A, &hold, &world.actor).await.unwrap()
}

#[tokio::test]
async fn clause_6_c_a_hold_overrides_every_disposal_until_it_is_released() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let (hers, his) =
        (world.store(ANA, &email("ana@example.org")).await, world.store(BEN, &email("b@b.org")).await);
    let hold = place(&world, HoldScope { subjects: vec![ANA], ..HoldScope::default() }).await;
    for record in [&hers, &his] {
        close_account(&world, record).await;
    }
    world.pass_days(31);
    let report = sweep(&world).await;
    assert_eq!((report.disposed(), report.categories[&hers.category].on_hold), (1, 1), "{report:?}");
    assert!(is_there(&world, &hers).await && !is_there(&world, &his).await);
    for reason in DisposalReason::ALL {
        let refused = world.vault.dispose(A, &hers, reason, &world.actor).await;
        assert!(matches!(refused, Err(VaultError::DisposalRefused(DisposalRefusal::OnHold))), "{refused:?}");
    }
    assert!(world.read(&hers, "billing").await.is_err(), "a hold makes nothing readable");
    holds(&world).release(A, hold, &"settled".into(), &world.actor).await.unwrap();
    assert_eq!(sweep(&world).await.disposed(), 1);
    assert!(!is_there(&world, &hers).await);
    let entries = world.entries(A).await;
    for event_type in ["hold.placed", "hold.released"] {
        let of_type = entries.iter().filter(|(_, event)| event["type"] == event_type);
        assert!(of_type.clone().all(|(_, event)| event["hold"] == hold.to_string()));
        assert_eq!(of_type.count(), 1, "{event_type}");
    }
    world.verify(A).await;
}

#[tokio::test]
async fn a_hold_covers_what_every_part_of_its_scope_covers() {
    let world = World::new().await;
    let (day, later) = (time("2026-11-01"), time("2026-12-01"));
    let email_only = vec![category("email")];
    let table = [
        (HoldScope::default(), true),
        (HoldScope { subjects: vec![BEN], ..HoldScope::default() }, false),
        (HoldScope { subjects: vec![BEN, ANA], ..HoldScope::default() }, true),
        (HoldScope { categories: email_only.clone(), ..HoldScope::default() }, true),
        (HoldScope { categories: vec![category("ip_address")], ..HoldScope::default() }, false),
        (HoldScope { collected_from: Some(day), ..HoldScope::default() }, true),
        (HoldScope { collected_from: Some(later), ..HoldScope::default() }, false),
        (HoldScope { collected_before: Some(later), ..HoldScope::default() }, true),
        (HoldScope { collected_before: Some(day), ..HoldScope::default() }, false),
        (HoldScope { subjects: vec![BEN], categories: email_only, ..HoldScope::default() }, false),
    ];
    for (scope, covers) in table {
        let record = world.store(ANA, &email("ana@example.org")).await;
        let hold = place(&world, scope.clone()).await;
        let outcome = world.vault.dispose(A, &record, DisposalReason::PurposeEnded, &world.actor).await;
        if covers {
            assert!(
                matches!(outcome, Err(VaultError::DisposalRefused(DisposalRefusal::OnHold))),
                "{scope:?}"
            );
        } else {
            assert!(outcome.is_ok(), "{scope:?}");
        }
        holds(&world).release(A, hold, &"over".into(), &world.actor).await.unwrap();
    }
}

#[tokio::test]
async fn a_hold_that_is_placed_while_a_disposal_is_under_way_is_honoured_by_it() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    world.vault.retire_keys(A, std::slice::from_ref(&record)).await.unwrap();
    let keys = world.keys(A).await;
    let mut draft = wzapi_storage::Draft::new(world.storage.as_ref(), A);
    let records = std::slice::from_ref(&record);
    let (reason, now) = (DisposalReason::PurposeEnded, world.now());
    let staged =
        world.vault.stage_disposal(&mut draft, &keys, records, reason, &world.actor, now).await.unwrap();
    assert_eq!(staged.leaving, std::slice::from_ref(&record));
    place(&world, HoldScope::default()).await;
    let outcome = world.parts.ledger.commit(draft, staged.entries).await;
    assert!(matches!(outcome, Err(wzapi_ledger::LedgerError::Conflict)), "{outcome:?}");
    assert!(is_there(&world, &record).await);
}

#[tokio::test]
async fn what_is_listed_is_what_was_placed_and_says_its_matter_to_nobody_else() {
    let world = World::new().await;
    let scope = HoldScope { subjects: vec![ANA], ..HoldScope::default() };
    let hold = place(&world, scope.clone()).await;
    let listed = holds(&world).list(A).await.unwrap();
    let [one] = listed.as_slice() else { panic!("{}", listed.len()) };
    assert_eq!((one.hold, one.matter.expose().as_str(), &one.scope), (hold, MATTER, &scope));
    assert!(!format!("{one:?}").contains("4711"));
    for (key, stored) in world.rows(A).await {
        assert!(!format!("{key:?} {:?}", stored.body).contains("4711"));
    }
    assert!(!format!("{:?}", world.entries(A).await).contains("4711"), "the ledger names the hold only");
}

#[tokio::test]
async fn what_makes_no_hold_is_refused() {
    let world = World::new().await;
    let place = async |matter: &str, scope: HoldScope| {
        holds(&world).place(A, &NewHold { matter: matter.into(), scope }, &world.actor).await
    };
    let (early, late) = (Some(time("2026-01-01")), Some(time("2026-02-01")));
    let backwards = HoldScope { collected_from: late, collected_before: early, ..HoldScope::default() };
    let crowd = HoldScope { subjects: vec![ANA; 65], ..HoldScope::default() };
    for (matter, scope) in [("  ", HoldScope::default()), ("a", backwards), ("a", crowd)] {
        assert!(matches!(place(matter, scope).await, Err(RetentionError::Invalid(_))), "{matter}");
    }
    let long = "a".repeat(4097);
    assert!(matches!(place(&long, HoldScope::default()).await, Err(RetentionError::Invalid(_))));
    let unknown = HoldId::from_bytes([7; 16]);
    let reason: Personal<String> = "over".into();
    let released = holds(&world).release(A, unknown, &reason, &world.actor).await;
    assert!(matches!(released, Err(RetentionError::UnknownHold)), "{released:?}");
    for _ in 0..MAX_HOLDS {
        place("a", HoldScope::default()).await.unwrap();
    }
    assert!(matches!(place("a", HoldScope::default()).await, Err(RetentionError::Invalid(_))));
}
