//! The trace format.
//!
//! A file is a header and chunks of at most 65,536 events, so that damage is found where it is. Numbers are little
//! endian, checksums are CRC-32 (IEEE).
//!
//! | header at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic, `LKTRACE` and a zero byte |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | threads |
//! | 16 | 8 | events |
//! | 24 | 8 | allocations among them |
//! | 32 | 8 | the most blocks out at once |
//! | 40 | 8 | the most bytes out at once |
//! | 48 | 4 | chunks |
//! | 52 | 4 | checksum of the bytes before it |
//!
//! | chunk at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | events in it, 1 to 65,536 |
//! | 4 | 4 | bytes once decompressed |
//! | 8 | 4 | bytes compressed, *n* |
//! | 12 | 4 | checksum of the 12 bytes before and the *n* bytes after it |
//! | 16 | *n* | the events, compressed by raw deflate |
//!
//! Decompressed, the events are variable-length numbers: seven bits a byte, lowest first, the top bit set on all
//! but the last byte, in the fewest bytes possible. The low two bits of a number are its kind:
//!
//! | kind | the rest of the number |
//! |---|---|
//! | 0, allocate | the size; identities are given in order, from 0 |
//! | 1, free | how many allocations stand between this event and the block's own: 0 for the newest block |
//! | 2, thread | the thread of the events that follow, across chunks; 0 at the start; not an event itself |
//!
//! A reallocation is a free and an allocation. A trace keeps no addresses and no alignments.

use core::fmt;
use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};

use super::events::{Action, Event, Flaw, Summary, Trace};

const MAGIC: [u8; 8] = *b"LKTRACE\0";
const VERSION: u32 = 1;
const HEADER: usize = 56;
const CHUNK_HEADER: usize = 16;
const CHUNK_EVENTS: usize = 65_536;
/// An event of the longest kind with a thread number of the longest kind before it: two numbers of 34 bits.
const EVENT_BYTES: usize = 10;

const ALLOCATE: u64 = 0;
const FREE: u64 = 1;
const THREAD: u64 = 2;

/// Why a file is not a trace, and where it stops being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Offset in the file, of the field or of the chunk at fault.
    pub offset: u64,
    /// How many events were good up to there.
    pub event: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a trace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file ends too early: it has this many bytes, the part at the offset needs that many from there.
    Truncated {
        /// Bytes in the file.
        length: u64,
        /// Bytes that the part needs.
        needs: u64,
    },
    /// It does not begin as a trace does.
    NotATrace,
    /// It is of this version, which we do not know.
    Version(u32),
    /// The header or the chunk was altered.
    Checksum,
    /// A chunk's header asks for what no chunk has.
    ChunkHeader,
    /// A chunk does not decompress to what its header says.
    Compression,
    /// A number in a chunk is cut off, too long or of no known kind.
    Number,
    /// A chunk goes on after its last event.
    ChunkTooLong,
    /// An event cannot follow those before it.
    Event(Flaw),
    /// The header's counts are not those of the events.
    Counts,
    /// The file goes on after its last chunk.
    FileTooLong,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}, after {} events: ", self.offset, self.event)?;
        match self.fault {
            Fault::Truncated { length, needs } => {
                write!(f, "{needs} bytes should be here, but the file ends at byte {length}")
            }
            Fault::NotATrace => f.write_str("this is not a lookaside trace"),
            Fault::Version(version) => write!(f, "version {version} of the format is not known, only {VERSION}"),
            Fault::Checksum => f.write_str("the checksum does not match, the file is damaged"),
            Fault::ChunkHeader => f.write_str("the header of this chunk is impossible"),
            Fault::Compression => f.write_str("this chunk does not decompress to what its header says"),
            Fault::Number => f.write_str("a number in this chunk is malformed"),
            Fault::ChunkTooLong => f.write_str("this chunk goes on after its last event"),
            Fault::Event(flaw) => write!(f, "the next event in this chunk is impossible, {flaw}"),
            Fault::Counts => f.write_str("the counts in the header are not those of the events"),
            Fault::FileTooLong => f.write_str("the file goes on after its last chunk"),
        }
    }
}

impl core::error::Error for ReadError {}

/// The file of a trace.
pub fn write(trace: &Trace) -> Vec<u8> {
    let mut coder = Coder::default();
    let chunks: Vec<_> = trace
        .events()
        .chunks(CHUNK_EVENTS)
        .map(|events| {
            for event in events {
                coder.event(*event);
            }
            chunk(events.len() as u32, &core::mem::take(&mut coder.bytes))
        })
        .collect();
    let mut file = header(trace.summary(), chunks.len() as u32);
    file.extend(chunks.concat());
    file
}

/// The trace in a file, or what is wrong with the file and where. It never panics, whatever the bytes.
pub fn read(file: &[u8]) -> Result<Trace, ReadError> {
    let mut reader = Reader { file, offset: 0, trace: Trace::default(), thread: 0 };
    reader.file().map_err(|fault| ReadError {
        offset: reader.offset as u64,
        event: reader.trace.summary().events,
        fault,
    })?;
    Ok(reader.trace)
}

