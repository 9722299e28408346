//! What every collected payload is read as. `catalogue.tsv` was written from the index of the payloads and the
//! payloads themselves, not from what the crate answers.

use std::collections::BTreeMap;

use wzapi_whatsapp::account::AccountEventKind;
use wzapi_whatsapp::call::{CallDirection, CallEvent};
use wzapi_whatsapp::content::{Content, UnknownReason};
use wzapi_whatsapp::delivery::Item;
use wzapi_whatsapp::identity_change::IdentityChangeKind;
use wzapi_whatsapp::person::Person;
use wzapi_whatsapp::preference::PreferenceAction;
use wzapi_whatsapp::status::DeliveryStatus;

use crate::payloads;

#[test]
fn every_payload_is_read_as_the_catalogue_says() {
    let catalogue: BTreeMap<&str, &str> =
        include_str!("catalogue.tsv").lines().map(|line| line.split_once('\t').unwrap()).collect();
    let mut wrong = Vec::new();
    let payloads = payloads::all();
    for (name, raw) in &payloads {
        let items = payloads::parse(raw).items;
        let read = items.iter().map(describe).collect::<Vec<_>>().join("; ");
        if catalogue.get(name.as_str()) != Some(&read.as_str()) {
            wrong.push(format!("{name}\t{read}"));
        }
    }
    assert!(wrong.is_empty(), "not as in the catalogue:\n{}", wrong.join("\n"));
    assert_eq!(payloads.len(), 110);
    assert_eq!(catalogue.len(), 110);
}

#[test]
fn the_payloads_hold_so_many_of_each() {
    let mut counts = BTreeMap::new();
    let payloads = payloads::all();
    let items = payloads.iter().flat_map(|(_, raw)| payloads::parse(raw).items);
    for item in items {
        let kind = describe(&item).split(' ').next().unwrap().to_owned();
        *counts.entry(kind).or_insert(0) += 1;
    }
    let counts: Vec<(&str, i32)> = counts.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let expected = [
        ("account", 17),
        ("call", 4),
        ("identity", 3),
        ("message", 38),
        ("preference", 4),
        ("status", 20),
        ("unknown", 27),
    ];
    assert_eq!(counts, expected);
}

fn describe(item: &Item) -> String {
    match &item.content {
        Content::Message(message) => {
            let mut text = format!("message {} {}", message.kind.as_str(), who(&message.person));
            text.push_str(&codes(&message.error_codes));
            if message.has_referral {
                text.push_str(" referral");
            }
            assert!(message.timestamp.is_some() && message.id.is_some());
            text
        }
        Content::Status(status) => {
            let step = match &status.status {
                DeliveryStatus::Sent => "sent",
                DeliveryStatus::Delivered => "delivered",
                DeliveryStatus::Read => "read",
                DeliveryStatus::Failed => "failed",
                DeliveryStatus::Played => "played",
                DeliveryStatus::Other(other) => other,
            };
            let category =
                status.category.map(|category| format!(" {}", category.as_str())).unwrap_or_default();
            let opaque = status.opaque.as_ref().map(|_| " opaque").unwrap_or_default();
            format!(
                "status {step} {}{}{category}{opaque}",
                who(&status.recipient),
                codes(&status.error_codes)
            )
        }
        Content::Preference(preference) => {
            let action = match &preference.action {
                PreferenceAction::Stop => "stop",
                PreferenceAction::Resume => "resume",
                PreferenceAction::Signup => "signup",
                PreferenceAction::Other(other) => other,
            };
            format!("preference {action} {}", who(&preference.person))
        }
        Content::IdentityChange(change) => {
            let kind = match change.kind {
                IdentityChangeKind::Number => "number",
                IdentityChangeKind::UserId => "user_id",
            };
            format!("identity {kind} {} to {}", who(&change.previous), who(&change.current))
        }
        Content::Call(call) => {
            let event = match &call.event {
                CallEvent::Connect => "connect",
                CallEvent::Terminate => "terminate",
                CallEvent::Other(other) => other,
            };
            let direction = match call.direction {
                CallDirection::UserInitiated => "user",
                CallDirection::BusinessInitiated => "business",
            };
            assert_eq!(call.is_contact_from_person(), (direction, event) == ("user", "connect"));
            format!("call {event} {direction} {}", who(&call.person))
        }
        Content::Account(event) => {
            let kind = match &event.kind {
                AccountEventKind::AccountDeleted => "deleted",
                AccountEventKind::PartnerRemoved => "partner removed",
                AccountEventKind::PartnerAppUninstalled => "app uninstalled",
                AccountEventKind::AccountOffboarded => "offboarded",
                AccountEventKind::Other(other) => other,
            };
            let end = if event.is_offboarding() { " END" } else { "" };
            format!("account {kind} {}{end}", event.waba_id.as_deref().unwrap_or("-"))
        }
        Content::Unknown(reason) => {
            let reason = match reason {
                UnknownReason::Field => "field",
                UnknownReason::ElementType => "type",
                UnknownReason::UnreadablePerson => "person",
                UnknownReason::UnreadableShape => "shape",
                UnknownReason::PreferenceCategory => "category",
            };
            format!("unknown {reason}")
        }
    }
}

fn who(person: &Person) -> String {
    let parts = [
        person.phone.map(|_| "phone"),
        person.bsuid.as_ref().map(|_| "bsuid"),
        person.parent_bsuid.as_ref().map(|_| "parent"),
    ];
    let known: Vec<&str> = parts.into_iter().flatten().collect();
    if known.is_empty() { "nobody".to_owned() } else { known.join("+") }
}

fn codes(codes: &[u32]) -> String {
    codes.iter().map(|code| format!(" {code}")).collect()
}
