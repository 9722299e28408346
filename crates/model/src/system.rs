//! The operating system's clock and source of randomness: the only place in the workspace that touches them.

use ring::rand::{SecureRandom, SystemRandom};

use crate::entropy::{Entropy, EntropyError};
use crate::time::{Clock, Timestamp};

/// The operating system's real-time clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this module is where ambient time enters")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.saturating_add(since_epoch)
    }
}

/// The operating system's cryptographically secure randomness (`getrandom` on Linux), by way of `ring`.
#[derive(Debug, Clone)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// A handle on the system's randomness; cheap to make and to clone.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this module is where ambient randomness enters")]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(out).map_err(|_| EntropyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ_and_the_clock_is_past_2025() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemEntropy::new().fill(&mut a).unwrap();
        SystemEntropy::new().fill(&mut b).unwrap();
        assert_ne!(a, b);
        assert!(SystemClock.now() > "2025-01-01".parse().unwrap());
    }
}
