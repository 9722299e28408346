//! What a message carries to the provider and back: nobody forges it, and it binds a message that nobody bound.

use std::sync::Arc;

use proptest::prelude::*;
use wzapi_consent::gate::callback::{Callback, MAX_CALLBACK, Reported};
use wzapi_consent::gate::{Redeemed, RedeemedPermit};
use wzapi_consent::recording::Parts;
use wzapi_consent::{Gate, GateRules};
use wzapi_encryption::TenantKeys;
use wzapi_ledger::Ledger;
use wzapi_model::Timestamp;
use wzapi_model::ids::{EntryId, PermitId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_model::system::SystemEntropy;
use wzapi_policy::file::{FrequencyLimit, SendingRules};
use wzapi_storage::row::{SendingStep, StepMark};

use crate::support::{CONTROLLER, World, known};

const MARKETING: MessageCategory = MessageCategory::Marketing;
const ANA: &str = "+91 98765 43210";

async fn redeemed(world: &World, gate: &Gate) -> RedeemedPermit {
    let permit = world.permit(&known(ANA), MARKETING).await;
    match gate.redeem(permit).await.unwrap() {
        Redeemed::Allowed(permit) => permit,
        other => panic!("{other:?}"),
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.grant(&[known(ANA)]).await;
    world
}

async fn keys(world: &World) -> Arc<TenantKeys> {
    world.encryption.tenant(CONTROLLER).await.unwrap()
}

fn step(world: &World, step: SendingStep, seconds_ago: u64, error: Option<u32>) -> StepMark {
    StepMark { step, at: world.now().saturating_sub(std::time::Duration::from_secs(seconds_ago)), error }
}

fn callbacks() -> impl Strategy<Value = Callback> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 16]>());
    let purpose = "[a-z][a-z0-9_]{0,63}";
    let rest =
        (0..4_usize, 0..4_000_000_000_000_i64, purpose, prop::collection::vec(any::<[u8; 16]>(), 0..20));
    (ids, rest).prop_map(|((permit, subject, sender), (category, at, purpose, evidence))| Callback {
        permit: PermitId::from_bytes(permit),
        subject: SubjectId::from_bytes(subject),
        sender: SenderId::from_bytes(sender),
        category: MessageCategory::ALL[category],
        purpose: purpose.parse::<PurposeId>().unwrap(),
        redeemed_at: Timestamp::from_millis(at).unwrap(),
        evidence: evidence.into_iter().map(EntryId::from_bytes).collect(),
    })
}

#[test]
fn what_was_written_is_read_and_fits_and_nothing_else_is_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let keys = runtime.block_on(async { keys(&World::new().await).await });
    proptest!(|(callback in callbacks(), place in any::<prop::sample::Index>(), digit in "[0-9a-gA-F.]")| {
        let text = callback.write(&keys);
        prop_assert!(text.len() <= MAX_CALLBACK && text.is_ascii());
        let read = Callback::read(&text, &keys).unwrap();
        prop_assert!(callback.evidence.starts_with(&read.evidence));
        prop_assert!(read.evidence.len() >= callback.evidence.len().min(7));
        prop_assert_eq!(Callback { evidence: callback.evidence.clone(), ..read }, callback);

        let place = place.index(text.len());
        let mut altered = text.clone();
        altered.replace_range(place..=place, &digit);
        prop_assert_eq!(Callback::read(&altered, &keys).is_some(), altered == text);
        prop_assert_eq!(Callback::read(&text[..place], &keys), None);
        prop_assert_eq!(Callback::read(&format!("{text}00"), &keys), None);
    });
}

