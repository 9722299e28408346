//! Whether a document says of each act what the act's entry says.

use std::collections::BTreeMap;

use super::ReceiptError;
use crate::canonical::{Object, Value};
use crate::tlog_proof::VerifiedEvent;

/// Milliseconds of a day.
const DAY: i64 = 24 * 3600 * 1000;

/// What an act is in the terms of the Data Privacy Vocabulary (module `consent_status`). The end of a stop or of a
/// doubt has no term of its own and is of the class alone: it gives nothing.
fn status_of(event: &Object) -> Option<&'static str> {
    let status = match event.text("type")? {
        // It counts for nothing, so it is not given.
        "consent.given" if event.get("quarantine").is_some() => "dpv:ConsentUnknown",
        "consent.given" => "dpv:ConsentGiven",
        "consent.requested" => "dpv:ConsentRequested",
        "consent.refused" => "dpv:ConsentRefused",
        "consent.withdrawn"
        | "consent.objected"
        | "consent.platform_stopped"
        | "consent.doubted"
        | "consent.erased" => "dpv:ConsentWithdrawn",
        "consent.revoked" => "dpv:ConsentRevoked",
        "consent.invalidated" => "dpv:ConsentInvalidated",
        "consent.platform_resumed" | "consent.doubt_cleared" => "dpv:ConsentStatus",
        _ => return None,
    };
    Some(status)
}

/// Who acted: the person, a guardian for them, or the controller.
fn indicated_by(event: &Object) -> String {
    match event.text("type").unwrap_or_default() {
        "consent.requested" | "consent.revoked" | "consent.invalidated" | "consent.doubt_cleared" => {
            format!("urn:uuid:{}", event.text("controller").unwrap_or_default())
        }
        _ if event.get("by_guardian") == Some(&Value::Bool(true)) => "wzapi:Guardian".to_owned(),
        _ => "dpv:DataSubject".to_owned(),
    }
}

/// Checks the document against the entries that were proved: each act of the document has one, each one is cited once,
/// and all that both tell is the same.
pub(super) fn check(document: &Object, events: &[VerifiedEvent]) -> Result<(), ReceiptError> {
    let Some(Value::Array(acts)) = document.get("dpv:hasConsentStatus") else {
        return Err(ReceiptError::Malformed("the document has no list of acts"));
    };
    let mut proved: BTreeMap<(&str, i64), &VerifiedEvent> = BTreeMap::new();
    for event in events {
        let (origin, index) = place_of(event);
        if proved.insert((origin, index), event).is_some() {
            return Err(ReceiptError::NotCited { index: event.inclusion().index() });
        }
    }
    let ends: Vec<String> = events.iter().filter_map(|event| moment(event.fields(), "expires_at")).collect();
    for (place, act) in (1..).zip(acts) {
        let Value::Object(act) = act else { return Err(ReceiptError::NotProved { place }) };
        if is_expiry(act) {
            // Nobody records that time has passed: the end stands in the grant.
            let at = value(act, "dpv:isIndicatedAtTime");
            if !at.is_some_and(|at| ends.iter().any(|end| end == at)) {
                return Err(ReceiptError::NotProved { place });
            }
            continue;
        }
        let (Some(log), Some(Value::Integer(index))) = (act.text("wzapi:log"), act.get("wzapi:index")) else {
            return Err(ReceiptError::NotProved { place });
        };
        let event = proved.remove(&(log, *index)).ok_or(ReceiptError::NotProved { place })?;
        let differs = difference(document, act, event.fields());
        if let Some(field) = differs {
            return Err(ReceiptError::Disagrees { place, field });
        }
    }
    match proved.into_values().next() {
        Some(event) => Err(ReceiptError::NotCited { index: event.inclusion().index() }),
        None => Ok(()),
    }
}

fn place_of(event: &VerifiedEvent) -> (&str, i64) {
    let inclusion = event.inclusion();
    // An index beyond 2^53 cannot be cited.
    (inclusion.checkpoint().checkpoint().origin(), i64::try_from(inclusion.index()).unwrap_or(i64::MAX))
}

fn is_expiry(act: &Object) -> bool {
    first_type(act) == Some("dpv:ConsentExpired") && act.get("wzapi:log").is_none()
}

