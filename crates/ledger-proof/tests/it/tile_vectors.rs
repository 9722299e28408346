//! `vectors/tiles.json`: paths, and a log of 260 entries as files, whole and altered.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wzapi_ledger_proof::Hash;
use wzapi_ledger_proof::audit::{Audit, AuditError};
use wzapi_ledger_proof::checkpoint::CheckpointPolicy;
use wzapi_ledger_proof::tiles::{Bundle, Tile};

use crate::by_hand::{Key, base64, note, unbase64};
use crate::fixture::Files;
use crate::reference;
use crate::vector_file::{self, list, text};

const ORIGIN: &str = "example.com/log";
const ENTRIES: u64 = 260;

fn file() -> Value {
    vector_file::read("tiles.json", &written())
}

#[test]
fn paths_are_those_of_the_file() {
    for case in list(&file(), "paths") {
        let path = text(&case["path"]);
        let read = match (path.parse::<Tile>(), path.parse::<Bundle>()) {
            (Ok(tile), _) => json!({ "level": tile.level(), "index": tile.index(), "width": tile.width() }),
            (_, Ok(bundle)) => {
                json!({ "level": "entries", "index": bundle.index(), "width": bundle.width() })
            }
            _ => Value::Null,
        };
        assert_eq!(read, case["reads_as"], "{path}");
    }
}

#[test]
fn tiles_of_a_tree_are_those_of_the_file() {
    for case in list(&file(), "trees") {
        let size = case["size"].as_u64().unwrap();
        let partial = Tile::of_tree(size).filter(|tile| !tile.is_full()).map(|tile| tile.to_string());
        assert_eq!(json!(partial.collect::<Vec<_>>()), case["partial"]);
        for (level, full) in (0..).zip(list(case, "full")) {
            let count = Tile::of_tree(size).filter(|tile| tile.level() == level && tile.is_full()).count();
            assert_eq!(json!(count), *full);
        }
    }
}

#[test]
fn verdicts_on_exports_are_those_of_the_file() {
    let file = file();
    let policy = CheckpointPolicy::for_log(vec![text(&file["log_key"]).parse().unwrap()]).unwrap();
    let files: BTreeMap<String, Vec<u8>> = file["files"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, file)| (path.clone(), unbase64(text(file))))
        .collect();
    for case in list(&file, "exports") {
        let mut export = Files { by_path: files.clone(), ..Files::default() };
        if let Some(changes) = case["changes"].as_object() {
            for (path, change) in changes {
                apply(&mut export, path, change, &files);
            }
        }
        let found = match Audit::new(&policy).run(&export, |_, _| ()) {
            Ok(_) => json!(["accepted", "in order"]),
            Err(AuditError::Fault(fault)) => json!([fault.kind(), fault.to_string()]),
            Err(AuditError::Source { source, .. }) => match source {},
        };
        assert_eq!(found, json!([case["expect"], case["message"]]), "{}", case["name"]);
    }
}

fn apply(export: &mut Files, path: &str, change: &Value, files: &BTreeMap<String, Vec<u8>>) {
    if let Some(place) = change["flip_byte"].as_u64() {
        export.file(path)[place as usize] ^= 0xff;
    } else if let Some(length) = change["cut_to"].as_u64() {
        export.file(path).truncate(length as usize);
    } else if let Some(from) = change["copy_of"].as_str() {
        export.put(path, files[from].clone());
    } else {
        export.by_path.remove(path);
    }
}

fn written() -> Value {
    let key = Key::log(ORIGIN, 1);
    let entries: Vec<[u8; 32]> = (0..ENTRIES).map(entry).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
    let bundle = |entries: &[[u8; 32]]| {
        base64(&entries.iter().flat_map(|entry| [&[0, 32], entry.as_slice()].concat()).collect::<Vec<_>>())
    };
    let tile = |hashes: &[Hash]| base64(&hashes.iter().flat_map(Hash::as_bytes).copied().collect::<Vec<_>>());
    let body = format!("{ORIGIN}\n{ENTRIES}\n{}\n", base64(reference::root(&leaves).as_bytes()));
    json!({
        "about": [
            "Static logs (C2SP tlog-tiles) with entries of 32 bytes.",
            "paths: what each is read as, or null. trees: the partial tiles, and how many full ones by level.",
            "files: an export of 260 entries, in Base64; entry n is SHA-256 of 'entry n'. The log's seed is 32 times the byte 1.",
            "exports: changes to these files (a byte turned over, a file cut, copied or removed) and what the audit says.",
        ],
        "log_key": key.vkey(),
        "paths": paths(),
        "trees": [
            { "size": 0, "partial": [], "full": [0] },
            { "size": 1, "partial": ["tile/0/000.p/1"], "full": [0] },
            { "size": 256, "partial": ["tile/1/000.p/1"], "full": [1, 0] },
            {
                "size": 70_000, "partial": ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"],
                "full": [273, 1, 0],
            },
        ],
        "files": {
            "checkpoint": base64(note(&body, &[key.line(&body)]).as_bytes()),
            "tile/0/000": tile(&leaves[..256]),
            "tile/0/001.p/4": tile(&leaves[256..]),
            "tile/1/000.p/1": tile(&[reference::root(&leaves[..256])]),
            "tile/entries/000": bundle(&entries[..256]),
            "tile/entries/001.p/4": bundle(&entries[256..]),
        },
        "exports": exports(),
    })
}

