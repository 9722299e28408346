//! Double opt-in: the second act, its time, and what comes between the two.

use std::sync::Arc;
use std::time::Duration;

use wzapi_consent::recording::confirmation::Confirmation as Confirming;
use wzapi_consent::recording::{Confirmed, GrantRule, GrantRules, Notice};
use wzapi_consent::standing::Standing;
use wzapi_consent::{ConsentError, ConsentLedger, NewAct, Recorded};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentMethod, ConsentScope, ConsentState, Question};
use wzapi_model::message::Channel;
use wzapi_model::name::PurposeId;
use wzapi_policy::file::Confirmation;
use wzapi_storage::row::Quarantine;

use crate::support::{CONTROLLER, World, grant, known, stop, with_source};

const DAY: u64 = 24 * 3600;

fn number() -> wzapi_consent::person::KnownAs {
    known("+919876543210")
}

fn rules() -> GrantRules {
    let within = "7 days".parse().unwrap();
    let rule = GrantRule {
        is_marketing: true,
        expires_after: vec!["1 year".parse().unwrap()],
        confirmations: vec![Confirmation { methods: [ConsentMethod::WebForm].into(), within }],
        notice_required: false,
    };
    GrantRules::new([(PurposeId::marketing(), rule)], false)
}

fn yes() -> Confirming {
    Confirming {
        scope: ConsentScope::whatsapp(PurposeId::marketing()),
        method: ConsentMethod::Keyword,
        evidence: Some("YES".into()),
        at: None,
    }
}

async fn world() -> (World, ConsentLedger) {
    let world = World::new().await;
    let consent = world.consent.clone().with_rules(rules());
    (world, consent)
}

async fn asks(consent: &ConsentLedger) {
    let recorded = consent.record(CONTROLLER, &[number()], &grant()).await.unwrap();
    assert!(
        matches!(recorded, Recorded::Quarantined { reason: Quarantine::Unconfirmed, .. }),
        "{recorded:?}"
    );
}

async fn standing(consent: &ConsentLedger) -> Standing {
    let purpose = PurposeId::marketing();
    let question =
        Question { purpose: &purpose, is_marketing: true, channel: Channel::WhatsApp, sender: None };
    consent.standing(CONTROLLER, &number().identifier, &question).await.unwrap()
}

#[tokio::test]
async fn clause_2_c_a_grant_counts_once_it_is_confirmed_and_from_the_first_act() {
    let (world, consent) = world().await;
    let asked_at = world.now();
    let notice = Notice { version: "4".to_owned(), sha256: [7; 32], language: "en".to_owned() };
    let _ = consent
        .record(CONTROLLER, &[number()], &NewAct { notice: Some(notice.clone()), ..grant() })
        .await
        .unwrap();
    assert_eq!(standing(&consent).await.state, ConsentState::Requested);
    assert!(!world.may_market(&number()).await);

    world.pass(DAY);
    let confirmed = consent.confirm(CONTROLLER, &[number()], &yes()).await.unwrap();
    let Confirmed::Given { entry } = confirmed else { panic!("{confirmed:?}") };
    let given = standing(&consent).await;
    assert_eq!(given.state, ConsentState::Given);
    assert_eq!(given.because.map(|mark| (mark.at, mark.entry)), Some((asked_at, entry)));
    let deciding = given.grant.unwrap();
    assert_eq!(deciding.notice, Some(notice.mark()));
    assert_eq!(deciding.expires_at, Some("2027-11-22T12:00:00Z".parse::<Timestamp>().unwrap()));
    assert!(world.may_market(&number()).await);

    let before = world.dump().await;
    assert_eq!(consent.confirm(CONTROLLER, &[number()], &yes()).await.unwrap(), Confirmed::Already);
    assert_eq!(world.dump().await, before);
    assert_eq!(world.verified_entries().await, 2);
}

