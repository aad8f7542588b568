//! The tests of a list's life in a program whose own memory comes from lists.

use lookaside_core::LookasideAlloc;

#[global_allocator]
static HEAP: LookasideAlloc = LookasideAlloc::new();

#[path = "life.rs"]
mod life;

use life::common::processes::{again, case, is_emulated, this_test};

#[test]
fn the_lists_serve_this_program() {
    // Another thread may be making them.
    while HEAP.statistics(4).is_none() {
        drop(std::hint::black_box(String::from("1234")));
    }
    let before = HEAP.statistics(4).unwrap().list;
    let strings: Vec<String> = (5000..9000).map(|number| number.to_string()).collect();
    assert_eq!(strings[3999], "8999");
    drop(strings);
    let after = HEAP.statistics(4).unwrap().list;
    assert!(after.total_allocates >= before.total_allocates + 4000, "{after:#?}");
    assert!(after.total_frees >= before.total_frees + 4000, "{after:#?}");
}

/// The program's own memory is a row of the usage by tag: what the lists took from the heap, and what the heap served
/// in their place.
#[test]
fn the_usage_by_tag_has_this_program() {
    while HEAP.statistics(4).is_none() {
        drop(std::hint::black_box(String::from("1234")));
    }
    let held: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
    let mut own = None;
    lookaside_core::tags(lookaside_core::TagOrder::Tag, &mut |row| {
        if row.tag == lookaside_core::Tag::new(*b"Rust") {
            own = Some(*row);
        }
    })
    .unwrap();
    let own = own.expect("a row");
    let (served_by_heap, _) = HEAP.served_by_heap();
    assert!(own.paged && own.allocates >= served_by_heap && served_by_heap > 0, "{own:?}");
    // Each string has a block of 16 bytes.
    assert!(own.difference() >= 100_000 && own.bytes >= 1_600_000, "{own:?}");
    drop(held);
}

/// Under Valgrind's memcheck the heap serves this program, so that a use after free is reported with its line, and with
/// those of the allocation and of the free.
#[test]
#[cfg(target_env = "gnu")] // Memcheck finds the heap of no other C library.
fn memcheck_sees_each_block_of_this_program() {
    const WRAPPER: [&str; 5] = ["env", "-u", "LOOKASIDE_ENGINE", "valgrind", "--num-callers=40"];
    const LINES: [u32; 3] = [line!() + 6, line!() + 8, line!() + 10];
    if case().is_some() {
        // From the list, which is made after some calls.
        while HEAP.statistics(64).is_none() {
            drop(std::hint::black_box(Box::new([1u64; 8])));
        }
        let pointer = Box::into_raw(Box::new([1u64; 8]));
        // SAFETY: it came from a box.
        unsafe { drop(Box::from_raw(pointer)) };
        // SAFETY: none: this is the fault that the tool is to find.
        unsafe { pointer.cast::<u8>().write_volatile(0) };
        return;
    }
    if is_emulated() {
        println!("SKIP: valgrind runs no program of another processor");
        return;
    }
    if std::process::Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIP: valgrind is not installed");
        return;
    }
    let output = again(this_test!(), "use", &WRAPPER);
    let reported = String::from_utf8_lossy(&output.stderr);
    assert!(reported.contains("Invalid write of size 1"), "{reported}");
    for line in LINES {
        assert!(reported.contains(&format!("global_life.rs:{line}")), "no line {line} in {reported}");
    }
}
