//! Fields beside messages, statuses and preferences.

use serde_json::{Value, json};
use wzapi_whatsapp::address_book::AddressBookAction;
use wzapi_whatsapp::content::{Content, UnknownReason};
use wzapi_whatsapp::group::GroupEventKind;
use wzapi_whatsapp::message::{CallAnswer, MessageOrigin};

use crate::payloads::{digits, items, person};

const ANA: &str = "16505551234";
const BUSINESS: &str = "15550783881";

fn history_of(messages: &Value) -> Vec<Content> {
    let thread = json!({ "id": ANA, "messages": messages });
    let chunk =
        json!({ "metadata": { "phase": 1, "chunk_order": "2", "progress": 100 }, "threads": [thread] });
    let metadata = json!({ "display_phone_number": "+1 555-078-3881", "phone_number_id": "7" });
    let value = json!({ "metadata": metadata, "history": [chunk] });
    items("history", &value).into_iter().map(|item| item.content).collect()
}

fn past_text(from: &str) -> Value {
    json!({ "from": from, "id": "wamid.A", "timestamp": "1790330400", "type": "text", "text": { "body": "stop" } })
}

#[test]
fn words_of_a_chat_are_whose_they_are() {
    let to_person =
        json!({ "from": BUSINESS, "to": ANA, "id": "wamid.B", "type": "text", "text": { "body": "stop" } });
    let found =
        history_of(&json!([past_text(ANA), to_person, past_text(BUSINESS), past_text("16505559999")]));
    let [
        Content::History(sync),
        Content::Message(message),
        Content::SentElsewhere(first),
        Content::SentElsewhere(second),
        last,
    ] = found.as_slice()
    else {
        panic!("{found:?}")
    };
    assert_eq!(
        (sync.phase, sync.chunk, sync.progress, sync.is_declined()),
        (Some(1), Some(2), Some(100), false)
    );
    assert_eq!(message.origin, MessageOrigin::History);
    for sent in [first, second] {
        assert_eq!(digits(&sent.recipient).as_deref(), Some(ANA), "the person of the chat");
    }
    assert_eq!(
        *last,
        Content::Unknown(UnknownReason::UnreadablePerson),
        "neither the person's nor the business's"
    );
}

#[test]
fn the_items_of_a_history_have_keys_and_places_of_their_own() {
    let metadata = json!({ "display_phone_number": BUSINESS });
    let chunk = |order: u64| {
        json!({ "metadata": { "phase": 0, "chunk_order": order },
        "threads": [{ "id": ANA, "messages": [past_text(ANA)] }] })
    };
    let found = items("history", &json!({ "metadata": metadata, "history": [chunk(1), chunk(2)] }));
    assert_eq!(found.len(), 4);
    let positions: Vec<_> = found.iter().map(|item| item.position.element).collect();
    assert_eq!(positions, [Some(0), Some(1), Some(2), Some(3)]);
    assert_ne!(found[0].source_key(), found[2].source_key());
    assert_eq!(found[1].source_key(), found[3].source_key(), "one message in two chunks is one");
}

#[test]
fn an_echo_to_the_business_itself_is_to_whoever_the_contact_is() {
    let echo = json!({ "from": ANA, "to": BUSINESS, "id": "wamid.C", "type": "revoke",
        "revoke": { "original_message_id": "wamid.B" } });
    let value = json!({ "metadata": { "display_phone_number": BUSINESS }, "contacts": [{ "wa_id": ANA }],
        "message_echoes": [echo] });
    let found = items("smb_message_echoes", &value);
    let Content::SentElsewhere(sent) = &found[0].content else { panic!("{found:?}") };
    assert_eq!(digits(&sent.recipient).as_deref(), Some(ANA));
    assert!(sent.original_id.is_some());
}

