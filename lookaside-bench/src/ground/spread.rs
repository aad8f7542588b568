//! What many rounds came to: the best, the one in the middle and the worst.

use super::measure::Better;

/// What the rounds of a contender came to in a measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The smallest figure.
    pub min: f64,
    /// The one in the middle, or the mean of the two in the middle.
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// Nothing of nothing.
    pub fn of(figures: &mut [f64]) -> Option<Self> {
        figures.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (figures.first()?, figures.last()?);
        let (low, high) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
        Some(Self { min, median: f64::midpoint(low, high), max })
    }

    /// How much more these are than others, figure by figure.
    pub fn less(self, other: Self) -> Self {
        Self { min: self.min - other.min, median: self.median - other.median, max: self.max - other.max }
    }

    /// The best round's figure; of a measure that does not compare the smallest.
    pub fn best(self, better: Better) -> f64 {
        match better {
            Better::Less | Better::Neither => self.min,
            Better::More => self.max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_of_few_and_of_many() {
        let of = |figures: &mut [f64]| Spread::of(figures).map(|spread| (spread.min, spread.median, spread.max));
        assert_eq!(of(&mut []), None);
        assert_eq!(of(&mut [3.0]), Some((3.0, 3.0, 3.0)));
        assert_eq!(of(&mut [5.0, 1.0]), Some((1.0, 3.0, 5.0)));
        assert_eq!(of(&mut [9.0, 1.0, 2.0]), Some((1.0, 2.0, 9.0)));
        assert_eq!(of(&mut [4.0, 100.0, 1.0, 2.0]), Some((1.0, 3.0, 100.0)));
    }
}
