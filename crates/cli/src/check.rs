//! `wzapi check`: may this message be sent?

use serde_json::json;
use wzapi_compliance::consent::gate::{Checked, Decision, Recipient, SendRequest};

use crate::arguments::CheckOptions;
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;

pub(crate) async fn run(options: CheckOptions) -> Result<Outcome, Failure> {
    let mut recipient = Recipient::parse(&options.to).map_err(Failure::Recipient)?;
    if let Some(country) = options.country {
        recipient = recipient.in_country(country);
    }
    if let Some(zone) = options.time_zone {
        recipient = recipient.in_time_zone(zone);
    }
    let operator = Operator::open(&options.data).await?;
    let controller = operator.compliance.controller(options.message.controller).await?;
    let request = SendRequest::new(recipient, options.message.message());
    let checked = controller.gate().check(&operator.actor, &request).await?;
    // A permit never leaves its process: this command tells the answer and lets the permit go.
    let (outcome, decision) = match &checked {
        Checked::Allowed(permit) => (Outcome::Done, permit.decision()),
        Checked::Refused(decision) => (Outcome::Refused, decision),
    };
    if options.data.json {
        say!("{}", to_json(decision));
    } else {
        print(decision);
    }
    Ok(outcome)
}

fn print(decision: &Decision) {
    say!("{}", if decision.is_allowed { "allowed" } else { "refused" });
    for reason in &decision.reasons {
        let since = reason.since.map(|since| format!(" since {since}")).unwrap_or_default();
        say!("  {}{since}", reason.code.as_str());
        say!("    {}", reason.code.remedy());
        say!("    by the rule: {}", reason.rule());
        if let Some(moment) = reason.possible_from {
            say!("    until {moment}");
        }
        if let Some(entry) = reason.evidence {
            say!("    shown by ledger entry {entry}");
        }
    }
}

fn to_json(decision: &Decision) -> serde_json::Value {
    let reasons: Vec<_> = decision
        .reasons
        .iter()
        .map(|reason| {
            json!({
                "code": reason.code.as_str(),
                "since": reason.since.map(|since| since.to_string()),
                "evidence": reason.evidence.map(|entry| entry.to_string()),
                "remedy": reason.code.remedy(),
                "rule": reason.rule(),
                "possible_from": reason.possible_from.map(|moment| moment.to_string()),
            })
        })
        .collect();
    let evidence: Vec<_> =
        decision.reasons.iter().filter_map(|reason| reason.evidence).map(|entry| entry.to_string()).collect();
    json!({
        "decision": if decision.is_allowed { "allowed" } else { "refused" },
        "reasons": reasons,
        "evidence": evidence,
        "free_entry_until": decision.free_entry_until.map(|moment| moment.to_string()),
        "decided_at": decision.decided_at.to_string(),
    })
}
