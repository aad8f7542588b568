//! Tuning of a list: on demand when it misses, and by the scan (theory §5).

use core::sync::atomic::Ordering::{Relaxed, Release};

use super::list::{List, activity, attention};
use crate::list::Tuning;
use crate::list::processor::{Part, PartCounters};
use crate::list::tuner::MISSES_PER_DEMAND;
use crate::platform::{self, Guard};
use crate::wdk::MINIMUM_DEPTH;

impl List {
    /// After every 64 misses of one kind on a part, runs the rule at once: for the processor list, and if they were
    /// misses of the shared list too, for that. `new` of the `misses` are new.
    pub(super) fn demand(&self, part: Part, misses: u64, new: u64, also_shared: bool) {
        let maximum = self.settings().maximum_depth;
        // What is as deep as it may be cannot become deeper.
        let is_deepest = part.tuner().target() >= maximum
            && (!also_shared
                || self.settings().lower.is_some()
                || self.shared.target() >= self.settings().shared_maximum());
        if is_deepest {
            return;
        }
        if let Some(guard) = self.due(misses, new) {
            // SAFETY: `manage` is held.
            unsafe {
                part.tuner().demand(&part.counters().for_tuning(), maximum);
                part.apply_target();
            }
            if also_shared && self.settings().lower.is_none() {
                self.demand_of_shared(&guard);
            }
        }
    }

    /// The same for a list that counts its misses in its own L.
    pub(super) fn demand_shared(&self, misses: u64, new: u64) {
        if let Some(guard) = self.due(misses, new) {
            self.demand_of_shared(&guard);
        }
    }

    fn demand_of_shared(&self, guard: &Guard<'_>) {
        let counters = self.shared.for_tuning(&self.part_counters(guard));
        self.shared.demand(&counters, self.settings().shared_maximum());
    }

    fn due(&self, misses: u64, new: u64) -> Option<Guard<'_>> {
        let settings = self.settings();
        let reached = misses % MISSES_PER_DEMAND < new;
        let due = reached && settings.tuning == Tuning::Default && settings.cached && misses >= MISSES_PER_DEMAND;
        // The thread that holds the lock is tuning or closing: then the next demand will do.
        let guard = if due { self.manage.try_lock() } else { None }?;
        // The depth may rise, by fewer misses than make the list active.
        self.wake_before_raise(&guard);
        Some(guard)
    }

    /// Begins a period of the rule: what was counted until now is not looked at.
    pub(super) fn begin_period(&self, guard: &Guard<'_>) {
        self.last_scan.store(platform::milliseconds(), Relaxed);
        let mut sum = PartCounters::default();
        for (_, part) in self.parts() {
            // SAFETY: `manage` is held.
            let counters = unsafe { part.counters() };
            sum.add(&counters);
            part.tuner().begin_period(&counters.for_tuning());
        }
        if self.settings().lower.is_none() {
            self.shared.begin_period(&self.shared.for_tuning(&sum), guard);
        }
    }

    /// Visits the list in a scan. `windows_step` numbers the steps of Windows' rotation. `None` where a closer kept it
    /// from looking.
    ///
    /// Surplus blocks are left to the caller, unless giving them back would call the user's free routine on this
    /// thread. A list that has no surplus and no depth above the minimum is put to rest: until it misses the next time,
    /// no scan would change anything (theory §5.5).
    pub fn scan(&self, windows_step: u64, by_hand: bool) -> Option<Scanned> {
        let settings = self.settings();
        if !settings.cached || settings.tuning == Tuning::Manual && !by_hand {
            let guard = self.manage.lock();
            let pool_bytes = self.pool_bytes(&self.part_counters(&guard));
            if settings.cached {
                self.put_to_rest(&guard);
            }
            return Some(Scanned { pool_bytes, surplus: false, idle: true });
        }
        let mut surplus = false;
        let mut busy = false;
        let pool_bytes;
        {
            // The thread that holds the lock is tuning or closing; the next scan will do, by hand we wait.
            let guard = if by_hand { self.manage.lock() } else { self.manage.try_lock()? };
            let now = platform::milliseconds();
            let elapsed = (now.saturating_sub(self.last_scan.swap(now, Relaxed)) + 500) / 1000;
            let rotation = Rotation { step: windows_step, processors: self.numbers().into() };
            let (shared_due, part_due, period) = match settings.tuning {
                Tuning::Windows => rotation.visit(settings.request.pool_type.is_paged()),
                _ => (true, Visit::All, elapsed.max(1)),
            };
            let mut sum = PartCounters::default();
            for (processor, part) in self.parts() {
                // SAFETY: `manage` is held.
                unsafe {
                    let counters = part.counters();
                    sum.add(&counters);
                    if part_due.includes(processor) {
                        let counters = counters.for_tuning();
                        let target = part.tuner().scan(&counters, settings.tuning, settings.maximum_depth, period);
                        part.apply_target();
                        surplus |= counters.current_depth > target.into();
                    }
                }
                busy |= part.tuner().target() > MINIMUM_DEPTH.into();
            }
            pool_bytes = self.pool_bytes(&sum);
            self.note_heat(&sum, &guard);
            if shared_due && settings.lower.is_none() {
                let counters = self.shared.for_tuning(&sum);
                self.shared.scan(&counters, settings.tuning, settings.shared_maximum(), period);
                surplus |= self.shared.has_surplus();
            }
            busy |= settings.lower.is_none() && self.shared.target() > MINIMUM_DEPTH.into();
            if !surplus && !busy {
                self.put_to_rest(&guard);
            }
        }
        surplus &= settings.tuning != Tuning::Windows;
        if surplus && settings.backing.frees_by_callback() {
            self.attention.fetch_or(attention::SURPLUS, Relaxed);
            surplus = false;
        }
        Some(Scanned { pool_bytes, surplus, idle: !busy })
    }

    /// Returns one more than the highest number of a part that was ever used; where parts are processors', all numbers.
    fn numbers(&self) -> u32 {
        let settings = self.settings();
        if settings.has_slots() {
            self.parts().map(|(number, _)| number + 1).max().unwrap_or(1)
        } else {
            settings.parts.processors
        }
    }

    /// Notes how many calls came since the last scan.
    fn note_heat(&self, parts: &PartCounters, _manage: &Guard<'_>) {
        let counters = match self.settings().parts.processors {
            0 => self.shared.counters(parts),
            _ => parts.counters,
        };
        let calls = counters.total_allocates.wrapping_add(counters.total_frees);
        let new = calls.wrapping_sub(self.calls.swap(calls, Relaxed));
        self.heat.store((u64::BITS - new.leading_zeros()) as u8, Relaxed);
    }

    /// Returns how much the list was used before the last scan, from 0 for not at all to [`HOTTEST`].
    pub fn heat(&self) -> u8 {
        self.heat.load(Relaxed)
    }

    /// Has a list that tunes itself begin anew with the least depth. Returns how many bytes it keeps.
    pub fn give_up(&self) -> u64 {
        let settings = self.settings();
        if settings.tuning == Tuning::Default {
            let _guard = self.manage.lock();
            let least = settings.maximum_depth.min(MINIMUM_DEPTH.into());
            for (_, part) in self.parts() {
                part.tuner().set_target(least);
                // SAFETY: `manage` is held.
                unsafe { part.apply_target() };
            }
            if settings.lower.is_none() {
                self.shared.set_target(least.min(settings.shared_maximum()));
            }
        }
        if settings.backing.frees_by_callback() {
            self.attention.fetch_or(attention::SURPLUS, Relaxed);
        }
        self.kept_bytes()
    }

    /// Lets scans pass the list by until it misses.
    fn put_to_rest(&self, _manage: &Guard<'_>) {
        self.heat.store(0, Relaxed);
        self.around().activity.fetch_and(!activity::ACTIVE, Relaxed);
        // Release pairs with the AcqRel in `wake`: a miss that sees it sets the activity after this has cleared it.
        self.attention.fetch_or(attention::AT_REST, Release);
    }
}

