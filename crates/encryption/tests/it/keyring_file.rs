//! The keyring's file: who may read it, what is not taken for one, and its versions.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use wzapi_encryption::keyring::{KeyState, KeyringError};
use wzapi_encryption::provider::{KeyContext, WrappingKeyId};
use wzapi_encryption::{KeyProvider, KeyProviderError, LocalKeyring};

use crate::keyring::{Folder, key_texts, open, opens, options, wrapped};

const V1: &str = include_str!("keyring_vectors/v1.json");
const V2: &str = include_str!("keyring_vectors/v2.json");
const WRAPPED: &str = include_str!("keyring_vectors/wrapped.json");

/// What an independent implementation wrapped under the keys of the vectors.
pub(crate) struct WrappedByOthers {
    context: KeyContext,
    unwrapped: Vec<u8>,
    wrapped: Vec<(WrappingKeyId, Vec<u8>)>,
}

impl WrappedByOthers {
    pub(crate) fn read() -> Self {
        let vector: serde_json::Value = serde_json::from_str(WRAPPED).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let hex = |value: &serde_json::Value| {
            let text = text(value);
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let context = vector["context"].as_object().unwrap().iter();
        let wrapped = vector["wrapped"].as_array().unwrap().iter();
        Self {
            context: context.map(|(name, value)| (name.clone(), text(value))).collect(),
            unwrapped: hex(&vector["unwrapped_hex"]),
            wrapped: wrapped.map(|one| (WrappingKeyId(text(&one["by"])), hex(&one["hex"]))).collect(),
        }
    }

    pub(crate) async fn opens_with(&self, keyring: &LocalKeyring) {
        for (id, wrapped) in &self.wrapped {
            let key = keyring.unwrap(id, &self.context, wrapped).await.unwrap();
            assert_eq!(key.expose().as_slice(), self.unwrapped);
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_file_and_its_lock_are_private_and_the_file_is_refused_when_they_are_not() {
    let folder = Folder::new();
    let path = folder.path().join("new/folder/keyring.json");
    let keyring = open(&path).unwrap();
    keyring.generate().await.unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_file_name("keyring.json.lock")), 0o600);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    for shared in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(shared)).unwrap();
        let error = open(&path).unwrap_err();
        assert!(
            matches!(error, KeyProviderError::Unusable(problem) if problem.contains("0600")),
            "{shared:o}"
        );
        assert!(matches!(options().open(&path), Err(KeyringError::Shared)));
        // Also when it was opened before.
        assert!(matches!(keyring.status(), Err(KeyringError::Shared)));
        assert!(keyring.current().await.is_err() && keyring.generate().await.is_err());
    }
    for private in [0o600, 0o400, 0o700] {
        fs::set_permissions(&path, Permissions::from_mode(private)).unwrap();
        assert!(options().open(&path).is_ok(), "{private:o}");
    }
    keyring.generate().await.unwrap();
    assert_eq!(mode(&path), 0o600, "a change restores the mode");
}

#[test]
fn a_link_a_folder_and_a_pipe_are_not_taken_for_a_keyring() {
    let folder = Folder::new();
    let elsewhere = folder.path().join("elsewhere.json");
    open(&elsewhere).unwrap();
    let path = folder.keyring();

    symlink(&elsewhere, &path).unwrap();
    assert!(matches!(options().open_or_create(&path), Err(KeyringError::NotAFile)));
    fs::remove_file(&path).unwrap();

    symlink(folder.path().join("nowhere"), &path).unwrap();
    assert!(matches!(options().open_or_create(&path), Err(KeyringError::NotAFile)));
    assert!(!folder.path().join("nowhere").exists());
    fs::remove_file(&path).unwrap();

    fs::create_dir(&path).unwrap();
    assert!(matches!(options().open_or_create(&path), Err(KeyringError::NotAFile)));
    fs::remove_dir(&path).unwrap();

    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(options().open_or_create(&path), Err(KeyringError::NotAFile)));
    drop(socket);
    fs::remove_file(&path).unwrap();

    for no_name in ["/", "..", ""] {
        assert!(matches!(options().open_or_create(Path::new(no_name)), Err(KeyringError::NotAFile)));
    }
}

