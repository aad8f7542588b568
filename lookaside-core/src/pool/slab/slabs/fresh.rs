//! Blocks that are zeroes, since they come fresh from the system.

use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use super::super::stale;
use super::Slabs;
use super::group::Place;
use crate::pool::Request;

impl Slabs {
    /// Returns the next new block with zeroes in its first bytes, if they cost less than to clear it: if one of its pages
    /// was in no caller's hands since it came from the system. Null otherwise, and of locked slabs.
    pub fn allocate_fresh(&self, group: u32, request: &Request, bytes: usize) -> *mut u8 {
        let group = self.group(group);
        let guard = group.lock.lock();
        let may_be_fresh = group.pool().is_none() && !stale::may_be();
        let slab = if may_be_fresh { group.next::<false>(&guard, Some(self), request) } else { None };
        let Some(slab) = slab.filter(|slab| slab.units.load(Relaxed) == 1) else { return ptr::null_mut() };
        let (place, before) = (Place::of(slab), slab.held());
        let Some((block, used)) = slab.take_fresh(&guard) else { return ptr::null_mut() };
        group.relist(&guard, slab, place);
        group.count_pages(&guard, slab, before, slab.held());
        drop(guard);
        for (_, start, length) in used {
            let (from, to) = (start.max(block), start.wrapping_add(length).min(block.wrapping_add(bytes)));
            if from < to {
                // SAFETY: these bytes are of the block, which is the caller's.
                unsafe { from.write_bytes(0, to.addr() - from.addr()) };
            }
        }
        block
    }
}
