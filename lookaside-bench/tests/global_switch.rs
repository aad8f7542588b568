//! The switch between global allocators: the one that the environment names serves, from the first allocation on.

use std::alloc::{GlobalAlloc, Layout};
use std::env;
use std::process::Command;

use lookaside_bench::global::switch::{Allocator, Switch, VARIABLE, serving};
use lookaside_core::LookasideAlloc;

#[global_allocator]
static HEAP: Switch = Switch;

const SIZE: usize = 48;

/// Whether jemalloc knows the block as its own.
fn is_of_jemalloc(block: *mut u8) -> bool {
    let (mut arena, mut length) = (0u32, size_of::<u32>());
    // SAFETY: the call reads the pointer as a number, looks for it among jemalloc's memory, and writes a number of this length.
    let status = unsafe {
        tikv_jemalloc_sys::mallctl(
            c"arenas.lookup".as_ptr(),
            (&raw mut arena).cast(),
            &raw mut length,
            (&raw const block).cast_mut().cast(),
            size_of::<*mut u8>(),
        )
    };
    status == 0
}

fn is_of_mimalloc(block: *mut u8) -> bool {
    // SAFETY: the call looks for the address among mimalloc's memory.
    unsafe { libmimalloc_sys::mi_is_in_heap_region(block.cast()) }
}

/// Allocations of this size that `LookasideAlloc` was asked for.
fn asked_of_lookaside() -> u64 {
    let lists = LookasideAlloc::new().statistics(SIZE).map_or(0, |list| list.list.total_allocates);
    lists + LookasideAlloc::new().served_by_heap().0
}

/// Every call of the interface goes to the allocator that serves, and to no other.
#[test]
fn the_one_that_is_named_serves() {
    let named = env::var(VARIABLE).unwrap_or_default();
    let expected = match &*named {
        "jemalloc" => Allocator::Jemalloc,
        "mimalloc" => Allocator::Mimalloc,
        "lookaside" => Allocator::Lookaside,
        _ => Allocator::System,
    };
    assert_eq!(serving(), Some(expected), "{named:?}");

    let layout = Layout::from_size_align(SIZE, 16).unwrap();
    for round in 0..5000 {
        let before = asked_of_lookaside();
        // SAFETY: each block is used within its layout, and given back once.
        let (block, zeroed, moved) = unsafe {
            let (block, zeroed) = (HEAP.alloc(layout), HEAP.alloc_zeroed(layout));
            assert!(!block.is_null() && !zeroed.is_null());
            assert!((0..SIZE).all(|at| *zeroed.add(at) == 0));
            block.write_bytes(7, SIZE);
            let moved = HEAP.realloc(block, layout, 4 * SIZE);
            assert!((0..SIZE).all(|at| *moved.add(at) == 7));
            zeroed.write_bytes(1, SIZE);
            (block, zeroed, moved)
        };
        assert!(asked_of_lookaside() >= before + if expected == Allocator::Lookaside { 2 } else { 0 }, "{round}");
        assert_eq!(asked_of_lookaside() > 0, expected == Allocator::Lookaside);
        for block in [zeroed, moved] {
            assert_eq!(is_of_jemalloc(block), expected == Allocator::Jemalloc, "{round}: {block:p}");
            assert_eq!(is_of_mimalloc(block), expected == Allocator::Mimalloc, "{round}: {block:p}");
        }
        _ = block;
        // SAFETY: as above.
        unsafe {
            HEAP.dealloc(zeroed, layout);
            HEAP.dealloc(moved, Layout::from_size_align(4 * SIZE, 16).unwrap());
        }
    }
}

/// The test above, in processes of its own with each name, with one that no allocator has, and with none.
#[test]
fn each_can_be_named() {
    if env::var_os(VARIABLE).is_some() {
        return;
    }
    for name in ["system", "jemalloc", "mimalloc", "lookaside", "malloc", ""] {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_one_that_is_named_serves"])
            .env(VARIABLE, name)
            .output()
            .unwrap();
        let reported = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && reported.contains("1 passed"), "{name}: {reported}");
    }
}
