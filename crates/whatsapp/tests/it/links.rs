//! A contact belongs to a message only when it names the same person.

use serde_json::{Value, json};
use wzapi_whatsapp::content::{Content, UnknownReason};
use wzapi_whatsapp::preference::PreferenceAction;

use crate::payloads::{self, bsuid, digits, items, person};

const A: &str = "15550002222";
const B: &str = "15550003333";
const ID_A: &str = "US.10000000000000000001";
const ID_B: &str = "US.20000000000000000002";

fn text(from: &Value) -> Value {
    let mut message =
        json!({"id": "wamid.X", "timestamp": "1790416800", "type": "text", "text": {"body": "hi"}});
    message.as_object_mut().unwrap().extend(from.as_object().unwrap().clone());
    message
}

fn ids_of(contacts: &Value, messages: &Value) -> Vec<(Option<String>, Option<String>)> {
    items("messages", &json!({"contacts": contacts, "messages": messages}))
        .iter()
        .map(|item| match &item.content {
            Content::Unknown(reason) => {
                assert_eq!(*reason, UnknownReason::UnreadablePerson);
                (None, None)
            }
            _ => (digits(person(item)), bsuid(person(item)).map(str::to_owned)),
        })
        .collect()
}

fn ids(phone: Option<&str>, bsuid: Option<&str>) -> (Option<String>, Option<String>) {
    (phone.map(str::to_owned), bsuid.map(str::to_owned))
}

#[test]
fn a_contact_with_another_number_is_not_linked() {
    let contacts = json!([{"wa_id": B, "user_id": ID_B}]);
    assert_eq!(ids_of(&contacts, &json!([text(&json!({"from": A}))])), [ids(Some(A), None)]);
    for (name, number) in [
        ("pywa-edited_message-image", "16505551234"),
        ("pywa-user_marketing_preferences-signup", "16505551234"),
        ("pywa-user_marketing_preferences-resume", "16505551234"),
        ("pywa-call_status-call_status", "165500000001"),
        ("pywa-call_connect-business_initiated", "16315553601"),
    ] {
        let payloads = payloads::all();
        let (_, raw) = payloads.iter().find(|(known, _)| known == name).unwrap();
        let delivery = payloads::parse(raw);
        let person = person(&delivery.items[0]);
        assert_eq!(digits(person).as_deref(), Some(number), "{name}");
        assert_eq!((bsuid(person), &person.parent_bsuid), (None, &None), "{name}");
    }
}

#[test]
fn each_of_several_contacts_is_matched_by_number_or_id() {
    let contacts = json!([{"wa_id": A, "user_id": ID_A}, {"wa_id": B, "user_id": ID_B}]);
    let messages = json!([
        text(&json!({"from": B})),
        text(&json!({"from_user_id": ID_A})),
        text(&json!({"from": "15550009999"})),
        text(&json!({})),
    ]);
    let expected =
        [ids(Some(B), Some(ID_B)), ids(Some(A), Some(ID_A)), ids(Some("15550009999"), None), ids(None, None)];
    assert_eq!(ids_of(&contacts, &messages), expected);
}

#[test]
fn contradictions_link_nobody() {
    let one_number_two_ids = json!([{"wa_id": A, "user_id": ID_A}, {"wa_id": A, "user_id": ID_B}]);
    assert_eq!(ids_of(&one_number_two_ids, &json!([text(&json!({"from": A}))])), [ids(Some(A), None)]);

    let one_id_two_numbers = json!([{"wa_id": A, "user_id": ID_A}, {"wa_id": B, "user_id": ID_A}]);
    assert_eq!(ids_of(&one_id_two_numbers, &json!([text(&json!({"from": A}))])), [ids(Some(A), None)]);
    assert_eq!(
        ids_of(&one_id_two_numbers, &json!([text(&json!({"from_user_id": ID_A}))])),
        [ids(None, Some(ID_A))]
    );

    let other_id = json!([{"wa_id": A, "user_id": ID_B}]);
    let message = json!([text(&json!({"from": A, "from_user_id": ID_A}))]);
    assert_eq!(ids_of(&other_id, &message), [ids(Some(A), Some(ID_A))]);

    let same_contact_twice = json!([{"wa_id": A, "user_id": ID_A}, {"wa_id": A, "user_id": ID_A}]);
    assert_eq!(ids_of(&same_contact_twice, &json!([text(&json!({"from": A}))])), [ids(Some(A), Some(ID_A))]);
}

