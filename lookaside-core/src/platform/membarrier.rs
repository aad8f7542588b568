//! `membarrier`: restarting the sections of other processors, and barriers in other threads.

use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

use super::system_call::system_call;

const PRIVATE_EXPEDITED_RSEQ: usize = 1 << 7;
const REGISTER_PRIVATE_EXPEDITED_RSEQ: usize = 1 << 8;
const FLAG_CPU: usize = 1;

/// Whether the process is registered; the child of a fork is as well.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Registers the process for [`barrier`]; returns whether the kernel can do it.
pub fn register() -> bool {
    let registered = membarrier(REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
    // Relaxed: it is the kernel that knows.
    REGISTERED.fetch_or(registered, Relaxed);
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
    REGISTERED.load(Relaxed) && membarrier(PRIVATE_EXPEDITED_RSEQ, 0, 0)
}

fn membarrier(command: usize, flags: usize, processor: usize) -> bool {
    // SAFETY: the call reads no memory of ours.
    unsafe { system_call(libc::SYS_membarrier, [command, flags, processor, 0, 0, 0]) == 0 }
}

/// For tools that look for races.
pub(super) fn own_statics() {
    super::tool::own_value(&REGISTERED);
}
