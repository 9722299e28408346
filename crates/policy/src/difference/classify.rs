//! For whom an edit is.

use std::cmp::Ordering;

use crate::canonical::Meaning;
use crate::difference::edits::Edit;
use crate::difference::{Change, ChangeKind, Direction, retention, sending};
use crate::file::PolicyFile;
use crate::period::Period;
use crate::regimes::Regime;
use crate::term::Term;

/// The changes that an edit is: one, but for lists of grounds and of limits, in which several may have changed.
pub(super) fn changes_of(edit: &Edit, old: &PolicyFile, new: &PolicyFile) -> Vec<Change> {
    let path: Vec<&str> = edit.path.iter().map(String::as_str).collect();
    if let ["categories", category, "retention"] = path.as_slice() {
        let grounds = |file: &PolicyFile| {
            file.categories
                .iter()
                .find(|(name, _)| name.as_str() == *category)
                .map(|(_, category)| category.retention.clone())
                .unwrap_or_default()
        };
        return retention::changes(&path.join("."), &grounds(old), &grounds(new));
    }
    if let ["sending", "frequency"] = path.as_slice() {
        return sending::limits(&path.join("."), &old.sending.frequency, &new.sending.frequency);
    }
    let (kind, direction) = classify(&path, edit, old, new);
    vec![change(path.join("."), kind, direction, summary(&path, edit))]
}

pub(super) fn change(path: String, kind: ChangeKind, direction: Direction, summary: String) -> Change {
    Change { path, kind, direction, is_material: direction == Direction::AgainstPerson, summary }
}

fn classify(path: &[&str], edit: &Edit, old: &PolicyFile, new: &PolicyFile) -> (ChangeKind, Direction) {
    use ChangeKind as Kind;
    use Direction::Editorial;
    match path {
        ["title" | "introduction" | "legal_disclosure", ..] => (Kind::Wording, Editorial),
        [
            "categories" | "patterns" | "purposes" | "recipients" | "rights" | "security",
            _,
            "label" | "description",
            ..,
        ] => (Kind::Wording, Editorial),
        ["purposes", _, "interest", ..] | ["duties", _, _] | ["contact", "team", ..] => {
            (Kind::Wording, Editorial)
        }
        ["effective"] => (Kind::EffectiveDate, Editorial),
        ["supersedes"] => (Kind::Predecessor, Editorial),
        ["utc_offset"] => (Kind::DayCount, Editorial),
        // The default language changed: everyone keeps a notice they could read before.
        ["languages"] => (Kind::Language, Editorial),
        ["languages", _] => (Kind::Language, more_is(edit, Direction::Favourable)),
        ["controller", ..] => (Kind::Identity, Direction::AgainstPerson),
        ["contact", _] if edit.old.is_some() && edit.new.is_some() => (Kind::Contact, Editorial),
        ["contact", _] => (Kind::Contact, more_is(edit, Direction::Favourable)),
        ["regimes", _, "financial_year_starts"] => (Kind::Regime, Editorial),
        ["regimes", _, "consent_age"] => (Kind::Age, higher_is_favourable(edit)),
        ["regimes", ..] => (Kind::Regime, more_is(edit, Direction::Favourable)),
        ["categories", ..] => category(path, edit),
        ["patterns", name, ..] => (Kind::ForbiddenValue, pattern(name, edit, old)),
        // Another category has other sources, purposes and retention.
        ["webhooks", ..] => (Kind::Filing, more_is(edit, Direction::AgainstPerson)),
        ["purposes", ..] => purpose(path, edit, old, new),
        ["sending", ..] => (Kind::Sending, sending_rule(path, edit, old, new)),
        ["recipients", ..] => recipient(path, edit),
        ["rights", ..] => right(path, edit),
        ["security", _] => (Kind::Security, more_is(edit, Direction::Favourable)),
        ["duties", _] => (Kind::Duty, more_is(edit, Direction::AgainstPerson)),
        ["notices", "material_change_notice"] => (Kind::Notice, longer_is(edit, Direction::Favourable)),
        ["notices", "channels", _] => (Kind::Notice, more_is(edit, Direction::Favourable)),
        ["notices", "continued_use"] => (Kind::Notice, from_is(edit, "accepts_terms", Direction::Favourable)),
        _ => (Kind::Other, Direction::AgainstPerson),
    }
}

