//! What a list does beside the ordinary.

use core::ops::BitOr;

/// Flags of a list, combined by `|`.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ListFlags(pub u32);

impl ListFlags {
    /// Every call is checked, and nothing is cached: the list goes to the pool each time. Misuse is reported as a
    /// [`Violation`](crate::Violation) with where it was done: a block freed twice, of another list or of none, written
    /// beyond its ends or after its free, or still out when the list is deleted; a live list initialised again, or not
    /// deleted after the program's last destructor.
    ///
    /// A freed block stays with the list for a while, full of 0xF5; a new one is full of 0xCB. Lists with a routine of
    /// the user's fill and keep nothing, so that each routine gets every call at once. Not for session pools.
    /// `LOOKASIDE_VERIFY=1` in the environment gives the flag to every list that a program makes.
    pub const VERIFY: ListFlags = ListFlags(0x1);
    /// Blocks come from the special pool, flush with the end of a page, and nothing is cached.
    pub const SPECIAL_POOL: ListFlags = ListFlags(0x2);
    /// The same, with blocks at the start of a page.
    pub const SPECIAL_POOL_START: ListFlags = ListFlags(0x4);
    /// Nonpaged memory may stay unlocked where the limit of locked memory is too small. The list's row in the report says so.
    pub const BEST_EFFORT_LOCK: ListFlags = ListFlags(0x8);
    /// Paged memory comes from the library's own arenas, where blocks of several lists share pages.
    pub const PAGED_ARENAS: ListFlags = ListFlags(0x10);
    /// The list was made by the WDK header, whose rules it keeps.
    pub const WDK: ListFlags = ListFlags(0x20);

    const KNOWN: u32 = 0x3F;

    /// Returns whether all flags of the other are set.
    #[must_use]
    pub const fn contains(self, other: ListFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether no unknown flag is set.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0 & !Self::KNOWN == 0
    }

    /// Returns whether the list may keep blocks.
    pub(crate) const fn is_cached(self) -> bool {
        self.0 & (Self::VERIFY.0 | Self::SPECIAL_POOL.0 | Self::SPECIAL_POOL_START.0) == 0
    }
}

impl BitOr for ListFlags {
    type Output = ListFlags;

    fn bitor(self, other: ListFlags) -> ListFlags {
        ListFlags(self.0 | other.0)
    }
}
