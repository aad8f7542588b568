//! All lists, as data.

use core::fmt;
use core::iter::FusedIterator;
use core::sync::atomic::Ordering::Relaxed;

use super::record::Record;
use super::registry;
use crate::list::Statistics;
use crate::wdk::NAME_LIMIT;

/// What a list is called, where it is, and what it has done: see [`lists`].
#[derive(Clone)]
pub struct ListInfo {
    // UTF-8, and how many bytes.
    name: ([u8; NAME_LIMIT], usize),
    /// Where the list object is, 0 for one that may move. It may be deleted as soon as this is known.
    pub address: usize,
    /// Its counters.
    pub statistics: Statistics,
}

impl ListInfo {
    fn of(record: &Record) -> ListInfo {
        ListInfo {
            name: record.name(),
            // Relaxed: published with the record's state.
            address: if record.is_embedded() { record.address.load(Relaxed) } else { 0 },
            statistics: record.list().statistics(),
        }
    }

    /// Returns the name as reports have it.
    #[must_use]
    pub fn name(&self) -> &str {
        let (bytes, length) = &self.name;
        core::str::from_utf8(&bytes[..*length]).unwrap_or("")
    }
}

impl fmt::Debug for ListInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ListInfo");
        shown.field("name", &self.name()).field("address", &format_args!("{:#x}", self.address));
        shown.field("statistics", &self.statistics).finish()
    }
}

/// Returns every list of the process, those of small pools and of the global allocator included, in no particular order.
///
/// Each step looks at one list, which cannot be deleted meanwhile, and holds nothing between two steps: the caller may
/// make and delete lists there, as may other threads. A list that is there all the time comes once; one that comes or goes
/// may or may not be among them. Any number of threads at once. O(1) beside each list's statistics, with O(lists) to
/// skip those that ended.
///
/// ```
/// use lookaside_core::LookasideList;
///
/// let list = LookasideList::builder(96).name("orders").build()?;
/// let block = list.allocate().expect("the heap has 96 bytes");
/// let orders = lookaside_core::lists().find(|info| info.name() == "orders").unwrap();
/// assert_eq!((orders.statistics.size, orders.statistics.outstanding), (96, 1));
/// # // SAFETY: the block is of this list, and freed once.
/// # unsafe { list.free(block) };
/// # Ok::<(), lookaside_core::Status>(())
/// ```
pub fn lists() -> Lists {
    Lists::from_cursor(0)
}

/// The iterator of [`lists`].
#[derive(Clone, Debug)]
pub struct Lists {
    // The first record that was not looked at.
    next: u32,
}

impl Lists {
    /// For a layer over this library: goes on where an iterator was whose [`Lists::cursor`] this is; 0 begins.
    #[doc(hidden)]
    #[must_use]
    pub fn from_cursor(cursor: u64) -> Lists {
        Lists { next: u32::try_from(cursor).unwrap_or(u32::MAX) }
    }

    /// Returns where the iterator is.
    #[doc(hidden)]
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.next.into()
    }
}

impl Iterator for Lists {
    type Item = ListInfo;

    fn next(&mut self) -> Option<ListInfo> {
        let found = registry::visit(self.next, None, |record| (record.index, ListInfo::of(record))).next();
        // Records that come later are not for an iterator that has ended.
        self.next = found.as_ref().map_or(u32::MAX, |(index, _)| index + 1);
        found.map(|(_, info)| info)
    }
}

impl FusedIterator for Lists {}
