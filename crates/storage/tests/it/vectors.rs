//! Keys and bodies as they were encoded once: a store that was written then must be readable now.
//!
//! `vectors/rows.json` is written anew by running this test with `WZAPI_WRITE_VECTORS=1`. That is right when a
//! kind of row is new, and when a body version is new (then the old entries stay beside the new ones); in any
//! other case a difference is a change of the stored format.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ChannelScope, ConsentAct, ConsentMethod, Provenance, PurposeScope, SenderScope};
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{ControllerId, EntryId, SenderId, SubjectId};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;
use wzapi_storage::Owner;
use wzapi_storage::codec::{decode_body, decode_key, encode_body, encode_key};
use wzapi_storage::key::{Cohort, RowKind};
use wzapi_storage::row::{
    AgeBand, EntryBody, EpochStage, ErasureStage, PlaceAnswer, Quarantine, Sealed, SendingStep,
    WrappingKeyFate,
};
use wzapi_storage_testkit::sample;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/rows.json");
const CONTROLLER: ControllerId = ControllerId::from_bytes([0xc0; 16]);

/// The smallest sample of each kind, and one that fills most of its fields.
const SEEDS: [u64; 2] = [0, 23];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

fn write_vectors() {
    let entries: Vec<Value> = RowKind::ALL
        .iter()
        .flat_map(|kind| SEEDS.map(|seed| sample::record(*kind, seed)))
        .map(|record| {
            json!({
                "kind": record.key.kind().as_str(),
                "key": hex(&encode_key(CONTROLLER, &record.key)),
                "body": hex(&encode_body(&record.body).unwrap()),
                "reads_as": format!("{:?} {:?}", record.key, record.body),
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&entries).unwrap();
    std::fs::write(PATH, text + "\n").unwrap();
}

#[test]
fn what_was_encoded_once_still_reads_and_is_still_encoded_so() {
    if std::env::var_os("WZAPI_WRITE_VECTORS").is_some() {
        write_vectors();
    }
    let entries: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    let mut kinds = BTreeSet::new();
    for entry in &entries {
        let (key, body) = (unhex(&entry["key"]), unhex(&entry["body"]));
        let (controller, decoded) = decode_key(&key).unwrap();
        let kind = decoded.kind();
        assert_eq!(entry["kind"], kind.as_str());
        assert_eq!(controller, CONTROLLER);
        assert_eq!(encode_key(controller, &decoded), key, "{kind}: the key is encoded in another way");
        let row = decode_body(kind, &body).unwrap();
        assert_eq!(encode_body(&row).unwrap(), body, "{kind}: the body is encoded in another way");
        // The fields as well: two of one type could have changed places.
        assert_eq!(entry["reads_as"], format!("{decoded:?} {row:?}"), "{kind}: fields read otherwise");
        kinds.insert(kind);
    }
    assert_eq!(kinds, RowKind::ALL.iter().copied().collect(), "a kind has no vector");
}

/// The numbers by which stored enumerations are encoded, in order; `docs/formats/rows.md` lists them.
#[test]
fn stored_enumerations_keep_their_numbers() {
    fn number<T: serde::Serialize>(value: &T) -> u8 {
        postcard::to_allocvec(value).unwrap()[0]
    }
    fn check<T: serde::Serialize + std::fmt::Debug>(values: &[T], names: &[&str]) {
        let found: Vec<_> = values.iter().map(|value| (number(value), format!("{value:?}"))).collect();
        let expected: Vec<_> = (0..).zip(names.iter().map(|name| (*name).to_owned())).collect();
        assert_eq!(found, expected);
    }
    let acts = ["Requested", "Given", "Refused", "Withdrawn", "Objected", "Revoked", "Invalidated"];
    check(
        &ConsentAct::ALL,
        &[&acts[..], &["PlatformStopped", "PlatformResumed", "Doubted", "DoubtCleared", "Erased"]].concat(),
    );
    let methods = ["WebForm", "ClickToChat", "InboundMessage", "Keyword", "Paper", "Verbal", "Import", "Api"];
    check(
        &ConsentMethod::ALL,
        &[&methods[..], &["PlatformPreference", "PlatformError", "Block", "Review"]].concat(),
    );
    check(&[Provenance::Direct, Provenance::Imported], &["Direct", "Imported"]);
    check(&[Channel::WhatsApp, Channel::Email, Channel::Voice], &["WhatsApp", "Email", "Voice"]);
    check(&MessageCategory::ALL, &["Marketing", "Utility", "Authentication", "Service"]);
    check(
        &[IdentifierKind::Phone, IdentifierKind::Bsuid, IdentifierKind::Email],
        &["Phone", "Bsuid", "Email"],
    );
    let quarantines = [
        Quarantine::FutureDated,
        Quarantine::NoEvidence,
        Quarantine::WeakEvidence,
        Quarantine::NoNotice,
        Quarantine::Unconfirmed,
        Quarantine::NoGuardian,
    ];
    let names = ["FutureDated", "NoEvidence", "WeakEvidence", "NoNotice", "Unconfirmed", "NoGuardian"];
    check(&quarantines, &names);
    check(&[AgeBand::Adult, AgeBand::Child], &["Adult", "Child"]);
    let steps = [SendingStep::Sent, SendingStep::Delivered, SendingStep::Read, SendingStep::Failed];
    check(&steps, &["Sent", "Delivered", "Read", "Failed"]);
    let stages = [ErasureStage::Removing, ErasureStage::Outside, ErasureStage::Closed];
    check(&stages, &["Removing", "Outside", "Closed"]);
    let answers =
        [PlaceAnswer::Pending, PlaceAnswer::Deleted, PlaceAnswer::NothingHeld, PlaceAnswer::Notified];
    check(&answers, &["Pending", "Deleted", "NothingHeld", "Notified"]);
    let stages = [EpochStage::Complete, EpochStage::Rewrapping, EpochStage::Destroying];
    check(&stages, &["Complete", "Rewrapping", "Destroying"]);
    let fates = [
        WrappingKeyFate::Live,
        WrappingKeyFate::PendingUntil(Timestamp::EPOCH),
        WrappingKeyFate::DestroyedAt(Timestamp::EPOCH),
    ];
    assert_eq!(fates.map(|fate| number(&fate)), [0, 1, 2]);
    let kept = EntryBody::Kept(Sealed { cohort: Cohort(1), envelope: Vec::new() });
    let erased = EntryBody::Erased { certificate: EntryId::from_bytes([1; 16]) };
    assert_eq!([kept, erased].map(|body| number(&body)), [0, 1]);

    let purpose = PurposeScope::One(PurposeId::marketing());
    assert_eq!([PurposeScope::All, PurposeScope::Marketing, purpose].map(|scope| number(&scope)), [0, 1, 2]);
    let channel = ChannelScope::One(Channel::Email);
    assert_eq!([ChannelScope::All, channel].map(|scope| number(&scope)), [0, 1]);
    let sender = SenderScope::One(SenderId::from_bytes([1; 16]));
    assert_eq!([SenderScope::All, sender].map(|scope| number(&scope)), [0, 1]);
    let subject = Owner::Subject(SubjectId::from_bytes([1; 16]));
    assert_eq!([Owner::Controller, subject].map(|owner| number(&owner)), [0, 1]);
}
