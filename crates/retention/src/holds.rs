//! Legal holds (policy clause 6.c): while one is in force, nothing that it covers is disposed of.
//!
//! Placing a hold writes one row, whatever it covers; records are matched when they come up. Every disposal requires
//! that the row is still as it read it, so that no disposal that is committed after a hold was placed passes it.

use wzapi_encryption::Place;
use wzapi_ledger::Event;
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, EntryId, HoldId};
use wzapi_model::name::DataCategory;
use wzapi_model::personal::Personal;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{DataKeyRow, HoldScope, HoldSetRow, LegalHold};
use wzapi_vault::Parts;

use crate::attempt::{Attempt, MAX_ATTEMPTS};
use crate::error::RetentionError;

/// The most holds of a controller that are in force together.
pub const MAX_HOLDS: usize = 256;
/// The most persons that one hold names. A matter about more of them has several holds, or names none and covers all.
pub const MAX_SUBJECTS: usize = 64;
/// The most categories that one hold names.
pub const MAX_CATEGORIES: usize = 64;
/// The longest text of a matter or a reason, in bytes.
pub const MAX_TEXT: usize = 4096;

/// A hold that is to be placed.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// The matter: a dispute, a claim, an investigation. It is sealed, since it may name persons.
    pub matter: Personal<String>,
    /// What it covers.
    pub scope: HoldScope,
}

/// A hold in force.
#[derive(Debug, Clone)]
pub struct HoldInForce {
    /// Its id.
    pub hold: HoldId,
    /// The matter.
    pub matter: Personal<String>,
    /// What it covers.
    pub scope: HoldScope,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// The ledger entry that shows it.
    pub entry: EntryId,
}

/// Places, lists and releases holds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Holds {
    parts: Parts,
}

