//! What the trace format promises: what is written is read again, and no damage goes unseen or ends in a panic.

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

/// A trace that is longer than any buffer.
fn long_trace() -> Trace {
    let choices: Vec<_> =
        (0..140_000u32).map(|i| (i % 3 == 0, i / 50_000, i.wrapping_mul(2_654_435_761) >> 20)).collect();
    trace_from(&choices)
}

#[test]
fn long_traces_are_read_as_written() {
    let trace = long_trace();
    assert_eq!(read(&write(&trace)), Ok(trace));
}

/// A short file and a long one, with places in them: all of the one, some of the other.
fn places(files: &[Vec<u8>; 2], in_byte: usize, step: usize) -> Vec<(&[u8], usize)> {
    let [short, long] = files;
    let all = (0..short.len() * in_byte).map(|place| (short.as_slice(), place));
    all.chain((0..long.len() * in_byte).step_by(step).map(|place| (long.as_slice(), place))).collect()
}

fn files() -> [Vec<u8>; 2] {
    [trace_from(&(0..60).map(|i| (i % 4 == 1, i % 3, i * i)).collect::<Vec<_>>()), long_trace()]
        .map(|trace| write(&trace))
}

#[test]
fn every_truncation_is_reported() {
    for (file, length) in places(&files(), 1, 1999) {
        let error = read(&file[..length]).expect_err("the file is cut off");
        assert_eq!(error.fault, Fault::Truncated, "cut at {length}: {error}");
    }
}

/// A few bits say nothing: those that fill the last byte of what is compressed.
#[test]
fn every_flipped_bit_is_reported_or_changes_nothing() {
    let files = files();
    let traces = [&files[0], &files[1]].map(|file| read(file).unwrap());
    let mut unseen = 0;
    for (file, bit) in places(&files, 8, 19_937) {
        let mut damaged = file.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(trace) = read(&damaged) {
            assert!(traces.contains(&trace), "bit {bit}");
            unseen += 1;
        }
    }
    assert!(unseen < 8, "{unseen}");
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
        let trace = trace_from(&choices);
        let file = write(&trace);
        let mut damaged = file.clone();
        for (place, with) in &places {
            damaged[place.index(file.len())] ^= with;
        }
        prop_assert!(read(&damaged).is_ok_and(|read| read == trace) || damaged != file && read(&damaged).is_err());
    }

    #[test]
    fn junk_is_no_trace(junk in vec(any::<u8>(), 0..200), header in any::<bool>()) {
        let mut file = if header { write(&Trace::default()) } else { Vec::new() };
        file.extend(&junk);
        let is_empty_trace = header && junk.is_empty();
        prop_assert_eq!(read(&file).is_ok(), is_empty_trace);
    }
}
