//! What happened: the states of the consent, each with who brought it about, how, when, and where that is on record.

use serde_json::{Value, json};
use wzapi_consent::recording::Notice;
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, Provenance};

use super::{CitedAct, Contents, moment, node};
use crate::vocabulary;

/// All acts in the order in which they took effect, and the ends that came by themselves.
pub(super) fn acts(contents: &Contents<'_>) -> Value {
    let mut sorted: Vec<(Timestamp, u8, Timestamp, [u8; 16], Value)> = Vec::new();
    for cited in contents.acts {
        let act = &cited.act;
        let place = act.entry.to_bytes();
        sorted.push((act.effective_at, 0, act.recorded_at, place, node_of(contents, cited)));
        // What is set aside was never given, so it does not end.
        let counts = act.act == ConsentAct::Given && act.quarantine.is_none();
        if let Some(end) = act.expires_at.filter(|end| counts && *end <= contents.now) {
            sorted.push((end, 1, act.recorded_at, place, expired(end)));
        }
    }
    sorted.sort_by_key(|(at, sort, recorded, place, _)| (*at, *sort, *recorded, *place));
    sorted.into_iter().map(|(.., node)| node).collect()
}

fn expired(end: Timestamp) -> Value {
    json!({"@type": ["dpv:ConsentExpired"], "dpv:isIndicatedAtTime": moment(end)})
}

fn node_of(contents: &Contents<'_>, cited: &CitedAct) -> Value {
    let act = &cited.act;
    let status = vocabulary::status(act);
    let mut types = vec![status];
    if status == "dpv:ConsentGiven" {
        types.push(vocabulary::consent_type(act.method));
    }
    let by = match (vocabulary::is_by_controller(act.act), act.by_guardian) {
        (true, _) => node(&format!("urn:uuid:{}", contents.subject.controller)),
        (false, true) => node("wzapi:Guardian"),
        (false, false) => node("dpv:DataSubject"),
    };
    let (purpose, channel, sender) = act.scope_words();
    let mut fields = json!({
        "@type": types,
        "dct:created": moment(act.recorded_at),
        "dpv:hasIndicationMethod": act.method.as_str(),
        "dpv:isIndicatedAtTime": moment(act.effective_at),
        "dpv:isIndicatedBy": by,
        "wzapi:act": act.act.as_str(),
        "wzapi:channel": channel,
        "wzapi:imported": act.provenance == Provenance::Imported,
        "wzapi:index": cited.index,
        "wzapi:log": cited.log,
        "wzapi:purpose": purpose,
        "wzapi:sender": sender,
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let (Some(fields), Some(value)) = (fields.as_object_mut(), value) {
            fields.insert(key.to_owned(), value);
        }
    };
    put("dpv:hasNotice", act.notice.as_ref().map(notice));
    if let Some((word, entry)) = &cited.answers {
        put(&format!("wzapi:{word}"), Some(entry.as_str().into()));
    }
    put("wzapi:expiresAt", act.expires_at.map(moment));
    put("wzapi:quarantine", act.quarantine_word().map(Value::from));
    fields
}

/// The text that the person was shown, by its hash.
fn notice(notice: &Notice) -> Value {
    let sha256: String = notice.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "@type": "dpv:ConsentNotice",
        "dct:hasVersion": notice.version,
        "dct:identifier": sha256,
        "dct:language": notice.language,
    })
}
