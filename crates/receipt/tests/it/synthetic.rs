//! Receipts from a log in memory whose every byte is known: no clock, no randomness.

use serde_json::{Value, json};
use wzapi_consent::history::PastAct;
use wzapi_consent::recording::Notice;
use wzapi_ledger::event::canonical_bytes;
use wzapi_ledger::proof::checkpoint::{Checkpoint, CheckpointPolicy};
use wzapi_ledger::proof::inclusion::InclusionProof;
use wzapi_ledger::proof::memory_tree::MemoryTree;
use wzapi_ledger::proof::receipt::{Receipt, Statement, document_hash};
use wzapi_ledger::proof::signed_note::{KeyName, Signer};
use wzapi_ledger::proof::tlog_proof::{Disclosure, TlogProof};
use wzapi_ledger::proof::{Blinding, EntryCommitment};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::ids::{ConsentEventId, ControllerId, EntryId, SubjectId};
use wzapi_model::name::PurposeId;
use wzapi_policy::Policy;
use wzapi_policy::language::Language;
use wzapi_receipt::document::{self, CitedAct, Contents};
use wzapi_receipt::{DocumentKind, Subject};
use wzapi_storage::row::Quarantine;

pub(crate) const ORIGIN: &str = "wzapi.invalid/log/7f3a1b2c-0000-4000-8000-000000000001";
pub(crate) const CONTROLLER: ControllerId = ControllerId::from_bytes([0xc1; 16]);
pub(crate) const PERSON: SubjectId = SubjectId::from_bytes([0x51; 16]);
pub(crate) const FORMER: SubjectId = SubjectId::from_bytes([0x52; 16]);
pub(crate) const NOW: &str = "2027-06-01T00:00:00Z";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn policy() -> Policy {
    wzapi_policy::parse(include_str!("../data/policy.toml"), "policy").unwrap()
}

pub(crate) fn signer(seed: u8) -> Signer {
    Signer::from_seed(KeyName::new(ORIGIN).unwrap(), &[seed; 32]).unwrap()
}

pub(crate) fn trusted() -> CheckpointPolicy {
    CheckpointPolicy::for_log(vec![signer(1).verifier_key().clone()]).unwrap()
}

/// An act of the person themselves, recorded when it happened.
pub(crate) fn act(number: u8, act: ConsentAct, method: ConsentMethod, at: &str) -> PastAct {
    PastAct {
        subject: PERSON,
        event: ConsentEventId::from_bytes([number; 16]),
        act,
        scope: ConsentScope::whatsapp(PurposeId::marketing()),
        method,
        provenance: Provenance::Direct,
        recorded_at: time(at),
        effective_at: time(at),
        expires_at: None,
        quarantine: None,
        entry: EntryId::from_bytes([number; 16]),
        notice: None,
        by_guardian: false,
    }
}

