//! Which engine serves this process: chosen once, by measurement and not by version number (theory §2.4).

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::registry;
use crate::list::processor::EngineKind;
use crate::platform::{self, Guard, Lock, rseq};

static CHOICE: AtomicU32 = AtomicU32::new(0);
static CHOOSING: Lock = Lock::new();

/// The engine that lists get which do not ask for one. The first call chooses, in a millisecond or two (on a busy
/// machine up to a quarter of a second): rseq where glibc has registered it, `membarrier` can restart sections and the
/// self-test finds the kernel sound; else portable.
///
/// `LOOKASIDE_ENGINE=portable` in the environment asks for portable. `LOOKASIDE_ENGINE=rseq` skips the self-test; it
/// does not force rseq onto a system that lacks it.
pub fn engine() -> EngineKind {
    // Acquire pairs with the Release below: whoever sees the choice sees what it was made from.
    match CHOICE.load(Acquire) {
        choice if choice == EngineKind::Rseq as u32 => EngineKind::Rseq,
        choice if choice == EngineKind::Portable as u32 => EngineKind::Portable,
        _ => {
            registry::prepare_for_forks();
            let guard = CHOOSING.lock();
            if CHOICE.load(Acquire) == 0 {
                CHOICE.store(choose(&guard) as u32, Release);
            }
            drop(guard);
            engine()
        }
    }
}

/// Has this engine chosen for lists that are made from now on, whatever the system can do.
///
/// For benchmarks that count instructions, with [`rseq::pretend`], and those that have several engines in one process.
#[doc(hidden)]
pub fn pretend_engine(kind: EngineKind) {
    // What the first choice prepares is needed all the same.
    engine();
    CHOICE.store(kind as u32, Release);
}

/// Whether lists can be made over this engine here.
pub fn is_available(kind: EngineKind) -> bool {
    kind == engine() || kind == EngineKind::Portable || is_sound(&CHOOSING.lock())
}

/// In the child of a fork: a choice that was under way has no thread here.
pub fn repair_after_fork() {
    CHOOSING.reset_after_fork();
}

fn choose(guard: &Guard<'_>) -> EngineKind {
    let can = rseq::initialize() && platform::register_barrier();
    let asked = |value| platform::variable_is(c"LOOKASIDE_ENGINE", value);
    if can && !asked(c"portable") && (asked(c"rseq") || is_sound(guard)) {
        EngineKind::Rseq
    } else {
        EngineKind::Portable
    }
}

/// Whether sections work here, found out once.
fn is_sound(_choosing: &Guard<'_>) -> bool {
    static SOUND: AtomicU32 = AtomicU32::new(0);
    const YES: u32 = 1;
    const NO: u32 = 2;
    // Relaxed: the lock is held.
    if SOUND.load(Relaxed) == 0 {
        let can = rseq::is_registered() && platform::register_barrier();
        let sound = can && rseq::judge(rseq::Planted::Nothing) == rseq::Verdict::Sound;
        SOUND.store(if sound { YES } else { NO }, Relaxed);
    }
    SOUND.load(Relaxed) == YES
}
