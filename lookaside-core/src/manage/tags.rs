//! The rows of the usage by tag, as Windows' `poolmon` shows them.

use core::fmt::{self, Write};
use core::slice;

use super::registry;
use super::usage::{ENTRIES, Sums, TagEntry};
use crate::platform;
use crate::wdk::{Status, Tag};

/// What was allocated and freed under one tag, of one kind of memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagUsage {
    /// The tag; `Ovfl` for all tags that came when the table of 1,024 was full.
    pub tag: Tag,
    /// Whether it is paged memory; session memory goes by bit 0 of its type.
    pub paged: bool,
    /// Blocks allocated.
    pub allocates: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Bytes of the blocks that are not freed: block sizes, which for small-pool blocks include the header and are
    /// rounded up, as Windows charges them.
    pub bytes: u64,
}

impl TagUsage {
    /// Returns the blocks that are not freed.
    #[must_use]
    pub const fn difference(&self) -> u64 {
        self.allocates.saturating_sub(self.frees)
    }

    /// Returns the bytes of such a block on the average; 0 where there is none.
    #[must_use]
    pub const fn bytes_per_block(&self) -> u64 {
        match self.difference() {
            0 => 0,
            blocks => self.bytes / blocks,
        }
    }
}

/// The order of rows.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagOrder {
    /// By tag as it prints, nonpaged memory before paged.
    #[default]
    Tag = 0,
    /// The most bytes first; among equals by tag.
    Bytes = 1,
}

/// Calls `visit` with a row for each tag and kind of memory that was ever used, in this order.
///
/// Counted are: blocks of tagged calls ([`pool_allocate`](crate::pool_allocate) and those of small pools) while callers
/// hold them; and blocks that live lists have, or have handed out, under the lists' tags. Lists with callbacks are left
/// out (what these call is charged there), and so are blocks of the sized calls, which have no tag.
///
/// Exact when no one allocates or frees meanwhile. No lock is held while `visit` runs. NO_MEMORY when there
/// is none to sort the rows in (33 KiB). O(lists + tags).
pub fn tags(order: TagOrder, visit: &mut dyn FnMut(&TagUsage)) -> Result<(), Status> {
    let rows = Rows::new()?;
    // SAFETY: the memory is mapped, zeroed and no one else's; zeroes are such rows.
    let all = unsafe { slice::from_raw_parts_mut(rows.0.cast::<TagUsage>(), ENTRIES) };
    let add = |row: &mut TagUsage, more: Sums| {
        row.allocates = row.allocates.wrapping_add(more.allocates);
        row.frees = row.frees.wrapping_add(more.frees);
        row.bytes = row.bytes.wrapping_add(more.bytes);
    };
    // A list may have a tag that no one counted under yet.
    let of_lists = registry::walk(|record| record.list().settings().charged.then(|| record.list().statistics()));
    for list in of_lists.flatten() {
        let entry = TagEntry::of(list.tag, list.pool_type.is_paged());
        add(&mut all[entry.number()], Sums::of_list(&list));
    }
    let mut used = 0;
    for number in 0..ENTRIES {
        let entry = TagEntry::from_number(number);
        let Some((tag, paged)) = entry.key() else { continue };
        let mut row = TagUsage { tag, paged, ..all[number] };
        add(&mut row, entry.sums());
        if row.allocates | row.frees != 0 {
            // What was read while blocks moved may be less than nothing.
            row.bytes = (row.bytes as i64).max(0) as u64;
            all[used] = row;
            used += 1;
        }
    }
    let rows_in_order = &mut all[..used];
    let by_tag = |row: &TagUsage| (row.tag.0.swap_bytes(), row.paged);
    match order {
        TagOrder::Tag => rows_in_order.sort_unstable_by_key(by_tag),
        TagOrder::Bytes => rows_in_order.sort_unstable_by_key(|row| (core::cmp::Reverse(row.bytes), by_tag(row))),
    }
    rows_in_order.iter().for_each(visit);
    Ok(())
}

/// Writes the rows of [`tags`] as a table with the columns of `poolmon`.
///
/// `Err` when there is no memory to sort the rows in; else what the writer returned.
pub fn tag_report(order: TagOrder, out: &mut dyn Write) -> Result<fmt::Result, Status> {
    let mut written =
        writeln!(out, "Tag  Type  {:>16} {:>16} {:>12} {:>16} {:>10}", "Allocs", "Frees", "Diff", "Bytes", "Per Alloc");
    tags(order, &mut |row| written = written.and_then(|()| writeln!(out, "{row}")))?;
    Ok(written)
}

impl fmt::Display for TagUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.paged { "Paged" } else { "Nonp" };
        let (difference, each) = (self.difference(), self.bytes_per_block());
        write!(
            f,
            "{} {kind:<5} {:>16} {:>16} {difference:>12} {:>16} {each:>10}",
            self.tag, self.allocates, self.frees, self.bytes
        )
    }
}

/// Memory for all rows, until it is dropped.
struct Rows(*mut u8);

impl Rows {
    const BYTES: usize = ENTRIES * size_of::<TagUsage>();

    fn new() -> Result<Rows, Status> {
        let memory = platform::map(Self::BYTES);
        if memory.is_null() { Err(Status::NO_MEMORY) } else { Ok(Rows(memory)) }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and nothing points to it any more.
        unsafe { platform::unmap(self.0, Self::BYTES) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn rows_print_in_columns() {
        let row = TagUsage { tag: Tag::new(*b"Irp "), paged: false, allocates: 1000, frees: 990, bytes: 2005 };
        assert_eq!(
            row.to_string(),
            "Irp  Nonp              1000              990           10             2005        200"
        );
        let row = TagUsage { tag: Tag::new(*b"File"), paged: true, allocates: 5, frees: 5, bytes: 0 };
        assert_eq!(
            row.to_string(),
            "File Paged                5                5            0                0          0"
        );
        let ahead = TagUsage { frees: 6, ..row };
        assert_eq!((ahead.difference(), ahead.bytes_per_block()), (0, 0));
        assert_eq!(size_of::<TagUsage>(), 32);
    }
}
