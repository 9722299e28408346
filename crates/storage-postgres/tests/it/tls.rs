//! Encrypted connections, and servers that are not who they say.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use wzapi_storage::Storage;
use wzapi_storage_postgres::{Config, PostgresError, PostgresStorage, Roots, Tls};
use xtask::postgres::Server;

use crate::harness::{CONTROLLER, cause, changeset, client, commit, config, key, own_server, store};

/// A server whose certificate carries this name, and the authority that signed it.
async fn server_named(name: &str, folder: &TempDir) -> (Server, PathBuf) {
    let authority = authority();
    let own_key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new([name.to_owned()]).unwrap().signed_by(&own_key, &authority).unwrap();
    let server = own_server(&[]);
    server.write("server.crt", &certificate.pem()).unwrap();
    server.write("server.key", &own_key.serialize_pem()).unwrap();
    let owner = client(&server.url()).await;
    owner.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    owner.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while owner.query_one("SHOW ssl", &[]).await.unwrap().get::<_, String>(0) != "on" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let roots = folder.path().join("authority.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    (server, roots)
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

async fn is_encrypted(config: &Config, server: &Server) -> bool {
    let storage = store(config).await;
    commit(&storage, changeset(1, 1)).await;
    assert!(storage.get(CONTROLLER, &[key(1, 0)]).await.unwrap()[0].is_some());
    let sql = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
        WHERE a.application_name = 'wzapi'";
    client(&server.url()).await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_with_the_hosts_name_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (server, roots) = server_named("127.0.0.1", &folder).await;
    let config = config(&server.url()).tls(Tls::VerifyFull(Roots::File(roots)));
    assert!(is_encrypted(&config, &server).await);
}

#[tokio::test]
async fn a_certificate_with_another_name_or_of_another_authority_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (server, roots) = server_named("db.example", &folder).await;
    let strangers = folder.path().join("strangers.pem");
    std::fs::write(&strangers, authority().pem()).unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for roots in [Roots::File(roots), Roots::File(strangers), Roots::File(empty)] {
        let config = config(&server.url()).tls(Tls::VerifyFull(roots));
        let error = PostgresStorage::connect(&config).await.unwrap_err();
        assert!(matches!(cause(&error), PostgresError::Tls { cause: Some(_) }), "{error:?}");
    }
    // Who asks for encryption alone gets it from anybody.
    assert!(is_encrypted(&config(&server.url()).tls(Tls::Unverified), &server).await);
}
