//! Restartable sequences: the kernel's promise that a few instructions run on one processor
//! without interruption, or not at all.
//!
//! All assembly is in one file per architecture, behind four functions: `pop`, `push`, `pop_many` and `push_many`.
//! Their contract:
//!
//! * Each looks at the part of the processor that it runs on, and at no other.
//! * Each takes effect by one store, its last instruction. A section that is preempted, migrated, interrupted by a
//!   signal or restarted by `membarrier` before that store has no effect; it then returns as if the part had
//!   nothing to give (or no room), so that nothing is retried without bound.
//! * Where the processor's number is not below `processors` they return the same way. A thread without rseq has
//!   the number -1 or -2, which as an unsigned number never is.
//! * They neither read nor write a block.

#[cfg_attr(all(target_arch = "x86_64", not(miri)), path = "x86_64.rs")]
#[cfg_attr(all(target_arch = "aarch64", target_endian = "little", not(miri)), path = "aarch64.rs")]
#[cfg_attr(
    not(all(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")), not(miri))),
    path = "absent.rs"
)]
mod sections;
mod own;
mod verdict;

#[cfg(all(test, target_arch = "x86_64", not(miri)))]
mod stepped_tests;

pub use own::{Registration, own_statics, pretend, processor_of_call, register, register_threads, withdraw};
pub use sections::{pop, pop_many, push, push_many};
pub use verdict::{Planted, Verdict, judge};

use core::sync::atomic::AtomicIsize;
use core::sync::atomic::Ordering::Relaxed;

use super::system_call::keep_errno;
use super::weak::weak_versioned;
use crate::wdk::Parts;

/// Where the words of a part are: shared between the assembly and `list::processor`, which asserts that they agree.
pub mod layout {
    /// Offset of the header word, in bytes.
    pub const HEADER: usize = 0;
    /// Offset of the depth word.
    pub const DEPTH: usize = 8;
    /// Offset of the first slot.
    pub const SLOTS: usize = 192;
    /// log2 of the distance between the parts of neighbouring processors.
    pub const SHIFT: u32 = 18;
    /// What an allocate adds to the header: one hit in the upper 48 bits, less one block in the lower 16. (A free adds
    /// one block: 1.)
    pub const ONE_HIT: u32 = (1 << 16) - 1;
    /// log2 of the distance between the counts of neighbouring processors.
    pub const COUNTS_SHIFT: u32 = 10;
    /// What is before the address of an abort: what glibc registers on x86-64.
    pub const SIGNATURE_X86_64: u32 = 0x5305_3053;
    /// The same on AArch64, an instruction there: `brk 0x45e0`.
    pub const SIGNATURE_AARCH64: u32 = 0xd428_bc00;
}

/// The kernel's `struct rseq_cs`: what it has to know of a section.
#[repr(C, align(32))]
#[derive(Debug)]
pub struct Descriptor {
    version: u32,
    flags: u32,
    start: usize,
    length: usize,
    /// Where an aborted section goes on.
    abort: usize,
}

/// A section that waits: area, the word that says that it is inside, the word that releases it, whether it is armed.
type Wait = unsafe fn(*mut u8, *mut u32, *mut u32, bool) -> bool;

/// Distance from the thread pointer to the area that the sections use; 0 until [`initialize`].
/// Relaxed everywhere: it is set once, before the first list exists.
static AREA: AtomicIsize = AtomicIsize::new(0);

/// Finds the area: glibc's where it is registered with the kernel, else a spare one of ours, in which every thread's
/// processor number is out of range until it is registered.
pub fn initialize() {
    AREA.store(registered_area().unwrap_or_else(sections::spare_area), Relaxed);
}

/// From now on the area is the spare one.
fn use_spare_area() {
    AREA.store(sections::spare_area(), Relaxed);
}

/// Whether glibc has registered each thread.
fn is_registered_at_start() -> bool {
    registered_area().is_some()
}

/// Returns the area for a new list's sections.
#[inline]
pub fn area() -> isize {
    AREA.load(Relaxed)
}

/// Adds one to a count that each of the first `processors` has, `1 << COUNTS_SHIFT` bytes from the next one's; `word` is
/// the first processor's. Returns whether it did: not for a processor beyond these, and not where it was interrupted.
///
/// # Safety
/// The words are there, and nothing but this call writes to them.
#[inline(always)]
pub unsafe fn count(word: *mut u64, processors: u32) -> bool {
    // SAFETY: the area is this thread's; the rest the caller promises.
    unsafe { sections::count(area(), word, processors) }
}

/// glibc's area, if glibc has registered it for this process.
fn registered_area() -> Option<isize> {
    let (offset, size) = glibc_symbols();
    // SAFETY: each is null or glibc's constant, set before any of our code runs.
    unsafe { (!offset.is_null() && !size.is_null() && *size != 0).then(|| *offset) }
}

/// Returns the processor whose part is at this address.
///
/// # Safety
/// `parts` may be read.
unsafe fn processor_of(parts: *const Parts, part: usize) -> u32 {
    // SAFETY: as the caller promises.
    let base = unsafe { (*parts).base };
    ((part - base.addr()) >> layout::SHIFT) as u32
}

/// The bytes of the first version of the kernel's `struct rseq`, which every kernel takes.
const FIRST_VERSION: usize = 32;

/// Returns the bytes of the area that glibc registers: 32, or where the kernel has more to say, and glibc knows it, its
/// size.
fn registered_length() -> usize {
    /// Entries of the auxiliary vector: what the area must be aligned to.
    const AT_RSEQ_ALIGN: libc::c_ulong = 28;
    let (_, size) = glibc_symbols();
    // SAFETY: null or glibc's constant, set before any of our code runs.
    let size = if size.is_null() { 0 } else { (unsafe { *size }) as usize };
    // SAFETY: it only reads.
    let alignment = keep_errno(|| unsafe { libc::getauxval(AT_RSEQ_ALIGN) }) as usize;
    if size <= FIRST_VERSION { FIRST_VERSION } else { size.next_multiple_of(alignment.max(FIRST_VERSION)) }
}

/// Where glibc says which area it has registered, and how much of it is in use; null where it does not exist.
fn glibc_symbols() -> (*const isize, *const u32) {
    (weak_versioned!("__rseq_offset").cast(), weak_versioned!("__rseq_size").cast())
}

/// Returns the processor that this thread runs on, where rseq has it. Registers nothing, so a signal handler may ask.
pub fn processor() -> Option<u32> {
    match AREA.load(Relaxed) {
        0 => None,
        area => Some(sections::processor_number(area)).filter(|number| i32::try_from(*number).is_ok()),
    }
}

/// For tools that look for races.
fn own_area() {
    super::tool::own_value(&AREA);
}
