//! Every contender in every workload that is made of pairs, by criterion: all block sizes on one thread, and one block
//! size on all numbers of threads.
//!
//! `cargo bench --bench times` runs everything; words behind `--` are a filter (`cargo bench --bench times -- 'pair/'`,
//! `-- lookaside-c`). `--save-baseline NAME` keeps the figures, `--baseline NAME` compares with them.
//!
//! All contenders share this process, its heap and its engine, which `lookaside compare` keeps apart: so figures of the
//! two differ a little, and those of one contender over time are what this is for.

use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use lookaside_bench::ground::measure::Made;
use lookaside_bench::ground::workload::Workload;
use lookaside_bench::matrix::{self, Entry};
use lookaside_bench::workloads;
use lookaside_core::{EngineKind, hooks};

const SIZES: [usize; 5] = [16, 64, 256, 1024, 4096];
const THREADS: [usize; 5] = [1, 2, 4, 8, 64];
/// Bytes in a block, where the number of threads is what changes.
const SIZE: usize = 64;

/// Those of `lookaside compare`; its `pair-2t`, `random-2t` and `oversubscribed` are here by the number of threads.
const WORKLOADS: [&str; 6] = ["pair", "batch128", "random", "bulk8", "bulk32", "bulk128"];

/// The block sizes and numbers of threads of a workload.
fn settings(workload: &str) -> Vec<(usize, usize)> {
    match workload {
        "bulk8" | "bulk128" => return SIZES.map(|size| (size, 1)).to_vec(),
        _ => {}
    }
    let sizes = SIZES.into_iter().map(|size| (size, 1));
    let threads = THREADS.into_iter().filter(|&threads| threads != 1).map(|threads| (SIZE, threads));
    sizes.chain(threads).collect()
}

fn main() {
    let chosen = lookaside_core::engine();
    for name in WORKLOADS {
        let workload = workloads::by_name(name).expect("these are workloads");
        for (size, threads) in settings(name) {
            // On a thread of its own: some contenders keep blocks by thread, and of one size alone.
            let done = thread::spawn(move || group(chosen, workload, size, threads)).join();
            assert!(done.is_ok(), "{name}, {size} bytes, {threads} threads: a contender failed");
        }
    }
    Criterion::default().configure_from_args().final_summary();
}

fn group(chosen: EngineKind, workload: &'static Workload, size: usize, threads: usize) {
    let mut criterion = Criterion::default().configure_from_args();
    let name = workload.name;
    let mut group = criterion.benchmark_group(format!("{name}/{size}-bytes/{threads}-threads"));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(150)).measurement_time(Duration::from_millis(400));
    // Each thread does the number of pairs that criterion asks for.
    group.throughput(Throughput::Elements(threads as u64));
    let fits = |entry: &&Entry| (entry.shared || threads == 1) && matrix::fits(entry, workload);
    for entry in matrix::ALL.iter().filter(fits) {
        match ready(entry, chosen, workload, size, threads) {
            Ok(mut routine) => {
                let id = BenchmarkId::from_parameter(entry.about.name);
                group.bench_function(id, |bencher| bencher.iter_custom(&mut routine));
            }
            Err(reason) => eprintln!("SKIP: {} at {name}, {size} bytes: {reason:#}", entry.about.name),
        }
    }
    group.finish();
}

/// The contender at its workload, over the engine that its process would have in `lookaside compare`.
fn ready(entry: &Entry, chosen: EngineKind, workload: &'static Workload, size: usize, threads: usize) -> Made {
    let engine = match entry.about.variable {
        Some((_, "slots")) => EngineKind::Slots,
        Some((_, "trylock")) => EngineKind::TryLock,
        Some((_, "heap")) => EngineKind::Heap,
        _ => chosen,
    };
    // SAFETY: `chosen` is what this process chose.
    unsafe { hooks::pretend_engine(engine) };
    entry.routine(workload, size, threads)
}
