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

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicI32, AtomicPtr};

use super::layout::SIGNATURE;
use super::registered_length;
use super::sections::{Descriptor, fault, run_child};
use crate::platform::faults::instruction;
use crate::platform::system_call::system_call;
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
    planted: Planted,
    descriptor: AtomicPtr<Descriptor>,
    verdict: AtomicI32,
}

/// What the child's signal handler works on. Set under the lock of the engine's choice.
static JUDGED: AtomicPtr<Judged> = AtomicPtr::new(null_mut());

/// Judges this kernel, in about the time that creating and reaping a child takes. The caller makes sure that one thread
/// at a time does.
pub fn judge(planted: Planted) -> Verdict {
    let memory = map_briefly(MAPPED);
    if memory.is_null() {
        return Verdict::Refused;
    }
    let judged: *mut Judged = memory.cast();
    // SAFETY: the mapping is new, aligned to a page, and larger than `Judged`; the child runs to its end before it is
    // unmapped, since CLONE_VFORK suspends this thread until then.
    unsafe {
        judged.write(Judged {
            area: [0; 16],
            length: registered_length(),
            planted,
            descriptor: AtomicPtr::new(null_mut()),
            verdict: AtomicI32::new(NOTHING),
        });
        // cpu_id: not registered yet.
        (*judged).area[0] = u64::from(u32::MAX) << 32;
        // Relaxed here and in the child: it is the same thread of execution, suspended meanwhile.
        JUDGED.store(judged, Relaxed);
        let before = set_signal_mask(u64::MAX);
        let child = run_child(memory.add(MAPPED), child, judged.cast());
        set_signal_mask(before);
        if child > 0 {
            reap(child);
        }
        let verdict = match (*judged).verdict.load(Relaxed) {
            found if found == Verdict::Sound as i32 => Verdict::Sound,
            found if found == Verdict::Convicted as i32 => Verdict::Convicted,
            // The kernel ended it, as one does that finds a wrong signature twice.
            NOTHING if child > 0 => Verdict::Convicted,
            _ => Verdict::Refused,
        };
        unmap(memory, MAPPED);
        verdict
    }
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

extern "C" fn child(judged: *mut c_void) -> ! {
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
        let signature = if (*judged).planted == Planted::Signature { !SIGNATURE } else { SIGNATURE };
        let area = (&raw mut (*judged).area).cast::<u8>();
        let registration = [area.addr(), (*judged).length, 0, signature as usize, 0, 0];
        if system_call(libc::SYS_rseq, registration) < 0 {
            end(&*judged, Verdict::Refused);
        }
        let armed = (*judged).planted != Planted::Unarmed;
        fault(area, (&raw const (*judged).descriptor).cast_mut().cast(), armed)
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
