//! The local keyring: keys that are active, retired and destroyed, and what is seen of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use wzapi_encryption::keyring::{KeyState, KeyStatus, KeyringOptions, Protection};
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError, LocalKeyring};
use wzapi_model::entropy::{Entropy, EntropyError};
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::{Clock, ManualClock};

/// A folder with a place for a keyring.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn keyring(&self) -> PathBuf {
        self.path().join("keyring.json")
    }

    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.path().join(format!("keyring.json{ending}"))
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.keyring()).unwrap()
    }

    /// Writes a file as its owner would.
    pub(crate) fn put(&self, text: impl AsRef<[u8]>) {
        use std::os::unix::fs::PermissionsExt;

        fs::write(self.keyring(), text).unwrap();
        fs::set_permissions(self.keyring(), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub(crate) fn options() -> KeyringOptions {
    KeyringOptions::new(Arc::new(SystemEntropy::new()))
}

pub(crate) fn open(path: &Path) -> Result<LocalKeyring, KeyProviderError> {
    LocalKeyring::open_or_create(path, Arc::new(SystemEntropy::new()))
}

pub(crate) fn context(controller: &str) -> KeyContext {
    KeyContext::from([("controller".to_owned(), controller.to_owned())])
}

pub(crate) fn secret() -> SecretKey {
    SecretKey::from_bytes(&[7; 32])
}

pub(crate) async fn wrapped(keyring: &LocalKeyring) -> (WrappingKeyId, Vec<u8>) {
    let id = keyring.current().await.unwrap();
    let wrapped = keyring.wrap(&id, &context("a"), &secret()).await.unwrap();
    (id, wrapped)
}

pub(crate) async fn opens(keyring: &LocalKeyring, (id, wrapped): &(WrappingKeyId, Vec<u8>)) -> bool {
    match keyring.unwrap(id, &context("a"), wrapped).await {
        Ok(key) => {
            assert_eq!(key.expose(), secret().expose());
            true
        }
        Err(KeyProviderError::NoSuchKey) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_wrapped_key_opens_after_a_restart_in_its_context_only() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let (id, wrapped) = wrapped(&keyring).await;
    drop(keyring);

    let keyring = open(&folder.keyring()).unwrap();
    assert_eq!(keyring.current().await.unwrap(), id);
    assert_eq!(keyring.unwrap(&id, &context("a"), &wrapped).await.unwrap().expose(), secret().expose());
    let elsewhere = keyring.unwrap(&id, &context("b"), &wrapped).await;
    assert!(matches!(elsewhere, Err(KeyProviderError::Authentication)));
    for position in 0..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[position] ^= 1;
        assert!(keyring.unwrap(&id, &context("a"), &altered).await.is_err(), "byte {position}");
    }
}

#[tokio::test]
async fn a_new_key_is_current_the_former_serves_on_and_a_destroyed_one_opens_nothing() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let old = wrapped(&keyring).await;
    let new = keyring.generate().await.unwrap();
    assert_eq!(keyring.current().await.unwrap(), new);
    assert!(opens(&keyring, &old).await);
    let again = keyring.wrap(&old.0, &context("a"), &secret()).await.unwrap();
    assert!(opens(&keyring, &(old.0.clone(), again)).await, "for whoever learnt its name before");

    assert_eq!(keyring.destroy(&old.0).await.unwrap(), Destruction::Done);
    for keyring in [keyring, open(&folder.keyring()).unwrap()] {
        assert!(!opens(&keyring, &old).await);
        let again = keyring.wrap(&old.0, &context("a"), &secret()).await;
        assert!(matches!(again, Err(KeyProviderError::NoSuchKey)));
        assert!(matches!(keyring.destroy(&old.0).await, Err(KeyProviderError::NoSuchKey)));
        assert_eq!(keyring.current().await.unwrap(), new);
    }
}

#[tokio::test]
async fn the_active_key_is_not_destroyed_before_there_is_another_one() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let only = wrapped(&keyring).await;
    let before = folder.text();
    let error = keyring.destroy(&only.0).await.unwrap_err();
    assert!(matches!(error, KeyProviderError::StillCurrent) && !error.is_retryable());
    assert!(error.to_string().contains("generate another"), "{error}");
    assert_eq!(folder.text(), before);
    assert!(opens(&keyring, &only).await);

    keyring.generate().await.unwrap();
    assert_eq!(keyring.destroy(&only.0).await.unwrap(), Destruction::Done);
}

