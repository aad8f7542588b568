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

use core::fmt;
use std::io::{BufReader, ErrorKind, Read, Write};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};

use super::events::{Action, Event, Flaw, Trace};

const MAGIC: [u8; 8] = *b"LKTRACE2";
/// What files of the first version begin with.
const OLD_MAGIC: [u8; 8] = *b"LKTRACE\0";
/// The header of all these gzip files: no name, no time, best compression, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

const ALLOCATE: u64 = 0;
const FREE: u64 = 1;
const THREAD: u64 = 2;

/// Why a file is not a trace, and where it stops being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// How many events were good up to there.
    pub event: u64,
    pub fault: Fault,
}

/// What can be wrong with a trace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not begin as a trace does.
    NotATrace,
    /// It is of the first version of the format.
    Old,
    /// It ends too early.
    Truncated,
    /// It was altered.
    Damaged,
    /// A number is cut off, too long or of no known kind.
    Number,
    /// An event cannot follow those before it.
    Event(Flaw),
    /// It goes on after its end.
    TooLong,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} events: ", self.event)?;
        match self.fault {
            Fault::NotATrace => f.write_str("this is not a lookaside trace"),
            Fault::Old => {
                f.write_str("this trace is of version 1 of the format, which is not read any more: record it again")
            }
            Fault::Truncated => f.write_str("the file ends too early"),
            Fault::Damaged => f.write_str("the file is damaged"),
            Fault::Number => f.write_str("the next number is malformed"),
            Fault::Event(flaw) => write!(f, "the next event is impossible, {flaw}"),
            Fault::TooLong => f.write_str("the file goes on after its end"),
        }
    }
}

impl core::error::Error for ReadError {}

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
    compressed(&bytes)
}

