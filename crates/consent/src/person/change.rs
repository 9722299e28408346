//! A person goes by other identifiers, as Meta announces.

use wzapi_encryption::TenantKeys;
use wzapi_model::ids::SubjectId;
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::Draft;
use wzapi_storage::key::Key;

use super::finding::{gate_rows, living_rows, load, row_of, share, subject_row, surviving, tenures};
use super::handover::{Change, Parted, contradiction, hand_over, keep_until, leave};
use super::profile::{Profile, denials};
use super::tenure::just_before;
use super::uniting::unite;
use super::{Identified, KnownAs, Moment, alias, identify, own};
use crate::error::ConsentError;
use crate::standing;

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

/// Moves a person from some identifiers to others, as Meta states: what the person agreed to goes along, the old
/// identifiers keep the denials, and whoever had the new ones before loses them. Somebody who is known by a new user id
/// already, or only since the change by a new number, is the person. A person of whom nothing is known
/// yet is made known, because what they did before the change may still be reported. A change that does not say
/// from what is no change.
pub(crate) async fn change_identity(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    entropy: &dyn Entropy,
    change: &IdentityChange,
    now: Timestamp,
) -> Result<Option<Identified>, ConsentError> {
    if change.previous.is_empty() {
        return Ok(None);
    }
    load(draft, keys, change.previous.iter().chain(&change.current)).await?;
    let when = Moment { acted_at: Some(change.at), now };
    let Identified { subject, mut recycled } =
        identify(draft, keys, entropy, &change.previous, when, true).await?;
    let carried = depart(draft, keys, subject, change, now).await?;

    let current: Vec<KnownAs> = own(draft, keys, &change.current)?.into_iter().cloned().collect();
    let subject = arrive_as(draft, keys, subject, &current, when).await?;
    let mut person = subject;
    for known in current.iter().filter(|known| known.is_number()) {
        match whose(draft, keys, person, known, &current, change.at).await? {
            Whose::Own => {}
            Whose::Nobodys => {
                alias::take(draft, keys, person, known, when).await?;
                begin_at(draft, keys, entropy, known, when).await?;
            }
            Whose::SamePersons(other) => {
                person = unite(draft, Some(person), other, now).await?.unwrap_or(person);
            }
            Whose::Others(parted) => {
                recycled.push(hand_over(draft, keys, person, known, parted, when).await?);
            }
        }
    }
    let mut profile = Profile::of(&living_rows(draft, person).await?);
    profile.join(&carried);
    share(draft, person, &profile, now).await?;
    Ok(Some(Identified { subject: person, recycled }))
}

/// The person leaves the previous identifiers, and what they take along. When a number is left, what came after may be
/// the next holder's: no grant of it goes along, or stays on the person's other identifiers.
async fn depart(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    subject: SubjectId,
    change: &IdentityChange,
    now: Timestamp,
) -> Result<Profile, ConsentError> {
    let mut carried = Profile::of(&living_rows(draft, subject).await?);
    for (_, row) in gate_rows(draft, subject).await? {
        standing::join(&mut carried.marks, &denials(&row.marks));
    }
    // A number that is only spelled in another way now stays the person's.
    let is_kept = |known: &KnownAs| change.current.iter().any(|other| other.identifier == known.identifier);
    let mut has_left = false;
    for known in change.previous.iter().filter(|known| !is_kept(known)) {
        if leave(draft, keys, &known.identifier, subject, change.at).await? {
            has_left = true;
            if known.is_number() {
                carried = carried.until(change.at);
                keep_until(draft, subject, change.at, now).await?;
            }
        }
    }
    Ok(if has_left { carried.moved() } else { carried })
}

/// The person goes by the current user ids. Whoever is known by one of them is the person: user ids are not given away.
async fn arrive_as(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    mut person: SubjectId,
    current: &[KnownAs],
    when: Moment,
) -> Result<SubjectId, ConsentError> {
    for known in current.iter().filter(|known| !known.is_number()) {
        let known_by = row_of(draft, keys, &known.identifier)?.map(|(_, row)| (row.subject, row.left_at));
        let is_back = known_by.is_some_and(|(_, left)| left.is_some_and(|left| left <= when.stated_at()));
        if let Some((other, _)) = known_by {
            person = unite(draft, Some(person), other, when.now).await?.unwrap_or(person);
        }
        if known_by.is_none() || is_back {
            alias::take(draft, keys, person, known, when).await?;
        } else {
            alias::restate(draft, keys, person, known, when).await?;
        }
    }
    Ok(person)
}

/// Whose a number was when a person changed to it.
enum Whose {
    Own,
    Nobodys,
    SamePersons(SubjectId),
    Others(Parted),
}

async fn whose(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    person: SubjectId,
    known: &KnownAs,
    current: &[KnownAs],
    at: Timestamp,
) -> Result<Whose, ConsentError> {
    let Some((index, row)) = row_of(draft, keys, &known.identifier)? else { return Ok(Whose::Nobodys) };
    let row = row.clone();
    let held = tenures(draft, &row).await?;
    if held.last == person {
        let is_back = held.left_at.is_some_and(|left| left <= at);
        // The person was seen with the number before the change was known; whoever had it then loses it earlier.
        return Ok(match held.at(Some(at)).filter(|holder| *holder != person && !is_back) {
            Some(holder) => Whose::Others(Parted { holder, change: Change::Since(at) }),
            None if is_back => Whose::Nobodys,
            None => Whose::Own,
        });
    }
    let Some(holder) = held.at(Some(at)) else { return Ok(Whose::Nobodys) };
    if holder == person {
        return Ok(Whose::Own);
    }
    let stated: Vec<&KnownAs> = current.iter().collect();
    if let Some(parted) = contradiction(draft, holder, &stated, at).await? {
        return Ok(Whose::Others(parted));
    }
    let listed = subject_row(draft, holder).await?.identifiers;
    let since = listed.iter().find(|one| one.index == index).map(|one| one.since);
    Ok(match since {
        Some(since) if since >= at => Whose::SamePersons(surviving(draft, holder).await?),
        _ => Whose::Others(Parted { holder, change: Change::Since(at) }),
    })
}

/// What happened under a number before the person changed to it was somebody else's, of whom nothing else is known.
async fn begin_at(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    entropy: &dyn Entropy,
    known: &KnownAs,
    when: Moment,
) -> Result<(), ConsentError> {
    let nobody = alias::create(draft, entropy, when.now).await?;
    let Some((index, row)) = row_of(draft, keys, &known.identifier)? else { return Ok(()) };
    let mut row = row.clone();
    let mut held = tenures(draft, &row).await?;
    let until = just_before(when.stated_at());
    held.precede(nobody, until);
    held.write_into(&mut row);
    draft.put(Key::Identifier(index), row, None)?;
    alias::list(draft, keys, nobody, known, Moment { acted_at: Some(until), ..when }).await
}
