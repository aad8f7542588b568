//! The special pool: each block on a page of its own, with pages beside it that no one may touch.
//!
//! ```text
//! | guard | page of slot 0 | guard | page of slot 1 | guard | ...        slots ->  table: what each slot is, out of line
//!                    [block]          [block]                            at the end; or [block] at the start of the page
//! ```
//!
//! What a block leaves of its page is filled with a pattern that is checked when it comes back. A freed page is
//! inaccessible at once and used again late, so that a use after free ends the program where it happens.
//!
//! Guards are laid by `MADV_GUARD_INSTALL`, which splits no mapping; before Linux 6.13 by `mprotect`, which makes two
//! mappings of each block, so that fewer fit. Where no slot is left the process heap serves, and so it does for blocks
//! of a page or more.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

use super::request::Request;
use super::statistics::PoolStatistics;
use crate::platform::{self, ChildRepairs, Guard, Lock, Violation};
use crate::wdk::{BugCheck, Status, Tag};

/// The most blocks at once, where guards split no mapping: 8 GiB of address space.
const SLOTS: usize = 1 << 20;
/// How many slots become usable at a time.
const EXTENT: usize = 512;
/// How many others are freed before a freed slot is used again.
const QUARANTINE: u32 = 1024;
/// What a page holds beside its block.
const PATTERN: u8 = 0xA5;

/// What a slot is.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotState {
    /// It never had a block.
    Fresh = 0,
    /// A caller has its block.
    Live = 1,
    /// Its block was freed, and waits in quarantine.
    Freed = 2,
    /// A thread is making or ending its block.
    Changing = 3,
}

/// The block that an address of the special pool belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpecialBlock {
    /// Where the block is, or was.
    pub block: *mut u8,
    /// Its bytes.
    pub size: usize,
    /// Its tag.
    pub tag: Tag,
    /// Whether it is in use.
    pub state: SlotState,
}

/// One slot: 16 bytes.
#[derive(Debug)]
struct Slot {
    // State, offset of the block in its page, size: one word, so that a fault handler reads what belongs together.
    word: AtomicU64,
    tag: AtomicU32,
    // Under the pool's lock: the next one in quarantine, plus 1.
    next: AtomicU32,
}

impl Slot {
    fn read(&self) -> (SlotState, usize, usize) {
        // Acquire pairs with the Release in `set`.
        let word = self.word.load(Acquire);
        let state = match word & 0xFF {
            0 => SlotState::Fresh,
            1 => SlotState::Live,
            2 => SlotState::Freed,
            _ => SlotState::Changing,
        };
        (state, (word >> 8 & 0xFF_FFFF) as usize, (word >> 32) as usize)
    }

    fn set(&self, state: SlotState, offset: usize, size: usize) {
        // Release pairs with the Acquire in `read`.
        self.word.store(state as u64 | (offset as u64) << 8 | (size as u64) << 32, Release);
    }
}

#[derive(Debug)]
struct Special {
    // Set by prepare, the pages last.
    page: AtomicUsize,
    capacity: AtomicUsize,
    by_advice: AtomicBool,
    table: AtomicPtr<Slot>,
    pages: AtomicPtr<u8>,
    // Under `lock`.
    lock: Lock,
    committed: AtomicUsize,
    fresh: AtomicUsize,
    // The quarantine, first in first out: slots plus 1.
    first: AtomicU32,
    last: AtomicU32,
    waiting: AtomicU32,
    used: AtomicU64,
    peak: AtomicU64,
    blocks: AtomicU64,
    // Any thread.
    failures: AtomicU64,
    fallbacks: AtomicU64,
}

static SPECIAL: Special = Special {
    page: AtomicUsize::new(0),
    capacity: AtomicUsize::new(0),
    by_advice: AtomicBool::new(false),
    table: AtomicPtr::new(core::ptr::null_mut()),
    pages: AtomicPtr::new(core::ptr::null_mut()),
    lock: Lock::new(),
    committed: AtomicUsize::new(0),
    fresh: AtomicUsize::new(0),
    first: AtomicU32::new(0),
    last: AtomicU32::new(0),
    waiting: AtomicU32::new(0),
    used: AtomicU64::new(0),
    peak: AtomicU64::new(0),
    blocks: AtomicU64::new(0),
    failures: AtomicU64::new(0),
    fallbacks: AtomicU64::new(0),
};

