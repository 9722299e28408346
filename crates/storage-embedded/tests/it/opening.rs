//! Who may open a directory, and which.

use wzapi_storage::{Storage, StorageError, codec};
use wzapi_storage_embedded::{EmbeddedStorage, Options};

use crate::rows::{CONTROLLER, changeset, key};

#[test]
fn a_second_opening_is_told_that_the_store_is_in_use() {
    let root = tempfile::tempdir().unwrap();
    let first = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    let clone = first.clone();
    drop(first);
    assert!(matches!(EmbeddedStorage::open(root.path(), Options::default()), Err(StorageError::InUse)));
    drop(clone);
    EmbeddedStorage::open(root.path(), Options::default()).unwrap();
}

#[test]
fn directories_of_others_and_of_other_versions_are_refused() {
    for (file, text, found) in [
        ("FORMAT", "wzapi-embedded 1\n", "1"),
        ("FORMAT", "wzapi-embedded 3\n", "3"),
        ("FORMAT", "something else", "no known one: its FORMAT file is not of wzapi"),
        ("notes.txt", "hello", "no known one: the directory holds other files and no FORMAT file"),
    ] {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(file), text).unwrap();
        match EmbeddedStorage::open(root.path(), Options::default()) {
            Err(StorageError::Format { found: got, supported: 2 }) => assert_eq!(got, found),
            other => panic!("{file}: {other:?}"),
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "nothing was written to it");
    }
}

#[tokio::test]
async fn a_first_opening_that_was_interrupted_is_done_again() {
    let root = tempfile::tempdir().unwrap();
    drop(EmbeddedStorage::open(root.path(), Options::default()).unwrap());
    // As if the process had died while the engine made its files.
    std::fs::rename(root.path().join("rows"), root.path().join("rows.new")).unwrap();
    std::fs::remove_file(root.path().join("rows.new/version")).unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    let _ = storage.commit(changeset(1, 1)).await.unwrap();
}

/// The engine's own files, damaged where it will notice: an error, not a panic.
#[tokio::test]
async fn damaged_files_of_the_engine_are_an_error() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    let _ = storage.commit(changeset(1, 100)).await.unwrap();
    drop(storage);
    let journal = root.path().join("rows/0.jnl");
    let mut bytes = std::fs::read(&journal).unwrap();
    let content = codec::encode_key(CONTROLLER, &key(1, 0));
    let place = bytes.windows(content.len()).position(|window| window == content).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let opened = EmbeddedStorage::open(root.path(), Options::default());
    assert!(matches!(opened, Err(StorageError::Unavailable { .. })), "{opened:?}");
}
