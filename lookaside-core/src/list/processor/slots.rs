//! The engine `slots`: a part for each thread, which reaches it by plain loads and stores. A closer pays for both: theory
//! §3.3.

#[cfg(test)]
mod model;

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{Exclusive, Part};
use crate::platform::{self, slots};
use crate::wdk::Parts;

/// Two plain stores around each operation, and a look between.
#[derive(Debug)]
pub struct Slots;

impl Exclusive for Slots {
    type Entered = &'static slots::Slot;

    fn current() -> u32 {
        slots::number_at_a_miss()
    }

    fn has_part() -> bool {
        slots::number() != u32::MAX
    }

    #[inline(always)]
    unsafe fn enter(parts: &Parts) -> Option<(Part, &'static slots::Slot)> {
        let slot = slots::current(parts.area)?;
        if slot.is_inside() {
            return None;
        }
        // SAFETY: a list of this engine has a part for each slot.
        let part = unsafe { Part::at(parts, slot.distance()) };
        slot.enter(part.0.addr().get());
        // Acquire pairs with the Release in Part::unlock.
        if part.lock.load(Acquire) != 0 {
            slot.leave();
            return None;
        }
        Some((part, slot))
    }

    #[inline(always)]
    fn leave(_part: Part, slot: &'static slots::Slot) {
        slot.leave();
    }

    fn keep_out(part: Part, number: u32) -> bool {
        // Relaxed: the barrier comes after it.
        part.lock.store(1, Relaxed);
        if !platform::barrier_everywhere() {
            part.unlock();
            return false;
        }
        slots::wait_outside(number, part.0.addr().get());
        true
    }
}
