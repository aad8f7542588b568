//! Two words that change at once: the compare-and-swap of 16 bytes.
//!
//! Nearly every x86-64 processor has one. Other processors get none here, and whoever asks takes a lock.

use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;

const UNKNOWN: u8 = 0;
const ABSENT: u8 = 1;
const PRESENT: u8 = 2;

/// Relaxed everywhere: the answer is the same whoever finds it.
static FOUND: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Whether this processor has [`exchange`].
#[inline]
pub fn has_exchange() -> bool {
    match FOUND.load(Relaxed) {
        UNKNOWN => detect(),
        found => found == PRESENT,
    }
}

/// Lets [`has_exchange`] say no from now on: for tests of the other way.
pub fn forbid_exchange() {
    FOUND.store(ABSENT, Relaxed);
}

#[cold]
fn detect() -> bool {
    let present = is_present();
    FOUND.store(if present { PRESENT } else { ABSENT }, Relaxed);
    present
}

#[cfg(target_arch = "x86_64")]
fn is_present() -> bool {
    #[allow(unused_unsafe, reason = "newer versions of Rust call it safe")]
    // SAFETY: every x86-64 processor has the instruction and this leaf.
    let leaf = unsafe { core::arch::x86_64::__cpuid(1) };
    leaf.ecx & 1 << 13 != 0
}

/// Changes both words from `old` to `new`, or tells what they were instead. Acquires and releases in either case.
///
/// ```text
/// if *words == [rax, rdx] { *words = [rbx, rcx]; zero = 1 } else { [rax, rdx] = *words; zero = 0 }
/// ```
///
/// Assembly, since Rust's own `cmpxchg16b` does not link: in debug builds, and wherever it is inlined into code that may not use
/// the instruction, LLVM calls a library's function in its place.
///
/// # Safety
/// [`has_exchange`] said yes. `words` stands at a multiple of 16 bytes, may be written, and is only read or written by
/// atomic operations.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub unsafe fn exchange(words: *mut [u64; 2], old: [u64; 2], new: [u64; 2]) -> Result<(), [u64; 2]> {
    let [mut low, mut high] = old;
    let same: u64;
    // The new low word has to be in rbx, which no operand can name. The others are named, so that none of them is rbx.
    // SAFETY: the caller's promises, and rbx is put back.
    unsafe {
        core::arch::asm!(
            "xchg rsi, rbx",
            "lock cmpxchg16b xmmword ptr [rdi]",
            "sete cl",
            "mov rbx, rsi",
            inout("rsi") new[0] => _,
            in("rdi") words,
            inout("rax") low,
            inout("rdx") high,
            inout("rcx") new[1] => same,
            options(nostack),
        );
    }
    if same & 0xFF != 0 { Ok(()) } else { Err([low, high]) }
}

#[cfg(not(target_arch = "x86_64"))]
fn is_present() -> bool {
    false
}

/// Never called, since there is none.
///
/// # Safety
/// None is needed; the signature is the contract's.
#[cfg(not(target_arch = "x86_64"))]
pub unsafe fn exchange(_words: *mut [u64; 2], _old: [u64; 2], _new: [u64; 2]) -> Result<(), [u64; 2]> {
    unreachable!("has_exchange said no")
}
