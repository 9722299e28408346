//! A data directory: closed, opened again, opened twice, and with a part that does not fit.

use std::path::Path;

use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::data_directory;
use wzapi_compliance::encryption::{EncryptionError, KeyProviderError};
use wzapi_compliance::storage::StorageError;
use wzapi_compliance::storage_embedded::Options;
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Compliance, Controller, Error};

use crate::support::{
    ANA, BEN, CLEO, FIRST, SHOP, delivery, everybody, hour, messages, person, preference, preferences,
    reasons, register, text,
};

async fn open(directory: &Path) -> Result<Compliance, Error> {
    data_directory::open(directory, Options::default())?.build().await
}

async fn shop_in(directory: &Path) -> Controller {
    open(directory).await.unwrap().register_controller(&everybody(), SHOP).await.unwrap()
}

async fn used(directory: &Path) -> Controller {
    let shop = shop_in(directory).await;
    register(&shop, FIRST).await.unwrap();
    let secrets = AppSecrets::new(b"an-app-secret").unwrap();
    // Well before the present of any machine.
    let back = -100_000;
    let body = delivery(&[
        messages(FIRST, &[text(ANA, "1", hour(back), "START"), text(BEN, "2", hour(back), "STOP")]),
        preferences(
            FIRST,
            &[preference(CLEO, hour(back), "signup"), preference(CLEO, hour(back + 1), "stop")],
        ),
    ]);
    let report = shop.ingest().deliver(&everybody(), &secrets, &secrets.sign(&body), &body).await.unwrap();
    assert_eq!((report.consents_given, report.withdrawals), (2, 2));
    shop
}

async fn answers(shop: &Controller) -> Vec<Vec<ReasonCode>> {
    use wzapi_compliance::consent::gate::{Message, SendRequest};
    use wzapi_compliance::model::message::MessageCategory;

    let mut answers = Vec::new();
    for who in [ANA, BEN, CLEO] {
        for category in MessageCategory::ALL {
            let message = Message::new(FIRST.sender, category);
            let request = SendRequest::new(person(who), message);
            answers.push(reasons(&shop.gate().check(&everybody(), &request).await.unwrap()));
        }
    }
    answers
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let shop = used(folder.path()).await;
    let (before, ledger) = (answers(&shop).await, shop.ledger().verify(&everybody()).await.unwrap());
    assert!(ledger.is_sound() && ledger.size() >= 6, "{ledger:?}");
    assert_eq!(before[0], [ReasonCode::ConsentGiven]);
    drop(shop);

    for _ in 0..3 {
        let compliance = open(folder.path()).await.unwrap();
        assert_eq!(compliance.controllers(&everybody()).await.unwrap(), [SHOP]);
        let shop = compliance.controller(SHOP).await.unwrap();
        assert_eq!(answers(&shop).await, before);
        assert_eq!(shop.ledger().verify(&everybody()).await.unwrap(), ledger);
    }
}

#[tokio::test]
async fn a_directory_that_is_open_cannot_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let shop = used(folder.path()).await;
    let second = open(folder.path()).await;
    assert!(matches!(second, Err(Error::Storage(StorageError::InUse))), "{second:?}");
    drop(shop);
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(used(folder.path()).await);
    let format = folder.path().join("store/FORMAT");
    let text = std::fs::read_to_string(&format).unwrap();
    std::fs::write(&format, text.replace('2', "3")).unwrap();
    let error = open(folder.path()).await.unwrap_err();
    let is_expected =
        matches!(&error, Error::Storage(StorageError::Format { found, supported: 2 }) if found == "3");
    assert!(is_expected, "{error:?}");
    std::fs::write(&format, text).unwrap();
    assert!(shop_in(folder.path()).await.ledger().verify(&everybody()).await.unwrap().is_sound());
}

/// What the last cause of the error says.
fn unusable(outcome: Result<Compliance, Error>) -> String {
    use std::error::Error as _;

    let error = outcome.unwrap_err();
    let is_expected =
        matches!(error, Error::Encryption(EncryptionError::Provider(KeyProviderError::Unusable(_))));
    assert!(is_expected, "{error:?}");
    let cause = error.source().and_then(std::error::Error::source).expect("no cause is lost");
    cause.to_string()
}

#[tokio::test]
async fn clause_5_a_a_store_without_its_keyring_is_not_opened_and_gets_no_new_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(used(folder.path()).await);
    let (keyring, apart) = (folder.path().join("keyring.json"), folder.path().join("apart.json"));
    std::fs::rename(&keyring, &apart).unwrap();
    assert!(unusable(open(folder.path()).await).contains("missing"));
    assert!(!keyring.exists(), "a new keyring opens nothing and hides that the old one is missing");
    std::fs::rename(&apart, &keyring).unwrap();
    open(folder.path()).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn clause_5_a_a_keyring_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    drop(used(folder.path()).await);
    let keyring = folder.path().join("keyring.json");
    let mode = || std::fs::metadata(&keyring).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    for shared in [0o644, 0o640, 0o604, 0o666] {
        std::fs::set_permissions(&keyring, std::fs::Permissions::from_mode(shared)).unwrap();
        assert!(unusable(open(folder.path()).await).contains("0600"), "{shared:o}");
    }
    std::fs::set_permissions(&keyring, std::fs::Permissions::from_mode(0o600)).unwrap();
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn clause_5_a_another_keyring_opens_nothing() {
    let (folder, another) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(used(folder.path()).await);
    drop(used(another.path()).await);
    std::fs::copy(another.path().join("keyring.json"), folder.path().join("keyring.json")).unwrap();
    let outcome = match open(folder.path()).await {
        Ok(compliance) => compliance.controller(SHOP).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(
        matches!(outcome, Err(Error::Encryption(EncryptionError::Provider(KeyProviderError::NoSuchKey)))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_damaged_keyring_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    drop(used(folder.path()).await);
    let keyring = folder.path().join("keyring.json");
    let text = std::fs::read_to_string(&keyring).unwrap();
    for damaged in ["", "{}", &text[..text.len() / 2], &text.replace("\"version\": 2", "\"version\": 9")] {
        std::fs::write(&keyring, damaged).unwrap();
        let problem = unusable(open(folder.path()).await);
        assert!(problem.contains("keyring"), "{problem}");
    }
    assert!(
        unusable({
            std::fs::write(&keyring, text.replace("\"version\": 2", "\"version\": 9")).unwrap();
            open(folder.path()).await
        })
        .contains("newer")
    );
}

#[tokio::test]
async fn clause_1_a_policy_that_does_not_name_what_is_stored_is_refused() {
    let text = include_str!("../../../../policies/campaign-customer.toml");
    let open = async |text: &str| {
        let policy = wzapi_compliance::policy::parse(text, "customer.toml").unwrap();
        let folder = tempfile::tempdir().unwrap();
        data_directory::open(folder.path(), Options::default()).unwrap().policy(&policy).build().await
    };
    assert!(open(text).await.is_ok());
    let refused = open(&text.replace("consent_evidence", "consent_proof")).await.unwrap_err();
    assert!(refused.to_string().contains("consent_evidence"), "{refused}");
}
