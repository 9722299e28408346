//! The operating system's clock and source of randomness: the only place in the workspace that touches them.

use std::cell::RefCell;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, Zeroizing};

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

/// Bytes that a thread draws from the system at a time.
const BUFFERED: usize = 4096;
/// The longest request that the buffer serves. What is longer pays for its own call of the system.
const MAX_FROM_BUFFER: usize = 64;

thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::new(Buffer::empty());
}

/// The operating system's cryptographically secure randomness (`getrandom` on Linux), by way of `ring`.
///
/// A call of the system for each nonce would cost more than sealing a short value, so each thread draws 4 KiB at a time
/// and serves short requests from there. Bytes are wiped as they are handed out, and the rest when the thread ends. A
/// process that was forked draws anew.
///
/// What no program can notice is a machine that is resumed twice from one snapshot of its memory: both copies hand out
/// what was left in the buffers. Restart the process after such a resume, as for any other that holds random state.
#[derive(Debug, Clone)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// A handle on the system's randomness; cheap to make and to clone.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this module is where ambient randomness enters")]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }

    fn fill_from_system(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(out).map_err(|_| EntropyError)
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        if out.len() > MAX_FROM_BUFFER {
            return self.fill_from_system(out);
        }
        let buffered = BUFFER.try_with(|buffer| {
            let mut buffer = buffer.try_borrow_mut().ok()?;
            Some(buffer.fill(out, std::process::id(), |bytes| self.fill_from_system(bytes)))
        });
        match buffered {
            Ok(Some(outcome)) => outcome,
            // The thread is ending and has wiped its buffer already.
            Ok(None) | Err(_) => self.fill_from_system(out),
        }
    }
}

/// Randomness that a thread has drawn and not handed out yet.
struct Buffer {
    /// Random up to `left`; wiped from there on.
    bytes: Zeroizing<[u8; BUFFERED]>,
    left: usize,
    /// The process that drew it. A fork copies the buffer, and two processes must not hand out the same bytes.
    process: u32,
}

impl Buffer {
    fn empty() -> Self {
        Self { bytes: Zeroizing::new([0; BUFFERED]), left: 0, process: 0 }
    }

    fn fill(
        &mut self,
        out: &mut [u8],
        process: u32,
        draw: impl FnOnce(&mut [u8]) -> Result<(), EntropyError>,
    ) -> Result<(), EntropyError> {
        if self.process != process || self.left < out.len() {
            self.left = 0;
            draw(self.bytes.as_mut_slice())?;
            self.left = BUFFERED;
            self.process = process;
        }
        let rest = self.left.checked_sub(out.len()).ok_or(EntropyError)?;
        let taken = self.bytes.get_mut(rest..self.left).ok_or(EntropyError)?;
        out.copy_from_slice(taken);
        taken.zeroize();
        self.left = rest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A system that draws this byte only.
    fn drawing(byte: u8) -> impl Fn(&mut [u8]) -> Result<(), EntropyError> {
        move |bytes| {
            bytes.fill(byte);
            Ok(())
        }
    }

    fn unreachable_system(_: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }

    #[test]
    fn two_draws_differ_and_the_clock_is_past_2025() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemEntropy::new().fill(&mut a).unwrap();
        SystemEntropy::new().fill(&mut b).unwrap();
        assert_ne!(a, b);
        assert!(SystemClock.now() > "2025-01-01".parse().unwrap());
    }

    #[test]
    fn draws_of_any_length_never_repeat_on_any_thread() {
        let draw = |length: usize| {
            let mut bytes = vec![0; length];
            SystemEntropy::new().fill(&mut bytes).unwrap();
            bytes
        };
        let draws = move || (0..2_000).map(|round| draw(12 + round % 80)).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draws)).collect();
        let drawn: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let heads: BTreeSet<_> = drawn.iter().map(|bytes| &bytes[..12]).collect();
        assert_eq!(heads.len(), drawn.len());
    }

    #[test]
    fn the_buffer_serves_every_byte_once_and_wipes_it() {
        let mut buffer = Buffer::empty();
        let drawn: Vec<u8> = (0..BUFFERED).map(|at| u8::try_from(at % 251 + 1).unwrap()).collect();
        let mut served = Vec::new();
        for round in 0..BUFFERED / 16 {
            let mut out = [0; 16];
            let draw = |bytes: &mut [u8]| {
                assert_eq!(round, 0, "one draw is enough for all");
                bytes.copy_from_slice(&drawn);
                Ok(())
            };
            buffer.fill(&mut out, 1, draw).unwrap();
            served.splice(0..0, out);
            assert!(buffer.bytes[buffer.left..].iter().all(|byte| *byte == 0), "what was served is wiped");
            assert_eq!(buffer.bytes[..buffer.left], drawn[..buffer.left]);
        }
        assert_eq!(served, drawn);
    }

    #[test]
    fn a_request_is_never_served_from_two_draws() {
        let mut buffer = Buffer::empty();
        let mut out = [0; 48];
        buffer.fill(&mut out, 1, drawing(1)).unwrap();
        for _ in 1..BUFFERED / 48 {
            buffer.fill(&mut out, 1, unreachable_system).unwrap();
            assert_eq!(out, [1; 48]);
        }
        buffer.fill(&mut out, 1, drawing(2)).unwrap();
        assert_eq!(out, [2; 48]);
    }

    #[test]
    fn a_forked_process_draws_anew_and_so_does_its_parent_only_when_it_has_to() {
        let mut parent = Buffer::empty();
        let mut out = [0; 12];
        parent.fill(&mut out, 1, drawing(1)).unwrap();
        let mut child = Buffer { bytes: parent.bytes.clone(), ..parent };
        child.fill(&mut out, 2, drawing(2)).unwrap();
        assert_eq!(out, [2; 12]);
        assert!(!child.bytes.contains(&1), "nothing of the parent's is left");
        parent.fill(&mut out, 1, unreachable_system).unwrap();
        assert_eq!(out, [1; 12]);
    }

    #[test]
    fn a_system_that_fails_leaves_nothing_to_hand_out() {
        let mut buffer = Buffer::empty();
        let mut out = [0; 12];
        assert_eq!(buffer.fill(&mut out, 1, unreachable_system), Err(EntropyError));
        assert_eq!(buffer.fill(&mut out, 1, unreachable_system), Err(EntropyError));
        assert_eq!(out, [0; 12]);
        buffer.fill(&mut out, 1, drawing(7)).unwrap();
        assert_eq!(buffer.fill(&mut out, 2, unreachable_system), Err(EntropyError), "after a fork as well");
        assert_eq!(buffer.fill(&mut out, 1, unreachable_system), Err(EntropyError), "it was given up");
    }
}
