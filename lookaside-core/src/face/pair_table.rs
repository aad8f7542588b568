//! The table of numbered pairs, as each processor of the Windows kernel has one.

use core::{fmt, ptr};

use super::maintain::status_of;
use super::slow::live;
use crate::wdk::{RawList, Status};

/// Which table of numbers: the enumeration PP_NPAGED_LOOKASIDE_NUMBER changed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelVersion {
    /// Windows 2000 to Server 2003: 5.0 to 5.2.
    V5,
    /// Windows Vista: 6.0.
    V6_0,
    /// Windows 7 and later: 6.1 on.
    V6_1,
}

const NONE: u8 = u8::MAX;

/// The number of each name, in the order of [`PairName`], in 5.0 to 5.2, 6.0 and 6.1.
const NUMBERS: [[u8; 3]; 9] = [
    [0, 0, 0],
    // Before 6.1 there was no medium IRP.
    [NONE, NONE, 1],
    [1, 1, 2],
    [2, 2, 3],
    [3, 3, 4],
    [4, 4, 5],
    [5, 5, 6],
    [6, 6, 7],
    [NONE, 7, 8],
];
const COUNTS: [usize; 3] = [7, 8, 9];

/// What a numbered pair caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the enumeration say it")]
pub enum PairName {
    SmallIrp,
    MediumIrp,
    LargeIrp,
    Mdl,
    CreateInfo,
    NameBuffer,
    Twilight,
    Completion,
    ScratchBuffer,
}

impl PairName {
    /// All names, in the order of the newest enumeration.
    pub const ALL: [PairName; 9] = [
        PairName::SmallIrp,
        PairName::MediumIrp,
        PairName::LargeIrp,
        PairName::Mdl,
        PairName::CreateInfo,
        PairName::NameBuffer,
        PairName::Twilight,
        PairName::Completion,
        PairName::ScratchBuffer,
    ];

    /// Returns the slot of this name in that version's table; `None` where that version has no such pair.
    ///
    /// ```
    /// use lookaside_core::{KernelVersion, PairName};
    /// assert_eq!(PairName::Mdl.number(KernelVersion::V6_0), Some(2));
    /// assert_eq!(PairName::Mdl.number(KernelVersion::V6_1), Some(3));
    /// assert_eq!(PairName::MediumIrp.number(KernelVersion::V5), None);
    /// ```
    #[must_use]
    pub const fn number(self, version: KernelVersion) -> Option<usize> {
        match NUMBERS[self as usize][version as usize] {
            NONE => None,
            number => Some(number as usize),
        }
    }

    /// Returns the enumeration's last entry, LookasideMaximumList: how many numbers that version uses.
    #[must_use]
    pub const fn count(version: KernelVersion) -> usize {
        COUNTS[version as usize]
    }
}

/// PP_LOOKASIDE_LIST: two lists treated as one. `p` is a pair whose shared list is `l`, a general list; or both are
/// the same general list, as before a processor has lists of its own; or both are null: an empty slot.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PairSlot {
    p: *const RawList,
    l: *const RawList,
}

impl fmt::Debug for PairSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P {:p} L {:p}", self.p, self.l)
    }
}

// SAFETY: a slot only points to lists, which any thread may use.
unsafe impl Sync for PairSlot {}
// SAFETY: a slot only points to lists, which any thread may use.
unsafe impl Send for PairSlot {}

/// Sixteen numbered pairs. In the kernel each processor has such a table, whose P differ and whose L are the same;
/// here one pair has the P of all processors, so one table serves them all.
///
/// The table only points to lists: they must neither move nor be deleted while their slot is used.
#[repr(C)]
#[derive(Debug)]
pub struct PairTable {
    slots: [PairSlot; PairTable::SLOTS],
}

impl PairTable {
    /// Slots of a table.
    pub const SLOTS: usize = 16;

    /// Makes a table of empty slots.
    #[must_use]
    pub const fn new() -> PairTable {
        PairTable { slots: [PairSlot { p: ptr::null(), l: ptr::null() }; PairTable::SLOTS] }
    }

