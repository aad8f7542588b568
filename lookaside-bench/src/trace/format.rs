//! The trace format: a gzip file, whose checksum finds damage, of numbers.
//!
//! Decompressed it begins with the eight bytes `LKTRACE2`. After them come variable-length numbers: seven bits a byte,
//! lowest first, the top bit set on all but the last byte, in the fewest bytes possible. The low two bits of a number are
//! its kind:
//!
//! | kind | the rest of the number |
//! |---|---|
//! | 0, allocate | the size; identities are given in order, from 0 |
//! | 1, free | how many allocations are between this event and the block's own: 0 for the newest block |
//! | 2, thread | the thread of the events that follow; 0 at the start; not an event itself |
//!
//! A reallocation is a free and an allocation. A trace keeps no addresses and no alignments.

use std::io::{self, BufReader, ErrorKind, Read, Write};

use anyhow::{Context, Result, anyhow, ensure};
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
    let mut bytes = MAGIC.to_vec();
    let (mut thread, mut next_id) = (0, 0);
    for event in trace.events() {
        if event.thread != thread {
            thread = event.thread;
            put(&mut bytes, THREAD, thread);
        }
        match event.action {
            Action::Allocate { size } => {
                next_id += 1;
                put(&mut bytes, ALLOCATE, size);
            }
            Action::Free { id } => put(&mut bytes, FREE, next_id - 1 - id),
        }
    }
    let mut encoder = GzBuilder::new().operating_system(HEADER[9]).write(Vec::new(), Compression::best());
    encoder.write_all(&bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn put(bytes: &mut Vec<u8>, kind: u64, rest: u32) {
    let mut number = u64::from(rest) << 2 | kind;
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
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
    const NO_TRACE: &str = "this is not a lookaside trace";
    ensure!(file.starts_with(&HEADER) || HEADER.starts_with(file), NO_TRACE);
    let mut decoder = BufReader::new(GzDecoder::new(file));
    let mut bytes = decoder.by_ref().bytes();
    for expected in MAGIC {
        ensure!(next(&mut bytes)? == Some(expected), NO_TRACE);
    }
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
            _ => return Err(anyhow!(MALFORMED)),
        };
        trace.push(Event { thread, action }).context("the next event is impossible")?;
    }
    ensure!(decoder.into_inner().into_inner().is_empty(), "the file goes on after its end");
    Ok(())
}

const MALFORMED: &str = "the next number is malformed";

/// The next byte; none at the end, where the checksum was right.
fn next(bytes: &mut impl Iterator<Item = io::Result<u8>>) -> Result<Option<u8>> {
    bytes.next().transpose().map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => anyhow!("the file ends too early"),
        _ => anyhow!("the file is damaged"),
    })
}

/// The next number, its kind and the rest; none at the end.
fn number(bytes: &mut impl Iterator<Item = io::Result<u8>>) -> Result<Option<(u64, u32)>> {
    let mut number = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = match next(bytes)? {
            None if shift == 0 => return Ok(None),
            byte => byte.context(MALFORMED)?,
        };
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let longer_than_needed = byte == 0 && shift > 0;
            let value = u32::try_from(number >> 2).ok().filter(|_| !longer_than_needed);
            return Ok(Some((number & 3, value.context(MALFORMED)?)));
        }
    }
    Err(anyhow!(MALFORMED))
}
