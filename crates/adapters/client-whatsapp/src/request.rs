//! What is written to the Cloud API. Pure.

use serde_json::{Map, Value};
use whatsapp::models::{Context, Message};
use wzapi_compliance::model::identifier::Identifier;

use crate::content::{Body, Content};
use crate::error::SendError;

/// A request, by the way it must go.
#[derive(Debug)]
pub(crate) enum Request {
    /// To a telephone number: the client crate sends it.
    ToNumber(Box<Message>),
    /// To a business-scoped user id, for which the client crate has no field. Put into `to`, Meta would take it for a
    /// number, answer with a message id, and drop the message.
    ToUserId(Value),
}

/// Writes a message to `recipient`, whom the provider knows by `address`, with what the permit carries as `biz_opaque_callback_data`, which every status brings back.
///
/// Source of the fields `to` and `recipient`: Meta, "Business-scoped user IDs".
pub(crate) fn write(
    recipient: &Identifier,
    address: &str,
    callback: &str,
    content: &Content,
) -> Result<Request, SendError> {
    match recipient {
        Identifier::Phone(_) => {
            let fields = fields(address, callback, content)?;
            // The crate's type keeps these fields private and has no other way to fill them.
            let message: Message =
                serde_json::from_value(Value::Object(fields.clone())).map_err(|_| SendError::Unwritable)?;
            let kept = serde_json::to_value(&message).is_ok_and(|kept| kept == Value::Object(fields));
            if kept { Ok(Request::ToNumber(Box::new(message))) } else { Err(SendError::Unwritable) }
        }
        Identifier::Bsuid(_) => {
            let mut fields = fields("", callback, content)?;
            fields.remove("to");
            fields.insert("recipient".to_owned(), address.into());
            // The client crate writes absent fields as null; here they are left out.
            fields.retain(|_, value| !value.is_null());
            Ok(Request::ToUserId(Value::Object(fields)))
        }
        Identifier::Email(_) => Err(SendError::WrongRecipient(recipient.kind())),
    }
}

fn fields(to: &str, callback: &str, content: &Content) -> Result<Map<String, Value>, SendError> {
    let context = content.reply_to.as_deref().map(Context::new);
    let message = match &content.body {
        Body::Image(image) => Message::from_image(to, image.clone(), context),
        Body::Interactive(interactive) => {
            Message::from_interactive(to, interactive.as_ref().clone(), context)
        }
        Body::Template(template) => Message::from_template(to, template.clone(), context),
        Body::Text(text) => Message::from_text(to, text.clone(), context),
    };
    let Ok(Value::Object(mut fields)) = serde_json::to_value(message) else {
        return Err(SendError::Unwritable);
    };
    fields.insert("biz_opaque_callback_data".to_owned(), callback.into());
    fields.insert("recipient_type".to_owned(), "individual".into());
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use whatsapp::models::{
        FlowAction, Image, Interactive, InteractiveActionButton, InteractiveActionSection,
        InteractiveActionSectionRow, InteractiveHeader, Media, Template, Text,
    };

    use super::*;
    use crate::content::TemplateCategory;

    const CALLBACK: &str = "wz1.07070707";

    fn number() -> Identifier {
        Identifier::parse_recipient("+1 202 555 0142").unwrap()
    }

    #[test]
    fn a_number_goes_into_to_and_what_the_permit_carries_comes_along() {
        let content = Content::template(Template::new("spring", "en"), TemplateCategory::Marketing);
        let Ok(Request::ToNumber(message)) = write(&number(), "12025550142", CALLBACK, &content) else {
            panic!("a number")
        };
        let json = serde_json::to_value(message).unwrap();
        assert_eq!(json["to"], "12025550142");
        assert_eq!(json["recipient_type"], "individual");
        assert_eq!(json["biz_opaque_callback_data"], CALLBACK);
        assert_eq!(json["template"]["name"], "spring");
        assert_eq!(json.get("recipient"), None);
    }

    #[test]
    fn a_user_id_goes_into_recipient_and_never_into_to() {
        let user_id = Identifier::parse_recipient("US.13491208655302741918").unwrap();
        let content = Content::text(Text::new("hello")).in_reply_to("wamid.before");
        let Ok(Request::ToUserId(json)) = write(&user_id, "US.13491208655302741918", CALLBACK, &content)
        else {
            panic!("a user id")
        };
        let expected = serde_json::json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "recipient": "US.13491208655302741918",
            "type": "text",
            "text": { "body": "hello", "preview_url": null },
            "context": { "message_id": "wamid.before" },
            "biz_opaque_callback_data": CALLBACK,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        let email =
            Identifier::Email(wzapi_compliance::model::identifier::Email::parse("a@b.example").unwrap());
        let refused = write(&email, "a@b.example", CALLBACK, &Content::text(Text::new("hello"))).unwrap_err();
        assert!(matches!(refused, SendError::WrongRecipient(_)), "{refused}");
    }

    #[test]
    fn whatever_the_client_crate_can_say_survives_being_written() {
        let rows = || vec![InteractiveActionSectionRow::with_description("id", "row", "more")];
        let open = || Interactive::for_cta_url("open", "https://shop.example", "body");
        for interactive in [
            Interactive::for_button(vec![InteractiveActionButton::new("yes", "id")], "body")
                .with_footer("end"),
            Interactive::for_list("choose", vec![InteractiveActionSection::with_title(rows(), "t")], "body"),
            Interactive::for_flow(FlowAction::by_id("1", "go").navigate("start", None), "body"),
            Interactive::for_product("catalog", "product"),
            Interactive::for_catalog("body", Some("product")),
            open(),
            open().with_header(InteractiveHeader::image(Media::from_id("7"))),
        ] {
            assert!(write(&number(), "12025550142", CALLBACK, &Content::interactive(interactive)).is_ok());
        }
        for image in
            [Image::new("https://shop.example/a.png", None), Image::for_id("7", Some("b".to_owned()))]
        {
            assert!(write(&number(), "12025550142", CALLBACK, &Content::image(image)).is_ok());
        }
    }
}
