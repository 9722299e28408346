//! Who is one person, as deliveries and the host say it: portfolios, recycled numbers, links.

use serde_json::{Value, json};
use wzapi_compliance::Error;
use wzapi_compliance::consent::gate::ReasonCode;

use crate::support::{
    ANA, BEN, FIRST, Line, SECOND, World, delivery, everybody, hour, messages, person, start, text,
};

const USER_ID: &str = "US.13491208655302741918";
const OTHER_USER_ID: &str = "US.99999999999999999999";

/// A message that states a number and a user id.
fn stated(user_id: &str, id: &str, seconds: i64, words: &str) -> Value {
    let mut message = text(ANA, id, seconds, words);
    message["from_user_id"] = json!(user_id);
    message
}

async fn register_in(world: &World, line: Line, portfolio: &str) -> Result<(), Error> {
    let shop = world.shop().await;
    shop.register_sender_in_portfolio(&everybody(), line.sender, line.phone_number, line.waba, portfolio)
        .await
}

async fn deliver(world: &World, line: Line, message: Value) {
    world.deliver(&delivery(&[messages(line, &[message])])).await.unwrap();
}

#[tokio::test]
async fn clause_2_c_a_number_with_another_user_id_has_a_new_holder_who_agreed_to_nothing() {
    let world = World::in_memory().await.with_shops().await;
    deliver(&world, FIRST, stated(USER_ID, "1", hour(-9), "START")).await;
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    deliver(&world, FIRST, stated(OTHER_USER_ID, "2", hour(-1), "hello")).await;
    assert_eq!(world.marketing(ANA).await, [ReasonCode::NoConsent]);
    assert_eq!(world.marketing(OTHER_USER_ID).await, [ReasonCode::NoConsent]);
    assert_eq!(world.marketing(USER_ID).await, [ReasonCode::ConsentGiven]);
}

#[tokio::test]
async fn user_ids_of_two_portfolios_are_one_persons_and_permit_to_their_own_senders() {
    let world = World::in_memory().await.with_shops().await;
    register_in(&world, FIRST, "300000000000001").await.unwrap();
    register_in(&world, SECOND, "300000000000002").await.unwrap();
    deliver(&world, FIRST, stated(USER_ID, "1", hour(-9), "START")).await;
    deliver(&world, SECOND, stated(OTHER_USER_ID, "2", hour(-1), "hello")).await;
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    assert_eq!(world.marketing_from(SECOND, OTHER_USER_ID).await, [ReasonCode::ConsentGiven]);
    assert!(world.marketing_from(FIRST, OTHER_USER_ID).await.contains(&ReasonCode::WrongPortfolio));
}

#[tokio::test]
async fn a_sender_stays_in_the_portfolio_it_was_first_said_to_be_in() {
    let world = World::in_memory().await.with_shops().await;
    register_in(&world, FIRST, "300000000000001").await.unwrap();
    let rows = world.rows().await;
    register_in(&world, FIRST, "300000000000001").await.unwrap();
    crate::support::register(&world.shop().await, FIRST).await.unwrap();
    assert!(matches!(register_in(&world, FIRST, "300000000000002").await, Err(Error::OtherPortfolio)));
    assert!(matches!(register_in(&world, FIRST, "+1").await, Err(Error::InvalidRoute)));
    assert!(world.rows().await == rows, "nothing of it was written");
    world.ledgers().await;
}

#[tokio::test]
async fn clause_2_c_a_host_recycles_links_and_unlinks() {
    let world = World::in_memory().await.with_shops().await;
    for who in [ANA, BEN] {
        world.agrees(who).await;
    }
    let (shop, actor) = (world.shop().await, everybody());
    let consent = shop.consent();
    let (ana, ben) = (person(ANA), person(BEN));
    assert!(consent.link(&actor, &ana, &ben).await.unwrap());
    assert!(!consent.link(&actor, &ben, &ana).await.unwrap(), "it is no news");
    assert_eq!(world.marketing(BEN).await, [ReasonCode::ConsentGiven]);
    deliver(&world, FIRST, text(ANA, "1", hour(0), "STOP")).await;
    assert_eq!(world.marketing(BEN).await, [ReasonCode::Withdrawn]);
    assert!(consent.unlink(&actor, &ana, &ben).await.unwrap());
    assert!(!consent.unlink(&actor, &ana, &ben).await.unwrap(), "there is none");
    assert_eq!(world.marketing(BEN).await, [ReasonCode::Withdrawn]);

    world.agrees("15550007777").await;
    let recycled = person("15550007777");
    let now = start().saturating_add(std::time::Duration::from_secs(24 * 3600));
    assert!(consent.recycle(&actor, &recycled, now).await.unwrap());
    assert!(!consent.recycle(&actor, &recycled, now).await.unwrap(), "nobody goes by it any more");
    assert!(!world.marketing("15550007777").await.contains(&ReasonCode::ConsentGiven));
    world.ledgers().await;
}