#[derive(Default)]
struct Coder {
    bytes: Vec<u8>,
    thread: u32,
    next_id: u32,
}

impl Coder {
    fn event(&mut self, event: Event) {
        if event.thread != self.thread {
            self.thread = event.thread;
            self.number(THREAD, event.thread);
        }
        match event.action {
            Action::Allocate { size } => {
                self.next_id += 1;
                self.number(ALLOCATE, size);
            }
            Action::Free { id } => self.number(FREE, self.next_id - 1 - id),
        }
    }

    fn number(&mut self, kind: u64, rest: u32) {
        let mut number = u64::from(rest) << 2 | kind;
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

fn header(summary: Summary, chunks: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend(summary.threads.to_le_bytes());
    header.extend(summary.events.to_le_bytes());
    header.extend(summary.allocates.to_le_bytes());
    header.extend(summary.peak_blocks.to_le_bytes());
    header.extend(summary.peak_bytes.to_le_bytes());
    header.extend(chunks.to_le_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    header
}

fn chunk(events: u32, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail");
    let mut chunk = Vec::with_capacity(CHUNK_HEADER + compressed.len());
    chunk.extend(events.to_le_bytes());
    chunk.extend((bytes.len() as u32).to_le_bytes());
    chunk.extend((compressed.len() as u32).to_le_bytes());
    chunk.extend(chunk_checksum(&chunk, &compressed).to_le_bytes());
    chunk.extend(compressed);
    chunk
}

fn chunk_checksum(before: &[u8], after: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(before);
    hasher.update(after);
    hasher.finalize()
}

struct Reader<'a> {
    file: &'a [u8],
    /// Start of the part that is being read: an error is told there.
    offset: usize,
    trace: Trace,
    thread: u32,
}

impl<'a> Reader<'a> {
    fn file(&mut self) -> Result<(), Fault> {
        let magic = self.part(MAGIC.len().min(self.file.len()))?;
        if !MAGIC.starts_with(magic) {
            return Err(Fault::NotATrace);
        }
        let header = self.part(HEADER)?;
        let version = u32_at(header, 8);
        if u32_at(header, 52) != crc32fast::hash(&header[..52]) {
            return Err(Fault::Checksum);
        }
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let expected = Summary {
            threads: u32_at(header, 12),
            events: u64_at(header, 16),
            allocates: u64_at(header, 24),
            peak_blocks: u64_at(header, 32),
            peak_bytes: u64_at(header, 40),
        };
        let chunks = u32_at(header, 48);
        self.offset += HEADER;
        for _ in 0..chunks {
            self.chunk()?;
        }
        if self.offset != self.file.len() {
            return Err(Fault::FileTooLong);
        }
        if self.trace.summary() != expected {
            return Err(Fault::Counts);
        }
        Ok(())
    }

    /// The next bytes of the file, without going past them.
    fn part(&self, length: usize) -> Result<&'a [u8], Fault> {
        self.file[self.offset..]
            .get(..length)
            .ok_or(Fault::Truncated { length: self.file.len() as u64, needs: length as u64 })
    }

    fn chunk(&mut self) -> Result<(), Fault> {
        let header = self.part(CHUNK_HEADER)?;
        let events = u32_at(header, 0) as usize;
        let length = u32_at(header, 4) as usize;
        let compressed = u32_at(header, 8) as usize;
        let whole = self.part(CHUNK_HEADER + compressed)?;
        let payload = &whole[CHUNK_HEADER..];
        if u32_at(header, 12) != chunk_checksum(&header[..12], payload) {
            return Err(Fault::Checksum);
        }
        if events == 0 || events > CHUNK_EVENTS || length > events * EVENT_BYTES {
            return Err(Fault::ChunkHeader);
        }
        let bytes = inflate(payload, length)?;
        let mut rest = bytes.as_slice();
        for _ in 0..events {
            self.event(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(Fault::ChunkTooLong);
        }
        self.offset += whole.len();
        Ok(())
    }

    fn event(&mut self, rest: &mut &[u8]) -> Result<(), Fault> {
        let (mut kind, mut value) = number(rest)?;
        if kind == THREAD {
            self.thread = value;
            (kind, value) = number(rest)?;
        }
        let action = match kind {
            ALLOCATE => Action::Allocate { size: value },
            FREE => Action::Free {
                id: self
                    .trace
                    .next_id()
                    .checked_sub(1)
                    .and_then(|newest| newest.checked_sub(value))
                    .ok_or(Fault::Event(Flaw::FreeBeforeAllocate))?,
            },
            _ => return Err(Fault::Number),
        };
        self.trace.push(Event { thread: self.thread, action }).map_err(Fault::Event)
    }
}

/// Takes one number: its kind and the rest.
fn number(rest: &mut &[u8]) -> Result<(u64, u32), Fault> {
    let mut number = 0u64;
    for shift in (0..35).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(Fault::Number)?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let longer_than_needed = byte == 0 && shift > 0;
            let value = u32::try_from(number >> 2).map_err(|_| Fault::Number)?;
            return if longer_than_needed { Err(Fault::Number) } else { Ok((number & 3, value)) };
        }
    }
    Err(Fault::Number)
}