/// The most that [`List::heat`] may be.
pub const HOTTEST: u8 = u64::BITS as u8;

/// What a visit of the scan found.
#[derive(Clone, Copy, Debug)]
pub struct Scanned {
    /// How many bytes the list held of a pool that does not count them itself.
    pub pool_bytes: u64,
    /// Whether there are blocks for [`List::take_surplus`].
    pub surplus: bool,
    /// Whether each depth is the least, so that nothing more of the list becomes free by itself.
    pub idle: bool,
}

/// Which processor lists a scan visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    All,
    None,
    Only(u64),
}

impl Visit {
    fn includes(self, processor: u32) -> bool {
        match self {
            Visit::All => true,
            Visit::None => false,
            Visit::Only(index) => index == processor.into(),
        }
    }
}

/// Windows' rotation: of every three steps the first visits nonpaged lists, the second paged lists, the third the
/// pairs, one processor at a time and then the shared lists.
struct Rotation {
    step: u64,
    processors: u64,
}

impl Rotation {
    /// Whether the shared list is due, which processor lists are, and the rule's period in seconds.
    fn visit(&self, paged: bool) -> (bool, Visit, u64) {
        if self.processors == 0 {
            return (self.step % 3 == paged.into(), Visit::None, 3);
        }
        let period = 3 * self.processors;
        if self.step % 3 != 2 {
            return (false, Visit::None, period);
        }
        let index = self.step / 3 % (self.processors + 1);
        (index == self.processors, Visit::Only(index), period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_visits_general_lists_every_third_step() {
        let due = |step, paged| Rotation { step, processors: 0 }.visit(paged);
        assert_eq!([0, 1, 2, 3].map(|step| due(step, false).0), [true, false, false, true]);
        assert_eq!([0, 1, 2, 3, 4].map(|step| due(step, true).0), [false, true, false, false, true]);
        assert_eq!(due(0, false).2, 3);
    }

    #[test]
    fn windows_visits_one_processor_of_a_pair_at_a_time() {
        let visit = |step| Rotation { step, processors: 2 }.visit(true);
        assert_eq!(visit(0), (false, Visit::None, 6));
        assert_eq!(visit(2), (false, Visit::Only(0), 6));
        assert_eq!(visit(5), (false, Visit::Only(1), 6));
        assert_eq!(visit(8), (true, Visit::Only(2), 6));
        assert_eq!(visit(11), (false, Visit::Only(0), 6));
    }
}