#[test]
fn two_spellings_of_one_line_are_one_contact() {
    let contacts = json!([{"wa_id": "5215512345678", "user_id": "MX.1"}]);
    let messages = json!([text(&json!({"from": "525512345678"}))]);
    assert_eq!(ids_of(&contacts, &messages), [ids(Some("525512345678"), Some("MX.1"))]);
}

#[test]
fn a_message_that_names_nobody_is_the_only_contacts_or_nobodys() {
    let one = json!([{"wa_id": A, "user_id": ID_A}]);
    let two = json!([{"wa_id": A}, {"wa_id": B}]);
    let nameless = text(&json!({"from": null}));
    assert_eq!(ids_of(&one, &json!([nameless])), [ids(Some(A), Some(ID_A))]);
    assert_eq!(ids_of(&one, &json!([nameless, nameless])), [ids(None, None), ids(None, None)]);
    assert_eq!(ids_of(&two, &json!([nameless])), [ids(None, None)]);
    let placeholder = json!([text(&json!({"from": "PHONE_NUMBER"}))]);
    assert_eq!(ids_of(&one, &placeholder), [ids(None, None)], "a name that cannot be read is not no name");
    let readable_id = json!([text(&json!({"from": "PHONE_NUMBER", "from_user_id": ID_B}))]);
    assert_eq!(ids_of(&one, &readable_id), [ids(None, Some(ID_B))]);
}

#[test]
fn a_status_without_a_readable_recipient_stays_a_status() {
    let status = json!({"id": "wamid.X", "status": "failed", "recipient_id": "CUSTOMER_PHONE_NUMBER",
        "biz_opaque_callback_data": "permit", "errors": [{"code": "131050"}]});
    let items = items("messages", &json!({"statuses": [status]}));
    let Content::Status(status) = &items[0].content else { panic!("a status") };
    assert!(status.is_marketing_stop() && !status.recipient.is_known());
    assert_eq!(status.opaque.as_ref().unwrap().expose(), "permit");
}

#[test]
fn a_group_is_not_the_recipient() {
    let status = json!({"id": "wamid.X", "status": "read", "recipient_type": "group", "recipient_id": A});
    let items = items("messages", &json!({"statuses": [status]}));
    assert!(!person(&items[0]).is_known());
}

#[test]
fn a_stop_of_any_category_is_a_stop_and_nothing_else_is_believed() {
    let action = |category: Value, value: Value| {
        let preference =
            json!({"wa_id": A, "category": category, "value": value, "timestamp": 1_731_705_721});
        match items("user_preferences", &json!({"user_preferences": [preference]}))[0].content.clone() {
            Content::Preference(preference) => Ok(preference.action),
            Content::Unknown(reason) => Err(reason),
            other => panic!("{other:?}"),
        }
    };
    let marketing = json!("marketing_messages");
    for category in [marketing.clone(), json!("offers"), json!(null), json!(7), json!("15550002222")] {
        assert_eq!(action(category, json!("Stop")), Ok(PreferenceAction::Stop));
    }
    assert_eq!(action(marketing.clone(), json!("resume")), Ok(PreferenceAction::Resume));
    assert_eq!(action(marketing.clone(), json!("signup")), Ok(PreferenceAction::Signup));
    assert_eq!(action(marketing.clone(), json!("pause")), Ok(PreferenceAction::Other("pause".to_owned())));
    assert_eq!(action(json!("offers"), json!("resume")), Err(UnknownReason::PreferenceCategory));
    assert_eq!(action(json!(null), json!("signup")), Err(UnknownReason::PreferenceCategory));
    assert_eq!(action(marketing, json!(null)), Err(UnknownReason::UnreadableShape));
}