#[tokio::test]
async fn a_status_binds_what_nobody_bound_and_the_sender_finds_it_bound() {
    let world = world().await;
    let permit = redeemed(&world, &world.gate).await;
    let keys = keys(&world).await;
    let callback = Callback::read(permit.callback_data(), &keys).unwrap();
    assert_eq!((callback.permit, callback.sender), (permit.id(), permit.message().sender));
    assert!(!callback.evidence.is_empty());

    let read = step(&world, SendingStep::Read, 10, None);
    let mut recording = world.consent.begin(CONTROLLER).await.unwrap();
    let unnamed = recording.report(&callback, None, Some(read), &[]).await.unwrap();
    assert_eq!(unnamed, Reported::Unbound, "a status that names no message binds none");
    let healed = recording.report(&callback, Some("wamid.A"), Some(read), &[]).await.unwrap();
    let Reported::Healed(entry) = healed else { panic!("{healed:?}") };
    recording.commit().await.unwrap();

    // Late, out of order and twice: of each step, the earliest report stays.
    for report in [
        step(&world, SendingStep::Sent, 30, None),
        step(&world, SendingStep::Read, 5, None),
        step(&world, SendingStep::Sent, 30, None),
        step(&world, SendingStep::Failed, 1, Some(131_026)),
    ] {
        let mut recording = world.consent.begin(CONTROLLER).await.unwrap();
        let reported = recording.report(&callback, Some("wamid.A"), Some(report), &[]).await.unwrap();
        assert_eq!(reported, Reported::Bound);
        recording.commit().await.unwrap();
    }
    assert_eq!(world.gate.bind(&permit, "wamid.A").await.unwrap(), entry);

    let person = world.consent.person(CONTROLLER, callback.subject).await.unwrap().unwrap();
    let page = world.gate.sent(CONTROLLER, &person, None, 10).await.unwrap();
    assert_eq!(page.next, None);
    let [sent] = page.messages.as_slice() else { panic!("{page:?}") };
    assert_eq!((sent.permit, sent.entry, sent.is_healed), (permit.id(), entry, true));
    assert_eq!(sent.evidence, callback.evidence);
    let expected = [
        step(&world, SendingStep::Sent, 30, None),
        read,
        step(&world, SendingStep::Failed, 1, Some(131_026)),
    ];
    assert_eq!(sent.steps, expected);
    assert_eq!(world.verified_entries().await, 2, "the consent and the message");
}

#[tokio::test]
async fn a_callback_about_nobody_on_record_binds_nothing() {
    let world = world().await;
    let permit = redeemed(&world, &world.gate).await;
    let keys = keys(&world).await;
    let callback = Callback::read(permit.callback_data(), &keys).unwrap();
    let nobody = Callback { subject: SubjectId::from_bytes([77; 16]), ..callback };
    let before = world.dump().await;
    let mut recording = world.consent.begin(CONTROLLER).await.unwrap();
    assert_eq!(recording.report(&nobody, Some("wamid.A"), None, &[]).await.unwrap(), Reported::Unbound);
    assert_eq!(recording.commit().await.unwrap().map(drop), None);
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn a_message_is_counted_once_whoever_binds_it() {
    let world = world().await;
    let entropy = Arc::new(SystemEntropy::new());
    let parts = Parts {
        storage: world.storage.clone(),
        encryption: world.encryption.clone(),
        ledger: Ledger::new(world.storage.clone(), world.clock.clone(), entropy.clone()),
        clock: world.clock.clone(),
        entropy,
    };
    let limit = FrequencyLimit { category: MARKETING, at_most: 2, within: "1 day".parse().unwrap() };
    let sending = SendingRules { frequency: vec![limit], ..SendingRules::default() };
    let gate = Gate::new(parts, GateRules::wzapi().with_sending(sending));
    let keys = keys(&world).await;
    for message in ["wamid.A", "wamid.B"] {
        let permit = redeemed(&world, &gate).await;
        let callback = Callback::read(permit.callback_data(), &keys).unwrap();
        for _ in 0..2 {
            let mut recording = world.consent.begin(CONTROLLER).await.unwrap();
            let _ = recording.report(&callback, Some(message), None, &[limit]).await.unwrap();
            recording.commit().await.unwrap();
        }
        gate.bind(&permit, message).await.unwrap();
        world.pass(1);
    }
    // The limit is reached by two, and was not by one: the second permit was redeemed.
    match gate.redeem(world.permit(&known(ANA), MARKETING).await).await.unwrap() {
        Redeemed::Refused(decision) => {
            assert_eq!(crate::support::codes(&decision), [wzapi_consent::gate::ReasonCode::TooFrequent]);
        }
        other => panic!("{other:?}"),
    }
}
