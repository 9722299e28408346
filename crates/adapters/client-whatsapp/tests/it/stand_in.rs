//! A stand-in for the Cloud API, and a process that takes it for the real one.
//!
//! The client crate knows one address, `https://graph.facebook.com`, and offers no way to change it. So each scenario
//! runs in a process of its own, whose environment names the stand-in as its proxy and the stand-in's authority as
//! the only one it trusts. The stand-in keeps every request in a file that the scenario reads.

use std::fmt::Write as _;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const HOST: &str = "graph.facebook.com";
const RECORDS: &str = "WZAPI_STAND_IN_RECORDS";
/// What the environment of a developer may hold, and the scenario must not see.
const FOREIGN: [&str; 8] = [
    "ALL_PROXY",
    "all_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_DIR",
];

/// How the stand-in answers, by the phone number id in the address.
pub(crate) const ACCEPTING: &str = "accepting";
/// Answers 400 with code 131050.
pub(crate) const STOPPED: &str = "stopped";
/// Takes the message and never answers.
pub(crate) const SILENT: &str = "silent";
/// Takes the message and closes the connection.
pub(crate) const CLOSING: &str = "closing";
/// Answers 200 with a body that is no answer, and repeats the number in it.
pub(crate) const GARBLED: &str = "garbled";
/// Answers 500 with an error of Meta's shape.
pub(crate) const FAILING: &str = "failing";
/// Answers 502 as a gateway does.
pub(crate) const GATEWAY: &str = "gateway";
/// Answers 308 and points back to itself.
pub(crate) const ELSEWHERE: &str = "elsewhere";

/// What the stand-in saw.
pub(crate) struct StandIn {
    records: PathBuf,
}

impl StandIn {
    /// Every request so far, oldest first: `path`, `authorization`, `body`, `received_us`.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(&self.records).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Makes a test of a scenario.
macro_rules! against_the_stand_in {
    ($($(#[$doc:meta])* async fn $name:ident($stand_in:ident: StandIn) $body:block)*) => {$(
        #[test]
        $(#[$doc])*
        fn $name() {
            async fn scenario($stand_in: StandIn) $body
            $crate::stand_in::run(concat!(module_path!(), "::", stringify!($name)), scenario);
        }
    )*};
}
pub(crate) use against_the_stand_in;

/// What lies between the scenario and the stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Road {
    Open,
    /// Every connection is closed at once.
    Closed,
    /// The stand-in shows a certificate of an authority that the scenario does not trust.
    Stranger,
}

pub(crate) fn run<F: Future<Output = ()>>(test: &str, scenario: fn(StandIn) -> F) {
    run_over(Road::Open, test, scenario);
}

/// Runs a scenario: in the process of the test runner, starts another one beside a stand-in; in that one, runs it.
pub(crate) fn run_over<F: Future<Output = ()>>(road: Road, test: &str, scenario: fn(StandIn) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(records) = std::env::var_os(RECORDS) {
        runtime.block_on(scenario(StandIn { records: records.into() }));
        return;
    }
    let (_, test) = test.split_once("::").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let proxy = start(&runtime, folder.path(), road);
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in FOREIGN {
        command.env_remove(name);
    }
    let output = command
        .args([test, "--exact", "--nocapture"])
        .env("HTTPS_PROXY", proxy)
        .env("SSL_CERT_FILE", folder.path().join("authority.pem"))
        .env(RECORDS, folder.path().join("records"))
        .output()
        .unwrap();
    let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
    let _ = write!(told, "{}", String::from_utf8_lossy(&output.stderr));
    println!("{told}");
    assert!(output.status.success() && told.contains("1 passed"), "the scenario failed");
}

/// Starts the stand-in and returns its address.
fn start(runtime: &Runtime, folder: &Path, road: Road) -> String {
    let records = folder.join("records");
    std::fs::write(&records, "").unwrap();
    let trusted = folder.join("authority.pem");
    let mut acceptor = acceptor(&trusted);
    if road == Road::Stranger {
        acceptor = acceptor_of(&authority());
    }
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if road != Road::Closed {
                tokio::spawn(serve(stream, acceptor.clone(), records.clone()));
            }
        }
    });
    format!("http://{address}")
}

/// One whose authority is written down to be trusted.
fn acceptor(trusted: &Path) -> TlsAcceptor {
    let authority = authority();
    std::fs::write(trusted, authority.pem()).unwrap();
    acceptor_of(&authority)
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn acceptor_of(authority: &CertifiedIssuer<'static, KeyPair>) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([HOST.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// One connection: the tunnel that a proxy is asked for, TLS inside it, and requests until the client goes.
async fn serve(mut stream: TcpStream, acceptor: TlsAcceptor, records: PathBuf) {
    let tunnel = read_head(&mut stream).await.unwrap();
    assert!(tunnel.starts_with(&format!("CONNECT {HOST}:443 ")), "another host is asked for");
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // A client that does not trust the certificate goes here.
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    while let Some(head) = read_head(&mut stream).await {
        #[allow(clippy::disallowed_methods, reason = "two processes compare moments; no library code")]
        let received = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let (method, path) = head.split_once(' ').unwrap();
        let path = path.split_once(' ').unwrap().0;
        let line = json!({
            "method": method,
            "path": path,
            "authorization": header(&head, "authorization"),
            "body": body,
            "received_us": u64::try_from(received.as_micros()).unwrap(),
        });
        append(&records, &line);
        let Some(answer) = answer(path.split('/').nth(2).unwrap(), &body).await else { return };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The lines before a body, or nothing when the client went.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

fn header<'head>(head: &'head str, name: &str) -> Option<&'head str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn append(records: &Path, line: &Value) {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().append(true).open(records).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

async fn answer(phone_number_id: &str, body: &Value) -> Option<String> {
    let refusal =
        |code: u32| json!({ "error": { "message": format!("(#{code})"), "code": code } }).to_string();
    let (status, body) = match phone_number_id {
        ACCEPTING => ("200 OK", accepted(body).to_string()),
        STOPPED => ("400 Bad Request", refusal(131_050)),
        FAILING => ("500 Internal Server Error", refusal(131_000)),
        GATEWAY => ("502 Bad Gateway", format!("<html>{}</html>", body["to"])),
        GARBLED => ("200 OK", json!({ "messages": body["to"], "contacts": [] }).to_string()),
        ELSEWHERE => ("308 Permanent Redirect\r\nLocation: /v26.0/accepting/messages", String::new()),
        SILENT => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return None;
        }
        CLOSING => return None,
        other => panic!("no behaviour for {other}"),
    };
    Some(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// Meta's answer: `wa_id` for a number, `user_id` for a business-scoped user id.
fn accepted(body: &Value) -> Value {
    let contact = match body.get("to") {
        Some(number) => json!({ "input": number, "wa_id": number }),
        None => json!({ "input": body["recipient"], "user_id": body["recipient"] }),
    };
    let id = format!("wamid.of-{}", body["biz_opaque_callback_data"].as_str().unwrap());
    json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [{ "id": id }] })
}