impl Holds {
    /// Holds over these parts.
    #[must_use]
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Places a hold. Durable when it returns, and honoured by every disposal that is committed from then on. It leaves
    /// the entry `hold.placed`, which names the hold and not the matter.
    ///
    /// # Errors
    /// [`RetentionError::Invalid`] when the matter is empty or a bound is exceeded; [`RetentionError::Busy`]; otherwise
    /// the failure of a part.
    pub async fn place(
        &self,
        controller: ControllerId,
        hold: &NewHold,
        actor: &Actor,
    ) -> Result<HoldId, RetentionError> {
        check(hold)?;
        let id = HoldId::generate(self.parts.entropy.as_ref())?;
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = Attempt::begin(&self.parts, controller).await?;
            let mut row = load(&mut attempt).await?;
            if row.holds.iter().any(|placed| placed.hold == id) {
                return Ok(id);
            }
            if row.holds.len() >= MAX_HOLDS {
                return Err(RetentionError::Invalid("a controller has at most 256 holds in force"));
            }
            let event = Event::new("hold.placed", controller, attempt.now)
                .with("actor", actor.name())
                .with("hold", id.to_string())
                .with("subjects", hold.scope.subjects.len())
                .with("categories", names(&hold.scope.categories))
                .with_some("collected_from", hold.scope.collected_from.map(Timestamp::as_millis))
                .with_some("collected_before", hold.scope.collected_before.map(Timestamp::as_millis));
            let entry = attempt.account(&event).await?;
            let field = matter_field(id);
            let matter = attempt.seal(&Key::HoldSet, &field, hold.matter.expose().as_bytes()).await?;
            let (scope, placed_at) = (hold.scope.clone(), attempt.now);
            row.holds.push(LegalHold { hold: id, scope, placed_at, entry, matter });
            attempt.draft.put(Key::HoldSet, row, None)?;
            match attempt.commit().await {
                // Whether or not it took effect: the row tells.
                Err(RetentionError::Busy | RetentionError::UnknownOutcome) => {}
                outcome => return outcome.map(|()| id),
            }
        }
        Err(RetentionError::Busy)
    }

    /// Releases a hold. What it alone kept is disposed of by the next sweep. It leaves the entry `hold.released` with the
    /// reason.
    ///
    /// # Errors
    /// [`RetentionError::UnknownHold`] when it is not in force; [`RetentionError::Invalid`] when the reason is empty or too
    /// long; [`RetentionError::Busy`]; otherwise the failure of a part.
    pub async fn release(
        &self,
        controller: ControllerId,
        hold: HoldId,
        reason: &Personal<String>,
        actor: &Actor,
    ) -> Result<(), RetentionError> {
        check_text(reason)?;
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = Attempt::begin(&self.parts, controller).await?;
            let mut row = load(&mut attempt).await?;
            let before = row.holds.len();
            row.holds.retain(|placed| placed.hold != hold);
            if row.holds.len() == before {
                return Err(RetentionError::UnknownHold);
            }
            let event = Event::new("hold.released", controller, attempt.now)
                .with("actor", actor.name())
                .with("hold", hold.to_string())
                .with("reason", reason.expose().as_str());
            attempt.account(&event).await?;
            attempt.draft.put(Key::HoldSet, row, None)?;
            match attempt.commit().await {
                Err(RetentionError::Busy) => {}
                outcome => return outcome,
            }
        }
        Err(RetentionError::Busy)
    }

    /// The holds in force, in the order in which they were placed.
    ///
    /// # Errors
    /// The failure of a part.
    pub async fn list(&self, controller: ControllerId) -> Result<Vec<HoldInForce>, RetentionError> {
        let mut attempt = Attempt::begin(&self.parts, controller).await?;
        let row = load(&mut attempt).await?;
        let mut listed = Vec::with_capacity(row.holds.len());
        for placed in row.holds {
            let matter = self.open(&mut attempt, &placed).await?;
            let LegalHold { hold, scope, placed_at, entry, .. } = placed;
            listed.push(HoldInForce { hold, matter, scope, placed_at, entry });
        }
        Ok(listed)
    }

    async fn open(
        &self,
        attempt: &mut Attempt<'_>,
        placed: &LegalHold,
    ) -> Result<Personal<String>, RetentionError> {
        let (owner, category) = (Owner::Controller, DataCategory::accountability());
        let key = Key::DataKey { owner, category, cohort: placed.matter.cohort };
        attempt.draft.load([key.clone()]).await?;
        let row = attempt.draft.row::<DataKeyRow>(&key)?;
        let field = matter_field(placed.hold);
        let place = Place { controller: attempt.draft.controller(), row: &Key::HoldSet, field: &field };
        let keys = &attempt.keys;
        let matter = keys.open(&key, row, &place, &placed.matter)?;
        let matter = String::from_utf8(matter.to_vec())
            .map_err(|_| RetentionError::Damaged("the matter of a hold is no text"))?;
        Ok(Personal::new(matter))
    }
}

/// The field under which a matter is sealed: one per hold, so that none can stand in for another.
fn matter_field(hold: HoldId) -> String {
    format!("matter/{hold}")
}

fn names(categories: &[DataCategory]) -> Vec<&str> {
    categories.iter().map(DataCategory::as_str).collect()
}

async fn load(attempt: &mut Attempt<'_>) -> Result<HoldSetRow, RetentionError> {
    attempt.draft.load([Key::HoldSet]).await?;
    Ok(attempt.draft.row::<HoldSetRow>(&Key::HoldSet)?.cloned().unwrap_or_default())
}

fn check(hold: &NewHold) -> Result<(), RetentionError> {
    check_text(&hold.matter)?;
    if hold.scope.subjects.len() > MAX_SUBJECTS {
        return Err(RetentionError::Invalid("a hold names at most 64 persons"));
    }
    if hold.scope.categories.len() > MAX_CATEGORIES {
        return Err(RetentionError::Invalid("a hold names at most 64 categories"));
    }
    match (hold.scope.collected_from, hold.scope.collected_before) {
        (Some(from), Some(before)) if from >= before => {
            Err(RetentionError::Invalid("a hold that begins after its end covers nothing"))
        }
        _ => Ok(()),
    }
}

fn check_text(text: &Personal<String>) -> Result<(), RetentionError> {
    let text = text.expose();
    if text.trim().is_empty() {
        return Err(RetentionError::Invalid("name the matter or the reason"));
    }
    if text.len() > MAX_TEXT {
        return Err(RetentionError::Invalid("a matter or a reason has at most 4,096 bytes"));
    }
    Ok(())
}
