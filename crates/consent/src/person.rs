//! Which subject an identifier belongs to.
//!
//! Identifiers are aliases of one subject. What arrives together in one statement of Meta (a number and a
//! business-scoped user id in one message) belongs together, and shares grants and denials. When two subjects
//! turn out to be one, the older one goes on, the younger one's rows stay under their own prefix, and the marks
//! of both are joined, so that denials win.

use std::collections::BTreeSet;

use wzapi_encryption::{Place, TenantKeys};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::SubjectId;
use wzapi_model::name::DataCategory;
use wzapi_model::personal::Personal;
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::Draft;
use wzapi_storage::key::{BlindIndex, Key, Owner};
use wzapi_storage::row::{IdentifierRow, ScopeMarks, SubjectIdentifier, SubjectRow, Tenure};

use crate::error::ConsentError;
use crate::standing;

/// The most identifiers of one person. One more is not linked to them, so that it has no grant and an act of the
/// person is never refused for it. A batch of acts by people with so many fits into one changeset.
pub const MAX_IDENTIFIERS: usize = 64;
/// The most identifiers of one person, those of denials and of merged people included: the bound of a changeset.
const MAX_LINKED: usize = 1024;
/// The most former holders of an identifier who are remembered.
const MAX_FORMER_HOLDERS: usize = 16;
/// How far a chain of merged subjects is followed.
const MAX_MERGES: usize = 16;

/// An identifier as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAs {
    /// In canonical form.
    pub identifier: Identifier,
    /// As it was written: what the provider has to be given to reach the person.
    pub raw: Personal<String>,
}

impl KnownAs {
    /// An identifier whose raw form is its canonical one.
    #[must_use]
    pub fn canonical(identifier: Identifier) -> Self {
        let raw = Personal::new(identifier.expose_canonical());
        Self { identifier, raw }
    }
}

/// Loads the gate rows of these identifiers, under every live index key, in one `get`.
pub(crate) async fn load(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    known_as: impl IntoIterator<Item = &KnownAs>,
) -> Result<(), ConsentError> {
    let indexes = known_as.into_iter().flat_map(|known| keys.identifier_indexes(&known.identifier));
    Ok(draft.load(indexes.map(Key::Identifier)).await?)
}

/// The subject that goes by these identifiers, or went by them when it acted, if any of them is known; several are
/// made one.
pub(crate) async fn find(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    known_as: &[KnownAs],
    acted_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<SubjectId>, ConsentError> {
    load(draft, keys, known_as).await?;
    let mut subjects = BTreeSet::new();
    for known in known_as {
        if let Some(subject) = holder(draft, keys, &known.identifier, acted_at)? {
            subjects.insert(surviving(draft, subject).await?);
        }
    }
    unite(draft, subjects, now).await
}

/// When an act happened, as far as anybody says, and when it is recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) acted_at: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

/// As [`find`], and makes the subject if there is none and the aliases that are missing. A
/// denial `links_all`; other acts link no more than [`MAX_IDENTIFIERS`].
pub(crate) async fn find_or_create(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    entropy: &dyn Entropy,
    known_as: &[KnownAs],
    when: Moment,
    links_all: bool,
) -> Result<SubjectId, ConsentError> {
    let Moment { acted_at, now } = when;
    let subject = match find(draft, keys, known_as, acted_at, now).await? {
        Some(subject) => subject,
        None => create(draft, entropy, now).await?,
    };
    for known in known_as {
        let is_full = subject_row(draft, subject).await?.identifiers.len() >= MAX_IDENTIFIERS;
        if (links_all || !is_full) && holder(draft, keys, &known.identifier, acted_at)?.is_none() {
            add_alias(draft, keys, subject, known, None, now).await?;
        }
    }
    Ok(subject)
}

/// Moves a person from some identifiers to others, as Meta states: what the person agreed to goes along, the old
/// identifiers keep the denials, and whoever had the new ones before loses them. A person of whom nothing is known
/// yet is made known, because what they did before the change may still be reported. A change that does not say
/// from what is no change.
pub(crate) async fn change_identity(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    entropy: &dyn Entropy,
    change: &IdentityChange,
    now: Timestamp,
) -> Result<Option<SubjectId>, ConsentError> {
    if change.previous.is_empty() {
        return Ok(None);
    }
    let all: Vec<KnownAs> = change.previous.iter().chain(&change.current).cloned().collect();
    load(draft, keys, &all).await?;
    let when = Moment { acted_at: Some(change.at), now };
    let subject = find_or_create(draft, keys, entropy, &change.previous, when, true).await?;
    for known in &change.current {
        leave(draft, keys, &known.identifier, change.at, |holder| holder != subject)?;
    }
    for known in &change.current {
        if live_row(draft, keys, &known.identifier)?.is_none() {
            add_alias(draft, keys, subject, known, Some(change.at), now).await?;
        }
    }
    // A number that is only spelled in another way now stays the person's.
    let is_kept = |known: &KnownAs| change.current.iter().any(|other| other.identifier == known.identifier);
    for known in change.previous.iter().filter(|known| !is_kept(known)) {
        leave(draft, keys, &known.identifier, change.at, |holder| holder == subject)?;
    }
    Ok(Some(subject))
}

/// A person goes by other identifiers from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// Those that no longer are the person's.
    pub previous: Vec<KnownAs>,
    /// Those that are now.
    pub current: Vec<KnownAs>,
    /// Since when.
    pub at: Timestamp,
}

