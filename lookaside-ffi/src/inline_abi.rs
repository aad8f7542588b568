//! The numbers that `lookaside_inline.h` compiles into programs.

use lookaside_core::inline_abi;

/// The version of what `lookaside_inline.h` compiles into a program: see `lookaside_parameters`.
pub const LOOKASIDE_INLINE_ABI: u16 = 2;
/// Offset in a list, in bytes, of the address of its processor lists.
pub const LOOKASIDE_INLINE_BASE: usize = 0;
/// Offset in a list of how many processor lists it has, in 32 bits.
pub const LOOKASIDE_INLINE_PROCESSORS: usize = 16;
/// Offset in a list of the distance from the thread pointer to the thread's rseq area, in 32 bits; 0 for a list that
/// inlined calls may not serve.
pub const LOOKASIDE_INLINE_AREA: usize = 24;
/// Offset in a list of its blocks' alignment less 1, in 32 bits.
pub const LOOKASIDE_INLINE_ALIGNMENT_MASK: usize = 28;
/// Offset in a small pool, in bytes, of its lists of paged memory, by block size.
pub const LOOKASIDE_INLINE_PAGED_LISTS: usize = 2080;
/// Base-2 logarithm of the distance between the processor lists of neighbouring processors.
pub const LOOKASIDE_INLINE_SHIFT: u32 = 18;
/// Offset in a processor list of its header word: blocks in 16 bits, hits of allocates in the upper 48.
pub const LOOKASIDE_INLINE_HEADER: usize = 0;
/// Offset in a processor list of its depth.
pub const LOOKASIDE_INLINE_DEPTH: usize = 8;
/// Offset in a processor list of its first block's address.
pub const LOOKASIDE_INLINE_SLOTS: usize = 192;
/// What an allocate adds to the header. A free adds 1.
pub const LOOKASIDE_INLINE_ONE_HIT: u32 = 65535;
/// What is before the address at which an interrupted section goes on, on x86-64.
pub const LOOKASIDE_INLINE_SIGNATURE: u32 = 0x5305_3053;
/// The same on AArch64.
pub const LOOKASIDE_INLINE_SIGNATURE_AARCH64: u32 = 0xD428_BC00;

// The numbers of the header are those of the core.
const _: () = {
    assert!(LOOKASIDE_INLINE_ABI == inline_abi::VERSION);
    assert!(LOOKASIDE_INLINE_BASE == inline_abi::BASE);
    assert!(LOOKASIDE_INLINE_AREA == inline_abi::AREA);
    assert!(LOOKASIDE_INLINE_PROCESSORS == inline_abi::PROCESSORS);
    assert!(LOOKASIDE_INLINE_ALIGNMENT_MASK == inline_abi::ALIGNMENT_MASK);
    assert!(LOOKASIDE_INLINE_PAGED_LISTS == lookaside_core::RawSmallPool::PAGED_LISTS);
    assert!(LOOKASIDE_INLINE_SHIFT == inline_abi::SHIFT);
    assert!(LOOKASIDE_INLINE_HEADER == inline_abi::HEADER);
    assert!(LOOKASIDE_INLINE_DEPTH == inline_abi::DEPTH);
    assert!(LOOKASIDE_INLINE_SLOTS == inline_abi::SLOTS);
    assert!(LOOKASIDE_INLINE_ONE_HIT == inline_abi::ONE_HIT);
    assert!(LOOKASIDE_INLINE_SIGNATURE == inline_abi::SIGNATURE_X86_64);
    assert!(LOOKASIDE_INLINE_SIGNATURE_AARCH64 == inline_abi::SIGNATURE_AARCH64);
};
