//! Both sides of a change of number or id, from wherever they stand.

use serde_json::{Value, json};
use wzapi_whatsapp::content::Content;
use wzapi_whatsapp::identity_change::{IdentityChange, IdentityChangeKind};

use crate::payloads::{bsuid, digits, items};

const OLD: &str = "16505551234";
const NEW: &str = "12125557890";

fn change(from: &str, system: &Value) -> IdentityChange {
    let message =
        json!({"from": from, "id": "wamid.X", "timestamp": "1790418100", "type": "system", "system": system});
    let items = items("messages", &json!({"messages": [message]}));
    let Content::IdentityChange(change) = items[0].content.clone() else { panic!("{:?}", items[0].content) };
    change
}

fn numbers(change: &IdentityChange) -> (Option<String>, Option<String>) {
    (digits(&change.previous), digits(&change.current))
}

#[test]
fn the_sender_is_the_old_number_and_the_notice_holds_the_new_one() {
    let both = (Some(OLD.to_owned()), Some(NEW.to_owned()));
    let kind = "user_changed_number";
    assert_eq!(numbers(&change(OLD, &json!({"type": kind, "wa_id": NEW}))), both);
    assert_eq!(numbers(&change(OLD, &json!({"type": kind, "new_wa_id": NEW}))), both);
    assert_eq!(numbers(&change(NEW, &json!({"type": kind, "wa_id": NEW, "customer": OLD}))), both);
    let unsaid =
        change(NEW, &json!({"type": kind, "wa_id": NEW, "user_id": "US.2", "previous_user_id": "US.1"}));
    assert_eq!(numbers(&unsaid), (None, Some(NEW.to_owned())), "the new number is not the old one as well");
    assert_eq!((bsuid(&unsaid.previous), bsuid(&unsaid.current)), (Some("US.1"), Some("US.2")));
}

#[test]
fn a_new_id_keeps_the_number() {
    let system = json!({"type": "user_changed_user_id", "user_id": "US.2", "previous_user_id": "US.1"});
    let change = change(OLD, &system);
    assert_eq!(change.kind, IdentityChangeKind::UserId);
    assert_eq!(numbers(&change), (None, Some(OLD.to_owned())));
    assert_eq!((bsuid(&change.previous), bsuid(&change.current)), (Some("US.1"), Some("US.2")));
}

#[test]
fn the_field_of_its_own_is_read_in_both_shapes() {
    for element in [
        json!({"wa_id": OLD, "user_id": {"previous": "US.1", "current": "US.2"}, "timestamp": "1790420000"}),
        json!({"wa_id": OLD, "user_id": "US.2", "previous_user_id": "US.1", "timestamp": 1_790_420_000}),
    ] {
        let items = items("user_id_update", &json!({"user_id_update": [element]}));
        let Content::IdentityChange(change) = &items[0].content else { panic!("{:?}", items[0].content) };
        assert_eq!(numbers(change), (None, Some(OLD.to_owned())));
        assert_eq!((bsuid(&change.previous), bsuid(&change.current)), (Some("US.1"), Some("US.2")));
        assert!(change.timestamp.is_some());
    }
}
