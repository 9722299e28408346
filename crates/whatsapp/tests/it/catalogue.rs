//! What every collected payload is read as. `catalogue.tsv` was written from the index of the payloads and the
//! payloads themselves, not from what the crate answers.

use std::collections::BTreeMap;

use wzapi_whatsapp::account::AccountEventKind;
use wzapi_whatsapp::call::{CallDirection, CallEvent};
use wzapi_whatsapp::content::{Content, UnknownReason};
use wzapi_whatsapp::delivery::Item;
use wzapi_whatsapp::identity_change::IdentityChangeKind;
use wzapi_whatsapp::message::MessageOrigin;
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
    assert_eq!(payloads.len(), 137);
    assert_eq!(catalogue.len(), 137);
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
        ("address-book", 3),
        ("business", 14),
        ("call", 4),
        ("conversion", 1),
        ("group", 7),
        ("history", 2),
        ("identity", 3),
        ("identity-key", 1),
        ("message", 43),
        ("preference", 4),
        ("sent-elsewhere", 5),
        ("status", 21),
        ("unknown", 19),
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
            let marks = [
                (message.origin == MessageOrigin::History, " past"),
                (message.is_group, " group"),
                (message.context_id.is_some(), " answer"),
                (message.original_id.is_some(), " original"),
            ];
            marks.into_iter().filter(|(is, _)| *is).for_each(|(_, mark)| text.push_str(mark));
            if let Some(permission) = message.call_permission {
                text.push_str(&format!(" call-permission {:?}", permission.answer));
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
            let group = if status.is_group { " group" } else { "" };
            format!(
                "status {step} {}{}{category}{opaque}{group}",
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
        Content::SentElsewhere(sent) => {
            let original = sent.original_id.as_ref().map(|_| " original").unwrap_or_default();
            format!("sent-elsewhere {} {}{original}", sent.kind.as_str(), who(&sent.recipient))
        }
        Content::IdentityKey(change) => format!("identity-key {}", who(&change.person)),
        Content::Group(event) => {
            format!(
                "group {:?} {}-{}{}",
                event.kind,
                event.participants,
                event.failed_participants,
                codes(&event.error_codes)
            )
        }
        Content::AddressBook(entry) => {
            let names = entry.names.as_ref().map(|_| " names").unwrap_or_default();
            format!("address-book {:?} {}{names}", entry.action, who(&entry.person))
        }
        Content::History(sync) => {
            let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
            let [phase, chunk, progress] = [sync.phase, sync.chunk, sync.progress].map(number);
            let declined = if sync.is_declined() { " DECLINED" } else { "" };
            format!("history {phase}/{chunk}/{progress}{declined}")
        }
        Content::Conversion(conversion) => format!("conversion {}", conversion.name),
        Content::Business(event) => {
            let parts =
                [&event.event, &event.subject, &event.name, &event.before, &event.after, &event.reason];
            let parts: Vec<&str> = parts.iter().map(|part| part.as_deref().unwrap_or("-")).collect();
            format!("business {:?} {}", event.topic, parts.join(" "))
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