/// Ends the bond between an identifier and its subject, if it is one that `leaves`.
fn leave(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
    at: Timestamp,
    leaves: impl Fn(SubjectId) -> bool,
) -> Result<(), ConsentError> {
    if let Some((index, row)) = live_row(draft, keys, identifier)?
        && leaves(row.subject)
    {
        let row = IdentifierRow { left_at: Some(at), windows: Vec::new(), ..row.clone() };
        draft.put(Key::Identifier(index), row, None)?;
    }
    Ok(())
}

/// The gate row of an identifier that belongs to somebody, and where it is.
fn live_row<'d>(
    draft: &'d Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
) -> Result<Option<(BlindIndex, &'d IdentifierRow)>, ConsentError> {
    for index in keys.identifier_indexes(identifier) {
        if let Some(row) = draft.row::<IdentifierRow>(&Key::Identifier(index))?
            && row.left_at.is_none()
        {
            return Ok(Some((index, row)));
        }
    }
    Ok(None)
}

/// Whose identifier it was at the moment of an act, or is now for an act that nobody dated. Whoever has it next did
/// not act.
fn holder(
    draft: &Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
    acted_at: Option<Timestamp>,
) -> Result<Option<SubjectId>, ConsentError> {
    let mut current = None;
    for index in keys.identifier_indexes(identifier) {
        let Some(row) = draft.row::<IdentifierRow>(&Key::Identifier(index))? else { continue };
        let last = row.left_at.map(|until| Tenure { subject: row.subject, until });
        let ended = row.former.iter().copied().chain(last);
        let then = acted_at.and_then(|acted| ended.into_iter().find(|tenure| acted <= tenure.until));
        if let Some(tenure) = then {
            return Ok(Some(tenure.subject));
        }
        if row.left_at.is_none() {
            current = current.or(Some(row.subject));
        }
    }
    Ok(current)
}

/// The gate rows of identifiers that belong to somebody else by now: the denials of whoever had them stay with them.
pub(crate) fn rows_of_others(
    draft: &Draft<'_>,
    keys: &TenantKeys,
    known_as: &[KnownAs],
    subject: SubjectId,
) -> Result<Vec<(Key, IdentifierRow)>, ConsentError> {
    let mut rows = Vec::new();
    for known in known_as {
        for index in keys.identifier_indexes(&known.identifier) {
            let key = Key::Identifier(index);
            if let Some(row) = draft.row::<IdentifierRow>(&key)?.filter(|row| row.subject != subject) {
                rows.push((key, row.clone()));
            }
        }
    }
    Ok(rows)
}

