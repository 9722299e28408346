//! `wzapi sent`: what was sent to a person, and under which proof?

use serde_json::{Value, json};
use wzapi_compliance::consent::gate::sent::SentMessage;
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::storage::row::SendingStep;

use crate::arguments::SentOptions;
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;

/// Messages read at a time.
const PAGE: usize = 256;

pub(crate) async fn run(options: SentOptions) -> Result<Outcome, Failure> {
    let person = Identifier::parse_recipient(&options.to).map_err(Failure::Recipient)?;
    let operator = Operator::open(&options.data).await?;
    let controller = operator.compliance.controller(options.controller).await?;
    let (mut messages, mut after) = (Vec::new(), None);
    loop {
        let page = controller.gate().sent(&operator.actor, &person, after.as_ref(), PAGE).await?;
        messages.extend(page.messages);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    messages.sort_by_key(|message| (message.redeemed_at, message.permit));
    if options.data.json {
        say!("{}", json!({ "messages": messages.iter().map(to_json).collect::<Vec<_>>() }));
    } else {
        messages.iter().for_each(print);
        say!("{} messages", messages.len());
    }
    Ok(Outcome::Done)
}

fn print(message: &SentMessage) {
    let (category, purpose) = (message.category.as_str(), message.purpose.as_str());
    say!("{}  {category} for {purpose} by {}", message.redeemed_at, message.sender);
    for step in &message.steps {
        let error = step.error.map(|code| format!(" ({code})")).unwrap_or_default();
        say!("  {} {}{error}", step.at, word(step.step));
    }
    let (log, index) = message.recorded_in;
    say!(
        "  permit {}, ledger entry {} at {}/{}/{index}",
        message.permit,
        message.entry,
        log.shard,
        log.generation
    );
    for entry in &message.evidence {
        say!("  rested on ledger entry {entry}");
    }
}

fn to_json(message: &SentMessage) -> Value {
    let steps = message
        .steps
        .iter()
        .map(|step| json!({ "step": word(step.step), "at": step.at.to_string(), "error": step.error }));
    let (log, index) = message.recorded_in;
    json!({
        "permit": message.permit.to_string(),
        "subject": message.subject.to_string(),
        "sender": message.sender.to_string(),
        "category": message.category.as_str(),
        "purpose": message.purpose.as_str(),
        "redeemed_at": message.redeemed_at.to_string(),
        "steps": steps.collect::<Vec<_>>(),
        "entry": message.entry.to_string(),
        "recorded_in": { "shard": log.shard, "generation": log.generation, "index": index },
        "evidence": message.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "healed": message.is_healed,
    })
}

const fn word(step: SendingStep) -> &'static str {
    match step {
        SendingStep::Sent => "sent",
        SendingStep::Delivered => "delivered",
        SendingStep::Read => "read",
        SendingStep::Failed => "failed",
    }
}