fn category(path: &[&str], edit: &Edit) -> (ChangeKind, Direction) {
    use ChangeKind as Kind;
    match path {
        ["categories", _] => (Kind::Category, more_is(edit, Direction::AgainstPerson)),
        ["categories", _, "subjects", _] => (Kind::Subject, more_is(edit, Direction::AgainstPerson)),
        ["categories", _, "sources", _] => (Kind::Source, more_is(edit, Direction::AgainstPerson)),
        ["categories", _, "forbidden", _] => (Kind::ForbiddenValue, more_is(edit, Direction::Favourable)),
        ["categories", _, "keep_history"] => (Kind::History, turned_on_is(edit, Direction::AgainstPerson)),
        // Until a person was asked, it is kept longer.
        ["categories", _, "disposal"] => (Kind::Other, more_is(edit, Direction::AgainstPerson)),
        ["categories", _, "ip_truncation"] => (Kind::IpTruncation, more_is(edit, Direction::Favourable)),
        ["categories", _, "ip_truncation", _] => (Kind::IpTruncation, greater_is_against(edit)),
        // What follows from the kind of record is in the grounds, which are compared by themselves.
        ["categories", _, "record_kinds", _] | ["categories", _, "dpv"] => {
            (Kind::RecordKind, Direction::Editorial)
        }
        _ => (Kind::Other, Direction::AgainstPerson),
    }
}

/// Whether another expression finds less cannot be computed, so it counts as if it did. One that no category forbade
/// protected nobody.
fn pattern(name: &str, edit: &Edit, old: &PolicyFile) -> Direction {
    let mut forbidden = old.categories.values().flat_map(|category| &category.forbidden);
    match edit.old {
        None => Direction::Favourable,
        Some(_) if forbidden.any(|pattern| pattern.as_str() == name) => Direction::AgainstPerson,
        Some(_) => Direction::Editorial,
    }
}

fn purpose(path: &[&str], edit: &Edit, old: &PolicyFile, new: &PolicyFile) -> (ChangeKind, Direction) {
    use ChangeKind as Kind;
    match path {
        ["purposes", _] => (Kind::Purpose, more_is(edit, Direction::AgainstPerson)),
        ["purposes", _, "basis", regime] => (Kind::Basis, basis(edit, Regime::from_name(regime), old, new)),
        ["purposes", _, "categories", _] => (Kind::DataUse, more_is(edit, Direction::AgainstPerson)),
        ["purposes", _, "messages", _] => (Kind::Message, more_is(edit, Direction::AgainstPerson)),
        ["purposes", _, "withdrawal", _] => (Kind::Withdrawal, more_is(edit, Direction::Favourable)),
        ["purposes", _, "consent", rule @ ..] => (Kind::Consent, consent_rule(rule, edit)),
        _ => (Kind::Other, Direction::AgainstPerson),
    }
}

/// A basis that comes or goes with its whole regime says nothing new. Consent instead of another basis gives the
/// person the say; any other change of basis takes away what the person was told.
fn basis(edit: &Edit, regime: Option<Regime>, old: &PolicyFile, new: &PolicyFile) -> Direction {
    let both_in_force =
        regime.is_some_and(|regime| old.regimes.contains_key(&regime) && new.regimes.contains_key(&regime));
    match (&edit.old, &edit.new) {
        (Some(_), Some(Meaning::Text(basis))) if basis == "consent" => Direction::Favourable,
        (Some(_), Some(_)) => Direction::AgainstPerson,
        _ if both_in_force => Direction::AgainstPerson,
        _ => Direction::Editorial,
    }
}

