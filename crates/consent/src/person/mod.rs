//! Which subject an identifier belongs to.
//!
//! Identifiers are aliases of one subject. What arrives together in one statement of Meta (a number and a
//! business-scoped user id in one message) belongs together, and shares grants and denials. When two subjects
//! turn out to be one, the older one goes on, the younger one's rows stay under their own prefix, and the marks
//! of both are joined, so that denials win. A number that is stated with another user id of the same portfolio has a
//! new holder. `docs/identity.md` has the rules and their table.
//!
//! | module | what is in it |
//! |---|---|
//! | `alias` | an identifier becomes a subject's |
//! | `change` | a person goes by other identifiers, as Meta announces |
//! | `denial` | to whose identifiers a denial goes |
//! | `finding` | the rows of identifiers and subjects |
//! | `handover` | an identifier has a new holder, without anybody having announced it |
//! | `link` | subjects that may be one person: what one denies, all deny |
//! | `profile` | what the identifiers of a person have in common |
//! | `tenure` | who had an identifier when (pure) |
//! | `uniting` | two subjects turn out to be one |

mod alias;
mod change;
mod denial;
mod finding;
mod handover;
mod link;
mod profile;
mod tenure;
mod uniting;

use wzapi_encryption::TenantKeys;
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_model::identifier::{Identifier, IdentifierKind};
use wzapi_model::ids::SubjectId;
use wzapi_model::personal::Personal;
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::Draft;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::PortfolioIndex;

use crate::error::ConsentError;
use handover::Parted;

pub use change::IdentityChange;
pub use link::MAX_LINKED_SUBJECTS;

pub(crate) use change::change_identity;
pub(crate) use denial::denied_with;
pub(crate) use finding::{gate_rows, load, subject_row, surviving};
pub(crate) use handover::{are_apart, recycle};
pub(crate) use link::{link, unlink};

/// The most identifiers of one person. One more is not linked to them, so that it has no grant and an act of the
/// person is never refused for it. A batch of acts by people with so many fits into one changeset.
pub const MAX_IDENTIFIERS: usize = 64;
/// The most identifiers of one person, those of denials and of merged people included: the bound of a changeset.
const MAX_LINKED: usize = 1024;

/// Stands for the portfolio of a user id that several linked portfolios share (`parent_user_id`): such an id is no
/// single portfolio's, and never contradicts another one. No keyed hash comes out as all zeros but by a chance of one
/// in 2^128.
pub const LINKED_PORTFOLIOS: PortfolioIndex = BlindIndex([0; 16]);

/// The index under which a business portfolio is known in the controller's rows.
#[must_use]
pub fn portfolio_index(keys: &TenantKeys, portfolio: &str) -> Option<PortfolioIndex> {
    // The oldest index key, as for routes: it stays while anything is filed under it.
    keys.indexes(IndexLabel::Portfolio, "", portfolio.as_bytes()).last().copied()
}

/// An identifier as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAs {
    /// In canonical form.
    pub identifier: Identifier,
    /// As it was written: what the provider has to be given to reach the person.
    pub raw: Personal<String>,
    /// For a business-scoped user id, the portfolio that stated it, as far as it is known.
    pub portfolio: Option<PortfolioIndex>,
}

impl KnownAs {
    /// An identifier whose raw form is its canonical one, stated by no portfolio that is known.
    #[must_use]
    pub fn canonical(identifier: Identifier) -> Self {
        let raw = Personal::new(identifier.expose_canonical());
        Self { identifier, raw, portfolio: None }
    }

    /// The same as stated in a portfolio. It matters for user ids only.
    #[must_use]
    pub fn in_portfolio(self, portfolio: Option<PortfolioIndex>) -> Self {
        let portfolio = portfolio.filter(|_| self.identifier.kind() == IdentifierKind::Bsuid);
        Self { portfolio, ..self }
    }

    const fn is_number(&self) -> bool {
        matches!(self.identifier, Identifier::Phone(_))
    }
}

/// When an act happened, as far as anybody says, and when it is recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) acted_at: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

impl Moment {
    /// Since when what was stated is known to hold.
    fn stated_at(self) -> Timestamp {
        self.acted_at.map_or(self.now, |acted| acted.min(self.now))
    }
}

