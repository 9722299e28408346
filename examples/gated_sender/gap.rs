//! The time in which a withdrawal comes too late.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The moment by a clock that never steps.
#[allow(clippy::disallowed_methods, reason = "measures a duration; nothing is decided by it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The gaps of all messages.
#[derive(Default)]
pub(crate) struct Gaps {
    from_answer: Vec<Duration>,
    from_question: Vec<Duration>,
}

impl Gaps {
    /// Redeeming was `asked` for and `answered`, and the message was `written`.
    pub(crate) fn add(&mut self, asked: Instant, answered: Instant, written: Instant) {
        self.from_answer.push(written - answered);
        self.from_question.push(written - asked);
    }

    fn each(&self) -> [(&'static str, &'static str, Figures); 2] {
        [
            (
                "redeem_answered_to_socket_us",
                "from the answer of redeem to the socket",
                figures(&self.from_answer),
            ),
            ("redeem_called_to_socket_us", "with redeem and its read in it", figures(&self.from_question)),
        ]
    }

    pub(crate) fn print(&self) {
        for (_, what, gap) in self.each() {
            println!(
                "   {what}: median {} us, 99th percentile {} us, most {} us",
                gap.median, gap.high, gap.most
            );
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let each = self.each().map(|(key, _, gap)| {
            (key.to_owned(), json!({ "p50": gap.median, "p99": gap.high, "max": gap.most }))
        });
        Value::Object(each.into_iter().collect())
    }
}

/// In microseconds.
struct Figures {
    median: u128,
    high: u128,
    most: u128,
}

fn figures(gaps: &[Duration]) -> Figures {
    let mut gaps: Vec<u128> = gaps.iter().map(Duration::as_micros).collect();
    gaps.sort_unstable();
    let at = |percent: usize| {
        let rank = (gaps.len() * percent).div_ceil(100).max(1);
        gaps.get(rank - 1).copied().unwrap_or_default()
    };
    Figures { median: at(50), high: at(99), most: at(100) }
}
