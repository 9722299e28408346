//! The sweep: records that came to their end go, in bounded steps, on any number of workers.
//!
//! A sweep takes a lease on a controller, and then goes through what is due, a page at a time. Each page is one or two
//! changesets that rewrite the row of the lease as well: so a worker whose lease was taken over commits nothing more, and
//! what is committed says truly how far the sweep came. A worker that is killed leaves nothing half-done, and whoever
//! comes after the end of its lease goes on.
//!
//! - A record that a ground still keeps comes up again when that ends: a longer period is honoured then.
//! - A record that a hold or an open request keeps stays due, and comes up with every sweep until it is released.
//! - A change of policy is followed first: every record is looked at again, in steps, since a period may be shorter now.

mod chunk;
mod lease;
mod reevaluation;
mod report;

use async_trait::async_trait;
use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::SweepRow;
use wzapi_vault::{Parts, RecordRef, Vault};

use crate::error::RetentionError;
use chunk::CHUNK;
pub use lease::LEASE;
use lease::{Lease, pending};
pub use report::{CategoryReport, SweepReport};

/// Due rows that are read at a time.
const PAGE: usize = 512;
/// How many due records are counted before a sweep begins, for its estimate.
const COUNTED: u64 = 16 * 1024;

/// How a sweep is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepOptions {
    /// Nothing is changed; the report says what would be done, but for keys, which are not looked at.
    pub is_dry_run: bool,
    /// Stop after about so many records; the next sweep goes on.
    pub at_most: Option<u64>,
    /// Count first what is due, up to 16,384 records, so that progress can be told as a part of it.
    pub estimates: bool,
}

/// How fast a sweep goes: it waits here after each chunk.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Waits as long as so many records should take.
    async fn pause(&self, records: u64);
}

/// As fast as it goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unhurried;

#[async_trait]
impl Pace for Unhurried {
    async fn pause(&self, _records: u64) {}
}

/// Told after each chunk how far the sweep came.
pub type OnProgress<'a> = &'a mut (dyn FnMut(&SweepReport) + Send);

/// Disposes of what came to its end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sweeper {
    parts: Parts,
    vault: Vault,
}

impl Sweeper {
    /// A sweeper over these parts, which must be those of the vault.
    #[must_use]
    pub const fn new(parts: Parts, vault: Vault) -> Self {
        Self { parts, vault }
    }

    /// Notes that every record of a controller follows the policy as it is now, which is true of a controller that has
    /// none yet. A controller of which this was never noted is looked at as a whole by its first sweep. Doing it again
    /// changes nothing.
    ///
    /// # Errors
    /// [`RetentionError::Busy`]; the failure of a part.
    pub async fn begin(&self, controller: ControllerId) -> Result<(), RetentionError> {
        lease::begin(&self.parts, controller, self.policy_hash()).await
    }

    /// Sweeps a controller.
    ///
    /// # Errors
    /// [`RetentionError::Leased`] while another worker is at it; [`RetentionError::LeaseLost`] when another one took over;
    /// [`RetentionError::Busy`] when others kept changing the same rows; otherwise the failure of a part. What was done
    /// until then stands, and the next sweep goes on.
    pub async fn sweep(
        &self,
        controller: ControllerId,
        actor: &Actor,
        options: SweepOptions,
        pace: &dyn Pace,
        on_progress: OnProgress<'_>,
    ) -> Result<SweepReport, RetentionError> {
        let due_at_start = if options.estimates { Some(self.count_due(controller).await?) } else { None };
        let mut report = SweepReport { due_at_start, ..SweepReport::default() };
        if options.is_dry_run {
            self.look(controller, options, &mut report).await?;
            return Ok(report);
        }
        let mut lease = Lease::take(&self.parts, controller, self.policy_hash()).await?;
        match self.sweep_under(&mut lease, actor, options, pace, on_progress, &mut report).await {
            Ok(is_complete) => {
                lease.release(is_complete).await?;
                report.is_complete = is_complete;
                Ok(report)
            }
            Err(error) => {
                // Nobody has to wait for a worker that is known to have stopped. If this fails as well, the lease runs out.
                let _ = lease.release(false).await;
                Err(error)
            }
        }
    }

    /// The sweep of the one who has the lease; whether it came to the end of what is due.
    #[allow(clippy::too_many_arguments, reason = "those of a sweep, its lease and its report")]
    async fn sweep_under(
        &self,
        lease: &mut Lease<'_>,
        actor: &Actor,
        options: SweepOptions,
        pace: &dyn Pace,
        on_progress: OnProgress<'_>,
        report: &mut SweepReport,
    ) -> Result<bool, RetentionError> {
        self.follow_policy(lease, report, on_progress).await?;
        let mut query = Query::due_by(lease.controller, self.parts.clock.now(), PAGE);
        loop {
            let page = self.parts.storage.scan(&query).await?;
            let due = records_among(&page);
            for chunk in due.chunks(CHUNK) {
                self.dispose_of(lease, chunk, actor, report).await?;
                on_progress(report);
                pace.pause(u64::try_from(chunk.len()).unwrap_or(u64::MAX)).await;
                if options.at_most.is_some_and(|most| report.looked_at >= most) {
                    return Ok(false);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(true),
            }
        }
    }

    /// What a sweep would do, without doing it.
    async fn look(
        &self,
        controller: ControllerId,
        options: SweepOptions,
        report: &mut SweepReport,
    ) -> Result<(), RetentionError> {
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        draft.load([Key::Sweep]).await?;
        let mut query = match pending(draft.row::<SweepRow>(&Key::Sweep)?, self.policy_hash()) {
            // The ends of the records are not those of the policy yet, so each record is looked at.
            Some(pending) => return self.look_at_all(controller, &pending, options, report).await,
            None => Query::due_by(controller, self.parts.clock.now(), PAGE),
        };
        loop {
            let page = self.parts.storage.scan(&query).await?;
            let due = records_among(&page);
            for chunk in due.chunks(CHUNK) {
                self.look_at(controller, chunk, report).await?;
                if options.at_most.is_some_and(|most| report.looked_at >= most) {
                    return Ok(());
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        report.is_complete = true;
        Ok(())
    }

    /// How many records are due, up to a bound.
    async fn count_due(&self, controller: ControllerId) -> Result<u64, RetentionError> {
        let mut query = Query::due_by(controller, self.parts.clock.now(), PAGE);
        let mut count = 0;
        loop {
            let page = self.parts.storage.scan(&query).await?;
            count += u64::try_from(records_among(&page).len()).unwrap_or(u64::MAX);
            match page.next {
                Some(next) if count < COUNTED => query.after = Some(next),
                _ => return Ok(count),
            }
        }
    }

    fn policy_hash(&self) -> [u8; 32] {
        *self.vault.policy().content_hash().as_bytes()
    }
}

/// The records on a page of what is due. Rows of other kinds end by themselves.
fn records_among(page: &Page) -> Vec<RecordRef> {
    let records = page.rows.iter().filter(|(key, _)| key.kind() == RowKind::Record);
    records.filter_map(|(key, _)| RecordRef::of(key)).collect()
}
