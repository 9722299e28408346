//! The local keyring file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError, LocalKeyring};
use wzapi_model::system::SystemEntropy;

fn open(path: &Path) -> Result<LocalKeyring, KeyProviderError> {
    LocalKeyring::open_or_create(path, Arc::new(SystemEntropy::new()))
}

fn context(controller: &str) -> KeyContext {
    KeyContext::from([("controller".to_owned(), controller.to_owned())])
}

#[tokio::test]
async fn a_wrapped_key_opens_after_a_restart_in_its_context_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyring.json");
    let keyring = open(&path).unwrap();
    let id = keyring.current().await.unwrap();
    let wrapped = keyring.wrap(&id, &context("a"), &SecretKey::from_bytes(&[7; 32])).await.unwrap();
    drop(keyring);

    let keyring = open(&path).unwrap();
    assert_eq!(keyring.current().await.unwrap(), id);
    assert_eq!(keyring.unwrap(&id, &context("a"), &wrapped).await.unwrap().expose(), &[7; 32]);
    let elsewhere = keyring.unwrap(&id, &context("b"), &wrapped).await;
    assert!(matches!(elsewhere, Err(KeyProviderError::Authentication)));
    for position in 0..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[position] ^= 1;
        assert!(keyring.unwrap(&id, &context("a"), &altered).await.is_err(), "byte {position}");
    }
}

#[tokio::test]
async fn a_new_key_becomes_current_and_a_destroyed_one_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyring.json");
    let keyring = open(&path).unwrap();
    let old = keyring.current().await.unwrap();
    let wrapped = keyring.wrap(&old, &context("a"), &SecretKey::from_bytes(&[7; 32])).await.unwrap();
    let new = keyring.generate().await.unwrap();
    assert_eq!(keyring.current().await.unwrap(), new);
    assert_eq!(keyring.destroy(&old).await.unwrap(), Destruction::Done);
    for keyring in [keyring, open(&path).unwrap()] {
        assert!(matches!(
            keyring.unwrap(&old, &context("a"), &wrapped).await,
            Err(KeyProviderError::NoSuchKey)
        ));
        assert!(matches!(keyring.destroy(&old).await, Err(KeyProviderError::NoSuchKey)));
    }
    let unknown = WrappingKeyId("local-unknown".to_owned());
    let keyring = open(&path).unwrap();
    let wrapped = keyring.wrap(&unknown, &context("a"), &SecretKey::from_bytes(&[7; 32])).await;
    assert!(matches!(wrapped, Err(KeyProviderError::NoSuchKey)));
}

#[test]
fn the_file_is_private_and_refused_when_others_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new-folder/keyring.json");
    open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o644, 0o640, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, KeyProviderError::Unusable(problem) if problem.contains("0600")));
    }
}

#[test]
fn a_foreign_newer_or_damaged_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyring.json");
    let files = [
        "",
        "not a keyring",
        r#"{"format":"another","version":1,"keys":[]}"#,
        r#"{"format":"wzapi-keyring","version":2,"keys":[]}"#,
        r#"{"format":"wzapi-keyring","version":1,"keys":[{"id":"a","key_hex":"12"}]}"#,
        r#"{"format":"wzapi-keyring","version":1,"keys":[],"more":1}"#,
    ];
    for text in files {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(open(&path), Err(KeyProviderError::Unusable(_))), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn debug_output_shows_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyring.json");
    let keyring = open(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let hex = text.split('"').find(|part| part.len() == 64).unwrap();
    assert!(!format!("{keyring:?}").contains(&hex[..8]));
    assert_eq!(format!("{:?}", SecretKey::from_bytes(&[7; 32])), "SecretKey([redacted])");
}

#[tokio::test]
async fn of_several_that_make_the_file_at_once_one_does_and_all_hold_its_key() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        let openers: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || open(&path).unwrap())
            })
            .collect();
        let mut ids = std::collections::BTreeSet::new();
        for opener in openers {
            ids.insert(opener.join().unwrap().current().await.unwrap());
        }
        assert_eq!(ids.len(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
    }
}