#[tokio::test]
async fn the_status_tells_states_and_times_and_no_key() {
    let folder = Folder::new();
    let clock = Arc::new(ManualClock::at("2026-11-22T12:00:00Z".parse().unwrap()));
    let keyring = options().clock(clock.clone()).open_or_create(&folder.keyring()).unwrap();
    let mut moments = vec![clock.now()];
    for _ in 0..3 {
        clock.advance(Duration::from_millis(3_600_001));
        moments.push(clock.now());
        if moments.len() < 4 {
            keyring.generate().await.unwrap();
        }
    }
    let first = keyring.status().unwrap().keys[0].id.clone();
    keyring.destroy(&first).await.unwrap();

    let status = keyring.status().unwrap();
    assert_eq!(status.protection, Protection::None);
    let expected = [
        (moments[0], KeyState::Destroyed { at: moments[3] }),
        (moments[1], KeyState::Retired { since: Some(moments[2]) }),
        (moments[2], KeyState::Active),
    ];
    for (key, (created_at, state)) in status.keys.iter().zip(expected) {
        assert_eq!(*key, KeyStatus { id: key.id.clone(), created_at: Some(created_at), state });
    }
    assert_eq!(status.keys.len(), 3);
    assert_eq!(options().open(&folder.keyring()).unwrap().status().unwrap(), status, "after a restart too");
    assert_eq!(keyring.current().await.unwrap(), status.keys[2].id);
    for hex in key_texts(&folder.text()) {
        assert!(!format!("{status:?}").contains(&hex));
    }
}

#[tokio::test]
async fn the_bytes_of_a_destroyed_key_stand_in_no_file_of_the_folder() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let (old, _) = wrapped(&keyring).await;
    let bytes = key_texts(&folder.text()).remove(0);
    keyring.generate().await.unwrap();
    assert!(folder.text().contains(&bytes), "a retired key is still there");
    keyring.destroy(&old).await.unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(&bytes));
    }
    assert!(folder.text().contains(&old.0), "its name stays");
}

#[tokio::test]
async fn debug_output_and_errors_show_no_key() {
    let folder = Folder::new();
    let keyring = open(&folder.keyring()).unwrap();
    let (id, _) = wrapped(&keyring).await;
    let mut shown = format!("{keyring:?}{:?}{:?}", options(), keyring.status().unwrap());
    let texts = key_texts(&folder.text());
    assert_eq!(texts.len(), 1);

    let errors = [
        keyring.destroy(&id).await.unwrap_err(),
        keyring.unwrap(&id, &context("a"), b"short").await.unwrap_err(),
        {
            folder.put(folder.text().replace("\"key_hex\": ", "\"key_hex\": 1"));
            keyring.current().await.unwrap_err()
        },
        {
            folder.put("");
            keyring.current().await.unwrap_err()
        },
    ];
    for error in &errors {
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            shown += &format!("{error}{error:?}");
            cause = error.source();
        }
    }
    for hex in texts {
        assert!(!shown.contains(&hex[..8]), "{shown}");
    }
    assert_eq!(format!("{:?}", SecretKey::from_bytes(&[7; 32])), "SecretKey([redacted])");
}

/// The keys that stand in an unprotected file.
pub(crate) fn key_texts(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains("\"key_hex\""));
    let texts: Vec<_> = lines.filter_map(|line| line.split('"').nth(3)).map(str::to_owned).collect();
    assert!(texts.iter().all(|text| text.len() == 64));
    texts
}

#[tokio::test]
async fn randomness_that_repeats_itself_gives_no_two_keys_one_name() {
    struct Counting(AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
            out.fill(self.0.fetch_add(1, Ordering::SeqCst));
            Ok(())
        }
    }
    let folder = Folder::new();
    for number in 1..4 {
        let entropy = Arc::new(Counting(AtomicU8::new(0)));
        let keyring = KeyringOptions::new(entropy).open_or_create(&folder.keyring()).unwrap();
        keyring.generate().await.unwrap();
        assert_eq!(keyring.status().unwrap().keys.len(), number + 1);
    }
    struct Stuck;
    impl Entropy for Stuck {
        fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
            out.fill(0);
            Ok(())
        }
    }
    let keyring = KeyringOptions::new(Arc::new(Stuck)).open(&folder.keyring()).unwrap();
    let before = folder.text();
    assert!(matches!(keyring.generate().await, Err(KeyProviderError::Unavailable(_))));
    assert_eq!(folder.text(), before);
}