    /// Fills a slot, or empties it with two nulls.
    ///
    /// INVALID_PARAMETER where there is no such slot, one list is null and the other not, `l` is no general list, or
    /// `p` is neither `l` nor a pair that was made to share it; else what the two lists are (never initialised,
    /// deleted).
    ///
    /// # Safety
    /// The lists are null or may be read, and neither move nor end while the slot is used.
    pub unsafe fn set(&mut self, slot: usize, p: *const RawList, l: *const RawList) -> Status {
        let Some(place) = self.slots.get_mut(slot) else { return Status::INVALID_PARAMETER };
        if !p.is_null() || !l.is_null() {
            // SAFETY: each is null or may be read, as the caller promises.
            let status = unsafe { is_pair(p, l) };
            if status != Status::SUCCESS {
                return status;
            }
        }
        *place = PairSlot { p, l };
        Status::SUCCESS
    }

    /// Allocates a block of the pair in this slot: from P, else from L, else from L's pool. Null when that has none,
    /// and for an empty slot. Where P and L are one list it is tried twice, and counts twice.
    ///
    /// # Safety
    /// The slot's lists are as [`PairTable::set`] asks.
    #[must_use]
    pub unsafe fn allocate(&self, slot: usize) -> *mut u8 {
        let Some(&PairSlot { p, l }) = self.slots.get(slot) else { return ptr::null_mut() };
        // SAFETY: the slot's lists are null or may be read, as `set` asks. For an empty slot's null the call returns
        // null.
        unsafe {
            if p == l && !l.is_null() {
                let block = allocate_here(l);
                if !block.is_null() {
                    return block;
                }
            }
            RawList::allocate_checked(p)
        }
    }

    /// Frees a block: to P of `processor`, or of the current one where `processor` is no number of the list's,
    /// else to L, else to L's pool. A null block has no effect. Ends the program with a message where the slot is
    /// empty, since the block would be lost.
    ///
    /// # Safety
    /// As for `allocate`; the block is of this pair, or of another that shares its L, and no one uses it any more.
    pub unsafe fn free(&self, slot: usize, block: *mut u8, processor: u32) {
        if block.is_null() {
            return;
        }
        let PairSlot { p, l } = self.slots.get(slot).copied().unwrap_or(PairTable::new().slots[0]);
        // SAFETY: the slot's lists are null or may be read, as `set` asks, and the block is theirs.
        unsafe {
            if p == l && !l.is_null() && free_here(l, block) {
                return;
            }
            RawList::free_to_processor(p, block, processor);
        }
    }
}

impl Default for PairTable {
    fn default() -> PairTable {
        PairTable::new()
    }
}

/// Whether these two lists make a pair: SUCCESS, or why not.
///
/// # Safety
/// Each is null or may be read.
unsafe fn is_pair(p: *const RawList, l: *const RawList) -> Status {
    // SAFETY: null, or they may be read.
    let records = unsafe { live(p).and_then(|upper| live(l).map(|lower| (upper, lower))) };
    status_of(records.and_then(|(upper, lower)| {
        let is_pair = lower.list().is_general() && (p == l || upper.list().shares(lower.list()));
        if is_pair { Ok(()) } else { Err(Status::INVALID_PARAMETER) }
    }))
}

/// One step of an allocate on a list that is both P and L: never calls the pool.
///
/// # Safety
/// `list` is null or may be read.
unsafe fn allocate_here(list: *const RawList) -> *mut u8 {
    // SAFETY: null, or it may be read.
    unsafe { live(list) }.map_or(ptr::null_mut(), |record| record.list().allocate_here())
}

/// One step of a free to a list that is both P and L; returns whether it had room.
///
/// # Safety
/// `list` is null or may be read; the block is the list's, and no one uses it any more.
unsafe fn free_here(list: *const RawList, block: *mut u8) -> bool {
    // SAFETY: null, or it may be read; the block is the caller's.
    unsafe { live(list).is_ok_and(|record| (*list).may_own(block) && record.list().free_here(block)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each version counts its pairs from 0 on, in the same order.
    #[test]
    fn the_numbers_of_each_version_are_all_there_is() {
        for version in [KernelVersion::V5, KernelVersion::V6_0, KernelVersion::V6_1] {
            let numbers = PairName::ALL.iter().filter_map(|name| name.number(version));
            assert!(numbers.eq(0..PairName::count(version)), "{version:?}");
        }
        assert_eq!(PairName::ScratchBuffer.number(KernelVersion::V6_0), Some(7));
        assert_eq!(PairName::ScratchBuffer.number(KernelVersion::V5), None);
    }
}
