//! The report: the text of Windows' `!lookaside`, from a look that stops no one.

use core::fmt::{self, Write};
use core::sync::atomic::Ordering::Relaxed;

use super::choice;
use super::record::Record;
use super::{balance, registry};
use crate::list::{Counters, Statistics};
use crate::wdk::{NAME_LIMIT, PoolType, Tag};

/// What one row shows. Kept apart from a record, so that published rows can be printed too.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub name: &'a str,
    pub address: usize,
    pub tag: Tag,
    pub pool_type: PoolType,
    pub size: usize,
    pub counters: Counters,
    /// Bytes of its slabs in memory, which Windows' rows do not have; `None` where it has no slabs.
    pub resident: Option<u64>,
    /// It has nonpaged memory that could not be locked, which Windows does not know.
    pub unlocked: bool,
}

impl Row<'_> {
    /// "Max Alloc": the bytes that the list may keep at its present depth.
    fn potential(&self) -> u64 {
        self.counters.depth.wrapping_mul(self.size as u64)
    }

    /// The bytes that the list keeps.
    fn allocated(&self) -> u64 {
        self.counters.current_depth.wrapping_mul(self.size as u64)
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = &self.counters;
        writeln!(
            f,
            "Lookaside \"{}\" @ 0x{:016x}  Tag(hex): 0x{:08x} \"{}\"",
            self.name, self.address, self.tag.0, self.tag
        )?;
        writeln!(f, "    Type           =       {:04x}  {}", self.pool_type.0, self.pool_type)?;
        let mut line =
            |left: &str, a: u64, right: &str, b: u64| writeln!(f, "    {left:<15}= {a:>10}  {right:<11}= {b:>10}");
        line("Current Depth", counters.current_depth, "Max Depth", counters.depth)?;
        line("Size", self.size as u64, "Max Alloc", self.potential())?;
        line("AllocateMisses", counters.allocate_misses, "FreeMisses", counters.free_misses)?;
        line("TotalAllocates", counters.total_allocates, "TotalFrees", counters.total_frees)?;
        let (allocates, frees) = (counters.allocate_hit_rate(), counters.free_hit_rate());
        writeln!(f, "    Hit Rate       = {allocates:>10}% Hit Rate   = {frees:>10}%")?;
        if let Some(bytes) = self.resident {
            writeln!(f, "    Resident       = {bytes:>10}")?;
        }
        if self.unlocked {
            writeln!(f, "    Locked         = {:>10}  (see ulimit -l)", "no")?;
        }
        Ok(())
    }
}

/// The four lines at the end: sums over the rows before, paged apart from nonpaged.
///
/// Windows' debugger prints 0 allocated for nonpaged lists against its own rows; here the sums are right.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    allocated: [u64; 2],
    potential: [u64; 2],
}

impl Totals {
    /// Adds a row.
    pub fn add(&mut self, row: &Row<'_>) {
        let kind = usize::from(row.pool_type.is_paged());
        self.allocated[kind] = self.allocated[kind].wrapping_add(row.allocated());
        self.potential[kind] = self.potential[kind].wrapping_add(row.potential());
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("Total NonPaged currently allocated for above lists", self.allocated[0]),
            ("Total NonPaged potential for above lists", self.potential[0]),
            ("Total Paged currently allocated for above lists", self.allocated[1]),
            ("Total Paged potential for above lists", self.potential[1]),
        ];
        for (label, bytes) in lines {
            writeln!(f, "{label:<50} = {bytes:>8}")?;
        }
        Ok(())
    }
}

/// Writes the rows of all live lists, in the order of their records, the totals, the engine and why it serves, and who
/// scans the lists.
///
/// Each row is written after its list was looked at, with no lock held, so that `out` may do anything.
pub fn report(out: &mut dyn Write) -> fmt::Result {
    let mut totals = Totals::default();
    for look in registry::walk(Look::at) {
        let row = look.row();
        totals.add(&row);
        writeln!(out, "{row}")?;
    }
    write!(out, "{totals}")?;
    let engine = choice::description().and_then(|text| text.to_str().ok());
    writeln!(out, "Engine: {}", engine.unwrap_or("not chosen, since no list asked for the usual one"))?;
    writeln!(out, "Scanned by: {}", balance::scanned_by())
}

/// Writes the row of one list.
pub fn report_record(record: &Record, out: &mut dyn Write) -> fmt::Result {
    write!(out, "{}", Look::at(record).row())
}

/// What was seen of a list.
struct Look {
    name: ([u8; NAME_LIMIT], usize),
    address: usize,
    has_slabs: bool,
    unlocked: bool,
    statistics: Statistics,
}

impl Look {
    fn at(record: &Record) -> Look {
        // Relaxed: published with the record's state.
        let address = record.address.load(Relaxed);
        let list = record.list();
        let settings = list.settings();
        Look {
            name: record.name(),
            address,
            has_slabs: settings.slabs,
            unlocked: list.is_partly_unlocked(),
            statistics: list.statistics(),
        }
    }