fn inflate(payload: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity(length);
    let mut inflater = Decompress::new(false);
    let status = inflater.decompress_vec(payload, &mut bytes, FlushDecompress::Finish);
    let whole =
        matches!(status, Ok(Status::StreamEnd)) && inflater.total_in() == payload.len() as u64 && bytes.len() == length;
    if whole { Ok(bytes) } else { Err(Fault::Compression) }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(core::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(core::array::from_fn(|i| bytes[at + i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose checksums hold and whose one chunk is `bytes`.
    fn forged(events: u32, bytes: &[u8]) -> Vec<u8> {
        let mut file = header(Summary::default(), 1);
        file.extend(chunk(events, bytes));
        file
    }

    fn error(file: &[u8]) -> ReadError {
        read(file).expect_err("the file is forged")
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
        assert_eq!(&file[..16], b"LKTRACE\0\x01\0\0\0\x02\0\0\0");
        assert_eq!((u64_at(&file, 16), u64_at(&file, 24)), (5, 3));
        assert_eq!((u64_at(&file, 32), u64_at(&file, 40)), (2, 103));
        assert_eq!((u32_at(&file, 48), u32_at(&file, 56)), (1, 5));
        let bytes = inflate(&file[HEADER + CHUNK_HEADER..], u32_at(&file, 60) as usize).unwrap();
        // 3, 100 (400 = 0x10 | 3 << 7), thread 1, the block before the newest, 1, thread 0, the newest block.
        assert_eq!(bytes, [12, 0x90, 3, 6, 5, 4, 2, 1]);
        assert_eq!(read(&file).unwrap(), trace);
    }

    #[test]
    fn impossible_events_are_told_by_number() {
        let cases: [(&[u8], u64, Fault); 9] = [
            (&[1], 0, Fault::Event(Flaw::FreeBeforeAllocate)),
            (&[64, 5], 1, Fault::Event(Flaw::FreeBeforeAllocate)),
            (&[64, 64, 1, 1], 3, Fault::Event(Flaw::FreedTwice)),
            (&[64, 2 | 2 << 2, 64], 1, Fault::Event(Flaw::ThreadOutOfOrder)),
            (&[0xfc, 0xff, 0xff, 0xff, 0x3f], 0, Fault::Event(Flaw::SizeTooLarge)),
            (&[64, 3], 1, Fault::Number),
            (&[64, 6, 6], 1, Fault::Number),
            (&[64, 0x80, 0], 1, Fault::Number),
            (&[64, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 1, Fault::Number),
        ];
        for (bytes, event, fault) in cases {
            let padded = event as u32 + 1;
            assert_eq!(error(&forged(padded, bytes)), ReadError { offset: 56, event, fault }, "{bytes:?}");
        }
    }

    #[test]
    fn impossible_chunks_are_told_by_offset() {
        let fault = |file: &[u8]| error(file).fault;
        assert_eq!(fault(&forged(0, &[])), Fault::ChunkHeader);
        assert_eq!(fault(&forged(65_537, &[0; 65_537])), Fault::ChunkHeader);
        assert_eq!(fault(&forged(1, &[0; 11])), Fault::ChunkHeader);
        assert_eq!(fault(&forged(2, &[0])), Fault::Number);
        assert_eq!(fault(&forged(1, &[0, 0])), Fault::ChunkTooLong);
        assert_eq!(fault(&forged(1, &[0])), Fault::Counts);
        let end = error(&[forged(1, &[0]), vec![0]].concat());
        assert_eq!(end, ReadError { offset: 56 + 16 + 3, event: 1, fault: Fault::FileTooLong });

        let mut wrong_length = forged(1, &[0]);
        wrong_length[60] = 2;
        let sum = chunk_checksum(&wrong_length[56..68], &wrong_length[72..]);
        wrong_length[68..72].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(fault(&wrong_length), Fault::Compression);
    }

    #[test]
    fn the_header_is_checked() {
        let mut version = header(Summary::default(), 0);
        version[8] = 2;
        let sum = crc32fast::hash(&version[..52]);
        version[52..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(error(&version).fault, Fault::Version(2));
        assert_eq!(error(b"#!/bin/sh\n").fault, Fault::NotATrace);
        let short = error(&header(Summary::default(), 0)[..55]);
        assert_eq!(
            short.to_string(),
            "at byte 0, after 0 events: 56 bytes should be here, but the file ends at byte 55"
        );
        assert_eq!(read(&header(Summary::default(), 0)), Ok(Trace::default()));
    }
}
