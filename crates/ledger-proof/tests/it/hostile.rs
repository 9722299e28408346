//! Whatever comes in: a typed error or a value that is written back as it came, and never a panic.

use std::cell::Cell;
use std::convert::Infallible;

use proptest::prelude::*;
use proptest::sample::Index;
use wzapi_ledger_proof::audit::Audit;
use wzapi_ledger_proof::canonical::{self, Value};
use wzapi_ledger_proof::checkpoint::Checkpoint;
use wzapi_ledger_proof::export::LogFiles;
use wzapi_ledger_proof::handover;
use wzapi_ledger_proof::signed_note::{SignedNote, VerifierKey};
use wzapi_ledger_proof::succession::Succession;
use wzapi_ledger_proof::tiles::{Bundle, Tile, TileHashes, TileSet, encode_bundle, parse_bundle};
use wzapi_ledger_proof::tlog_proof::TlogProof;

use crate::fixture::{Log, ORIGIN, policy, signer};

/// Bytes at random, and bytes that begin like the real thing.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let log = Log::of(7);
    let event = br#"{"a":[1,{"b":null}],"type":"ledger.key_rotated","z":"\u000f\n"}"#.to_vec();
    let handover = handover::sign(&signer(ORIGIN, 1), &signer(ORIGIN, 2), 4).unwrap().to_string();
    let real = prop::sample::select(vec![
        log.checkpoint().into_bytes(),
        log.proof(3, 7).to_string().into_bytes(),
        handover.into_bytes(),
        signer(ORIGIN, 1).verifier_key().to_string().into_bytes(),
        event,
        log.export().by_path["tile/entries/000.p/7"].clone(),
        b"tile/0/x001/x234/067.p/8".to_vec(),
    ]);
    let text = "[\\n —+ /{}\":,0-9a-zA-Z=\\\\\\x00-\\xff]{0,80}";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        text.prop_map(String::into_bytes),
        (real.clone(), real, any::<Index>(), any::<Index>()).prop_map(|(mut one, other, cut, from)| {
            one.truncate(cut.index(one.len() + 1));
            one.extend_from_slice(&other[from.index(other.len() + 1)..]);
            one
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn readers_take_anything(bytes in input()) {
        if let Ok(note) = SignedNote::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes.clone());
        }
        if let Ok(proof) = TlogProof::parse(&bytes) {
            prop_assert_eq!(proof.to_string().into_bytes(), bytes.clone());
            let _ = proof.verify(&policy());
        }
        let _ = policy().open(&bytes);
        let _ = handover::verify(&bytes, signer(ORIGIN, 1).verifier_key());
        let _ = handover::verify_event(&bytes, signer(ORIGIN, 1).verifier_key());
        let _ = Succession::verify(&bytes, "example.com/logs/other", &policy());
        if let Ok(text) = std::str::from_utf8(&bytes) {
            if let Ok(checkpoint) = Checkpoint::parse(text) {
                prop_assert_eq!(checkpoint.to_string(), text);
            }
            if let Ok(key) = text.parse::<VerifierKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
            if let Ok(tile) = text.parse::<Tile>() {
                prop_assert_eq!(tile.to_string(), text);
            }
            if let Ok(bundle) = text.parse::<Bundle>() {
                prop_assert_eq!(bundle.to_string(), text);
            }
        }
    }

    #[test]
    fn canonical_is_what_serde_json_writes_of_what_it_reads(bytes in input()) {
        // serde_json sorts keys by bytes, as RFC 8785 does for ASCII, and escapes what RFC 8785 escapes.
        let rewritten = serde_json::from_slice::<serde_json::Value>(&bytes).ok().map(|value| value.to_string());
        let is_same = rewritten.is_some_and(|text| text.as_bytes() == bytes);
        match canonical::parse(&bytes) {
            Ok(_) => prop_assert!(is_same),
            Err(_) => prop_assert!(!is_same || needs_more_than_json(&bytes)),
        }
    }

    #[test]
    fn values_of_serde_json_are_canonical(value in json()) {
        let text = value.to_string();
        let parsed = canonical::parse(text.as_bytes());
        prop_assert!(parsed.is_ok_and(|parsed| same(&parsed, &value)), "{}", text);
        // Any other layout of it is not.
        let pretty = format!("{value:#}");
        prop_assert_eq!(canonical::is_canonical(pretty.as_bytes()), pretty == text);
    }

    #[test]
    fn tiles_and_bundles_take_anything(
        level in any::<u8>(),
        index in any::<u64>(),
        width in any::<u16>(),
        size in any::<u64>(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        for (level, index, width) in [(level, index, width), (level % 8, index >> 10, width % 257)] {
            let holding = Tile::in_tree(level, index, size);
            prop_assert!(holding.is_none_or(|tile| tile.leaves_under(tile.width() - 1).end <= size));
            if let Ok(tile) = Tile::new(level, index, width) {
                prop_assert_eq!(tile.to_string().parse(), Ok(tile));
                let hashes = TileHashes::parse(tile, &bytes);
                prop_assert_eq!(hashes.is_ok(), bytes.len() == tile.byte_len());
                let _ = TileSet::new(size).insert(tile, &bytes);
            }
        }
        let bundle = Bundle::new(index >> 10, bytes.len().div_ceil(34).clamp(1, 256) as u16).unwrap();
        if let Ok(entries) = parse_bundle(bundle, &bytes) {
            prop_assert_eq!(encode_bundle(&entries), bytes);
        }
    }

    #[test]
    fn an_audit_of_nonsense_ends(
        files in prop::collection::btree_map("checkpoint|tile/(entries|0)/00[01](\\.p/[1-9])?", input(), 0..4),
        size in 0..300u64,
    ) {
        let nonsense = Nonsense { checkpoint: Log::of(3).checkpoint_at(size.min(3)), files, reads: Cell::new(0) };
        prop_assert!(size == 0 || Audit::new(&policy()).run(&nonsense, |_, _| ()).is_err());
        prop_assert!(nonsense.reads.get() < 1000);
    }
}

