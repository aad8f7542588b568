//! One block out, and in again.

use super::touch;
use crate::contenders::Contender;

#[inline(never)]
pub fn run<C: Contender>(contender: &C, pairs: u64) {
    if let Some(loops) = C::LOOPS {
        return (loops.pair)(contender, pairs);
    }
    for _ in 0..pairs {
        let block = touch(contender.allocate());
        // SAFETY: the block was handed out a line above.
        unsafe { contender.free(block) };
    }
}