#[test]
fn no_participant_of_a_group_is_taken_out_of_it() {
    let group = json!({ "type": "group_participants_remove", "group_id": "g", "timestamp": "1790416800",
        "removed_participants": [{ "wa_id": ANA }, { "input": "US.1" }], "failed_participants": [{ "input": "US.2" }] });
    let found = items(
        "group_participants_update",
        &json!({ "groups": [group, 7, { "type": "group_of_next_year" }] }),
    );
    let Content::Group(event) = &found[0].content else { panic!("{found:?}") };
    assert_eq!(
        (&event.kind, event.participants, event.failed_participants),
        (&GroupEventKind::ParticipantsRemoved, 2, 1)
    );
    assert_eq!(found[1].content, Content::Unknown(UnknownReason::UnreadableShape));
    assert!(
        matches!(&found[2].content, Content::Group(event) if matches!(event.kind, GroupEventKind::Other(_)))
    );
    let status = json!({ "id": "wamid.D", "status": "read", "recipient_id": ANA, "recipient_type": "group",
        "recipient_participant_id": ANA });
    let value = json!({ "contacts": [{ "wa_id": ANA, "user_id": "US.1" }], "statuses": [status] });
    let found = items("messages", &value);
    assert!(!person(&found[0]).is_known(), "a group is no person, and its participants are not named");
}

#[test]
fn each_participant_of_a_group_has_a_status_of_their_own() {
    let status = |participant: &str| {
        json!({ "id": "wamid.D", "status": "read", "timestamp": "1", "recipient_id": "g", "recipient_type": "group",
            "recipient_participant_id": participant })
    };
    let found = items("messages", &json!({ "statuses": [status(ANA), status("16505559999")] }));
    assert_ne!(found[0].source_key(), found[1].source_key());
}

#[test]
fn an_answer_to_a_request_to_be_called_is_told_and_opens_no_window() {
    let reply = |reply: Value| {
        let interactive = json!({ "type": "call_permission_reply", "call_permission_reply": reply });
        let message =
            json!({ "from": ANA, "id": "wamid.E", "type": "interactive", "interactive": interactive });
        let Content::Message(message) =
            items("messages", &json!({ "messages": [message] })).remove(0).content
        else {
            panic!("a message")
        };
        assert!(!message.opens_window());
        message.call_permission.unwrap()
    };
    let accepted = reply(
        json!({ "response": "accept", "expiration_timestamp": 1753186982, "response_source": "user_action" }),
    );
    assert_eq!(
        (accepted.answer, accepted.is_permanent, accepted.is_by_person),
        (CallAnswer::Accepted, false, true)
    );
    assert_eq!(accepted.expires_at.unwrap().as_millis(), 1_753_186_982_000);
    assert_eq!(reply(json!({ "response": "reject" })).answer, CallAnswer::Rejected);
    assert_eq!(reply(json!({ "response": "accept", "is_permanent": true })).expires_at, None);
    for garbled in [json!(null), json!(7), json!({ "response": "perhaps" })] {
        assert_eq!(reply(garbled).answer, CallAnswer::Other, "it permits nothing");
    }
}

#[test]
fn a_contact_of_the_address_book_is_whom_the_business_says() {
    let sync = |action: &str| {
        json!({ "type": "contact", "action": action, "metadata": { "timestamp": "1790416800" },
            "contact": { "phone_number": "+16505551234", "full_name": "Pablo Morales" } })
    };
    let found = items(
        "smb_app_state_sync",
        &json!({ "state_sync": [sync("add"), sync("remove"), sync("of_next_year")] }),
    );
    let actions: Vec<_> = found
        .iter()
        .map(|item| match &item.content {
            Content::AddressBook(entry) => (entry.action, digits(&entry.person).unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    let ana = || ANA.to_owned();
    assert_eq!(
        actions,
        [
            (AddressBookAction::Added, ana()),
            (AddressBookAction::Removed, ana()),
            (AddressBookAction::Other, ana())
        ]
    );
    assert!(!format!("{found:?}").contains("Pablo"));
}

#[test]
fn what_changes_at_the_business_is_told_without_what_people_wrote() {
    let value =
        json!({ "event": "PIN_CHANGED", "display_phone_number": BUSINESS, "requester": "61555822107539" });
    let found = items("security", &value);
    let Content::Business(event) = &found[0].content else { panic!("{found:?}") };
    assert_eq!(event.event.as_deref(), Some("PIN_CHANGED"));
    let printed = format!("{found:?}");
    assert!(!printed.contains("61555822107539") && !printed.contains(BUSINESS), "{printed}");
    let name = json!({ "decision": "REJECTED", "requested_verified_name": "Shop of Ana Pruebas", "rejection_reason": "a b" });
    let Content::Business(event) = items("phone_number_name_update", &name).remove(0).content else {
        panic!("a name")
    };
    assert_eq!((event.name, event.reason), (None, None), "no sentence is taken out");
    assert_eq!(items("flows", &json!(7))[0].content, Content::Unknown(UnknownReason::UnreadableShape));
}
