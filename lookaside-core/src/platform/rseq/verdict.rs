//! The verdict: does this kernel really abort sections?
//!
//! Kernels have been released that did not (Linux 6.19 on arm64), and a list on such a kernel loses blocks. So, before
//! the rseq engine is chosen, a section is made to fault: a child that shares this process's memory registers an area
//! of its own, arms a section and executes an undefined instruction inside it. A sound kernel moves the child to the
//! section's abort address before it delivers the signal; so the signal's handler sees that address. A broken kernel
//! shows it the undefined instruction.
//!
//! The test needs no thread, no timer and no second processor: it takes what creating and reaping a child takes, and it
//! gives the same verdict every time. The child runs while the calling thread waits (`CLONE_VFORK`), with signal
//! handlers of its own (no `CLONE_SIGHAND`) for the two signals that can end it, so that nothing dumps a core. It makes
//! system calls alone, and the parent's `SIGCHLD` handler never hears of it (exit signal 0).
//!
//! On AArch64 that is not enough: Linux 7.0 to 7.0.13 abort a section for a signal, but neither for `membarrier` nor where
//! the thread is preempted. So there a second child waits inside a section while the parent issues the barrier that
//! closers rely on, and only then is released. On a sound kernel it never sees the release: either it ran, and the
//! barrier aborted it, or it did not, and was aborted before it ran again. That is certain as well, but the child has to
//! be given a processor while the parent waits.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32};

use super::sections::{SIGNATURE, WAIT, fault, run_child};
use super::{Descriptor, registered_length};
use crate::platform::faults::instruction;
use crate::platform::membarrier::barrier_everywhere;
use crate::platform::sync::wait_unwoken;
use crate::platform::system_call::{keep_errno, system_call};
use crate::platform::thread::process_number;
use crate::platform::{map_briefly, unmap};

/// What was found about the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sections are aborted when they must be.
    Sound,
    /// A section went on after a fault, or was not resumed at its abort address.
    Convicted,
    /// The system refused the child, its memory or its registration: nothing was learnt.
    Refused,
}

/// A fault of the kernel's to imitate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// None.
    Nothing,
    /// The section is not announced, so that the kernel does not abort it.
    Unarmed,
    /// The area is registered with another signature than the one before the abort address.
    Signature,
    /// The section that waits for a barrier is not announced; the one that faults is. No fault of x86-64's.
    SignalsAlone,
}

/// The child's stack, with [`Judged`] at its start: room for a signal frame with the widest registers.
const MAPPED: usize = 64 * 1024;
/// What the child has found so far.
const NOTHING: i32 = -1;

/// What the child and its parent share.
#[repr(C, align(64))]
struct Judged {
    /// The kernel's `struct rseq`.
    area: [u64; 16],
    length: usize,
    parent: usize,
    planted: Planted,
    descriptor: AtomicPtr<Descriptor>,
    verdict: AtomicI32,
    // Between the parent and the child that waits in a section. Relaxed: neither orders anything.
    inside: AtomicU32,
    released: AtomicU32,
}

/// What the child's signal handler works on. Set under the lock of the engine's choice.
static JUDGED: AtomicPtr<Judged> = AtomicPtr::new(null_mut());

/// Judges this kernel, in about the time that creating and reaping a child takes, or two of them on AArch64. The caller
/// makes sure that one thread at a time does, in a process that is registered for `membarrier`.
pub fn judge(planted: Planted) -> Verdict {
    let memory = map_briefly(MAPPED);
    if memory.is_null() {
        return Verdict::Refused;
    }
    let judged: *mut Judged = memory.cast();
    // SAFETY: the mapping is new, aligned to a page, and larger than `Judged`; no child runs when it is unmapped.
    unsafe {
        let by_fault = judge_fault(judged, planted);
        let verdict = match WAIT {
            // The child has the same thread-local `errno`.
            Some(_) if by_fault == Verdict::Sound => keep_errno(|| judge_barrier(judged, planted)),
            _ => by_fault,
        };
        unmap(memory, MAPPED);
        verdict
    }
}