/// Somebody lost an identifier to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recycled {
    pub(crate) subject: SubjectId,
    pub(crate) since: Timestamp,
}

/// Whom a statement is about.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) subject: SubjectId,
    /// Who lost an identifier by the statement: each is owed a ledger entry.
    pub(crate) recycled: Vec<Recycled>,
}

/// The subject that goes by these identifiers, or went by them when it acted, if any of them is known; several are
/// made one. A number that is stated with somebody else's user id is left out.
pub(crate) async fn find(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    known_as: &[KnownAs],
    acted_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<SubjectId>, ConsentError> {
    let (subject, _) = look_up(draft, keys, known_as, Moment { acted_at, now }).await?;
    Ok(subject)
}

/// As [`find`], and makes the subject if there is none and the aliases that are missing; a number that is stated with a
/// new user id changes hands. A denial `links_all`; other acts link no more than [`MAX_IDENTIFIERS`].
pub(crate) async fn identify(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    entropy: &dyn Entropy,
    known_as: &[KnownAs],
    when: Moment,
    links_all: bool,
) -> Result<Identified, ConsentError> {
    let (found, parted) = look_up(draft, keys, known_as, when).await?;
    let subject = match found {
        Some(subject) => subject,
        None => alias::create(draft, entropy, when.now).await?,
    };
    let (numbers, others): (Vec<_>, Vec<_>) =
        own(draft, keys, known_as)?.into_iter().partition(|known| known.is_number());
    add_aliases(draft, keys, subject, &others, when, links_all).await?;
    let mut recycled = Vec::with_capacity(parted.len());
    for (known, parted) in parted {
        recycled.push(handover::hand_over(draft, keys, subject, known, parted, when).await?);
    }
    add_aliases(draft, keys, subject, &numbers, when, links_all).await?;
    Ok(Identified { subject, recycled })
}

/// Makes those that are nobody's the subject's.
async fn add_aliases(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known_as: &[&KnownAs],
    when: Moment,
    links_all: bool,
) -> Result<(), ConsentError> {
    for known in known_as {
        let is_full = subject_row(draft, subject).await?.identifiers.len() >= MAX_IDENTIFIERS;
        let is_free = finding::holder(draft, keys, &known.identifier, when.acted_at)?.is_none();
        if (links_all || !is_full) && is_free {
            alias::take_first(draft, keys, subject, known, when).await?;
        } else {
            alias::restate(draft, keys, subject, known, when).await?;
        }
    }
    Ok(())
}

/// The subject, and the numbers among the identifiers that were somebody else's until now.
async fn look_up<'k>(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    known_as: &'k [KnownAs],
    when: Moment,
) -> Result<(Option<SubjectId>, Vec<(&'k KnownAs, Parted)>), ConsentError> {
    load(draft, keys, known_as).await?;
    let known_as = own(draft, keys, known_as)?;
    let (numbers, others): (Vec<_>, Vec<_>) = known_as.iter().copied().partition(|known| known.is_number());
    let mut subject = None;
    for known in &others {
        if let Some(holder) = finding::holder(draft, keys, &known.identifier, when.acted_at)? {
            subject = uniting::unite(draft, subject, holder, when.now).await?;
        }
    }
    let mut parted = Vec::new();
    for known in numbers {
        let Some(holder) = finding::holder(draft, keys, &known.identifier, when.acted_at)? else { continue };
        let holder = surviving(draft, holder).await?;
        if subject == Some(holder) {
            continue;
        }
        match handover::contradiction(draft, holder, &known_as, when.stated_at()).await? {
            Some(contradiction) => parted.push((known, contradiction)),
            None => subject = uniting::unite(draft, subject, holder, when.now).await?,
        }
    }
    Ok((subject, parted))
}

/// Without the user ids that read like one of another portfolio: those are other people's.
fn own<'k>(
    draft: &Draft<'_>,
    keys: &TenantKeys,
    known_as: &'k [KnownAs],
) -> Result<Vec<&'k KnownAs>, ConsentError> {
    let mut own = Vec::with_capacity(known_as.len());
    for known in known_as {
        let row = finding::row_of(draft, keys, &known.identifier)?;
        let stored = row.and_then(|(_, row)| row.portfolio);
        if !are_apart(stored, known.portfolio) {
            own.push(known);
        }
    }
    Ok(own)
}
