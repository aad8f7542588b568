//! Instructions of one allocate plus one free, by way in. `ci/callgrind.sh` runs this, and compares with the committed
//! table in `docs/instructions.md`, whose rows are the names here: those that end with an engine are in its column.
#![allow(missing_docs, reason = "the macros make public modules and functions")]

#[path = "ways_in.rs"]
mod ways_in;

use std::time::Duration;

use anyhow::Context;
use iai_callgrind::{library_benchmark, library_benchmark_group, main};
use lookaside_bench::ground::measure::Routine;
use lookaside_bench::{matrix, workloads};
use lookaside_core::{EngineKind, hooks};

/// How many pairs are counted, after as many to warm up: whole batches of 128.
pub const PAIRS: u64 = 160 * 128;

#[derive(Clone, Copy)]
enum Kind {
    Pair,
    Batch128,
}
use Kind::{Batch128, Pair};

/// A way in, warm.
pub struct Counted(Box<Routine<'static>>);

impl Counted {
    /// Makes the contender or the way of this name, and warms it up.
    ///
    /// Valgrind has no restartable sequences. Under it a thread's area is the library's own, into which processor 0 is
    /// written, so that the very sections run that run elsewhere. They are not aborted there, and need not be: one
    /// thread alone uses the lists.
    fn new(name: &str, kind: Kind, engine: EngineKind) -> anyhow::Result<Self> {
        // SAFETY: the thread that counts is the only one that uses lists.
        unsafe {
            hooks::pretend_engine(engine);
            // A slot is the thread's at its first miss, as everywhere.
            if engine != EngineKind::Slots {
                hooks::pretend(0);
            }
        }
        let workload = workloads::by_name(match kind {
            Pair => "pair",
            Batch128 => "batch128",
        });
        let workload = workload.context("no such workload")?;
        let contender = matrix::contender(name).map(|entry| entry.routine(workload, ways_in::SIZE, 1));
        let way = contender.or_else(|| ways_in::by_name(name, workload));
        let mut routine = way.context("no such way in")??;
        routine(PAIRS);
        Ok(Self(routine))
    }

    /// Does the pairs that are counted.
    #[inline(never)]
    pub fn count(&mut self) -> Duration {
        (self.0)(PAIRS)
    }
}

fn rseq(name: &str, kind: Kind) -> Counted {
    Counted::new(name, kind, EngineKind::Rseq).unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

fn slots(name: &str, kind: Kind) -> Counted {
    Counted::new(name, kind, EngineKind::Slots).unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

fn trylock(name: &str, kind: Kind) -> Counted {
    Counted::new(name, kind, EngineKind::TryLock).unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

#[library_benchmark]
#[bench::empty_loop(rseq("loop", Pair))]
#[bench::vec(rseq("vec", Pair))]
#[bench::rust_rseq(rseq("lookaside", Pair))]
#[bench::rust_slots(slots("lookaside", Pair))]
#[bench::rust_trylock(trylock("lookaside", Pair))]
#[bench::c_rseq(rseq("c", Pair))]
#[bench::c_slots(slots("c", Pair))]
#[bench::c_trylock(trylock("c", Pair))]
#[bench::c_inline_rseq(rseq("lookaside-c-inline", Pair))]
#[bench::c_inline_slots(slots("lookaside-c-inline", Pair))]
#[bench::c_inline_trylock(trylock("lookaside-c-inline", Pair))]
#[bench::wdm_rseq(rseq("wdm", Pair))]
#[bench::wdm_slots(slots("wdm", Pair))]
#[bench::wdm_trylock(trylock("wdm", Pair))]
#[bench::typed_rseq(rseq("typed", Pair))]
#[bench::typed_slots(slots("typed", Pair))]
#[bench::typed_trylock(trylock("typed", Pair))]
#[bench::object_cache_rseq(rseq("object-cache", Pair))]
#[bench::object_cache_slots(slots("object-cache", Pair))]
#[bench::object_cache_trylock(trylock("object-cache", Pair))]
#[bench::try_allocate_rseq(rseq("try-allocate", Pair))]
#[bench::try_allocate_slots(slots("try-allocate", Pair))]
#[bench::try_allocate_trylock(trylock("try-allocate", Pair))]
#[bench::small_pool_rseq(rseq("small-pool", Pair))]
#[bench::small_pool_slots(slots("small-pool", Pair))]
#[bench::small_pool_trylock(trylock("small-pool", Pair))]
#[bench::tagged_rseq(rseq("small-pool-tagged", Pair))]
#[bench::tagged_slots(slots("small-pool-tagged", Pair))]
#[bench::tagged_trylock(trylock("small-pool-tagged", Pair))]
#[bench::tagged_sized_rseq(rseq("tagged-sized", Pair))]
#[bench::tagged_sized_slots(slots("tagged-sized", Pair))]
#[bench::tagged_sized_trylock(trylock("tagged-sized", Pair))]
#[bench::global_rseq(rseq("global", Pair))]
#[bench::global_slots(slots("global", Pair))]
#[bench::global_trylock(trylock("global", Pair))]
#[bench::many8_rseq(rseq("many8", Pair))]
#[bench::many8_slots(slots("many8", Pair))]
#[bench::many8_trylock(trylock("many8", Pair))]
#[bench::many32_rseq(rseq("many32", Pair))]
#[bench::many32_slots(slots("many32", Pair))]
#[bench::many32_trylock(trylock("many32", Pair))]
#[bench::many128_rseq(rseq("many128", Pair))]
#[bench::many128_slots(slots("many128", Pair))]
#[bench::many128_trylock(trylock("many128", Pair))]
#[bench::local_cache_rseq(rseq("local-cache", Pair))]
#[bench::local_cache_slots(slots("local-cache", Pair))]
#[bench::local_cache_trylock(trylock("local-cache", Pair))]
#[bench::general(rseq("general", Pair))]
#[bench::wdm_general(rseq("wdm-general", Pair))]
#[bench::verified(rseq("verified", Pair))]
#[bench::shared_rseq(rseq("shared", Batch128))]
#[bench::shared_slots(slots("shared", Batch128))]
#[bench::shared_trylock(trylock("shared", Batch128))]
#[bench::pool_rseq(rseq("pool", Batch128))]
#[bench::pool_slots(slots("pool", Batch128))]
#[bench::pool_trylock(trylock("pool", Batch128))]
fn pairs(mut counted: Counted) -> (Counted, Duration) {
    let took = counted.count();
    (counted, took)
}

library_benchmark_group!(name = ways; benchmarks = pairs);
main!(library_benchmark_groups = ways);

/// Runs the benchmark, for `program.rs`, of which this file is a module.
#[allow(dead_code, clippy::main_recursion, reason = "unused where this file is the benchmark itself")]
pub fn run() {
    main();
}
