//! The audit of exports, whole and tampered with in every way that one can think of.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;

use wzapi_ledger_proof::EntryCommitment;
use wzapi_ledger_proof::audit::{Audit, AuditError, AuditReport, Fault};
use wzapi_ledger_proof::checkpoint::{CheckpointError, OpenedCheckpoint};
use wzapi_ledger_proof::export::LogFiles;
use wzapi_ledger_proof::tiles::{Bundle, Tile, TileError, encode_bundle};

use crate::fixture::{Files, Log, policy};

fn audit(files: &Files, older: &[OpenedCheckpoint]) -> Result<AuditReport, Fault> {
    let policy = policy();
    let audit = older.iter().fold(Audit::new(&policy), |audit, older| audit.against(older.clone()));
    audit.run(files, |_, _| ()).map_err(|error| match error {
        AuditError::Fault(fault) => fault,
        AuditError::Source { source, .. } => match source {},
    })
}

fn fault(files: &Files) -> Fault {
    audit(files, &[]).unwrap_err()
}

fn tile(path: &str) -> Tile {
    path.parse().unwrap()
}

fn bundle(path: &str) -> Bundle {
    path.parse().unwrap()
}

/// Puts another entry in its place in the bundle, and nothing else.
fn edit_entry(files: &mut Files, path: &str, place: usize) {
    files.file(path)[place * 34 + 2] ^= 0x10;
}

/// The files of `log`, but for the one named, which is that of a log that differs in entry `index`.
fn other_log(log: &Log, index: usize) -> Log {
    let mut entries = log.entries.clone();
    entries[index] = EntryCommitment::from([0xaa; 32]);
    Log::with_entries(entries)
}

#[test]
fn exports_of_every_shape_are_in_order() {
    for size in [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 700] {
        let log = Log::of(size);
        let files = log.export();
        let older: Vec<_> = [0, 1, 2, 255, 256, 300, size]
            .iter()
            .filter(|older| **older <= size)
            .map(|older| log.opened_at(*older))
            .collect();
        let report = audit(&files, &older).unwrap();
        assert_eq!(report.checkpoint.head(), log.tree.head());
        assert_eq!(report.tiles, Tile::of_tree(size).count() as u64);
        assert_eq!(report.older.len(), older.len());
        assert!(report.older.is_sorted());
        // Every file was read, and each of them once.
        let mut read: Vec<_> =
            files.read.borrow().iter().filter(|path| files.by_path.contains_key(*path)).cloned().collect();
        read.sort();
        assert_eq!(read, files.by_path.keys().cloned().collect::<Vec<_>>());
    }
}

#[test]
fn progress_tells_entries_of_the_whole() {
    let log = Log::of(600);
    let policy = policy();
    let mut seen = Vec::new();
    let _ = Audit::new(&policy).run(&log.export(), |done, size| seen.push((done, size))).unwrap();
    assert_eq!(seen, [(256, 600), (512, 600), (600, 600)]);
}

#[test]
fn an_edited_entry_is_named() {
    let log = Log::of(600);
    for (path, place, index) in [
        ("tile/entries/000", 0, 0),
        ("tile/entries/000", 255, 255),
        ("tile/entries/001", 7, 263),
        ("tile/entries/002.p/88", 87, 599),
    ] {
        let mut files = log.export();
        edit_entry(&mut files, path, place);
        assert_eq!(fault(&files), Fault::EntryAltered { index });
        // Several at once: the first.
        edit_entry(&mut files, "tile/entries/002.p/88", 3);
        edit_entry(&mut files, "tile/entries/002.p/88", 4);
        assert_eq!(fault(&files), Fault::EntryAltered { index: index.min(515) });
    }
}

#[test]
fn swapped_entries_are_named() {
    let log = Log::of(300);
    let mut files = log.export();
    let file = files.file("tile/entries/000");
    let (left, right) = file.split_at_mut(34 * 21);
    left[34 * 20..].swap_with_slice(&mut right[..34]);
    assert_eq!(fault(&files), Fault::EntryAltered { index: 20 });
}

#[test]
fn an_altered_tile_is_named_with_the_place_in_it() {
    let log = Log::of(600);
    for (path, offset) in
        [("tile/0/000", 0), ("tile/0/001", 255), ("tile/0/002.p/88", 87), ("tile/1/000.p/2", 1)]
    {
        let mut files = log.export();
        files.file(path)[usize::from(offset) * 32 + 31] ^= 1;
        assert_eq!(fault(&files), Fault::TileAltered { tile: tile(path), offset });
    }
}

