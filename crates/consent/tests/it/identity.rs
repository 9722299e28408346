//! Who is one person, and what stays with a number when the person goes.

use wzapi_consent::gate::ReasonCode;
use wzapi_consent::person::{KnownAs, MAX_IDENTIFIERS};
use wzapi_consent::{NewAct, Recorded};
use wzapi_model::consent::{ConsentAct, ConsentScope};
use wzapi_model::message::MessageCategory;
use wzapi_storage::row::{RowType, SubjectRow};

use crate::support::{World, act, grant, imported_grant, known, stop, with_source};

const MARKETING: MessageCategory = MessageCategory::Marketing;

fn number() -> KnownAs {
    known("+91 98765 43210")
}

fn new_number() -> KnownAs {
    known("+91 98765 43211")
}

fn user_id() -> KnownAs {
    known("IN.13491208655302741918")
}

#[tokio::test]
async fn identifiers_stated_together_share_grants_and_denials() {
    let world = World::new().await;
    world.grant(&[number(), user_id()]).await;
    assert!(world.may_market(&number()).await && world.may_market(&user_id()).await);
    world.stop(&[user_id()]).await;
    for one in [number(), user_id()] {
        assert_eq!(world.reasons(&one, MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    }
    world.grant(&[number()]).await;
    assert!(world.may_market(&number()).await && world.may_market(&user_id()).await);
}

#[tokio::test]
async fn an_identifier_learned_later_shares_what_is_on_record() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.inbound(&[number(), user_id()], None).await;
    assert!(world.may_market(&user_id()).await);
    assert!(world.reasons(&user_id(), MessageCategory::Service).await.is_ok());
}

#[tokio::test]
async fn clause_2_c_when_two_people_turn_out_to_be_one_the_denial_wins() {
    for first_grants in [true, false] {
        let world = World::new().await;
        let (granting, denying) = if first_grants { (number(), user_id()) } else { (user_id(), number()) };
        world.grant(std::slice::from_ref(&granting)).await;
        world.stop(std::slice::from_ref(&denying)).await;
        assert!(world.may_market(&granting).await, "nobody knows yet that they are one");
        world.inbound(&[number(), user_id()], None).await;
        for one in [&granting, &denying] {
            assert_eq!(world.reasons(one, MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
        }
        let subjects: Vec<_> = world.dump().await;
        let merged = subjects.iter().filter_map(|(_, row)| SubjectRow::of(&row.body));
        assert!(merged.clone().any(|row| row.former.len() == 1 && row.merged_into.is_none()));
        world.stop(&[number()]).await;
        assert!(world.verified_entries().await >= 3);
    }
}

#[tokio::test]
async fn a_later_grant_of_either_lifts_the_denial_of_both() {
    let world = World::new().await;
    world.stop(&[number()]).await;
    world.grant(&[user_id()]).await;
    world.inbound(&[number(), user_id()], None).await;
    assert!(world.may_market(&number()).await, "the person agreed later, by an act of their own");
}

#[tokio::test]
async fn clause_2_c_who_changes_number_keeps_consent_and_the_old_number_refuses() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.change(&[number()], &[new_number()]).await;
    assert!(world.may_market(&new_number()).await);
    for category in MessageCategory::ALL {
        assert!(world.reasons(&number(), category).await.is_err(), "{category:?}");
    }
}

#[tokio::test]
async fn clause_2_c_a_denial_goes_along_and_stays_on_the_old_number() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.stop(&[number()]).await;
    world.change(&[number()], &[new_number()]).await;
    for one in [number(), new_number()] {
        assert_eq!(world.reasons(&one, MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    }
}

#[tokio::test]
async fn a_window_stays_behind_with_the_old_number() {
    let world = World::new().await;
    world.inbound(&[number()], None).await;
    assert!(world.reasons(&number(), MessageCategory::Service).await.is_ok());
    world.change(&[number()], &[new_number()]).await;
    for one in [number(), new_number()] {
        assert!(world.reasons(&one, MessageCategory::Service).await.is_err());
    }
}

#[tokio::test]
async fn clause_2_c_the_next_person_on_a_number_inherits_no_grant() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.change(&[number()], &[new_number()]).await;
    world.inbound(&[number()], None).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::NoConsent]));
    assert!(world.reasons(&number(), MessageCategory::Service).await.is_ok());
    world.grant(&[number()]).await;
    assert!(world.may_market(&number()).await);
    world.stop(&[number()]).await;
    assert!(world.may_market(&new_number()).await, "what the next person does is not the first one's");
}

