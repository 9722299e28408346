//! Many at once about one person.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wzapi_consent::gate::{Checked, Redeemed};
use wzapi_consent::{ConsentError, Recorded};
use wzapi_model::message::MessageCategory;
use wzapi_storage::row::{ConsentEventRow, RowType};

use crate::support::{CONTROLLER, World, grant, known, request, stop, with_source};

const MARKETING: MessageCategory = MessageCategory::Marketing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acts_of_one_person_at_the_same_time_are_all_recorded() {
    const ACTS: usize = 64;
    let world = Arc::new(World::new().await);
    world.storage.takes_time.store(true, Ordering::SeqCst);
    let number = known("+91 98765 43210");
    let mut tasks = Vec::new();
    for one in 0..ACTS {
        let (world, number) = (Arc::clone(&world), number.clone());
        tasks.push(tokio::spawn(async move {
            let act = with_source(if one % 2 == 0 { grant() } else { stop() }, &format!("act {one}"));
            world.consent.record(CONTROLLER, &[number], &act).await
        }));
    }
    let mut entries = BTreeSet::new();
    for task in tasks {
        match task.await.unwrap().unwrap() {
            Recorded::New { entry } => assert!(entries.insert(entry)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.verified_entries().await, 64);
    let rows = world.dump().await;
    let recorded: BTreeSet<_> =
        rows.iter().filter_map(|(_, row)| Some(ConsentEventRow::of(&row.body)?.entry)).collect();
    assert_eq!(recorded, entries, "each act has its row and its entry");
    assert!(!world.may_market(&number).await, "a withdrawal wins the tie");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_act_at_the_same_time_is_recorded_once() {
    let world = Arc::new(World::new().await);
    world.storage.takes_time.store(true, Ordering::SeqCst);
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move {
            let act = with_source(grant(), "form 17");
            world.consent.record(CONTROLLER, &[known("+91 98765 43210")], &act).await.unwrap()
        }));
    }
    let mut recorded = 0;
    for task in tasks {
        recorded += usize::from(matches!(task.await.unwrap(), Recorded::New { .. }));
    }
    assert_eq!((recorded, world.verified_entries().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clause_2_c_no_redemption_that_begins_after_the_withdrawal_succeeds() {
    for _ in 0..40 {
        let world = Arc::new(World::new().await);
        let number = known("+91 98765 43210");
        world.grant(std::slice::from_ref(&number)).await;
        world.storage.takes_time.store(true, Ordering::SeqCst);
        let is_withdrawn = Arc::new(AtomicBool::new(false));
        let mut senders = Vec::new();
        for _ in 0..3 {
            let (world, number) = (Arc::clone(&world), number.clone());
            let is_withdrawn = Arc::clone(&is_withdrawn);
            senders.push(tokio::spawn(async move {
                let mut sent = 0_u32;
                loop {
                    let checked = world.gate.check(CONTROLLER, &request(&number, MARKETING)).await.unwrap();
                    let Checked::Allowed(permit) = checked else { return sent };
                    tokio::task::yield_now().await;
                    let began_after = is_withdrawn.load(Ordering::SeqCst);
                    match world.gate.redeem(permit).await.unwrap() {
                        Redeemed::Allowed(_) => {
                            assert!(!began_after, "sent after the withdrawal was acknowledged");
                            sent += 1;
                        }
                        Redeemed::Refused(_) => return sent,
                        Redeemed::Expired => panic!("the clock stands still"),
                    }
                    tokio::task::yield_now().await;
                }
            }));
        }
        tokio::task::yield_now().await;
        loop {
            match world.consent.record(CONTROLLER, std::slice::from_ref(&number), &stop()).await {
                Ok(_) => break,
                Err(ConsentError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
        }
        is_withdrawn.store(true, Ordering::SeqCst);
        for sender in senders {
            sender.await.unwrap();
        }
        assert!(!world.may_market(&number).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_and_acts_at_the_same_time_do_not_undo_each_other() {
    let world = Arc::new(World::new().await);
    let (number, user_id) = (known("+91 98765 43210"), known("IN.13491208655302741918"));
    world.grant(&[number.clone(), user_id.clone()]).await;
    world.storage.takes_time.store(true, Ordering::SeqCst);
    let mut tasks = Vec::new();
    for one in 0..16 {
        let (world, number, user_id) = (Arc::clone(&world), number.clone(), user_id.clone());
        tasks.push(tokio::spawn(async move {
            if one % 4 == 0 {
                let _ = world.record(&[user_id], &stop()).await;
                return;
            }
            loop {
                let mut recording = world.consent.begin(CONTROLLER).await.unwrap();
                let at = world.now().saturating_sub(std::time::Duration::from_secs(100 - one));
                recording
                    .inbound(std::slice::from_ref(&number), crate::support::SENDER, Some(at))
                    .await
                    .unwrap();
                match recording.commit().await {
                    Err(ConsentError::Busy) => {}
                    outcome => return drop(outcome.unwrap()),
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for one in [&number, &user_id] {
        assert!(!world.may_market(one).await);
        assert!(world.reasons(one, MessageCategory::Service).await.is_ok());
    }
    assert_eq!(world.verified_entries().await, 5);
}

#[tokio::test]
async fn clause_2_c_a_withdrawal_and_a_new_alias_never_pass_each_other() {
    let (number, user_id) = (known("+91 98765 43210"), known("IN.13491208655302741918"));
    for is_withdrawn_first in [true, false] {
        let world = World::new().await;
        let earlier = world.now();
        world.grant(std::slice::from_ref(&number)).await;
        world.inbound(std::slice::from_ref(&number), None).await;

        let mut withdrawal = world.consent.begin(CONTROLLER).await.unwrap();
        let _ = withdrawal.act(std::slice::from_ref(&number), &stop()).await.unwrap();
        // The window of the number is open for longer than this message opens it, so its row is not written.
        let mut alias = world.consent.begin(CONTROLLER).await.unwrap();
        let both = [number.clone(), user_id.clone()];
        alias.inbound(&both, crate::support::SENDER, Some(earlier)).await.unwrap();
        let (first, second) = if is_withdrawn_first { (withdrawal, alias) } else { (alias, withdrawal) };
        first.commit().await.unwrap();
        assert!(matches!(second.commit().await, Err(ConsentError::Busy)));

        world.inbound(&both, Some(earlier)).await;
        let _ = world.record(std::slice::from_ref(&number), &stop()).await;
        assert!(!world.may_market(&number).await && !world.may_market(&user_id).await);
    }
}
