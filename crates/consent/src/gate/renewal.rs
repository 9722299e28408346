//! Consents that no longer cover what the policy says.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_model::Timestamp;
use wzapi_model::name::PurposeId;
use wzapi_policy::{Policy, difference, notice};
use wzapi_storage::row::{GrantMark, NoticeMark};

/// Since when consents to a purpose are to something else than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// When the policy that changed the purpose took effect.
    pub effective: Timestamp,
    /// The notices of the policies before it.
    pub superseded: BTreeSet<NoticeMark>,
    /// The notices of that policy and of those after it.
    pub current: BTreeSet<NoticeMark>,
}

impl Renewal {
    /// Whether a consent has to be renewed. The notice that the person was shown decides; where none is on record, or one
    /// that none of the policies has, the time of the grant does.
    #[must_use]
    pub fn ends(&self, grant: &GrantMark) -> bool {
        match grant.notice {
            Some(notice) if self.current.contains(&notice) => false,
            Some(notice) if self.superseded.contains(&notice) => true,
            Some(_) | None => grant.mark.at < self.effective,
        }
    }
}

/// For each purpose of the last policy whose meaning changed materially ([`difference::consents_to_renew`]), the latest
/// such change. The policies stand in the order in which they took effect.
pub(super) fn renewals(policies: &[&Policy]) -> BTreeMap<PurposeId, Renewal> {
    let notices: Vec<BTreeSet<NoticeMark>> = policies.iter().map(|policy| marks_of(policy)).collect();
    let joined = |notices: &[BTreeSet<NoticeMark>]| notices.iter().flatten().copied().collect();
    let mut renewals = BTreeMap::new();
    // A later change takes the place of an earlier one: whatever the earlier one ended, it ends as well.
    for (position, pair) in policies.windows(2).enumerate() {
        let [older, newer] = pair else { continue };
        let Some((superseded, current)) = notices.split_at_checked(position + 1) else { continue };
        for purpose in difference::consents_to_renew(older, newer) {
            let effective =
                newer.effective.pred_opt().map_or(Timestamp::MAX, |day| newer.utc_offset.end_of(day));
            let renewal = Renewal { effective, superseded: joined(superseded), current: joined(current) };
            renewals.insert(purpose, renewal);
        }
    }
    renewals
}

fn marks_of(policy: &Policy) -> BTreeSet<NoticeMark> {
    let fingerprints = notice::fingerprints(policy).into_values();
    fingerprints.filter_map(|hash| hash.first_chunk::<16>().copied()).map(NoticeMark).collect()
}
