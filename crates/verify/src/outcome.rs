//! What is told at the end, as text or as JSON, and the exit code.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use wzapi_ledger_proof::audit::Fault;
use wzapi_ledger_proof::checkpoint::{CheckpointError, OpenedCheckpoint};
use wzapi_ledger_proof::receipt::ReceiptError;
use wzapi_ledger_proof::signed_note::NoteError;
use wzapi_ledger_proof::tlog_proof::TlogProofError;

/// All is well, and what that means.
#[derive(Debug)]
pub(crate) struct Verdict {
    lines: Vec<String>,
    /// `"name":value`, in order.
    fields: Vec<String>,
}

impl Verdict {
    pub(crate) fn new(command: &str, message: &str, checkpoint: &OpenedCheckpoint) -> Self {
        let head = checkpoint.head();
        let mut verdict = Self { lines: Vec::new(), fields: vec!["\"ok\":true".to_owned()] };
        verdict.text("", "command", command);
        verdict.text("", "message", message);
        verdict.line(message);
        verdict.text("log", "origin", checkpoint.checkpoint().origin());
        verdict.number("entries", "size", head.size());
        verdict.text("root", "root", &head.root().to_string());
        let keys = checkpoint.log_signatures().iter().map(|signature| signature.key().id().to_string());
        let keys: Vec<_> = keys.collect();
        verdict.line(&format!("signed by the log's key {}", keys.join(" and ")));
        verdict.raw("log_keys", &format!("{keys:?}"));
        let mut witnesses = Vec::new();
        for signature in checkpoint.cosignatures() {
            let (name, time) = (signature.key().name(), signature.timestamp().unwrap_or_default());
            verdict.line(&format!("signed by the witness {name} at {time} seconds since 1970"));
            witnesses.push(format!("{{\"name\":{},\"time\":{time}}}", quoted(name.as_str())));
        }
        verdict.raw("witnesses", &format!("[{}]", witnesses.join(",")));
        verdict
    }

    pub(crate) fn line(&mut self, text: &str) {
        self.lines.push(safe(text));
    }

    pub(crate) fn number(&mut self, label: &str, name: &str, value: u64) {
        self.line(&format!("{label}: {value}"));
        self.raw(name, &value.to_string());
    }

    /// A field whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, value: &str) {
        self.fields.push(format!("\"{name}\":{value}"));
    }

    pub(crate) fn text(&mut self, label: &str, name: &str, value: &str) {
        if !label.is_empty() {
            self.line(&format!("{label}: {value}"));
        }
        self.raw(name, &quoted(value));
    }

    pub(crate) fn as_text(&self) -> String {
        self.lines.join("\n")
    }

    pub(crate) fn as_json(&self) -> String {
        format!("{{{}}}", self.fields.join(","))
    }
}

/// Why there is no good verdict.
#[derive(Debug)]
pub(crate) struct Failure {
    class: Class,
    kind: String,
    message: String,
    path: Option<String>,
}

/// The exit codes of all tools of this workspace.
#[derive(Clone, Copy, Debug)]
enum Class {
    Unreadable = 1,
    Input = 2,
    Refused = 3,
    Failed = 4,
}

impl Failure {
    fn new(class: Class, kind: &str, message: &str) -> Self {
        Self { class, kind: kind.to_owned(), message: message.to_owned(), path: None }
    }

    pub(crate) fn input(kind: &str, message: &str) -> Self {
        Self::new(Class::Input, kind, message)
    }

    pub(crate) fn failed(kind: &str, message: &str) -> Self {
        Self::new(Class::Failed, kind, message)
    }

    pub(crate) fn unreadable(error: &dyn Error) -> Self {
        Self::new(Class::Unreadable, "unreadable", &chain(error))
    }

    pub(crate) fn unreadable_file(path: &str, error: &io::Error) -> Self {
        Self::new(Class::Unreadable, "unreadable", &format!("{path} could not be read: {error}"))
    }

    pub(crate) fn fault(fault: &Fault) -> Self {
        let failure = match fault {
            // What lies in the log is its exporter's doing, so a malformed checkpoint is a fault, too.
            Fault::CheckpointRefused(error) if matches!(class_of(error), Class::Refused) => {
                Self::new(Class::Refused, fault.kind(), &chain(fault))
            }
            _ => Self::failed(fault.kind(), &chain(fault)),
        };
        Self { path: fault.path(), ..failure }
    }

    pub(crate) fn checkpoint(error: &CheckpointError, context: &str) -> Self {
        Self::new(class_of(error), "checkpoint_refused", &format!("{context}{}", chain(error)))
    }

    pub(crate) fn proof(error: &TlogProofError) -> Self {
        match error {
            TlogProofError::Checkpoint(checkpoint) => Self::checkpoint(checkpoint, ""),
            TlogProofError::NotDisclosed => Self::new(Class::Refused, "not_disclosed", &chain(error)),
            TlogProofError::NotIncluded(_) => Self::failed("not_included", &chain(error)),
            TlogProofError::NotCanonical(_) => Self::failed("not_canonical", &chain(error)),
            _ => Self::input("malformed_proof", &chain(error)),
        }
    }

    pub(crate) fn receipt(error: &ReceiptError) -> Self {
        let class = match error {
            ReceiptError::UnknownSigner | ReceiptError::UnknownLog { .. } => Class::Refused,
            ReceiptError::TooLarge { .. } | ReceiptError::NotCanonical(_) | ReceiptError::Malformed(_) => {
                Class::Input
            }
            ReceiptError::Proof { error, .. } => Self::proof(error).class,
            ReceiptError::Signature(NoteError::BadSignature { .. })
            | ReceiptError::OtherStatement
            | ReceiptError::DocumentAltered
            | ReceiptError::NotProved { .. }
            | ReceiptError::NotCited { .. }
            | ReceiptError::Disagrees { .. } => Class::Failed,
            _ => Class::Input,
        };
        Self::new(class, error.kind(), &chain(error))
    }

    pub(crate) fn as_text(&self) -> String {
        safe(&match self.class {
            Class::Unreadable | Class::Input => self.message.clone(),
            Class::Refused => format!("REFUSED: {}", self.message),
            Class::Failed => format!("VERIFICATION FAILED: {}", self.message),
        })
    }

    pub(crate) fn as_json(&self) -> String {
        let path = self.path.as_deref().map_or_else(|| "null".to_owned(), quoted);
        let (kind, message) = (quoted(&self.kind), quoted(&self.message));
        format!("{{\"ok\":false,\"kind\":{kind},\"message\":{message},\"path\":{path}}}")
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.class as u8)
    }
}

fn class_of(error: &CheckpointError) -> Class {
    match error {
        CheckpointError::Note(NoteError::BadSignature { .. }) => Class::Failed,
        CheckpointError::Note(NoteError::NoKnownSignature)
        | CheckpointError::OtherLog { .. }
        | CheckpointError::NotSignedByLog { .. }
        | CheckpointError::TooFewWitnesses { .. }
        | CheckpointError::ExtensionLines => Class::Refused,
        _ => Class::Input,
    }
}

/// An error with all that caused it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Text in which no character can move the cursor, hide, or turn the direction of what stands beside it: those
/// are written as JSON escapes them.
pub(crate) fn safe(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..)
    };
    let mut safe = String::new();
    for character in text.chars() {
        if is_unsafe(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", safe(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}
