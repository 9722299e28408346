//! The journal in a file: what it keeps, and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use wzapi_ledger::journal::{FileJournal, Journal, JournalError, JournalFact, JournalRecord};
use wzapi_ledger::proof::Hash;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, LogId};
use wzapi_model::system::SystemEntropy;

use crate::doubles::MemoryJournal;

/// The environment variable that tells a child process which journal to append to.
const CHILD: &str = "WZAPI_TEST_JOURNAL";
const HEADER: &str = r#"{"format":"wzapi-journal","version":1,"id":"000102030405060708090a0b0c0d0e0f"}"#;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    (folder, path)
}

fn open(path: &Path) -> Result<FileJournal, JournalError> {
    FileJournal::open_or_create(path, &SystemEntropy::new())
}

fn record(number: u64) -> JournalRecord {
    let note = format!("wzapi.invalid/log/x\n{number}\n\n\u{2014} a signature\n");
    JournalRecord {
        controller: ControllerId::from_bytes([0x11; 16]),
        at: Timestamp::EPOCH,
        fact: JournalFact::Checkpoint { shard: 3, log: LogId::from_bytes([0x22; 16]), size: number, note },
    }
}

fn number(record: &JournalRecord) -> u64 {
    let JournalFact::Checkpoint { size, .. } = record.fact;
    size
}

/// Writes a journal as `docs/formats/journal.md` says, without the library's own writer.
fn written(records: &[String]) -> String {
    let mut chain = Hash::leaf(HEADER.as_bytes());
    let mut text = format!("{HEADER}\n");
    for record in records {
        chain = Hash::node(&chain, &Hash::leaf(record.as_bytes()));
        text += &format!("{chain} {record}\n");
    }
    text
}

fn json(number: u64) -> String {
    serde_json::to_string(&record(number)).unwrap()
}

async fn all(journal: &dyn Journal) -> Vec<u64> {
    journal.read(0, usize::MAX).await.unwrap().iter().map(number).collect()
}

#[tokio::test]
async fn what_was_appended_is_read_again_in_order() {
    let (_folder, path) = place();
    let journal = open(&path).unwrap();
    assert_eq!((journal.len().await.unwrap(), all(&journal).await), (0, Vec::new()));
    for number in 0..5 {
        journal.append(&record(number)).await.unwrap();
        assert_eq!(journal.len().await.unwrap(), number + 1);
    }
    assert_eq!(journal.read(0, 9).await.unwrap(), (0..5).map(record).collect::<Vec<_>>());
    let reopened = open(&path).unwrap();
    assert_eq!(all(&reopened).await, [0, 1, 2, 3, 4]);
    assert_eq!(reopened.id().await.unwrap(), journal.id().await.unwrap());
    assert_eq!(reopened.path(), path);
}

#[tokio::test]
async fn another_journal_has_another_id() {
    let (folder, path) = place();
    let first = open(&path).unwrap().id().await.unwrap();
    let second = open(&folder.path().join("other")).unwrap().id().await.unwrap();
    assert_ne!(first, second);
    fs::remove_file(&path).unwrap();
    assert_ne!(open(&path).unwrap().id().await.unwrap(), first, "and so has an empty one in its place");
}

