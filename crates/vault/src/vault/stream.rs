//! Reading many records, page by page, in bounded memory.

use std::collections::BTreeMap;

use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::PurposeId;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{DataKeyRow, RecordRow, SubjectRow};

use crate::decision::reading::{ReadRefusal, permit_read};
use crate::error::VaultError;
use crate::record::{OpenRecord, RecordInfo, RecordRef};
use crate::vault::entry_words::{about_selection, refusals_json};
use crate::vault::open::open;
use crate::vault::{Attempt, MAX_ATTEMPTS, Selection, Vault, listing, people};

/// How many records a page has unless another number is asked for.
const PAGE: usize = 64;

/// Some records, opened.
#[derive(Debug, Default)]
pub struct OpenPage {
    /// Those that may be read for the purpose.
    pub records: Vec<OpenRecord>,
    /// How many may not, by reason. They were not opened.
    pub refused: BTreeMap<ReadRefusal, u64>,
    /// Those that may be read and cannot.
    pub unreadable: Vec<Unreadable>,
    /// The last record that was looked at: a stream that was broken off goes on after it.
    pub last: Option<RecordRef>,
}

/// A record that may be read, and cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which.
    pub record: RecordRef,
    /// Why.
    pub cause: UnreadableCause,
}

/// Why a value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadableCause {
    /// Its key was destroyed, and it with it; its rows are about to go.
    Destroyed,
    /// It was altered or moved, or is in no known encoding.
    Damaged,
}

/// Records of a selection, opened page by page for a purpose. Made by [`Vault::stream`].
#[derive(Debug)]
pub struct RecordStream {
    vault: Vault,
    controller: ControllerId,
    selection: Selection,
    purpose: PurposeId,
    actor: Actor,
    after: Option<RecordRef>,
    page_size: usize,
    is_at_end: bool,
}

impl Vault {
    /// Opens the records of a selection for a purpose, page by page. Each is judged as [`Vault::read`] judges it.
    ///
    /// A page of which something was refused leaves one entry `record.read_refused` that says how many, and why; with
    /// [`Options::log_reads`](crate::Options::log_reads) one that opened something leaves one entry `record.read`.
    ///
    /// ```
    /// # async fn export(
    /// #     vault: wzapi_vault::Vault,
    /// #     controller: wzapi_model::ids::ControllerId,
    /// #     subject: wzapi_model::ids::SubjectId,
    /// #     actor: &wzapi_model::actor::Actor,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use wzapi_vault::vault::Selection;
    ///
    /// let selection = Selection::Person(subject);
    /// let mut stream = vault.stream(controller, selection, "billing".parse()?, actor).with_page_size(100);
    /// while let Some(page) = stream.next_page().await? {
    ///     for opened in &page.records {
    ///         println!("{}: {}", opened.info.record, opened.value.kind());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stream(
        &self,
        controller: ControllerId,
        selection: Selection,
        purpose: PurposeId,
        actor: &Actor,
    ) -> RecordStream {
        RecordStream {
            vault: self.clone(),
            controller,
            selection,
            purpose,
            actor: actor.clone(),
            after: None,
            page_size: PAGE,
            is_at_end: false,
        }
    }
}

impl RecordStream {
    /// The same stream with pages of so many records, between 1 and [`MAX_PAGE`](crate::vault::MAX_PAGE). A page is held
    /// in memory sealed and opened: half a mebibyte per record at most.
    #[must_use]
    pub const fn with_page_size(mut self, records: usize) -> Self {
        self.page_size = records;
        self
    }

    /// The same stream, from after this record on.
    #[must_use]
    pub fn after(mut self, record: RecordRef) -> Self {
        self.after = Some(record);
        self
    }

    /// The next page, or `None` at the end. After an error the same page can be asked for again.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] when the page size is out of bounds or the stream goes on after a record of another
    /// category; [`VaultError::UnknownSubject`]; otherwise the failure of a part, also when the page could not be
    /// recorded.
    pub async fn next_page(&mut self) -> Result<Option<OpenPage>, VaultError> {
        if self.is_at_end {
            return Ok(None);
        }
        listing::check(&self.selection, self.after.as_ref(), self.page_size)?;
        for _ in 0..MAX_ATTEMPTS {
            match self.try_next().await {
                Err(VaultError::Busy) => {}
                Err(error) => return Err(error),
                Ok((page, next)) => {
                    self.is_at_end = next.is_none();
                    self.after = next;
                    return Ok(Some(page));
                }
            }
        }
        Err(VaultError::Busy)
    }

