//! The S-list: a linked stack of entries in the caller's memory, as the WDK has it.
//!
//! A pop reads the link that its first entry holds. In Windows another thread may have popped that entry meanwhile and
//! even unmapped it: the kernel knows the instruction and resumes it. No one does so for a program, so here threads
//! that pop or flush take turns: while one holds the turn, the entries that the header leads to stay in the list. A
//! push reads no link and never waits.
//!
//! ```text
//! low word   | sequence : 48                     | depth : 16 |
//! high word  | first entry / 16 : 60             | 0 : 2 | waits : 1 | turn : 1 |
//! ```
//!
//! A thread that waits for its turn sets `waits` and sleeps on the half of the high word with both bits. The change
//! that ends a turn clears them, and wakes the sleepers if there were any.
//!
//! Both words change by one compare-and-swap of 16 bytes. Where the processor has none, portable-atomic puts a lock in
//! its place.

use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use portable_atomic::AtomicU128;

use crate::platform::{Naps, Sharing, fatal, look_often, published, received, sleep_while, unwatched, wake_all, wrote};

/// Set in the high word while a thread has the turn.
const TURN: u64 = 1;
/// Set in the high word while threads sleep until the turn is over.
const WAITS: u64 = 2;
/// The bits of the high word that are no part of an address.
const RESERVED: u64 = 15;
const DEPTH: u64 = 0xFFFF;
const SEQUENCE: u64 = DEPTH + 1;

/// The head of an S-list. Zeroed memory is an empty one.
///
/// All operations are O(1), and any number of threads may call them at once. A push is lock-free on x86-64, and may be
/// called in a signal handler; pops and flushes wait for each other for some nanoseconds, and sleep where that takes
/// longer, so a handler that interrupted one may not call them.
///
/// After a fork the child may go on with a list that no other thread was using. Any other it must make anew, for it may
/// see links of different moments.
#[repr(C, align(16))]
#[derive(Debug, Default)]
pub struct SListHeader(AtomicU128);

/// The two words of a header.
#[derive(Clone, Copy)]
struct Words {
    low: u64,
    high: u64,
}

impl Words {
    fn of(both: u128) -> Words {
        Words { low: both as u64, high: (both >> 64) as u64 }
    }

    fn both(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// The entry that came last, or null.
    fn first(self) -> *mut SListEntry {
        ptr::with_exposed_provenance_mut((self.high & !RESERVED) as usize)
    }
}

/// The link of an S-list, at a multiple of 16 bytes inside what the list holds.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct SListEntry {
    /// The next entry, or null; the list's own as long as the entry is in it.
    pub next: *mut SListEntry,
}

impl SListEntry {
    /// Makes an entry in no list.
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
    /// Makes an empty list.
    #[must_use]
    pub const fn new() -> SListHeader {
        SListHeader(AtomicU128::new(0))
    }

    /// Returns the list at an address, for callers that are not trusted: null and misaligned ones end the program with
    /// a message.
    ///
    /// # Safety
    /// Any other address is that of a list, which lives as long as the result.
    #[inline]
    pub unsafe fn at<'a>(list: *const SListHeader) -> &'a SListHeader {
        if list.is_null() || !list.is_aligned() {
            no_list(list);
        }
        // SAFETY: not null and aligned; the header may be read, as the caller promises.
        unsafe { &*list }
    }

    /// Puts an entry on top; returns the one that was there before, or null. An entry that is null or misaligned ends
    /// the program with a message.
    ///
    /// # Safety
    /// The entry is the caller's, is in no list, and stays where it is until a pop or flush gives it back.
    #[inline]
    pub unsafe fn push(&self, entry: *mut SListEntry) -> *mut SListEntry {
        // SAFETY: the entry may be written and is the caller's: a chain of one.
        unsafe { self.push_list(entry, entry, 1) }
    }

    /// Puts a chain of entries on top, from `first` to `last`; returns the entry that was there before, or null.
    /// `count` is how many they are. An end that is null or misaligned ends the program with a message.
    ///
    /// # Safety
    /// The entries are the caller's, are in no list, lead from `first` to `last`, and each stays where it is until a
    /// pop or flush gives it back.
    #[inline]
    pub unsafe fn push_list(&self, first: *mut SListEntry, last: *mut SListEntry, count: usize) -> *mut SListEntry {
        for end in [first, last] {
            if end.is_null() || !end.is_aligned() {
                misplaced(self, end);
            }
        }
        let top = first.expose_provenance() as u64;
        let mut seen = self.words();
        loop {
            // SAFETY: the caller gives entries that are its own, and others find them only after the change below. What
            // is reported as written was written.
            unsafe {
                (*last).next = seen.first();
                wrote((&raw const (*last).next).cast(), size_of::<*mut SListEntry>());
            }
            published(self);
            let low = (seen.low & !DEPTH).wrapping_add(SEQUENCE) | (seen.low.wrapping_add(count as u64) & DEPTH);
            match self.change(seen, Words { low, high: top | seen.high & RESERVED }) {
                Ok(()) => return seen.first(),
                Err(other) => seen = other,
            }
        }
    }

