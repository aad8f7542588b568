//! Every block of verified lists: those that callers hold, and those that were freed last.
//!
//! An open-addressed table in mapped memory that doubles when it is half full, and a ring of the blocks in the order in
//! which they were freed. The ring's newest part is the quarantine: memory that is not given back yet.
//!
//! ```text
//! ring:  tail ......... held ............. head
//!        remembered     in quarantine      next to be freed
//! ```

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::Ordering::Release;
use core::sync::atomic::compiler_fence;

use crate::platform::{self, Guard, Lock, Place};
use crate::pool::{Request, Source};
use crate::wdk::{PoolType, Tag};

/// Freed blocks that are remembered.
const REMEMBERED: u64 = 1 << 14;
/// Freed blocks whose memory is kept, and the bytes of them.
const KEPT_BLOCKS: u64 = 1 << 12;
const KEPT_BYTES: usize = 16 << 20;
/// Entries of the first table.
const FIRST: usize = 1 << 12;

/// Which list a block is of: the record, and which of its lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListId {
    pub index: u32,
    pub generation: u32,
}

#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// A caller has it.
    Held = 1,
    /// It was freed, and its memory is kept.
    Kept = 2,
    /// It was freed, and its memory given back.
    Gone = 3,
}

/// Who did something with a block, and where.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub place: Place,
    pub thread: u32,
}

/// What giving a block's memory back takes, besides its size and tag. With the block, since its list may end, and its
/// record be another's, between a block's leaving the quarantine and that.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    pub alignment: u32,
    pub pool_type: PoolType,
    /// The pool, for the memory of lists without callbacks.
    pub source: Source,
}

/// What is known of one block.
#[derive(Clone, Copy, Debug)]
pub struct BlockEntry {
    /// 0 in an empty place of the table. Written last, so that a fork finds whole entries.
    pub block: usize,
    pub size: usize,
    pub owner: ListId,
    pub tag: Tag,
    pub state: BlockState,
    pub home: Home,
    pub allocated: Act,
    pub freed: Act,
    /// Its number in the order of frees.
    ticket: u64,
}

impl BlockEntry {
    /// Makes the entry of a block that a caller gets.
    pub fn held(block: usize, owner: ListId, request: &Request, source: Source, allocated: Act) -> BlockEntry {
        let Request { size, alignment, pool_type, tag } = *request;
        let home = Home { alignment: alignment as u32, pool_type, source };
        let freed = Act { place: Place::UNKNOWN, thread: 0 };
        BlockEntry { block, size, owner, tag, state: BlockState::Held, home, allocated, freed, ticket: 0 }
    }

    /// Returns what its list asks its pool for.
    pub fn request(&self) -> Request {
        let Home { alignment, pool_type, .. } = self.home;
        Request { size: self.size, alignment: alignment as usize, pool_type, tag: self.tag }
    }
}

/// The table, with its lock. A leaf: nothing else is taken or called under it but the system's memory.
pub struct Table {
    lock: Lock,
    inner: UnsafeCell<Inner>,
}

// SAFETY: the cell is reached under the lock alone, or in the child of a fork by its one thread.
unsafe impl Sync for Table {}

struct Inner {
    // One word leads to the table and its size, so that a fork finds both as they belong together.
    slots: *mut Slots,
    count: usize,
    ring: *mut usize,
    head: u64,
    held: u64,
    tail: u64,
    kept_blocks: u64,
    kept_bytes: usize,
}

/// The beginning of the table's memory; the entries follow at once.
#[repr(C, align(64))]
struct Slots {
    /// A power of two.
    capacity: usize,
}

/// Why a block cannot be put into the table.
pub enum Refused {
    /// There is no memory to remember it.
    NoMemory,
    /// A caller has it already.
    Held(BlockEntry),
}

