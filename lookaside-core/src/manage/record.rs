//! The record of one list: all that the library keeps about it, in memory that is never unmapped.

use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};

use crate::list::List;
use crate::platform::{self, Lock, Place};
use crate::wdk::NAME_LIMIT;

/// Where a record is in its life.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// No list has it.
    Free = 0,
    /// A list has it.
    Live = 1,
    /// Its list was deleted; callers still hold blocks.
    Draining = 2,
}

/// The record of one list.
///
/// A record is reached by its index; `generation` counts the lists that had it, so that the handle of an earlier one is
/// detected.
#[derive(Debug)]
pub struct Record {
    // Set once, when the record is made.
    pub index: u32,
    pub class: usize,
    pub base: *mut u8,
    pub shared_rows: *mut u8,
    // Held by a thread that walks the registry while it looks at the list, and for a moment by delete.
    pub life: Lock,
    // Changed under `life`.
    state: AtomicU32,
    generation: AtomicU32,
    // Bytes of the process heap, or of slabs, that its list held at the last scan.
    pub pool_noted: AtomicU64,
    // Under the registry's lock: the next free record of the class, plus 1.
    pub next_free: AtomicU32,
    // Set by create, before the state becomes Live.
    pub address: AtomicUsize,
    // 0 for a list whose object may move; else the process that made it.
    maker: AtomicU32,
    made: AtomicU64,
    name: [AtomicU64; NAME_LIMIT / 8],
    list: UnsafeCell<List>,
}

// SAFETY: the list is written while the record is Free, by the one thread that took it from the free queue, and used
// through shared references while it is not; the pointers are constants.
unsafe impl Sync for Record {}

const _: () = assert!(size_of::<Record>() <= 768, "a list that was never used stays under 1 KiB");

impl Record {
    /// Makes a record that no list has yet, over this memory for its lists.
    pub fn new(index: u32, class: usize, base: *mut u8, shared_rows: *mut u8) -> Record {
        Record {
            index,
            class,
            base,
            shared_rows,
            life: Lock::new(),
            state: AtomicU32::new(RecordState::Free as u32),
            generation: AtomicU32::new(1),
            pool_noted: AtomicU64::new(0),
            next_free: AtomicU32::new(0),
            address: AtomicUsize::new(0),
            maker: AtomicU32::new(0),
            made: AtomicU64::new(0),
            name: Default::default(),
            list: UnsafeCell::new(List::new()),
        }
    }

    /// Returns the state.
    pub fn state(&self) -> RecordState {
        // Acquire pairs with the Release in set_state: a thread that sees Live sees the opened list.
        match self.state.load(Acquire) {
            0 => RecordState::Free,
            1 => RecordState::Live,
            _ => RecordState::Draining,
        }
    }

    /// Changes the state; with `life` held, or as the only thread that knows the record.
    pub fn set_state(&self, state: RecordState) {
        // Release pairs with the Acquire in state.
        self.state.store(state as u32, Release);
    }

    /// Moves from one state to another; returns whether it was in the first one.
    pub fn change_state(&self, from: RecordState, to: RecordState) -> bool {
        // AcqRel: as in state and set_state.
        self.state.compare_exchange(from as u32, to as u32, AcqRel, Relaxed).is_ok()
    }

    /// Returns which of the lists that had this record has it now.
    pub fn generation(&self) -> u32 {
        self.generation.load(Acquire)
    }

    /// Ends the current list's right to the record.
    pub fn next_generation(&self) {
        self.generation.fetch_add(1, Release);
    }

    /// Returns the list.
    pub fn list(&self) -> &List {
        // SAFETY: no one has it exclusively while the record is not Free (theory §1.3).
        unsafe { &*self.list.get() }
    }

    /// Returns the list, to open it.
    ///
    /// # Safety
    /// The record is Free, and this thread took it from the free queue.
    #[expect(clippy::mut_from_ref, reason = "the caller promises that there is no other reference")]
    pub unsafe fn list_mut(&self) -> &mut List {
        // SAFETY: the record is Free, and only this thread has it.
        unsafe { &mut *self.list.get() }
    }

    /// Sets where the list was made, and whether its object stays at the record's address.
    pub fn set_maker(&self, place: Place, embedded: bool) {
        // Relaxed: published with the state.
        self.made.store(place.to_bits(), Relaxed);
        self.maker.store(if embedded { platform::process_number() } else { 0 }, Relaxed);
    }

    /// Returns where the list was made.
    pub fn made(&self) -> Place {
        // SAFETY: 0 and what set_maker stored are places.
        unsafe { Place::from_bits(self.made.load(Relaxed)) }
    }

    /// Returns which process made the list.
    pub fn maker(&self) -> u32 {
        self.maker.load(Relaxed)
    }

    /// Returns whether the list's object stays at the record's address.
    pub fn is_embedded(&self) -> bool {
        self.maker() != 0
    }

    /// Sets the name, cut at the limit.
    pub fn set_name(&self, name: &str) {
        let mut bytes = [0; NAME_LIMIT];
        let fits = |length: &usize| name.is_char_boundary(*length);
        let length = (0..=name.len().min(NAME_LIMIT)).rev().find(fits).unwrap_or(0);
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        for (word, bytes) in self.name.iter().zip(bytes.chunks_exact(8)) {
            // Relaxed: published with the state.
            word.store(u64::from_le_bytes(bytes.try_into().expect("8 bytes")), Relaxed);
        }
    }

    /// Returns the name, and how long it is.
    pub fn name(&self) -> ([u8; NAME_LIMIT], usize) {
        let mut bytes = [0; NAME_LIMIT];
        for (word, bytes) in self.name.iter().zip(bytes.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.load(Relaxed).to_le_bytes());
        }
        (bytes, bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME_LIMIT))
    }
}
