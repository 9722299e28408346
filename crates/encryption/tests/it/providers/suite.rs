//! How a provider plugs in, and the table of cases.

use std::pin::Pin;
use std::sync::Arc;

use wzapi_encryption::KeyProvider;
use wzapi_model::time::ManualClock;

pub(crate) use super::trouble::Trouble;

/// A provider that no case has used before, and what is around it.
pub(crate) trait Setup: Send + Sync {
    /// A new client of the same provider: as after a restart, or in another process.
    fn client(&self) -> Arc<dyn KeyProvider>;

    /// The provider's clock, where anything depends on it.
    fn clock(&self) -> Option<&ManualClock> {
        None
    }

    /// Whether it begins with a key.
    fn begins_with_a_key(&self) -> bool {
        false
    }

    /// Begins or ends trouble; `false` when this provider does not know this trouble.
    fn set_trouble(&self, trouble: Option<Trouble>) -> bool;
}

pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(crate) type Case = fn(Arc<dyn Setup>) -> Running;

/// Lists the cases: as a table for the flawed providers, and as a macro that makes a test of each for the sound ones.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const CASES: &[(&str, Case)] =
            &[$((stringify!($name), |setup| Box::pin(super::cases::$name(setup)))),*];

        macro_rules! key_provider_suite {
            ($module:ident, $setup:expr) => {
                mod $module {
                    use super::*;

                    $(
                        #[tokio::test]
                        async fn $name() {
                            let setup: std::sync::Arc<dyn $crate::providers::suite::Setup> = $setup;
                            $crate::providers::cases::$name(setup).await;
                        }
                    )*
                }
            };
        }
        pub(crate) use key_provider_suite;
    };
}

cases! {
    fresh_keys,
    newest_is_current,
    failing_to_generate,
    before_the_first_key,
    round_trip,
    bound_to_its_context,
    bound_to_its_key,
    tamper_evident,
    never_twice_the_same,
    hides_the_key,
    earlier_keys,
    unknown_keys,
    the_current_key_stays,
    destroyed_at_once_for_us,
    repeatable,
    unavailable_means_nothing,
    concurrent_use,
    silent,
}
