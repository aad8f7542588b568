//! A signal handler that calls `try_allocate` after every single instruction of every call, also under the library's
//! locks: nothing hangs, no block is in two hands, and each call is counted once.
#![cfg(all(target_arch = "x86_64", target_env = "gnu"))]

mod common;

use std::collections::HashSet;
use std::ffi::{c_int, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};

use common::processes::{give, in_child, take};
use common::{assert_identities, engines};
use lookaside_core::{EngineKind, LookasideList, RawList, Topology, Tuning, adjust_depth};

/// What the handler allocates from.
static LIST: AtomicPtr<RawList> = AtomicPtr::new(null_mut());
/// Whether the thread goes on instruction by instruction.
static STEPPING: AtomicBool = AtomicBool::new(false);
static STEPS: AtomicUsize = AtomicUsize::new(0);
/// The handler acts on each step whose number is a multiple of this.
static EVERY: AtomicUsize = AtomicUsize::new(1);
/// Blocks that the handler has.
static GOT: [AtomicPtr<u8>; 64] = [const { AtomicPtr::new(null_mut()) }; 64];
static COUNT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn trap(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    const TRAP_FLAG: libc::greg_t = 0x100;
    // SAFETY: the system gives a context of this type, whose flags the thread goes on with.
    let flags = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_EFL as usize] };
    if !STEPPING.load(Relaxed) {
        *flags &= !TRAP_FLAG;
        return;
    }
    *flags |= TRAP_FLAG;
    let count = COUNT.load(Relaxed);
    if (STEPS.fetch_add(1, Relaxed) + 1) % EVERY.load(Relaxed) == 0 && count < GOT.len() {
        // SAFETY: the list is live while it is stepped, and a handler may call this.
        let block = unsafe { RawList::try_allocate(LIST.load(Relaxed)) };
        if !block.is_null() {
            GOT[count].store(block, Relaxed);
            COUNT.store(count + 1, Relaxed);
        }
    }
}

/// Runs the work instruction by instruction.
fn stepped<T>(work: impl FnOnce() -> T) -> T {
    STEPPING.store(true, Relaxed);
    // SAFETY: its handler is `trap`, which leaves the thread as it was but for the flag.
    unsafe { libc::raise(libc::SIGTRAP) };
    let result = work();
    STEPPING.store(false, Relaxed);
    result
}

fn handle_traps() {
    // SAFETY: a zeroed action is valid, and the handler is a function of the type that SA_SIGINFO asks for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = trap as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGTRAP, &action, null_mut()), 0);
    }
}

/// Gives the handler's blocks back; returns how many there were. None of them is among these.
fn give_back_what_the_handler_got(list: &LookasideList, held: &[NonNull<u8>]) -> u64 {
    let count = COUNT.swap(0, Relaxed);
    let got: Vec<_> = GOT[..count].iter().map(|block| NonNull::new(block.load(Relaxed)).unwrap()).collect();
    let different: HashSet<_> = got.iter().chain(held).collect();
    assert_eq!(different.len(), count + held.len(), "a block is in two hands");
    give(list, got);
    count as u64
}

fn step_through(engine: EngineKind, topology: Topology) -> bool {
    handle_traps();
    let describe = || LookasideList::builder(64).engine(engine).topology(topology).tuning(Tuning::Manual);
    let list = describe().maximum_depth(64).initial_depth(16).build().unwrap();
    LIST.store(list.as_raw().cast_mut(), Relaxed);
    // The first call opens what it uses.
    let blocks = stepped(|| take(&list, 1));
    let mut allocates = 1 + give_back_what_the_handler_got(&list, &blocks);
    give(&list, blocks);
    for round in 0..3 {
        EVERY.store(1 + round, Relaxed);
        // What the processor list holds when the stepping begins.
        give(&list, take(&list, 12));
        let blocks = stepped(|| take(&list, 2));
        allocates += 14 + give_back_what_the_handler_got(&list, &blocks);
        stepped(|| give(&list, blocks));
        let mut run = [null_mut(); 3];
        let count = stepped(|| list.allocate_many(&mut run));
        let blocks: Vec<_> = run[..count].iter().map(|block| NonNull::new(*block).unwrap()).collect();
        allocates += count as u64 + give_back_what_the_handler_got(&list, &blocks);
        // SAFETY: the blocks are of this list, and freed once.
        stepped(|| unsafe { list.free_many(&run[..count]) });
        for call in [round, round + 3] {
            stepped(|| match call {
                0 => list.flush(),
                1 => list.trim(),
                2 => adjust_depth(),
                3 => _ = list.prefill(9).unwrap(),
                4 => _ = list.statistics(),
                _ => give(&describe().build().unwrap(), Vec::new()),
            });
            allocates += give_back_what_the_handler_got(&list, &[]);
        }
    }
    let statistics = list.statistics();
    assert_identities(&statistics);
    assert_eq!((statistics.outstanding, statistics.list.total_allocates), (0, allocates));
    LIST.store(null::<RawList>().cast_mut(), Relaxed);
    STEPS.load(Relaxed) > 1000
}

#[test]
fn a_handler_may_allocate_after_every_instruction() {
    // Engines differ in the parts of processors, of which a general list has none.
    let pairs = engines().into_iter().map(|engine| (engine, Topology::Pair));
    for (engine, topology) in pairs.chain([(EngineKind::TryLock, Topology::General)]) {
        // In a child, so that a call that waits for what it interrupted is seen to hang.
        in_child(|| step_through(engine, topology));
    }
}
