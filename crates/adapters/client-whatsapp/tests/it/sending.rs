//! What arrives, and under which proof.

use std::time::Duration;

use whatsapp::models::Text;
use wzapi_client_whatsapp::{Account, GatedClient, GatedError};
use wzapi_client_whatsapp::{Content, SendError, SetupError};
use wzapi_compliance::consent::gate::Message;
use wzapi_compliance::model::message::MessageCategory;

use crate::stand_in::{ACCEPTING, StandIn, against_the_stand_in};
use crate::world::{ANA, OTHER_SENDER, SENDER, TOKEN, USER_ID, World, client, offer};

against_the_stand_in! {
    async fn the_number_the_token_and_the_permit_arrive_and_the_message_id_is_bound(stand_in: StandIn) {
        let world = World::new().await;
        let permit = world.marketing_permit(ANA).await;
        let id = permit.id();
        let client = client(ACCEPTING).api_version("v27.0").unwrap();
        let bound = client.send_gated(&world.shop.gate(), &world.actor, permit, &offer()).await.unwrap();

        let requests = stand_in.requests();
        assert_eq!(requests.len(), 1);
        let (request, body) = (&requests[0], &requests[0]["body"]);
        assert_eq!(request["method"], "POST");
        assert_eq!(request["path"], "/v27.0/accepting/messages");
        assert_eq!(request["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(body["messaging_product"], "whatsapp");
        assert_eq!(body["to"], ANA);
        assert_eq!(body.get("recipient"), None);
        assert_eq!(body["template"]["name"], "spring_sale");
        let callback = body["biz_opaque_callback_data"].as_str().unwrap();
        let digits: String = id.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(callback.starts_with(&format!("wz1.{digits}")) && callback.len() <= 512, "{callback}");
        assert_eq!(bound.permit, id);
        assert_eq!(bound.message_id.expose(), format!("wamid.of-{callback}"));

        // The entry stands in the ledger of the shop.
        assert_eq!(world.bound().await, [bound.entry]);
    }

    async fn a_business_scoped_user_id_arrives_as_recipient(stand_in: StandIn) {
        let world = World::new().await;
        let permit = world.marketing_permit(USER_ID).await;
        let id = permit.id();
        let sent = client(ACCEPTING)
            .send_gated(&world.shop.gate(), &world.actor, permit, &offer())
            .await
            .unwrap();
        let requests = stand_in.requests();
        let body = &requests[0]["body"];
        assert_eq!((body.get("to"), &body["recipient"]), (None, &USER_ID.into()));
        assert_eq!(body["recipient_type"], "individual");
        let callback = body["biz_opaque_callback_data"].as_str().unwrap();
        let digits: String = id.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(callback.starts_with(&format!("wz1.{digits}")) && callback.len() <= 512, "{callback}");
        assert_eq!(sent.message_id.expose(), format!("wamid.of-{callback}"));
        assert_eq!(requests[0]["authorization"], format!("Bearer {TOKEN}"));
    }

    async fn a_free_form_text_goes_out_under_a_permit_for_a_service_message(stand_in: StandIn) {
        let world = World::new().await;
        world.person_writes(ANA).await;
        let permit = world.permit(ANA, Message::new(SENDER, MessageCategory::Service)).await;
        let redeemed = world.redeemed(permit).await;
        let content = Content::text(Text::new("We are.")).in_reply_to("wamid.in");
        let sent = client(ACCEPTING).send(redeemed, &content).await.unwrap();
        let body = &stand_in.requests()[0]["body"];
        assert_eq!(body["text"]["body"], "We are.");
        assert_eq!(body["context"]["message_id"], "wamid.in");
        // Binding twice is one entry.
        let gate = world.shop.gate();
        let entry = sent.bind(&gate, &world.actor).await.unwrap();
        assert_eq!(sent.bind(&gate, &world.actor).await.unwrap(), entry);
    }

    async fn a_permit_for_another_category_sends_nothing(stand_in: StandIn) {
        let world = World::new().await;
        let client = client(ACCEPTING);
        let redeemed = world.redeemed(world.marketing_permit(ANA).await).await;
        let text = Content::text(Text::new("Spring sale"));
        let refused = client.send(redeemed, &text).await.unwrap_err();
        assert!(matches!(refused, SendError::WrongCategory { .. }), "{refused}");

        world.person_writes(ANA).await;
        let permit = world.permit(ANA, Message::new(SENDER, MessageCategory::Service)).await;
        let refused = client.send(world.redeemed(permit).await, &offer()).await.unwrap_err();
        assert!(matches!(refused, SendError::WrongCategory { .. }), "{refused}");
        assert_eq!(stand_in.requests().len(), 0);
    }

    async fn a_permit_for_another_sender_sends_nothing(stand_in: StandIn) {
        let world = World::new().await;
        let permit = world.permit(ANA, Message::new(OTHER_SENDER, MessageCategory::Marketing)).await;
        let gate = world.shop.gate();
        let refused = client(ACCEPTING).send_gated(&gate, &world.actor, permit, &offer()).await.unwrap_err();
        assert!(matches!(refused, GatedError::Send(SendError::WrongSender)), "{refused}");
        assert_eq!(stand_in.requests().len(), 0);
    }

    /// How long it takes from the answer of `redeem` until the request is read on the other side of TLS. Printed, and not
    /// held to any limit.
    async fn the_gap_from_redeem_to_the_other_side_is_measured(stand_in: StandIn) {
        let world = World::new().await;
        let client = client(ACCEPTING);
        let mut redeemed_at = Vec::new();
        for _ in 0..200 {
            let redeemed = world.redeemed(world.marketing_permit(ANA).await).await;
            #[allow(clippy::disallowed_methods, reason = "two processes compare moments; no library code")]
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            redeemed_at.push(now);
            let _ = client.send(redeemed, &offer()).await.unwrap();
        }
        let requests = stand_in.requests();
        assert_eq!(requests.len(), redeemed_at.len());
        let received = requests.iter().map(|request| request["received_us"].as_u64().unwrap());
        let mut gaps: Vec<Duration> = received
            .zip(&redeemed_at)
            .map(|(received, redeemed)| Duration::from_micros(received).saturating_sub(*redeemed))
            .collect();
        // The first one opens the connection.
        let first = gaps.remove(0);
        gaps.sort_unstable();
        println!(
            "gap from redeem to the other side of TLS: first {first:?}, then median {:?}, 99th percentile {:?}, most {:?}",
            gaps[gaps.len() / 2], gaps[gaps.len() * 99 / 100], gaps[gaps.len() - 1],
        );
    }
}

#[test]
fn what_cannot_stand_in_an_address_or_a_header_is_refused() {
    let account = |phone_number_id, access_token| Account { sender: SENDER, phone_number_id, access_token };
    let long = "1".repeat(65);
    for id in ["", "../me", "1/2", "1?a", &long] {
        assert_eq!(GatedClient::new(account(id, TOKEN)).unwrap_err(), SetupError::PhoneNumberId, "{id}");
    }
    for token in ["", "a b", "a\r\nX: y", "é"] {
        assert_eq!(GatedClient::new(account("1", token)).unwrap_err(), SetupError::AccessToken);
    }
    for version in ["", "..", "v26/x", "v26.0.0.0.0.0.0.0"] {
        let client = GatedClient::new(account("1", TOKEN)).unwrap();
        assert_eq!(client.api_version(version).unwrap_err(), SetupError::ApiVersion, "{version}");
    }
}
