//! `wzapi check`: may this message be sent?

use serde_json::json;
use wzapi_compliance::consent::gate::{Checked, Decision, Message, SendRequest};
use wzapi_compliance::model::identifier::Identifier;

use crate::arguments::CheckOptions;
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;

pub(crate) async fn run(options: CheckOptions) -> Result<Outcome, Failure> {
    let recipient = Identifier::parse_recipient(&options.to).map_err(Failure::Recipient)?;
    let operator = Operator::open(&options.data).await?;
    let controller = operator.compliance.controller(options.controller).await?;
    let usual = Message::new(options.sender, options.category);
    let message = Message { purpose: options.purpose.unwrap_or_else(|| usual.purpose.clone()), ..usual };
    let request = SendRequest { recipient, message };
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
            })
        })
        .collect();
    let evidence: Vec<_> =
        decision.reasons.iter().filter_map(|reason| reason.evidence).map(|entry| entry.to_string()).collect();
    json!({
        "decision": if decision.is_allowed { "allowed" } else { "refused" },
        "reasons": reasons,
        "evidence": evidence,
        "decided_at": decision.decided_at.to_string(),
    })
}
