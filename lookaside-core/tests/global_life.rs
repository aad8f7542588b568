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
