//! A keyring file under a passphrase.

use wzapi_encryption::keyring::{KeyState, KeyringError, KeyringOptions, Passphrase, Protection};
use wzapi_encryption::{KeyProvider, KeyProviderError, LocalKeyring};

use crate::keyring::{Folder, key_texts, open, opens, options, wrapped};
use crate::keyring_file::WrappedByOthers;

const FEW: u32 = 100_000;
const V2: &str = include_str!("keyring_vectors/v2-passphrase.json");

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

fn with(text: &str) -> KeyringOptions {
    options().iterations(FEW).passphrase(passphrase(text))
}

fn protected(folder: &Folder) -> LocalKeyring {
    with("open sesame").open_or_create(&folder.keyring()).unwrap()
}

#[tokio::test]
async fn a_protected_file_shows_that_it_is_and_no_key() {
    let folder = Folder::new();
    let keyring = protected(&folder);
    let before = wrapped(&keyring).await;
    let file: serde_json::Value = serde_json::from_str(&folder.text()).unwrap();
    assert_eq!(file["protection"], "passphrase");
    assert_eq!(file["kdf"]["algorithm"], "PBKDF2-HMAC-SHA256");
    assert_eq!(file["kdf"]["iterations"], FEW);
    assert_eq!(file["kdf"]["salt_hex"].as_str().unwrap().len(), 32);
    assert!(key_texts(&folder.text()).is_empty() && !folder.text().contains("open sesame"));
    assert_eq!(keyring.status().unwrap().protection, Protection::Passphrase { iterations: FEW });
    drop(keyring);
    let keyring = with("open sesame").open(&folder.keyring()).unwrap();
    assert!(opens(&keyring, &before).await);
    let next = keyring.generate().await.unwrap();
    keyring.destroy(&before.0).await.unwrap();
    let keyring = with("open sesame").open(&folder.keyring()).unwrap();
    assert_eq!(keyring.current().await.unwrap(), next);
    assert!(!opens(&keyring, &before).await);
}

#[test]
fn the_default_is_what_owasp_asks_and_every_file_has_a_salt_of_its_own() {
    let (one, other) = (Folder::new(), Folder::new());
    let options = options().passphrase(passphrase("open sesame"));
    let iterations = options.open_or_create(&one.keyring()).unwrap().status().unwrap().protection;
    assert_eq!(iterations, Protection::Passphrase { iterations: 600_000 });
    protected(&other);
    let salt = |folder: &Folder| {
        let file: serde_json::Value = serde_json::from_str(&folder.text()).unwrap();
        file["kdf"]["salt_hex"].clone()
    };
    assert_ne!(salt(&one), salt(&other));
}

#[test]
fn a_wrong_a_missing_and_an_unexpected_passphrase_are_told_apart() {
    let folder = Folder::new();
    protected(&folder);
    let text = folder.text();
    for wrong in ["open sesame ", "Open sesame"] {
        assert!(matches!(with(wrong).open(&folder.keyring()), Err(KeyringError::WrongPassphrase)));
    }
    assert!(matches!(options().open(&folder.keyring()), Err(KeyringError::PassphraseRequired)));
    let error = open(&folder.keyring()).unwrap_err();
    assert!(matches!(error, KeyProviderError::Unusable(problem) if problem.contains("passphrase")));
    assert_eq!(folder.text(), text);

    let unprotected = Folder::new();
    open(&unprotected.keyring()).unwrap();
    let refused = with("open sesame").open_or_create(&unprotected.keyring());
    assert!(matches!(refused, Err(KeyringError::NotProtected)));
}

#[tokio::test]
async fn a_protected_file_does_not_pass_for_an_unprotected_one_put_in_its_place() {
    let (folder, attacker) = (Folder::new(), Folder::new());
    let keyring = protected(&folder);
    open(&attacker.keyring()).unwrap();
    folder.put(attacker.text());
    assert!(matches!(keyring.status(), Err(KeyringError::NotProtected)));
    assert!(matches!(keyring.current().await, Err(KeyProviderError::Unusable(_))));
    assert!(matches!(keyring.generate().await, Err(KeyProviderError::Unusable(_))));
    assert_eq!(folder.text(), attacker.text());
}

