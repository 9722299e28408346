//! Version numbers that no crash can bring back.

use wzapi_storage::Version;

/// How many versions are reserved on disk at a time.
const RESERVED_AT_ONCE: u64 = 1 << 20;

/// Gives out versions, each once in the life of the store.
///
/// A counter that is written along with each batch would not do: a relaxed batch may be lost in a crash after its
/// version was seen, and the next batch would get that version again. So versions are reserved durably before
/// they are given out, a million at a time, and a store that is opened begins after everything ever reserved.
#[derive(Debug)]
pub(crate) struct Versions {
    next: u64,
    reserved_below: u64,
}

impl Versions {
    /// Goes on after what was reserved before. [`Self::reservation`] must be stored before the first version is
    /// given out.
    pub(crate) const fn resume(reserved_below: Option<u64>) -> Self {
        let next = match reserved_below {
            Some(below) => below,
            None => 1,
        };
        Self { next, reserved_below: next }
    }

    /// The next version, or `None` when they are used up.
    pub(crate) fn take(&mut self) -> Option<Version> {
        let version = self.next;
        self.next = version.checked_add(1)?;
        Some(Version(version))
    }

    /// What must be stored durably, in the same batch at the latest, before the versions taken so far are used.
    pub(crate) fn reservation(&mut self) -> Option<u64> {
        if self.next < self.reserved_below {
            return None;
        }
        self.reserved_below = self.next.saturating_add(RESERVED_AT_ONCE);
        Some(self.reserved_below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopened_store_begins_after_everything_reserved() {
        let mut first = Versions::resume(None);
        let stored = first.reservation();
        let taken = first.take().unwrap();
        assert_eq!(first.reservation(), None, "one reservation lasts");
        let mut second = Versions::resume(stored);
        assert!(second.reservation().is_some());
        assert!(second.take().unwrap() > taken);
    }

    #[test]
    fn a_used_up_reservation_is_renewed_before_the_version_is_used() {
        let mut versions = Versions::resume(None);
        let mut below = versions.reservation().unwrap();
        for _ in 0..RESERVED_AT_ONCE + 3 {
            let version = versions.take().unwrap();
            below = versions.reservation().unwrap_or(below);
            assert!(version.0 < below);
        }
    }

    #[test]
    fn the_last_version_is_not_given_out_twice() {
        let mut versions = Versions::resume(Some(u64::MAX));
        assert_eq!(versions.take(), None);
        assert_eq!(versions.take(), None);
    }
}
