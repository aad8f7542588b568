//! A list: the processor lists in front of the shared list in front of the pool, treated as one list. A general list
//! has no processor lists, a single list no shared one.
//!
//! Everything here is the slow path: the fast path (`face::raw`) is one section, and comes here when that
//! found no block or no room. Lock order: `manage`, then the shared list's lock; no lock is held while the pool works.

use core::mem::MaybeUninit;
use core::num::NonZeroU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

use super::processor::{Engine, EngineKind, Part};
use super::shared::SharedList;
use super::tuner::Tuning;
use crate::platform::{self, Guard, Lock};
use crate::pool::{Backing, Request, slab::Slabs};
use crate::wdk::{MINIMUM_DEPTH, Parts, RawList};

/// Runs the same code with the engine that serves the list.
macro_rules! by_engine {
    ($list:expr, $engine:ident => $body:expr) => {
        match $list.settings().engine {
            $crate::list::processor::EngineKind::Rseq => {
                type $engine = $crate::list::processor::Rseq;
                $body
            }
            $crate::list::processor::EngineKind::Slots => {
                type $engine = $crate::list::processor::Slots;
                $body
            }
            // Where no list keeps blocks there are no parts, which is what this engine looks at first.
            $crate::list::processor::EngineKind::TryLock | $crate::list::processor::EngineKind::Heap => {
                type $engine = $crate::list::processor::TryLock;
                $body
            }
        }
    };
}
pub(super) use by_engine;

/// The lists in front of the pool.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A processor list for every processor in front of one shared list.
    #[default]
    Pair = 0,
    /// One list that all processors share, as a driver's list is in Windows.
    General = 1,
    /// A processor list for every processor, and the pool right behind: the small-pool lists of newer kernels.
    Single = 2,
}

/// What never changes in a list's life. The check of the parameters makes it; [`List::open`] completes it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The engine that serves the processor lists.
    pub engine: EngineKind,
    /// When depths change.
    pub tuning: Tuning,
    /// The lists in front of the pool.
    pub topology: Topology,
    /// Whether it keeps blocks: else depths stay 0, and every call reaches the pool, as over the engine `Heap`.
    pub cached: bool,
    /// Whether the verifier serves each call.
    pub verified: bool,
    /// Whether the usage by tag counts its blocks.
    pub charged: bool,
    /// The most blocks that each P, and each division of L, may hold.
    pub maximum_depth: u32,
    /// The first depth of each.
    pub initial_depth: u32,
    /// Blocks that move at once between P and L; 0 for half of P's depth.
    pub batch: u32,
    /// Divisions of L that were asked for; 0 for the usual number.
    pub divisions: u32,
    /// What the pool is asked for.
    pub request: Request,
    /// The pool.
    pub backing: Backing,
    /// Whether slabs serve, in the place of the process heap or of the nonpaged arenas.
    pub slabs: bool,
    /// The general list that is this pair's L and pool; `None` for its own.
    pub lower: Option<Lower>,
    /// The processor lists' parts, from `open` on; its `processors` is 0 for a general list.
    pub parts: Parts,
    /// The most blocks that go to the pool, or come from there, on one trip, from `open` on.
    pub trip_limit: usize,
}

/// Where a new list is.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    /// Memory for the parts of all processors, or of all slots, zeroed.
    pub parts: Parts,
    /// Possible processors of the machine.
    pub processors: u32,
    /// Memory for the slots of L's first division, behind that of the parts; see [`Rows`](super::shared::Rows).
    pub rows: *mut u8,
    /// What the list needs of those around it.
    pub around: Around,
}

/// What a list needs of those around it.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// Where the list says that scans have to visit it: the bits of [`activity`].
    pub activity: &'static AtomicU8,
    /// What a call does after each routine of the user's, which may have made this process: in the child of a fork, locks
    /// of threads that do not exist may be held.
    pub repair_child: fn(),
}

/// What is known of a list without a look at it: a byte for each, so that thousands of lists at rest cost a scan or a
/// fork nothing.
pub mod activity {
    /// It may have something to tune or to give back, so a scan visits it.
    pub const ACTIVE: u8 = 1;
    /// It was used, so its hits are folded now and then (theory §4.4).
    pub const USED: u8 = 2;
    /// The child of a fork has to see to it at once, since its pool is the parent's too.
    pub const SHARED_POOL: u8 = 4;
}

