//! Categories of personal data.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::file::{ForbiddenPattern, IpTruncation};
use crate::language::Translated;
use crate::retention::Ground;
use crate::term::terms;

terms! {
    /// Whose data it is.
    SubjectKind {
        /// A person who holds an account with the controller.
        Customer = "customer",
        /// A person to whom a customer sends messages.
        EndUser = "end_user",
    }
}

terms! {
    /// Where data comes from.
    DataSource {
        /// Given when the account was registered.
        Registration = "registration",
        /// Given or arising while the service is used.
        Use = "use",
        /// Sent by the person's device.
        Device = "device",
        /// Given by the customer about an end-user.
        Customer = "customer",
        /// Messages and events of the WhatsApp platform.
        MessagingPlatform = "messaging_platform",
        /// The payment gateway.
        PaymentGateway = "payment_gateway",
    }
}

terms! {
    /// What happens to a record when nothing keeps it any more.
    Disposal {
        /// It is disposed of, without anybody asking.
        Erase = "erase",
        /// A person is asked first. Until then nobody reads it.
        Review = "review",
    }
}

/// A category of personal data, with its own keys and its own retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Category {
    /// Its name in the notice.
    pub label: Translated,
    /// What belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Translated>,
    /// Whose data it is.
    pub subjects: BTreeSet<SubjectKind>,
    /// Where it comes from. A category that nothing collects is unused.
    pub sources: BTreeSet<DataSource>,
    /// The term of the W3C Data Privacy Vocabulary, such as `pd:EmailAddress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpv: Option<String>,
    /// Values that are refused at the door.
    pub forbidden: BTreeSet<ForbiddenPattern>,
    /// How far IP addresses are cut at collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_truncation: Option<IpTruncation>,
    /// Whether the earlier value is kept when a record is corrected (policy clause 7.b).
    pub keep_history: bool,
    /// What happens to a record when nothing keeps it any more.
    #[serde(skip_serializing_if = "Disposal::is_erase")]
    pub disposal: Disposal,
    /// What the law calls such records, such as `invoice`: the floors for these kinds apply to it.
    pub record_kinds: BTreeSet<String>,
    /// Why records are kept, and until when. Their order says nothing.
    #[serde(serialize_with = "in_order")]
    pub retention: Vec<Ground>,
}

impl Disposal {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    fn is_erase(&self) -> bool {
        *self == Self::Erase
    }
}

impl Category {
    /// Whether records of the category may come from `source`.
    ///
    /// ```
    /// use wzapi_policy::file::DataSource;
    ///
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let messages = policy.category(&"end_user_messages".parse()?).ok_or("not declared")?;
    /// assert!(messages.comes_from(DataSource::MessagingPlatform));
    /// assert!(!messages.comes_from(DataSource::PaymentGateway));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn comes_from(&self, source: DataSource) -> bool {
        self.sources.contains(&source)
    }

    /// Whether records of the category hold what a payment card shows.
    #[must_use]
    pub fn holds_payment_cards(&self) -> bool {
        self.dpv.as_deref() == Some("pd:PaymentCard")
    }
}

/// Two lists of the same grounds mean the same, so they are written in one order and without repetitions.
fn in_order<S: serde::Serializer>(grounds: &[Ground], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(grounds.iter().collect::<BTreeSet<_>>())
}
