//! Medians and percentiles.

/// The middle of some values, and how far they spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The 10th percentile: one value in ten is below.
    pub(crate) low: f64,
    pub(crate) median: f64,
    /// The 90th percentile: one value in ten is above.
    pub(crate) high: f64,
}

impl Spread {
    /// Not a number of no values.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent| percentile(&values, percent).unwrap_or(f64::NAN);
        Self { low: at(10), median: at(50), high: at(90) }
    }
}

/// The value below which so many percent of the sorted values are, by the nearest rank: always one of the values.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted_down(from: u32) -> Vec<f64> {
        (1..=from).rev().map(f64::from).collect()
    }

    #[test]
    fn percentiles_are_by_the_nearest_rank() {
        assert_eq!(Spread::of(counted_down(100)), Spread { low: 10.0, median: 50.0, high: 90.0 });
        assert_eq!(Spread::of(counted_down(11)), Spread { low: 2.0, median: 6.0, high: 10.0 });
    }

    #[test]
    fn few_values_are_their_own_spread() {
        assert_eq!(Spread::of(vec![7.5]), Spread { low: 7.5, median: 7.5, high: 7.5 });
        assert_eq!(Spread::of(vec![3.0, 1.0]), Spread { low: 1.0, median: 1.0, high: 3.0 });
        assert!(Spread::of(Vec::new()).median.is_nan());
    }

    #[test]
    fn one_outlier_in_eleven_moves_nothing() {
        let mut values = vec![2.0; 10];
        values.push(1_000.0);
        assert_eq!(Spread::of(values), Spread { low: 2.0, median: 2.0, high: 2.0 });
    }
}
