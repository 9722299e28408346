//! The signed head of a log (C2SP `tlog-checkpoint`): origin, size, root.
//!
//! A checkpoint is what a log can be held to. It is a [note](crate::signed_note) of three lines: the
//! origin, which is the log's name; the number of entries in decimal; the root in Base64. A log must never
//! sign two checkpoints of which neither tree begins with the other; whoever has two such holds proof of
//! its fraud.
//!
//! # Extension lines
//!
//! The specification lets further lines follow and advises against them: a monitor cannot audit what they
//! say, and a log could use them to tell its readers apart. No log of this ledger writes any. A
//! [`CheckpointPolicy`] therefore refuses them, signed as they are, unless it is told that the log is one
//! of others and may have them. A [`Checkpoint`] keeps them, since signatures cover them.

mod error;
mod policy;

use std::fmt;

use crate::signed_note::{self, KeyName, SignedNote, Signer};
use crate::{Hash, TreeHead, base64_text, decimal};

pub use error::{CheckpointError, PolicyError};
pub use policy::{CheckpointPolicy, OpenedCheckpoint};

/// What a checkpoint says, without who says it.
///
/// `Display` writes the text that is signed.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::checkpoint::Checkpoint;
///
/// let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
/// let checkpoint = Checkpoint::parse(text)?;
/// assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
/// assert_eq!(checkpoint.head().size(), 20_852_163);
/// assert_eq!(checkpoint.to_string(), text);
/// # Ok::<(), wzapi_ledger_proof::checkpoint::CheckpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// States the head of the log whose key has this name.
    #[must_use]
    pub fn new(log: &KeyName, head: TreeHead) -> Self {
        Self { origin: log.to_string(), head, extensions: Vec::new() }
    }

    /// Reads the text of a checkpoint. Take it from a
    /// [`VerifiedNote`](crate::signed_note::VerifiedNote), or let a [`CheckpointPolicy`] do both.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Malformed`], [`CheckpointError::ImpossibleTree`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = |line| CheckpointError::Malformed { line };
        let lines = text.strip_suffix('\n').ok_or(malformed(1))?;
        let mut lines = lines.split('\n');
        let mut next = |line| {
            lines.next().filter(|text| !text.is_empty() && signed_note::is_text(text)).ok_or(malformed(line))
        };
        let origin = next(1)?.to_owned();
        let size = decimal::parse(next(2)?).ok_or(malformed(2))?;
        let root = base64_text::decode_array(next(3)?).map(Hash::from).ok_or(malformed(3))?;
        let mut extensions = Vec::new();
        for (extension, line) in lines.zip(4..) {
            if extension.is_empty() || !signed_note::is_text(extension) {
                return Err(malformed(line));
            }
            extensions.push(extension.to_owned());
        }
        let head = TreeHead::new(size, root).map_err(CheckpointError::ImpossibleTree)?;
        Ok(Self { origin, head, extensions })
    }

    /// Signs the checkpoint with the log's key, or with both during a rotation.
    ///
    /// The caller sees to it that the tree begins with the trees of all checkpoints signed before, and
    /// keeps a record of this one before anyone else gets it.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::OtherSigner`] if the name of a key is not the origin; [`CheckpointError::Note`] if
    /// there is no signer.
    pub fn sign(&self, signers: &[&Signer]) -> Result<SignedNote, CheckpointError> {
        let names = signers.iter().map(|signer| signer.verifier_key().name());
        if let Some(other) = names.into_iter().find(|name| name.as_str() != self.origin) {
            let (origin, name) = (self.origin.clone(), other.to_string());
            return Err(CheckpointError::OtherSigner { origin, name });
        }
        Ok(SignedNote::sign(&self.to_string(), signers)?)
    }

    /// The name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root of the tree.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// The lines after the root. Logs of this ledger have none.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = base64_text::encode(self.head.root().as_bytes());
        writeln!(f, "{}\n{}\n{root}", self.origin, self.head.size())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
