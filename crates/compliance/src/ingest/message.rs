//! Messages from people: windows, opt-outs, and what is filed of them.

use wzapi_consent::person::KnownAs;
use wzapi_consent::recording::{Evidence, MAX_EVIDENCE};
use wzapi_consent::{ConsentError, NewAct, Recording};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::name::PurposeId;
use wzapi_model::personal::Personal;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::Reach;
use wzapi_whatsapp::intent::{Intent, RULES_VERSION, Verdict};
use wzapi_whatsapp::message::{InboundMessage, MessageOrigin};

use super::Routed;
use super::apply::{Taking, keep, may_be_undated, record, source_of};
use super::event::{Happening, Heard, MessageFacts};
use super::filing::{ItemFailure, file_message};
use super::people::known_as;

/// The room that is left beside the words for the rule that decided about them, in bytes.
const ROOM_FOR_RULE: usize = 512;

/// Takes in a message. In a group, a person speaks to others as well: no consent, no withdrawal and no window follows.
pub(super) async fn take_message(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    mark: BlindIndex,
    message: &InboundMessage,
    taking: &mut Taking<'_>,
) -> Result<Heard, ItemFailure> {
    let person = known_as(&message.person, routed.portfolio);
    let verdict = message.intent();
    let mut facts = MessageFacts::of(message, verdict);
    let mut is_kept = false;
    if !message.is_group {
        open_window(recording, routed, message, &person).await?;
        if let Some(act) = act_of(message, verdict) {
            is_kept = !may_be_undated(&act, message.timestamp);
            if is_kept {
                keep(recording, routed.item, mark, "undated_grant", taking.report).await?;
            } else {
                let act = NewAct { acted_at: message.timestamp, source: source_of(routed.item), ..act };
                record(recording, &person, &act, taking.report).await?;
            }
        }
    }
    if let Some((vault, actor)) = taking.filing {
        let file = (message, taking.is_replaced);
        facts.content = file_message(vault, recording, &person, file, actor, taking.report).await?;
    }
    if !message.is_group {
        heard_of(recording, routed, message, &person).await?;
    }
    if is_kept {
        return Ok(Heard::kept(routed, "undated_grant"));
    }
    taking.report.messages += 1;
    Ok(Heard { happening: Happening::Message(Box::new(facts)), about: person })
}

/// A message of long ago moves the window to its own time, which mostly is over. One without a time moves nothing, since
/// it would otherwise count as written now.
async fn open_window(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    message: &InboundMessage,
    person: &[KnownAs],
) -> Result<(), ConsentError> {
    let is_dated = message.timestamp.is_some() || message.origin == MessageOrigin::Live;
    match routed.sender.filter(|_| message.opens_window() && is_dated) {
        Some(sender) => recording.inbound(person, sender, message.timestamp).await,
        None => Ok(()),
    }
}

/// The person is there: messages reach them. And they may have come by an advertisement.
async fn heard_of(
    recording: &mut Recording<'_>,
    routed: &Routed<'_>,
    message: &InboundMessage,
    person: &[KnownAs],
) -> Result<(), ConsentError> {
    let at = match message.origin {
        MessageOrigin::Live => Some(message.timestamp.unwrap_or(recording.now())),
        MessageOrigin::History => message.timestamp,
    };
    let (Some(at), Some(subject)) = (at, recording.known_subject(person, message.timestamp).await?) else {
        return Ok(());
    };
    if let Some(sender) = routed.sender.filter(|_| message.has_referral && message.opens_window()) {
        recording.free_entry(subject, sender, at).await?;
    }
    recording.note_reach(subject, Reach { reached_at: Some(at), ..Reach::default() }).await
}

/// What the words amount to. Whatever it answers, an opt-out is one from all marketing by all senders: a narrower one would
/// be a guess, and people who answer STOP do not look at which number it was (`docs/opt-out.md`).
fn act_of(message: &InboundMessage, verdict: Verdict) -> Option<NewAct> {
    let keyword = |act, scope| NewAct::direct(act, scope, ConsentMethod::Keyword);
    let act = match verdict.intent {
        Intent::Withdraw => keyword(ConsentAct::Withdrawn, ConsentScope::all_marketing()),
        Intent::Ambiguous => keyword(ConsentAct::Doubted, ConsentScope::all_marketing()),
        Intent::Subscribe => {
            let provenance = match message.origin {
                MessageOrigin::Live => Provenance::Direct,
                // It comes from the business's own records, which may lack what came after it.
                MessageOrigin::History => Provenance::Imported,
            };
            NewAct {
                provenance,
                ..keyword(ConsentAct::Given, ConsentScope::whatsapp(PurposeId::marketing()))
            }
        }
        Intent::None => return None,
    };
    let answering = if message.context_id.is_some() { ", in answer to a message" } else { "" };
    let rule = format!("rule {verdict} of rules {RULES_VERSION}{answering}");
    let evidence = Evidence {
        words: Some(words_of(message)),
        reference: Some(Personal::new(rule)),
        ..Evidence::default()
    };
    Some(NewAct { evidence: Some(evidence), ..act })
}

/// The words that show the act, cut to what evidence may hold.
fn words_of(message: &InboundMessage) -> Personal<String> {
    let mut words = message.words.iter().map(|word| word.expose().as_str()).collect::<Vec<_>>().join("\n");
    let mut end = words.len().min(MAX_EVIDENCE - ROOM_FOR_RULE);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words.truncate(end);
    Personal::new(words)
}

/// When a message was collected: a time that lies ahead says nothing about when it was.
pub(super) fn collected_at(message: &InboundMessage, now: Timestamp) -> Option<Timestamp> {
    message.timestamp.filter(|at| *at <= now)
}
