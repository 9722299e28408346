//! A stand-in for the Cloud API on a free port of this machine.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::Problem;

pub(crate) struct Cloud {
    address: SocketAddr,
    seen: Seen,
}

/// What arrived: how many messages, and under which permits.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(u64, BTreeSet<String>)>>);

impl Cloud {
    pub(crate) async fn start() -> Result<Self, Problem> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, seen) = (listener.local_addr()?, Seen::default());
        let of_server = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, of_server.clone()));
            }
        });
        Ok(Self { address, seen })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Under how many different permits.
    pub(crate) fn permits(&self) -> usize {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).1.len()
    }
}

/// Answers the messages of one connection until it closes or says something that is not a message.
async fn serve(stream: TcpStream, seen: Seen) {
    let mut stream = BufReader::new(stream);
    while let Some(message) = read(&mut stream).await {
        let permit = message.get("biz_opaque_callback_data").and_then(Value::as_str);
        let permit = permit.unwrap_or_default().to_owned();
        let answer = json!({ "messages": [{ "id": format!("wamid.stand-in-{permit}") }] }).to_string();
        {
            let mut seen = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.0 += 1;
            seen.1.insert(permit);
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Value> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse::<usize>().ok()?.min(64 * 1024),
            None if line.trim_end().is_empty() => break,
            Some(_) | None => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}
