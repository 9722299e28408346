//! What was sent and what was not, when something goes wrong; and what errors say about people: nothing.

use std::error::Error;
use std::time::Duration;

use wzapi_client_whatsapp::{Account, GatedClient, GatedError, SendError, Uncertainty};
use wzapi_compliance::whatsapp::error_code::{ErrorCode, Response};

use crate::stand_in::{
    ACCEPTING, CLOSING, ELSEWHERE, FAILING, GARBLED, GATEWAY, Road, SILENT, STOPPED, StandIn,
    against_the_stand_in, run_over,
};
use crate::world::{ANA, SENDER, TOKEN, USER_ID, World, client, offer};

/// Both ways of sending: through the client crate and past it.
const PEOPLE: [&str; 2] = [ANA, USER_ID];

/// Everything that an error shows, causes included.
fn shown(error: &(dyn Error + 'static)) -> String {
    let mut shown = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        shown.push_str(&format!(" {error} {error:?}"));
        next = error.source();
    }
    shown
}

fn assert_shows_nothing(error: &(dyn Error + 'static)) {
    let shown = shown(error);
    for secret in [ANA, USER_ID, TOKEN, "wamid"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

async fn fails(world: &World, client: &GatedClient, person: &str) -> SendError {
    let permit = world.marketing_permit(person).await;
    let gate = world.shop.gate();
    match client.send_gated(&gate, &world.actor, permit, &offer()).await {
        Err(GatedError::Send(error)) => {
            assert_shows_nothing(&error);
            error
        }
        other => panic!("{other:?}"),
    }
}

against_the_stand_in! {
    async fn a_person_who_stopped_marketing_is_told_apart(stand_in: StandIn) {
        let world = World::new().await;
        for person in PEOPLE {
            let SendError::Rejected(rejection) = fails(&world, &client(STOPPED), person).await else {
                panic!("not rejected")
            };
            assert_eq!((rejection.status, rejection.code), (400, 131_050));
            assert_eq!(rejection.meaning(), Some(ErrorCode::MarketingStopped));
            assert_eq!(rejection.response(), Some(Response::RecordOptOut));
        }
        assert_eq!(stand_in.requests().len(), 2);
        assert!(world.bound().await.is_empty());
    }

    async fn what_may_have_been_taken_is_said_to_be_unknown_and_sent_once(stand_in: StandIn) {
        let world = World::new().await;
        for (behaviour, expected) in [
            (SILENT, Uncertainty::TimedOut),
            (CLOSING, Uncertainty::ConnectionLost),
            (GARBLED, Uncertainty::UnreadableAnswer),
            (GATEWAY, Uncertainty::UnreadableAnswer),
            (FAILING, Uncertainty::ServerFailed(500)),
        ] {
            for person in PEOPLE {
                let before = stand_in.requests().len();
                // Only the silent one uses the time up; the others answer long before.
                let patience = if behaviour == SILENT { 1 } else { 60 };
                let client = client(behaviour).timeout(Duration::from_secs(patience));
                let SendError::Unconfirmed(unconfirmed) = fails(&world, &client, person).await else {
                    panic!("{behaviour} is certain")
                };
                assert_eq!(unconfirmed.uncertainty(), expected, "{behaviour}");
                let requests = stand_in.requests();
                assert_eq!(requests.len(), before + 1, "{behaviour}: once and not again");
                let told = &requests[before]["body"]["biz_opaque_callback_data"];
                assert_eq!(*told, unconfirmed.callback_data());
            }
        }
        assert!(world.bound().await.is_empty());
    }

    async fn a_status_settles_what_was_unknown(stand_in: StandIn) {
        let world = World::new().await;
        let client = client(CLOSING);
        let SendError::Unconfirmed(unconfirmed) = fails(&world, &client, ANA).await else { panic!("certain") };
        // The status names the permit, as it was told to the Cloud API, and the id of the message.
        let told = stand_in.requests()[0]["body"]["biz_opaque_callback_data"].clone();
        assert_eq!(told, unconfirmed.callback_data());
        let entry = unconfirmed.bind(&world.shop.gate(), &world.actor, "wamid.from-the-status").await.unwrap();
        assert_eq!(world.bound().await, [entry]);
    }

    async fn the_client_does_not_follow_to_another_place_past_the_client_crate(stand_in: StandIn) {
        let world = World::new().await;
        let SendError::Unconfirmed(unconfirmed) = fails(&world, &client(ELSEWHERE), USER_ID).await else {
            panic!("certain")
        };
        assert_eq!(unconfirmed.uncertainty(), Uncertainty::UnreadableAnswer);
        assert_eq!(stand_in.requests().len(), 1);
    }

    async fn what_is_sent_and_not_bound_is_bound_later_and_not_sent_again(stand_in: StandIn) {
        let world = World::new().await;
        let permit = world.marketing_permit(ANA).await;
        world.refuse_writes(true);
        let gate = world.shop.gate();
        let error = client(ACCEPTING).send_gated(&gate, &world.actor, permit, &offer()).await.unwrap_err();
        assert_shows_nothing(&error);
        let GatedError::Unbound { sent, .. } = error else { panic!("{error:?}") };
        assert!(sent.bind(&gate, &world.actor).await.is_err());
        world.refuse_writes(false);
        let entry = sent.bind(&gate, &world.actor).await.unwrap();
        assert_eq!(world.bound().await, [entry]);
        assert_eq!(stand_in.requests().len(), 1);
    }
}

#[test]
fn neither_the_client_nor_the_account_shows_its_token() {
    let account = Account { sender: SENDER, phone_number_id: "1", access_token: TOKEN };
    let client = GatedClient::new(account).unwrap();
    assert!(!format!("{account:?} {client:?} {:?}", offer()).contains(TOKEN));
}

#[test]
fn a_connection_that_cannot_be_made_is_told_apart() {
    run_over(
        Road::Closed,
        concat!(module_path!(), "::a_connection_that_cannot_be_made_is_told_apart"),
        unreachable,
    );
}

#[test]
fn a_server_that_is_not_the_cloud_api_gets_nothing() {
    run_over(
        Road::Stranger,
        concat!(module_path!(), "::a_server_that_is_not_the_cloud_api_gets_nothing"),
        unreachable,
    );
}

async fn unreachable(stand_in: StandIn) {
    let world = World::new().await;
    for person in PEOPLE {
        let error = fails(&world, &client(ACCEPTING), person).await;
        assert!(matches!(error, SendError::Unreachable), "{error:?}");
    }
    assert_eq!(stand_in.requests().len(), 0);
}
