//! Statuses: bound to the permit that the message was sent under, and what they tell about the person.

use wzapi_consent::gate::callback::Reported;
use wzapi_consent::person::KnownAs;
use wzapi_consent::{ConsentError, NewAct, Recording};
use wzapi_model::consent::{
    ChannelScope, ConsentAct, ConsentMethod, ConsentScope, PurposeScope, SenderScope,
};
use wzapi_model::ids::{SenderId, SubjectId};
use wzapi_model::message::Channel;
use wzapi_policy::file::{PlatformStopScope, SendingRules};
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::{Reach, SendingStep, StepMark};
use wzapi_whatsapp::error_code::ErrorCode;
use wzapi_whatsapp::status::{DeliveryStatus, MessageStatus};

use super::Routed;
use super::apply::{Taking, count, keep, record, source_of};
use super::event::{Happening, Heard, StatusFacts};
use super::people::known_as;

/// Takes in a status.
pub(super) async fn take_status(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    status: &MessageStatus,
    taking: &mut Taking<'_>,
) -> Result<Heard, ConsentError> {
    let mut facts = StatusFacts::of(status);
    let person = known_as(&status.recipient, routed.portfolio);
    let sent_to = bind(recording, status, &mut facts, taking).await?;
    if status.is_marketing_stop() {
        let act = NewAct {
            acted_at: status.timestamp,
            evidence: Some("error 131050".into()),
            source: source_of(routed.item),
            ..NewAct::direct(
                ConsentAct::PlatformStopped,
                platform_scope(taking.sending, routed.sender),
                ConsentMethod::PlatformError,
            )
        };
        match sent_to {
            _ if !person.is_empty() => record(recording, &person, &act, taking.report).await?,
            Some(subject) => count(recording.act_of(subject, &act).await?, &act, taking.report),
            None => {
                keep(recording, routed.item, mark, "stop_without_person", taking.report).await?;
                return Ok(Heard::kept(routed, "stop_without_person"));
            }
        }
    }
    taking.report.statuses += 1;
    note_reach(recording, status, &person, sent_to).await?;
    Ok(Heard { happening: Happening::Status(Box::new(facts)), about: person })
}

/// Binds the status to its permit, if it brings one of this controller's back; answers to whom the message was sent. What
/// anybody else made is counted, and is no error.
async fn bind(
    recording: &mut Recording<'_>,
    status: &MessageStatus,
    facts: &mut StatusFacts,
    taking: &mut Taking<'_>,
) -> Result<Option<SubjectId>, ConsentError> {
    let Some(opaque) = &status.opaque else { return Ok(None) };
    let Some(callback) = recording.callback(opaque.expose()) else {
        taking.report.foreign_callbacks += 1;
        return Ok(None);
    };
    let step = step_of(&status.status).map(|step| StepMark {
        step,
        at: status.timestamp.unwrap_or(recording.now()),
        error: status.error_codes.first().copied().filter(|_| step == SendingStep::Failed),
    });
    let message_id = status.id.as_ref().map(|id| id.expose().as_str());
    match recording.report(&callback, message_id, step, &taking.sending.frequency).await? {
        Reported::Bound => taking.report.bound += 1,
        Reported::Healed(_) => {
            taking.report.bound += 1;
            taking.report.healed += 1;
            facts.is_healed = true;
        }
        Reported::Unbound => return Ok(None),
    }
    facts.permit = Some(callback.permit);
    Ok(Some(callback.subject))
}

const fn step_of(status: &DeliveryStatus) -> Option<SendingStep> {
    match status {
        DeliveryStatus::Sent => Some(SendingStep::Sent),
        DeliveryStatus::Delivered => Some(SendingStep::Delivered),
        DeliveryStatus::Read | DeliveryStatus::Played => Some(SendingStep::Read),
        DeliveryStatus::Failed => Some(SendingStep::Failed),
        DeliveryStatus::Other(_) => None,
    }
}

/// Notes for the gate whether messages reach the person. A message to a group says nothing about one of them.
async fn note_reach(
    recording: &mut Recording<'_>,
    status: &MessageStatus,
    person: &[KnownAs],
    sent_to: Option<SubjectId>,
) -> Result<(), ConsentError> {
    let at = Some(status.timestamp.unwrap_or(recording.now()));
    let has = |code: ErrorCode| status.error_codes.contains(&code.code());
    let is_reached = match status.status {
        DeliveryStatus::Delivered | DeliveryStatus::Read | DeliveryStatus::Played => true,
        DeliveryStatus::Sent | DeliveryStatus::Failed | DeliveryStatus::Other(_) => false,
    };
    let reach = Reach {
        held_back_at: at.filter(|_| has(ErrorCode::HeldBack)),
        undeliverable_at: at.filter(|_| has(ErrorCode::Undeliverable)),
        reached_at: at.filter(|_| is_reached),
    };
    if reach == Reach::default() || status.is_group {
        return Ok(());
    }
    let subject = match sent_to {
        Some(subject) => Some(subject),
        None => recording.known_subject(person, status.timestamp).await?,
    };
    match subject {
        Some(subject) => recording.note_reach(subject, reach).await,
        None => Ok(()),
    }
}

/// How far a stop or a resumption in WhatsApp itself reaches: all senders, unless the policy says that it is the one at which
/// it arrived.
pub(super) fn platform_scope(sending: &SendingRules, sender: Option<SenderId>) -> ConsentScope {
    match (sending.platform_stop, sender) {
        (PlatformStopScope::OneSender, Some(sender)) => ConsentScope {
            purpose: PurposeScope::Marketing,
            channel: ChannelScope::One(Channel::WhatsApp),
            sender: SenderScope::One(sender),
        },
        (PlatformStopScope::AllSenders, _) | (PlatformStopScope::OneSender, None) => {
            ConsentScope::whatsapp_marketing()
        }
    }
}