#[tokio::test]
async fn a_lock_or_a_new_file_that_is_a_link_harms_nothing_behind_it() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let behind = folder.path().join("behind");
    fs::write(&behind, "something else").unwrap();

    fs::remove_file(folder.beside(".lock")).unwrap();
    symlink(&behind, folder.beside(".lock")).unwrap();
    assert!(matches!(keyring.generate().await, Err(KeyProviderError::Unusable(_))));
    fs::remove_file(folder.beside(".lock")).unwrap();

    symlink(&behind, folder.beside(".new")).unwrap();
    keyring.generate().await.unwrap();
    assert_eq!(fs::read_to_string(&behind).unwrap(), "something else");
    assert!(fs::symlink_metadata(folder.keyring()).unwrap().is_file());
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_another_user_is_refused() {
    let folder = Folder::new();
    open(&folder.keyring()).unwrap();
    let own = fs::metadata(folder.keyring()).unwrap().uid();
    // Only root may give a file away.
    if chown(folder.keyring(), Some(own + 1), None).is_err() {
        return;
    }
    assert!(matches!(options().open(&folder.keyring()), Err(KeyringError::ForeignOwner)));
    chown(folder.keyring(), Some(own), None).unwrap();
    assert!(options().open(&folder.keyring()).is_ok());
}

#[tokio::test]
async fn a_keyring_that_went_missing_is_not_made_anew_by_those_that_have_it_open() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let before = wrapped(&keyring).await;
    fs::rename(folder.keyring(), folder.beside(".away")).unwrap();
    for outcome in [keyring.current().await.map(drop), keyring.generate().await.map(drop)] {
        assert!(matches!(outcome, Err(KeyProviderError::Unusable(problem)) if problem.contains("missing")));
    }
    assert!(matches!(keyring.status(), Err(KeyringError::Missing)));
    assert!(matches!(options().open(&folder.keyring()), Err(KeyringError::Missing)));
    assert!(!folder.keyring().exists());
    fs::rename(folder.beside(".away"), folder.keyring()).unwrap();
    assert!(opens(&keyring, &before).await, "put back, it goes on");
}

#[test]
fn a_foreign_newer_or_damaged_file_is_refused_and_left_alone() {
    let folder = Folder::new();
    let v2 = |from: &str, to: &str| {
        assert!(V2.contains(from), "{from}");
        V2.replacen(from, to, 1)
    };
    let no_keys = r#""protection":"none","keys":[],"checksum_hex":"""#;
    let files = [
        String::new(),
        "not a keyring".to_owned(),
        "{}".to_owned(),
        r#"{"format":"another","version":1,"keys":[]}"#.to_owned(),
        r#"{"format":"wzapi-keyring","version":0,"keys":[]}"#.to_owned(),
        r#"{"format":"wzapi-keyring","version":1,"keys":[]}"#.to_owned(),
        r#"{"format":"wzapi-keyring","version":1,"keys":[{"id":"a","key_hex":"12"}]}"#.to_owned(),
        r#"{"format":"wzapi-keyring","version":1,"keys":[],"more":1}"#.to_owned(),
        V1.replacen("local-a", "local-b", 1),
        format!(r#"{{"format":"wzapi-keyring","version":2,{no_keys}}}"#),
        V2[..V2.len() / 2].to_owned(),
        V2.repeat(2),
        v2("\"format\"", "\"more\": 1, \"format\""),
        v2("\"active\"", "\"retired\""),
        v2("\"retired\"", "\"active\""),
        v2("\"retired_at\"", "\"destroyed_at\""),
        v2("\"local-a\"", "\"local-b\""),
        v2("\"local-a\"", "\"\""),
        v2("\"local-a\"", "\"local a\""),
        v2("\"none\"", "\"passphrase\""),
        v2("\"destroyed_at\": \"2026-02-01T00:00:00.000Z\"", "\"destroyed_at\": \"yesterday\""),
        v2("\"checksum_hex\"", "\"sealed_hex\""),
        v2("000102030405060708090a0b0c0d0e0f", "000102030405060708090A0B0C0D0E0F"),
        v2("000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0e"),
        v2("e0061155226e7595", "e0061155226e7594"),
        format!("{}{}", V2, " ".repeat(1024 * 1024)),
    ];
    for text in files {
        folder.put(&text);
        let outcome = options().open_or_create(&folder.keyring());
        assert!(
            matches!(outcome, Err(KeyringError::Malformed | KeyringError::Altered)),
            "{outcome:?}: {}",
            &text[..text.len().min(900)]
        );
        assert!(matches!(open(&folder.keyring()), Err(KeyProviderError::Unusable(_))));
        assert_eq!(folder.text(), text);
    }
    for text in
        [V2.replace("\"version\": 2", "\"version\": 3, \"of\": \"later\""), V1.replace(": 1,", ": 4,")]
    {
        folder.put(&text);
        assert!(matches!(options().open(&folder.keyring()), Err(KeyringError::Newer)));
        assert!(
            matches!(open(&folder.keyring()), Err(KeyProviderError::Unusable(problem)) if problem.contains("newer"))
        );
        assert_eq!(folder.text(), text);
    }
}

#[tokio::test]
async fn a_changed_byte_of_an_unprotected_file_is_noticed_or_changes_no_key() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let old = wrapped(&keyring).await;
    keyring.generate().await.unwrap();
    let new = wrapped(&keyring).await;
    let (text, status) = (folder.text().into_bytes(), keyring.status().unwrap());
    let mut unnoticed = 0;
    for position in 0..text.len() {
        let mut altered = text.clone();
        altered[position] ^= 1 << (position % 8);
        folder.put(&altered);
        match keyring.status() {
            Ok(read) => {
                assert_eq!(read, status, "byte {position}");
                assert!(opens(&keyring, &old).await && opens(&keyring, &new).await, "byte {position}");
                unnoticed += 1;
            }
            Err(error) => assert!(keyring.current().await.is_err(), "{error:?}"),
        }
    }
    // Space that becomes other space, and the letters T and Z of a time in lower case.
    assert!(unnoticed < 20, "{unnoticed}");
}