/// The first thing about which document and entry disagree.
fn difference(document: &Object, act: &Object, event: &Object) -> Option<&'static str> {
    let is_of_person = event.text("subject").is_some_and(|subject| names(document, subject));
    let controller = event.text("controller").map(|controller| format!("urn:uuid:{controller}"));
    let same = |field: &str, key: &str| act.get(field) == event.get(key);
    let same_time = |field: &str, key: &str| {
        value(act, field).map(str::to_owned) == moment(event, key)
            && act.get(field).is_some() == event.get(key).is_some()
    };
    let checks = [
        (is_of_person, "dpv:hasDataSubject"),
        (id(document, "dpv:hasDataController") == controller.as_deref(), "dpv:hasDataController"),
        (first_type(act).is_some() && first_type(act) == status_of(event), "@type"),
        (id(act, "dpv:isIndicatedBy") == Some(&indicated_by(event)), "dpv:isIndicatedBy"),
        (same_time("dpv:isIndicatedAtTime", "effective_at"), "dpv:isIndicatedAtTime"),
        (same_time("dct:created", "at"), "dct:created"),
        (same_time("wzapi:expiresAt", "expires_at"), "wzapi:expiresAt"),
        (same("dpv:hasIndicationMethod", "method"), "dpv:hasIndicationMethod"),
        (same("wzapi:purpose", "purpose"), "wzapi:purpose"),
        (same("wzapi:channel", "channel"), "wzapi:channel"),
        (same("wzapi:sender", "sender"), "wzapi:sender"),
        (same("wzapi:imported", "imported"), "wzapi:imported"),
        (same("wzapi:quarantine", "quarantine"), "wzapi:quarantine"),
        (same("wzapi:confirms", "confirms"), "wzapi:confirms"),
        (same("wzapi:resolves", "resolves"), "wzapi:resolves"),
        (same_act(act, event), "wzapi:act"),
        (same_notice(act, event), "dpv:hasNotice"),
    ];
    checks.into_iter().find(|(agrees, _)| !agrees).map(|(_, field)| field)
}

/// Whether the document is about this person, or about one whom two records were found to be.
fn names(document: &Object, subject: &str) -> bool {
    let Some(Value::Object(person)) = document.get("dpv:hasDataSubject") else { return false };
    let urn = format!("urn:uuid:{subject}");
    let is_former = |former: &Value| matches!(former, Value::Object(one) if one.text("@id") == Some(&urn));
    let formers = match person.get("dct:replaces") {
        Some(Value::Array(formers)) => formers.as_slice(),
        _ => &[],
    };
    person.text("@id") == Some(&urn) || formers.iter().any(is_former)
}

fn same_act(act: &Object, event: &Object) -> bool {
    let name = event.text("type").and_then(|name| name.split_once('.'));
    name.is_some_and(|(family, name)| family == "consent" && act.text("wzapi:act") == Some(name))
}

fn same_notice(act: &Object, event: &Object) -> bool {
    match (act.get("dpv:hasNotice"), event.get("notice")) {
        (None, None) => true,
        (Some(Value::Object(told)), Some(Value::Object(shown))) => {
            let pairs =
                [("dct:identifier", "sha256"), ("dct:hasVersion", "version"), ("dct:language", "language")];
            pairs.into_iter().all(|(field, key)| told.get(field) == shown.get(key))
        }
        _ => false,
    }
}

fn first_type(act: &Object) -> Option<&str> {
    match act.get("@type")? {
        Value::Text(only) => Some(only),
        Value::Array(types) => match types.first()? {
            Value::Text(first) => Some(first),
            _ => None,
        },
        _ => None,
    }
}

/// The `@id` of the node under a key.
fn id<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    match object.get(key)? {
        Value::Object(node) => node.text("@id"),
        _ => None,
    }
}

/// The `@value` of the literal under a key.
fn value<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    match object.get(key)? {
        Value::Object(literal) => literal.text("@value"),
        _ => None,
    }
}

/// The time under a key of an event, as the document writes it: RFC 3339 in UTC with milliseconds. `None` too for what
/// is no time between 1970 and 9999.
fn moment(event: &Object, key: &str) -> Option<String> {
    match event.get(key)? {
        Value::Integer(millis) if (0..=253_402_300_799_999).contains(millis) => Some(rfc3339(*millis)),
        _ => None,
    }
}

fn rfc3339(millis: i64) -> String {
    let (year, month, day) = civil(millis / DAY);
    let of_day = millis % DAY;
    let (seconds, fraction) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// Year, month and day of the Gregorian calendar, for days since 1970-01-01 that are not negative.
fn civil(mut days: i64) -> (i64, usize, i64) {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    // Whole cycles of 400 years at once, single years after that.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= 365 + i64::from(is_leap(year)) {
        days -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let months = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_795_305_600_001, "2026-11-22T00:00:00.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(millis), text);
        }
    }

    #[test]
    fn every_kind_of_act_has_a_status_and_nothing_else_has() {
        let event = |name: &str| {
            crate::canonical::parse_object(format!(r#"{{"type":"consent.{name}"}}"#).as_bytes()).unwrap()
        };
        for name in ["given", "requested", "refused", "withdrawn", "objected", "revoked", "invalidated"] {
            assert!(status_of(&event(name)).is_some(), "{name}");
        }
        for name in ["platform_stopped", "platform_resumed", "doubted", "doubt_cleared", "erased"] {
            assert!(status_of(&event(name)).is_some(), "{name}");
        }
        assert_eq!(status_of(&event("sold")), None);
    }
}
