//! The key by which a second delivery of one event is known.
//!
//! Layout, version 1: the byte 1, then the parts in the order below. A part is the byte 0 when it is absent, else
//! the byte 1, its length in bytes (4 bytes, most significant first) and its bytes. Nodes of the document stand
//! as compact JSON, so that the text `"1"` and the number `1` differ; names stand as they are.
//!
//! Parts: account, sender, field, kind, id, two values (type or status and the like), time, person's WhatsApp
//! id, person's business-scoped id, and the SHA-256 of the substance: the words of a message, the error codes of a
//! status, the whole element when it has no id or was not understood. With it, two events that a careless sender
//! gave one id stay two, and a STOP among them is not lost.

use ring::digest;
use serde_json::Value;

use super::canonical;
use super::{ElementKey, Place};
use crate::content::Content;

const VERSION: u8 = 1;

/// The key of an element that was read as `content`, and whose compact JSON is `raw`.
pub(super) fn encode(
    place: Place<'_>,
    kind: &str,
    key: &ElementKey<'_>,
    content: &Content,
    raw: &[u8],
) -> Vec<u8> {
    let id = key.id.filter(|id| id.as_str().is_some_and(|id| !id.is_empty()));
    let substance = if id.is_none() { Some(raw.to_vec()) } else { substance_of(content, raw) };
    let digest = substance.map(|substance| digest::digest(&digest::SHA256, &substance));
    let [first_value, second_value] = key.values;
    let mut out = vec![VERSION];
    push_node(&mut out, place.waba_id);
    push_node(&mut out, place.phone_number_id);
    push(&mut out, Some(place.field.as_bytes()));
    push(&mut out, Some(kind.as_bytes()));
    push_node(&mut out, id);
    push_node(&mut out, first_value);
    push_node(&mut out, second_value);
    push_node(&mut out, key.timestamp);
    push_node(&mut out, key.person.wa_id);
    push_node(&mut out, key.person.user_id);
    push(&mut out, digest.as_ref().map(AsRef::as_ref));
    out
}

/// What tells apart events of one id. Parts of an element that a redelivery may write anew, such as the address of
/// a picture, are not in it.
fn substance_of(content: &Content, raw: &[u8]) -> Option<Vec<u8>> {
    let mut substance = Vec::new();
    match content {
        Content::Unknown(_) => return Some(raw.to_vec()),
        Content::Message(message) => {
            message.words.iter().for_each(|word| push(&mut substance, Some(word.expose().as_bytes())));
        }
        Content::Status(status) => {
            status.error_codes.iter().for_each(|code| push(&mut substance, Some(&code.to_be_bytes())));
        }
        Content::SentElsewhere(_)
        | Content::Preference(_)
        | Content::IdentityChange(_)
        | Content::IdentityKey(_)
        | Content::Call(_)
        | Content::Group(_)
        | Content::AddressBook(_)
        | Content::History(_)
        | Content::Conversion(_)
        | Content::Account(_)
        | Content::Business(_) => {}
    }
    (!substance.is_empty()).then_some(substance)
}

fn push_node(out: &mut Vec<u8>, node: Option<&Value>) {
    push(out, node.map(canonical::to_vec).as_deref());
}

fn push(out: &mut Vec<u8>, part: Option<&[u8]>) {
    let Some(bytes) = part else {
        out.push(0);
        return;
    };
    // A body is bounded far below 4 GiB by any limit that a machine could hold in memory.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.push(1);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}