/// Every identifier row that the subject lists and that still is the subject's.
pub(crate) async fn gate_rows(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<Vec<(Key, IdentifierRow)>, ConsentError> {
    let keys: Vec<Key> =
        subject_row(draft, subject).await?.identifiers.iter().map(|one| Key::Identifier(one.index)).collect();
    draft.load(keys.iter().cloned()).await?;
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let row = draft.row::<IdentifierRow>(&key)?.ok_or(ConsentError::Damaged("a gate row is missing"))?;
        if row.subject == subject {
            rows.push((key, row.clone()));
        }
    }
    Ok(rows)
}

/// The subject's row, which every change about the person must rewrite.
pub(crate) async fn subject_row(
    draft: &mut Draft<'_>,
    subject: SubjectId,
) -> Result<SubjectRow, ConsentError> {
    let key = Key::Subject(subject);
    draft.load([key.clone()]).await?;
    draft.row::<SubjectRow>(&key)?.cloned().ok_or(ConsentError::Damaged("a subject row is missing"))
}

/// The subject that `subject` turned out to be, which mostly is itself.
async fn surviving(draft: &mut Draft<'_>, mut subject: SubjectId) -> Result<SubjectId, ConsentError> {
    for _ in 0..MAX_MERGES {
        match subject_row(draft, subject).await?.merged_into {
            Some(other) => subject = other,
            None => return Ok(subject),
        }
    }
    Err(ConsentError::Damaged("merged subjects lead in a circle"))
}

async fn create(
    draft: &mut Draft<'_>,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<SubjectId, ConsentError> {
    let subject = SubjectId::generate(entropy)?;
    draft.load([Key::Subject(subject)]).await?;
    let row = SubjectRow::new(now);
    draft.put(Key::Subject(subject), row, None)?;
    Ok(subject)
}

async fn add_alias(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    known: &KnownAs,
    moved_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), ConsentError> {
    let mut row = subject_row(draft, subject).await?;
    if row.identifiers.len() >= MAX_LINKED {
        return Err(ConsentError::TooManyIdentifiers(MAX_LINKED));
    }
    let mut shared = shared_marks(&gate_rows(draft, subject).await?);
    let index = newest_index(keys, &known.identifier)?;

    // What came after a move that is reported late may be somebody else's, under the old identifier as under the new.
    let others_until = if moved_at.is_some() { Timestamp::MAX } else { now };
    if let Some(moved_at) = moved_at {
        shared = standing::taken_along(&shared, moved_at);
    }
    let mut marks = inherited_marks(draft, keys, &known.identifier, moved_at.is_some(), others_until)?;
    standing::join(&mut marks, &shared);
    let gate_row = IdentifierRow {
        marks,
        former: former_holders(draft, keys, &known.identifier, now)?,
        ..IdentifierRow::new(subject, known.identifier.kind(), keys.index_key_version())
    };
    draft.put(Key::Identifier(index), gate_row, None)?;

    let place_of_row = Key::Subject(subject);
    let owner = Owner::Subject(subject);
    let data_key = keys.data_key_for_writing(draft, owner, &DataCategory::contact(), now).await?;
    let field = field_of(index);
    let place = Place { controller: draft.controller(), row: &place_of_row, field: &field };
    let plaintext = serde_json::json!({
        "kind": known.identifier.kind().as_str(),
        "canonical": known.identifier.expose_canonical(),
        "raw": known.raw.expose(),
    });
    let sealed = data_key.seal(&place, plaintext.to_string().as_bytes())?;
    row.identifiers.retain(|one| one.index != index);
    let kind = known.identifier.kind();
    row.identifiers.push(SubjectIdentifier { index, kind, since: now, sealed_for: subject, sealed });
    row.changed_at = now;
    draft.put(place_of_row, row, None)?;
    Ok(())
}

