//! What the kernel's own code does with pairs beyond allocate and free: a free to the list of a given
//! processor, and the steps of a pair whose P is its L.

use core::sync::atomic::Ordering::Relaxed;

use super::list::{List, Topology, by_engine};
use crate::list::processor::{Engine, Part};
use crate::platform;
use crate::pool::Source;
use crate::wdk::RawList;

impl List {
    /// Frees a block to the list of this processor; to the current processor's, or thread's, where the number is not one of
    /// this list's, as over slots. Another processor's part is closed for it, which takes some microseconds.
    ///
    /// # Safety
    /// As for [`List::free`].
    pub unsafe fn free_to(&self, object: *mut RawList, block: *mut u8, processor: u32) {
        let parts = &self.settings().parts;
        let is_current = self.settings().has_slots() || processor == platform::current();
        // SAFETY: the list is open; the block is of it, and the caller's.
        unsafe {
            if processor >= parts.processors || is_current {
                return self.free(object, block);
            }
            let part = Part::of(parts, processor);
            if !by_engine!(self, E => self.put_from_afar::<E>(part, processor, block)) {
                self.free_below(object, Some(part), &[block], 1);
                self.attend(object);
            }
        }
    }

    /// Puts a block on top of another processor's part; returns whether there was room. It counts as a free hit there.
    unsafe fn put_from_afar<E: Engine>(&self, part: Part, processor: u32, block: *mut u8) -> bool {
        let guard = self.manage.lock();
        if !part.is_open() {
            self.open_part(part, &guard);
        }
        // SAFETY: `manage` is held; between close and reopen the slots are ours, and one below the depth exists.
        unsafe {
            let Some(length) = E::close(part, processor) else { return false };
            let depth = part.tuner().target();
            let has_room = length < depth as usize;
            if has_room {
                part.put_newest(block, length);
            }
            E::reopen(part, processor, length + usize::from(has_room), depth);
            has_room
        }
    }

    /// Allocates from a general list alone, and stops after it: null counts as a miss.
    pub fn allocate_here(&self) -> *mut u8 {
        self.count_at_rest();
        self.shared.only().allocate_one().unwrap_or_else(|| {
            self.direct_allocates.fetch_sub(1, Relaxed);
            self.demand_shared(self.shared.only().count_allocate_miss(), 1);
            core::ptr::null_mut()
        })
    }

    /// Frees to a general list alone; returns whether it had room, else it counts as a miss.
    ///
    /// # Safety
    /// As for [`List::free`]; the caller keeps a block that found no room.
    pub unsafe fn free_here(&self, block: *mut u8) -> bool {
        self.count_at_rest();
        // SAFETY: the block is the caller's until the list takes it.
        let taken = unsafe { self.shared.only().free_one(block) };
        if !taken {
            self.direct_frees.fetch_sub(1, Relaxed);
            self.demand_shared(self.shared.only().count_free_misses(1), 1);
        }
        taken
    }

    /// Returns whether this is a general list that others may share.
    pub fn is_general(&self) -> bool {
        let settings = self.settings();
        let special = matches!(settings.backing.source, Source::Special { .. });
        settings.topology == Topology::General && (!special || settings.verified) && settings.lower.is_none()
    }

    /// Returns whether this pair's L is the other list.
    pub fn shares(&self, other: &List) -> bool {
        self.settings().lower.is_some_and(|lower| core::ptr::eq(lower.list, other))
    }
}