/// Reserves the pages, and finds out how guards are laid here.
pub fn prepare() -> Result<(), Status> {
    platform::note_used(ChildRepairs::Pools);
    let _guard = SPECIAL.lock.lock();
    if !SPECIAL.pages.load(Relaxed).is_null() {
        return Ok(());
    }
    let page = platform::page_size();
    let by_advice = guards_by_advice(page);
    // With mprotect each block makes two mappings; half of those that may be are left to the program.
    let capacity = if by_advice { SLOTS } else { (platform::map_count_limit() / 4).min(SLOTS) & !(EXTENT - 1) };
    let table = platform::map(capacity * size_of::<Slot>());
    let pages = platform::reserve((2 * capacity + 1) * page);
    if table.is_null() || pages.is_null() {
        // SAFETY: whichever was mapped is no one else's.
        unsafe {
            if !table.is_null() {
                platform::unmap(table, capacity * size_of::<Slot>());
            }
            if !pages.is_null() {
                platform::unmap(pages, (2 * capacity + 1) * page);
            }
        }
        return Err(Status::NO_MEMORY);
    }
    SPECIAL.page.store(page, Relaxed);
    SPECIAL.capacity.store(capacity, Relaxed);
    SPECIAL.by_advice.store(by_advice, Relaxed);
    SPECIAL.table.store(table.cast(), Relaxed);
    // Release pairs with the Acquire in `pages`: a thread that sees them sees all the rest.
    SPECIAL.pages.store(pages, Release);
    Ok(())
}

/// Whether guards are laid by advice. Emulators of programs take any advice and do nothing: then a page keeps what it
/// held, which a guard drops.
fn guards_by_advice(page: usize) -> bool {
    let probe = platform::map(page);
    // SAFETY: the mapping is new, and no one else's; it is touched while there is no guard.
    !probe.is_null()
        && unsafe {
            probe.write_volatile(PATTERN);
            let done = platform::install_guard(probe, page) && platform::remove_guard(probe, page);
            let can = done && probe.read_volatile() == 0;
            platform::unmap(probe, page);
            can
        }
}

/// Allocates a block at the end of a page of its own, as far as its alignment permits, or at its start; of the process
/// heap if that cannot be; or null.
pub fn allocate(request: &Request, at_start: bool) -> *mut u8 {
    if let Some(block) = SPECIAL.allocate(request, at_start) {
        return block;
    }
    let block = platform::heap_allocate(request.size, request.alignment);
    let counter = if block.is_null() { &SPECIAL.failures } else { &SPECIAL.fallbacks };
    counter.fetch_add(1, Relaxed);
    block
}

/// Takes a block back. Damage beside it is reported; and so is an address that is no block in use, which has no effect.
///
/// # Safety
/// No one uses the block any more. One that is not in the pool's pages is of the process heap.
pub unsafe fn free(block: *mut u8, request: &Request) {
    match SPECIAL.slot_at(block) {
        Some(slot) => SPECIAL.free(slot, block, request),
        // SAFETY: the block is of no slot, so the heap gave it; no one uses it any more.
        None => unsafe { platform::heap_free(block) },
    }
}

/// Returns the block that an address belongs to: of its page, or, for a guard, of the page that it is nearer to. `None`
/// for an address outside of the pool, or where no block ever was. Takes no lock, so that a fault handler may ask.
#[must_use]
pub fn special_block(address: *const u8) -> Option<SpecialBlock> {
    let page = SPECIAL.page.load(Relaxed);
    let distance = address.addr().wrapping_sub(SPECIAL.pages()?.addr());
    if distance >= (2 * SPECIAL.capacity.load(Relaxed) + 1) * page {
        return None;
    }
    // The page of slot n begins at (2 n + 1) pages; half of a guard before it and half of one behind it are its own
    // too.
    let slot = distance.checked_sub(page / 2)? / (2 * page);
    if slot >= SPECIAL.capacity.load(Relaxed) {
        return None;
    }
    let (state, offset, size) = SPECIAL.slot(slot).read();
    let block = SPECIAL.page_of(slot).wrapping_add(offset);
    let tag = Tag(SPECIAL.slot(slot).tag.load(Relaxed));
    (state != SlotState::Fresh).then_some(SpecialBlock { block, size, tag, state })
}

/// Returns what the pool holds: exact, as of one moment.
pub fn statistics() -> PoolStatistics {
    platform::note_used(ChildRepairs::Pools);
    let _guard = SPECIAL.lock.lock();
    let page = SPECIAL.page.load(Relaxed) as u64;
    PoolStatistics {
        used: SPECIAL.used.load(Relaxed),
        peak: SPECIAL.peak.load(Relaxed),
        blocks: SPECIAL.blocks.load(Relaxed),
        reserved: SPECIAL.blocks.load(Relaxed) * page,
        limit: SPECIAL.capacity.load(Relaxed) as u64 * page,
        failures: SPECIAL.failures.load(Relaxed),
        fallbacks: SPECIAL.fallbacks.load(Relaxed),
        ..PoolStatistics::default()
    }
}

/// In the child of a fork. If a thread of the parent was changing the pool, the quarantine is made anew from what the slots say, and
/// slots that were changing stay out of use.
pub fn repair_after_fork() {
    let torn = SPECIAL.lock.is_held();
    SPECIAL.lock.reset_after_fork();
    if torn && SPECIAL.pages().is_some() {
        SPECIAL.count_anew(&SPECIAL.lock.lock());
    }
}

