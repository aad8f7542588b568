//! The small-pool tables of each version of Windows, as data.

/// The most lists of one kind that a generation has.
pub const LISTS: usize = 32;

/// Which kernel's small-pool lists: how many there are, for which sizes, and whether a shared list is behind each
/// processor's.
///
/// The sizes are those of blocks, and a block includes the header that the kernel puts before it. So the largest
/// request that a list serves is smaller than the largest block: see [`Generation::tagged_limit`].
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Windows 2000: 8 lists, blocks of 32 to 256 bytes in steps of 32; pairs.
    V5_0 = 0,
    /// Windows XP and Server 2003 on x86: 32 lists, blocks of 8 to 256 bytes in steps of 8; pairs.
    V5_1X86 = 1,
    /// Windows XP and Server 2003 on x64: 32 lists, blocks of 16 to 512 bytes in steps of 16; pairs.
    V5_2X64 = 2,
    /// Windows Vista and later on x86: 32 lists, blocks of 8 to 256 bytes in steps of 8; processor lists alone.
    V6_0X86 = 3,
    /// Windows Vista and later on x64: 32 lists, blocks of 16 to 512 bytes in steps of 16; processor lists alone.
    #[default]
    V6_0X64 = 4,
}

/// What a generation's lists are: how many, the exponent of the unit, the kernel's header, and whether they are pairs.
struct Row {
    lists: usize,
    shift: u32,
    header: usize,
    pairs: bool,
}

const fn row(lists: usize, shift: u32, header: usize, pairs: bool) -> Row {
    Row { lists, shift, header, pairs }
}

/// By the number of the generation.
static ROWS: [Row; 5] = [
    row(8, 5, 8, true),       // 5.0
    row(LISTS, 3, 8, true),   // 5.1, x86
    row(LISTS, 4, 16, true),  // 5.2, x64
    row(LISTS, 3, 8, false),  // 6.0, x86
    row(LISTS, 4, 16, false), // 6.0, x64
];

impl Generation {
    /// Every generation, the oldest first.
    pub const ALL: [Generation; 5] = [Self::V5_0, Self::V5_1X86, Self::V5_2X64, Self::V6_0X86, Self::V6_0X64];

    const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Returns the number of lists of each kind of memory.
    #[must_use]
    pub const fn lists(self) -> usize {
        self.row().lists
    }

    /// Returns the bytes from one block size to the next, which are those of the smallest block too.
    #[must_use]
    pub const fn unit(self) -> usize {
        1 << self.shift()
    }

    /// Returns the bytes of a block that the kernel's header takes.
    #[must_use]
    pub const fn header(self) -> usize {
        self.row().header
    }

    /// Returns the bytes that the address of a block is a multiple of.
    #[must_use]
    pub const fn alignment(self) -> usize {
        self.header()
    }

    /// Returns whether a shared list is behind each processor's list.
    #[must_use]
    pub const fn has_shared_lists(self) -> bool {
        self.row().pairs
    }

    /// Returns the bytes of a block of this list, its header included.
    #[must_use]
    pub const fn block_size(self, list: usize) -> usize {
        (list + 1) << self.shift()
    }

    /// Returns the largest request in bytes that a list serves when a header is put before the block: 248 or 496.
    #[must_use]
    pub const fn tagged_limit(self) -> usize {
        self.sized_limit() - self.header()
    }

    /// Returns the largest request in bytes that a list serves when no header is needed: 256 or 512.
    #[must_use]
    pub const fn sized_limit(self) -> usize {
        self.lists() << self.shift()
    }

    /// Returns the list that serves a request of this many bytes with a header before it; `None` for the general pool.
    /// No bytes count as one.
    #[must_use]
    pub const fn list_of(self, bytes: usize) -> Option<usize> {
        if bytes > self.tagged_limit() {
            return None;
        }
        let bytes = if bytes == 0 { 1 } else { bytes };
        Some((bytes + self.header() - 1) >> self.shift())
    }

    pub(super) const fn shift(self) -> u32 {
        self.row().shift
    }

    /// Returns the generation with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Generation> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists, smallest and largest block, step, pair or single; and the callers' limits.
    #[test]
    fn the_tables_are_those_of_windows() {
        for (generation, lists, smallest, largest, step, pairs, limit) in [
            (Generation::V5_0, 8, 0x20, 0x100, 0x20, true, 248),
            (Generation::V5_1X86, 32, 0x08, 0x100, 8, true, 248),
            (Generation::V5_2X64, 32, 0x10, 0x200, 0x10, true, 496),
            (Generation::V6_0X86, 32, 0x08, 0x100, 8, false, 248),
            (Generation::V6_0X64, 32, 0x10, 0x200, 0x10, false, 496),
        ] {
            assert_eq!(generation.lists(), lists);
            assert_eq!(generation.block_size(0), smallest);
            assert_eq!(generation.block_size(lists - 1), largest);
            assert_eq!(generation.block_size(1) - generation.block_size(0), step);
            assert_eq!(generation.unit(), step);
            assert_eq!(generation.has_shared_lists(), pairs);
            assert_eq!(generation.tagged_limit(), limit);
            assert_eq!(generation.sized_limit(), largest);
        }
    }

    /// units = ceil((bytes + header) / unit), index = units - 1, for every request that a list serves and the first
    /// that none does.
    #[test]
    fn a_request_gets_the_smallest_block_that_holds_it_and_its_header() {
        for generation in Generation::ALL {
            let (unit, header) = (generation.unit(), generation.header());
            for bytes in 0..=generation.tagged_limit() {
                let units = (bytes.max(1) + header).div_ceil(unit);
                let list = generation.list_of(bytes).unwrap();
                assert_eq!(list, units - 1, "{generation:?}, {bytes} bytes");
                assert!(generation.block_size(list) >= bytes + header);
                assert!(list == 0 || generation.block_size(list - 1) < bytes.max(1) + header);
            }
            for bytes in [generation.tagged_limit() + 1, 4096, usize::MAX - 7, usize::MAX] {
                assert_eq!(generation.list_of(bytes), None);
            }
        }
    }

    #[test]
    fn numbers_name_generations() {
        for generation in Generation::ALL {
            assert_eq!(Generation::from_number(generation as u32), Some(generation));
        }
        assert_eq!(Generation::from_number(5), None);
        assert_eq!(Generation::from_number(u32::MAX), None);
    }
}