#[tokio::test]
async fn the_passphrase_can_be_set_changed_and_removed_and_the_keys_stay() {
    let folder = Folder::new();
    let keyring = options().iterations(FEW).open_or_create(&folder.keyring()).unwrap();
    let before = wrapped(&keyring).await;
    let clear = key_texts(&folder.text()).remove(0);

    keyring.set_passphrase(&passphrase("first")).unwrap();
    assert!(!folder.text().contains(&clear));
    assert!(opens(&keyring, &before).await, "the one that changed it goes on");
    assert!(matches!(options().open(&folder.keyring()), Err(KeyringError::PassphraseRequired)));

    let second = with("first").open(&folder.keyring()).unwrap();
    second.set_passphrase(&passphrase("second")).unwrap();
    assert!(matches!(with("first").open(&folder.keyring()), Err(KeyringError::WrongPassphrase)));
    assert!(matches!(keyring.status(), Err(KeyringError::ProtectionChanged)), "the others open it anew");
    assert!(matches!(keyring.generate().await, Err(KeyProviderError::Unusable(_))));

    let third = with("second").open(&folder.keyring()).unwrap();
    third.generate().await.unwrap();
    third.remove_passphrase().unwrap();
    assert!(folder.text().contains(&clear));
    assert!(matches!(second.status(), Err(KeyringError::NotProtected)));
    assert!(opens(&third, &before).await && opens(&open(&folder.keyring()).unwrap(), &before).await);
}

#[test]
fn too_few_and_too_many_iterations_are_refused_without_being_done() {
    let folder = Folder::new();
    for iterations in [0, 1, 99_999, 10_000_001, u32::MAX] {
        let outcome = with("a").iterations(iterations).open_or_create(&folder.keyring());
        assert!(matches!(outcome, Err(KeyringError::Iterations)), "{iterations}");
        assert!(!folder.keyring().exists());
    }
    protected(&folder);
    let text = folder.text();
    // A day's work if it were done.
    for iterations in ["1", "99999", "10000001", "4294967295"] {
        folder.put(text.replace("\"iterations\": 100000", &format!("\"iterations\": {iterations}")));
        let outcome = with("open sesame").open(&folder.keyring());
        assert!(matches!(outcome, Err(KeyringError::Iterations)), "{iterations}");
    }
    folder.put(text.replace("\"iterations\": 100000", "\"iterations\": 4294967296"));
    assert!(matches!(with("open sesame").open(&folder.keyring()), Err(KeyringError::Malformed)));
    folder.put(text.replace("PBKDF2-HMAC-SHA256", "PBKDF1-HMAC-SHA256"));
    assert!(matches!(with("open sesame").open(&folder.keyring()), Err(KeyringError::Malformed)));
    // Another number of iterations gives another key.
    folder.put(text.replace("\"iterations\": 100000", "\"iterations\": 100001"));
    assert!(matches!(with("open sesame").open(&folder.keyring()), Err(KeyringError::WrongPassphrase)));
}

#[tokio::test]
async fn a_changed_byte_of_a_protected_file_is_noticed_or_changes_no_key() {
    let folder = Folder::new();
    let keyring = protected(&folder);
    let gone = wrapped(&keyring).await;
    keyring.generate().await.unwrap();
    let old = wrapped(&keyring).await;
    keyring.destroy(&gone.0).await.unwrap();
    keyring.generate().await.unwrap();
    let new = wrapped(&keyring).await;
    let (text, status) = (folder.text().into_bytes(), keyring.status().unwrap());
    let mut unnoticed = 0;
    for position in 0..text.len() {
        let mut altered = text.clone();
        altered[position] ^= 1 << (position % 8);
        folder.put(&altered);
        let read = keyring.status();
        match &read {
            Ok(read) => {
                assert_eq!(*read, status, "byte {position}");
                assert!(opens(&keyring, &old).await && opens(&keyring, &new).await, "byte {position}");
                unnoticed += 1;
            }
            Err(error) => assert!(keyring.current().await.is_err(), "{error:?}"),
        }
        // Deriving for each would take minutes, and what was derived is compared byte for byte.
        if position % 397 == 0 {
            let fresh = with("open sesame").open(&folder.keyring());
            assert_eq!(fresh.is_ok(), read.is_ok(), "byte {position}");
        }
    }
    assert!(unnoticed < 30, "{unnoticed}");
}

