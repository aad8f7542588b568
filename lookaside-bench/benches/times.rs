//! Every contender in every workload that is made of pairs, by criterion: all block sizes on one thread, and one block
//! size on all numbers of threads.
//!
//! `cargo bench --bench times` plays everything; words behind `--` are a filter (`cargo bench --bench times -- 'pair/'`,
//! `-- lookaside-c`). `--save-baseline NAME` keeps the figures, `--baseline NAME` compares with them.
//!
//! All contenders share this process, its heap and its engine, which `lookaside compare` keeps apart: so figures of the
//! two differ a little, and those of one contender over time are what this is for.

use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use lookaside_bench::contenders::{self, Entry};
use lookaside_bench::workloads::{Player, Workload};
use lookaside_core::{EngineKind, hooks};

const SIZES: [usize; 5] = [16, 64, 256, 1024, 4096];
const THREADS: [usize; 5] = [1, 2, 4, 8, 64];
/// Bytes in a block, where the number of threads is what changes.
const SIZE: usize = 64;

/// Those of `lookaside compare`; its `pair-2t`, `random-2t` and `oversubscribed` are here by the number of threads.
const WORKLOADS: [(Workload, &str); 8] = [
    (Workload::Pair, "pair"),
    (Workload::Batch128, "batch128"),
    (Workload::Random, "random"),
    (Workload::Handoff, "handoff"),
    (Workload::BurstIdle, "burst"),
    (Workload::Bulk(8), "bulk8"),
    (Workload::Bulk(32), "bulk32"),
    (Workload::Bulk(128), "bulk128"),
];

/// The block sizes and numbers of threads that a workload is played with.
fn settings(workload: Workload) -> Vec<(usize, usize)> {
    match workload {
        Workload::Handoff => return SIZES.map(|size| (size, 2)).to_vec(),
        Workload::BurstIdle | Workload::Bulk(8 | 128) => return SIZES.map(|size| (size, 1)).to_vec(),
        _ => {}
    }
    let sizes = SIZES.into_iter().map(|size| (size, 1));
    let threads = THREADS.into_iter().filter(|&threads| threads != 1).map(|threads| (SIZE, threads));
    sizes.chain(threads).collect()
}

fn main() {
    let chosen = lookaside_core::engine();
    for (workload, name) in WORKLOADS {
        for (size, threads) in settings(workload) {
            // On a thread of its own: some contenders keep blocks by thread, and of one size alone.
            let played = thread::spawn(move || group(chosen, (workload, name), size, threads)).join();
            assert!(played.is_ok(), "{name}, {size} bytes, {threads} threads: a contender failed");
        }
    }
    Criterion::default().configure_from_args().final_summary();
}

fn group(chosen: EngineKind, workload: (Workload, &str), size: usize, threads: usize) {
    let mut criterion = Criterion::default().configure_from_args();
    let (workload, name) = workload;
    let mut group = criterion.benchmark_group(format!("{name}/{size}-bytes/{threads}-threads"));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(150)).measurement_time(Duration::from_millis(400));
    // Each thread plays as many pairs as criterion asks for; the handoff's two play one pair together.
    let pairs = if workload == Workload::Handoff { 1 } else { threads as u64 };
    group.throughput(Throughput::Elements(pairs));
    for entry in contenders::ALL.iter().filter(|entry| fits(entry, workload, threads)) {
        match ready(entry, chosen, workload, size, threads) {
            Ok(mut player) => {
                let id = BenchmarkId::from_parameter(entry.name);
                group.bench_function(id, |bencher| bencher.iter_custom(&mut player));
            }
            Err(reason) => eprintln!("SKIP: {} at {name}, {size} bytes: {reason:#}", entry.name),
        }
    }
    group.finish();
}

fn fits(entry: &Entry, workload: Workload, threads: usize) -> bool {
    (entry.shared || threads == 1) && (workload.runs() || !entry.runs)
}

/// The contender at its workload, over the engine that its process would have in `lookaside compare`.
fn ready(entry: &Entry, chosen: EngineKind, workload: Workload, size: usize, threads: usize) -> anyhow::Result<Player> {
    // SAFETY: `chosen` is what this process chose.
    unsafe { hooks::pretend_engine(if entry.engine == Some("portable") { EngineKind::Portable } else { chosen }) };
    (entry.player)(workload, size, threads)
}
