//! The log that `recorder/recorder.c` writes, and how it becomes a trace.
//!
//! Addresses become identities here. What the log cannot explain is skipped and counted: a program may free blocks that it
//! got before the recorder was there, or through a function that the recorder does not wrap.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::trace::events::{Action, Event, MAXIMUM_SIZE, Trace};

const MAGIC: u64 = u64::from_le_bytes(*b"KTRALOG1");
const FIRST_EVENT: usize = 65536;
const EVENT: usize = 24;
const PROCESS: usize = 20;
/// The place of the recorded process; its children follow.
const RECORDED: usize = 32;
/// The most children that a log names.
pub const CHILDREN: usize = 3200;

const ALLOCATE: u32 = 1;
const FREE: u32 = 2;
const REALLOCATE_BEGIN: u32 = 3;
const REALLOCATE_END: u32 = 4;
const EXEC: u32 = 5;

#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// What the program asked of its heap.
    pub trace: Trace,
    /// What the trace leaves out.
    pub notes: Notes,
    /// The process that was recorded, by the name of the program that it executed last.
    pub recorded: Process,
    /// Processes that it started, and those that they started, as far as the recorder saw them.
    pub children: Vec<Process>,
}

/// A process, as `ps` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub id: u32,
    pub name: String,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

/// What the log held besides the trace, in a few words, and how often.
pub type Notes = BTreeMap<&'static str, u64>;

pub const BEYOND_LIMIT: &str = "events came after the limit and are skipped";
pub const UNKNOWN_FREES: &str = "frees of blocks from before the recording are skipped";
pub const UNSEEN_FREES: &str = "frees were not seen and are put where the address came again";
pub const TOO_LARGE: &str = "allocations were too large for a trace and are skipped";
pub const UNFINISHED: &str = "events were never finished and are skipped";
pub const FREED_BY_EXEC: &str =
    "blocks were not freed when the program executed another, and are freed there in the trace";

/// Makes `file` an empty log with room for `capacity` events. The room takes no disk until it is written.
pub fn create(file: &File, capacity: u64) -> io::Result<()> {
    let length = capacity
        .checked_mul(EVENT as u64)
        .and_then(|bytes| bytes.checked_add(FIRST_EVENT as u64))
        .ok_or(io::ErrorKind::InvalidInput)?;
    file.set_len(length)?;
    let mut header = [0; 16];
    header[..8].copy_from_slice(&MAGIC.to_le_bytes());
    header[8..].copy_from_slice(&capacity.to_le_bytes());
    file.write_all_at(&header, 0)
}

/// Reads a log; there is none if no process ever claimed it.
pub fn read(file: &File) -> io::Result<Option<Log>> {
    let mut header = vec![0; FIRST_EVENT];
    file.read_exact_at(&mut header, 0)?;
    let (capacity, begun, children) = (u64_at(&header, 8), u64_at(&header, 16), u32_at(&header, 28) as usize);
    let mut processes = header[RECORDED..].chunks_exact(PROCESS).map(process);
    let Some(recorded) = processes.next().flatten() else { return Ok(None) };
    // A child that has begun its entry and not finished it has no number yet.
    let children = processes.take(children.min(CHILDREN)).flatten().collect();
    let mut bytes = vec![0; begun.min(capacity) as usize * EVENT];
    file.read_exact_at(&mut bytes, FIRST_EVENT as u64)?;

    let mut converter = Converter::default();
    converter.note(BEYOND_LIMIT, begun.saturating_sub(capacity));
    for event in bytes.chunks_exact(EVENT) {
        let [operation, thread] = [u32_at(event, 0), u32_at(event, 4)];
        converter.event(operation, thread, u64_at(event, 8), u64_at(event, 16));
    }
    Ok(Some(Log { trace: converter.trace, notes: converter.notes, recorded, children }))
}

/// The process in an entry of the log, if there is one.
fn process(entry: &[u8]) -> Option<Process> {
    let (id, name) = (u32_at(entry, 0), &entry[4..]);
    let length = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    (id != 0).then(|| Process { id, name: String::from_utf8_lossy(&name[..length]).into_owned() })
}

#[derive(Default)]
struct Converter {
    trace: Trace,
    notes: Notes,
    /// Identities of the live blocks by address.
    live: HashMap<u64, u32>,
    /// By thread: the block whose reallocation has begun, with its old address.
    reallocating: HashMap<u32, (u64, Option<u32>)>,
    /// The trace's thread numbers by the log's.
    threads: HashMap<u32, u32>,
}