#[tokio::test]
async fn clause_2_c_a_withdrawal_between_the_two_wins_however_late_it_is_known() {
    for is_reported_late in [false, true] {
        let (world, consent) = world().await;
        asks(&consent).await;
        world.pass(60);
        let withdrawal = NewAct { acted_at: Some(world.now()), ..stop() };
        if !is_reported_late {
            let _ = consent.record(CONTROLLER, &[number()], &withdrawal).await.unwrap();
        }
        world.pass(60);
        let confirmed = consent.confirm(CONTROLLER, &[number()], &yes()).await.unwrap();
        assert_eq!(matches!(confirmed, Confirmed::Denied { .. }), !is_reported_late, "{confirmed:?}");
        if is_reported_late {
            let _ = consent.record(CONTROLLER, &[number()], &withdrawal).await.unwrap();
        }
        assert_eq!(standing(&consent).await.state, ConsentState::Withdrawn);
        assert!(!world.may_market(&number()).await);

        // A new grant, and its confirmation, are later than the withdrawal.
        world.pass(60);
        asks(&consent).await;
        let confirmed = consent.confirm(CONTROLLER, &[number()], &yes()).await.unwrap();
        assert!(matches!(confirmed, Confirmed::Given { .. }), "{confirmed:?}");
        assert!(world.may_market(&number()).await);
    }
}

#[tokio::test]
async fn a_confirmation_comes_within_its_time_and_to_something() {
    let (world, consent) = world().await;
    let nothing = consent.confirm(CONTROLLER, &[number()], &yes()).await;
    assert!(matches!(nothing, Err(ConsentError::NothingToConfirm)), "{nothing:?}");
    asks(&consent).await;
    let other = Confirming { scope: ConsentScope::all_marketing(), ..yes() };
    let other = consent.confirm(CONTROLLER, &[number()], &other).await;
    assert!(matches!(other, Err(ConsentError::NothingToConfirm)), "{other:?}");

    world.pass(7 * DAY + 1);
    let before = world.dump().await;
    let late = consent.confirm(CONTROLLER, &[number()], &yes()).await;
    assert!(matches!(late, Err(ConsentError::ConfirmedTooLate)), "{late:?}");
    assert_eq!(world.dump().await, before);
    // What is only reported late came in time.
    let in_time = Confirming { at: Some(world.now().saturating_sub(Duration::from_secs(1))), ..yes() };
    let in_time = consent.confirm(CONTROLLER, &[number()], &in_time).await.unwrap();
    assert!(matches!(in_time, Confirmed::Given { .. }), "{in_time:?}");
    let again = consent.confirm(CONTROLLER, &[number()], &yes()).await.unwrap();
    assert_eq!(again, Confirmed::Already);

    let future = Confirming { at: Some(world.now().saturating_add(Duration::from_secs(600))), ..yes() };
    let future = consent.confirm(CONTROLLER, &[number()], &future).await;
    assert!(matches!(future, Err(ConsentError::InvalidAct(_))), "{future:?}");
}

#[tokio::test]
async fn other_methods_need_no_confirmation_and_a_redelivery_asks_once() {
    let (world, consent) = world().await;
    let keyword = NewAct { method: ConsentMethod::Keyword, ..grant() };
    let recorded = consent.record(CONTROLLER, &[known("+919876543211")], &keyword).await.unwrap();
    assert!(matches!(recorded, Recorded::New { .. }), "{recorded:?}");

    let act = with_source(grant(), "form 7");
    let first = consent.record(CONTROLLER, &[number()], &act).await.unwrap();
    assert!(matches!(first, Recorded::Quarantined { .. }));
    assert_eq!(consent.record(CONTROLLER, &[number()], &act).await.unwrap(), Recorded::Duplicate);
    let _ = consent.confirm(CONTROLLER, &[number()], &yes()).await.unwrap();
    assert_eq!(consent.record(CONTROLLER, &[number()], &act).await.unwrap(), Recorded::Duplicate);
    assert!(world.may_market(&number()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clause_2_c_no_confirmation_gets_past_a_withdrawal_that_it_races() {
    for _ in 0..24 {
        let (world, consent) = world().await;
        asks(&consent).await;
        world.pass(60);
        world.storage.takes_time.store(true, std::sync::atomic::Ordering::SeqCst);
        let (world, consent) = (Arc::new(world), Arc::new(consent));
        let withdrawing = tokio::spawn({
            let consent = Arc::clone(&consent);
            async move { consent.record(CONTROLLER, &[number()], &stop()).await.map(drop) }
        });
        let confirming = tokio::spawn({
            let consent = Arc::clone(&consent);
            async move { consent.confirm(CONTROLLER, &[number()], &yes()).await.map(drop) }
        });
        withdrawing.await.unwrap().unwrap();
        confirming.await.unwrap().unwrap();
        assert!(!world.may_market(&number()).await);
        assert_eq!(standing(&consent).await.state, ConsentState::Withdrawn);
        assert_eq!(world.verified_entries().await, 3);
    }
}
