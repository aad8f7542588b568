//! The trace format: a gzip file, whose checksum finds damage, of numbers.
//!
//! Decompressed it begins with the eight bytes `LKTRACE2`. After them come variable-length numbers (LEB128): seven bits a
//! byte, lowest first, the top bit set on all but the last byte. The low two bits of a number are its kind:
//!
//! | kind | the rest of the number |
//! |---|---|
//! | 0, allocate | the size; identities are given in order, from 0 |
//! | 1, free | how many allocations are between this event and the block's own: 0 for the newest block |
//! | 2, thread | the thread of the events that follow; 0 at the start; not an event itself |
//!
//! A reallocation is a free and an allocation. A trace keeps no addresses and no alignments.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};

use anyhow::{Context, Result, anyhow, bail, ensure};
use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};

use super::events::{Action, Event, Trace};

const MAGIC: [u8; 8] = *b"LKTRACE2";
/// The header of all these gzip files: no name, no time, best compression, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

const ALLOCATE: u64 = 0;
const FREE: u64 = 1;
const THREAD: u64 = 2;

/// Returns the file of a trace.
pub fn write(trace: &Trace) -> Vec<u8> {
    let mut encoder = GzBuilder::new().operating_system(HEADER[9]).write(Vec::new(), Compression::best());
    let in_memory = "writing to memory does not fail";
    encoder.write_all(&MAGIC).expect(in_memory);
    let mut put = |kind, rest| leb128::write::unsigned(&mut encoder, u64::from(rest) << 2 | kind).expect(in_memory);
    let (mut thread, mut next_id) = (0, 0);
    for event in trace.events() {
        if event.thread != thread {
            thread = event.thread;
            put(THREAD, thread);
        }
        match event.action {
            Action::Allocate { size } => {
                next_id += 1;
                put(ALLOCATE, size);
            }
            Action::Free { id } => _ = put(FREE, next_id - 1 - id),
        }
    }
    encoder.finish().expect(in_memory)
}

/// Returns the trace in a file. Never panics, whatever the bytes.
///
/// # Errors
///
/// What is wrong with the file, and after how many events.
pub fn read(file: &[u8]) -> Result<Trace> {
    let mut trace = Trace::default();
    let events = read_events(file, &mut trace);
    events.with_context(|| format!("after {} events", trace.summary().events))?;
    Ok(trace)
}

fn read_events(file: &[u8], trace: &mut Trace) -> Result<()> {
    ensure!(file.starts_with(&HEADER) || HEADER.starts_with(file), "this is not a lookaside trace");
    let mut bytes = BufReader::new(GzDecoder::new(file));
    let mut magic = [0; MAGIC.len()];
    bytes.read_exact(&mut magic).map_err(fault)?;
    ensure!(magic == MAGIC, "this is not a lookaside trace");
    let mut thread = 0;
    while let Some((mut kind, mut value)) = number(&mut bytes)? {
        if kind == THREAD {
            thread = value;
            (kind, value) = number(&mut bytes)?.context(MALFORMED)?;
        }
        let action = match kind {
            ALLOCATE => Action::Allocate { size: value },
            FREE => {
                let id = trace.next_id().checked_sub(1).and_then(|newest| newest.checked_sub(value));
                // No block has this number.
                Action::Free { id: id.unwrap_or(u32::MAX) }
            }
            _ => bail!(MALFORMED),
        };
        trace.push(Event { thread, action }).context("the next event is impossible")?;
    }
    ensure!(bytes.into_inner().into_inner().is_empty(), "the file goes on after its end");
    Ok(())
}

const MALFORMED: &str = "the next number is malformed";

/// The next number, its kind and the rest; none at the end, where the checksum was right.
fn number(bytes: &mut impl BufRead) -> Result<Option<(u64, u32)>> {
    if bytes.fill_buf().map_err(fault)?.is_empty() {
        return Ok(None);
    }
    let number = leb128::read::unsigned(bytes).map_err(|error| match error {
        leb128::read::Error::IoError(error) => fault(error),
        leb128::read::Error::Overflow => anyhow!(MALFORMED),
    })?;
    Ok(Some((number & 3, u32::try_from(number >> 2).ok().context(MALFORMED)?)))
}

/// Why there are no more bytes.
fn fault(error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => anyhow!("the file ends too early"),
        _ => anyhow!("the file is damaged"),
    }
}
