//! The tests of a list's life in a program whose own memory comes from lists.

use lookaside_core::LookasideAlloc;

#[global_allocator]
static HEAP: LookasideAlloc = LookasideAlloc::new();

#[path = "life.rs"]
mod life;

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