/// What is left out is not set: a consent that lasts, and that counts at once.
fn consent_rule(rule: &[&str], edit: &Edit) -> Direction {
    let is_set = edit.old.is_some() && edit.new.is_some();
    match rule {
        ["expires_after"] | ["confirmation", "within"] if is_set => longer_is(edit, Direction::AgainstPerson),
        ["expires_after" | "confirmation" | "notice_required"] | ["confirmation", "methods", _] => {
            more_is(edit, Direction::Favourable)
        }
        _ => Direction::AgainstPerson,
    }
}

/// What is left out is not set or the default, which restrains the controller least; but a stop in WhatsApp reaches furthest
/// by default.
fn sending_rule(path: &[&str], edit: &Edit, old: &PolicyFile, new: &PolicyFile) -> Direction {
    match path {
        ["sending", "quiet_hours", "from" | "until"] => {
            sending::hours(old.sending.quiet_hours.as_ref(), new.sending.quiet_hours.as_ref())
        }
        ["sending", "quiet_hours"]
        | ["sending", "quiet_hours", "categories", _]
        | ["sending", "unknown_age"]
        | ["sending", "countries_refused", ..] => more_is(edit, Direction::Favourable),
        ["sending", "platform_stop"] => more_is(edit, Direction::AgainstPerson),
        _ => Direction::AgainstPerson,
    }
}

fn recipient(path: &[&str], edit: &Edit) -> (ChangeKind, Direction) {
    use ChangeKind as Kind;
    match path {
        ["recipients", _] => (Kind::Recipient, more_is(edit, Direction::AgainstPerson)),
        ["recipients", _, "kind"] => (Kind::Recipient, Direction::AgainstPerson),
        ["recipients", _, "role"] => (Kind::Recipient, from_is(edit, "controller", Direction::Favourable)),
        ["recipients", _, "countries", _] => (Kind::Transfer, more_is(edit, Direction::AgainstPerson)),
        ["recipients", _, "transfer", _] => (Kind::Transfer, more_is(edit, Direction::Favourable)),
        ["recipients", _, "agreement"] => (Kind::Agreement, more_is(edit, Direction::Favourable)),
        ["recipients", _, "agreement", "reference"] | ["recipients", _, "agreement", "from"] => {
            (Kind::Agreement, Direction::Editorial)
        }
        ["recipients", _, "agreement", "until"] => (Kind::Agreement, until(edit)),
        ["recipients", _, "agreement", "onward"] => {
            (Kind::Agreement, from_is(edit, "same_terms", Direction::Favourable))
        }
        ["recipients", _, "agreement", "categories" | "purposes", _] => {
            (Kind::Agreement, more_is(edit, Direction::AgainstPerson))
        }
        _ => (Kind::Other, Direction::AgainstPerson),
    }
}

/// An agreement that ends earlier, or ends at all, binds the controller to less sharing.
fn until(edit: &Edit) -> Direction {
    match (&edit.old, &edit.new) {
        // Days written as year, month and day are in the order of their texts.
        (Some(Meaning::Text(old)), Some(Meaning::Text(new))) if new < old => Direction::Favourable,
        (None, Some(_)) => Direction::Favourable,
        _ => Direction::AgainstPerson,
    }
}

fn right(path: &[&str], edit: &Edit) -> (ChangeKind, Direction) {
    use ChangeKind as Kind;
    match path {
        ["rights", _] => (Kind::Right, more_is(edit, Direction::Favourable)),
        ["rights", _, "ask", _] => (Kind::Right, more_is(edit, Direction::Favourable)),
        ["rights", _, "answer_within", _] if edit.old.is_some() && edit.new.is_some() => {
            (Kind::Right, longer_is(edit, Direction::AgainstPerson))
        }
        ["rights", _, "answer_within", _] => (Kind::Right, more_is(edit, Direction::Favourable)),
        ["rights", _, "citations", _] => (Kind::Citation, Direction::Editorial),
        _ => (Kind::Other, Direction::AgainstPerson),
    }
}

