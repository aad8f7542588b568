//! `LookasideAlloc` as the allocator of a whole program: other people's crates, many threads, and the moments at which
//! allocators fail, which are before `main`, at a thread's end and after a fork.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;

use lookaside_core::LookasideAlloc;
use serde_json::{Value, json};

#[global_allocator]
static HEAP: LookasideAlloc = LookasideAlloc::new();

/// What `early` found, before `main`.
static EARLY_SUM: AtomicU64 = AtomicU64::new(0);
static EARLY_ALLOCATES: AtomicU64 = AtomicU64::new(0);
/// Blocks that were allocated before `main`, to be freed by a test.
static EARLY_BLOCKS: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

/// Uses the heap from its first call on until there are lists, and on.
extern "C" fn early() {
    let words: Vec<String> = (0..3000u64).map(|number| number.to_string()).collect();
    EARLY_SUM.store(words.iter().map(|word| word.parse::<u64>().unwrap()).sum(), Relaxed);
    EARLY_ALLOCATES.store(HEAP.statistics(4).map_or(0, |list| list.list.total_allocates), Relaxed);
    *EARLY_BLOCKS.lock().unwrap() = words;
}

#[used]
#[unsafe(link_section = ".init_array")]
static EARLY: extern "C" fn() = early;

#[test]
fn the_heap_works_before_main() {
    assert_eq!(EARLY_SUM.load(Relaxed), 3000 * 2999 / 2);
    let (heap_allocates, _) = HEAP.served_by_heap();
    assert!(heap_allocates >= 900, "a program's first calls go to the heap: {heap_allocates}");
    assert!(EARLY_ALLOCATES.load(Relaxed) >= 1900, "and then there are lists");
    // Blocks that the heap gave before there were lists go into the lists.
    let before = HEAP.statistics(4).unwrap().list.total_frees;
    let words = std::mem::take(&mut *EARLY_BLOCKS.lock().unwrap());
    assert!(words.iter().enumerate().all(|(number, word)| *word == number.to_string()));
    drop(words);
    assert!(HEAP.statistics(4).unwrap().list.total_frees >= before + 3000);
}

/// A document with every kind of value, deep and wide.
fn document(seed: u64) -> Value {
    let items: Vec<Value> = (0..200)
        .map(|item| {
            json!({
                "id": seed * 1000 + item,
                "name": format!("item {item} of {seed}"),
                "tags": (0..item % 7).map(|tag| format!("tag-{tag}")).collect::<Vec<_>>(),
                "nested": { "deep": { "deeper": [1.5, -2, null, true, { "x": "\u{e9}\"\\\n" }] } },
            })
        })
        .collect();
    json!({ "seed": seed, "items": items })
}

#[test]
fn json_is_parsed_and_written() {
    std::thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || {
                for round in 0..10 {
                    let value = document(seed * 10 + round);
                    let text = serde_json::to_string(&value).unwrap();
                    let again: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(value, again);
                    assert_eq!(serde_json::to_string_pretty(&again).unwrap().parse::<Value>().unwrap(), value);
                    assert_eq!(again["items"].as_array().unwrap().len(), 200);
                }
            });
        }
    });
}

#[test]
fn regular_expressions_match() {
    let text: String =
        (0..2000).map(|line| format!("line {line}: user{}@host{}.example\n", line % 13, line % 7)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let text = &text;
            scope.spawn(move || {
                for _ in 0..5 {
                    let pattern = format!(r"(?m)^line (\d+): (?<user>user{thread})@(?<host>host\d)\.example$");
                    let expression = regex::Regex::new(&pattern).unwrap();
                    let found: Vec<(u32, String)> = expression
                        .captures_iter(text)
                        .map(|captures| (captures[1].parse().unwrap(), captures["host"].to_owned()))
                        .collect();
                    let expected: Vec<(u32, String)> = (0..2000)
                        .filter(|line| line % 13 == thread)
                        .map(|line| (line, format!("host{}", line % 7)))
                        .collect();
                    assert_eq!(found, expected);
                }
            });
        }
    });
}

/// Maps of all sizes are built, changed and torn down, and their parts travel between threads, so that many blocks are freed
/// where they were not allocated.
#[test]
fn trees_and_maps_churn_over_many_threads() {
    const THREADS: u64 = 12;
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| mpsc::channel::<BTreeMap<u64, Vec<u8>>>()).unzip();
    std::thread::scope(|scope| {
        for (thread, receiver) in (0..THREADS).zip(receivers) {
            let next = senders[(thread as usize + 1) % senders.len()].clone();
            scope.spawn(move || {
                let mut random = thread * 0x9E37_79B9 + 1;
                let mut map: HashMap<u64, (u64, Box<[u64]>)> = HashMap::new();
                for round in 0..200u64 {
                    let mut tree = BTreeMap::new();
                    for _ in 0..100 {
                        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                        let key = random >> 33;
                        tree.insert(key, vec![(key % 251) as u8; (key % 700) as usize]);
                        map.insert(key % 512, (key, vec![key; (key % 40) as usize].into_boxed_slice()));
                        if key % 3 == 0 {
                            map.remove(&(key / 3 % 512));
                        }
                    }
                    // The neighbour may have ended already.
                    let _ = next.send(tree);
                    if round > 0 {
                        let Ok(tree) = receiver.recv() else { break };
                        for (key, bytes) in tree {
                            assert_eq!(bytes.len() as u64, key % 700);
                            assert!(bytes.iter().all(|byte| *byte == (key % 251) as u8));
                        }
                    }
                }
                assert!(map.values().all(|(key, values)| values.iter().all(|value| value == key)));
            });
        }
        drop(senders);
    });
}

