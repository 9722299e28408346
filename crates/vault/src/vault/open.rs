//! Opening sealed values.

use wzapi_encryption::{Place, TenantKeys};
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::Key;
use wzapi_storage::row::{DataKeyRow, Sealed};

use crate::decision::reading::ReadPermit;
use crate::error::VaultError;
use crate::record::RecordRef;
use crate::value::RecordValue;

/// The field of a record's row, and of a revision's, in which the value is sealed.
const FIELD: &str = "value";

/// Where the value of a row is sealed to.
pub(super) const fn place(controller: ControllerId, row: &Key) -> Place<'_> {
    Place { controller, row, field: FIELD }
}

/// Opens the value that stands in `row`, for whoever was permitted to read the record.
pub(super) fn open(
    keys: &TenantKeys,
    record: &RecordRef,
    row: &Key,
    key_row: Option<&DataKeyRow>,
    sealed: &Sealed,
    _permit: &ReadPermit,
) -> Result<RecordValue, VaultError> {
    let encoded = open_encoded(keys, record, row, key_row, sealed)?;
    RecordValue::decode(&encoded).ok_or(VaultError::Damaged("a value is not in a known encoding"))
}

/// The bytes of a value that is sealed anew, and not handed out.
pub(super) fn open_encoded(
    keys: &TenantKeys,
    record: &RecordRef,
    row: &Key,
    key_row: Option<&DataKeyRow>,
    sealed: &Sealed,
) -> Result<zeroize::Zeroizing<Vec<u8>>, VaultError> {
    Ok(keys.open(&record.data_key(), key_row, &place(keys.controller(), row), sealed)?)
}
