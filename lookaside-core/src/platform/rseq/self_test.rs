//! The start-up self-test: does this kernel really abort sections?
//!
//! Kernels have been released that did not (Linux 6.19 on arm64), and a list on such a kernel loses blocks. So,
//! before the rseq engine is chosen, two threads are bound to one processor. The first stands in a section and
//! watches a counter, the second sleeps, adds to the counter and sleeps again. The second can only have run
//! if the first was preempted; so a first thread that sees the counter change *within one section* convicts the kernel.

use core::ffi::c_void;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use super::sections::watch;
use crate::platform::{Thread, current, milliseconds, pin_to, schedule_ordinarily, sleep_microseconds};

/// What one watching section ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// The kernel aborted it.
    Aborted,
    /// Nothing happened for as long as it was to look.
    Quiet,
    /// The counter changed inside the section.
    Changed,
}

/// What the self-test found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sections are aborted when they must be.
    Sound,
    /// A section went on after a preemption.
    Convicted,
    /// No thread, no binding, or no preemption in time: nothing was learnt.
    Inconclusive,
}

/// So many correct aborts are waited for.
const ABORTS: u32 = 8;
/// Looks at the counter in one section: some hundred microseconds.
const LOOKS: u32 = 100_000;
/// After this the test gives up, in milliseconds. It is reached only where the watcher is never preempted.
const PATIENCE: u64 = 250;
const NAP_MICROSECONDS: u32 = 10;

struct Shared {
    processor: u32,
    armed: bool,
    counter: AtomicU32,
    done: AtomicU32,
    verdict: AtomicU32,
}

/// Runs the self-test; takes a millisecond or two. `armed` false plants the fault that it looks for.
pub fn self_test(armed: bool) -> Verdict {
    let shared = Shared {
        processor: current(),
        armed,
        counter: AtomicU32::new(0),
        done: AtomicU32::new(0),
        verdict: AtomicU32::new(Verdict::Inconclusive as u32),
    };
    let argument = (&raw const shared).cast_mut().cast();
    // SAFETY: both threads are joined before `shared` goes away, and it is made of atomics and constants.
    unsafe {
        let Some(waker) = Thread::start(wake, argument) else { return Verdict::Inconclusive };
        match Thread::start(observe, argument) {
            Some(watcher) => watcher.join(),
            None => shared.done.store(1, Relaxed),
        }
        waker.join();
    }
    // Relaxed here and below: joining orders the verdict, and the rest is a signal between two threads.
    match shared.verdict.load(Relaxed) {
        verdict if verdict == Verdict::Sound as u32 => Verdict::Sound,
        verdict if verdict == Verdict::Convicted as u32 => Verdict::Convicted,
        _ => Verdict::Inconclusive,
    }
}

extern "C" fn observe(argument: *mut c_void) -> *mut c_void {
    // SAFETY: self_test's `shared`, which outlives this thread.
    let shared = unsafe { &*argument.cast::<Shared>() };
    // A real-time thread would not be preempted by its equal.
    schedule_ordinarily();
    if pin_to(shared.processor) {
        shared.verdict.store(judge(shared) as u32, Relaxed);
    }
    shared.done.store(1, Relaxed);
    core::ptr::null_mut()
}

fn judge(shared: &Shared) -> Verdict {
    let deadline = milliseconds() + PATIENCE;
    let mut aborts = 0;
    while milliseconds() < deadline {
        match watch(&shared.counter, LOOKS, shared.armed) {
            Watch::Changed => return Verdict::Convicted,
            Watch::Quiet => {}
            Watch::Aborted => aborts += 1,
        }
        if aborts == ABORTS {
            break;
        }
    }
    // On a busy machine time may run out before all were seen. A kernel that does not abort shows it at the first
    // preemption, so each abort counts.
    if aborts > 0 { Verdict::Sound } else { Verdict::Inconclusive }
}

extern "C" fn wake(argument: *mut c_void) -> *mut c_void {
    // SAFETY: self_test's `shared`, which outlives this thread.
    let shared = unsafe { &*argument.cast::<Shared>() };
    schedule_ordinarily();
    let pinned = pin_to(shared.processor);
    while shared.done.load(Relaxed) == 0 {
        sleep_microseconds(NAP_MICROSECONDS);
        // A change from another processor would be no proof.
        if pinned {
            shared.counter.fetch_add(1, Relaxed);
        }
    }
    core::ptr::null_mut()
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_is_sound_and_a_planted_fault_is_convicted() {
        if !super::super::initialize() {
            return; // No rseq here (Valgrind, a tunable): the engine choice has its own test.
        }
        assert_eq!(self_test(true), Verdict::Sound);
        assert_eq!(self_test(false), Verdict::Convicted);
    }
}
