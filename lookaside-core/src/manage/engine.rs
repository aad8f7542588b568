//! Which engine serves this process: chosen once, by measurement and not by version number (theory §2.4).

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Release};

use crate::list::processor::EngineKind;
use crate::platform::{self, Lock, rseq};

static CHOICE: AtomicU32 = AtomicU32::new(0);
static CHOOSING: Lock = Lock::new();

/// The engine that lists get which do not ask for one. The first call chooses, in a millisecond or two:
/// rseq where glibc has registered it, `membarrier` can restart sections and the self-test finds the kernel
/// sound; else portable. `LOOKASIDE_ENGINE=rseq|portable` in the environment overrides that; rseq is not
/// forced onto a system that lacks it, only the self-test is skipped.
pub fn engine() -> EngineKind {
    // Acquire pairs with the Release below: whoever sees the choice sees what it was made from.
    match CHOICE.load(Acquire) {
        choice if choice == EngineKind::Rseq as u32 => EngineKind::Rseq,
        choice if choice == EngineKind::Portable as u32 => EngineKind::Portable,
        _ => {
            let _guard = CHOOSING.lock();
            if CHOICE.load(Acquire) == 0 {
                CHOICE.store(choose() as u32, Release);
            }
            drop(_guard);
            engine()
        }
    }
}

/// Whether lists can be made over this engine here.
pub fn is_available(kind: EngineKind) -> bool {
    engine();
    match kind {
        EngineKind::Portable => true,
        EngineKind::Rseq => rseq::is_registered() && platform::register_barrier(),
    }
}

/// In the child of a fork: a choice that was under way has no thread here.
pub fn repair_after_fork() {
    CHOOSING.reset_after_fork();
}

fn choose() -> EngineKind {
    let registered = rseq::initialize();
    let name = c"LOOKASIDE_ENGINE";
    if !registered || platform::variable_is(name, c"portable") || !platform::register_barrier() {
        return EngineKind::Portable;
    }
    if platform::variable_is(name, c"rseq") || rseq::self_test(true) == rseq::Verdict::Sound {
        return EngineKind::Rseq;
    }
    EngineKind::Portable
}