/// A general list that several pairs share as their L.
#[derive(Clone, Copy, Debug)]
pub struct Lower {
    /// It outlives the pairs that share it, since it cannot be deleted before them.
    pub list: &'static List,
    /// Its object, for callbacks that get their list.
    pub object: *mut RawList,
}

/// Bits of [`List::attention`]: what the next call that misses has to do first.
pub(super) mod attention {
    /// Trim: set by a scan that may not call the user's free routine.
    pub const SURPLUS: u8 = 1;
    /// Say that the list is active again: set when a scan, or the list's making, left nothing to do (theory §5.5).
    pub const AT_REST: u8 = 2;
    /// What a miss at rest adds: the bits from here on count those.
    pub const ONE_MISS: u8 = 4;
}

/// All that changes in a list's life.
#[derive(Debug)]
pub struct List {
    pub(super) settings: MaybeUninit<Settings>,
    pub(super) around: MaybeUninit<Around>,
    // Closers and tuners take turns.
    pub(super) manage: Lock,
    // Under `manage`: milliseconds of the clock.
    pub(super) last_scan: AtomicU64,
    // Under `manage`: calls up to the last scan, and how many came in the period before it, as a power of two.
    pub(super) calls: AtomicU64,
    pub(super) heat: AtomicU8,
    // Any thread.
    pub(super) attention: AtomicU8,
    pub(super) callbacks_running: AtomicU32,
    // Under `manage`, and read by walks: the processors that ever used their part, a bit for each number modulo 64.
    pub(super) opened: AtomicU64,
    // Calls of the pool that the misses do not count, modulo 2^64: failures, what prefill and pairs that share this
    // list asked for and gave back; less the misses that did not ask the pool.
    pub(super) pool_failures: AtomicU64,
    pub(super) direct_allocates: AtomicU64,
    pub(super) direct_frees: AtomicU64,
    // Pairs whose L this is.
    pub(super) sharers: AtomicU32,
    // While the list is being deleted: blocks that callers hold, once delete has added them up.
    pub(super) remaining: AtomicI64,
    pub(super) shared: SharedList,
    pub(super) slabs: Slabs,
}

impl List {
    /// Makes a list in the state of zeroed memory: it must be opened before anything else.
    pub const fn new() -> List {
        List {
            settings: MaybeUninit::uninit(),
            around: MaybeUninit::uninit(),
            manage: Lock::new(),
            last_scan: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            heat: AtomicU8::new(0),
            attention: AtomicU8::new(0),
            callbacks_running: AtomicU32::new(0),
            opened: AtomicU64::new(0),
            pool_failures: AtomicU64::new(0),
            direct_allocates: AtomicU64::new(0),
            direct_frees: AtomicU64::new(0),
            sharers: AtomicU32::new(0),
            remaining: AtomicI64::new(0),
            shared: SharedList::new(),
            slabs: Slabs::new(),
        }
    }

    /// Makes this a new, empty list.
    ///
    /// # Safety
    /// No one else uses it. The parts and rows of its home are zeroed, have room for the maximum depth, and are never
    /// unmapped.
    pub unsafe fn open(&mut self, settings: Settings, home: Home) {
        let (settings, rows) = settings.completed(&home);
        *self = List { settings: MaybeUninit::new(settings), around: MaybeUninit::new(home.around), ..List::new() };
        self.last_scan.store(platform::milliseconds(), Relaxed);
        self.shared.open(rows, settings.initial_depth.min(settings.shared_maximum()));
        if settings.slabs {
            self.slabs.open(settings.backing.source.residence(), self.shared.slab_groups());
        }
        // Of a list that keeps nothing, and of one that starts above the minimum, every scan has something to see.
        let at_rest = settings.cached && self.shared.target() <= u32::from(MINIMUM_DEPTH);
        self.attention.store(if at_rest { attention::AT_REST } else { 0 }, Relaxed);
        let shared_pool = if settings.backing.is_shared() { activity::SHARED_POOL } else { 0 };
        home.around.activity.store(if at_rest { 0 } else { activity::ACTIVE } | shared_pool, Relaxed);
        self.count_as_sharer();
    }