/// Has a child fault inside a section.
///
/// # Safety
/// `judged` is at the start of memory of this size that nothing else uses.
unsafe fn judge_fault(judged: *mut Judged, planted: Planted) -> Verdict {
    // SAFETY: as the caller promises; the child runs to its end meanwhile, since CLONE_VFORK suspends this thread.
    unsafe {
        prepare(judged, planted);
        // Relaxed here and in the child: it is the same thread of execution, suspended meanwhile.
        JUDGED.store(judged, Relaxed);
        let before = set_signal_mask(u64::MAX);
        let child = run_child(true, judged.byte_add(MAPPED).cast(), faulting_child, judged.cast());
        set_signal_mask(before);
        if child > 0 {
            reap(child);
        }
        found(judged, child)
    }
}

/// Has a child wait inside a section, and issues the barrier of a closer.
///
/// # Safety
/// As for [`judge_fault`].
unsafe fn judge_barrier(judged: *mut Judged, planted: Planted) -> Verdict {
    // SAFETY: as the caller promises; the child has ended before this returns.
    unsafe {
        prepare(judged, planted);
        // The child inherits the mask: nothing but the kernel's own work interrupts its section.
        let before = set_signal_mask(u64::MAX);
        let child = run_child(false, judged.byte_add(MAPPED).cast(), waiting_child, judged.cast());
        let mut issued = true;
        if child > 0 {
            let is_inside = || ((*judged).inside.load(Relaxed) != 0).then_some(true);
            if wait_unwoken(|| is_inside().or_else(|| has_ended(child).then_some(false))) {
                issued = barrier_everywhere();
                // Not before the barrier: the system call is between.
                (*judged).released.store(1, Relaxed);
                reap(child);
            }
        }
        set_signal_mask(before);
        if issued { found(judged, child) } else { Verdict::Refused }
    }
}

/// Writes what a child finds.
///
/// # Safety
/// As for [`judge_fault`].
unsafe fn prepare(judged: *mut Judged, planted: Planted) {
    let mut area = [0; 16];
    // cpu_id: not registered yet.
    area[0] = u64::from(u32::MAX) << 32;
    // SAFETY: as the caller promises.
    unsafe {
        judged.write(Judged {
            area,
            length: registered_length(),
            parent: process_number() as usize,
            planted,
            descriptor: AtomicPtr::new(null_mut()),
            verdict: AtomicI32::new(NOTHING),
            inside: AtomicU32::new(0),
            released: AtomicU32::new(0),
        });
    }
}

/// What a child that has ended, or was not made, has found.
///
/// # Safety
/// `judged` was prepared.
unsafe fn found(judged: *mut Judged, child: isize) -> Verdict {
    // SAFETY: as the caller promises.
    match unsafe { (*judged).verdict.load(Relaxed) } {
        found if found == Verdict::Sound as i32 => Verdict::Sound,
        found if found == Verdict::Convicted as i32 => Verdict::Convicted,
        // The kernel ended it, as one does that finds a wrong signature twice.
        NOTHING if child > 0 => Verdict::Convicted,
        _ => Verdict::Refused,
    }
}

/// Returns whether the child is gone; if so, it is reaped.
fn has_ended(child: isize) -> bool {
    let options = (libc::__WCLONE | libc::WNOHANG) as usize;
    // SAFETY: no status is asked for.
    let result = unsafe { system_call(libc::SYS_wait4, [child as usize, 0, options, 0, 0, 0]) };
    result != 0 && result != -(libc::EINTR as isize)
}

/// Waits until the child is gone. A program that waits for all clones may have reaped it already.
fn reap(child: isize) {
    let any_clone = libc::__WCLONE as usize;
    // SAFETY: no status is asked for.
    let wait = || unsafe { system_call(libc::SYS_wait4, [child as usize, 0, any_clone, 0, 0, 0]) };
    while wait() == -(libc::EINTR as isize) {}
}

