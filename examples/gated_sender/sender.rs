//! The host's own way to the Cloud API.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use wzapi_compliance::consent::gate::RedeemedPermit;
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::sending::SendGate;

use crate::{Problem, gap};

/// One kept connection. There is no other way to write to it than [`Sender::send`].
pub(crate) struct Sender {
    stream: BufReader<TcpStream>,
}

/// A message that the Cloud API took. It keeps its permit to itself, so that no second message goes out under it.
pub(crate) struct Sent {
    permit: RedeemedPermit,
    message_id: String,
    /// When the last byte was handed to the socket.
    pub(crate) written: Instant,
}

impl Sent {
    /// Records that the message was sent under its permit. It may be retried; the message is sent in any case.
    pub(crate) async fn bind(&self, gate: &SendGate<'_>, actor: &Actor) -> Result<(), Problem> {
        gate.bind(actor, &self.permit, &self.message_id).await?;
        Ok(())
    }
}

impl Sender {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Problem> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a template to the recipient of the permit. The permit says to whom, so no caller can; it is taken by value, so
    /// it does for one message; and it is a *redeemed* one, which only the gate gives, right before.
    pub(crate) async fn send(&mut self, permit: RedeemedPermit, template: &str) -> Result<Sent, Problem> {
        let body = body(&permit, template)?.to_string();
        let head = format!(
            "POST /v26.0/106540352242922/messages HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let written = gap::now();
        let message_id = self.answer().await?;
        Ok(Sent { permit, message_id, written })
    }

    async fn answer(&mut self) -> Result<String, Problem> {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse::<usize>()?.min(64 * 1024),
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None if line.starts_with("HTTP/1.1 200 ") => {}
                // It may have been taken all the same. A host settles it by the callback data of a status.
                None => return Err("the Cloud API did not take the message".into()),
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let id = answer.pointer("/messages/0/id").and_then(Value::as_str);
        Ok(id.ok_or("the answer names no message")?.to_owned())
    }
}

/// Numbers go into `to`, business-scoped user ids into `recipient`. The callback data comes back with every status, and
/// binds it to the permit.
fn body(permit: &RedeemedPermit, template: &str) -> Result<Value, Problem> {
    let field = match permit.recipient() {
        Identifier::Phone(_) => "to",
        Identifier::Bsuid(_) => "recipient",
        Identifier::Email(_) => return Err("WhatsApp has no e-mail addresses".into()),
    };
    Ok(json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        field: permit.expose_address(),
        "type": "template",
        "template": { "name": template, "language": { "code": "en" } },
        "biz_opaque_callback_data": permit.callback_data(),
    }))
}