    /// Returns what the list was made from.
    pub fn settings(&self) -> &Settings {
        // SAFETY: a reference to a list is only given out after `open` (theory §1.3).
        unsafe { self.settings.assume_init_ref() }
    }

    /// Returns what the list has of those around it.
    pub(super) fn around(&self) -> &Around {
        // SAFETY: as in `settings`.
        unsafe { self.around.assume_init_ref() }
    }

    /// Returns L: the list's own, or the one that it shares.
    pub(super) fn shared(&self) -> &SharedList {
        self.settings().lower.map_or(&self.shared, |lower| &lower.list.shared)
    }

    /// Counts this pair on the list that it shares, if there is one.
    pub fn count_as_sharer(&self) {
        if let Some(lower) = self.settings().lower {
            lower.list.sharers.fetch_add(1, Relaxed);
        }
    }

    /// In the child of a fork, before the sharers are counted anew.
    pub fn forget_sharers(&self) {
        if self.has_sharers() {
            self.sharers.store(0, Relaxed);
        }
    }

    /// Returns whether a pair that is still there has this as its L.
    pub fn has_sharers(&self) -> bool {
        self.sharers.load(Relaxed) != 0
    }

    /// Returns the part of the current processor, or of the calling thread's slot; `None` for a general list. One whose
    /// number is out of range counts its misses on the first part; the engine gives it nothing to touch.
    pub(super) fn current_part<E: Engine>(&self) -> Option<Part> {
        self.part_by(E::current)
    }

    /// [`List::current_part`] in a call that a signal handler may make.
    pub(super) fn current_part_in_handler<E: Engine>(&self) -> Option<Part> {
        self.part_by(E::current_in_handler)
    }

    #[inline(always)]
    fn part_by(&self, current: fn() -> u32) -> Option<Part> {
        let parts = &self.settings().parts;
        if parts.processors == 0 {
            return None;
        }
        let processor = current();
        // SAFETY: the list is open, and the number is in range.
        Some(unsafe { Part::of(parts, if processor < parts.processors { processor } else { 0 }) })
    }

    /// Returns the parts that were ever used. A part that was not is not looked at, since its page may not be there
    /// yet.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u32, Part)> {
        // Acquire pairs with the Release in note_opened.
        let opened = NonZeroU64::new(self.opened.load(Acquire));
        let parts = &self.settings().parts;
        let without_lowest = |bits: &NonZeroU64| NonZeroU64::new(bits.get() & (bits.get() - 1));
        let lowest = core::iter::successors(opened, without_lowest).map(|bits| bits.trailing_zeros());
        let numbers = lowest.flat_map(|number| (number..parts.processors).step_by(64));
        // SAFETY: the list is open, and the numbers are in range.
        let parts = numbers.map(|processor| (processor, unsafe { Part::of(parts, processor) }));
        parts.filter(|(_, part)| part.is_open())
    }

    /// Notes that a processor is about to use its part.
    pub(super) fn note_opened(&self, part: Part, manage: &Guard<'_>) {
        let processor = part.processor(&self.settings().parts);
        // Release pairs with the Acquire in `parts`.
        self.opened.fetch_or(1 << (processor % 64), Release);
        self.around().activity.fetch_or(activity::USED, Relaxed);
        if self.settings().initial_depth > MINIMUM_DEPTH.into() {
            self.wake(Some(manage));
        }
    }

    /// Opens a part before its first use.
    #[inline]
    pub(super) fn see_open(&self, part: Part) {
        if !part.is_open() {
            self.open_part(part, &self.manage.lock());
        }
    }

    /// The first miss on a processor opens its part, and its division of L.
    #[cold]
    pub(super) fn open_part(&self, part: Part, manage: &Guard<'_>) {
        self.note_opened(part, manage);
        if !part.is_open() {
            part.tuner().set_target(self.settings().initial_depth);
            // SAFETY: `manage` is held.
            unsafe { part.apply_target() };
        }
        self.shared.open_of(part.processor(&self.settings().parts));
    }
}
