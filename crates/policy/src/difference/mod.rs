//! What changed between two versions of a policy, by meaning, and for whom.

mod classify;
mod edits;
mod renewal;
mod retention;
mod sending;

pub use renewal::{consents_to_renew, reworded_purposes};
use serde::Serialize;

use crate::canonical::{ContentHash, Meaning};
use crate::file::PolicyFile;
use crate::term::terms;

terms! {
    /// For whom a change is.
    Direction {
        /// It weakens the position of the person: more data, more uses, more recipients, longer, less say.
        AgainstPerson = "against_person",
        /// It strengthens it.
        Favourable = "favourable",
        /// It says the same in other words, or changes nothing for the person.
        Editorial = "editorial",
    }
}

terms! {
    /// What a change is about.
    ChangeKind {
        /// A text: title, label, description. A program does not judge what words mean; a person has to read them.
        Wording = "wording",
        /// Who the controller is.
        Identity = "identity",
        /// The contact point.
        Contact = "contact",
        /// From when the version is in force.
        EffectiveDate = "effective_date",
        /// Which version came before.
        Predecessor = "predecessor",
        /// The languages of the notice.
        Language = "language",
        /// In which offset days are counted.
        DayCount = "day_count",
        /// A legal regime, or a law of it.
        Regime = "regime",
        /// A category of data.
        Category = "category",
        /// Whose data a category is.
        Subject = "subject",
        /// Where the data comes from.
        Source = "source",
        /// Values that are refused.
        ForbiddenValue = "forbidden_value",
        /// Whether earlier values are kept when records are corrected.
        History = "history",
        /// What content of webhooks is stored, and where.
        Filing = "filing",
        /// How far IP addresses are cut.
        IpTruncation = "ip_truncation",
        /// What the law calls the records, and the terms of vocabularies.
        RecordKind = "record_kind",
        /// How long records are kept, and why.
        Retention = "retention",
        /// A purpose.
        Purpose = "purpose",
        /// What a purpose rests on.
        Basis = "basis",
        /// Which data a purpose uses.
        DataUse = "data_use",
        /// Which messages serve a purpose.
        Message = "message",
        /// How consent is withdrawn.
        Withdrawal = "withdrawal",
        /// What a consent needs, and how long it lasts.
        Consent = "consent",
        /// From which age people consent alone.
        Age = "age",
        /// When, how often and to whom messages are sent.
        Sending = "sending",
        /// A recipient.
        Recipient = "recipient",
        /// Where a recipient takes the data, and what that rests on.
        Transfer = "transfer",
        /// What an agreement covers.
        Agreement = "agreement",
        /// A right, how it is asked for and how soon it is answered.
        Right = "right",
        /// The provision that something cites.
        Citation = "citation",
        /// A measure of security.
        Security = "security",
        /// A duty of the customers.
        Duty = "duty",
        /// How changes are announced, and what using the service on means.
        Notice = "notice",
        /// Something that this program cannot classify; it counts as against the person.
        Other = "other",
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What changed, such as `purposes.analytics` or `categories.billing.retention`.
    pub path: String,
    /// What it is about.
    pub kind: ChangeKind,
    /// For whom it is.
    pub direction: Direction,
    /// Whether people must be told (policy clause 8.b), and consent that depends on it renewed: everything that is
    /// against the person.
    pub is_material: bool,
    /// What happened, in one line of English.
    pub summary: String,
}

/// The changes from one version to another.
///
/// ```
/// let old = include_str!("../../../../policies/wzapi.toml");
/// let new = old.replace("period = \"72 months\"", "period = \"84 months\"");
/// let (old, new) = (wzapi_policy::parse(old, "old.toml")?, wzapi_policy::parse(&new, "new.toml")?);
///
/// let difference = wzapi_policy::difference::diff(&old, &new);
/// assert!(difference.material, "retention became longer");
/// assert_eq!(difference.changes[0].path, "categories.billing_information.retention");
/// # Ok::<(), wzapi_policy::finding::Findings>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The hash of the earlier version.
    pub old: ContentHash,
    /// The hash of the later version.
    pub new: ContentHash,
    /// Whether any change is material.
    pub material: bool,
    /// The changes, in the order of their paths.
    pub changes: Vec<Change>,
}

/// Compares two versions by meaning. Order, white space and comments make no difference; two versions without changes
/// have the same hash.
#[must_use]
pub fn diff(old: &PolicyFile, new: &PolicyFile) -> Difference {
    let edits = edits::between(&Meaning::of(old), &Meaning::of(new));
    let mut changes: Vec<Change> =
        edits.into_iter().flat_map(|edit| classify::changes_of(&edit, old, new)).collect();
    changes.sort_by(|left, right| (&left.path, &left.summary).cmp(&(&right.path, &right.summary)));
    Difference {
        old: ContentHash::of(old),
        new: ContentHash::of(new),
        material: changes.iter().any(|change| change.is_material),
        changes,
    }
}
