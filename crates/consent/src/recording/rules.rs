//! What the policy asks of a grant.

use std::collections::BTreeMap;

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentMethod, PurposeScope};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_policy::Policy;
use wzapi_policy::file::Confirmation;
use wzapi_policy::period::Period;

/// What one purpose asks of a grant. By default nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantRule {
    /// Whether marketing messages may serve the purpose.
    pub is_marketing: bool,
    /// After how long a grant ends, when it says nothing itself.
    pub expires_after: Vec<Period>,
    /// A second act by which the person must confirm it.
    pub confirmations: Vec<Confirmation>,
    /// Whether the notice must be on record that the person was shown.
    pub notice_required: bool,
}

impl GrantRule {
    /// Whether a grant by this method counts only when it was confirmed.
    #[must_use]
    pub fn must_confirm(&self, method: ConsentMethod) -> bool {
        self.confirmations.iter().any(|confirmation| confirmation.methods.contains(&method))
    }

    /// When a grant of this moment ends, if the policy says so: the earliest end.
    #[must_use]
    pub fn end_of(&self, granted_at: Timestamp) -> Option<Timestamp> {
        self.expires_after.iter().map(|period| after(*period, granted_at)).min()
    }

    /// Until when a grant of this moment by this method can be confirmed, that moment included.
    #[must_use]
    pub fn confirmed_by(&self, method: ConsentMethod, granted_at: Timestamp) -> Option<Timestamp> {
        let asking = self.confirmations.iter().filter(|confirmation| confirmation.methods.contains(&method));
        asking.map(|confirmation| after(confirmation.within, granted_at)).min()
    }

    fn add(&mut self, other: &Self) {
        self.is_marketing |= other.is_marketing;
        self.expires_after.extend(&other.expires_after);
        self.confirmations.extend(other.confirmations.iter().cloned());
        self.notice_required |= other.notice_required;
    }
}

/// What a controller's policy asks of grants. The default asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantRules {
    purposes: BTreeMap<PurposeId, GrantRule>,
    /// Whether a child cannot consent alone.
    guardian_asked: bool,
}

impl GrantRules {
    /// What a loaded policy asks. A child cannot consent alone when any regime in force has an age of consent: the
    /// regime that protects a person is not known here, and the gate asks again.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let purposes = policy.purposes.iter().map(|(purpose, declared)| {
            let rules = &declared.consent;
            let rule = GrantRule {
                is_marketing: declared.messages.contains(&MessageCategory::Marketing),
                expires_after: rules.expires_after.into_iter().collect(),
                confirmations: rules.confirmation.clone().into_iter().collect(),
                notice_required: rules.notice_required,
            };
            (purpose.clone(), rule)
        });
        let guardian_asked = policy.regimes.keys().any(|regime| policy.consent_age(*regime).is_some());
        Self { purposes: purposes.collect(), guardian_asked }
    }

    /// Rules for these purposes.
    #[must_use]
    pub fn new(purposes: impl IntoIterator<Item = (PurposeId, GrantRule)>, guardian_asked: bool) -> Self {
        Self { purposes: purposes.into_iter().collect(), guardian_asked }
    }

    /// Whether a child cannot consent alone.
    #[must_use]
    pub const fn asks_for_guardian(&self) -> bool {
        self.guardian_asked
    }

    /// What is asked of a grant for these purposes: whatever any of them asks.
    #[must_use]
    pub fn of_grant(&self, scope: &PurposeScope) -> GrantRule {
        let covered = self.purposes.iter().filter(|(purpose, rule)| match scope {
            PurposeScope::All => true,
            PurposeScope::Marketing => rule.is_marketing,
            PurposeScope::One(one) => one == *purpose,
        });
        let mut asked = GrantRule::default();
        covered.for_each(|(_, rule)| asked.add(rule));
        asked
    }
}

/// The same time of day on the date that lies a period later, in UTC.
fn after(period: Period, moment: Timestamp) -> Timestamp {
    let start = moment.to_datetime();
    let end = period.after(start.date_naive()).and_time(start.time()).and_utc();
    Timestamp::from_millis(end.timestamp_millis()).unwrap_or(Timestamp::MAX)
}
