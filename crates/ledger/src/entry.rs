//! An event turned into a commitment and a sealed body.

use wzapi_encryption::{EncryptionError, Place, TenantKeys};
use wzapi_ledger_proof::tlog_proof::Disclosure;
use wzapi_ledger_proof::{Blinding, EntryCommitment};
use wzapi_model::Entropy;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{DataKeyRow, EntryBody, EntryBodyRow, Sealed};
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
        let mut blinding = Zeroizing::new([0; BLINDING]);
        entropy.fill(blinding.as_mut_slice())?;
        let commitment = EntryCommitment::compute(&Blinding::from_bytes(*blinding), &canonical);

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

    pub(crate) fn body_row(&self, log: LogRef, index: u64) -> (Key, EntryBodyRow) {
        let body = EntryBody::Kept(self.sealed.clone());
        let row = EntryBodyRow { log, index, category: self.category.clone(), body };
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
    /// The category whose data key seals it.
    pub category: &'a DataCategory,
    /// What was found.
    pub sealed: &'a Sealed,
}

impl SealedBody<'_> {
    /// Where the data key that opens it is kept.
    #[must_use]
    pub fn data_key(&self) -> Key {
        TenantKeys::data_key_of(self.key.owner(), self.category, self.sealed)
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
        let (_, event) = self.opened(keys, data_key, commitment)?;
        Ok(event)
    }

    /// As [`SealedBody::open`], with the blinding: what a proof discloses.
    pub(crate) fn disclose(
        &self,
        keys: &TenantKeys,
        data_key: Option<&DataKeyRow>,
        commitment: &EntryCommitment,
    ) -> Result<Disclosure, EncryptionError> {
        let (blinding, event) = self.opened(keys, data_key, commitment)?;
        Ok(Disclosure::new(blinding, event.to_vec()))
    }

    fn opened(
        &self,
        keys: &TenantKeys,
        data_key: Option<&DataKeyRow>,
        commitment: &EntryCommitment,
    ) -> Result<(Blinding, Zeroizing<Vec<u8>>), EncryptionError> {
        let place = place(self.controller, self.key);
        let body = keys.open(&self.data_key(), data_key, &place, self.sealed)?;
        let (blinding, event) = unpadded(&body).ok_or(EncryptionError::Authentication)?;
        let blinding = Blinding::from_bytes(*blinding);
        if EntryCommitment::compute(&blinding, event) != *commitment {
            return Err(EncryptionError::Authentication);
        }
        Ok((blinding, Zeroizing::new(event.to_vec())))
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
