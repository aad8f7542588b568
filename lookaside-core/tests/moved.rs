//! A thread is moved to another processor in the middle of a call that has several steps: after every few of its
//! instructions in turn. Whatever the steps found on either processor, no block is lost and list and pool count the same.
//!
//! The move is pretended from a handler of single steps, so that it comes exactly there. Within a section it shows only
//! after the section, as if the kernel had let that pass.
#![cfg(target_arch = "x86_64")]

mod common;

use std::arch::asm;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use common::{assert_identities, engines};
use lookaside_core::{EngineKind, LookasideList, PoolKind, PoolType, Topology, Tuning, hooks, pool_statistics};

/// The steps on processor lists come within so many instructions of an unoptimised call; the rest is the pool's.
const INSTRUCTIONS: u64 = 2400;
/// What lies between two sections is longer than that.
const STRIDE: usize = 24;
const TRAP: i64 = 0x100;

/// Instructions until the move.
static LEFT: AtomicU64 = AtomicU64::new(0);

extern "C" fn step(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if LEFT.fetch_sub(1, Relaxed) == 1 {
        hooks::pretend(1);
        // SAFETY: the kernel gives the handler its context.
        unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_EFL as usize] &= !TRAP };
    }
}

/// Does the work, and moves to processor 1 after so many instructions.
fn moved_after(instructions: u64, work: impl FnOnce()) {
    hooks::pretend(0);
    LEFT.store(instructions, Relaxed);
    // SAFETY: the flag changes nothing but that each instruction ends in the handler; what stands below the stack pointer
    // is not this function's, which makes calls.
    unsafe { asm!("pushfq", "or qword ptr [rsp], {trap}", "popfq", trap = const TRAP) };
    work();
    // SAFETY: as above.
    unsafe { asm!("pushfq", "and qword ptr [rsp], {rest}", "popfq", rest = const !TRAP) };
}

struct Case {
    engine: EngineKind,
    topology: Topology,
    /// Blocks that processor 1 has at first; `None` where its list was never used.
    beside: Option<usize>,
}

impl Case {
    /// A list in which processor 1 has its blocks.
    fn list(&self) -> LookasideList {
        let builder = LookasideList::builder(64).pool_type(PoolType::NON_PAGED_NX).engine(self.engine);
        let builder = builder.topology(self.topology).divisions(2).tuning(Tuning::Manual);
        let list = builder.maximum_depth(64).initial_depth(64).build().unwrap();
        if let Some(count) = self.beside {
            hooks::pretend(1);
            give(&list, take(&list, 300));
            list.flush();
            let mut blocks = vec![null_mut(); count];
            assert_eq!(list.allocate_many(&mut blocks), count);
            // What the last trip brought beyond them goes.
            list.flush();
            // SAFETY: the blocks are of this list, and freed once.
            unsafe { list.free_many(&blocks) };
        }
        hooks::pretend(0);
        list
    }
}

fn take(list: &LookasideList, count: usize) -> Vec<NonNull<u8>> {
    (0..count).map(|_| list.allocate().unwrap()).collect()
}

fn give(list: &LookasideList, blocks: Vec<NonNull<u8>>) {
    // SAFETY: the blocks are of this list, and freed once.
    blocks.into_iter().for_each(|block| unsafe { list.free(block) });
}

/// `prepare` makes the state before the call and answers what callers hold; `call` changes both.
fn run(
    case: &Case,
    prepare: impl Fn(&LookasideList) -> Vec<NonNull<u8>>,
    call: impl Fn(&LookasideList, &mut Vec<NonNull<u8>>),
) {
    let play = |instructions| {
        let list = case.list();
        let mut held = prepare(&list);
        moved_after(instructions, || call(&list, &mut held));
        let statistics = list.statistics();
        assert_identities(&statistics);
        assert_eq!(statistics.outstanding, held.len() as u64, "moved after {instructions} instructions");
        let of_list = pool_statistics(PoolKind::NonPaged).blocks;
        assert_eq!(of_list, statistics.outstanding + statistics.list.current_depth);
        let kept = statistics.list.current_depth as usize;
        // Everything that is kept comes out once.
        held.extend((0..2).flat_map(|processor| {
            hooks::pretend(processor);
            std::iter::from_fn(|| list.try_allocate())
        }));
        let all = held.len();
        held.sort_unstable();
        held.dedup();
        assert_eq!((held.len(), all), (all, statistics.outstanding as usize + kept));
        give(&list, held);
        assert_eq!(list.statistics().outstanding, 0);
    };
    (1..INSTRUCTIONS).step_by(STRIDE).for_each(play);
}

#[test]
fn a_call_may_be_moved_after_any_instruction() {
    if LookasideList::new(64).unwrap().statistics().processors < 2 {
        return eprintln!("SKIP: one processor alone is possible here");
    }
    // SAFETY: the handler does what a handler may.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = step as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGTRAP, &action, null_mut()), 0);
    }
    for engine in engines() {
        for (topology, beside) in [
            (Topology::Pair, None),
            (Topology::Pair, Some(1)),
            (Topology::Pair, Some(60)),
            (Topology::Single, Some(60)),
        ] {
            let case = Case { engine, topology, beside };
            // One that takes several blocks to the pool: found by giving until the pool has so many back.
            let list = case.list();
            let mut held = take(&list, 600);
            let taking = (0..600).find(|_| {
                let before = pool_statistics(PoolKind::NonPaged).blocks;
                give(&list, held.split_off(held.len() - 1));
                before - pool_statistics(PoolKind::NonPaged).blocks >= 4
            });
            give(&list, held);
            drop(list);
            let prepare = |list: &LookasideList| {
                let mut held = take(list, 600);
                give(list, held.split_off(600 - taking.unwrap()).into_iter().rev().collect());
                held
            };
            run(&case, prepare, |list, held| give(list, held.split_off(held.len() - 1)));

            // A run that brings the rest of a batch along.
            let prepare = |list: &LookasideList| {
                let mut held = take(list, 90);
                list.flush();
                give(list, held.split_off(90 - 62));
                held
            };
            run(&case, prepare, |list, held| {
                let blocks: Vec<_> = held.split_off(held.len() - 9).iter().map(|block| block.as_ptr()).collect();
                // SAFETY: the blocks are of this list, and freed once.
                unsafe { list.free_many(&blocks) };
            });
        }
    }
}
