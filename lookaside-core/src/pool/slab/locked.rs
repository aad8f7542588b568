//! Slabs of nonpaged lists: a page is locked in memory before a block on it is given (theory §13.2).

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use super::header::{Held, Slab, forks, whole_pages};
use super::stale;
use crate::platform::{self, Guard};
use crate::pool::arena::{Arena, Residence};
use crate::pool::nonpaged;
use crate::wdk::Status;

/// One more than the number of forks when a page was last seen to be lockable.
static SEEN_LOCKABLE: AtomicU32 = AtomicU32::new(0);

/// Returns the pool whose limit such slabs count against; `None` for pageable ones.
pub fn pool_of(residence: Residence) -> Option<&'static Arena> {
    match residence {
        Residence::Pageable => None,
        Residence::Locked => Some(nonpaged::arena(false)),
        Residence::BestEffort => Some(nonpaged::arena(true)),
    }
}

/// Returns whether this process could ever lock a page: NO_MEMORY, or WORKING_SET_QUOTA if it cannot.
pub fn see_lockable() -> Result<(), Status> {
    let lockable = forks().wrapping_add(1);
    if SEEN_LOCKABLE.load(Relaxed) == lockable {
        return Ok(());
    }
    let bytes = platform::page_size();
    let page = platform::map_briefly(bytes);
    if page.is_null() {
        return Err(Status::NO_MEMORY);
    }
    // SAFETY: the mapping is new, and no one else's.
    let locked = unsafe {
        let locked = platform::lock_pages(page, bytes);
        platform::unmap(page, bytes);
        locked
    };
    if !locked {
        return Err(Status::WORKING_SET_QUOTA);
    }
    SEEN_LOCKABLE.store(lockable, Relaxed);
    Ok(())
}

/// Locks the pages of a slab that it did not have in memory before, or makes them resident where that is enough; and, if
/// that is possible, up to `ahead` pages that follow with the same call. Returns whether that was done for all but those.
/// What was done is counted, and the other pages are not in memory.
pub fn bring_in(guard: &Guard<'_>, slab: &Slab, pool: &Arena, before: Held, ahead: u32) -> bool {
    let needed = whole_pages(slab.pages());
    let more = whole_pages(slab.with_following(needed & !before.pages, ahead));
    slab.set_held(guard, before);
    let is_strict = pool.residence() == Residence::Locked;
    more & !needed != 0 && bring_in_all(guard, slab, pool, more, true)
        || bring_in_all(guard, slab, pool, needed, is_strict)
}

/// Locks these pages, or makes those that cannot be locked resident, unless that is not enough; returns whether all are
/// in memory.
fn bring_in_all(guard: &Guard<'_>, slab: &Slab, pool: &Arena, pages: u32, is_strict: bool) -> bool {
    let before = slab.held();
    let new = pages & !before.pages;
    let share = |pages| slab.bytes_of(before.pages | pages) - slab.bytes_of(before.pages);
    if !pool.take_share(share(new)) {
        return false;
    }
    let locked = lock(slab, new);
    let kept = if is_strict { locked } else { new };
    for (_, start, bytes) in slab.runs_of(new & !locked) {
        // SAFETY: the pages are of the range, and no block in use is on them.
        unsafe { if is_strict { stale::discard(start, bytes) } else { platform::populate(start, bytes) } }
    }
    pool.give_share(share(new) - share(kept));
    slab.set_held(guard, Held { pages: before.pages | kept, locked: before.locked | locked });
    kept == new
}

/// In the child of a fork: locks what the parent had in memory. Returns whether all of it is locked.
pub fn lock_again(guard: &Guard<'_>, slab: &Slab) -> bool {
    let held = slab.held();
    let locked = held.locked | lock(slab, held.pages & !held.locked);
    slab.set_held(guard, Held { locked, ..held });
    locked == held.pages
}

/// Gives the pages of a slab back to the system that no block in use is on. What the system does not unlock stays, and
/// is counted.
pub fn give_pages_back(guard: &Guard<'_>, slab: &Slab) {
    let (before, mut idle) = (slab.held(), slab.idle_pages(guard));
    for (pages, start, bytes) in slab.runs_of(idle & before.locked) {
        // SAFETY: the pages are of the range.
        if !unsafe { platform::unlock_pages(start, bytes) } {
            idle &= !pages;
        }
    }
    for (_, start, bytes) in slab.runs_of(idle) {
        // SAFETY: the pages are of the range, and no one uses what they hold.
        unsafe { stale::discard(start, bytes) };
    }
    slab.set_held(guard, Held { pages: before.pages & !idle, locked: before.locked & !idle });
    if let Some(pool) = slab.pool() {
        pool.give_share(slab.bytes_of(before.pages) - slab.bytes_of(slab.pages()));
    }
}

/// Locks pages, a run at a time; returns those that the system let us lock.
fn lock(slab: &Slab, pages: u32) -> u32 {
    // SAFETY: the pages are of the range.
    let is_locked = |(_, start, bytes): &(u32, *mut u8, usize)| unsafe { platform::lock_pages(*start, *bytes) };
    slab.runs_of(pages).filter(is_locked).fold(0, |locked, (pages, ..)| locked | pages)
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&SEEN_LOCKABLE);
}