fn put(bytes: &mut Vec<u8>, kind: u64, rest: u32) {
    let mut number = u64::from(rest) << 2 | kind;
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().operating_system(HEADER[9]).write(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

/// Returns the trace in a file, or what is wrong with the file and where. Never panics, whatever the bytes.
pub fn read(file: &[u8]) -> Result<Trace, ReadError> {
    let mut trace = Trace::default();
    let read = events(file, &mut trace);
    read.map_err(|fault| ReadError { event: trace.summary().events, fault })?;
    Ok(trace)
}

fn events(file: &[u8], trace: &mut Trace) -> Result<(), Fault> {
    if !file.starts_with(&HEADER) {
        let known = if file.starts_with(&OLD_MAGIC) { Fault::Old } else { Fault::NotATrace };
        return Err(if HEADER.starts_with(file) { Fault::Truncated } else { known });
    }
    let mut bytes = Bytes(BufReader::new(GzDecoder::new(file)));
    for expected in MAGIC {
        if bytes.next()?.ok_or(Fault::NotATrace)? != expected {
            return Err(Fault::NotATrace);
        }
    }
    let mut thread = 0;
    while let Some((mut kind, mut value)) = bytes.number()? {
        if kind == THREAD {
            thread = value;
            (kind, value) = bytes.number()?.ok_or(Fault::Number)?;
        }
        let action = match kind {
            ALLOCATE => Action::Allocate { size: value },
            FREE => {
                let newest = trace.next_id().checked_sub(1);
                let id = newest.and_then(|newest| newest.checked_sub(value));
                Action::Free { id: id.ok_or(Fault::Event(Flaw::FreeBeforeAllocate))? }
            }
            _ => return Err(Fault::Number),
        };
        trace.push(Event { thread, action }).map_err(Fault::Event)?;
    }
    let rest = bytes.0.into_inner().into_inner();
    if rest.is_empty() { Ok(()) } else { Err(Fault::TooLong) }
}

/// What is in the file once decompressed.
struct Bytes<'a>(BufReader<GzDecoder<&'a [u8]>>);

impl Bytes<'_> {
    /// The next byte; none at the end, where the checksum was right.
    fn next(&mut self) -> Result<Option<u8>, Fault> {
        let mut byte = [0];
        match self.0.read(&mut byte) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(byte[0])),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(Fault::Truncated),
            Err(_) => Err(Fault::Damaged),
        }
    }

    /// The next number, its kind and the rest; none at the end.
    fn number(&mut self) -> Result<Option<(u64, u32)>, Fault> {
        let mut number = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = match self.next()? {
                None if shift == 0 => return Ok(None),
                byte => byte.ok_or(Fault::Number)?,
            };
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let longer_than_needed = byte == 0 && shift > 0;
                let value = u32::try_from(number >> 2).map_err(|_| Fault::Number)?;
                return if longer_than_needed { Err(Fault::Number) } else { Ok(Some((number & 3, value))) };
            }
        }
        Err(Fault::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(numbers: &[u8]) -> ReadError {
        read(&compressed(&[&MAGIC, numbers].concat())).expect_err("the file is forged")
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut trace = Trace::default();
        for (thread, action) in [
            (0, Action::Allocate { size: 3 }),
            (0, Action::Allocate { size: 100 }),
            (1, Action::Free { id: 0 }),
            (1, Action::Allocate { size: 1 }),
            (0, Action::Free { id: 2 }),
        ] {
            trace.push(Event { thread, action }).unwrap();
        }
        let file = write(&trace);
        assert!(file.starts_with(&HEADER), "{file:?}");
        let mut bytes = Vec::new();
        GzDecoder::new(file.as_slice()).read_to_end(&mut bytes).unwrap();
        // 3, 100 (400 = 0x10 | 3 << 7), thread 1, the block before the newest, 1, thread 0, the newest block.
        assert_eq!(bytes, [&b"LKTRACE2"[..], &[12, 0x90, 3, 6, 5, 4, 2, 1]].concat());
        assert_eq!(read(&file).unwrap(), trace);
    }

    #[test]
    fn impossible_events_are_reported_by_number() {
        let cases: [(&[u8], u64, Fault); 10] = [
            (&[1], 0, Fault::Event(Flaw::FreeBeforeAllocate)),
            (&[64, 5], 1, Fault::Event(Flaw::FreeBeforeAllocate)),
            (&[64, 64, 1, 1], 3, Fault::Event(Flaw::FreedTwice)),
            (&[64, 2 | 2 << 2, 64], 1, Fault::Event(Flaw::ThreadOutOfOrder)),
            (&[0xfc, 0xff, 0xff, 0xff, 0x3f], 0, Fault::Event(Flaw::SizeTooLarge)),
            (&[64, 3], 1, Fault::Number),
            (&[64, 6, 6], 1, Fault::Number),
            (&[64, 6], 1, Fault::Number),
            (&[64, 0x80, 0], 1, Fault::Number),
            (&[64, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 1, Fault::Number),
        ];
        for (numbers, event, fault) in cases {
            assert_eq!(error(numbers), ReadError { event, fault }, "{numbers:?}");
        }
    }

    #[test]
    fn files_that_are_no_traces_are_known() {
        let fault = |file: &[u8]| read(file).unwrap_err().fault;
        assert_eq!(fault(b"LKTRACE\0\x01\0\0\0"), Fault::Old);
        assert_eq!(fault(b"#!/bin/sh\n"), Fault::NotATrace);
        assert_eq!(fault(&compressed(b"something")), Fault::NotATrace);
        assert_eq!(fault(&compressed(b"LKTRACE")), Fault::NotATrace);
        let empty = write(&Trace::default());
        assert_eq!(read(&empty), Ok(Trace::default()));
        assert_eq!(fault(&[empty.as_slice(), &[0]].concat()), Fault::TooLong);
        assert_eq!(fault(&[empty.as_slice(), &empty].concat()), Fault::TooLong);
        assert_eq!(read(&empty[..9]).unwrap_err().to_string(), "after 0 events: the file ends too early");
    }
}