#[test]
fn swapped_tiles_and_bundles_are_named() {
    let log = Log::of(600);
    let swap = |files: &mut Files, one: &str, other: &str| {
        let (first, second) = (files.by_path[one].clone(), files.by_path[other].clone());
        files.put(one, second);
        files.put(other, first);
    };
    let mut files = log.export();
    swap(&mut files, "tile/0/000", "tile/0/001");
    assert_eq!(fault(&files), Fault::TileAltered { tile: tile("tile/0/000"), offset: 0 });
    let mut files = log.export();
    swap(&mut files, "tile/entries/000", "tile/entries/001");
    assert_eq!(fault(&files), Fault::EntryAltered { index: 0 });
    swap(&mut files, "tile/0/000", "tile/0/001");
    assert_eq!(fault(&files), Fault::EntriesReplaced { first: 0, last: 255 });
}

#[test]
fn entries_replaced_with_the_tiles_under_a_genuine_one_are_located() {
    let log = Log::of(600);
    let other = other_log(&log, 300);
    let mut files = log.export();
    for path in ["tile/entries/001", "tile/0/001"] {
        files.put(path, other.export().by_path[path].clone());
    }
    assert_eq!(fault(&files), Fault::EntriesReplaced { first: 256, last: 511 });
    files.put("tile/1/000.p/2", other.export().by_path["tile/1/000.p/2"].clone());
    assert_eq!(fault(&files), Fault::RootMismatch { size: 600 });
}

#[test]
fn deep_logs_are_audited_at_every_level() {
    let log = Log::of(66_000);
    let mut files = log.export();
    assert!(files.by_path.contains_key("tile/2/000.p/1"));
    assert_eq!(audit(&files, &[log.opened_at(65_537)]).unwrap().tiles, 258 + 2 + 1);
    files.file("tile/2/000.p/1")[0] ^= 1;
    assert_eq!(fault(&files), Fault::TileAltered { tile: tile("tile/2/000.p/1"), offset: 0 });
    files.file("tile/2/000.p/1")[0] ^= 1;
    files.file("tile/1/000")[32 * 77] ^= 1;
    assert_eq!(fault(&files), Fault::TileAltered { tile: tile("tile/1/000"), offset: 77 });
    files.file("tile/1/000")[32 * 77] ^= 1;
    edit_entry(&mut files, "tile/entries/200", 9);
    assert_eq!(fault(&files), Fault::EntryAltered { index: 200 * 256 + 9 });
}

#[test]
fn two_things_altered_at_once_contradict_each_other() {
    let log = Log::of(600);
    let mut files = log.export();
    edit_entry(&mut files, "tile/entries/000", 5);
    files.file("tile/0/000")[0] ^= 1;
    assert_eq!(fault(&files), Fault::Contradiction { tile: tile("tile/0/000"), offset: 0 });
}

#[test]
fn missing_files_are_named() {
    let log = Log::of(600);
    for path in log.export().by_path.keys() {
        let mut files = log.export();
        files.by_path.remove(path);
        let expected = match path.as_str() {
            "checkpoint" => Fault::CheckpointMissing,
            path if path.contains("entries") => Fault::BundleMissing { bundle: bundle(path) },
            path => Fault::TileMissing { tile: tile(path) },
        };
        assert_eq!(fault(&files), expected);
        assert_eq!(expected.path().as_ref(), Some(path));
    }
    assert_eq!(fault(&Files::default()), Fault::CheckpointMissing);
}

#[test]
fn cut_and_lengthened_files_are_named() {
    let log = Log::of(600);
    for (path, file) in &log.export().by_path {
        for length in
            [0, 1, file.len() - 1, file.len() - 32, file.len() - 34, file.len() + 1, file.len() + 34]
        {
            let mut files = log.export();
            files.file(path).resize(length, 0);
            match fault(&files) {
                Fault::CheckpointRefused(CheckpointError::Note(_)) => assert_eq!(path, "checkpoint"),
                Fault::BundleMalformed { bundle, source: TileError::WrongBundleLength { expected, .. } } => {
                    assert_eq!((bundle.to_string(), expected), (path.clone(), file.len()));
                }
                Fault::TileMalformed { tile, source: TileError::WrongTileLength { expected, .. } } => {
                    assert_eq!((tile.to_string(), expected), (path.clone(), file.len()));
                }
                other => panic!("{path} of {length}: {other}"),
            }
        }
    }
    let mut files = log.export();
    files.file("tile/entries/001")[34 * 3 + 1] = 31;
    let source = TileError::WrongEntryLength { index: 259, length: 31 };
    assert_eq!(fault(&files), Fault::BundleMalformed { bundle: bundle("tile/entries/001"), source });
}

