//! The sizes of blocks that lists are made for.

use super::tables::Generation;
use crate::list::Topology;

/// Bytes that the header of this library takes before a tagged block, and that the blocks of all lists are aligned to.
pub const HEADER: usize = 16;
/// A program's heap is busier than a driver's lists: a document of half a megabyte comes to 20,000 blocks of one size,
/// which go all at once. So a list is bounded by what it may keep on each level in bytes: 16,384 blocks of 16 or 32
/// bytes, 16 of 32 KiB.
pub const MAXIMUM_BYTES: usize = 512 << 10;
/// Lists of the global allocator, and of the process.
pub const CLASSES: usize = FINE + 4 * DOUBLINGS;
/// The largest block that they serve.
pub const LARGEST: usize = FINEST << DOUBLINGS;
/// Bytes of a page: larger requests start one, as in Windows.
pub const PAGE: usize = 4096;
/// Lists of what lies between the tables' blocks and a page.
pub const MIDDLE_CLASSES: usize = 4 * (PAGE / MIDDLE).ilog2() as usize;
/// The largest block of the tables, with this library's header.
const MIDDLE: usize = 512;
/// Lists of whole pages.
pub const PAGE_CLASSES: usize = LARGEST / PAGE;
/// Classes in steps of 16 bytes, up to this many bytes.
const FINE: usize = FINEST / 16;
const FINEST: usize = 1024;
const DOUBLINGS: usize = 5;
/// The largest alignment that they serve beyond 16.
const LARGEST_ALIGNMENT: usize = 4096;

/// Which lists there are.
#[derive(Clone, Copy, Debug)]
pub enum Sizes {
    /// Those of a kernel's small pool.
    Of(Generation),
    /// Those of the global allocator: each 16 bytes up to 1,024, and four for each doubling up to 32,768.
    Program,
    /// Those of tagged blocks beyond the tables: four for each doubling from 512 to 4,096 bytes.
    Middle,
    /// Those of whole pages: one to eight.
    Pages,
}

impl Sizes {
    /// Returns how many lists there are.
    pub const fn lists(self) -> usize {
        match self {
            Sizes::Of(generation) => generation.lists(),
            Sizes::Program => CLASSES,
            Sizes::Middle => MIDDLE_CLASSES,
            Sizes::Pages => PAGE_CLASSES,
        }
    }

    /// Returns the bytes that a list is named by.
    pub const fn name(self, list: usize) -> usize {
        match self {
            Sizes::Of(generation) => generation.block_size(list),
            Sizes::Program => class_size(list),
            Sizes::Middle => quarter_steps(list, MIDDLE),
            Sizes::Pages => (list + 1) * PAGE,
        }
    }

    /// Returns the bytes of a list's block, and its alignment. A small pool's has room for this library's header, which
    /// may need more than the kernel's.
    pub const fn block(self, list: usize) -> (usize, usize) {
        match self {
            Sizes::Of(generation) => (generation.block_size(list) - generation.header() + HEADER, HEADER),
            Sizes::Program => {
                let size = class_size(list);
                let natural = 1 << size.trailing_zeros();
                (size, if natural < LARGEST_ALIGNMENT { natural } else { LARGEST_ALIGNMENT })
            }
            Sizes::Middle => (self.name(list), HEADER),
            Sizes::Pages => (self.name(list), PAGE),
        }
    }

    /// Returns the lists in front of the pool.
    pub const fn topology(self) -> Topology {
        match self {
            Sizes::Of(generation) if !generation.has_shared_lists() => Topology::Single,
            // Rust programs free on other threads than they allocate on.
            _ => Topology::Pair,
        }
    }
}

/// Returns the class that serves a request of the global allocator; `None` for the heap.
#[inline(always)]
pub const fn class_of(size: usize, alignment: usize) -> Option<usize> {
    if alignment <= HEADER {
        // No bytes become the largest number, which no list serves.
        let last = size.wrapping_sub(1);
        return if last < LARGEST { Some(class_of_last(last)) } else { None };
    }
    if size > LARGEST || alignment > LARGEST_ALIGNMENT {
        return None;
    }
    // A power of two is aligned to itself.
    let whole = if size > alignment { size } else { alignment };
    Some(class_of_last(whole.next_power_of_two() - 1))
}

/// The class of the block whose last byte has this offset.
#[inline(always)]
const fn class_of_last(last: usize) -> usize {
    if last < FINEST {
        return last / 16;
    }
    let top = last.ilog2();
    FINE + 4 * (top - FINEST.ilog2()) as usize + (last >> (top - 2) & 3)
}

const fn class_size(class: usize) -> usize {
    if class < FINE {
        return (class + 1) * 16;
    }
    quarter_steps(class - FINE, FINEST)
}

/// The size of this number among four for each doubling above `first`.
const fn quarter_steps(number: usize, first: usize) -> usize {
    (4 + number % 4 + 1) * ((first / 4) << (number / 4))
}

/// Returns the middle list that serves this many bytes; `None` for more and for less.
pub const fn middle_class_of(size: usize) -> Option<usize> {
    if size <= MIDDLE || size > PAGE {
        return None;
    }
    let top = (size - 1).ilog2();
    Some(4 * (top - MIDDLE.ilog2()) as usize + ((size - 1) >> (top - 2) & 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_smallest_that_holds_a_request() {
        assert_eq!((CLASSES, LARGEST), (84, 32_768));
        assert_eq!(class_size(CLASSES - 1), LARGEST);
        for size in 1..=LARGEST {
            let class = class_of(size, 1).unwrap();
            assert!(class_size(class) >= size, "{size}");
            assert!(class == 0 || class_size(class - 1) < size, "{size}");
        }
        // Nothing above 1,024 bytes wastes more than a fifth.
        assert!((1..CLASSES).all(|class| class < 64 || class_size(class) <= class_size(class - 1) * 5 / 4));
        assert_eq!([0, LARGEST + 1, usize::MAX].map(|size| class_of(size, 16)), [None; 3]);
    }

    #[test]
    fn middle_lists_are_between_the_tables_and_a_page() {
        let all: [usize; MIDDLE_CLASSES] = core::array::from_fn(|list| Sizes::Middle.block(list).0);
        assert_eq!(all, [640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096]);
        for size in 0..=PAGE + 1 {
            let smallest = (513..=PAGE).contains(&size).then(|| all.iter().position(|block| *block >= size).unwrap());
            assert_eq!(middle_class_of(size), smallest, "{size}");
        }
    }

    #[test]
    fn a_class_has_the_alignment_of_its_requests() {
        for alignment in (0..=12).map(|shift| 1usize << shift) {
            for size in [1, 16, 17, 100, 1000, 1025, 4096, 5000, 20_000, 32_768] {
                let (block, natural) = Sizes::Program.block(class_of(size, alignment).unwrap());
                assert!(natural >= alignment && block % natural == 0 && block >= size, "{size}, {alignment}");
            }
        }
        assert_eq!(class_of(64, 8192), None);
    }
}
