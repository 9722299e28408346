//! What a consent needs can be had, and its end comes after its beginning.

use wzapi_model::consent::ConsentMethod;

use crate::file::{Confirmation, Purpose};
use crate::finding::Code;
use crate::period::Period;
use crate::syntax::Reader;
use crate::term::Term;

/// The longest time to confirm a consent, in days: a year, in which a person forgets having asked.
const MAX_CONFIRMATION_DAYS: u32 = 366;

pub(super) fn check(reader: &mut Reader<'_>, purpose: &Purpose, path: &str) {
    let rules = &purpose.consent;
    let path = format!("{path}.consent");
    if !rules.is_default() && !purpose.asks_for_consent() {
        reader.add(
            Code::ConsentRulesWithoutConsent,
            &path,
            "the purpose does not rest on consent, so that nothing ends and nothing is confirmed",
            "remove `consent`, or let the purpose rest on consent",
        );
    }
    if rules.expires_after.is_some_and(|period| period.most_days() == 0) {
        reader.add(
            Code::WrongValue,
            &format!("{path}.expires_after"),
            "a consent that ends at once is none",
            "write how long it lasts, such as \"24 months\", or leave the key out",
        );
    }
    if let Some(confirmation) = &rules.confirmation {
        check_confirmation(reader, confirmation, rules.expires_after, &format!("{path}.confirmation"));
    }
}

fn check_confirmation(
    reader: &mut Reader<'_>,
    confirmation: &Confirmation,
    expires_after: Option<Period>,
    path: &str,
) {
    let methods = format!("{path}.methods");
    if confirmation.methods.is_empty() {
        reader.add(
            Code::EmptyText,
            &methods,
            "no method needs the confirmation",
            "name the methods, such as [\"web_form\"], or remove the confirmation",
        );
    }
    for method in confirmation.methods.iter().filter(|method| !can_grant(**method)) {
        reader.add(
            Code::NothingToConfirm,
            &methods,
            format!("`{}` tells of stops and blocks, never of a grant", Term::as_str(*method)),
            "take it out",
        );
    }
    let within = format!("{path}.within");
    let days = confirmation.within.most_days();
    if !(1..=MAX_CONFIRMATION_DAYS).contains(&days) {
        reader.add(
            Code::WrongValue,
            &within,
            format!("`{}` is no time in which a person confirms", confirmation.within),
            "write a time from \"1 day\" to \"1 year\", such as \"7 days\"",
        );
    } else if expires_after.is_some_and(|end| end.most_days() <= days) {
        reader.add(
            Code::ConfirmationAfterEnd,
            &within,
            "the consent may have ended when it is confirmed",
            "give less time to confirm, or let the consent last longer",
        );
    }
}

/// Whether an act that came by this method can be a grant.
const fn can_grant(method: ConsentMethod) -> bool {
    match method {
        ConsentMethod::WebForm
        | ConsentMethod::ClickToChat
        | ConsentMethod::InboundMessage
        | ConsentMethod::Keyword
        | ConsentMethod::Paper
        | ConsentMethod::Verbal
        | ConsentMethod::Import
        | ConsentMethod::Api
        | ConsentMethod::Review => true,
        ConsentMethod::PlatformPreference | ConsentMethod::PlatformError | ConsentMethod::Block => false,
    }
}