/// Values of each size are kept while others come and go; each keeps its bytes and its alignment through every reallocation.
#[test]
fn blocks_keep_what_they_hold_through_reallocation() {
    let layouts = [(1, 1), (16, 16), (17, 1), (100, 64), (512, 16), (513, 8), (4000, 4096), (30, 32)];
    let sizes = [1, 2, 15, 16, 17, 100, 112, 113, 511, 512, 513, 600, 5000, 100_000, 3];
    for (size, alignment) in layouts {
        let mut layout = Layout::from_size_align(size, alignment).unwrap();
        // SAFETY: each block is used within its layout, and given back once by it.
        unsafe {
            let mut block = HEAP.alloc_zeroed(layout);
            assert!((0..size).all(|at| *block.add(at) == 0));
            for (round, new_size) in sizes.into_iter().enumerate() {
                block.write_bytes(round as u8 + 1, layout.size());
                block = HEAP.realloc(block, layout, new_size);
                assert!(!block.is_null() && block.addr().is_multiple_of(alignment));
                let kept = layout.size().min(new_size);
                assert!((0..kept).all(|at| *block.add(at) == round as u8 + 1), "{size} {alignment} {new_size}");
                layout = Layout::from_size_align(new_size, alignment).unwrap();
            }
            HEAP.dealloc(block, layout);
        }
    }
}

/// Zeroes are zeroes where they are asked for, whether a list gives a block again, a slab one beside those in use, or the
/// system one that no one had.
#[test]
fn zeroed_blocks_are_zeroed() {
    let large = (1..=4).flat_map(|pages| [pages * 4096 - 1, pages * 4096, pages * 4096 + 1]).chain([20_000, 32_768]);
    for size in (1..=600).step_by(7).chain(large) {
        let mut held: Vec<Vec<u8>> = Vec::new();
        for round in 0..4 {
            let dirty: Vec<Vec<u8>> = (0..20 * round).map(|_| vec![0xA5; size]).collect();
            held.truncate(held.len() / 2);
            drop(dirty);
            for _ in 0..20 {
                let mut block = vec![0u8; size];
                assert!(block.iter().all(|byte| *byte == 0), "{size}, round {round}");
                block.fill(0x5A);
                held.push(block);
            }
        }
        assert!(held.iter().flatten().all(|byte| *byte == 0x5A), "{size}");
    }
}

#[test]
fn a_request_that_nobody_can_serve_is_a_null() {
    let layout = Layout::from_size_align(isize::MAX as usize - 4096, 1).unwrap();
    // SAFETY: there is no such block.
    assert!(unsafe { HEAP.alloc(layout) }.is_null());
    let mut vector: Vec<u8> = vec![1; 100];
    assert!(vector.try_reserve(isize::MAX as usize - 4096).is_err());
    assert!(vector.iter().all(|byte| *byte == 1), "the old block is as before");
}

/// Thread-local values are dropped when their thread ends, and their destructors use the heap, in whatever order they come.
#[test]
fn destructors_at_the_end_of_a_thread_use_the_heap() {
    static DROPPED: AtomicU64 = AtomicU64::new(0);
    struct Late(VecDeque<String>);
    impl Drop for Late {
        fn drop(&mut self) {
            let joined: String = self.0.drain(..).collect::<Vec<_>>().join(",");
            let value: Value = serde_json::from_str(&format!("[{joined}]")).unwrap();
            assert_eq!(value.as_array().unwrap().len(), 50);
            DROPPED.fetch_add(1, Relaxed);
        }
    }
    thread_local! {
        static FIRST: RefCell<Late> = RefCell::new(Late((0..50).map(|n| n.to_string()).collect()));
        static SECOND: RefCell<Late> = RefCell::new(Late((0..50).map(|n| format!("\"{n}\"")).collect()));
    }
    for _ in 0..50 {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| {
                    FIRST.with_borrow(|first| first.0.len()) + SECOND.with_borrow(|second| second.0.len())
                })
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 100));
    }
    assert_eq!(DROPPED.load(Relaxed), 50 * 8 * 2);
}

/// The child of a busy program goes on with its heap.
#[test]
fn the_child_of_a_fork_uses_the_heap() {
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 0..3 {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Relaxed) {
                    assert_eq!(document(seed)["seed"], seed);
                }
            });
        }
        for round in 0..100 {
            // SAFETY: the child uses the heap (glibc makes its own sound after a fork) and _exit.
            let status = unsafe {
                match libc::fork() {
                    0 => {
                        // A child that hangs is killed.
                        libc::alarm(3600);
                        let value = document(round);
                        let again: Value = serde_json::from_str(&value.to_string()).unwrap();
                        libc::_exit(if again == value { 0 } else { 1 });
                    }
                    child => {
                        assert!(child > 0);
                        let mut status = 0;
                        assert_eq!(libc::waitpid(child, &mut status, 0), child);
                        status
                    }
                }
            };
            if status != 0 {
                done.store(true, Relaxed);
                panic!("the child ended with status {status:#x}");
            }
        }
        done.store(true, Relaxed);
    });
}