fn entry(n: u64) -> [u8; 32] {
    let hash = ring::digest::digest(&ring::digest::SHA256, format!("entry {n}").as_bytes());
    hash.as_ref().try_into().unwrap()
}

fn paths() -> Vec<Value> {
    let good = [
        ("tile/0/000", json!(0), 0u64, 256),
        ("tile/0/000.p/1", json!(0), 0, 1),
        ("tile/5/999.p/255", json!(5), 999, 255),
        ("tile/1/x001/000", json!(1), 1000, 256),
        ("tile/0/x001/x234/067", json!(0), 1_234_067, 256),
        ("tile/entries/x001/x234/067.p/8", json!("entries"), 1_234_067, 8),
    ];
    let good = good.into_iter().map(|(path, level, index, width)| {
        json!({ "path": path, "reads_as": { "level": level, "index": index, "width": width } })
    });
    let bad = [
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/000/001",
        "tile/00/000",
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p",
        "tile/entries/../0/000",
        "/tile/0/000",
        "tile/data/000",
        "checkpoint",
    ];
    good.chain(bad.map(|path| json!({ "path": path, "reads_as": null }))).collect()
}

fn exports() -> Value {
    json!([
        { "name": "as it is", "changes": {}, "expect": "accepted", "message": "in order" },
        {
            "name": "an entry edited", "changes": { "tile/entries/000": { "flip_byte": 345 } },
            "expect": "entry_altered", "message": "entry 10 is not the one that the checkpoint covers",
        },
        {
            "name": "the last entry edited", "changes": { "tile/entries/001.p/4": { "flip_byte": 135 } },
            "expect": "entry_altered", "message": "entry 259 is not the one that the checkpoint covers",
        },
        {
            "name": "a hash edited", "changes": { "tile/0/000": { "flip_byte": 64 } },
            "expect": "tile_altered", "message": "tile/0/000 is altered at hash 2",
        },
        {
            "name": "a hash above edited", "changes": { "tile/1/000.p/1": { "flip_byte": 31 } },
            "expect": "tile_altered", "message": "tile/1/000.p/1 is altered at hash 0",
        },
        {
            "name": "a hash and its entry edited",
            "changes": { "tile/0/000": { "flip_byte": 64 }, "tile/entries/000": { "flip_byte": 75 } },
            "expect": "contradiction",
            "message": "tile/0/000 and the entries under it contradict each other from hash 2 on",
        },
        {
            "name": "the length of an entry edited", "changes": { "tile/entries/000": { "flip_byte": 35 } },
            "expect": "bundle_malformed", "message": "tile/entries/000 is malformed",
        },
        {
            "name": "a tile cut", "changes": { "tile/0/001.p/4": { "cut_to": 96 } },
            "expect": "tile_malformed", "message": "tile/0/001.p/4 is malformed",
        },
        {
            "name": "a bundle cut", "changes": { "tile/entries/001.p/4": { "cut_to": 102 } },
            "expect": "bundle_malformed", "message": "tile/entries/001.p/4 is malformed",
        },
        {
            "name": "a tile removed", "changes": { "tile/1/000.p/1": {} },
            "expect": "tile_missing", "message": "tile/1/000.p/1 is missing",
        },
        {
            "name": "a bundle removed", "changes": { "tile/entries/000": {} },
            "expect": "bundle_missing", "message": "tile/entries/000 is missing",
        },
        {
            "name": "the checkpoint removed", "changes": { "checkpoint": {} },
            "expect": "checkpoint_missing", "message": "the checkpoint is missing",
        },
        {
            "name": "the checkpoint edited", "changes": { "checkpoint": { "flip_byte": 20 } },
            "expect": "checkpoint_refused", "message": "the checkpoint was refused",
        },
        {
            "name": "more entries than the checkpoint has",
            "changes": { "tile/entries/001.p/9": { "copy_of": "tile/entries/001.p/4" } },
            "expect": "longer_than_checkpoint",
            "message": "the log goes on beyond its checkpoint: it has tile/entries/001.p/9",
        },
    ])
}
