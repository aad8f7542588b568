//! The choice of the engine that serves this process: made once, by measurement and not by version number (theory
//! §2.4).

use core::ffi::{CStr, c_char};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32};

use super::switches;
use crate::list::processor::EngineKind;
use crate::platform::rseq::{self, Registration};
use crate::platform::{self, Guard, Lock, Tool, slots};

static CHOICE: AtomicU32 = AtomicU32::new(0);
static CHOOSING: Lock = Lock::new();

/// Why this process has its engine.
#[derive(Clone, Copy)]
enum Reason {
    /// Nothing speaks against it.
    Best,
    Asked,
    /// This library registers the threads, which nothing speaks against either.
    Registers,
    NotRegistered,
    OthersRegister,
    OthersMayRegister,
    NoBarrier,
    NotSound,
    Watched(Tool),
}

/// Written under `CHOOSING` before the choice is published.
static DESCRIPTION: AtomicPtr<c_char> = AtomicPtr::new(core::ptr::null_mut());

/// Returns the choice, if it was made.
pub fn made() -> Option<EngineKind> {
    // Acquire pairs with the Release below: a thread that sees the choice sees what it was made from.
    match CHOICE.load(Acquire) {
        choice if choice == EngineKind::Rseq as u32 => Some(EngineKind::Rseq),
        choice if choice == EngineKind::TryLock as u32 => Some(EngineKind::TryLock),
        choice if choice == EngineKind::Slots as u32 => Some(EngineKind::Slots),
        choice if choice == EngineKind::Heap as u32 => Some(EngineKind::Heap),
        _ => None,
    }
}

/// Makes the choice, unless another thread has made it meanwhile. A child of a fork needs [`repair_after_fork`].
pub fn make() {
    let guard = CHOOSING.lock();
    if CHOICE.load(Acquire) == 0 {
        let (kind, reason) = choose(&guard);
        DESCRIPTION.store(describe(kind, reason).as_ptr().cast_mut(), Relaxed);
        CHOICE.store(kind as u32, Release);
    }
}

/// Puts this in place of the choice that was made.
pub fn pretend(kind: EngineKind) {
    CHOICE.store(kind as u32, Release);
}

/// Returns the name of the engine that was chosen and the reason, if it was: a report makes no choice.
pub fn description() -> Option<&'static CStr> {
    // SAFETY: written before the choice, with a text that ends in a zero. Relaxed: published with the choice.
    made().map(|_| unsafe { CStr::from_ptr(DESCRIPTION.load(Relaxed)) })
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
        (EngineKind::Rseq, Reason::Registers) => {
            c"rseq, which this library registers, because the kernel restarts sequences as it should"
        }
        (EngineKind::Rseq, _) => c"rseq, because the kernel restarts sequences as it should",
        (EngineKind::Slots, Reason::NotRegistered) => c"slots, because the system has no rseq",
        (EngineKind::Slots, Reason::OthersRegister) => c"slots, because another library registers rseq",
        (EngineKind::Slots, Reason::OthersMayRegister) => {
            c"slots, because another library may register rseq, which the first thread would show"
        }
        (EngineKind::Slots, Reason::NoBarrier) => c"slots, because the system refuses membarrier for rseq",
        (EngineKind::Slots, Reason::NotSound) => c"slots, because the kernel was not seen to restart sequences",
        (EngineKind::Slots, _) => c"slots, because LOOKASIDE_ENGINE asks for it",
        (EngineKind::TryLock, Reason::Asked) => c"trylock, because LOOKASIDE_ENGINE asks for it",
        (EngineKind::TryLock, _) => c"trylock, because the system refuses membarrier",
    }
}

/// Returns whether rseq can be had, chosen or not.
pub fn can_be_rseq() -> bool {
    is_sound(&CHOOSING.lock())
}

/// In the child of a fork: a choice that was under way has no thread here.
pub fn repair_after_fork() {
    CHOOSING.reset_after_fork();
}

fn choose(guard: &Guard<'_>) -> (EngineKind, Reason) {
    rseq::initialize();
    let asked = |word| switches::ENGINE.is(word);
    if asked("heap") {
        return (EngineKind::Heap, Reason::Asked);
    }
    // This engine makes no membarrier call, which a program may have forbidden itself.
    if asked("trylock") {
        return (EngineKind::TryLock, Reason::Asked);
    }
    if asked("portable") {
        return without_rseq(Reason::Asked);
    }
    if asked("slots") {
        return reported("slots", without_rseq(Reason::Asked));
    }
    let wanted = asked("rseq");
    let missing = match platform::tool() {
        Some(tool) if !wanted => return (EngineKind::Heap, Reason::Watched(tool)),
        _ => match register() {
            Registration::Absent => Reason::NotRegistered,
            Registration::Others => Reason::OthersRegister,
            Registration::Unknown => Reason::OthersMayRegister,
            _ if wanted && platform::register_barrier() => {
                rseq::register_threads();
                return (EngineKind::Rseq, Reason::Asked);
            }
            Registration::CLibrary if !wanted && is_sound(guard) => return (EngineKind::Rseq, Reason::Best),
            Registration::Own if !wanted && is_sound(guard) => return (EngineKind::Rseq, Reason::Registers),
            // Asked once more, since the test may have failed for this.
            _ if !platform::register_barrier() => Reason::NoBarrier,
            _ => Reason::NotSound,
        },
    };
    rseq::withdraw();
    let chosen = without_rseq(missing);
    if wanted { reported("rseq", chosen) } else { chosen }
}

fn register() -> Registration {
    rseq::register(switches::ENGINE.is("rseq"))
}

/// Returns the best engine without rseq, with the reason for it.
fn without_rseq(reason: Reason) -> (EngineKind, Reason) {
    if slots::is_available() { (EngineKind::Slots, reason) } else { (EngineKind::TryLock, Reason::NoBarrier) }
}

/// Returns the choice, and prints it where it is not this engine, which was asked for.
fn reported(asked: &str, (kind, reason): (EngineKind, Reason)) -> (EngineKind, Reason) {
    let described = describe(kind, reason).to_str().unwrap_or_default();
    if !described.starts_with(asked) {
        platform::print(format_args!("LOOKASIDE_ENGINE={asked} cannot be had; the engine is {described}"));
    }
    (kind, reason)
}

/// Whether sections work here, and can be restarted; found out once.
fn is_sound(_choosing: &Guard<'_>) -> bool {
    static SOUND: AtomicU32 = AtomicU32::new(0);
    const YES: u32 = 1;
    const NO: u32 = 2;
    // Relaxed: the lock is held.
    if SOUND.load(Relaxed) == 0 {
        let registered = matches!(register(), Registration::CLibrary | Registration::Own);
        let can = registered && platform::register_barrier();
        let sound = can && rseq::judge(rseq::Planted::Nothing) == rseq::Verdict::Sound;
        if sound {
            rseq::register_threads();
        } else {
            rseq::withdraw();
        }
        SOUND.store(if sound { YES } else { NO }, Relaxed);
    }
    SOUND.load(Relaxed) == YES
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&CHOICE);
    platform::own_value(&CHOOSING);
    platform::own_value(&DESCRIPTION);
}
