//! Random numbers, the same in every process.

/// Marsaglia's xorshift; each seed has a sequence of its own.
#[derive(Clone, Copy)]
pub struct Random(pub u64);

impl Random {
    /// The sequence of a thread, or of another small number.
    pub const fn new(seed: usize) -> Self {
        // An odd factor keeps the seeds apart, and none of them is 0.
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// The next number.
    #[inline(always)]
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`, which fits into 32 bits.
    #[inline(always)]
    pub fn below(&mut self, limit: usize) -> usize {
        (((self.draw() >> 32) * limit as u64) >> 32) as usize
    }

    pub fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_and_no_other() {
        for limit in [1, 2, 100, 1000] {
            let mut random = Random::new(3);
            let mut seen = vec![0; limit];
            for _ in 0..limit * 100 {
                seen[random.below(limit)] += 1;
            }
            assert!(seen.iter().all(|&times| times > 40), "{limit}: {seen:?}");
        }
        assert_ne!(Random::new(0).draw(), Random::new(1).draw());
    }
}
