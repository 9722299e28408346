//! A campaign: contacts with their consents, a preflight, permits, and a STOP.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use wzapi_compliance::consent::gate::{Checked, Decision, Message, Redeemed, RedeemedPermit, SendRequest};
use wzapi_compliance::model::Timestamp;
use wzapi_compliance::model::identifier::{E164, Identifier};
use wzapi_compliance::model::ids::SenderId;
use wzapi_compliance::model::message::MessageCategory;

use crate::deliveries::Demo;
use crate::progress;
use crate::summary::Summary;

pub(crate) async fn import_contacts(
    demo: &Demo<'_>,
    contacts: &Path,
    summary: &mut Summary,
) -> Result<(), Box<dyn Error>> {
    let file = File::open(contacts).map_err(|error| format!("{}: {error}", contacts.display()))?;
    let report = demo.shop.consent().import_csv(demo.actor, file).await?;
    println!(
        "   {} rows: {} given, {} denied, {} set aside for want of evidence, {} recorded before, {} bad",
        report.rows, report.given, report.denied, report.quarantined, report.duplicates, report.bad
    );
    for (line, problem) in &report.problems {
        eprintln!("   {}, line {line}: {problem}", contacts.display());
    }
    summary.set_import(report);
    Ok(())
}

pub(crate) async fn send_to_all(
    demo: &Demo<'_>,
    sender: SenderId,
    contacts: &Path,
    summary: &mut Summary,
) -> Result<(), Box<dyn Error>> {
    let recipients: Vec<Identifier> =
        read_contacts(contacts)?.into_iter().map(|contact| contact.phone).collect();
    let message = Message::new(sender, MessageCategory::Marketing);

    // How would the campaign fare? Nothing is written and no permit is given.
    let preflight = demo.shop.gate().preflight(demo.actor, &message, recipients.iter().cloned()).await?;
    println!("   preflight: {} may be messaged, {} may not", preflight.allowed, preflight.refused);
    for (reason, count) in &preflight.reasons {
        println!("     {:>4}  {}", count, reason.as_str());
    }
    for (done, recipient) in (1..).zip(&recipients) {
        match send_one(demo, recipient, &message).await? {
            Ok(()) => summary.add_permit(),
            Err(_) => summary.add_refused(),
        }
        progress::show("messages", done, recipients.len());
    }
    Ok(())
}

/// One message: check, redeem, transmit, bind. `Err` inside says why it was refused.
async fn send_one(
    demo: &Demo<'_>,
    recipient: &Identifier,
    message: &Message,
) -> Result<Result<(), Decision>, Box<dyn Error>> {
    let gate = demo.shop.gate();
    let request = SendRequest::new(recipient.clone(), message.clone());
    let permit = match gate.check(demo.actor, &request).await? {
        Checked::Allowed(permit) => permit,
        Checked::Refused(decision) => return Ok(Err(decision)),
    };
    let redeemed = match gate.redeem(demo.actor, permit).await? {
        Redeemed::Allowed(redeemed) => redeemed,
        Redeemed::Refused(decision) => return Ok(Err(decision)),
        Redeemed::Expired => return Err("the permit expired before it was redeemed".into()),
    };
    let message_id = transmit(&redeemed);
    gate.bind(demo.actor, &redeemed, &message_id).await?;
    Ok(Ok(()))
}

/// Stands in for the Cloud API. What matters is its argument: without a redeemed permit this cannot be called.
fn transmit(permit: &RedeemedPermit) -> String {
    format!("wamid.quickstart-{}", permit.id())
}

/// The first contact who agreed writes STOP a day later; the next message to them is refused.
pub(crate) async fn stop_one(
    demo: &Demo<'_>,
    sender: SenderId,
    contacts: &Path,
    summary: &mut Summary,
) -> Result<(), Box<dyn Error>> {
    let Some(contact) = read_contacts(contacts)?.into_iter().find(|contact| contact.status == "given") else {
        println!("   nobody among the contacts agreed");
        return Ok(());
    };
    let written_at = contact.obtained_at.saturating_add(Duration::from_secs(24 * 3600));
    let stop = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "campaign", "changes": [{
        "field": "messages",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550000000", "phone_number_id": "campaign" },
            "messages": [{
                "from": contact.phone.expose_canonical(),
                "id": "wamid.quickstart-stop",
                "timestamp": (written_at.as_millis() / 1000).to_string(),
                "type": "text",
                "text": { "body": "STOP" },
            }],
        },
    }]}]});
    summary.add_delivery(demo.deliver(stop.to_string().as_bytes()).await?);

    let message = Message::new(sender, MessageCategory::Marketing);
    match send_one(demo, &contact.phone, &message).await? {
        Ok(()) => return Err("a message left after STOP: this must never happen".into()),
        Err(decision) => {
            summary.add_refused();
            for reason in &decision.reasons {
                let since = reason.since.map(|since| format!(" since {since}")).unwrap_or_default();
                let shown_by =
                    reason.evidence.map(|entry| format!(", ledger entry {entry}")).unwrap_or_default();
                println!("   refused: {}{since}{shown_by}", reason.code.as_str());
                println!("     {}", reason.code.remedy());
            }
        }
    }
    Ok(())
}

struct Contact {
    phone: Identifier,
    status: String,
    obtained_at: Timestamp,
}

/// The contacts as the campaign tool of a host would hold them. Rows that the import reported are passed over.
fn read_contacts(path: &Path) -> Result<Vec<Contact>, Box<dyn Error>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let headers = reader.headers()?.clone();
    let column =
        |name: &str| headers.iter().position(|header| header.trim_start_matches('\u{feff}').trim() == name);
    let (Some(phone), Some(status), Some(obtained_at)) =
        (column("phone"), column("status"), column("obtained_at"))
    else {
        return Err("the contacts lack a column".into());
    };
    let contacts = reader.records().filter_map(|record| {
        let record = record.ok()?;
        Some(Contact {
            phone: Identifier::Phone(E164::parse(record.get(phone)?).ok()?),
            status: record.get(status)?.trim().to_owned(),
            obtained_at: record.get(obtained_at)?.trim().parse().ok()?,
        })
    });
    Ok(contacts.collect())
}
