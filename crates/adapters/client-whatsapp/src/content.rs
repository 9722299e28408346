//! What is sent, and which category of permit it needs.

use std::fmt;

use whatsapp::models::{Image, Interactive, Template, Text};
use wzapi_compliance::model::message::MessageCategory;

/// The category that Meta approved a template in.
///
/// Source: Meta, "Template categorization".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TemplateCategory {
    /// Offers and announcements.
    Marketing,
    /// Follow-up on something that the person asked for.
    Utility,
    /// One-time codes.
    Authentication,
}

impl TemplateCategory {
    /// The category of message that a permit must be for.
    #[must_use]
    pub const fn message_category(self) -> MessageCategory {
        match self {
            Self::Marketing => MessageCategory::Marketing,
            Self::Utility => MessageCategory::Utility,
            Self::Authentication => MessageCategory::Authentication,
        }
    }
}

/// A message without its recipient, which comes from the permit.
///
/// A template needs a permit for its own category. Everything else is free-form and needs one for a service message,
/// which the gate gives in an open customer service window only.
#[derive(Clone)]
pub struct Content {
    pub(crate) body: Body,
    pub(crate) category: MessageCategory,
    pub(crate) reply_to: Option<String>,
}

#[derive(Clone)]
pub(crate) enum Body {
    Image(Image),
    Interactive(Box<Interactive>),
    Template(Template),
    Text(Text),
}

impl Content {
    /// A template, in the category that Meta approved it in. Meta may move a template to another category and says so
    /// by a webhook (`template_category_update`); the host keeps this one up to date.
    #[must_use]
    pub const fn template(template: Template, category: TemplateCategory) -> Self {
        Self { body: Body::Template(template), category: category.message_category(), reply_to: None }
    }

    /// A free-form text.
    #[must_use]
    pub const fn text(text: Text) -> Self {
        Self::free_form(Body::Text(text))
    }

    /// A free-form image.
    #[must_use]
    pub const fn image(image: Image) -> Self {
        Self::free_form(Body::Image(image))
    }

    /// A free-form message with buttons, a list, a product or a flow.
    #[must_use]
    pub fn interactive(interactive: Interactive) -> Self {
        Self::free_form(Body::Interactive(Box::new(interactive)))
    }

    const fn free_form(body: Body) -> Self {
        Self { body, category: MessageCategory::Service, reply_to: None }
    }

    /// Shows it as an answer to the message with this id.
    #[must_use]
    pub fn in_reply_to(self, message_id: impl Into<String>) -> Self {
        Self { reply_to: Some(message_id.into()), ..self }
    }

    /// The category of message that a permit must be for.
    #[must_use]
    pub const fn category(&self) -> MessageCategory {
        self.category
    }
}

/// Shows the category alone: a body can say anything about a person.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("category", &self.category).finish_non_exhaustive()
    }
}
