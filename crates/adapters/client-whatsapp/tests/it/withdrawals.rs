//! What the gate refuses never reaches the socket.

use wzapi_client_whatsapp::GatedError;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::consent::ConsentAct;

use crate::stand_in::{ACCEPTING, StandIn, against_the_stand_in};
use crate::world::{ANA, USER_ID, World, client, offer};

against_the_stand_in! {
    async fn a_withdrawal_between_check_and_redeem_sends_nothing(stand_in: StandIn) {
        let world = World::new().await;
        let client = client(ACCEPTING);
        for person in [ANA, USER_ID] {
            let permit = world.marketing_permit(person).await;
            world.record(person, ConsentAct::Withdrawn).await;
            let refused = client.send_gated(&world.shop.gate(), &world.actor, permit, &offer()).await.unwrap_err();
            let GatedError::Refused(decision) = refused else { panic!("{refused:?}") };
            assert!(decision.reasons.iter().any(|reason| reason.code == ReasonCode::Withdrawn), "{decision:?}");
        }
        assert_eq!(stand_in.requests().len(), 0);
    }

    async fn a_redemption_that_fails_sends_nothing(stand_in: StandIn) {
        let world = World::new().await;
        let permit = world.marketing_permit(ANA).await;
        let stranger = Actor::service("stranger", [Role::Auditor]).unwrap();
        let refused = client(ACCEPTING)
            .send_gated(&world.shop.gate(), &stranger, permit, &offer())
            .await
            .unwrap_err();
        assert!(matches!(refused, GatedError::Gate(_)), "{refused:?}");
        assert_eq!(stand_in.requests().len(), 0);
    }
}
