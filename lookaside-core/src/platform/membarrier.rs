//! `membarrier`: restarting the sections of other processors.

use super::system_call::system_call;

const PRIVATE_EXPEDITED_RSEQ: usize = 1 << 7;
const REGISTER_PRIVATE_EXPEDITED_RSEQ: usize = 1 << 8;
const FLAG_CPU: usize = 1;

/// Registers the process for [`barrier`]; answers whether the kernel can do it.
pub fn register() -> bool {
    membarrier(REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0)
}

/// After this call no section that was running on the processor before it can commit, and every
/// section that starts there later sees what the caller stored before. Costs some microseconds. Answers whether
/// the system still does it: a program may have forbidden itself the call.
pub fn barrier(processor: u32) -> bool {
    membarrier(PRIVATE_EXPEDITED_RSEQ, FLAG_CPU, processor as usize)
}

fn membarrier(command: usize, flags: usize, processor: usize) -> bool {
    // SAFETY: the call reads no memory of ours.
    unsafe { system_call(libc::SYS_membarrier, [command, flags, processor, 0, 0, 0]) == 0 }
}
