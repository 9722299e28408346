//! An event turned into a commitment and a sealed body.

use wzapi_encryption::{DataKey, EncryptionError, Place, TenantKeys};
use wzapi_ledger_proof::{Blinding, EntryCommitment};
use wzapi_model::Entropy;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{DataKeyRow, EntryBodyRow, Sealed};
use zeroize::Zeroizing;

use crate::error::LedgerError;
use crate::event::Event;

/// Bodies are padded to a multiple of this many bytes, since their length would betray their type.
const PADDING_STEP: usize = 256;
const BLINDING: usize = 32;
const FIELD: &str = "body";

/// An entry that has everything but its index.
#[derive(Debug, Clone)]
pub struct PreparedEntry {
    pub(crate) id: EntryId,
    pub(crate) owner: Owner,
    pub(crate) category: DataCategory,
    pub(crate) commitment: EntryCommitment,
    pub(crate) sealed: Sealed,
}

impl PreparedEntry {
    /// Draws a blinding, commits to the event and seals both under the data key of `owner` and `category`,
    /// which is staged in the draft if it is new.
    ///
    /// # Errors
    /// [`LedgerError::NotCanonical`], [`LedgerError::Encryption`], [`LedgerError::Entropy`].
    pub async fn seal(
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        entropy: &dyn Entropy,
        about: (Owner, &DataCategory),
        event: &Event,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let (owner, category) = about;
        let canonical = Zeroizing::new(event.canonical_bytes()?);
        let mut blinding = [0; BLINDING];
        entropy.fill(&mut blinding)?;
        let commitment = EntryCommitment::compute(&Blinding::from_bytes(blinding), &canonical);

        let id = EntryId::generate(entropy)?;
        let row = Key::EntryBody { owner, entry: id };
        let data_key = keys.data_key_for_writing(draft, owner, category, now).await?;
        let body = padded(&blinding, &canonical)?;
        let sealed = data_key.seal(&place(draft.controller(), &row), &body)?;
        Ok(Self { id, owner, category: category.clone(), commitment, sealed })
    }

    /// The entry's id, under which rows cite it before it has an index.
    #[must_use]
    pub const fn id(&self) -> EntryId {
        self.id
    }

    pub(crate) fn body_row(&self, shard: u16, index: u64) -> (Key, EntryBodyRow) {
        let row = EntryBodyRow { shard, index, category: self.category.clone(), sealed: self.sealed.clone() };
        (Key::EntryBody { owner: self.owner, entry: self.id }, row)
    }
}

/// The sealed body of an entry, as it was found.
#[derive(Debug)]
pub struct SealedBody<'a> {
    /// The controller.
    pub controller: ControllerId,
    /// Where it was found.
    pub key: &'a Key,
    /// What was found.
    pub row: &'a EntryBodyRow,
}

impl SealedBody<'_> {
    /// Where the data key that opens it is kept.
    #[must_use]
    pub fn data_key(&self) -> Key {
        TenantKeys::data_key_of(self.key.owner(), &self.row.category, &self.row.sealed)
    }

    /// Opens the body: the event's canonical bytes, after checking that they and the blinding give `commitment`.
    ///
    /// # Errors
    /// [`EncryptionError::KeyMissing`] when the data key is gone; [`EncryptionError::Authentication`] when the
    /// body was altered, or is not the one committed to.
    pub fn open(
        &self,
        keys: &TenantKeys,
        data_key: Option<&DataKeyRow>,
        commitment: &EntryCommitment,
    ) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
        let row = data_key.ok_or(EncryptionError::KeyMissing)?;
        let data_key: DataKey = keys.open_data_key(&self.data_key(), row)?;
        let body = data_key.open(&place(self.controller, self.key), &self.row.sealed)?;
        let (blinding, event) = unpadded(&body).ok_or(EncryptionError::Authentication)?;
        let recomputed = EntryCommitment::compute(&Blinding::from_bytes(*blinding), event);
        if recomputed != *commitment {
            return Err(EncryptionError::Authentication);
        }
        Ok(Zeroizing::new(event.to_vec()))
    }
}

fn place<'a>(controller: ControllerId, row: &'a Key) -> Place<'a> {
    Place { controller, row, field: FIELD }
}

/// Length of the event (4 bytes) ‖ blinding ‖ event ‖ zeros up to the next step.
fn padded(blinding: &[u8; BLINDING], event: &[u8]) -> Result<Zeroizing<Vec<u8>>, LedgerError> {
    let length = u32::try_from(event.len()).map_err(|_| LedgerError::NotCanonical)?;
    let mut body =
        Zeroizing::new(Vec::with_capacity((event.len() + 4 + BLINDING).next_multiple_of(PADDING_STEP)));
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(blinding);
    body.extend_from_slice(event);
    let padded_length = body.len().next_multiple_of(PADDING_STEP);
    body.resize(padded_length, 0);
    Ok(body)
}

fn unpadded(body: &[u8]) -> Option<(&[u8; BLINDING], &[u8])> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (blinding, rest) = rest.split_first_chunk::<BLINDING>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some((blinding, rest.get(..length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_hides_the_length_and_comes_off_again() {
        for length in [0, 1, 219, 220, 221, 1000] {
            let event = vec![b'x'; length];
            let body = padded(&[7; 32], &event).unwrap();
            assert_eq!(body.len() % PADDING_STEP, 0);
            assert_eq!(unpadded(&body), Some((&[7; 32], event.as_slice())));
        }
        assert_eq!(unpadded(&[0, 0, 0, 9]), None);
        assert_eq!(unpadded(&[0xff; 40]), None, "a length beyond the body");
    }
}
