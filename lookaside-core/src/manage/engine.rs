//! Which engine serves this process: chosen once, by measurement and not by version number (theory §2.4).

use core::ffi::{CStr, c_char};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32};

use super::{registry, switches};
use crate::list::processor::EngineKind;
use crate::platform::{self, Guard, Lock, Tool, rseq};
use crate::pool;

static CHOICE: AtomicU32 = AtomicU32::new(0);
static CHOOSING: Lock = Lock::new();

/// Why this process has its engine.
#[derive(Clone, Copy)]
enum Reason {
    /// Nothing speaks against it.
    Best,
    Asked,
    NotRegistered,
    NoBarrier,
    NotSound,
    Watched(Tool),
}

/// Written under `CHOOSING` before the choice is published.
static DESCRIPTION: AtomicPtr<c_char> = AtomicPtr::new(core::ptr::null_mut());

/// Returns the engine of lists that do not ask for one. The first call chooses:
///
/// - the heap where a tool that follows blocks is in the process: AddressSanitizer, ThreadSanitizer, MemorySanitizer,
///   LeakSanitizer, or Valgrind's Memcheck, Helgrind or DRD;
/// - rseq where glibc has registered it, `membarrier` can restart sections and this kernel was seen to abort a section;
/// - else portable (theory §2.4).
///
/// The choice does not depend on load, and starts no thread. `LOOKASIDE_ENGINE` in the environment asks for an engine by
/// its name, `heap`, `rseq` or `portable`, also where there is a tool. `rseq` takes the kernel's soundness for granted,
/// which spares the child process that tests it (under a debugger, say); where the system lacks it, that is reported on
/// standard error and the portable engine serves.
///
/// [`engine_description`] says why.
pub fn engine() -> EngineKind {
    // Acquire pairs with the Release below: a thread that sees the choice sees what it was made from.
    match CHOICE.load(Acquire) {
        choice if choice == EngineKind::Rseq as u32 => EngineKind::Rseq,
        choice if choice == EngineKind::Portable as u32 => EngineKind::Portable,
        choice if choice == EngineKind::Heap as u32 => EngineKind::Heap,
        _ => {
            own_statics();
            registry::prepare_for_forks();
            let guard = CHOOSING.lock();
            if CHOICE.load(Acquire) == 0 {
                let (kind, reason) = choose(&guard);
                DESCRIPTION.store(describe(kind, reason).as_ptr().cast_mut(), Relaxed);
                CHOICE.store(kind as u32, Release);
            }
            drop(guard);
            engine()
        }
    }
}

/// What [`engine_description`] returns, if the engine was chosen: a report makes no choice.
pub fn known_description() -> Option<&'static CStr> {
    // Acquire pairs with the Release in `engine`.
    (CHOICE.load(Acquire) != 0).then(engine_description)
}

/// Returns the name of the engine that [`engine`] chose and the reason, such as `heap, because AddressSanitizer is
/// present`. The text ends in a zero and is the same at each call; it chooses if that was not done before. Any thread.
pub fn engine_description() -> &'static CStr {
    engine();
    // Relaxed: published with the choice.
    // SAFETY: written before the choice, with a text that ends in a zero.
    unsafe { CStr::from_ptr(DESCRIPTION.load(Relaxed)) }
}

fn describe(kind: EngineKind, reason: Reason) -> &'static CStr {
    match (kind, reason) {
        (EngineKind::Heap, Reason::Watched(Tool::AddressSanitizer)) => c"heap, because AddressSanitizer is present",
        (EngineKind::Heap, Reason::Watched(Tool::ThreadSanitizer)) => c"heap, because ThreadSanitizer is present",
        (EngineKind::Heap, Reason::Watched(Tool::MemorySanitizer)) => c"heap, because MemorySanitizer is present",
        (EngineKind::Heap, Reason::Watched(Tool::LeakSanitizer)) => c"heap, because LeakSanitizer is present",
        (EngineKind::Heap, Reason::Watched(Tool::Memcheck)) => c"heap, because Memcheck runs the program",
        (EngineKind::Heap, Reason::Watched(Tool::Helgrind)) => c"heap, because Helgrind runs the program",
        (EngineKind::Heap, Reason::Watched(Tool::Drd)) => c"heap, because DRD runs the program",
        (EngineKind::Heap, _) => c"heap, because LOOKASIDE_ENGINE asks for it",
        (EngineKind::Rseq, Reason::Asked) => c"rseq, because LOOKASIDE_ENGINE asks for it",
        (EngineKind::Rseq, _) => c"rseq, because the kernel restarts sequences as it should",
        (EngineKind::Portable, Reason::NotRegistered) => c"portable, because the C library has registered no rseq",
        (EngineKind::Portable, Reason::NoBarrier) => c"portable, because the system refuses membarrier",
        (EngineKind::Portable, Reason::NotSound) => c"portable, because the kernel was not seen to restart sequences",
        (EngineKind::Portable, _) => c"portable, because LOOKASIDE_ENGINE asks for it",
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
    if kind != EngineKind::Rseq {
        // They need the area, but no choice, which may make system calls that these engines do not need.
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

fn choose(guard: &Guard<'_>) -> (EngineKind, Reason) {
    let registered = rseq::initialize();
    let asked = |word| switches::ENGINE.is(word);
    if asked("heap") {
        return (EngineKind::Heap, Reason::Asked);
    }
    // The portable engine makes no membarrier call, which a program may have forbidden itself.
    if asked("portable") {
        return (EngineKind::Portable, Reason::Asked);
    }
    let wanted = asked("rseq");
    let missing = match platform::tool() {
        Some(tool) if !wanted => return (EngineKind::Heap, Reason::Watched(tool)),
        _ if !registered => Reason::NotRegistered,
        _ if wanted && platform::register_barrier() => return (EngineKind::Rseq, Reason::Asked),
        _ if !wanted && is_sound(guard) => return (EngineKind::Rseq, Reason::Best),
        // Asked once more, since the test may have failed for this.
        _ if !platform::register_barrier() => Reason::NoBarrier,
        _ => Reason::NotSound,
    };
    let description = describe(EngineKind::Portable, missing);
    if wanted {
        let described = description.to_str().unwrap_or_default();
        platform::print(format_args!("LOOKASIDE_ENGINE=rseq cannot be had; the engine is {described}"));
    }
    (EngineKind::Portable, missing)
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

/// Says to tools that look for races what only this library touches, before a list is made.
fn own_statics() {
    if !matches!(platform::tool(), Some(Tool::Helgrind | Tool::Drd)) {
        return;
    }
    platform::own_statics();
    pool::own_statics();
    registry::own_statics();
    super::attention::own_statics();
    super::balance::own_statics();
    super::pools::own_statics();
    super::usage::own_statics();
    super::verifier::own_statics();
    platform::own_value(&CHOICE);
    platform::own_value(&CHOOSING);
    platform::own_value(&DESCRIPTION);
}
