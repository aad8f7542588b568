//! What the page and the Markdown of a report have in common.

use super::results::Benchmark;
use crate::ground::text::distinct;
use crate::matrix;

/// The contenders of some workloads with what they are, each once.
pub fn explained(benchmarks: &[Benchmark]) -> Vec<(&'static str, &'static str)> {
    let cases = benchmarks.iter().flat_map(|benchmark| &benchmark.plan.cases).map(|case| match case.about {
        // A case may leave it to the contender of the same name.
        "" => (case.name, matrix::contender(case.name).map_or("", |entry| entry.about().about)),
        about => (case.name, about),
    });
    distinct(cases)
}

/// Those that this machine does not have, each with its reasons and the workloads that skip them.
pub fn skipped(benchmarks: &[Benchmark]) -> Vec<(&'static str, &str, Vec<&'static str>)> {
    let mut all: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for benchmark in benchmarks {
        for skipped in &benchmark.skipped {
            match all.iter_mut().find(|known| (known.0, known.1) == (skipped.name, skipped.reason.as_str())) {
                Some(known) => known.2.push(benchmark.name()),
                None => all.push((skipped.name, &skipped.reason, vec![benchmark.name()])),
            }
        }
    }
    all
}

/// Who has no figures in a workload, and why, in sentences.
pub fn without_figures(benchmark: &Benchmark) -> Vec<String> {
    let mut sentences = Vec::new();
    if !benchmark.plan.unfit.is_empty() {
        sentences.push(format!("Made for one thread, and not for this: {}.", benchmark.plan.unfit.join(", ")));
    }
    if !benchmark.skipped.is_empty() {
        let names: Vec<&str> = benchmark.skipped.iter().map(|skipped| skipped.name).collect();
        sentences.push(format!("Not on this machine, for the reasons given below: {}.", names.join(", ")));
    }
    sentences
}

/// How the figures came about, and what they do not say.
pub const CAVEATS: &[&str] = &[
    "The contenders run in turn, round by round, each round in a process of its own with a warm-up before it is timed. So \
     no contender meets another's heap, and rounds sample many address layouts.",
    "The smallest figure of a contender is the one that other work on the machine disturbed least; the median says what a \
     usual round was like. Where the two disagree, the machine was busy.",
    "Each contender is used by the best of its calls, inlined where a crate is inlined, called where a malloc is called. \
     Every block is written to before it is freed, where the compiler cannot see what it is.",
    "Most workloads hit in a warm cache. That is what lists are for, and what flatters them most; what a miss costs is \
     shown by burst-idle, and by the set latency.",
    "Threads of a workload keep to processors of their own where there are enough. On a virtual machine these wander over \
     the host's, and what a block costs that changes threads follows them: see the journey of a cache line above.",
    "Memory counts from before a contender is made. So it counts all blocks of a pool that has them from the start: DPDK's, \
     which has about as many as the largest burst needs, or as a number of threads does. The peak of a whole program is \
     that of its process, with its code and its input.",
    "Contenders that keep blocks by hand keep at most 1,024 (the S-list any number), and take them from malloc.",
    "Ratios within a table mean something. Figures of different machines, or of different hours of one, do not compare.",
];