/// `direction` when something is new, its opposite when it is gone, against the person when it is another one.
fn more_is(edit: &Edit, direction: Direction) -> Direction {
    match (&edit.old, &edit.new) {
        (None, Some(_)) => direction,
        (Some(_), None) => opposite(direction),
        _ => Direction::AgainstPerson,
    }
}

/// `direction` when a flag became true, its opposite when it became false.
fn turned_on_is(edit: &Edit, direction: Direction) -> Direction {
    match (&edit.old, &edit.new) {
        (Some(Meaning::Flag(false)), Some(Meaning::Flag(true))) => direction,
        (Some(Meaning::Flag(true)), Some(Meaning::Flag(false))) => opposite(direction),
        _ => Direction::AgainstPerson,
    }
}

/// `direction` when the value was `from` and is another one now, its opposite when it is `from` now.
fn from_is(edit: &Edit, from: &str, direction: Direction) -> Direction {
    match (&edit.old, &edit.new) {
        (Some(Meaning::Text(old)), Some(_)) if old == from => direction,
        (Some(_), Some(Meaning::Text(new))) if new == from => opposite(direction),
        _ => Direction::AgainstPerson,
    }
}

/// `direction` when a period became longer from every day on, its opposite when it became shorter, editorial when the
/// same time is written in another unit, against the person when it depends on the day.
fn longer_is(edit: &Edit, direction: Direction) -> Direction {
    let period = |meaning: &Option<Meaning>| match meaning {
        Some(Meaning::Text(text)) => text.parse::<Period>().ok(),
        _ => None,
    };
    let order = match (period(&edit.old), period(&edit.new)) {
        (Some(old), Some(new)) => new.compare(old),
        _ => None,
    };
    match order {
        Some(Ordering::Greater) => direction,
        Some(Ordering::Less) => opposite(direction),
        Some(Ordering::Equal) => Direction::Editorial,
        None => Direction::AgainstPerson,
    }
}

fn greater_is_against(edit: &Edit) -> Direction {
    match (&edit.old, &edit.new) {
        (Some(Meaning::Whole(old)), Some(Meaning::Whole(new))) if new < old => Direction::Favourable,
        _ => Direction::AgainstPerson,
    }
}

/// Where one of the two ages is not named, which of them was higher depends on the regime rules.
fn higher_is_favourable(edit: &Edit) -> Direction {
    match (&edit.old, &edit.new) {
        (Some(Meaning::Whole(old)), Some(Meaning::Whole(new))) if new > old => Direction::Favourable,
        _ => Direction::AgainstPerson,
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::AgainstPerson => Direction::Favourable,
        Direction::Favourable => Direction::AgainstPerson,
        Direction::Editorial => Direction::Editorial,
    }
}

fn summary(path: &[&str], edit: &Edit) -> String {
    let name = path.join(".");
    match (shown(&edit.old), shown(&edit.new)) {
        (None, _) => format!("`{name}` is new"),
        (_, None) => format!("`{name}` is gone"),
        (Some(old), Some(new)) if !old.is_empty() && !new.is_empty() => {
            format!("`{name}` was `{old}` and is `{new}`")
        }
        _ => format!("`{name}` is another one"),
    }
}

/// A short value as text; empty for one that is too long to show.
fn shown(meaning: &Option<Meaning>) -> Option<String> {
    meaning.as_ref().map(|meaning| {
        let mut text = String::new();
        match meaning {
            Meaning::Text(plain) => text.push_str(plain),
            Meaning::Whole(_) | Meaning::Flag(_) => meaning.write(&mut text),
            Meaning::List(_) | Meaning::Map(_) => {}
        }
        if text.chars().count() > 60 || text.contains('\n') { String::new() } else { text }
    })
}
