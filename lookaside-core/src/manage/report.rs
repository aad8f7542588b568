//! The report: the text of Windows' `!lookaside` (reference section 7), from a look that stops nobody.

use core::fmt::{self, Write};

use super::record::Record;
use super::registry;
use crate::list::{Counters, Statistics};
use crate::wdk::{PoolType, Tag};

/// What one row shows. Kept apart from a record, so that published rows can be printed too.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub name: &'a str,
    pub address: usize,
    pub tag: Tag,
    pub pool_type: PoolType,
    pub size: usize,
    pub counters: Counters,
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
        writeln!(f, "    Hit Rate       = {allocates:>10}% Hit Rate   = {frees:>10}%")
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

/// Writes the rows of all live lists, in the order of their creation's place, and the totals.
pub fn report(out: &mut dyn Write) -> fmt::Result {
    let mut totals = Totals::default();
    let mut result = Ok(());
    registry::for_each(|record| {
        if result.is_ok() {
            result = with_row(record, |row| {
                totals.add(row);
                writeln!(out, "{row}")
            });
        }
    });
    result?;
    write!(out, "{totals}")
}

/// Writes the row of one list.
pub fn report_record(record: &Record, out: &mut dyn Write) -> fmt::Result {
    with_row(record, |row| write!(out, "{row}"))
}

fn with_row(record: &Record, write: impl FnOnce(&Row<'_>) -> fmt::Result) -> fmt::Result {
    let Statistics { size, tag, pool_type, list, .. } = record.pair().statistics();
    let (name, length) = record.name();
    write(&Row {
        name: core::str::from_utf8(&name[..length]).unwrap_or(""),
        address: record.address.load(core::sync::atomic::Ordering::Relaxed),
        tag,
        pool_type,
        size,
        counters: list,
    })
}