#[tokio::test]
async fn names_states_and_times_cannot_be_changed_without_the_passphrase() {
    let folder = Folder::new();
    let keyring = protected(&folder);
    let first = wrapped(&keyring).await;
    keyring.generate().await.unwrap();
    let second = wrapped(&keyring).await;
    keyring.generate().await.unwrap();
    keyring.destroy(&first.0).await.unwrap();
    let whole: serde_json::Value = serde_json::from_str(&folder.text()).unwrap();
    let refused = |change: &dyn Fn(&mut Vec<serde_json::Value>)| {
        let mut file = whole.clone();
        change(file["keys"].as_array_mut().unwrap());
        assert_ne!(file, whole);
        folder.put(serde_json::to_string_pretty(&file).unwrap());
        let outcome = keyring.status();
        assert!(matches!(outcome, Err(KeyringError::Altered | KeyringError::Malformed)), "{outcome:?}");
    };
    refused(&|keys| drop(keys.remove(0)));
    refused(&|keys| keys.swap(1, 2));
    refused(&|keys| keys.swap(0, 1));
    refused(&|keys| keys[0]["id"] = "local-00".into());
    refused(&|keys| {
        let (one, other) = (keys[1]["id"].clone(), keys[2]["id"].clone());
        (keys[1]["id"], keys[2]["id"]) = (other, one);
    });
    refused(&|keys| {
        keys[1]["state"] = "active".into();
        keys[1].as_object_mut().unwrap().remove("retired_at");
        keys[2]["state"] = "retired".into();
    });
    refused(&|keys| keys[1]["retired_at"] = "2020-01-01T00:00:00.000Z".into());
    refused(&|keys| drop(keys[1].as_object_mut().unwrap().remove("retired_at")));
    refused(&|keys| keys[0]["destroyed_at"] = "2020-01-01T00:00:00.000Z".into());
    refused(&|keys| keys[2]["created_at"] = "2020-01-01T00:00:00.000Z".into());
    refused(&|keys| keys[2]["key_hex"] = "00".repeat(32).into());
    refused(&|keys| {
        let mut trace = keys[0].clone();
        trace["id"] = "local-another".into();
        keys.push(trace);
    });
    folder.put(serde_json::to_string(&whole).unwrap());
    assert!(opens(&keyring, &second).await, "as it was, in another spelling");
    assert!(matches!(keyring.status().unwrap().keys[0].state, KeyState::Destroyed { .. }));
}

#[tokio::test]
async fn a_protected_file_that_another_implementation_wrote_is_read() {
    let folder = Folder::new();
    folder.put(V2);
    let keyring = with("correct horse").open(&folder.keyring()).unwrap();
    WrappedByOthers::read().opens_with(&keyring).await;
}

#[tokio::test]
async fn the_passphrase_is_shown_nowhere() {
    let folder = Folder::new();
    let keyring = protected(&folder);
    let mut shown = format!(
        "{keyring:?}{:?}{:?}{:?}",
        with("open sesame"),
        passphrase("open sesame"),
        keyring.status().unwrap()
    );
    let wrong = with("open says me").open(&folder.keyring()).unwrap_err();
    for error in [wrong, options().open(&folder.keyring()).unwrap_err()] {
        shown += &format!("{error}{error:?}");
        let error = KeyProviderError::from(error);
        shown += &format!("{error}{error:?}");
    }
    assert!(!shown.contains("sesame") && !shown.contains("says"), "{shown}");
    assert!(matches!(Passphrase::new(String::new()), Err(KeyringError::InvalidPassphrase)));
}
