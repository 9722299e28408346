//! Whom an item is about.

use wzapi_consent::person::{KnownAs, LINKED_PORTFOLIOS};
use wzapi_model::identifier::Identifier;
use wzapi_storage::row::PortfolioIndex;
use wzapi_whatsapp::content::Content;
use wzapi_whatsapp::person::Person;

use super::Routed;

/// The identifiers of whom an item is about. Of a change of identity, the ones that are the person's now. A contact in an
/// address book is the business's word: it names somebody, and is not taken for more.
pub(super) fn whom(routed: &Routed<'_>) -> Vec<KnownAs> {
    let person = match &routed.item.content {
        Content::Message(message) => &message.person,
        Content::SentElsewhere(sent) => &sent.recipient,
        Content::Status(status) => &status.recipient,
        Content::Preference(preference) => &preference.person,
        Content::IdentityChange(change) => &change.current,
        Content::IdentityKey(change) => &change.person,
        Content::Call(call) => &call.person,
        Content::AddressBook(entry) => &entry.person,
        Content::Group(_)
        | Content::History(_)
        | Content::Conversion(_)
        | Content::Account(_)
        | Content::Business(_)
        | Content::Unknown(_) => return Vec::new(),
    };
    known_as(person, routed.portfolio)
}

/// Everybody whose rows taking in an item can need, so that they can be read together.
pub(super) fn people_in(routed: &Routed<'_>) -> Vec<KnownAs> {
    match &routed.item.content {
        Content::IdentityChange(change) => {
            let previous = known_as(&change.previous, routed.portfolio);
            previous.into_iter().chain(whom(routed)).collect()
        }
        Content::Message(_) | Content::Status(_) | Content::Preference(_) | Content::Call(_) => whom(routed),
        Content::SentElsewhere(_)
        | Content::IdentityKey(_)
        | Content::AddressBook(_)
        | Content::Group(_)
        | Content::History(_)
        | Content::Conversion(_)
        | Content::Account(_)
        | Content::Business(_)
        | Content::Unknown(_) => Vec::new(),
    }
}

/// The identifiers of a person, as stated in a portfolio. An id of the parent portfolio is one of all that are linked.
pub(super) fn known_as(person: &Person, portfolio: Option<PortfolioIndex>) -> Vec<KnownAs> {
    person
        .identifiers()
        .into_iter()
        .map(|identifier| match (&identifier, &person.wa_id) {
            (Identifier::Phone(_), Some(wa_id)) => {
                KnownAs { raw: wa_id.clone(), ..KnownAs::canonical(identifier) }
            }
            (Identifier::Bsuid(id), _) => {
                let is_parents = person.bsuid.as_ref() != Some(id);
                let portfolio = if is_parents { Some(LINKED_PORTFOLIOS) } else { portfolio };
                KnownAs::canonical(identifier).in_portfolio(portfolio)
            }
            _ => KnownAs::canonical(identifier),
        })
        .collect()
}
