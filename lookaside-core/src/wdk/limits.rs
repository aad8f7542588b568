//! Numbers that bound a list.

/// Depth of a new list, and the depth below which the tuning rule never goes.
pub const MINIMUM_DEPTH: u16 = 4;

/// Maximum depth of a list whose creator did not ask for another one.
pub const DEFAULT_MAXIMUM_DEPTH: u16 = 256;

/// The greatest maximum depth that may be asked for. Windows stops at 1,024 for driver lists; msquic's
/// user-mode pools go to 16,384, and so do we.
pub const MAXIMUM_DEPTH_LIMIT: u16 = 16_384;

/// A maximum depth with this value freezes the depth: the rule never touches it.
pub const DEPTH_FROZEN: u32 = 0xFFFF;

/// Alignment of blocks, in bytes, when the creator did not ask for another one (MEMORY_ALLOCATION_ALIGNMENT).
pub const DEFAULT_ALIGNMENT: usize = 16;

/// Alignment of cache-aligned blocks, in bytes, when the creator did not ask for another one.
pub const CACHE_LINE: usize = 64;

/// The greatest alignment of blocks that may be asked for, in bytes.
pub const ALIGNMENT_LIMIT: usize = 1 << 16;

/// The greatest block size that may be asked for, in bytes: what an `isize` can count, less room for alignment.
pub const SIZE_LIMIT: usize = isize::MAX as usize - ALIGNMENT_LIMIT;

/// The longest name that a list keeps, in bytes. Longer names are cut at a character's edge.
pub const NAME_LIMIT: usize = 32;
