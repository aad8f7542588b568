//! What the trace format promises: what is written is read again, and no damage goes unseen or ends in a panic.

use std::io::{Read, Write};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use lookaside_bench::trace::events::{Action, Event, Trace};
use lookaside_bench::trace::format::{read, write};
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
    assert_eq!(read(&write(&trace)).unwrap(), trace);
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
        assert_eq!(error.root_cause().to_string(), "the file ends too early", "cut at {length}");
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

/// What every trace begins with: the header of its gzip file, and within that eight bytes.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
const MAGIC: &[u8] = b"LKTRACE2";

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().operating_system(HEADER[9]).write(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn error(file: &[u8]) -> String {
    format!("{:#}", read(file).expect_err("the file is forged"))
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
    assert_eq!(bytes, [MAGIC, &[12, 0x90, 3, 6, 5, 4, 2, 1]].concat());
    assert_eq!(read(&file).unwrap(), trace);
}

#[test]
fn impossible_events_are_reported_by_number() {
    let (missing, malformed) = ("it frees a block that was not allocated before", "the next number is malformed");
    let cases: [(&[u8], u64, &str); 9] = [
        (&[1], 0, missing),
        (&[64, 5], 1, missing),
        (&[64, 64, 1, 1], 3, "it frees a block that was freed already"),
        (&[64, 2 | 2 << 2, 64], 1, "its thread number leaves a gap"),
        (&[0xfc, 0xff, 0xff, 0xff, 0x3f], 0, "the size is above the largest that a trace can hold"),
        (&[64, 3], 1, malformed),
        (&[64, 6, 6], 1, malformed),
        (&[64, 6], 1, malformed),
        (&[64, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 1, malformed),
    ];
    for (numbers, event, fault) in cases {
        let error = error(&compressed(&[MAGIC, numbers].concat()));
        assert!(error.starts_with(&format!("after {event} events: ")) && error.ends_with(fault), "{error}");
    }
}

#[test]
fn files_that_are_no_traces_are_known() {
    let first_version = b"LKTRACE\0\x01\0\0\0";
    for file in [first_version, &b"#!/bin/sh\n"[..], &compressed(b"something else")] {
        assert_eq!(error(file), "after 0 events: this is not a lookaside trace");
    }
    let empty = write(&Trace::default());
    assert_eq!(read(&empty).unwrap(), Trace::default());
    for more in [&[0], empty.as_slice()] {
        assert_eq!(error(&[&empty, more].concat()), "after 0 events: the file goes on after its end");
    }
    assert_eq!(error(&empty[..9]), "after 0 events: the file ends too early");
}

proptest! {
    #[test]
    fn traces_are_read_as_written(choices in vec((any::<bool>(), 0u32..4, any::<u32>()), 0..400)) {
        let trace = trace_from(&choices);
        prop_assert_eq!(read(&write(&trace)).unwrap(), trace);
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
