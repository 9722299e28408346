//! Reading the gate rows of recipients: one `get`, whatever the number of spellings and index keys.

use wzapi_encryption::TenantKeys;
use wzapi_model::identifier::{Identifier, Relation};
use wzapi_model::ids::SenderId;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::row::{IdentifierRow, RowType, SenderRow};
use wzapi_storage::{Storage, StorageError};

use super::rows::GateRows;
use crate::error::ConsentError;

/// Reads the gate rows of one recipient, every spelling under every live index key, and the sender's row, in one
/// `get`.
pub(crate) async fn read_rows(
    storage: &dyn Storage,
    keys: &TenantKeys,
    recipient: &Identifier,
    sender: Option<SenderId>,
) -> Result<GateRows, ConsentError> {
    let rows = read_many(storage, keys, std::iter::once(recipient), sender).await?;
    rows.into_iter().next().ok_or(ConsentError::Damaged("the store answered less than it was asked"))
}

/// The same for several recipients, in their order.
pub(super) async fn read_many<'r>(
    storage: &dyn Storage,
    keys: &TenantKeys,
    recipients: impl ExactSizeIterator<Item = &'r Identifier> + Send,
    sender: Option<SenderId>,
) -> Result<Vec<GateRows>, ConsentError> {
    let count = recipients.len();
    let mut wanted = Vec::with_capacity(count);
    let mut asked: Vec<(usize, Relation)> = Vec::with_capacity(count);
    for (position, recipient) in recipients.enumerate() {
        for (spelling, relation) in recipient.spellings() {
            for index in keys.identifier_indexes(&spelling) {
                wanted.push(Key::Identifier(index));
                asked.push((position, relation));
            }
        }
    }
    wanted.extend(sender.map(Key::Sender));
    let mut answers = storage.get(keys.controller(), &wanted).await?;
    if answers.len() != wanted.len() {
        return Err(ConsentError::Damaged("the store answered less than it was asked"));
    }
    let sender = sender.and_then(|_| answers.pop().flatten());
    let sender_portfolio = match &sender {
        Some(stored) => SenderRow::of(&stored.body).ok_or(of_another_kind(SenderRow::KIND))?.portfolio,
        None => None,
    };
    let nothing =
        GateRows { is_sender_registered: sender.is_some(), sender_portfolio, ..GateRows::default() };
    let mut rows = vec![nothing; count];
    for ((position, relation), stored) in asked.into_iter().zip(answers) {
        let Some(stored) = stored else { continue };
        let row = IdentifierRow::of(&stored.body).ok_or(of_another_kind(IdentifierRow::KIND))?;
        if let Some(rows) = rows.get_mut(position) {
            rows.push(row.clone(), relation);
        }
    }
    Ok(rows)
}

const fn of_another_kind(kind: RowKind) -> StorageError {
    StorageError::Corrupt { kind, problem: "it is of another kind" }
}