impl Special {
    fn pages(&self) -> Option<*mut u8> {
        // Acquire pairs with the Release in `prepare`.
        Some(self.pages.load(Acquire)).filter(|pages| !pages.is_null())
    }

    fn slot(&self, number: usize) -> &'static Slot {
        debug_assert!(number < self.capacity.load(Relaxed));
        // SAFETY: the table is mapped for ever, zeroed, and has room for the number.
        unsafe { &*self.table.load(Relaxed).add(number) }
    }

    fn page_of(&self, slot: usize) -> *mut u8 {
        self.pages.load(Relaxed).wrapping_add((2 * slot + 1) * self.page.load(Relaxed))
    }

    /// The slot whose page, or whose guard behind it, the address is in.
    fn slot_at(&self, address: *mut u8) -> Option<usize> {
        let page = self.page.load(Relaxed);
        let distance = address.addr().wrapping_sub(self.pages()?.addr());
        let inside = distance < (2 * self.capacity.load(Relaxed) + 1) * page;
        inside.then(|| distance.saturating_sub(page) / (2 * page)).filter(|slot| *slot < self.capacity.load(Relaxed))
    }

    fn allocate(&self, request: &Request, at_start: bool) -> Option<*mut u8> {
        let page = self.page.load(Relaxed);
        let Request { size, alignment, tag, .. } = *request;
        if size >= page || alignment > page || self.pages().is_none() {
            return None;
        }
        let number = self.take(&self.lock.lock(), size)?;
        let slot = self.slot(number);
        let start = self.page_of(number);
        let offset = if at_start { 0 } else { (page - size) & !(alignment - 1) };
        // SAFETY: the slot is ours: Changing, and in no queue.
        unsafe {
            if !self.open(start) {
                // Fewer pages than were thought of: the slot waits like one that was freed.
                self.put(&self.lock.lock(), number, size);
                return None;
            }
            start.write_bytes(PATTERN, offset);
            start.add(offset + size).write_bytes(PATTERN, page - offset - size);
        }
        slot.tag.store(tag.0, Relaxed);
        slot.set(SlotState::Live, offset, size);
        let block = start.wrapping_add(offset);
        platform::handed_out_guarded(block, size);
        Some(block)
    }

    fn free(&self, number: usize, block: *mut u8, request: &Request) {
        let slot = self.slot(number);
        let start = self.page_of(number);
        let (why, bug_check) = {
            // Under the lock, so that of two frees at once one finds the other.
            let _guard = self.lock.lock();
            let (state, offset, held) = slot.read();
            match state {
                _ if start.wrapping_add(offset) != block => ("no block of the special pool", BugCheck::NEVER_ALLOCATED),
                SlotState::Live if held == request.size => {
                    slot.set(SlotState::Changing, offset, held);
                    ("", BugCheck::NEVER_ALLOCATED)
                }
                SlotState::Live => ("a block of the special pool of another size", BugCheck::NEVER_ALLOCATED),
                SlotState::Freed => ("a block of the special pool that was freed before", BugCheck::FREED_TWICE),
                _ => ("no block of the special pool in use", BugCheck::NEVER_ALLOCATED),
            }
        };
        if !why.is_empty() {
            let Request { size, tag, .. } = *request;
            Violation { block: block.addr(), tag, ..Violation::new(bug_check) }
                .report(format_args!("free of block {block:p} of {size} bytes, tag \"{tag}\", which is {why}"));
            return;
        }
        // SAFETY: the slot is ours, and its page can be read until it is closed.
        unsafe {
            self.check(start, block, request);
            platform::taken_back_guarded(block, request.size);
            self.close(start);
        }
        self.put(&self.lock.lock(), number, request.size);
    }

    /// Reports it if the page beside the block is not as `allocate` left it.
    unsafe fn check(&self, start: *mut u8, block: *mut u8, request: &Request) {
        let page = self.page.load(Relaxed);
        let before = block.addr() - start.addr();
        // SAFETY: the caller's page.
        let bytes = unsafe { core::slice::from_raw_parts(start, page) };
        let (front, back) = (&bytes[..before], &bytes[before + request.size..]);
        let damaged = |bytes: &[u8]| bytes.iter().position(|byte| *byte != PATTERN);
        let behind = damaged(back).map(|at| (request.size + at) as isize);
        // The damage that is nearest to the block is the one to look at first.
        let in_front = front.iter().rposition(|byte| *byte != PATTERN).map(|at| at as isize - before as isize);
        if let Some(offset) = behind.or(in_front) {
            let Request { size, tag, .. } = *request;
            Violation { block: block.addr(), tag, ..Violation::new(BugCheck::OVERRUN) }.report(format_args!(
                "block {block:p} of {size} bytes, tag \"{tag}\", of the special pool: memory beside it was written to, at \
                 offset {offset}"
            ));
        }
    }

    /// A slot for a block of this size, Changing.
    fn take(&self, guard: &Guard<'_>, size: usize) -> Option<usize> {
        let fresh = self.fresh.load(Relaxed);
        let can_grow = fresh < self.capacity.load(Relaxed);
        let number = if self.waiting.load(Relaxed) > QUARANTINE || !can_grow || !self.extend(guard, fresh) {
            let number = (self.first.load(Relaxed) as usize).checked_sub(1)?;
            self.first.store(self.slot(number).next.load(Relaxed), Relaxed);
            self.waiting.fetch_sub(1, Relaxed);
            number
        } else {
            self.fresh.store(fresh + 1, Relaxed);
            fresh
        };
        self.slot(number).set(SlotState::Changing, 0, 0);
        let used = self.used.fetch_add(size as u64, Relaxed) + size as u64;
        self.peak.fetch_max(used, Relaxed);
        self.blocks.fetch_add(1, Relaxed);
        Some(number)
    }

    /// Takes a slot without a block into quarantine.
    fn put(&self, guard: &Guard<'_>, number: usize, size: usize) {
        self.used.fetch_sub(size as u64, Relaxed);
        self.blocks.fetch_sub(1, Relaxed);
        let (_, offset, held) = self.slot(number).read();
        self.slot(number).set(SlotState::Freed, offset, held);
        self.queue(guard, number);
    }

    fn queue(&self, _guard: &Guard<'_>, number: usize) {
        let name = number as u32 + 1;
        self.slot(number).next.store(0, Relaxed);
        if self.waiting.fetch_add(1, Relaxed) == 0 {
            self.first.store(name, Relaxed);
        } else {
            self.slot(self.last.load(Relaxed) as usize - 1).next.store(name, Relaxed);
        }
        self.last.store(name, Relaxed);
    }

    /// Makes sure that the pages of a fresh slot can be opened: guarded, and usable once the guard is gone.
    fn extend(&self, _guard: &Guard<'_>, fresh: usize) -> bool {
        let committed = self.committed.load(Relaxed);
        if fresh < committed || !self.by_advice.load(Relaxed) {
            return true;
        }
        let page = self.page.load(Relaxed);
        // From the page of the first slot to the guard behind that of the last.
        let (start, bytes) = (self.page_of(committed), EXTENT * 2 * page);
        // SAFETY: no one uses these pages yet.
        let done = unsafe { platform::commit(start, bytes) && platform::install_guard(start, bytes) };
        if done {
            self.committed.store(committed + EXTENT, Relaxed);
        }
        done
    }

    /// Makes a slot's page accessible, zeroed.
    unsafe fn open(&self, start: *mut u8) -> bool {
        let page = self.page.load(Relaxed);
        // SAFETY: the page is the caller's.
        unsafe {
            if self.by_advice.load(Relaxed) {
                platform::remove_guard(start, page)
            } else {
                platform::commit(start, page)
            }
        }
    }

    /// Makes a slot's page inaccessible and drops its contents.
    unsafe fn close(&self, start: *mut u8) {
        let page = self.page.load(Relaxed);
        // Where the system has no memory for it the page stays accessible, filled with the pattern.
        // SAFETY: the page is the caller's, and accessible.
        unsafe {
            let closed = if self.by_advice.load(Relaxed) {
                platform::install_guard(start, page)
            } else {
                platform::decommit(start, page)
            };
            if !closed {
                start.write_bytes(PATTERN, page);
            }
        }
    }

    fn count_anew(&self, guard: &Guard<'_>) {
        for word in [&self.first, &self.last, &self.waiting] {
            word.store(0, Relaxed);
        }
        let (mut used, mut blocks) = (0, 0);
        // Slots are taken in their order, so the first Fresh one ends them; one that was being taken at the fork
        // may be behind it.
        let mut fresh = self.fresh.load(Relaxed);
        while fresh < self.capacity.load(Relaxed) && self.slot(fresh).read().0 != SlotState::Fresh {
            fresh += 1;
        }
        for number in 0..fresh {
            match self.slot(number).read() {
                (SlotState::Live, _, size) => {
                    used += size as u64;
                    blocks += 1;
                }
                (SlotState::Freed, ..) => self.queue(guard, number),
                _ => {}
            }
        }
        self.fresh.store(fresh, Relaxed);
        // To commit an extent again would empty its pages.
        self.committed.fetch_max(fresh.next_multiple_of(EXTENT), Relaxed);
        self.used.store(used, Relaxed);
        self.blocks.store(blocks, Relaxed);
        self.peak.fetch_max(used, Relaxed);
    }
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&SPECIAL);
}
