//! What a message carries to the provider and back, so that every status shows which permit it was sent under.
//!
//! Text of version 1: `wz1.`, then in hexadecimal digits permit, subject and sender (16 bytes each), the category (1 byte), the
//! time of redemption (milliseconds since 1970, 8 bytes, most significant first), the length of the purpose's name (1 byte)
//! and that name, the ids of the ledger entries that the decision rested on (16 bytes each, as many as fit), and a keyed hash
//! over all of that (16 bytes). The key is the controller's, so that nobody else makes one: not the provider, and not
//! another controller. Nothing in it says who the person is.

use wzapi_encryption::TenantKeys;
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_model::Timestamp;
use wzapi_model::ids::{EntryId, PermitId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_policy::file::FrequencyLimit;
use wzapi_storage::key::Key;
use wzapi_storage::row::{StepMark, SubjectRow};

use super::binding::{Departure, MAX_MESSAGE_ID};
use crate::error::ConsentError;
use crate::recording::Recording;

/// The longest text, in bytes: what Meta takes as `biz_opaque_callback_data`.
pub const MAX_CALLBACK: usize = 512;

const PREFIX: &str = "wz1.";
/// The kind under which the keyed hash is made: the version of the text.
const VERSION: &str = "1";
const MAC: usize = 16;

/// What a message carried, or will carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// The permit.
    pub permit: PermitId,
    /// The person as whom the recipient was known when the permit was redeemed.
    pub subject: SubjectId,
    /// The sender.
    pub sender: SenderId,
    /// The category of the message.
    pub category: MessageCategory,
    /// The purpose.
    pub purpose: PurposeId,
    /// When the permit was redeemed.
    pub redeemed_at: Timestamp,
    /// The ledger entries that the decision rested on; of very many, the first.
    pub evidence: Vec<EntryId>,
}

