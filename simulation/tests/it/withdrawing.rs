//! One process redeems permits while another records withdrawals.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use wzapi_compliance::Controller;
use wzapi_compliance::consent::gate::{Checked, Message, Redeemed, SendPermit, SendRequest};
use wzapi_compliance::consent::{NewAct, Recorded};
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;

use crate::place::{Place, SENDER, everybody, own_server, record};
use crate::process::{Process, Role, say};

const PEOPLE: usize = 320;
const TASKS: usize = 4;

fn person(number: usize) -> Identifier {
    Identifier::parse_recipient(&format!("+1555300{number:04}")).unwrap()
}

/// Withdrawals of several kinds, each of which covers marketing.
fn withdrawal(number: usize) -> NewAct {
    use ConsentAct::{PlatformStopped, Withdrawn};
    match number % 4 {
        0 => NewAct::direct(Withdrawn, ConsentScope::all_marketing(), ConsentMethod::Keyword),
        1 => NewAct::direct(Withdrawn, ConsentScope::everything(), ConsentMethod::Api),
        2 => {
            NewAct::direct(Withdrawn, ConsentScope::whatsapp(PurposeId::marketing()), ConsentMethod::WebForm)
        }
        _ => NewAct::direct(
            PlatformStopped,
            ConsentScope::whatsapp_marketing(),
            ConsentMethod::PlatformPreference,
        ),
    }
}

/// How redemptions ended, by whether the withdrawal was known to be acknowledged when they began.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    allowed_before: u64,
    refused_before: u64,
    allowed_after: u64,
    refused_after: u64,
    expired: u64,
    checks_refused_after: u64,
}

impl Counts {
    const fn numbers(&mut self) -> [&mut u64; 6] {
        [
            &mut self.allowed_before,
            &mut self.refused_before,
            &mut self.allowed_after,
            &mut self.refused_after,
            &mut self.expired,
            &mut self.checks_refused_after,
        ]
    }

    fn say(&mut self) {
        let numbers = self.numbers().map(|number| number.to_string());
        say(&format!("counts {}", numbers.join(" ")));
    }

    fn add(&mut self, line: &str) {
        for (sum, number) in self.numbers().into_iter().zip(line.split(' ')) {
            *sum += number.parse::<u64>().unwrap();
        }
    }
}

async fn check(shop: &Controller, number: usize) -> Option<SendPermit> {
    let message = Message::new(SENDER, MessageCategory::Marketing);
    let request = SendRequest::new(person(number), message);
    match shop.gate().check(&everybody(), &request).await.unwrap() {
        Checked::Allowed(permit) => Some(permit),
        Checked::Refused(_) => None,
    }
}

async fn spend(shop: &Controller, permit: SendPermit, is_after: bool, counts: &mut Counts) {
    let redeemed = shop.gate().redeem(&everybody(), permit).await.unwrap();
    let count = match (redeemed, is_after) {
        (Redeemed::Allowed(_), false) => &mut counts.allowed_before,
        (Redeemed::Refused(_), false) => &mut counts.refused_before,
        (Redeemed::Allowed(_), true) => &mut counts.allowed_after,
        (Redeemed::Refused(_), true) => &mut counts.refused_after,
        (Redeemed::Expired, _) => &mut counts.expired,
    };
    *count += 1;
}

/// What the redeemer does.
pub(crate) async fn redeem(place: &Place) {
    let shop = place.shop().await;
    let withdrawn: &'static [AtomicBool] =
        Vec::leak((0..PEOPLE).map(|_| AtomicBool::new(false)).collect::<Vec<_>>());
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            withdrawn[line.unwrap().parse::<usize>().unwrap()].store(true, Ordering::SeqCst);
        }
    });
    let task = |task| redeem_some(&shop, withdrawn, task);
    tokio::join!(task(0), task(1), task(2), task(3));
}

/// Redeems for a part of the people, again and again, until each is known to have withdrawn. Of everybody it always
/// holds a permit of before.
async fn redeem_some(shop: &Controller, withdrawn: &[AtomicBool], task: usize) {
    let mut counts = Counts::default();
    let mut held = Vec::new();
    for number in (task..PEOPLE).step_by(TASKS) {
        held.push((number, check(shop, number).await.expect("consent was given")));
    }
    let mut is_first = true;
    while !held.is_empty() {
        for (number, permit) in std::mem::take(&mut held) {
            if withdrawn[number].load(Ordering::SeqCst) {
                spend(shop, permit, true, &mut counts).await;
                match check(shop, number).await {
                    Some(permit) => spend(shop, permit, true, &mut counts).await,
                    None => counts.checks_refused_after += 1,
                }
                continue;
            }
            // Once a withdrawal is there the permit of before is kept until its acknowledgement is heard of.
            let Some(next) = check(shop, number).await else {
                held.push((number, permit));
                continue;
            };
            let is_after = withdrawn[number].load(Ordering::SeqCst);
            spend(shop, permit, is_after, &mut counts).await;
            held.push((number, next));
        }
        if std::mem::take(&mut is_first) {
            say("ready");
        }
    }
    counts.say();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redemption_that_begins_after_an_acknowledged_withdrawal_in_another_process_succeeds() {
    let server = own_server();
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(&server, &folder);
    let shop = place.set_up().await;
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    let grant = NewAct::direct(ConsentAct::Given, scope, ConsentMethod::WebForm);
    for_all(async |number| assert!(is_new(record(&shop, &person(number), &grant).await))).await;

    let (sender, lines) = channel();
    let mut redeemer = Process::start(&place, Role::Redeem, 0, sender);
    let input = Mutex::new(redeemer.input());
    for _ in 0..TASKS {
        assert_eq!(lines.recv().unwrap().1.as_deref(), Some("ready"));
    }
    for_all(async |number| {
        assert!(is_new(record(&shop, &person(number), &withdrawal(number)).await));
        input.lock().unwrap().write_all(format!("{number}\n").as_bytes()).unwrap();
    })
    .await;

    let mut counts = Counts::default();
    while let Some(line) = lines.recv().unwrap().1 {
        counts.add(line.strip_prefix("counts ").unwrap());
    }
    assert!(redeemer.ended_well());
    let people = PEOPLE as u64;
    assert_eq!(counts.allowed_after, 0, "{counts:?}");
    // Each with a permit of before, but for those that a very slow machine let expire.
    assert!(counts.refused_after + counts.expired >= people && counts.refused_after > 0, "{counts:?}");
    assert_eq!(counts.checks_refused_after, people, "{counts:?}");
    assert!(counts.allowed_before + counts.expired >= people, "{counts:?}");
    assert!(shop.ledger().verify(&everybody()).await.unwrap().is_sound());
}

/// Does something for everybody, a few at a time.
async fn for_all(one: impl AsyncFn(usize)) {
    let some = async |task: usize| {
        for number in (task..PEOPLE).step_by(TASKS) {
            one(number).await;
        }
    };
    tokio::join!(some(0), some(1), some(2), some(3));
}

const fn is_new(recorded: Recorded) -> bool {
    matches!(recorded, Recorded::New { .. })
}