#[tokio::test]
async fn the_format_is_as_it_is_written_down() {
    let (_folder, path) = place();
    fs::write(&path, written(&(0..3).map(json).collect::<Vec<_>>())).unwrap();
    let journal = open(&path).unwrap();
    assert_eq!(journal.id().await.unwrap(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(all(&journal).await, [0, 1, 2]);
    journal.append(&record(3)).await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, written(&(0..4).map(json).collect::<Vec<_>>()));
}

#[tokio::test]
async fn records_are_read_from_any_position() {
    let (_folder, path) = place();
    fs::write(&path, written(&(0..2500).map(json).collect::<Vec<_>>())).unwrap();
    let journal = open(&path).unwrap();
    assert_eq!(journal.len().await.unwrap(), 2500);
    for from in [0, 1, 1022, 1023, 1024, 1025, 2047, 2048, 2049, 2498, 2499] {
        for limit in [0, 1, 2, 1024, 5000] {
            let read: Vec<u64> = journal.read(from, limit).await.unwrap().iter().map(number).collect();
            let expected: Vec<u64> = (from..2500).take(limit).collect();
            assert_eq!(read, expected, "{limit} from {from}");
        }
    }
    for from in [2500, 2501, u64::MAX] {
        assert_eq!(journal.read(from, 10).await.unwrap(), []);
    }
    for number in 2500..2503 {
        journal.append(&record(number)).await.unwrap();
    }
    assert_eq!(
        journal.read(2499, 9).await.unwrap().iter().map(number).collect::<Vec<_>>(),
        [2499, 2500, 2501, 2502]
    );
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = place();
    let _journal = open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn the_largest_checkpoint_of_each_log_is_known() {
    let (_folder, path) = place();
    let of = |log: u8, size: u64, text: &str| {
        let fact = JournalFact::Checkpoint {
            shard: 0,
            log: LogId::from_bytes([log; 16]),
            size,
            note: text.to_owned(),
        };
        JournalRecord { fact, ..record(0) }
    };
    let journal = open(&path).unwrap();
    let beside = open(&path).unwrap();
    for (log, size, text) in [(1, 5, "a"), (2, 9, "b"), (1, 7, "c"), (1, 6, "d"), (2, 9, "e"), (3, 0, "f")] {
        journal.append(&of(log, size, text)).await.unwrap();
    }
    let memory = MemoryJournal::new();
    for record in journal.read(0, 99).await.unwrap() {
        memory.append(&record).await.unwrap();
    }
    let reopened = open(&path).unwrap();
    let all: [&dyn Journal; 4] = [&journal, &beside, &reopened, memory.as_ref()];
    for journal in all {
        let last = async |log: u8| {
            let last = journal.last_checkpoint(LogId::from_bytes([log; 16])).await.unwrap();
            last.map(|last| (last.size, last.note))
        };
        assert_eq!(last(1).await, Some((7, "c".to_owned())));
        assert_eq!(last(2).await, Some((9, "b".to_owned())), "the first of one size");
        assert_eq!(last(3).await, Some((0, "f".to_owned())));
        assert_eq!(last(4).await, None);
    }
}

#[tokio::test]
async fn what_a_crash_left_of_an_append_is_cut_off() {
    let whole = written(&(0..3).map(json).collect::<Vec<_>>());
    let longer = written(&(0..4).map(json).collect::<Vec<_>>());
    for cut in whole.len()..longer.len() {
        if cut % 17 != 0 && cut + 3 < longer.len() && cut > whole.len() + 3 {
            continue;
        }
        let (_folder, path) = place();
        fs::write(&path, &longer.as_bytes()[..cut]).unwrap();
        let journal = open(&path).unwrap();
        assert_eq!(all(&journal).await, [0, 1, 2], "cut at {cut}");
        journal.append(&record(9)).await.unwrap();
        assert_eq!(all(&journal).await, [0, 1, 2, 9], "cut at {cut}");
        assert_eq!(all(&open(&path).unwrap()).await, [0, 1, 2, 9], "cut at {cut}");
    }
}

#[tokio::test]
async fn what_a_crash_left_of_a_header_is_written_anew() {
    for cut in 0..=HEADER.len() {
        let (_folder, path) = place();
        fs::write(&path, &HEADER.as_bytes()[..cut]).unwrap();
        let journal = open(&path).unwrap();
        journal.append(&record(1)).await.unwrap();
        assert_eq!(all(&open(&path).unwrap()).await, [1], "cut at {cut}");
    }
}

#[tokio::test]
async fn every_altered_byte_is_noticed() {
    let (_folder, path) = place();
    let sound = written(&(0..3).map(json).collect::<Vec<_>>()).into_bytes();
    let lines: Vec<usize> =
        sound.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(position, _)| position).collect();
    for position in 0..sound.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut altered = sound.clone();
            altered[position] ^= bit;
            fs::write(&path, &altered).unwrap();
            let outcome = open(&path);
            let is_end = position == sound.len() - 1;
            match outcome {
                // Without its end, the last line is what a crash left.
                Ok(journal) if is_end => assert_eq!(all(&journal).await, [0, 1]),
                // The id may be any; that it is another one is for the store to notice. The chain begins with it.
                Ok(_) => panic!("byte {position} bit {bit:#x} is not noticed"),
                Err(JournalError::Format) => assert!(position <= lines[0], "byte {position}"),
                Err(JournalError::Damaged { position: record }) => {
                    let line = lines.iter().filter(|end| **end < position).count();
                    let expected = line.saturating_sub(1) as u64;
                    assert!(record <= expected, "byte {position} in line {line}: record {record}");
                    assert!(record + 1 >= expected, "byte {position} in line {line}: record {record}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test]
async fn lines_that_are_taken_out_moved_or_doubled_are_noticed() {
    let (_folder, path) = place();
    let sound = written(&(0..5).map(json).collect::<Vec<_>>());
    let lines: Vec<&str> = sound.lines().collect();
    let damaged = |order: &[usize]| {
        let text: String = order.iter().map(|line| format!("{}\n", lines[*line])).collect();
        fs::write(&path, text).unwrap();
        match open(&path) {
            Err(JournalError::Damaged { position }) => Some(position),
            Ok(_) => None,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(damaged(&[0, 1, 2, 3, 4, 5]), None);
    assert_eq!(damaged(&[0, 2, 3, 4, 5]), Some(0));
    assert_eq!(damaged(&[0, 1, 2, 4, 5]), Some(2));
    assert_eq!(damaged(&[0, 1, 3, 2, 4, 5]), Some(1));
    assert_eq!(damaged(&[0, 1, 2, 3, 3, 4, 5]), Some(3));
    assert_eq!(damaged(&[0, 1, 2, 3]), None, "whole lines at the end: the store knows how many there were");
}

#[tokio::test]
async fn hostile_files_are_refused_in_bounded_memory() {
    let huge = "x".repeat(300 * 1024);
    let line = |text: &str| written(&[text.to_owned()]);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for (name, text, is_format) in [
        ("no journal", "not a journal\n".to_owned(), true),
        ("no journal, and no line", "not a journal".to_owned(), true),
        ("another format", HEADER.replace("wzapi-journal", "other") + "\n", true),
        ("a newer version", HEADER.replace("\"version\":1", "\"version\":2") + "\n", true),
        ("a short id", HEADER.replace("0e0f", "0e") + "\n", true),
        ("an id in capitals", HEADER.replace("0e0f", "0E0F") + "\n", true),
        ("an endless header", huge.clone(), true),
        ("an endless header that begins well", format!("{}{huge}", &HEADER[..40]), true),
        ("an endless line", format!("{HEADER}\n{huge}"), false),
        ("an endless line with an end", format!("{HEADER}\n{huge}\n"), false),
        ("an empty line", format!("{HEADER}\n\n"), false),
        ("a line without a chain", format!("{HEADER}\n{}\n", json(1)), false),
        ("a chain in capitals", line(&json(1)).to_uppercase().replace(&HEADER.to_uppercase(), HEADER), false),
        ("bytes that are no text", format!("{HEADER}\n") + "\u{0}\u{1}\n", false),
        ("a record that is none", line("{}"), true),
        ("a record of a kind that is not known", line(&json(1).replace("checkpoint", "something_new")), true),
        ("a record with a size below nothing", line(&json(1).replace(":1,", ":-1,")), true),
        ("a record that is nested deep", line(&deep), true),
        ("carriage returns", written(&[json(1)]).replace('\n', "\r\n"), false),
    ] {
        let (_folder, path) = place();
        fs::write(&path, &text).unwrap();
        match open(&path) {
            Err(JournalError::Format) => assert!(is_format, "{name}"),
            Err(JournalError::Damaged { .. }) => assert!(!is_format, "{name}"),
            Err(error) => panic!("{name}: {error}"),
            Ok(_) => panic!("{name}"),
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}: what is refused is left as it is");
    }
}

#[tokio::test]
async fn fields_that_a_newer_version_added_are_passed_over() {
    let (_folder, path) = place();
    let newer = json(4).replacen('{', r#"{"remark":"new","#, 1);
    fs::write(&path, written(&[json(3), newer, json(5)])).unwrap();
    assert_eq!(all(&open(&path).unwrap()).await, [3, 4, 5]);
}

#[tokio::test]
async fn a_record_that_is_too_long_is_refused_and_leaves_nothing() {
    let (_folder, path) = place();
    let journal = open(&path).unwrap();
    let fact = |length: usize| JournalFact::Checkpoint {
        shard: 0,
        log: LogId::from_bytes([1; 16]),
        size: 1,
        note: "n".repeat(length),
    };
    let with = |length| JournalRecord { fact: fact(length), ..record(1) };
    let frame = serde_json::to_string(&with(0)).unwrap().len() + 66;
    let longest = 256 * 1024 - frame;
    assert!(matches!(journal.append(&with(longest + 1)).await, Err(JournalError::Format)));
    journal.append(&with(longest)).await.unwrap();
    journal.append(&record(2)).await.unwrap();
    assert_eq!(open(&path).unwrap().len().await.unwrap(), 2);
}

#[tokio::test]
async fn a_file_that_is_cut_or_altered_under_its_reader_is_noticed() {
    let (_folder, path) = place();
    let sound = written(&(0..3).map(json).collect::<Vec<_>>());
    fs::write(&path, &sound).unwrap();
    let journal = open(&path).unwrap();
    let shorter = written(&(0..2).map(json).collect::<Vec<_>>());
    fs::write(&path, &shorter).unwrap();
    assert!(matches!(journal.len().await, Err(JournalError::Damaged { position: 3 })));
    assert!(matches!(journal.append(&record(9)).await, Err(JournalError::Damaged { position: 3 })));
    assert_eq!(fs::read_to_string(&path).unwrap(), shorter, "nothing was written over it");

    let altered = sound.replace("wzapi.invalid/log/x\\n1\\n", "wzapi.invalid/log/x\\n7\\n");
    assert_eq!(altered.len(), sound.len());
    fs::write(&path, altered).unwrap();
    assert!(matches!(journal.read(0, 9).await, Err(JournalError::Damaged { position: 1 })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_instances_append_to_one_file() {
    let (_folder, path) = place();
    let instances: Vec<Arc<FileJournal>> = (0..3).map(|_| Arc::new(open(&path).unwrap())).collect();
    let tasks: Vec<_> = (0..6_u64)
        .map(|task| {
            let journal = instances[usize::try_from(task % 3).unwrap()].clone();
            tokio::spawn(async move {
                for round in 0..20 {
                    journal.append(&record(task * 100 + round)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let read = all(instances[0].as_ref()).await;
    assert_eq!(read, all(&open(&path).unwrap()).await);
    for task in 0..6 {
        let own: Vec<u64> = read.iter().copied().filter(|number| number / 100 == task).collect();
        assert_eq!(own, (task * 100..task * 100 + 20).collect::<Vec<_>>());
    }
}

/// Does nothing, but in a child process of the test below.
#[tokio::test]
async fn child_process() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let journal = open(Path::new(&path)).unwrap();
    for number in 0..40 {
        journal.append(&record(number)).await.unwrap();
    }
}

#[tokio::test]
async fn several_processes_append_to_one_file() {
    let (_folder, path) = place();
    let children: Vec<_> = (0..3)
        .map(|_| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "journal_file::child_process"]).env(CHILD, &path);
            command.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    let journal = open(&path).unwrap();
    for number in 0..40 {
        journal.append(&record(number)).await.unwrap();
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut read = all(&journal).await;
    assert_eq!(read.len(), 160);
    read.sort_unstable();
    assert_eq!(read, (0..40).flat_map(|number| [number; 4]).collect::<Vec<_>>());
}

#[test]
fn a_place_that_cannot_be_written_is_unavailable() {
    let (folder, path) = place();
    fs::write(&path, "a file").unwrap();
    let inside = path.join("journal");
    assert!(matches!(open(&inside), Err(JournalError::Unavailable(_))), "a folder that is a file");
    assert!(matches!(open(folder.path()), Err(JournalError::Unavailable(_))), "a folder");
    #[cfg(target_os = "linux")]
    assert!(matches!(open(Path::new("/proc/wzapi/journal")), Err(JournalError::Unavailable(_))));
}

/// Where the system lets nobody write. The superuser is let, and tests nothing here.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_is_unavailable() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = place();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    match open(&closed.join("journal")) {
        Err(JournalError::Unavailable(error)) => {
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        }
        Ok(_) => assert!(fs::write(closed.join("probe"), "").is_ok(), "the superuser"),
        Err(error) => panic!("{error}"),
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}
