//! Something of the business's changed: a template, a number, a flow, its payments, its security.
//!
//! Nothing of it is about a person the business writes to, and no more is taken out than the words of Meta's vocabulary and the
//! ids of the business's own things. What is left out can be personal: who asked for a new PIN, the name that a number shall show,
//! the text of a template. Source: Meta, "Webhooks reference" of the WhatsApp Business Platform, by field.

use serde_json::Value;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading};
use crate::node;

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BusinessTopic {
    /// `message_template_status_update`: a template was approved, rejected, paused, disabled.
    TemplateStatus,
    /// `message_template_quality_update`: people like a template less, or more.
    TemplateQuality,
    /// `template_category_update`: Meta puts a template into another category, which can make it marketing.
    TemplateCategory,
    /// `message_template_components_update`: a template has other words.
    TemplateComponents,
    /// `phone_number_name_update`: the name that a number shows was decided about.
    NumberName,
    /// `phone_number_quality_update`: how much a number may send.
    NumberQuality,
    /// `account_review_update`: the account was reviewed.
    AccountReview,
    /// `account_alerts`: something stands against the account.
    AccountAlert,
    /// `business_capability_update`: what the business may do.
    Capability,
    /// `flows`: the state of a flow, and errors of its endpoint.
    Flow,
    /// `payment_configuration_update`: a way to be paid.
    PaymentConfiguration,
    /// `security`: somebody changed or asked for the PIN of a number.
    Security,
    /// `partner_solutions`: a solution shared with a partner.
    PartnerSolution,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessEvent {
    /// What it is about.
    pub topic: BusinessTopic,
    /// What happened, as Meta calls it.
    pub event: Option<String>,
    /// The id of the template, the flow, the solution.
    pub subject: Option<String>,
    /// The name of the template or of the payment configuration.
    pub name: Option<String>,
    /// What it was before.
    pub before: Option<String>,
    /// What it is now.
    pub after: Option<String>,
    /// Meta's reason.
    pub reason: Option<String>,
}

/// Where a field says what.
struct Places {
    topic: BusinessTopic,
    event: &'static str,
    subject: &'static str,
    name: &'static str,
    before: &'static str,
    after: &'static str,
}

const TEMPLATE: Places = Places {
    topic: BusinessTopic::TemplateStatus,
    event: "event",
    subject: "message_template_id",
    name: "message_template_name",
    before: "",
    after: "message_template_category",
};
const NUMBER: Places = Places {
    topic: BusinessTopic::NumberQuality,
    event: "event",
    subject: "",
    name: "",
    before: "old_limit",
    after: "current_limit",
};

fn places(field: &str) -> Option<Places> {
    use BusinessTopic as Topic;
    let other = |topic, event, subject| Places { topic, event, subject, before: "", after: "", ..NUMBER };
    Some(match field {
        "message_template_status_update" => TEMPLATE,
        "message_template_quality_update" => Places {
            topic: Topic::TemplateQuality,
            before: "previous_quality_score",
            after: "new_quality_score",
            ..TEMPLATE
        },
        "template_category_update" => Places {
            topic: Topic::TemplateCategory,
            before: "previous_category",
            after: "new_category",
            ..TEMPLATE
        },
        "message_template_components_update" => {
            Places { topic: Topic::TemplateComponents, after: "", ..TEMPLATE }
        }
        "phone_number_name_update" => other(Topic::NumberName, "decision", ""),
        "phone_number_quality_update" => NUMBER,
        "account_review_update" => other(Topic::AccountReview, "decision", ""),
        "account_alerts" => {
            Places { after: "alert_severity", ..other(Topic::AccountAlert, "alert_type", "entity_id") }
        }
        "business_capability_update" => other(Topic::Capability, "", ""),
        "flows" => {
            Places { before: "old_status", after: "new_status", ..other(Topic::Flow, "event", "flow_id") }
        }
        "payment_configuration_update" => {
            Places { name: "configuration_name", ..other(Topic::PaymentConfiguration, "status", "") }
        }
        "security" => other(Topic::Security, "event", ""),
        "partner_solutions" => {
            Places { after: "solution_status", ..other(Topic::PartnerSolution, "event", "solution_id") }
        }
        _ => return None,
    })
}

/// Reads the value of a change, which holds one event; nothing when the field is another one's.
pub(crate) fn read<'a>(field: &str, value: &'a Value) -> Option<Reading<'a>> {
    let places = places(field)?;
    let word = |name: &str| node::label(value.get(name)).map(str::to_owned);
    let content = if value.is_object() {
        Content::Business(BusinessEvent {
            topic: places.topic,
            event: word(places.event),
            subject: node::business_id(value.get(places.subject)),
            name: word(places.name),
            before: word(places.before),
            after: word(places.after),
            reason: word("reason").or_else(|| word("rejection_reason")),
        })
    } else {
        Content::Unknown(UnknownReason::UnreadableShape)
    };
    Some(Reading { content, key: ElementKey::default() })
}