#[tokio::test]
async fn clause_2_c_the_next_person_on_a_number_inherits_denials() {
    let world = World::new().await;
    world.stop(&[number()]).await;
    world.change(&[number()], &[new_number()]).await;
    world.inbound(&[number()], None).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    let old = imported_grant(world.now());
    assert!(matches!(world.record(&[number()], &old).await, Recorded::New { .. }));
    assert!(!world.may_market(&number()).await, "an import lifts nothing");
    world.grant(&[number()]).await;
    assert!(world.may_market(&number()).await);
}

#[tokio::test]
async fn clause_2_c_a_new_number_brings_its_former_holders_denials_and_not_their_grants() {
    let world = World::new().await;
    world.grant(&[new_number()]).await;
    world.inbound(&[number()], None).await;
    world.change(&[number()], &[new_number()]).await;
    assert_eq!(world.reasons(&new_number(), MARKETING).await, Err(vec![ReasonCode::NoConsent]));

    let world = World::new().await;
    world.stop(&[new_number()]).await;
    world.inbound(&[number()], None).await;
    world.change(&[number()], &[new_number()]).await;
    assert_eq!(world.reasons(&new_number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn who_moves_to_somebody_elses_number_keeps_the_own_consent() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.inbound(&[new_number()], None).await;
    world.pass(1);
    world.change(&[number()], &[new_number()]).await;
    assert!(world.may_market(&new_number()).await);
    assert!(!world.may_market(&number()).await);
}

#[tokio::test]
async fn who_comes_back_to_an_old_number_has_it_again() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.change(&[number()], &[new_number()]).await;
    world.change(&[new_number()], &[number()]).await;
    assert!(world.may_market(&number()).await);
    assert!(!world.may_market(&new_number()).await);
}

#[tokio::test]
async fn a_change_of_spelling_is_no_change_of_number() {
    let world = World::new().await;
    let (with_one, without) = (known("5215512345678"), known("525512345678"));
    world.grant(std::slice::from_ref(&with_one)).await;
    world.change(std::slice::from_ref(&with_one), std::slice::from_ref(&without)).await;
    assert!(world.may_market(&with_one).await && world.may_market(&without).await);
}

#[tokio::test]
async fn clause_2_c_an_opt_out_reported_after_the_change_of_number_counts_for_who_sent_it() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    let sent = NewAct { acted_at: Some(world.now()), ..stop() };
    world.pass(10);
    world.change(&[number()], &[new_number()]).await;
    let _ = world.record(&[number()], &sent).await;
    for one in [number(), new_number()] {
        assert_eq!(world.reasons(&one, MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    }
}

#[tokio::test]
async fn a_message_that_arrives_late_does_not_bring_the_old_number_back() {
    let world = World::new().await;
    world.grant(&[number(), user_id()]).await;
    let (sent, new_user_id) = (world.now(), known("IN.99999999999999999999"));
    world.pass(10);
    world.change(&[number(), user_id()], &[new_number(), new_user_id.clone()]).await;
    world.inbound(&[number(), user_id()], Some(sent)).await;
    assert!(!world.may_market(&number()).await && !world.may_market(&user_id()).await);
    assert!(world.may_market(&new_number()).await && world.may_market(&new_user_id).await);
}

#[tokio::test]
async fn clause_2_c_a_second_import_does_not_bring_a_grant_back_to_a_number_given_up() {
    let world = World::new().await;
    let row = with_source(imported_grant(world.now()), "row 1");
    let _ = world.record(&[number()], &row).await;
    world.pass(1);
    world.change(&[number()], &[new_number()]).await;
    assert_eq!(world.record(&[number()], &row).await, Recorded::Duplicate);
    assert!(!world.may_market(&number()).await);
    world.inbound(&[number()], None).await;
    assert_eq!(world.record(&[number()], &row).await, Recorded::Duplicate, "whoever has the number now");
    assert!(!world.may_market(&number()).await);
    assert!(world.may_market(&new_number()).await);
}

#[tokio::test]
async fn a_source_is_known_again_after_two_people_became_one() {
    let world = World::new().await;
    world.inbound(&[number()], None).await;
    world.pass(1);
    let agreed = with_source(grant(), "form 17");
    let _ = world.record(&[user_id()], &agreed).await;
    world.pass(1);
    world.inbound(&[number(), user_id()], None).await;
    world.stop(&[number()]).await;
    assert_eq!(world.record(&[user_id()], &agreed).await, Recorded::Duplicate);
    assert!(!world.may_market(&user_id()).await, "a redelivered grant does not outdo the withdrawal");
}

#[tokio::test]
async fn mexican_and_brazilian_spellings_are_one_number() {
    for (one, other) in [("5215512345678", "525512345678"), ("553187654321", "5531987654321")] {
        let world = World::new().await;
        world.grant(&[known(one)]).await;
        assert!(world.may_market(&known(other)).await);
        world.stop(&[known(other)]).await;
        assert!(!world.may_market(&known(one)).await);
    }
}

#[tokio::test]
async fn clause_2_c_an_argentine_denial_counts_on_both_spellings_and_a_grant_on_its_own() {
    let (mobile, twin) = (known("5491123456789"), known("541123456789"));
    for (granted, other) in [(&mobile, &twin), (&twin, &mobile)] {
        let world = World::new().await;
        world.grant(std::slice::from_ref(granted)).await;
        assert!(world.may_market(granted).await);
        assert_eq!(world.reasons(other, MARKETING).await, Err(vec![ReasonCode::NoConsent]));
        world.stop(std::slice::from_ref(other)).await;
        assert_eq!(world.reasons(granted, MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    }
}

#[tokio::test]
async fn clause_3_b_after_a_bare_stop_security_messages_still_go_out() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.stop(&[number()]).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    let authentication = world.reasons(&number(), MessageCategory::Authentication).await;
    assert_eq!(authentication, Ok(vec![ReasonCode::OptedIn]));
    let everything = act(ConsentAct::Withdrawn, ConsentScope::everything());
    let _ = world.record(&[number()], &everything).await;
    let authentication = world.reasons(&number(), MessageCategory::Authentication).await;
    assert_eq!(authentication, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn a_person_has_a_bounded_number_of_identifiers() {
    let world = World::new().await;
    let ids: Vec<KnownAs> = (1..MAX_IDENTIFIERS).map(|one| known(&format!("IN.{one}"))).collect();
    world.inbound(&[vec![number()], ids].concat(), None).await;
    world.grant(&[number(), known("IN.1"), known("IN.OneMore")]).await;
    assert!(world.may_market(&number()).await);
    assert!(!world.may_market(&known("IN.OneMore")).await, "what is not linked has no grant");
    world.stop(&[known("IN.7"), known("IN.YetOneMore")]).await;
    assert!(!world.may_market(&number()).await, "a denial is never refused for its company");
    world.stop(&[number()]).await;
    assert!(!world.may_market(&known("IN.7")).await);
}

#[tokio::test]
async fn a_late_grant_of_a_former_holder_does_not_count_for_the_next_one() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    let before = world.now();
    world.pass(60);
    world.change(&[number()], &[new_number()]).await;
    world.pass(60);
    world.inbound(&[number()], None).await;
    let late = NewAct { acted_at: Some(before), ..grant() };
    let _ = world.record(&[number()], &late).await;
    assert!(!world.may_market(&number()).await, "the next holder agreed to nothing");
    assert!(world.may_market(&new_number()).await);

    // The former holder's late denial counts for the former holder, and stays with the number.
    let late = NewAct { acted_at: Some(before), ..stop() };
    let _ = world.record(&[number()], &late).await;
    for one in [number(), new_number()] {
        assert_eq!(world.reasons(&one, MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    }
}

#[tokio::test]
async fn a_late_message_of_a_former_holder_does_not_make_two_people_one() {
    let world = World::new().await;
    world.grant(&[number(), user_id()]).await;
    let before = world.now();
    world.pass(60);
    world.change(&[number()], &[new_number()]).await;
    world.pass(60);
    world.inbound(&[number()], None).await;
    world.inbound(&[number(), user_id()], Some(before)).await;
    assert!(!world.may_market(&number()).await, "the next holder got no grant by it");
    assert!(world.may_market(&user_id()).await);
}

#[tokio::test]
async fn a_change_of_number_counts_before_anything_else_is_known() {
    let world = World::new().await;
    let before = world.now();
    world.pass(60);
    world.change(&[number()], &[new_number()]).await;
    let _ = world.record(&[number()], &imported_grant(before)).await;
    assert!(!world.may_market(&number()).await, "the person has left this number");
    assert!(world.may_market(&new_number()).await, "and took the consent along");
}