/// Sets the calling thread's signal mask, a bit for each signal; returns the mask before.
fn set_signal_mask(mask: u64) -> u64 {
    let mut before = 0u64;
    let [new, old] = [(&raw const mask).addr(), (&raw mut before).addr()];
    // SAFETY: both masks have the 8 bytes that the kernel gets the size of.
    unsafe { system_call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, new, old, size_of::<u64>(), 0, 0]) };
    before
}

/// The kernel's `struct sigaction`.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

const SA_RESTORER: u64 = 0x0400_0000;

extern "C" fn faulting_child(judged: *mut c_void) -> ! {
    let judged: *mut Judged = judged.cast();
    // The restorer must be there, but is never used: the handler does not return.
    let handler = on_fault as *const () as usize;
    let flags = libc::SA_SIGINFO as u64 | SA_RESTORER;
    let action = KernelAction { handler, flags, restorer: handler, mask: 0 };
    // SAFETY: `judge` gave a valid address, and waits. The action is valid.
    unsafe {
        for signal in [libc::SIGILL, libc::SIGSEGV] {
            let arguments = [signal as usize, (&raw const action).addr(), 0, size_of::<u64>(), 0, 0];
            if system_call(libc::SYS_rt_sigaction, arguments) < 0 {
                end(&*judged, Verdict::Refused);
            }
        }
        set_signal_mask(!(1 << (libc::SIGILL - 1) | 1 << (libc::SIGSEGV - 1)));
        let area = register(judged);
        let armed = (*judged).planted != Planted::Unarmed;
        fault(area, (&raw const (*judged).descriptor).cast_mut().cast(), armed)
    }
}

extern "C" fn waiting_child(judged: *mut c_void) -> ! {
    let judged: *mut Judged = judged.cast();
    // SAFETY: `judge_barrier` gave a valid address, and waits for the end of this child.
    unsafe {
        // Were the parent killed meanwhile, no one would release the section.
        let arguments = [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize, 0, 0, 0, 0];
        let dies_with_parent = system_call(libc::SYS_prctl, arguments) == 0;
        if !dies_with_parent || system_call(libc::SYS_getppid, [0; 6]) != (*judged).parent as isize {
            end(&*judged, Verdict::Refused);
        }
        let area = register(judged);
        let armed = !matches!((*judged).planted, Planted::Unarmed | Planted::SignalsAlone);
        let (inside, released) = ((*judged).inside.as_ptr(), (*judged).released.as_ptr());
        let aborted = WAIT.is_some_and(|wait| wait(area, inside, released, armed));
        end(&*judged, if aborted { Verdict::Sound } else { Verdict::Convicted })
    }
}

/// Registers the child's area with the kernel; ends the child where that is refused.
///
/// # Safety
/// `judged` was prepared, and its parent leaves it alone.
unsafe fn register(judged: *mut Judged) -> *mut u8 {
    // SAFETY: as the caller promises; the area is there until the child has ended.
    unsafe {
        let signature = if (*judged).planted == Planted::Signature { !SIGNATURE } else { SIGNATURE };
        let area = (&raw mut (*judged).area).cast::<u8>();
        let registration = [area.addr(), (*judged).length, 0, signature as usize, 0, 0];
        if system_call(libc::SYS_rseq, registration) < 0 {
            end(&*judged, Verdict::Refused);
        }
        area
    }
}

/// Meets the signal of the child's fault.
extern "C" fn on_fault(signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: `judge` stored a valid address and waits; the section stored its descriptor's address before it was
    // armed, and the kernel gave a context.
    unsafe {
        let judged = &*JUDGED.load(Relaxed);
        let descriptor = judged.descriptor.load(Relaxed);
        let aborted = signal == libc::SIGILL && !descriptor.is_null() && instruction(context) == (*descriptor).abort;
        end(judged, if aborted { Verdict::Sound } else { Verdict::Convicted })
    }
}

/// Ends the child.
fn end(judged: &Judged, verdict: Verdict) -> ! {
    judged.verdict.store(verdict as i32, Relaxed);
    loop {
        // SAFETY: it ends the calling thread of execution, which is the child's only one.
        unsafe { system_call(libc::SYS_exit, [0; 6]) };
    }
}
