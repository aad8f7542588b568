//! Numbers of misuses: Windows' bug checks, where there is one for it.

use core::fmt;

/// What was done wrong: the code of a Windows bug check and its first parameter.
///
/// `0xC4` is Driver Verifier's; its parameters from `0x4C00` on are this library's own, for what Windows has no number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BugCheck {
    /// The bug check.
    pub code: u32,
    /// Its first parameter; 0 where the bug check is its code alone.
    pub parameter: u32,
}

macro_rules! bug_checks {
    ($($(#[$doc:meta])* $name:ident = $code:literal / $parameter:literal;)*) => {
        impl BugCheck {
            $($(#[$doc])* pub const $name: BugCheck = BugCheck { code: $code, parameter: $parameter };)*
        }
    };
}

bug_checks! {
    /// Free of an address that was never allocated, or is of another list.
    NEVER_ALLOCATED = 0xC4 / 0x10;
    /// Free of a block that is free already.
    FREED_TWICE = 0xC4 / 0x13;
    /// A list is made of an object that is a live list.
    ACTIVE_LIST_INITIALIZED = 0xC4 / 0xCA;
    /// Delete of an object that is no list (any more).
    NO_LIST_DELETED = 0xC4 / 0xCB;
    /// Memory is freed that contains an active list.
    LIST_IN_FREED_MEMORY = 0xC4 / 0xCC;
    /// A list is made of blocks that are too small.
    BLOCK_TOO_SMALL = 0xC4 / 0xCD;
    /// A call on an object that is no list.
    NO_LIST = 0xC4 / 0x4C01;
    /// A call on a list that was deleted.
    DELETED_LIST = 0xC4 / 0x4C02;
    /// A list is deleted while callers hold blocks of it.
    BLOCKS_OUT = 0xC4 / 0x4C03;
    /// An allocate routine gave what cannot be a new block.
    BAD_CALLBACK_BLOCK = 0xC4 / 0x4C04;
    /// A block was written before its beginning or behind its end.
    OVERRUN = 0xC1 / 0;
    /// A free named another tag than the allocation did.
    WRONG_TAG = 0xC2 / 0xA;
    /// Lists that no one deleted when the program, or its user of lists, ended.
    LISTS_NOT_DELETED = 0xC7 / 0;
    /// A freed block was used.
    USED_AFTER_FREE = 0xCC / 0;
    /// The page behind or before a block was touched.
    OVERRUN_PAGE = 0xCD / 0;
}

impl fmt::Display for BugCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parameter {
            0 => write!(f, "{:#X}", self.code),
            parameter => write!(f, "{:#X}/{parameter:#X}", self.code),
        }
    }
}
