//! Accesses to memory that is not there: who looks at them before the program's own handlers.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, transmute};
use core::ptr::{self, null_mut};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::pin::stay_loaded;
use super::place::Place;

/// An access that faulted.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The address that was read or written.
    pub address: usize,
    /// The instruction that did it.
    pub place: Place,
}

const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

struct Faults {
    look: AtomicPtr<()>,
    /// What was there before, for each signal.
    before: [UnsafeCell<MaybeUninit<libc::sigaction>>; 2],
}

// SAFETY: the cells are written before the handler is installed that reads them, once.
unsafe impl Sync for Faults {}

static FAULTS: Faults =
    Faults { look: AtomicPtr::new(null_mut()), before: [const { UnsafeCell::new(MaybeUninit::uninit()) }; 2] };

/// Calls `look` with every fault from now on, in a signal handler, before what was installed until now or the default
/// action, which end as they would have without it. The first call alone has an effect. Returns whether it is
/// installed.
pub fn look_at_faults(look: fn(&Fault)) -> bool {
    // AcqRel would do; no one reads before the handler is installed.
    if FAULTS.look.compare_exchange(null_mut(), look as *mut (), Release, Relaxed).is_err() {
        return true;
    }
    // A handler that is gone would be called all the same.
    stay_loaded();
    let mut installed = true;
    for (signal, before) in SIGNALS.into_iter().zip(&FAULTS.before) {
        // SAFETY: the first call alone comes here, and the handler is not installed yet. Zeroes are a valid action.
        unsafe {
            let mut action: libc::sigaction = core::mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &mut action) != 0 {
                installed = false;
                continue;
            }
            (*before.get()).write(action);
            action.sa_sigaction = handle as *const () as usize;
            // On the stack for signals where there is one: what comes after may be the handler of a full stack.
            let kept = action.sa_flags & (libc::SA_NODEFER | libc::SA_RESTART);
            action.sa_flags = kept | libc::SA_SIGINFO | libc::SA_ONSTACK;
            installed &= libc::sigaction(signal, &action, null_mut()) == 0;
        }
    }
    installed
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a signal's description and context; `look` was stored before the handler was installed.
    unsafe {
        let errno = libc::__errno_location();
        let before = errno.read();
        // A code above 0 is the kernel's: an access, and not a signal that a process sent.
        let by_access = (*info).si_code > 0;
        if by_access {
            let look = transmute::<*mut (), fn(&Fault)>(FAULTS.look.load(Acquire));
            look(&Fault { address: (*info).si_addr().addr(), place: Place::of_instruction(instruction(context)) });
        }
        hand_on(signal, info, context, by_access);
        errno.write(before);
    }
}

/// What would have happened without this library.
unsafe fn hand_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void, by_access: bool) {
    let index = usize::from(signal != SIGNALS[0]);
    // SAFETY: written before the handler was installed; what it names is the program's own handler of these types.
    unsafe {
        let before = (*FAULTS.before[index].get()).assume_init_ref();
        // A handler for one signal alone: from here the next one takes the default action.
        if before.sa_flags & libc::SA_RESETHAND != 0 {
            act_by_default(signal);
        }
        match before.sa_sigaction {
            libc::SIG_IGN if !by_access => {}
            libc::SIG_DFL | libc::SIG_IGN => {
                act_by_default(signal);
                // An access is repeated when this handler returns, and ends the program where it happened.
                if !by_access {
                    libc::raise(signal);
                }
            }
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler =
                    transmute::<usize, unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)>(handler);
                handler(signal, info, context);
            }
            handler => transmute::<usize, unsafe extern "C" fn(c_int)>(handler)(signal),
        }
    }
}

/// Puts the default action in the place of this handler.
fn act_by_default(signal: c_int) {
    // SAFETY: zeroes are a valid action, the default one.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &action, null_mut());
    }
}

/// Returns the address of the instruction that a signal interrupted; 0 where that is not known.
pub(super) unsafe fn instruction(context: *mut c_void) -> usize {
    // SAFETY: the kernel gave a context.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        return (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
        #[cfg(target_arch = "aarch64")]
        return (*context.cast::<libc::ucontext_t>()).uc_mcontext.pc as usize;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let _ = context;
            0
        }
    }
}
