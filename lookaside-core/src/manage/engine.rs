//! Which engine serves this process: chosen once, by measurement and not by version number (theory §2.4).

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::registry;
use crate::list::processor::EngineKind;
use crate::platform::{self, Guard, Lock, rseq};

static CHOICE: AtomicU32 = AtomicU32::new(0);
static CHOOSING: Lock = Lock::new();

/// Returns the engine of lists that do not ask for one. The first call chooses: rseq where glibc
/// has registered it, `membarrier` can restart sections and this kernel was seen to abort a section; else portable
/// (theory §2.4). The choice does not depend on load, and starts no thread.
///
/// `LOOKASIDE_ENGINE=portable` in the environment asks for portable. `LOOKASIDE_ENGINE=rseq` takes the kernel's soundness
/// for granted, which spares the child process that tests it (under a debugger, say); it does not force rseq onto a
/// system that lacks it.
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
///
/// # Safety
/// For rseq: this process's [`engine`] was rseq, or lists are used as [`rseq::pretend`] says.
#[doc(hidden)]
pub unsafe fn pretend_engine(kind: EngineKind) {
    // What the first choice prepares is needed all the same.
    engine();
    CHOICE.store(kind as u32, Release);
}

/// Whether lists can be made over this engine here.
pub fn is_available(kind: EngineKind) -> bool {
    if kind == EngineKind::Portable {
        // It needs the area, but no choice, which may make system calls that this engine does not need.
        if rseq::area() == 0 {
            rseq::initialize();
        }
        return true;
    }
    kind == engine() || is_sound(&CHOOSING.lock())
}

/// In the child of a fork: a choice that was under way has no thread here.
pub fn repair_after_fork() {
    CHOOSING.reset_after_fork();
}

fn choose(guard: &Guard<'_>) -> EngineKind {
    let registered = rseq::initialize();
    let asked = |value| platform::variable_is(c"LOOKASIDE_ENGINE", value);
    // The portable engine makes no membarrier call, which a program may have forbidden itself.
    if !registered || asked(c"portable") {
        return EngineKind::Portable;
    }
    let serves = if asked(c"rseq") { platform::register_barrier() } else { is_sound(guard) };
    if serves { EngineKind::Rseq } else { EngineKind::Portable }
}

/// Whether sections work here, and can be restarted; found out once.
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
