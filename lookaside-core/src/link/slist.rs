//! The S-list: a linked stack of entries in the caller's memory, as the WDK has it (reference 1.8, 2.2).
//!
//! A pop reads the link that its first entry holds. In Windows another thread may have popped that entry meanwhile and
//! even unmapped it: the kernel knows the instruction and resumes it. Nobody does so for a program, so here threads that
//! pop or flush take turns: while one holds the turn, the entries that the header leads to stay in the list. A push
//! reads no link and never waits.
//!
//! ```text
//! low word   | sequence : 48                     | depth : 16 |
//! high word  | first entry / 16 : 60             | 0 : 3 | turn : 1 |
//! ```
//!
//! Both words change by one compare-and-swap of 16 bytes. Where the processor has none, a push takes its turn as well,
//! and whoever has it writes one word after the other.

use core::ptr;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::platform::{exchange, fatal, has_exchange, wait_for};

/// Set while a thread has the turn.
const TURN: u64 = 1;
/// The bits of the high word that are no part of an address.
const RESERVED: u64 = 15;
const DEPTH: u64 = 0xFFFF;
const SEQUENCE: u64 = DEPTH + 1;

/// The head of an S-list. Zeroed memory is an empty one.
///
/// All operations are O(1), and any number of threads may call them at once. A push is lock-free on x86-64, and may be
/// called in a signal handler; pops and flushes wait for each other for some nanoseconds, so a handler that
/// interrupted one may not call them.
///
/// After a fork the child may go on with a list that no other thread was using. Any other it must make anew, for it may see links
/// of different moments.
#[repr(C, align(16))]
#[derive(Debug, Default)]
pub struct SListHeader {
    low: AtomicU64,
    high: AtomicU64,
}

/// The link of an S-list, at a multiple of 16 bytes inside whatever the list shall hold.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct SListEntry {
    /// The next entry, or null; the list's own as long as the entry is in it.
    pub next: *mut SListEntry,
}

impl SListEntry {
    /// An entry in no list.
    #[must_use]
    pub const fn new() -> SListEntry {
        SListEntry { next: ptr::null_mut() }
    }
}

impl Default for SListEntry {
    fn default() -> Self {
        Self::new()
    }
}

impl SListHeader {
    /// An empty list.
    #[must_use]
    pub const fn new() -> SListHeader {
        SListHeader { low: AtomicU64::new(0), high: AtomicU64::new(0) }
    }

    /// Puts an entry on top, and tells which one was there before, or null. An entry that is null or misaligned ends the
    /// program with a message.
    ///
    /// # Safety
    /// The entry is the caller's, is in no list, and stays where it is until a pop or flush gives it back.
    #[inline]
    pub unsafe fn push(&self, entry: *mut SListEntry) -> *mut SListEntry {
        // SAFETY: the caller's promise, for a chain of one.
        unsafe { self.push_list(entry, entry, 1) }
    }

    /// Puts a chain of entries on top, from `first` to `last`, and tells which entry was there before, or null.
    /// `count` is how many they are. An end that is null or misaligned ends the program with a message.
    ///
    /// # Safety
    /// The entries are the caller's, are in no list, lead from `first` to `last`, and each stays where it is until a pop or flush
    /// gives it back.
    #[inline]
    pub unsafe fn push_list(&self, first: *mut SListEntry, last: *mut SListEntry, count: usize) -> *mut SListEntry {
        for end in [first, last] {
            if end.is_null() || !end.is_aligned() {
                misplaced(self, end);
            }
        }
        let top = first.expose_provenance() as u64;
        let link = |before: u64| {
            // SAFETY: the caller's promise; the entry can be found by others only after the change below.
            unsafe { (*last).next = entry(before) };
        };
        let grown = |low: u64| (low & !DEPTH).wrapping_add(SEQUENCE) | (low.wrapping_add(count as u64) & DEPTH);
        if !has_exchange() {
            let before = wait_for(|| self.try_turn(self.high.load(Relaxed)));
            link(before);
            self.end_turn([grown(self.low.load(Relaxed)), top]);
            return entry(before);
        }
        let mut seen = self.words();
        loop {
            let [low, high] = seen;
            link(high);
            // SAFETY: the processor has it; the header is aligned and all atomic.
            match unsafe { exchange(self.both(), seen, [grown(low), top | high & RESERVED]) } {
                Ok(()) => return entry(high),
                Err(other) => seen = other,
            }
        }
    }