impl Table {
    pub const fn new() -> Table {
        Table {
            lock: Lock::new(),
            inner: UnsafeCell::new(Inner {
                slots: ptr::null_mut(),
                count: 0,
                ring: ptr::null_mut(),
                head: 1,
                held: 1,
                tail: 1,
                kept_blocks: 0,
                kept_bytes: 0,
            }),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        let guard: Guard<'_> = self.lock.lock();
        // SAFETY: the lock is held.
        let result = work(unsafe { &mut *self.inner.get() });
        drop(guard);
        result
    }

    /// Remembers a block that a caller gets.
    pub fn insert(&self, entry: BlockEntry) -> Result<(), Refused> {
        self.with(|inner| {
            if !inner.has_room() {
                return Err(Refused::NoMemory);
            }
            let place = inner.place(entry.block);
            // SAFETY: `place` returns a place of the table.
            unsafe {
                if (*place).block == 0 {
                    inner.count += 1;
                } else if (*place).state == BlockState::Held {
                    return Err(Refused::Held(*place));
                }
                write(place, &entry);
            }
            Ok(())
        })
    }

    /// Marks a block as freed which this list's caller holds. Otherwise returns what is known of it.
    pub fn free(&self, block: usize, owner: ListId, freed: Act, keep: bool) -> Result<BlockEntry, Option<BlockEntry>> {
        self.with(|inner| {
            let Some(entry) = inner.find(block) else { return Err(None) };
            if entry.state != BlockState::Held || entry.owner != owner {
                return Err(Some(*entry));
            }
            entry.freed = freed;
            entry.state = if keep { BlockState::Kept } else { BlockState::Gone };
            let entry = *entry;
            // A block that is kept is checked and filled first, and takes its place in the order of frees then.
            if !keep {
                inner.put_in_line(block);
            }
            Ok(entry)
        })
    }

    /// Puts a block that is kept into the quarantine.
    pub fn keep(&self, block: usize) {
        self.with(|inner| {
            if let Some(size) = inner.find(block).map(|entry| entry.size) {
                inner.put_in_line(block);
                inner.kept_blocks += 1;
                inner.kept_bytes += size;
            }
        });
    }

    /// Returns a block that leaves the quarantine because that is full; `None` when it is not.
    pub fn leaving(&self) -> Option<BlockEntry> {
        self.with(|inner| {
            // In time, before the ring comes round to a block that is kept.
            while inner.kept_blocks > KEPT_BLOCKS
                || inner.kept_bytes > KEPT_BYTES
                || inner.head - inner.held > REMEMBERED / 2
            {
                let ticket = inner.held;
                inner.held += 1;
                if let Some(entry) = inner.let_go(ticket, |_| true) {
                    return Some(entry);
                }
            }
            None
        })
    }

    /// Returns a block of this list that leaves the quarantine because the list is deleted; `None` when there are no
    /// more. `from` is where to look on, 0 at first.
    pub fn leaving_of(&self, owner: ListId, from: &mut u64) -> Option<BlockEntry> {
        self.with(|inner| {
            *from = (*from).max(inner.held);
            while *from < inner.head {
                let ticket = *from;
                *from += 1;
                if let Some(entry) = inner.let_go(ticket, |entry| entry.owner == owner) {
                    return Some(entry);
                }
            }
            None
        })
    }

    /// Looks at every entry. `look` must not call anything that takes a lock.
    pub fn each(&self, mut look: impl FnMut(&BlockEntry)) {
        self.with(|inner| inner.all().for_each(|entry| look(entry)));
    }

    /// Returns what is known of a block, for a signal handler; `None` when the table is in use.
    pub fn try_find(&self, block: usize) -> Option<Option<BlockEntry>> {
        let _guard = self.lock.try_lock()?;
        // SAFETY: the lock is held.
        Some(unsafe { &mut *self.inner.get() }.find(block).map(|entry| *entry))
    }

    /// Forgets the blocks of a list that callers hold and can never give back.
    pub fn forget(&self, owner: ListId) {
        self.with(|inner| {
            let mut at = 0;
            while at < inner.capacity() {
                // SAFETY: `at` is within the table, and what has a block was written wholly.
                let entry = unsafe { &*inner.entries().add(at) };
                if entry.block != 0 && entry.state == BlockState::Held && entry.owner == owner {
                    // Another entry may come to this place.
                    inner.remove(at);
                } else {
                    at += 1;
                }
            }
        });
    }

    /// In the child of a fork: if a thread of the parent was at work, builds the table anew from what it left.
    pub fn repair_after_fork(&self) {
        if !self.lock.is_held() {
            return;
        }
        // SAFETY: the child has one thread.
        unsafe { &mut *self.inner.get() }.rebuild();
        self.lock.reset_after_fork();
    }
}

impl Inner {
    fn capacity(&self) -> usize {
        // SAFETY: null, or the table's memory.
        unsafe { self.slots.as_ref() }.map_or(0, |slots| slots.capacity)
    }

    fn entries(&self) -> *mut BlockEntry {
        self.slots.wrapping_add(1).cast()
    }

    fn all(&mut self) -> impl Iterator<Item = &mut BlockEntry> {
        let entries = self.entries();
        // SAFETY: the numbers are within the table; what has a block was written wholly, and each is lent once.
        (0..self.capacity()).filter_map(move |at| unsafe {
            let entry = entries.add(at);
            if (*entry).block == 0 { None } else { Some(&mut *entry) }
        })
    }

    fn slot_of(&self, block: usize) -> usize {
        // Blocks are aligned: the multiplication brings what differs to the top.
        block.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (usize::BITS - self.capacity().trailing_zeros())
    }

    /// The place that has this block, or the empty one where it belongs. The table has room.
    fn place(&self, block: usize) -> *mut BlockEntry {
        let mut at = self.slot_of(block);
        loop {
            // SAFETY: `at` is within the table, which is never full.
            unsafe {
                let entry = self.entries().add(at);
                if (*entry).block == block || (*entry).block == 0 {
                    return entry;
                }
            }
            at = (at + 1) & (self.capacity() - 1);
        }
    }

    fn find(&mut self, block: usize) -> Option<&mut BlockEntry> {
        if self.slots.is_null() {
            return None;
        }
        let place = self.place(block);
        // SAFETY: `place` returns a place of the table; what has a block was written wholly.
        unsafe { if (*place).block == 0 { None } else { Some(&mut *place) } }
    }

