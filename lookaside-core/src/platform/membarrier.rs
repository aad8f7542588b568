//! `membarrier`: restarting the sections of other processors, and barriers in other threads.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use super::system_call::system_call;

const PRIVATE_EXPEDITED: u32 = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: u32 = 1 << 4;
const PRIVATE_EXPEDITED_RSEQ: u32 = 1 << 7;
const REGISTER_PRIVATE_EXPEDITED_RSEQ: u32 = 1 << 8;
const FLAG_CPU: usize = 1;

/// The barrier on every processor that the process is registered for, or 0; the child of a fork is as well.
static REGISTERED: AtomicU32 = AtomicU32::new(0);

/// Registers the process for [`barrier`] and [`barrier_everywhere`]; returns whether the kernel can do it.
pub fn register() -> bool {
    register_for(REGISTER_PRIVATE_EXPEDITED_RSEQ, PRIVATE_EXPEDITED_RSEQ)
}

/// Registers the process for [`barrier_everywhere`] alone, which older kernels know too.
pub fn register_everywhere() -> bool {
    register_for(REGISTER_PRIVATE_EXPEDITED, PRIVATE_EXPEDITED)
}

fn register_for(registration: u32, command: u32) -> bool {
    let registered = membarrier(registration, 0, 0);
    if registered {
        // Relaxed: it is the kernel that knows.
        REGISTERED.store(command, Relaxed);
    }
    registered
}

/// After this call no section that was running on the processor before it can commit, and every
/// section that starts there later sees what the caller stored before. Costs some microseconds. Returns whether
/// the system still does it: a program may have forbidden itself the call.
pub fn barrier(processor: u32) -> bool {
    membarrier(PRIVATE_EXPEDITED_RSEQ, FLAG_CPU, processor as usize)
}

/// On return every other thread of the process has passed a full barrier since the call, or will before it next runs.
/// Returns whether the system did it: not in a process that never registered, where the call is not even made, since a
/// sandbox may end the process for it.
pub fn barrier_everywhere() -> bool {
    // Relaxed: a thread that does not see the registration yet does without.
    let command = REGISTERED.load(Relaxed);
    command != 0 && membarrier(command, 0, 0)
}

fn membarrier(command: u32, flags: usize, processor: usize) -> bool {
    // SAFETY: the call reads no memory of ours.
    unsafe { system_call(libc::SYS_membarrier, [command as usize, flags, processor, 0, 0, 0]) == 0 }
}

/// For tools that look for races.
pub(super) fn own_statics() {
    super::tool::own_value(&REGISTERED);
}