#[tokio::test]
async fn a_file_of_version_1_is_read_and_written_as_version_2_at_the_next_change() {
    let folder = Folder::new();
    folder.put(V1);
    let keyring = open(&folder.keyring()).unwrap();
    WrappedByOthers::read().opens_with(&keyring).await;
    let status = keyring.status().unwrap();
    assert_eq!(status.keys[0].state, KeyState::Retired { since: None });
    assert_eq!(status.keys[1].state, KeyState::Active, "the last one was the current one");
    assert!(status.keys.iter().all(|key| key.created_at.is_none()));
    assert_eq!(folder.text(), V1, "reading changes nothing");
    let refused = keyring.destroy(&WrappingKeyId("local-b".to_owned())).await;
    assert!(matches!(refused, Err(KeyProviderError::StillCurrent)));
    assert_eq!(folder.text(), V1, "nor does a change that is refused");

    keyring.generate().await.unwrap();
    assert!(folder.text().contains("\"version\": 2"));
    let keyring = open(&folder.keyring()).unwrap();
    assert_eq!(keyring.status().unwrap().keys.len(), 3);
    assert_eq!(key_texts(&folder.text())[..2], key_texts(V1), "the same keys");
    WrappedByOthers::read().opens_with(&keyring).await;
}

#[tokio::test]
async fn a_file_of_version_2_that_another_implementation_wrote_is_read() {
    let folder = Folder::new();
    folder.put(V2);
    let keyring = open(&folder.keyring()).unwrap();
    WrappedByOthers::read().opens_with(&keyring).await;
    let states: Vec<_> = keyring.status().unwrap().keys.into_iter().map(|key| key.state).collect();
    let expected = [
        KeyState::Retired { since: Some("2026-03-01T12:00:00.500Z".parse().unwrap()) },
        KeyState::Destroyed { at: "2026-02-01T00:00:00Z".parse().unwrap() },
        KeyState::Active,
    ];
    assert_eq!(states, expected);
    let rewritten = {
        keyring.generate().await.unwrap();
        folder.text()
    };
    assert_eq!(key_texts(&rewritten)[..2], key_texts(V2));
}

#[tokio::test]
async fn what_a_killed_writer_left_is_removed_when_no_writer_is_at_work() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let left = folder.beside(".new");
    let leave = || fs::write(&left, "half a keyring, with keys").unwrap();

    leave();
    options().open(&folder.keyring()).unwrap();
    assert!(!left.exists(), "by the next that opens it");
    leave();
    keyring.generate().await.unwrap();
    assert!(!left.exists(), "by the next that changes it");

    leave();
    let writer = fs::File::open(folder.beside(".lock")).unwrap();
    writer.lock().unwrap();
    options().open(&folder.keyring()).unwrap();
    assert!(left.exists(), "it may belong to the writer");
}
