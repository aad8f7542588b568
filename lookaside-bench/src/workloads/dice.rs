//! Chance, the same in every round.

/// Marsaglia's xorshift; each thread has a sequence of its own.
pub struct Dice(u64);

impl Dice {
    pub fn new(thread: usize) -> Self {
        // An odd factor keeps the seeds apart, and none of them is 0.
        Self((thread as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    #[inline(always)]
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `sides`, which are few enough for 32 bits.
    #[inline(always)]
    pub fn below(&mut self, sides: usize) -> usize {
        (((self.roll() >> 32) * sides as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_reach_every_side_and_no_other() {
        for sides in [1, 2, 100, 1000] {
            let mut dice = Dice::new(3);
            let mut seen = vec![0; sides];
            for _ in 0..sides * 100 {
                seen[dice.below(sides)] += 1;
            }
            assert!(seen.iter().all(|&times| times > 40), "{sides}: {seen:?}");
        }
        assert_ne!(Dice::new(0).roll(), Dice::new(1).roll());
    }
}