struct Nonsense {
    checkpoint: String,
    files: std::collections::BTreeMap<String, Vec<u8>>,
    reads: Cell<usize>,
}

impl LogFiles for Nonsense {
    type Error = Infallible;

    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Infallible> {
        self.reads.set(self.reads.get() + 1);
        if path == "checkpoint" {
            return Ok(Some(self.checkpoint.clone().into_bytes()));
        }
        Ok(self.files.get(path).map(|file| file.iter().copied().take(limit).collect()))
    }
}

/// What serde_json writes and the ledger does not: other numbers, keys that are not ASCII.
fn needs_more_than_json(bytes: &[u8]) -> bool {
    fn of(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(number) => number.as_i64().is_none_or(|n| n.abs() >= 1 << 53),
            serde_json::Value::Array(items) => items.iter().any(of),
            serde_json::Value::Object(fields) => {
                fields.iter().any(|(key, value)| !key.is_ascii() || of(value))
            }
            _ => false,
        }
    }
    serde_json::from_slice(bytes).is_ok_and(|value| of(&value))
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-((1i64 << 53) - 1)..(1 << 53)).prop_map(Into::into),
        (-20..20i64).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[\\x00-\\x7f\u{7f}\u{2028}\u{1f600}]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[ -~\\n]{0,5}", inner, 0..6)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Value::Integer(ours), serde_json::Value::Number(theirs)) => theirs.as_i64() == Some(*ours),
        (Value::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Value::Array(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), serde_json::Value::Object(theirs)) => {
            ours.fields().len() == theirs.len()
                && theirs.iter().all(|(key, value)| ours.get(key).is_some_and(|ours| same(ours, value)))
        }
        _ => false,
    }
}