/// The field under which an identifier is sealed: one per identifier, so that none can stand in for another.
fn field_of(index: BlindIndex) -> String {
    let hex: String = index.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("identifier/{hex}")
}

fn newest_index(keys: &TenantKeys, identifier: &Identifier) -> Result<BlindIndex, ConsentError> {
    let indexes = keys.identifier_indexes(identifier);
    indexes.first().copied().ok_or(ConsentError::Damaged("the controller has no index key"))
}

/// Whoever had the identifier before took the grants along; denials, and what came later, stay with it.
fn inherited_marks(
    draft: &Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
    denials_only: bool,
    until: Timestamp,
) -> Result<Vec<ScopeMarks>, ConsentError> {
    let mut marks = Vec::new();
    for index in keys.identifier_indexes(identifier) {
        if let Some(row) = draft.row::<IdentifierRow>(&Key::Identifier(index))? {
            let left_at = if denials_only { until } else { row.left_at.unwrap_or(until) };
            standing::join(&mut marks, &standing::left_behind(&row.marks, left_at));
        }
    }
    Ok(marks)
}

/// Everybody who had the identifier before, the earliest first.
fn former_holders(
    draft: &Draft<'_>,
    keys: &TenantKeys,
    identifier: &Identifier,
    now: Timestamp,
) -> Result<Vec<Tenure>, ConsentError> {
    let mut former = Vec::new();
    for index in keys.identifier_indexes(identifier) {
        if let Some(row) = draft.row::<IdentifierRow>(&Key::Identifier(index))? {
            former.extend(row.former.iter().copied());
            former.push(Tenure { subject: row.subject, until: row.left_at.unwrap_or(now) });
        }
    }
    former.sort_by_key(|tenure| tenure.until);
    let forgotten = former.len().saturating_sub(MAX_FORMER_HOLDERS);
    former.drain(..forgotten);
    Ok(former)
}

/// What the living identifiers of a person have in common: everything any of them carries.
fn shared_marks(rows: &[(Key, IdentifierRow)]) -> Vec<ScopeMarks> {
    let mut marks = Vec::new();
    for (_, row) in rows.iter().filter(|(_, row)| row.left_at.is_none()) {
        standing::join(&mut marks, &row.marks);
    }
    marks
}

/// Makes one subject of several: the oldest goes on.
async fn unite(
    draft: &mut Draft<'_>,
    subjects: BTreeSet<SubjectId>,
    now: Timestamp,
) -> Result<Option<SubjectId>, ConsentError> {
    let mut rows = Vec::with_capacity(subjects.len());
    for subject in subjects {
        rows.push((subject_row(draft, subject).await?, subject));
    }
    rows.sort_by_key(|(row, subject)| (row.created_at, *subject));
    let mut rest = rows.into_iter();
    let Some((mut survivor_row, survivor)) = rest.next() else { return Ok(None) };
    let others: Vec<_> = rest.collect();
    if others.is_empty() {
        return Ok(Some(survivor));
    }
    let mut gate = gate_rows(draft, survivor).await?;
    for (mut row, subject) in others {
        gate.extend(gate_rows(draft, subject).await?);
        survivor_row.former.push(subject);
        survivor_row.former.append(&mut row.former.clone());
        survivor_row.identifiers.append(&mut row.identifiers.clone());
        row.merged_into = Some(survivor);
        row.changed_at = now;
        draft.put(Key::Subject(subject), row, None)?;
    }
    if survivor_row.identifiers.len() > MAX_LINKED {
        return Err(ConsentError::TooManyIdentifiers(MAX_LINKED));
    }
    let shared = shared_marks(&gate);
    for (key, mut row) in gate {
        row.subject = survivor;
        if row.left_at.is_none() {
            row.marks = shared.clone();
        }
        draft.put(key, row, None)?;
    }
    survivor_row.changed_at = now;
    draft.put(Key::Subject(survivor), survivor_row, None)?;
    Ok(Some(survivor))
}