    fn row(&self) -> Row<'_> {
        let Statistics { size, tag, pool_type, list: counters, .. } = self.statistics;
        let (bytes, length) = &self.name;
        let name = core::str::from_utf8(&bytes[..*length]).unwrap_or("");
        let resident = self.has_slabs.then_some(self.statistics.resident);
        Row { name, address: self.address, tag, pool_type, size, counters, resident, unlocked: self.unlocked }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};

    /// A row from published numbers: depth now and at most, size, allocates, frees, and the misses of each.
    #[expect(clippy::too_many_arguments, reason = "the columns of the published table")]
    fn row(
        name: &'static str,
        address: usize,
        tag: &[u8; 4],
        pool_type: u32,
        (current_depth, depth): (u64, u64),
        size: usize,
        (total_allocates, allocate_misses): (u64, u64),
        (total_frees, free_misses): (u64, u64),
    ) -> Row<'static> {
        let counters = Counters {
            total_allocates,
            allocate_misses,
            total_frees,
            free_misses,
            current_depth,
            depth,
            ..Counters::default()
        };
        Row {
            name,
            address,
            tag: Tag::new(*tag),
            pool_type: PoolType(pool_type),
            size,
            counters,
            resident: None,
            unlocked: false,
        }
    }

    /// The published sample whose spacing is preserved.
    #[test]
    fn the_spacing_is_as_published() {
        let ntfs = row("", 0xffff_f880_0129_4f80, b"Ntfs", 0x11, (0, 4), 496, (272_492, 8), (272_488, 0));
        let expected = "\
Lookaside \"\" @ 0xfffff88001294f80  Tag(hex): 0x7366744e \"Ntfs\"
    Type           =       0011  PagedPool RaiseIfAllocationFailure
    Current Depth  =          0  Max Depth  =          4
    Size           =        496  Max Alloc  =       1984
    AllocateMisses =          8  FreeMisses =          0
    TotalAllocates =     272492  TotalFrees =     272488
    Hit Rate       =         99% Hit Rate   =        100%
";
        assert_eq!(ntfs.to_string(), expected);
    }

    /// Rows published with their white space collapsed: everything below the heading, compared word by word.
    #[test]
    fn published_rows() {
        let rows = [
            (
                row("nt!IopSmallIrpLookasideList", 0x81f4_7c00, b"Irps", 0, (3, 4), 148, (13748, 930), (13601, 780)),
                "Type = 0000 NonPagedPool Current Depth = 3 Max Depth = 4 Size = 148 Max Alloc = 592 AllocateMisses = 930 \
                 FreeMisses = 780 TotalAllocates = 13748 TotalFrees = 13601 Hit Rate = 93% Hit Rate = 94%",
            ),
            (
                row(
                    "nt!IopLargeIrpLookasideList",
                    0x81f4_7c80,
                    b"Irpl",
                    0,
                    (4, 4),
                    472,
                    (59287, 16555),
                    (58372, 15636),
                ),
                "Type = 0000 NonPagedPool Current Depth = 4 Max Depth = 4 Size = 472 Max Alloc = 1888 AllocateMisses = 16555 \
                 FreeMisses = 15636 TotalAllocates = 59287 TotalFrees = 58372 Hit Rate = 72% Hit Rate = 73%",
            ),
            (
                row("nt!IopMdlLookasideList", 0x81f4_7b80, b"Mdl ", 0, (4, 4), 96, (72835, 16287), (72026, 15474)),
                "Type = 0000 NonPagedPool Current Depth = 4 Max Depth = 4 Size = 96 Max Alloc = 384 AllocateMisses = 16287 \
                 FreeMisses = 15474 TotalAllocates = 72835 TotalFrees = 72026 Hit Rate = 77% Hit Rate = 78%",
            ),
            (
                row("", 0xed37_4840, b"Regm", 1, (2, 4), 1024, (1_319_722, 4), (1_319_720, 0)),
                "Type = 0001 PagedPool Current Depth = 2 Max Depth = 4 Size = 1024 Max Alloc = 4096 AllocateMisses = 4 \
                 FreeMisses = 0 TotalAllocates = 1319722 TotalFrees = 1319720 Hit Rate = 99% Hit Rate = 100%",
            ),
        ];
        for (row, expected) in rows {
            let text = row.to_string();
            let (heading, rest) = text.split_once('\n').unwrap();
            assert!(heading.starts_with("Lookaside \"") && heading.contains(" @ 0x"));
            let words: std::vec::Vec<&str> = rest.split_whitespace().collect();
            assert_eq!(words.join(" "), expected);
            // The identity holds for published rows too.
            let c = row.counters;
            assert_eq!(c.allocate_misses - c.free_misses, c.total_allocates - c.total_frees + c.current_depth);
        }
    }

    #[test]
    fn totals_are_the_sums_of_the_rows() {
        let mut totals = Totals::default();
        totals.add(&row("", 0, b"Irps", 0, (3, 4), 148, (0, 0), (0, 0)));
        totals.add(&row("", 0, b"Irpl", 0, (4, 4), 472, (0, 0), (0, 0)));
        totals.add(&row("", 0, b"Mdl ", 0x200, (4, 4), 96, (0, 0), (0, 0)));
        totals.add(&row("", 0, b"Regm", 1, (2, 4), 1024, (0, 0), (0, 0)));
        let expected = "\
Total NonPaged currently allocated for above lists =     2716
Total NonPaged potential for above lists           =     2864
Total Paged currently allocated for above lists    =     2048
Total Paged potential for above lists              =     4096
";
        assert_eq!(totals.to_string(), expected);
    }

    #[test]
    fn a_row_of_zeroes_and_a_row_of_maxima_print() {
        let zero = row("", 0, &[0; 4], 0, (0, 0), 1, (0, 0), (0, 0)).to_string();
        assert!(zero.contains("0%") && zero.contains("\"....\""), "{zero}");
        let most = u64::MAX;
        let text: String =
            row("x", usize::MAX, b"Full", 1, (most, most), usize::MAX, (most, most), (most, most)).to_string();
        assert!(text.contains("18446744073709551615"), "{text}");
    }
}
