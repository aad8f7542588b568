//! A global allocator that is one of several: `LOOKASIDE_GLOBAL` names it, and is read once, when a process first allocates.
//! Without it, or with a name that is not known (which is reported), the system's serves, as if there were no switch.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

use lookaside_core::LookasideAlloc;
use lookaside_core::hooks::switches;
use mimalloc::MiMalloc;
use tikv_jemallocator::Jemalloc;

/// What names the allocator in the environment.
pub const VARIABLE: &str = "LOOKASIDE_GLOBAL";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Allocator {
    /// Rust's own default: the C library's malloc.
    System = 0,
    /// jemalloc, by the crate tikv-jemallocator.
    Jemalloc = 1,
    Mimalloc = 2,
    Lookaside = 3,
}

/// The choice before the first allocation.
const OPEN: u8 = 4;

/// An [`Allocator`] or [`OPEN`]. Relaxed everywhere: threads that read the environment at once read the same.
static CHOICE: AtomicU8 = AtomicU8::new(OPEN);

impl Allocator {
    const ALL: [Self; 4] = [Self::System, Self::Jemalloc, Self::Mimalloc, Self::Lookaside];
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Jemalloc => "jemalloc",
            Self::Mimalloc => "mimalloc",
            Self::Lookaside => "lookaside",
        }
    }
}

/// The allocator that serves this process; `None` if [`Switch`] is not its global allocator.
pub fn serving() -> Option<Allocator> {
    // A process that came here has allocated.
    let choice = CHOICE.load(Relaxed);
    Allocator::ALL.into_iter().find(|allocator| *allocator as u8 == choice)
}

/// The global allocator of the command.
pub struct Switch;

impl Switch {
    /// Chooses what the environment names. Allocates nothing, and works before `main`.
    #[cold]
    #[inline(never)]
    fn choose() -> Allocator {
        let named = Allocator::ALL.into_iter().find(|allocator| switches::GLOBAL.is(allocator.name()));
        let named = named.unwrap_or(Allocator::System);
        CHOICE.store(named as u8, Relaxed);
        named
    }
}

/// Calls the allocator that was chosen.
macro_rules! chosen {
    ($heap:ident => $call:expr) => {{
        // A jump through a table, so that no allocator comes before another.
        const SYSTEM: u8 = Allocator::System as u8;
        const JEMALLOC: u8 = Allocator::Jemalloc as u8;
        const MIMALLOC: u8 = Allocator::Mimalloc as u8;
        const LOOKASIDE: u8 = Allocator::Lookaside as u8;
        let mut choice = CHOICE.load(Relaxed);
        loop {
            // SAFETY: as the caller of the allocator promises; the choice never changes, so a block goes to where it came from.
            unsafe {
                match choice {
                    SYSTEM => break { let $heap = System; $call },
                    JEMALLOC => break { let $heap = Jemalloc; $call },
                    MIMALLOC => break { let $heap = MiMalloc; $call },
                    LOOKASIDE => break { let $heap = LookasideAlloc::new(); $call },
                    _ => choice = Switch::choose() as u8,
                }
            }
        }
    }};
}

// SAFETY: each call goes to an allocator that keeps the promise, for one block always to the same.
unsafe impl GlobalAlloc for Switch {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        chosen!(heap => heap.alloc(layout))
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        chosen!(heap => heap.dealloc(block, layout))
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        chosen!(heap => heap.alloc_zeroed(layout))
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        chosen!(heap => heap.realloc(block, layout, size))
    }
}
