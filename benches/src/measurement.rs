//! Turns and rounds.
//!
//! A turn is one side doing its operation many times, for a fraction of a millisecond: long against the reading of a clock,
//! short against the slices in which a scheduler lends the core to others, so that most turns are whole. A round is a turn of each side, one right after the other, and
//! yields one ratio. The side that begins changes from round to round, so that neither always finds the caches as the
//! other left them. The result is the median over all rounds: a round in which a neighbour took the core is an outlier,
//! and outliers do not move it.

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::row::{Side, Sides};
use crate::statistics::Spread;

/// How much time the measurement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// To see that everything runs; a few seconds for all rows.
    Quick,
    /// To be written down.
    Full,
}

impl Effort {
    /// How long one turn takes at least.
    const fn turn(self) -> Duration {
        match self {
            Self::Quick => Duration::from_micros(100),
            Self::Full => Duration::from_micros(250),
        }
    }

    /// Rounds of a row, unless the time for it is over before.
    const fn rounds(self) -> usize {
        match self {
            Self::Quick => 301,
            Self::Full => 8_001,
        }
    }

    /// When no further round of a row begins.
    const fn budget(self) -> Duration {
        match self {
            Self::Quick => Duration::from_secs(2),
            Self::Full => Duration::from_secs(120),
        }
    }
}

/// Rounds of a row at least, however long they take.
const MIN_ROUNDS: usize = 5;
/// Of so many rounds one more goes before and is not counted.
const ROUNDS_PER_WARM_UP: usize = 20;
/// How often a turn has to be long enough before it is believed.
const ATTEMPTS: usize = 3;
/// The most operations of one turn.
const MAX_TIMES: u32 = 1 << 28;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// Our cost as a multiple of theirs, round by round.
    pub(crate) ratio: Spread,
    /// The median of our cost, in the unit of the row.
    pub(crate) ours: f64,
    /// The median of theirs.
    pub(crate) theirs: f64,
    pub(crate) rounds: usize,
}

pub(crate) fn measure(mut sides: Sides, effort: Effort) -> Result<Measured, Failure> {
    let began = now();
    let mut ours = Player::new(sides.ours.as_mut(), effort)?;
    let mut theirs = Player::new(sides.theirs.as_mut(), effort)?;
    let warm_up = effort.rounds() / ROUNDS_PER_WARM_UP;
    let mut ratios = Vec::with_capacity(effort.rounds());
    for round in 0..warm_up + effort.rounds() {
        if ratios.len() >= MIN_ROUNDS && began.elapsed() >= effort.budget() {
            break;
        }
        let (our_cost, their_cost) = if round % 2 == 0 {
            let our_cost = ours.turn()?;
            (our_cost, theirs.turn()?)
        } else {
            let their_cost = theirs.turn()?;
            (ours.turn()?, their_cost)
        };
        if round >= warm_up || began.elapsed() >= effort.budget() {
            ratios.push(our_cost / their_cost);
            ours.costs.push(our_cost);
            theirs.costs.push(their_cost);
        }
    }
    let rounds = ratios.len();
    let (ours, theirs) = (Spread::of(ours.costs).median, Spread::of(theirs.costs).median);
    Ok(Measured { ratio: Spread::of(ratios), ours, theirs, rounds })
}

/// A side, how often it does its operation in a turn, and what that cost so far.
struct Player<'a> {
    side: &'a mut dyn Side,
    times: u32,
    costs: Vec<f64>,
}

impl<'a> Player<'a> {
    /// Finds how often the operation has to be done for a turn to be long enough. A turn that others made long is not
    /// taken for it: it has to be long at every attempt.
    fn new(side: &'a mut dyn Side, effort: Effort) -> Result<Self, Failure> {
        let (mut times, mut attempts) = (1, 0);
        while times < MAX_TIMES && attempts < ATTEMPTS {
            let began = now();
            side.turn(times)?;
            if began.elapsed() >= effort.turn() {
                attempts += 1;
            } else {
                (times, attempts) = (times * 2, 0);
            }
        }
        Ok(Self { side, times, costs: Vec::new() })
    }

    fn turn(&mut self) -> Result<f64, Failure> {
        self.side.turn(self.times)
    }
}

#[allow(clippy::disallowed_methods, reason = "a measurement of time has to read the clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// A side that takes its time, states the costs of a list in turn, and notes when it was called.
    fn scripted(name: char, costs: &'static [f64], calls: &Rc<RefCell<String>>) -> Box<dyn Side> {
        let calls = Rc::clone(calls);
        let mut costs = costs.iter().cycle();
        Box::new(move |_| {
            std::thread::sleep(Effort::Quick.turn());
            calls.borrow_mut().push(name);
            Ok(costs.next().copied().unwrap_or_default())
        })
    }

    #[test]
    fn the_side_that_begins_changes_from_round_to_round() {
        let calls = Rc::new(RefCell::new(String::new()));
        let sides = Sides { ours: scripted('o', &[6.0], &calls), theirs: scripted('t', &[2.0], &calls) };
        let measured = measure(sides, Effort::Quick).unwrap();
        assert_eq!(measured.ratio, Spread { low: 3.0, median: 3.0, high: 3.0 });
        assert_eq!((measured.ours, measured.theirs), (6.0, 2.0));
        assert_eq!(measured.rounds, Effort::Quick.rounds());
        assert!(calls.borrow().starts_with("oootttottoottoottoot"), "{}", calls.borrow());
    }

    #[test]
    fn rounds_that_a_neighbour_slowed_do_not_move_the_result() {
        let calls = Rc::new(RefCell::new(String::new()));
        let ours = scripted('o', &[6.0, 6.0, 6.0, 6.0, 900.0], &calls);
        let measured = measure(Sides { ours, theirs: scripted('t', &[2.0], &calls) }, Effort::Quick).unwrap();
        assert_eq!((measured.ratio.low, measured.ratio.median, measured.ratio.high), (3.0, 3.0, 450.0));
        assert_eq!(measured.ours, 6.0);
    }

    #[test]
    fn a_turn_is_long_enough_to_be_timed() {
        let mut longest = 0;
        let mut side = |times: u32| {
            std::thread::sleep(Duration::from_micros(100) * times);
            longest = longest.max(times);
            Ok(1.0)
        };
        let player = Player::new(&mut side, Effort::Quick).unwrap();
        assert!((1..=16).contains(&player.times) && player.times.is_power_of_two());
    }
}
