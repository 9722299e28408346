//! Channels and kinds of message.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A way to reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// WhatsApp Business Platform.
    #[serde(rename = "whatsapp")]
    WhatsApp,
    /// E-mail.
    Email,
    /// Voice calls.
    Voice,
}

impl Channel {
    /// The name used in files, JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WhatsApp => "whatsapp",
            Self::Email => "email",
            Self::Voice => "voice",
        }
    }
}

/// A WhatsApp message category: the three template categories, and free-form service messages, which may be
/// sent only inside a customer service window.
///
/// Source: Meta, "Template categorization" and "Customer service windows".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageCategory {
    /// Template: offers, announcements, anything that is not one of the two below.
    Marketing,
    /// Template: follow-up on something that the person asked for or bought.
    Utility,
    /// Template: one-time codes.
    Authentication,
    /// Free-form reply inside the 24-hour customer service window.
    Service,
}

/// A text is not a message category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message category: use marketing, utility, authentication or service")]
pub struct MessageCategoryError;

impl MessageCategory {
    /// All categories.
    pub const ALL: [Self; 4] = [Self::Marketing, Self::Utility, Self::Authentication, Self::Service];

    /// The name used in files, JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
            Self::Service => "service",
        }
    }
}

impl FromStr for MessageCategory {
    type Err = MessageCategoryError;

    fn from_str(text: &str) -> Result<Self, MessageCategoryError> {
        Self::ALL.into_iter().find(|category| category.as_str() == text).ok_or(MessageCategoryError)
    }
}
