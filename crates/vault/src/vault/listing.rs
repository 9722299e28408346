//! Which records there are, without opening any.

use std::collections::BTreeSet;

use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::row::{RecordRow, RowType, Stored};

use crate::error::VaultError;
use crate::record::{RecordInfo, RecordRef};
use crate::vault::{Vault, people};

/// The most records of a page.
pub const MAX_PAGE: usize = 256;

/// Which records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everything about a person, under whatever subject the person was known.
    Person(SubjectId),
    /// What is about a person in one category.
    PersonIn(SubjectId, DataCategory),
    /// Everything in one category, about whomever.
    Category(DataCategory),
}

/// Some records, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfoPage {
    /// What is known of them.
    pub records: Vec<RecordInfo>,
    /// Go on after this one; `None` at the end.
    pub next: Option<RecordRef>,
}

impl Vault {
    /// A page of what is known of records, after the one that the page before named. A page has at most `limit` records,
    /// and may have fewer, or none, before the end. What is there from the first page to the last is listed once;
    /// what comes or goes meanwhile may be listed or not.
    ///
    /// The rows of a page are held in memory with their sealed values: 64 MiB at most, for a page of the largest size
    /// of nothing but the longest values.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] when `limit` is not between 1 and [`MAX_PAGE`] or `after` is not of the selection;
    /// [`VaultError::UnknownSubject`]; [`VaultError::Storage`].
    pub async fn list(
        &self,
        controller: ControllerId,
        selection: &Selection,
        after: Option<&RecordRef>,
        limit: usize,
    ) -> Result<InfoPage, VaultError> {
        check(selection, after, limit)?;
        let (subjects, category) = match selection {
            Selection::Person(subject) => (self.subjects_of(controller, *subject).await?, None),
            Selection::PersonIn(subject, category) => {
                (self.subjects_of(controller, *subject).await?, Some(category))
            }
            Selection::Category(category) => {
                return self.list_category(controller, category, after, limit).await;
            }
        };
        let (rows, next) = self.rows_of(controller, &subjects, category, after, limit).await?;
        let records = rows
            .into_iter()
            .filter_map(|(record, stored)| {
                let row = RecordRow::of(&stored.body)?;
                Some(RecordInfo::new(record, row, stored.due_at))
            })
            .collect();
        Ok(InfoPage { records, next })
    }

    async fn list_category(
        &self,
        controller: ControllerId,
        category: &DataCategory,
        after: Option<&RecordRef>,
        limit: usize,
    ) -> Result<InfoPage, VaultError> {
        let (found, next) = self.index_of(controller, category, after, limit).await?;
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        draft.load(found.iter().map(RecordRef::key)).await?;
        let mut records = Vec::with_capacity(found.len());
        for record in found {
            let key = record.key();
            let due_at = draft.loaded_due_at(&key);
            if let Some(row) = draft.row::<RecordRow>(&key)? {
                records.push(RecordInfo::new(record, row, due_at));
            }
        }
        Ok(InfoPage { records, next })
    }

    /// Every subject that the person was known as.
    pub(super) async fn subjects_of(
        &self,
        controller: ControllerId,
        subject: SubjectId,
    ) -> Result<BTreeSet<SubjectId>, VaultError> {
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        people::all_of(&mut draft, subject).await
    }

    /// A page of a person's records, in the order of their references.
    pub(super) async fn rows_of(
        &self,
        controller: ControllerId,
        subjects: &BTreeSet<SubjectId>,
        category: Option<&DataCategory>,
        after: Option<&RecordRef>,
        limit: usize,
    ) -> Result<(Vec<(RecordRef, Stored)>, Option<RecordRef>), VaultError> {
        let mut rows: Vec<(RecordRef, Stored)> = Vec::new();
        let remaining =
            subjects.iter().filter(|subject| after.is_none_or(|after| **subject >= after.subject));
        for subject in remaining {
            let prefix = match category {
                Some(category) => KeyPrefix::Records(*subject, category.clone()),
                None => KeyPrefix::Kind(Owner::Subject(*subject), RowKind::Record),
            };
            let resumed = after.filter(|after| after.subject == *subject);
            let mut cursor = resumed.map(|after| Cursor { key: after.key(), due_at: None });
            loop {
                let left = limit - rows.len();
                if left == 0 {
                    let next = rows.last().map(|(record, _)| record.clone());
                    return Ok((rows, next));
                }
                let mut query = Query::prefix(controller, prefix.clone(), left);
                query.after = cursor.take();
                let page = self.parts.storage.scan(&query).await?;
                rows.extend(
                    page.rows.into_iter().filter_map(|(key, stored)| Some((RecordRef::of(&key)?, stored))),
                );
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
        }
        Ok((rows, None))
    }

    /// A page of the index of a category.
    pub(super) async fn index_of(
        &self,
        controller: ControllerId,
        category: &DataCategory,
        after: Option<&RecordRef>,
        limit: usize,
    ) -> Result<(Vec<RecordRef>, Option<RecordRef>), VaultError> {
        let mut query = Query::prefix(controller, KeyPrefix::RecordsOfCategory(category.clone()), limit);
        query.after = after.map(|after| Cursor { key: after.index_key(), due_at: None });
        let page = self.parts.storage.scan(&query).await?;
        let next = page.next.and_then(|cursor| RecordRef::of(&cursor.key));
        let found = page.rows.iter().filter_map(|(key, _): &(Key, Stored)| RecordRef::of(key)).collect();
        Ok((found, next))
    }
}

/// Whether a page can be asked for so.
pub(super) fn check(
    selection: &Selection,
    after: Option<&RecordRef>,
    limit: usize,
) -> Result<(), VaultError> {
    if limit == 0 || limit > MAX_PAGE {
        return Err(VaultError::Invalid("a page has between 1 and 256 records"));
    }
    let is_of_selection = after.is_none_or(|after| match selection {
        Selection::Person(_) => true,
        Selection::PersonIn(_, category) | Selection::Category(category) => after.category == *category,
    });
    if is_of_selection {
        Ok(())
    } else {
        Err(VaultError::Invalid("a listing goes on after a record of its own category"))
    }
}