    fn has_room(&mut self) -> bool {
        if self.ring.is_null() {
            self.ring = platform::map(REMEMBERED as usize * size_of::<usize>()).cast();
        }
        let capacity = self.capacity();
        // Without memory for a larger one the table may fill up, but for one place.
        !self.ring.is_null()
            && (self.count < capacity / 2 || self.move_to((capacity * 2).max(FIRST)) || self.count + 1 < capacity)
    }

    /// Moves all entries to a new table; returns whether there was memory for it.
    fn move_to(&mut self, capacity: usize) -> bool {
        let bytes = |capacity: usize| size_of::<Slots>() + capacity * size_of::<BlockEntry>();
        let memory = platform::map(bytes(capacity)).cast::<Slots>();
        if memory.is_null() {
            return false;
        }
        // SAFETY: the memory is large enough, and ours.
        unsafe { memory.write(Slots { capacity }) };
        let mut new = Inner { slots: memory, count: 0, ..*self };
        for entry in self.all() {
            let place = new.place(entry.block);
            // SAFETY: the place is of the new table. A block twice is what a fork left of a move: the two are equal.
            unsafe {
                new.count += usize::from((*place).block == 0);
                place.write(*entry);
            }
        }
        let (old, old_bytes) = (self.slots, bytes(self.capacity()));
        compiler_fence(Release);
        self.slots = memory;
        self.count = new.count;
        if !old.is_null() {
            // SAFETY: the old table is reached no more.
            unsafe { platform::unmap(old.cast(), old_bytes) };
        }
        true
    }

    /// Takes out the entry at this place, and closes the gap that others were put behind.
    fn remove(&mut self, at: usize) {
        let mask = self.capacity() - 1;
        let mut gap = at;
        let mut next = at;
        // SAFETY: all places are within the table.
        unsafe {
            loop {
                next = (next + 1) & mask;
                let entry = self.entries().add(next);
                if (*entry).block == 0 {
                    break;
                }
                let home = self.slot_of((*entry).block);
                if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(gap) & mask) {
                    write(self.entries().add(gap), &*entry);
                    gap = next;
                }
            }
            ptr::write_volatile(&raw mut (*self.entries().add(gap)).block, 0);
        }
        self.count -= 1;
    }

    fn ring_at(&self, ticket: u64) -> *mut usize {
        // SAFETY: the remainder is within the ring, which is there since the first insert.
        unsafe { self.ring.add((ticket % REMEMBERED) as usize) }
    }

    /// Gives a freed block its number, and forgets the one that was freed longest ago.
    fn put_in_line(&mut self, block: usize) {
        if self.head - self.tail == REMEMBERED {
            let oldest = self.tail;
            // SAFETY: the ticket is of the ring.
            let block = unsafe { self.ring_at(oldest).read() };
            // One in quarantine stays in the table: it leaves the line, but not the memory. See `KEPT_BLOCKS`.
            let forget =
                self.find(block).is_some_and(|entry| entry.ticket == oldest && entry.state == BlockState::Gone);
            if forget {
                let at = self.place(block).addr() - self.entries().addr();
                self.remove(at / size_of::<BlockEntry>());
            }
            self.tail += 1;
        }
        let ticket = self.head;
        // SAFETY: the ring has a place for each ticket, and the lock is held.
        unsafe { self.ring_at(ticket).write(block) };
        self.head += 1;
        if let Some(entry) = self.find(block) {
            entry.ticket = ticket;
        }
    }

    /// Ends the keeping of the block with this number, if it is kept and wanted.
    fn let_go(&mut self, ticket: u64, wanted: impl Fn(&BlockEntry) -> bool) -> Option<BlockEntry> {
        // SAFETY: the ring has a place for each ticket, and the lock is held.
        let block = unsafe { self.ring_at(ticket).read() };
        let entry = self.find(block)?;
        if entry.ticket != ticket || entry.state != BlockState::Kept || !wanted(entry) {
            return None;
        }
        entry.state = BlockState::Gone;
        let entry = *entry;
        self.kept_blocks -= 1;
        self.kept_bytes -= entry.size;
        Some(entry)
    }

    /// The same entries in a new table; what is kept is counted anew.
    fn rebuild(&mut self) {
        if !self.slots.is_null() {
            self.move_to(self.capacity());
        }
        let (held, head) = (self.held, self.head);
        let (mut blocks, mut bytes) = (0, 0);
        for entry in self.all() {
            if entry.state == BlockState::Kept && (held..head).contains(&entry.ticket) {
                blocks += 1;
                bytes += entry.size;
            }
        }
        (self.kept_blocks, self.kept_bytes) = (blocks, bytes);
    }
}

/// Writes an entry so that a thread that finds it in the middle finds either none or the whole.
///
/// # Safety
/// The place is of the table, whose lock is held.
unsafe fn write(place: *mut BlockEntry, entry: &BlockEntry) {
    // SAFETY: the place is the table's, and the lock is held.
    unsafe {
        ptr::write_volatile(&raw mut (*place).block, 0);
        compiler_fence(Release);
        place.write(BlockEntry { block: 0, ..*entry });
        compiler_fence(Release);
        ptr::write_volatile(&raw mut (*place).block, entry.block);
    }
}