    /// Takes the entry that came last, or null when there is none.
    #[inline]
    pub fn pop(&self) -> *mut SListEntry {
        self.take(|low, first| {
            // SAFETY: the entry is in the list, and stays there until this thread's turn is over: its owner promised
            // to leave it alone. Whoever pushed it had written the link before.
            let next = unsafe { (*entry(first)).next };
            [(low & !DEPTH).wrapping_add(SEQUENCE) | (low.wrapping_sub(1) & DEPTH), next.expose_provenance() as u64]
        })
    }

    /// Takes all entries, and gives the first of the chain, or null. The chain is in the order in which they would have been popped.
    #[inline]
    pub fn flush(&self) -> *mut SListEntry {
        self.take(|low, _| [(low & !DEPTH).wrapping_add(SEQUENCE), 0])
    }

    /// How many entries there are, modulo 65,536.
    #[inline]
    #[must_use]
    pub fn depth(&self) -> u16 {
        // Relaxed: the number may be old as soon as it is known.
        (self.low.load(Relaxed) & DEPTH) as u16
    }

    /// The entry that came last, or null. It may be another's already, so only compare it.
    #[inline]
    #[must_use]
    pub fn first(&self) -> *mut SListEntry {
        // Acquire pairs with the change that put the entry there.
        entry(self.high.load(Acquire))
    }

    /// Changes the words in this thread's turn to what `change` makes of the low word and the first entry, and gives that
    /// entry; null from an empty list.
    #[inline]
    fn take(&self, change: impl Fn(u64, u64) -> [u64; 2]) -> *mut SListEntry {
        let Some(before) = self.take_turn() else { return ptr::null_mut() };
        if !has_exchange() {
            self.end_turn(change(self.low.load(Relaxed), before));
            return entry(before);
        }
        let mut seen = [self.low.load(Relaxed), before | TURN];
        loop {
            let [low, high] = seen;
            // SAFETY: the processor has it; the header is aligned and all atomic.
            match unsafe { exchange(self.both(), seen, change(low, high & !RESERVED)) } {
                Ok(()) => return entry(high),
                // A push came between: the list has a new first entry.
                Err(other) => seen = other,
            }
        }
    }

    /// Begins this thread's turn, and gives the high word as it was; waits while another has the turn. None for an empty
    /// list.
    #[inline]
    fn take_turn(&self) -> Option<u64> {
        // Relaxed, here and below: only what the exchange finds counts.
        let high = self.high.load(Relaxed);
        if high & !RESERVED == 0 {
            return None;
        }
        self.try_turn(high).or_else(|| self.wait_for_turn())
    }

    #[cold]
    fn wait_for_turn(&self) -> Option<u64> {
        wait_for(|| match self.high.load(Relaxed) {
            high if high & !RESERVED == 0 => Some(None),
            high => self.try_turn(high).map(Some),
        })
    }

    /// Begins this thread's turn if the high word is this one, and nobody has the turn.
    #[inline]
    fn try_turn(&self, high: u64) -> Option<u64> {
        // Acquire pairs with the change that put the first entry there, and with the end of the last turn.
        let free = high & TURN == 0 && self.high.compare_exchange(high, high | TURN, Acquire, Relaxed).is_ok();
        free.then_some(high)
    }

    /// Ends a turn where there is no exchange: nobody else writes, so the words may change one after the other.
    fn end_turn(&self, [low, high]: [u64; 2]) {
        self.low.store(low, Relaxed);
        // Release pairs with the Acquire of the next turn, and of `first`.
        self.high.store(high, Release);
    }

    /// Both words, which may be of two moments: the exchange then fails.
    #[inline]
    fn words(&self) -> [u64; 2] {
        // Relaxed: only what the exchange finds counts.
        [self.low.load(Relaxed), self.high.load(Relaxed)]
    }

    #[inline]
    fn both(&self) -> *mut [u64; 2] {
        ptr::from_ref(self).cast::<[u64; 2]>().cast_mut()
    }
}

/// The entry that a high word leads to.
#[inline]
fn entry(high: u64) -> *mut SListEntry {
    ptr::with_exposed_provenance_mut((high & !RESERVED) as usize)
}

#[cold]
#[inline(never)]
fn misplaced(list: &SListHeader, entry: *mut SListEntry) -> ! {
    let why = if entry.is_null() { "no entry" } else { "not aligned to 16 bytes" };
    fatal(format_args!("push of entry {entry:p} to S-list {list:p}, which is {why}"))
}

// SAFETY: the header holds entries that were given to it, and hands each to one thread.
unsafe impl Send for SListHeader {}
// SAFETY: as above.
unsafe impl Sync for SListHeader {}

const _: () = assert!(size_of::<SListHeader>() == 16 && align_of::<SListHeader>() == 16);
const _: () = assert!(size_of::<SListEntry>() == 16 && align_of::<SListEntry>() == 16);
