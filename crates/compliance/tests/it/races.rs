//! Withdrawals against sends, each over a store of its own: no redemption that begins after a covering withdrawal was
//! acknowledged succeeds.
//!
//! `WZAPI_CASES` sets how many people withdraw.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use wzapi_compliance::Controller;
use wzapi_compliance::consent::NewAct;
use wzapi_compliance::consent::gate::{Checked, Message, Redeemed, SendPermit, SendRequest};
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::identifier::{E164, Identifier};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;

use crate::support::{FIRST, World, everybody};

/// How many people race at a time, and how many tasks send to each.
const AT_ONCE: u64 = 16;
const SENDERS: u64 = 2;
/// How often a task sends while the withdrawal is under way.
const SENDINGS: usize = 4;

#[derive(Debug, Default)]
struct Counts {
    /// Redemptions that succeeded and began before the withdrawal was acknowledged.
    sent_before: AtomicU64,
    /// Redemptions that began after it, and were refused.
    refused_after: AtomicU64,
    /// Redemptions that began after it, and succeeded.
    sent_after: AtomicU64,
}

impl Counts {
    fn of(&self) -> [u64; 3] {
        [&self.sent_before, &self.refused_after, &self.sent_after].map(|count| count.load(Ordering::SeqCst))
    }
}

struct Race {
    shop: Controller,
    who: Identifier,
    is_acknowledged: watch::Sender<bool>,
    counts: Arc<Counts>,
}

impl Race {
    async fn permit(&self) -> Option<SendPermit> {
        let message = Message::new(FIRST.sender, MessageCategory::Marketing);
        let request = SendRequest::new(self.who.clone(), message);
        match self.shop.gate().check(&everybody(), &request).await.unwrap() {
            Checked::Allowed(permit) => Some(permit),
            Checked::Refused(_) => None,
        }
    }

    async fn redeem(&self, permit: SendPermit) {
        let began_after = *self.is_acknowledged.borrow();
        let count = match (self.shop.gate().redeem(&everybody(), permit).await.unwrap(), began_after) {
            (Redeemed::Allowed(_), false) => &self.counts.sent_before,
            (Redeemed::Allowed(_), true) => &self.counts.sent_after,
            (Redeemed::Refused(_), true) => &self.counts.refused_after,
            (Redeemed::Refused(_), false) => return,
            (Redeemed::Expired, _) => panic!("the clock stands still"),
        };
        count.fetch_add(1, Ordering::SeqCst);
    }

    /// Sends while the withdrawal is under way, and spends a permit of before right after it.
    async fn send(self: Arc<Self>, kept: SendPermit) {
        for _ in 0..SENDINGS {
            match self.permit().await {
                Some(permit) => self.redeem(permit).await,
                None => tokio::task::yield_now().await,
            }
        }
        self.is_acknowledged.subscribe().wait_for(|acknowledged| *acknowledged).await.unwrap();
        self.redeem(kept).await;
    }

    async fn act(&self, act: ConsentAct, scope: ConsentScope) {
        let act = NewAct::direct(act, scope, ConsentMethod::Api);
        let _ = self.shop.consent().record(&everybody(), &self.who, &act).await.unwrap();
    }
}

/// Races `people` withdrawals against sends. Without a withdrawal, it is only said that there was one.
async fn race(world: &World, people: u64, withdraws: bool) -> [u64; 3] {
    let counts = Arc::new(Counts::default());
    let mut number = 0;
    while number < people {
        let mut tasks = Vec::new();
        for _ in 0..AT_ONCE.min(people - number) {
            number += 1;
            let who = Identifier::Phone(E164::from_wa_id(&format!("9198{number:08}")).unwrap());
            let (shop, counts) = (world.shop().await, Arc::clone(&counts));
            let race = Arc::new(Race { shop, who, is_acknowledged: watch::Sender::new(false), counts });
            race.act(ConsentAct::Given, ConsentScope::whatsapp(PurposeId::marketing())).await;
            for _ in 0..SENDERS {
                let kept = race.permit().await.expect("consent was given");
                tasks.push(tokio::spawn(Arc::clone(&race).send(kept)));
            }
            tasks.push(tokio::spawn(async move {
                if withdraws {
                    race.act(ConsentAct::Withdrawn, ConsentScope::all_marketing()).await;
                }
                race.is_acknowledged.send_replace(true);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
    counts.of()
}

fn people(usual: u64) -> u64 {
    std::env::var("WZAPI_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

async fn no_send_follows_a_withdrawal(world: World, people: u64) -> String {
    let [sent_before, refused_after, sent_after] = race(&world, people, true).await;
    let told = format!(
        "{people} withdrawals: {sent_before} sent before, {refused_after} refused after, {sent_after} sent after"
    );
    assert_eq!(sent_after, 0, "{told}");
    assert!(
        refused_after >= SENDERS * people,
        "each kept permit is spent after the withdrawal: {refused_after}"
    );
    assert!(sent_before > people / 4, "there was a race: {sent_before}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clause_2_c_no_send_follows_a_withdrawal_in_memory() {
    println!(
        "{}",
        no_send_follows_a_withdrawal(World::in_memory().await.with_shops().await, people(1000)).await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clause_2_c_no_send_follows_a_withdrawal_on_disk() {
    println!(
        "{}",
        no_send_follows_a_withdrawal(World::on_disk().await.with_shops().await, people(1000)).await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_withdrawal_the_same_race_counts_sends() {
    let world = World::in_memory().await.with_shops().await;
    let [_, refused_after, sent_after] = race(&world, 16, false).await;
    assert!(sent_after >= SENDERS * 16, "the count can show what it is for: {sent_after}");
    assert_eq!(refused_after, 0);
}
