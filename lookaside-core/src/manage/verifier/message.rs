//! The parts that the verifier's lines are made of.

use core::fmt;

use super::table::{Act, BlockEntry};
use crate::manage::record::Record;
use crate::manage::registry;
use crate::platform;
use crate::wdk::{NAME_LIMIT, Tag};

/// `list "name" (Tag)`.
pub struct ListName {
    name: Option<([u8; NAME_LIMIT], usize)>,
    tag: Tag,
}

impl ListName {
    pub fn of(record: &Record) -> ListName {
        ListName { name: Some(record.name()), tag: record.list().settings().request.tag }
    }

    /// Of the list that a block is of, which may be gone.
    pub fn of_owner(entry: &BlockEntry) -> ListName {
        let record = registry::record(entry.owner.index).filter(|record| record.generation() == entry.owner.generation);
        ListName { name: record.map(Record::name), tag: entry.tag }
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => write!(f, "a list that was deleted ({})", self.tag),
            Some((bytes, length)) => {
                write!(f, "list \"{}\" ({})", core::str::from_utf8(&bytes[..*length]).unwrap_or(""), self.tag)
            }
        }
    }
}

/// `freed at program+0x1234`, and by which thread unless it was this one.
pub struct Acted(pub &'static str, pub Act);

impl fmt::Display for Acted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Acted(what, Act { place, thread }) = self;
        write!(f, "{what} at {place}")?;
        if *thread == platform::thread_number() { Ok(()) } else { write!(f, " by thread {thread}") }
    }
}

/// The first of this many blocks.
pub struct Blocks<'a>(pub &'a [Option<BlockEntry>], pub usize);

impl fmt::Display for Blocks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Blocks(shown, count) = self;
        let mut written = 0;
        for entry in shown.iter().flatten() {
            let separator = if written == 0 { "" } else { ", " };
            write!(f, "{separator}{:#x} {}", entry.block, Acted("allocated", entry.allocated))?;
            written += 1;
        }
        if written < *count { f.write_str(", ...") } else { Ok(()) }
    }
}
