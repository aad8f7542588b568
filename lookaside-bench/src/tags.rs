//! `lookaside tags`: a trace through the tagged small-pool calls, and what the library then reports of the usage by tag.
//!
//! A trace knows for each block the thread that allocated it and its size, so that is what tags name: the first character
//! is the thread's number in the trace (0 to 9, a to z, A to Z, and `*` for all from the 63rd on), the other three are the
//! largest size of the class: in steps of 16 bytes up to 512, then by powers of two from ` 1K` to `64K`, ` 1M` to
//! `64M`, and ` 1G` to ` 4G`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use lookaside_core::{PoolType, Tag, TagOrder, TagUsage, pool_allocate, pool_free};
use serde_json::{Value, json};

use crate::ground::text::grouped;
use crate::trace::events::{Action, Event, Trace};
use crate::trace::{self, DEFAULT, summary};

/// Replay a trace through tagged small-pool calls and print the usage by tag, as poolmon shows it
///
/// Three tables: when the most blocks are allocated, at the program's end, and when all are freed. The tag of a block is the
/// thread that allocated it and the largest size of its size class: "0 1M" are blocks of thread 0 up to 1 MiB.
#[derive(Args)]
pub struct Tags {
    #[arg(help = trace::about_argument(DEFAULT))]
    trace: Option<PathBuf>,
    /// Print the rows as one JSON array, and nothing else
    #[arg(long)]
    json: bool,
}

/// Does what the arguments say.
///
/// # Errors
///
/// When the file cannot be read or is no sound trace, there is no memory for a block, or nothing can be printed.
pub fn run(arguments: &Tags) -> Result<()> {
    let (name, trace) = trace::load(arguments.trace.as_deref())?;
    let moments = replay(&trace).with_context(|| name.clone())?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", json(&moments))?;
    } else {
        write!(out, "{name}: {}\n\n{}", summary(trace.summary()), text(&moments))?;
    }
    Ok(())
}

/// All blocks of a replay are paged.
const POOL_TYPE: PoolType = PoolType::PAGED;

/// The usage of every tag at one moment of a replay.
pub struct Moment {
    /// Which one, in a few words.
    pub what: String,
    /// The library's rows, the most bytes first.
    pub rows: Vec<TagUsage>,
    /// The library's table of them.
    pub report: String,
}

/// The tag of a block of this size that this thread asked for.
pub fn tag_of(thread: u32, size: u32) -> Tag {
    const THREADS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let thread = THREADS.get(thread as usize).copied().unwrap_or(b'*');
    let size = u64::from(size);
    let class = match size {
        0..=512 => size.max(1).next_multiple_of(16).to_string(),
        513..=0x1_0000 => format!("{}K", size.next_power_of_two() >> 10),
        0x1_0001..=0x400_0000 => format!("{}M", size.next_power_of_two().max(1 << 20) >> 20),
        _ => format!("{}G", size.next_power_of_two().max(1 << 30) >> 30),
    };
    let mut tag = [thread, b' ', b' ', b' '];
    tag[4 - class.len()..].copy_from_slice(class.as_bytes());
    Tag::new(tag)
}

/// Replays a trace once on this thread, and looks when the most blocks are out, after the last event, and when what the program
/// kept is given back.
///
/// # Errors
///
/// When there is no memory.
pub fn replay(trace: &Trace) -> Result<[Moment; 3]> {
    let mut replayer = Replayer::default();
    let most = trace.summary().peak_blocks;
    let at_peak = || look(format!("when the most blocks are allocated, {} blocks", grouped(most)));
    let mut peak = None;
    for &event in trace.events() {
        replayer.replay(event)?;
        if replayer.out == most && peak.is_none() {
            peak = Some(at_peak()?);
        }
    }
    let peak = peak.map_or_else(at_peak, Ok)?;
    let end = look(format!("at the end of the program, which kept {} blocks", grouped(replayer.out)))?;
    drop(replayer);
    Ok([peak, end, look("when all are freed".to_owned())?])
}

fn look(what: String) -> Result<Moment> {
    let (mut rows, mut report) = (Vec::new(), String::new());
    lookaside_core::tags(TagOrder::Bytes, &mut |row| rows.push(*row)).context("no usage by tag")?;
    lookaside_core::tag_report(TagOrder::Bytes, &mut report).context("no report")?.context("no report")?;
    Ok(Moment { what, rows, report })
}

/// The moments as tables, and how their tags are read.
pub fn text(moments: &[Moment]) -> String {
    let table = |moment: &Moment| format!("Usage by tag {}:\n\n{}\n", moment.what, moment.report);
    let mut text: String = moments.iter().map(table).collect();
    text += "A tag's first character is the thread that allocated (0 to 9, a to z, A to Z; * for all others), the rest is the\n\
             largest size of the size class: \"0 1M\" are the blocks of thread 0 of more than 64 KiB and up to 1 MiB.\n";
    text
}

/// The moments as one object for each row.
pub fn json(moments: &[Moment]) -> Value {
    let of_moment = |(name, moment): (&str, &Moment)| -> Vec<Value> {
        let row = |row: &TagUsage| {
            json!({
                "moment": name, "tag": row.tag.to_string(), "paged": row.paged, "allocates": row.allocates,
                "frees": row.frees, "difference": row.difference(), "bytes": row.bytes,
            })
        };
        moment.rows.iter().map(row).collect()
    };
    ["peak", "end", "freed"].into_iter().zip(moments).flat_map(of_moment).collect()
}

/// The blocks of a replay, by identity, as far as they are out.
#[derive(Default)]
struct Replayer {
    blocks: Vec<Option<(*mut u8, Tag)>>,
    out: u64,
}

impl Replayer {
    fn replay(&mut self, event: Event) -> Result<()> {
        match event.action {
            Action::Allocate { size } => {
                let tag = tag_of(event.thread, size);
                let block = pool_allocate(POOL_TYPE, size as usize, tag);
                ensure!(!block.is_null(), "no memory for {size} bytes");
                self.blocks.push(Some((block, tag)));
                self.out += 1;
            }
            Action::Free { id } => {
                let (block, tag) = self.blocks[id as usize].take().context("a block is freed twice")?;
                // SAFETY: the block came from these calls under this tag, and is not here any more.
                unsafe { pool_free(block, tag) };
                self.out -= 1;
            }
        }
        Ok(())
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        for (block, tag) in self.blocks.drain(..).flatten() {
            // SAFETY: as above.
            unsafe { pool_free(block, tag) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_thread_and_size_class() {
        for (thread, size, tag) in [
            (0, 0, "0 16"),
            (0, 16, "0 16"),
            (9, 17, "9 32"),
            (10, 496, "a496"),
            (61, 512, "Z512"),
            (62, 513, "* 1K"),
            (0, 1024, "0 1K"),
            (0, 1025, "0 2K"),
            (0, 65_536, "064K"),
            (0, 65_537, "0 1M"),
            (0, 1 << 20, "0 1M"),
            (0, 20 << 20, "032M"),
            (0, 64 << 20, "064M"),
            (0, 65 << 20, "0 1G"),
            (0, u32::MAX - 1, "0 4G"),
        ] {
            assert_eq!(tag_of(thread, size).to_string(), tag, "{thread}, {size}");
        }
    }
}
