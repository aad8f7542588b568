//! Processor numbers.

use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

#[cfg(miri)]
use super::miri as libc;
use super::system_call::{keep_errno, system_call};
use super::{rseq, slots};

/// Processor numbers are taken to be below this, whatever the system says.
const LIMIT: usize = 4096;

/// Returns how many processor numbers are possible: one more than the highest that the kernel may ever use.
///
/// From `/sys/devices/system/cpu/possible`, since numbers may have gaps and processors may be added
/// later; where that is hidden, from those that this thread may use. A number beyond the result
/// is still served, by the shared list.
pub fn possible() -> u32 {
    let count = highest_possible().map_or_else(usable, |highest| highest + 1);
    count.clamp(1, LIMIT) as u32
}

/// Returns the processor that this thread runs on: a hint, which may be stale at once.
pub fn current() -> u32 {
    rseq::processor().unwrap_or_else(asked)
}

/// [`current`] in a call that missed: registers the thread for sections where that is to be done. Not in a signal handler.
pub fn current_of_call() -> u32 {
    rseq::processor_of_call().unwrap_or_else(asked)
}

/// Lets the calling thread use lists that are made from now on as if it ran on this processor, and had the slot of this
/// number: by rseq in its spare area.
///
/// For benchmarks that count instructions (under Valgrind there is no rseq) and for model tests that visit every part from
/// one thread.
///
/// # Safety
/// As for [`rseq::pretend`] and [`slots::pretend`].
#[doc(hidden)]
pub unsafe fn pretend(processor: u32) {
    // SAFETY: what the caller promises.
    unsafe {
        rseq::pretend(processor);
        slots::pretend(processor);
    }
}

/// The system's number, which takes longer.
#[cold]
fn asked() -> u32 {
    // Relaxed: either way is right.
    if GAVE_NUMBER.load(Relaxed) { ask() as u32 } else { ask_first() }
}

/// Whether the system has given a number once. Then it does not fail later, and `errno` need not be kept.
static GAVE_NUMBER: AtomicBool = AtomicBool::new(false);

#[cold]
fn ask_first() -> u32 {
    let processor = keep_errno(ask);
    GAVE_NUMBER.store(processor >= 0, Relaxed);
    processor.max(0) as u32
}

fn ask() -> i32 {
    // SAFETY: no argument; a failure is -1.
    unsafe { libc::sched_getcpu() }
}

/// One more than the highest number that this thread may use; 1 where the system does not say.
fn usable() -> usize {
    let mut set = [0u64; LIMIT / 64];
    let place = set.as_mut_ptr().expose_provenance();
    // SAFETY: the set has the bytes that are given.
    unsafe { system_call(libc::SYS_sched_getaffinity, [0, size_of_val(&set), place, 0, 0, 0]) };
    let word = set.iter().rposition(|word| *word != 0);
    word.map_or(1, |word| word * 64 + (64 - set[word].leading_zeros() as usize))
}

fn highest_possible() -> Option<usize> {
    let mut text = [0; 256];
    highest_of(super::read_file(c"/sys/devices/system/cpu/possible", &mut text)?)
}

/// The highest number of a kernel processor list such as `0-3,8-11`.
fn highest_of(list: &[u8]) -> Option<usize> {
    let list = core::str::from_utf8(list).ok()?;
    let numbers = list.trim_end().split([',', '-']);
    numbers.map(|number| number.parse().ok()).try_fold(0, |highest, number: Option<usize>| Some(highest.max(number?)))
}

/// For tools that look for races.
pub(super) fn own_statics() {
    super::tool::own_value(&GAVE_NUMBER);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_lists_are_read() {
        assert_eq!(highest_of(b"0-1\n"), Some(1));
        assert_eq!(highest_of(b"0\n"), Some(0));
        assert_eq!(highest_of(b"0-3,8-11\n"), Some(11));
        assert_eq!(highest_of(b""), None);
        assert_eq!(highest_of(b"none\n"), None);
    }

    #[test]
    fn the_current_processor_is_usable() {
        assert!((current() as usize) < usable());
    }

    #[test]
    fn the_current_processor_is_possible() {
        assert!(current() < possible());
    }
}