    async fn try_next(&self) -> Result<(OpenPage, Option<RecordRef>), VaultError> {
        let (found, next) = self.found().await?;
        let mut attempt = self.vault.attempt(self.controller, self.vault.now()).await?;
        // One `get` for rows, keys and people: what was found may have changed since.
        let rows =
            found.iter().flat_map(|record| [record.key(), record.data_key(), Key::Subject(record.subject)]);
        attempt.draft.load(rows).await?;
        let mut page = OpenPage { last: found.last().cloned(), ..OpenPage::default() };
        for record in found {
            self.judge(&mut attempt, record, &mut page).await?;
        }
        self.note(attempt, &page).await?;
        Ok((page, next))
    }

    /// The records of the page, in order, and where the next one begins.
    async fn found(&self) -> Result<(Vec<RecordRef>, Option<RecordRef>), VaultError> {
        let (vault, controller, after, limit) =
            (&self.vault, self.controller, self.after.as_ref(), self.page_size);
        let (subject, category) = match &self.selection {
            Selection::Person(subject) => (*subject, None),
            Selection::PersonIn(subject, category) => (*subject, Some(category)),
            Selection::Category(category) => {
                return vault.index_of(controller, category, after, limit).await;
            }
        };
        let subjects = vault.subjects_of(controller, subject).await?;
        let (rows, next) = vault.rows_of(controller, &subjects, category, after, limit).await?;
        Ok((rows.into_iter().map(|(record, _)| record).collect(), next))
    }

    async fn judge(
        &self,
        attempt: &mut Attempt<'_>,
        record: RecordRef,
        page: &mut OpenPage,
    ) -> Result<(), VaultError> {
        let key = record.key();
        // It went since it was found.
        let Some(row) = attempt.draft.row::<RecordRow>(&key)?.cloned() else { return Ok(()) };
        if attempt.draft.row::<SubjectRow>(&Key::Subject(record.subject))?.is_none() {
            *page.refused.entry(ReadRefusal::NotFound).or_default() += 1;
            return Ok(());
        }
        let erased = people::erased(&mut attempt.draft, record.subject).await?;
        let erased_at = erased.map(|mark| mark.at);
        let policy = &self.vault.policy;
        let permit = match permit_read(policy, &record.category, &row, &self.purpose, erased_at, attempt.now)
        {
            Ok(permit) => permit,
            Err(reason) => {
                *page.refused.entry(reason).or_default() += 1;
                return Ok(());
            }
        };
        let key_row = attempt.draft.row::<DataKeyRow>(&record.data_key())?;
        match open(&attempt.keys, &record, &key, key_row, &row.value, &permit) {
            Ok(value) => {
                let due_at = attempt.draft.loaded_due_at(&key);
                page.records.push(OpenRecord { info: RecordInfo::new(record, &row, due_at), value });
            }
            Err(VaultError::Destroyed) => {
                page.unreadable.push(Unreadable { record, cause: UnreadableCause::Destroyed });
            }
            Err(VaultError::Damaged(_) | VaultError::Encryption(_)) => {
                page.unreadable.push(Unreadable { record, cause: UnreadableCause::Damaged });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Records what was refused, and what was read if reads are recorded.
    async fn note(&self, mut attempt: Attempt<'_>, page: &OpenPage) -> Result<(), VaultError> {
        let person = match self.selection {
            Selection::Person(subject) | Selection::PersonIn(subject, _) => Some(subject),
            Selection::Category(_) => None,
        };
        // Nothing new is sealed under the key of a person who was erased.
        let owner = match person {
            Some(subject) if people::erased(&mut attempt.draft, subject).await?.is_none() => {
                Owner::Subject(subject)
            }
            Some(_) | None => Owner::Controller,
        };
        let about = |event_type, count: u64| {
            about_selection(event_type, self.controller, attempt.now, &self.selection, &self.actor)
                .with("purpose", self.purpose.as_str())
                .with("count", count)
                .with_some("last", page.last.as_ref().map(ToString::to_string))
        };
        let mut events = Vec::new();
        let refused: u64 = page.refused.values().sum();
        if refused > 0 {
            events.push(about("record.read_refused", refused).with("reasons", refusals_json(&page.refused)));
        }
        let opened = u64::try_from(page.records.len()).unwrap_or(u64::MAX);
        if self.vault.options.log_reads && opened > 0 {
            events.push(about("record.read", opened));
        }
        if events.is_empty() {
            return Ok(());
        }
        for event in events {
            attempt.account(owner, &event).await?;
        }
        attempt.commit().await
    }
}
