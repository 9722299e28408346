//! A web server and a task of tokio's demand futures that may move between threads. These may.

use wzapi_compliance::consent::NewAct;
use wzapi_compliance::consent::gate::{Message, RedeemedPermit, SendPermit, SendRequest};
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::model::consent::Question;
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::{ControllerId, SenderId};
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Builder, Compliance, Controller};

/// Compiles only for futures that another thread may go on with. None of them is run.
fn may_move<T: Send>(_: T) {}

#[allow(dead_code, reason = "it only has to compile")]
fn every_future_may_move_between_threads(
    (builder, compliance, controller): (Builder, &Compliance, &Controller),
    actor: &Actor,
    (id, sender): (ControllerId, SenderId),
    (identifier, act, question): (&Identifier, &NewAct, &Question<'_>),
    (message, request): (&Message, &SendRequest),
    (permit, redeemed): (SendPermit, &RedeemedPermit),
    (secrets, body): (&AppSecrets, &[u8]),
) {
    may_move(builder.build());
    may_move(compliance.register_controller(actor, id));
    may_move(compliance.controller(id));
    may_move(compliance.controllers(actor));
    may_move(compliance.system_ledger().verify(actor));
    may_move(compliance.expire_unclaimed(actor));
    may_move(controller.register_sender(actor, sender, "", ""));
    may_move(controller.expire(actor));
    may_move(controller.consent().record(actor, identifier, act));
    may_move(controller.consent().import_csv(actor, body));
    may_move(controller.consent().standing(actor, identifier, question));
    may_move(controller.gate().check(actor, request));
    may_move(controller.gate().preflight(actor, message, [identifier.clone()]));
    may_move(controller.gate().redeem(actor, permit));
    may_move(controller.gate().bind(actor, redeemed, ""));
    may_move(controller.ledger().verify(actor));
    may_move(controller.ingest().deliver(actor, secrets, "", body));
}
