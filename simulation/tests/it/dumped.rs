//! A dump of the database from before an erasure (policy clauses 5.a and 7.c): what was destroyed since cannot be had
//! with it, and with the newest key export it gives back the living and only them.

use std::fs;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;

use wzapi_compliance::encryption::export::KeyExportFile;
use wzapi_compliance::encryption::{EncryptionError, KeyProviderError, shredding};
use wzapi_compliance::location::Location;
use wzapi_compliance::model::Timestamp;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::ChangesetId;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::model::system::SystemEntropy;
use wzapi_compliance::policy::file::DataSource;
use wzapi_compliance::policy::{self, Policy};
use wzapi_compliance::storage::key::Owner;
use wzapi_compliance::storage::{Draft, Storage};
use wzapi_compliance::storage_postgres::{Config, PostgresStorage};
use wzapi_compliance::vault::decision::disposition::DisposalReason;
use wzapi_compliance::vault::{NewRecord, RecordRef, RecordValue, VaultError};
use wzapi_compliance::{Builder, Controller, Error};
use xtask::postgres::{Installation, Server};

use crate::place::{SHOP, own_server};

const VALUES: [&str; 3] = ["living@example.org", "disposed@example.org", "erased@example.org"];
const PEOPLE: [&str; 3] = ["15550002222", "15550003333", "15550004444"];

fn policy() -> Policy {
    policy::parse(include_str!("../../../policies/wzapi.toml"), "wzapi.toml").unwrap()
}

fn service() -> PurposeId {
    "service_provision".parse().unwrap()
}

fn operator() -> Actor {
    Actor::service("simulation", [Role::Administrator, Role::RecordKeeper, Role::Officer]).unwrap()
}

fn person(text: &str) -> Identifier {
    Identifier::parse_recipient(text).unwrap()
}

async fn builder(server: &Server, keyring: &Path) -> Builder {
    Location::from(server.url().as_str()).open(Some(keyring)).await.unwrap().policy(&policy())
}

fn run(program: &str, arguments: &[&str]) {
    let program = Installation::find_or_install().unwrap_or_else(|error| panic!("{error}")).program(program);
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn dump(server: &Server, file: &Path) {
    let file = format!("--file={}", file.display());
    run("pg_dump", &["--no-owner", "--no-privileges", &file, &format!("--dbname={}", server.url())]);
}

fn load(server: &Server, file: &Path) {
    let file = format!("--file={}", file.display());
    run("psql", &["--quiet", "--set=ON_ERROR_STOP=1", &file, &format!("--dbname={}", server.url())]);
}

async fn values(shop: &Controller, records: &[RecordRef]) -> Vec<Option<String>> {
    let mut values = Vec::new();
    for record in records {
        values.push(match shop.records().read(&operator(), record, &service()).await {
            Ok(opened) => match opened.value {
                RecordValue::Text(text) => Some(text),
                other => panic!("{other:?}"),
            },
            Err(Error::Vault(VaultError::Destroyed | VaultError::ReadRefused(_))) => None,
            Err(other) => panic!("{other:?}"),
        });
    }
    values
}

/// Destroys every key of a person, as an erasure does with its first commit.
async fn shred(server: &Server, shop: &Controller, who: &str) {
    let subject = shop.records().person(&operator(), &person(who)).await.unwrap().unwrap();
    let storage = PostgresStorage::connect(&Config::from_url(&server.url()).unwrap()).await.unwrap();
    let keys = shredding::data_keys_of(&storage, SHOP, Owner::Subject(subject)).await.unwrap();
    let mut draft = Draft::new(&storage, SHOP);
    shredding::stage_destruction(&mut draft, keys).await.unwrap();
    let id = ChangesetId::generate(&SystemEntropy::new()).unwrap();
    let _committed = storage.commit(draft.into_changeset(id, Timestamp::EPOCH)).await.unwrap();
}

#[tokio::test]
async fn clause_5_a_a_dump_from_before_gives_back_the_living_and_only_them() {
    let server = own_server();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (keyring, dumped, export) = (path("keyring"), path("dump.sql"), path("newest.keys"));

    let compliance = builder(&server, &keyring).await.build().await.unwrap();
    let shop = compliance.register_controller(&operator(), SHOP).await.unwrap();
    let mut records = Vec::new();
    for (who, value) in PEOPLE.into_iter().zip(VALUES) {
        let new = NewRecord::new("email".parse().unwrap(), [service()], DataSource::Registration, value);
        records.push(shop.records().store(&operator(), &person(who), &new).await.unwrap());
    }
    dump(&server, &dumped);
    fs::copy(&keyring, path("keyring-of-then")).unwrap();
    let text = fs::read_to_string(&dumped).unwrap();
    assert!(VALUES.iter().chain(&PEOPLE).all(|value| !text.contains(value)), "a dump holds nothing in clear");

    let reason = DisposalReason::ErasureRequested;
    let _disposed = shop.records().dispose(&operator(), &records[1], reason).await.unwrap();
    shred(&server, &shop, PEOPLE[2]).await;
    let mut target = KeyExportFile::create(&export).unwrap();
    let report = compliance.keys().rotate_epoch(&operator(), &mut target, &mut |_| {}).await.unwrap();
    assert!(report.is_final());
    let only_living = [Some(VALUES[0].to_owned()), None, None];
    assert_eq!(values(&shop, &records).await, only_living);
    drop((compliance, shop));

    let restored = own_server();
    load(&restored, &dumped);
    let refused = builder(&restored, &keyring).await.build().await;
    let is_gone =
        matches!(refused, Err(Error::Encryption(EncryptionError::Provider(KeyProviderError::NoSuchKey))));
    assert!(is_gone, "{refused:?}");

    // The keyring of then still opens the dump, which is why it must go.
    let old = builder(&restored, &path("keyring-of-then")).await.build().await.unwrap();
    let old = old.controller(SHOP).await.unwrap();
    assert_eq!(values(&old, &records).await, VALUES.map(|value| Some(value.to_owned())));
    drop(old);

    let mut source = BufReader::new(fs::File::open(&export).unwrap());
    let (compliance, report) =
        builder(&restored, &keyring).await.import_keys(&operator(), &mut source, &mut |_| {}).await.unwrap();
    assert!(report.living > 0 && report.destroyed > 0, "{report:?}");
    let shop = compliance.controller(SHOP).await.unwrap();
    assert_eq!(values(&shop, &records).await, only_living);
}
