//! One processor's list is closed over and over while its owner moves whole batches: the case in which a batch takes
//! every block, and so stores what a careless closer would take for its own word; the case in which blocks remain; and
//! the case in which a block is put in.
//!
//! Every block has a state outside of it, so that a block that is in two places at once is found at once, and a lost one
//! at the end. Calls are counted beside the list, which must count the same: a free that stored a header of the time
//! when the list was closed would show as hits that were none.
//! `LOOKASIDE_TEST_CLOSINGS` sets how many closings each case does (default 10,000).

mod common;

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};

use common::{allowed_processors, engines, move_to};
use lookaside_core::{AllocateCallback, EngineKind, FreeCallback, LookasideList, PoolType, Tag, Tuning};

const BLOCKS: usize = 1 << 18;
const SIZE: usize = 64;

const IN_POOL: u8 = 0;
const IN_LIST: u8 = 1;
const HELD: u8 = 2;

#[repr(align(64))]
struct Arena(#[expect(dead_code, reason = "the blocks are only addresses")] [u8; BLOCKS * SIZE]);

/// Blocks are only ever named by their address here; none is touched.
static ARENA: Arena = Arena([0; BLOCKS * SIZE]);
static STATES: [AtomicU8; BLOCKS] = [const { AtomicU8::new(IN_POOL) }; BLOCKS];
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static NEVER_USED: AtomicUsize = AtomicUsize::new(0);
static FAULTS: AtomicU64 = AtomicU64::new(0);
static ALLOCATES: AtomicU64 = AtomicU64::new(0);

fn index(block: usize) -> usize {
    (block - (&raw const ARENA).addr()) / SIZE
}

fn expect(block: usize, before: u8, after: u8) {
    if STATES[index(block)].swap(after, SeqCst) != before {
        FAULTS.fetch_add(1, SeqCst);
    }
}

unsafe extern "C-unwind" fn allocate(_: PoolType, _: usize, _: Tag) -> *mut c_void {
    let index = FREE.lock().unwrap().pop().unwrap_or_else(|| NEVER_USED.fetch_add(1, Relaxed));
    assert!(index < BLOCKS);
    let block = (&raw const ARENA).cast::<u8>().wrapping_add(index * SIZE);
    expect(block.addr(), IN_POOL, IN_LIST);
    block.cast_mut().cast()
}

unsafe extern "C-unwind" fn free(block: *mut c_void) {
    expect(block.addr(), IN_LIST, IN_POOL);
    FREE.lock().unwrap().push(index(block.addr()));
}

fn closings() -> u64 {
    std::env::var("LOOKASIDE_TEST_CLOSINGS").ok().map_or(10_000, |count| count.parse().unwrap())
}

/// A block of the list, counted.
fn take(list: &LookasideList) -> NonNull<u8> {
    ALLOCATES.fetch_add(1, Relaxed);
    let block = list.allocate().unwrap();
    expect(block.addr().get(), IN_LIST, HELD);
    block
}

/// Closes the list of this processor, which another thread uses.
type Close = fn(&LookasideList, u32);

fn run(engine: EngineKind, maximum: u16, batch: u16, close: Close) {
    let builder = LookasideList::builder(SIZE).engine(engine).tuning(Tuning::Manual);
    let builder = builder.maximum_depth(maximum).initial_depth(maximum).batch(batch);
    // SAFETY: the routines belong together, may be called from anywhere, and no one touches the blocks.
    let builder = unsafe { builder.callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)) };
    let list = builder.build().unwrap();
    let allowed = allowed_processors();
    let owner = allowed[0] as u32;
    ALLOCATES.store(0, Relaxed);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            move_to(&allowed, 1);
            for closing in 0..closings() {
                close(&list, owner);
                // A call may be counted by the list, and not yet here, or the other way round.
                let counted = list.statistics().list.total_allocates;
                if counted.abs_diff(ALLOCATES.load(Relaxed)) > 1 << 40 {
                    FAULTS.fetch_add(1, SeqCst);
                }
                (0..closing * 7919 % 400).for_each(|_| std::hint::spin_loop());
                if FAULTS.load(SeqCst) != 0 {
                    break;
                }
            }
            done.store(true, SeqCst);
        });
        scope.spawn(|| {
            move_to(&allowed, 0);
            let mut held: Vec<NonNull<u8>> = Vec::new();
            let mut random = 88_172_645_463_325_252u64;
            while !done.load(SeqCst) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let count = random % (u64::from(maximum) * 2);
                if random & 1 << 50 == 0 {
                    let mut run = vec![std::ptr::null_mut(); count as usize];
                    ALLOCATES.fetch_add(count, Relaxed);
                    assert_eq!(list.allocate_many(&mut run), run.len());
                    run.iter().for_each(|block| expect(block.addr(), IN_LIST, HELD));
                    run.iter().for_each(|block| expect(block.addr(), HELD, IN_LIST));
                    // SAFETY: this thread held them.
                    unsafe { list.free_many(&run) };
                    continue;
                }
                for _ in 0..count {
                    held.push(take(&list));
                }
                for block in held.drain(..) {
                    expect(block.addr().get(), HELD, IN_LIST);
                    // SAFETY: this thread held it.
                    unsafe { list.free(block) };
                }
            }
        });
    });
    assert_eq!(
        FAULTS.load(SeqCst),
        0,
        "{engine:?}, maximum {maximum}, batch {batch}: a block was in two places, or hits were none"
    );
    let statistics = list.statistics();
    assert_eq!(statistics.list.total_allocates, ALLOCATES.load(Relaxed));
    assert_eq!(statistics.outstanding, 0);
    common::assert_identities(&statistics);
    drop(list);
    assert_eq!(FREE.lock().unwrap().len(), NEVER_USED.load(Relaxed), "{engine:?}, maximum {maximum}: a block was lost");
}

#[test]
fn a_closed_part_is_nobody_elses() {
    for engine in engines() {
        for (maximum, batch) in [(63, 63), (64, 63), (256, 63), (8, 8)] {
            run(engine, maximum, batch, |list, _| list.flush());
        }
        // What is above a depth of 4 goes, and 4 remain.
        run(engine, 64, 0, |list, _| {
            lookaside_core::adjust_depth();
            list.trim();
            let _ = list.prefill(64);
        });
        // A block comes in from afar, and now and then all go.
        run(engine, 64, 0, |list, owner| {
            let block = take(list);
            expect(block.addr().get(), HELD, IN_LIST);
            // SAFETY: this thread held it.
            unsafe { list.free_to_processor(block, owner) };
            if block.addr().get() / SIZE % 4 == 0 {
                list.flush();
            }
        });
    }
}
