//! Counts that are interrupted by a signal after every instruction.

extern crate std;

use core::arch::asm;
use core::ffi::c_int;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use super::layout::COUNTS_SHIFT;
use super::{count, initialize, is_registered_at_start};

const PROCESSORS: usize = 1024;
const DISTANCE: usize = (1 << COUNTS_SHIFT) / size_of::<u64>();

static STEPS: AtomicU32 = AtomicU32::new(0);

extern "C" fn step(_: c_int) {
    STEPS.fetch_add(1, Relaxed);
}

/// The kernel must take a section back that it interrupts, or a thread that is moved meanwhile counts in a word of
/// another processor, at the same time as a thread there.
#[test]
fn a_count_that_is_interrupted_counts_nothing() {
    initialize();
    if !is_registered_at_start() {
        return;
    }
    let mut words = std::vec![0u64; PROCESSORS * DISTANCE];
    let word = words.as_mut_ptr();
    // SAFETY: each of these processors has a word, which no one else writes to.
    assert!((0..1000).any(|_| unsafe { count(word, PROCESSORS as u32) }));
    let counted: u64 = words.iter().sum();
    // SAFETY: the handler may run at any place; the trap flag is cleared again, so the processor goes on as it did.
    let interrupted = unsafe {
        libc::signal(libc::SIGTRAP, step as *const () as usize);
        asm!("pushf", "or qword ptr [rsp], 0x100", "popf");
        let interrupted = count(words.as_mut_ptr(), PROCESSORS as u32);
        asm!("pushf", "and qword ptr [rsp], -0x101", "popf");
        libc::signal(libc::SIGTRAP, libc::SIG_DFL);
        interrupted
    };
    assert!(STEPS.load(Relaxed) > 5, "{STEPS:?}");
    assert!(!interrupted);
    assert_eq!(words.iter().sum::<u64>(), counted);
}