impl Callback {
    /// As text of at most [`MAX_CALLBACK`] bytes, under the controller's newest index key.
    #[must_use]
    pub fn write(&self, keys: &TenantKeys) -> String {
        let mut bytes = Vec::with_capacity(MAX_CALLBACK / 2);
        bytes.extend_from_slice(&self.permit.to_bytes());
        bytes.extend_from_slice(&self.subject.to_bytes());
        bytes.extend_from_slice(&self.sender.to_bytes());
        bytes.push(code_of(self.category));
        bytes.extend_from_slice(&self.redeemed_at.as_millis().to_be_bytes());
        let purpose = self.purpose.as_str().as_bytes();
        // A name has at most 64 bytes.
        bytes.push(u8::try_from(purpose.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(purpose);
        for entry in &self.evidence {
            if PREFIX.len() + 2 * (bytes.len() + 16 + MAC) <= MAX_CALLBACK {
                bytes.extend_from_slice(&entry.to_bytes());
            }
        }
        let macs = keys.indexes(IndexLabel::Callback, VERSION, &bytes);
        if let Some(mac) = macs.first() {
            bytes.extend_from_slice(&mac.0);
        }
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        std::iter::once(PREFIX.to_owned()).chain(digits).collect()
    }

    /// Reads a text that this controller made, under any of its live index keys. `None` for every other: nothing follows
    /// from it.
    #[must_use]
    pub fn read(text: &str, keys: &TenantKeys) -> Option<Self> {
        if text.len() > MAX_CALLBACK {
            return None;
        }
        let bytes = bytes_of(text.strip_prefix(PREFIX)?)?;
        let (body, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let macs = keys.indexes(IndexLabel::Callback, VERSION, body);
        if !macs.iter().any(|known| is_same(&known.0, mac)) {
            return None;
        }
        let mut rest = body;
        let callback = Self {
            permit: PermitId::from_bytes(take(&mut rest)?),
            subject: SubjectId::from_bytes(take(&mut rest)?),
            sender: SenderId::from_bytes(take(&mut rest)?),
            category: category_of(take::<1>(&mut rest)?)?,
            redeemed_at: Timestamp::from_millis(i64::from_be_bytes(take(&mut rest)?)).ok()?,
            purpose: {
                let [length] = take::<1>(&mut rest)?;
                let (name, after) = rest.split_at_checked(usize::from(length))?;
                rest = after;
                std::str::from_utf8(name).ok()?.parse().ok()?
            },
            evidence: Vec::new(),
        };
        let mut evidence = Vec::new();
        while !rest.is_empty() {
            evidence.push(EntryId::from_bytes(take(&mut rest)?));
        }
        Some(Self { evidence, ..callback })
    }
}

/// What a status that carried a callback led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// The message was bound already.
    Bound,
    /// The process ended between transmission and binding, or the status was faster: the message was bound now.
    Healed(EntryId),
    /// There is nothing to bind it to: the person was erased, or is in no row of a store that was restored, or the status
    /// does not name the message.
    Unbound,
}

impl Recording<'_> {
    /// Reads what a status brought back. `None` when this controller did not make it.
    #[must_use]
    pub fn callback(&self, text: &str) -> Option<Callback> {
        Callback::read(text, &self.keys)
    }

    /// Stages what a status says about a message: binds the message to its permit where nobody did, and notes the step.
    /// Of several reports of one step, the earliest stays.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn report(
        &mut self,
        callback: &Callback,
        message_id: Option<&str>,
        step: Option<StepMark>,
        limits: &[FrequencyLimit],
    ) -> Result<Reported, ConsentError> {
        let subject = Key::Subject(callback.subject);
        self.draft.load([subject.clone()]).await?;
        let is_there = self.draft.row::<SubjectRow>(&subject)?.is_some_and(|row| row.erased.is_none());
        let mut reported = Reported::Bound;
        if self.bound(callback.subject, callback.permit).await?.is_none() {
            let message_id = message_id.filter(|id| !id.is_empty() && id.len() <= MAX_MESSAGE_ID);
            let Some(message_id) = message_id.filter(|_| is_there) else { return Ok(Reported::Unbound) };
            let departure = Departure {
                permit: callback.permit,
                subject: callback.subject,
                sender: callback.sender,
                category: callback.category,
                purpose: &callback.purpose,
                redeemed_at: callback.redeemed_at,
                evidence: callback.evidence.clone(),
                reasons: None,
            };
            reported = Reported::Healed(self.bind_message(&departure, message_id, limits).await?);
        }
        if let Some(step) = step {
            self.note_step(callback, step).await?;
        }
        Ok(reported)
    }

    async fn note_step(&mut self, callback: &Callback, step: StepMark) -> Result<(), ConsentError> {
        let Some(mut row) = self.bound(callback.subject, callback.permit).await? else { return Ok(()) };
        let step = StepMark { at: step.at.min(self.now()), ..step };
        match row.steps.iter_mut().find(|known| known.step == step.step) {
            Some(known) if *known <= step => return Ok(()),
            Some(known) => *known = step,
            None => row.steps.push(step),
        }
        row.steps.sort_unstable();
        let place = Key::Permit { subject: callback.subject, permit: callback.permit };
        Ok(self.draft.put(place, row, None)?)
    }
}

const fn code_of(category: MessageCategory) -> u8 {
    match category {
        MessageCategory::Marketing => 1,
        MessageCategory::Utility => 2,
        MessageCategory::Authentication => 3,
        MessageCategory::Service => 4,
    }
}

fn category_of([code]: [u8; 1]) -> Option<MessageCategory> {
    MessageCategory::ALL.into_iter().find(|category| code_of(*category) == code)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    // Small letters only: one callback has one text.
    if !digits.len().is_multiple_of(2)
        || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Whether the hashes are the same, in a time that does not tell where they differ.
fn is_same(known: &[u8; MAC], other: &[u8]) -> bool {
    other.len() == MAC && known.iter().zip(other).fold(0, |differs, (one, two)| differs | (one ^ two)) == 0
}