impl Converter {
    fn note(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            *self.notes.entry(what).or_default() += count;
        }
    }

    fn event(&mut self, operation: u32, thread: u32, size: u64, address: u64) {
        match operation {
            ALLOCATE => self.allocate(thread, size, address),
            FREE => match self.live.remove(&address) {
                Some(id) => self.push(thread, Action::Free { id }),
                None => self.note(UNKNOWN_FREES, 1),
            },
            // From here on the heap may hand out the old address again, but the call may still fail and leave it alone.
            REALLOCATE_BEGIN => {
                let id = self.live.remove(&address);
                self.reallocating.insert(thread, (address, id));
            }
            REALLOCATE_END => {
                let (old, id) = self.reallocating.remove(&thread).unwrap_or_default();
                let failed = address == 0 && size != 0;
                match id {
                    Some(id) if failed => _ = self.live.insert(old, id),
                    Some(id) => self.push(thread, Action::Free { id }),
                    None => {}
                }
                if address != 0 {
                    self.allocate(thread, size, address);
                }
            }
            EXEC => self.exec(thread),
            _ => self.note(UNFINISHED, 1),
        }
    }

    /// The memory of the old program is gone, and with it every block that was out, oldest first.
    fn exec(&mut self, thread: u32) {
        let moving = self.reallocating.drain().filter_map(|(_, (_, id))| id);
        let mut lost: Vec<u32> = self.live.drain().map(|(_, id)| id).chain(moving).collect();
        lost.sort_unstable();
        self.note(FREED_BY_EXEC, lost.len() as u64);
        lost.into_iter().for_each(|id| self.push(thread, Action::Free { id }));
    }

    fn allocate(&mut self, thread: u32, size: u64, address: u64) {
        if let Some(id) = self.live.remove(&address) {
            self.note(UNSEEN_FREES, 1);
            self.push(thread, Action::Free { id });
        }
        match u32::try_from(size) {
            Ok(size @ ..=MAXIMUM_SIZE) => {
                self.live.insert(address, self.trace.next_id());
                self.push(thread, Action::Allocate { size });
            }
            _ => self.note(TOO_LARGE, 1),
        }
    }

    fn push(&mut self, thread: u32, action: Action) {
        let next = self.threads.len() as u32;
        let thread = *self.threads.entry(thread).or_insert(next);
        let pushed = self.trace.push(Event { thread, action });
        pushed.expect("threads are numbered as they come, and blocks in the table of live ones can be freed");
    }
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

    fn convert(events: &[(u32, u32, u64, u64)]) -> (Vec<Event>, Notes) {
        let mut converter = Converter::default();
        for &(operation, thread, size, address) in events {
            converter.event(operation, thread, size, address);
        }
        (converter.trace.events().to_vec(), converter.notes)
    }

    fn allocate(thread: u32, size: u32) -> Event {
        Event { thread, action: Action::Allocate { size } }
    }

    fn free(thread: u32, id: u32) -> Event {
        Event { thread, action: Action::Free { id } }
    }

    #[test]
    fn a_reallocation_is_a_free_and_an_allocation() {
        let (events, _) = convert(&[
            (ALLOCATE, 1, 8, 100),
            (REALLOCATE_BEGIN, 1, 0, 100),
            // Another thread gets the old address before the first has reported where its block went.
            (ALLOCATE, 2, 5, 100),
            (REALLOCATE_END, 1, 16, 300),
            (FREE, 2, 0, 100),
            (FREE, 1, 0, 300),
        ]);
        let expected = [allocate(0, 8), allocate(1, 5), free(0, 0), allocate(0, 16), free(1, 1), free(0, 2)];
        assert_eq!(events, expected);
    }

    #[test]
    fn what_cannot_be_explained_is_counted() {
        let (events, notes) = convert(&[
            (FREE, 1, 0, 100),
            (REALLOCATE_BEGIN, 1, 0, 104),
            (REALLOCATE_END, 1, 4, 108),
            (ALLOCATE, 1, 8, 200),
            (ALLOCATE, 1, 8, 200),
            (ALLOCATE, 1, 1 << 32, 400),
            (FREE, 1, 0, 400),
            (0, 0, 0, 0),
        ]);
        assert_eq!(events, [allocate(0, 4), allocate(0, 8), free(0, 1), allocate(0, 8)]);
        assert_eq!(notes, Notes::from([(UNKNOWN_FREES, 2), (UNSEEN_FREES, 1), (TOO_LARGE, 1), (UNFINISHED, 1)]));
    }
}