/// What a history is called, and the acts with the entry that each answers.
pub(crate) struct History {
    pub(crate) name: &'static str,
    pub(crate) acts: Vec<(PastAct, Option<(&'static str, String)>)>,
    pub(crate) former: Vec<SubjectId>,
}

fn history(name: &'static str, acts: Vec<PastAct>) -> History {
    History { name, acts: acts.into_iter().map(|act| (act, None)).collect(), former: Vec::new() }
}

fn notice() -> Notice {
    Notice { version: "3".to_owned(), sha256: [0xa7; 32], language: "hi".to_owned() }
}

pub(crate) fn histories() -> Vec<History> {
    use ConsentAct::{
        DoubtCleared, Doubted, Erased, Given, Invalidated, Objected, PlatformResumed, PlatformStopped,
        Refused, Requested, Revoked, Withdrawn,
    };
    use ConsentMethod::{Api, Import, InboundMessage, Keyword, Paper, PlatformPreference, Review, WebForm};
    let given = act(1, Given, WebForm, "2026-11-22T12:00:00Z");
    let withdrawn = PastAct {
        scope: ConsentScope::all_marketing(),
        ..act(2, Withdrawn, Keyword, "2027-01-05T09:30:00.250Z")
    };
    let shown = PastAct { notice: Some(notice()), ..given.clone() };
    let asked = act(3, Requested, Api, "2026-11-22T11:59:00Z");
    let ending = PastAct { expires_at: Some(time("2027-05-22T12:00:00Z")), ..shown.clone() };
    let lasting = PastAct { expires_at: Some(time("2028-11-22T12:00:00Z")), ..shown.clone() };
    let imported = PastAct {
        provenance: Provenance::Imported,
        recorded_at: time("2026-12-01T08:00:00Z"),
        ..act(4, Given, Import, "2024-02-29T00:00:00Z")
    };
    let weak = PastAct { quarantine: Some(Quarantine::NoEvidence), ..imported.clone() };
    let waiting = PastAct {
        quarantine: Some(Quarantine::Unconfirmed),
        expires_at: Some(time("2027-01-01T00:00:00Z")),
        ..given.clone()
    };
    let confirming = PastAct {
        method: Keyword,
        entry: EntryId::from_bytes([5; 16]),
        event: ConsentEventId::from_bytes([5; 16]),
        recorded_at: time("2026-11-22T12:05:00Z"),
        ..given.clone()
    };
    let double = History {
        acts: vec![(waiting.clone(), None), (confirming, Some(("confirms", waiting.entry.to_string())))],
        ..history("double_opt_in", Vec::new())
    };
    let doubt = act(6, Doubted, InboundMessage, "2027-02-01T10:00:00Z");
    let cleared = act(7, DoubtCleared, Review, "2027-02-01T10:00:00Z");
    let doubted = History {
        acts: vec![
            (given.clone(), None),
            (doubt.clone(), None),
            (cleared, Some(("resolves", doubt.entry.to_string()))),
        ],
        ..history("doubt_cleared", Vec::new())
    };
    let merged = History {
        former: vec![FORMER],
        ..history("merged", vec![PastAct { subject: FORMER, ..given.clone() }, withdrawn.clone()])
    };
    let stop = PastAct {
        scope: ConsentScope::whatsapp_marketing(),
        ..act(8, PlatformStopped, PlatformPreference, "2027-03-01T10:00:00Z")
    };
    let resume = PastAct {
        scope: ConsentScope::whatsapp_marketing(),
        ..act(9, PlatformResumed, PlatformPreference, "2027-03-02T10:00:00Z")
    };
    let everything = |number, what| PastAct {
        scope: ConsentScope::everything(),
        ..act(number, what, Api, "2027-04-01T10:00:00Z")
    };
    vec![
        history("given", vec![asked.clone(), lasting]),
        history("withdrawn", vec![withdrawn.clone(), shown.clone()]),
        history("expired", vec![ending]),
        history("guardian", vec![PastAct { by_guardian: true, ..shown }]),
        history("imported", vec![imported]),
        history("set_aside", vec![weak]),
        double,
        doubted,
        merged,
        history("refused", vec![asked, act(10, Refused, Paper, "2026-11-22T12:00:00Z")]),
        history("platform", vec![given.clone(), stop, resume]),
        history("revoked", vec![given.clone(), everything(11, Revoked), everything(12, Invalidated)]),
        history("erased", vec![given, everything(13, Objected), everything(14, Erased)]),
    ]
}

/// What the entry of an act says, as `docs/formats/ledger.md` has it.
pub(crate) fn event(act: &PastAct, answers: Option<&(&'static str, String)>) -> Value {
    let (purpose, channel, sender) = act.scope_words();
    let mut event = json!({
        "type": act.event_type(),
        "at": act.recorded_at.as_millis(),
        "controller": CONTROLLER.to_string(),
        "subject": act.subject.to_string(),
        "purpose": purpose,
        "channel": channel,
        "sender": sender,
        "method": act.method.as_str(),
        "imported": act.provenance == Provenance::Imported,
        "effective_at": act.effective_at.as_millis(),
        "evidence": "form 7, field \"offers\"",
    });
    let fields = event.as_object_mut().unwrap();
    if let Some(end) = act.expires_at {
        fields.insert("expires_at".to_owned(), end.as_millis().into());
    }
    if let Some(notice) = &act.notice {
        let sha256: String = notice.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = json!({"version": notice.version, "sha256": sha256, "language": notice.language});
        fields.insert("notice".to_owned(), shown);
    }
    if let Some(word) = act.quarantine_word() {
        fields.insert("quarantine".to_owned(), word.into());
    }
    if act.by_guardian {
        fields.insert("by_guardian".to_owned(), true.into());
    }
    if let Some((word, entry)) = answers {
        fields.insert((*word).to_owned(), entry.as_str().into());
    }
    event
}

/// A log of these events, among others, and proofs of theirs.
pub(crate) fn proofs_of(events: &[Value], seed: u8) -> Vec<TlogProof> {
    let mut tree = MemoryTree::new();
    let mut disclosures = Vec::new();
    tree.append(EntryCommitment::from([0xee; 32]).leaf_hash()).unwrap();
    for (number, event) in (1..).zip(events) {
        let bytes = canonical_bytes(event.as_object().unwrap()).unwrap();
        let disclosure = Disclosure::new(Blinding::from_bytes([number; 32]), bytes);
        tree.append(disclosure.commitment().leaf_hash()).unwrap();
        disclosures.push(disclosure);
    }
    tree.append(EntryCommitment::from([0xef; 32]).leaf_hash()).unwrap();
    let signer = signer(seed);
    let note = Checkpoint::new(signer.verifier_key().name(), tree.head()).sign(&[&signer]).unwrap();
    let prove = |(index, disclosure)| {
        let path = InclusionProof::build(&tree, index, tree.head().size()).unwrap();
        TlogProof::new(Some(disclosure), index, path, note.clone())
    };
    (1..).zip(disclosures).map(prove).collect()
}

pub(crate) fn document_of(history: &History, kind: DocumentKind, language: Language) -> Vec<u8> {
    let subject = Subject { controller: CONTROLLER, subject: PERSON, former: history.former.clone() };
    let cited: Vec<CitedAct> = (1..)
        .zip(&history.acts)
        .map(|(index, (act, answers))| CitedAct {
            act: act.clone(),
            log: ORIGIN.to_owned(),
            index,
            answers: answers.clone(),
        })
        .collect();
    document::build(&Contents {
        kind,
        subject: &subject,
        purpose: &PurposeId::marketing(),
        policy: &policy(),
        language,
        acts: &cited,
        now: time(NOW),
    })
    .unwrap()
}

pub(crate) fn signed(document: &[u8], proofs: Vec<TlogProof>) -> Receipt {
    let note = Statement::new(ORIGIN, document_hash(document)).sign(&[&signer(1)]).unwrap();
    Receipt::new(document, note, proofs).unwrap()
}

pub(crate) fn receipt_of(history: &History) -> Receipt {
    let events: Vec<Value> = history.acts.iter().map(|(act, answers)| event(act, answers.as_ref())).collect();
    let document = document_of(history, DocumentKind::Receipt, Language::English);
    signed(&document, proofs_of(&events, 1))
}

pub(crate) fn json_of(document: &[u8]) -> Value {
    serde_json::from_slice(document).unwrap()
}