#[test]
fn checkpoint_of_another_size_or_log_is_found() {
    let log = Log::of(600);
    let mut files = log.export();
    files.put("checkpoint", other_log(&log, 3).checkpoint().into_bytes());
    assert_eq!(fault(&files), Fault::RootMismatch { size: 600 });
    // An older checkpoint put back, so that the last entries seem never to have been.
    for (size, beyond) in [
        (599, "tile/entries/002.p/88"),
        (513, "tile/entries/002.p/88"),
        (512, "tile/entries/002.p/88"),
        (300, "tile/entries/001"),
    ] {
        let mut files = Log::of(size).export();
        let newer = log.export();
        files.by_path.extend(newer.by_path);
        files.put("checkpoint", log.checkpoint_at(size).into_bytes());
        assert_eq!(fault(&files), Fault::LongerThanCheckpoint { bundle: bundle(beyond) }, "{size}");
    }
    let mut files = log.export();
    files.put("checkpoint", log.checkpoint_at(599).into_bytes());
    let beyond = Fault::LongerThanCheckpoint { bundle: bundle("tile/entries/002.p/88") };
    assert_eq!(fault(&files), beyond, "though its own partial files are gone");
    // A newer checkpoint than files.
    let mut files = log.export();
    files.put("checkpoint", Log::of(601).checkpoint().into_bytes());
    assert_eq!(fault(&files), Fault::BundleMissing { bundle: bundle("tile/entries/002.p/89") });
}

#[test]
fn a_log_may_be_audited_while_it_grows() {
    let log = Log::of(1000);
    let policy = policy();
    for size in [0, 1, 255, 256, 257, 600, 768, 999] {
        let mut files = log.export();
        files.put("checkpoint", log.checkpoint_at(size).into_bytes());
        let report = Audit::new(&policy).of_growing_log().run(&files, |_, _| ()).unwrap();
        assert_eq!(report.checkpoint.head(), log.tree.head_at(size).unwrap());
        if size > 0 {
            edit_entry(&mut files, "tile/entries/000", 0);
            let found = Audit::new(&policy).of_growing_log().run(&files, |_, _| ()).unwrap_err();
            assert!(matches!(found, AuditError::Fault(Fault::EntryAltered { index: 0 })), "{size}: {found}");
        }
    }
}

#[test]
fn a_rewritten_history_contradicts_an_older_checkpoint() {
    let log = Log::of(600);
    let rewritten = other_log(&log, 300);
    let files = rewritten.export();
    assert!(audit(&files, &[]).is_ok(), "it is signed, and in itself in order");
    assert!(audit(&files, &[log.opened_at(300)]).is_ok(), "the entry came later");
    for older in [301, 512, 599, 600] {
        assert_eq!(audit(&files, &[log.opened_at(older)]).unwrap_err(), Fault::OlderContradicts { older });
    }
    let several = [log.opened_at(600), log.opened_at(400), log.opened_at(100)];
    assert_eq!(audit(&files, &several).unwrap_err(), Fault::OlderContradicts { older: 400 }, "the oldest");
    // Files that do not even fit their own checkpoint are that, first.
    let mut files = rewritten.export();
    files.put("checkpoint", log.checkpoint().into_bytes());
    assert_eq!(audit(&files, &[log.opened_at(400)]).unwrap_err(), Fault::RootMismatch { size: 600 });
}

#[test]
fn a_log_that_shrank_is_found_without_reading_it() {
    let log = Log::of(300);
    let longer = Log::of(301);
    let files = log.export();
    let found = audit(&files, &[longer.opened_at(301)]).unwrap_err();
    assert_eq!(found, Fault::ShorterThanOlder { size: 300, older: 301 });
    assert_eq!(*files.read.borrow(), ["checkpoint"]);
}

/// A source that breaks at one path.
struct Broken {
    files: BTreeMap<String, Vec<u8>>,
    at: &'static str,
    largest: Cell<usize>,
}

impl LogFiles for Broken {
    type Error = io::Error;

    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        self.largest.set(self.largest.get().max(limit));
        if path == self.at {
            return Err(io::Error::other("the disk is on fire"));
        }
        Ok(self.files.get(path).map(|file| file.iter().copied().take(limit).collect()))
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_fault_of_the_log() {
    let policy = policy();
    for at in ["checkpoint", "tile/entries/001", "tile/0/001", "tile/1/000.p/2"] {
        let files = Broken { files: Log::of(600).export().by_path, at, largest: Cell::new(0) };
        let error = Audit::new(&policy).run(&files, |_, _| ()).unwrap_err();
        assert!(matches!(&error, AuditError::Source { path, .. } if path == at), "{error}");
        assert!(files.largest.get() <= (1 << 20) + 1, "no more is asked for than a file can hold");
    }
}

#[test]
fn faults_have_names_for_programs() {
    let log = Log::of(3);
    let mut files = log.export();
    edit_entry(&mut files, "tile/entries/000.p/3", 1);
    let found = fault(&files);
    assert_eq!((found.kind(), found.path()), ("entry_altered", None));
    assert_eq!(found.to_string(), "entry 1 is not the one that the checkpoint covers");
    assert_eq!(encode_bundle(&log.entries).len(), 102);
}
