//! What the trace format promises: what is written is read again, and no damage goes unseen, unplaced or ends in a panic.

use lookaside_bench::trace::events::{Action, Event, Trace};
use lookaside_bench::trace::format::{Fault, read, write};
use proptest::collection::vec;
use proptest::prelude::*;

/// A sound trace from arbitrary numbers: what would be unsound is bent until it is not.
fn trace_from(choices: &[(bool, u32, u32)]) -> Trace {
    let mut trace = Trace::default();
    let mut live = Vec::new();
    for &(free, thread, value) in choices {
        let action = if free && !live.is_empty() {
            Action::Free { id: live.swap_remove(value as usize % live.len()) }
        } else {
            live.push(trace.next_id());
            Action::Allocate { size: value.min(u32::MAX - 1) }
        };
        let thread = thread.min(trace.summary().threads);
        trace.push(Event { thread, action }).expect("the event is sound");
    }
    trace
}

/// A trace of two full chunks and a bit.
fn long_trace() -> Trace {
    let choices: Vec<_> =
        (0..140_000u32).map(|i| (i % 3 == 0, i / 50_000, i.wrapping_mul(2_654_435_761) >> 20)).collect();
    trace_from(&choices)
}

/// Where the parts of a file begin: the header, the chunks, the end.
fn parts(file: &[u8]) -> Vec<usize> {
    let mut parts = vec![0, 56];
    while parts[parts.len() - 1] < file.len() {
        let chunk = parts[parts.len() - 1];
        let compressed = u32::from_le_bytes(file[chunk + 8..chunk + 12].try_into().unwrap());
        parts.push(chunk + 16 + compressed as usize);
    }
    parts
}

/// The beginning of the part that `offset` is in, and the events before that part.
fn part_of(file: &[u8], offset: usize) -> (u64, u64) {
    let parts = parts(file);
    let part = parts.iter().rposition(|&part| part <= offset).unwrap();
    (parts[part] as u64, part.saturating_sub(1) as u64 * 65_536)
}

#[test]
fn long_traces_are_read_as_written() {
    let trace = long_trace();
    let file = write(&trace);
    assert_eq!(parts(&file).len(), 5);
    assert_eq!(read(&file), Ok(trace));
}

#[test]
fn every_truncation_is_told_with_its_place() {
    let short = write(&trace_from(&(0..60).map(|i| (i % 4 == 1, i % 3, i * i)).collect::<Vec<_>>()));
    let long = write(&long_trace());
    let some = (0..long.len()).step_by(499).chain(parts(&long)).filter(|&length| length < long.len());
    for (file, length) in (0..short.len()).map(|length| (&short, length)).chain(some.map(|length| (&long, length))) {
        let error = read(&file[..length]).expect_err("the file is cut off");
        let Fault::Truncated { length: told, needs } = error.fault else { panic!("{length}: {error}") };
        assert_eq!((error.offset, error.event), part_of(file, length), "cut at {length}");
        assert_eq!(told, length as u64);
        assert!(error.offset + needs > told, "cut at {length}: {error}");
    }
}

#[test]
fn every_flipped_bit_is_told_with_its_place() {
    let short = write(&trace_from(&(0..60).map(|i| (i % 4 == 1, i % 3, i * i)).collect::<Vec<_>>()));
    let long = write(&long_trace());
    let all = (0..short.len() * 8).map(|bit| (&short, bit));
    let some = (0..long.len() * 8).step_by(9973).map(|bit| (&long, bit));
    for (file, bit) in all.chain(some) {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = read(&damaged).expect_err("a bit is flipped");
        assert_eq!((error.offset, error.event), part_of(file, bit / 8), "bit {bit}: {error}");
    }
}

proptest! {
    #[test]
    fn traces_are_read_as_written(choices in vec((any::<bool>(), 0u32..4, any::<u32>()), 0..400)) {
        let trace = trace_from(&choices);
        prop_assert_eq!(read(&write(&trace)), Ok(trace));
    }

    #[test]
    fn damage_is_seen(
        choices in vec((any::<bool>(), 0u32..4, 0u32..5000), 0..100),
        places in vec((any::<prop::sample::Index>(), 1u8..), 1..8),
    ) {
        let file = write(&trace_from(&choices));
        let mut damaged = file.clone();
        for (place, with) in &places {
            damaged[place.index(file.len())] ^= with;
        }
        prop_assert_eq!(read(&damaged).is_ok(), damaged == file);
    }

    #[test]
    fn junk_is_no_trace(junk in vec(any::<u8>(), 0..200), header in any::<bool>()) {
        let mut file = if header { write(&Trace::default()) } else { Vec::new() };
        file.extend(&junk);
        let is_empty_trace = header && junk.is_empty();
        prop_assert_eq!(read(&file).is_ok(), is_empty_trace);
    }
}