    /// Takes the entry that came last, or null when there is none.
    #[inline]
    pub fn pop(&self) -> *mut SListEntry {
        self.take(|seen| {
            // SAFETY: the entry is in the list, and stays there until this thread's turn is over: its owner promised
            // to leave it alone. The thread that pushed it had written the link before.
            let next = unsafe { (*seen.first()).next };
            let low = (seen.low & !DEPTH).wrapping_add(SEQUENCE) | (seen.low.wrapping_sub(1) & DEPTH);
            Words { low, high: next.expose_provenance() as u64 }
        })
    }

    /// Takes all entries, and gives the first of the chain, or null. The chain is in the order in which they would have
    /// been popped.
    #[inline]
    pub fn flush(&self) -> *mut SListEntry {
        self.take(|seen| Words { low: (seen.low & !DEPTH).wrapping_add(SEQUENCE), high: 0 })
    }

    /// Returns how many entries there are, modulo 65,536.
    #[inline]
    #[must_use]
    pub fn depth(&self) -> u16 {
        (self.words().low & DEPTH) as u16
    }

    /// Returns the entry that came last, or null. It may be another's already, so only compare it.
    #[inline]
    #[must_use]
    pub fn first(&self) -> *mut SListEntry {
        // Acquire pairs with the change that put the entry there.
        Words::of(unwatched(|| self.0.load(Acquire))).first()
    }

    /// Changes the words in this thread's turn to what `change` makes of them, and gives the entry that was first; null
    /// from an empty list.
    #[inline]
    fn take(&self, change: impl Fn(Words) -> Words) -> *mut SListEntry {
        let turn = self.take_turn(self.words());
        let Some(mut seen) = turn.unwrap_or_else(|| self.wait_for_turn()) else {
            return ptr::null_mut();
        };
        loop {
            received(self);
            match self.change(seen, change(seen)) {
                Ok(()) => break,
                // A push came between, so that the list has a new first entry; or a thread waits from now on.
                Err(other) => seen = other,
            }
        }
        if seen.high & WAITS != 0 {
            wake_all(self.flags(), Sharing::Shared);
        }
        seen.first()
    }

    /// Begins this thread's turn, and gives the words as they are in it; `Some(None)` for an empty list, which needs no
    /// turn, and `None` while another thread has the turn.
    #[inline]
    fn take_turn(&self, mut seen: Words) -> Option<Option<Words>> {
        loop {
            if seen.high & !RESERVED == 0 {
                return Some(None);
            }
            if seen.high & TURN != 0 {
                return None;
            }
            let turn = Words { high: seen.high | TURN, ..seen };
            match self.change(seen, turn) {
                Ok(()) => return Some(Some(turn)),
                Err(other) => seen = other,
            }
        }
    }

    /// What [`SListHeader::take_turn`] returns once no other thread has the turn.
    #[cold]
    fn wait_for_turn(&self) -> Option<Words> {
        let mut naps = Naps::new();
        loop {
            if let Some(turn) = look_often(|| self.take_turn(self.words())) {
                return turn;
            }
            let seen = self.words();
            let waiting = Words { high: seen.high | WAITS, ..seen };
            let asleep = || sleep_while(self.flags(), waiting.high as u32, None, Sharing::Shared);
            // Both bits stay until the turn is over. A push in between changes the word, and pushes may do that for
            // ever, while the thread that has the turn waits for this processor.
            let changed = || self.change(seen, waiting).is_err() || !asleep();
            if seen.high & TURN != 0 && changed() {
                naps.sleep();
            }
        }
    }

    /// The half of the high word with [`TURN`] and [`WAITS`]: what sleepers sleep on.
    fn flags(&self) -> *mut u32 {
        const LITTLE_ENDIAN: bool = 1u16.to_ne_bytes()[0] == 1;
        self.0.as_ptr().cast::<u32>().wrapping_add(if LITTLE_ENDIAN { 2 } else { 1 })
    }

    fn words(&self) -> Words {
        // Relaxed: only what the exchange finds counts.
        Words::of(unwatched(|| self.0.load(Relaxed)))
    }

    /// Changes both words at once if they are as they were seen; else returns what they are.
    #[inline]
    fn change(&self, seen: Words, new: Words) -> Result<(), Words> {
        // AcqRel: a thread that finds an entry finds the link that its pusher wrote.
        let exchange = || self.0.compare_exchange(seen.both(), new.both(), AcqRel, Acquire);
        unwatched(exchange).map(drop).map_err(Words::of)
    }
}

#[cold]
#[inline(never)]
fn no_list(list: *const SListHeader) -> ! {
    let why = if list.is_null() { "none" } else { "not aligned to 16 bytes" };
    fatal(format_args!("call on S-list {list:p}, which is {why}"))
}

#[cold]
#[inline(never)]
fn misplaced(list: &SListHeader, entry: *mut SListEntry) -> ! {
    let why = if entry.is_null() { "no entry" } else { "not aligned to 16 bytes" };
    fatal(format_args!("push of entry {entry:p} to S-list {list:p}, which is {why}"))
}

// SAFETY: the header holds entries that were given to it, and hands each to one thread.
unsafe impl Send for SListHeader {}
// SAFETY: threads only change the two words, by atomics.
unsafe impl Sync for SListHeader {}

const _: () = assert!(size_of::<SListHeader>() == 16 && align_of::<SListHeader>() == 16);
const _: () = assert!(size_of::<SListEntry>() == 16 && align_of::<SListEntry>() == 16);
