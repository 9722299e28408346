//! Keys, notes and files as the specifications describe them, written down without the crate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// A key of a log (0x01) or of a witness (0x04).
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) kind: u8,
    pub(crate) seed: [u8; 32],
}

impl Key {
    pub(crate) fn log(name: &str, seed: u8) -> Self {
        Self { name: name.to_owned(), kind: 1, seed: [seed; 32] }
    }

    pub(crate) fn witness(name: &str, seed: u8) -> Self {
        Self { name: name.to_owned(), kind: 4, seed: [seed; 32] }
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.seed).unwrap()
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        self.pair().public_key().as_ref().to_vec()
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        let named = [self.name.as_bytes(), b"\n", &[self.kind], &self.public()].concat();
        digest(&SHA256, &named).as_ref()[..4].to_vec()
    }

    pub(crate) fn vkey(&self) -> String {
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}+{id}+{}", self.name, base64(&[&[self.kind], self.public().as_slice()].concat()))
    }

    /// The line of a log under a text.
    pub(crate) fn line(&self, text: &str) -> String {
        self.raw_line(self.pair().sign(text.as_bytes()).as_ref())
    }

    /// The line of a witness under a text.
    pub(crate) fn cosignature(&self, text: &str, time: u64) -> String {
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = self.pair().sign(message.as_bytes());
        self.raw_line(&[&time.to_be_bytes(), signature.as_ref()].concat())
    }

    pub(crate) fn raw_line(&self, signature: &[u8]) -> String {
        format!("— {} {}\n", self.name, base64(&[self.id().as_slice(), signature].concat()))
    }
}

pub(crate) fn note(text: &str, lines: &[String]) -> String {
    format!("{text}\n{}", lines.concat())
}
