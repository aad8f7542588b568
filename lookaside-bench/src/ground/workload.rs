//! A workload as a constant: its file has one, and the function that does it.

use super::measure::{Measure, NS};

/// What is compared together, and asked for by one flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Set {
    /// Our own workloads of one size of block, which are run without a flag.
    Lists,
    /// Workloads that others have described.
    Foreign,
    /// Memory instead of time.
    Memory,
    /// Single calls instead of many.
    Latency,
    /// Allocators of whole programs.
    Global,
    /// The library's pools beside work by hand.
    Pools,
    /// Containers of C++ under several allocators.
    Nodes,
}

impl Set {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Lists, Self::Foreign, Self::Memory, Self::Latency, Self::Global, Self::Pools, Self::Nodes];

    /// What figures and the command line call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lists => "lists",
            Self::Foreign => "foreign",
            Self::Memory => "memory",
            Self::Latency => "latency",
            Self::Global => "global",
            Self::Pools => "pools",
            Self::Nodes => "nodes",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Where it belongs.
    pub set: Set,
    /// What tables and the command line call it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What its rounds find; the first is in each round's output, and what tables are ranked by.
    pub measures: &'static [Measure],
    /// Whether it runs on several threads, so that a contender must be safe to share.
    pub shares: bool,
    /// Whether it asks for several blocks at once.
    pub runs: bool,
    /// Whether its rounds idle before they have printed all.
    pub lingers: bool,
    /// The least and the most bytes of its blocks, where some only make sense with others than are asked for.
    pub sizes: (usize, usize),
}

impl Workload {
    /// One that finds the time of a pair on one thread.
    pub const fn new(set: Set, name: &'static str, about: &'static str) -> Self {
        Self { set, name, about, measures: &[NS], shares: false, runs: false, lingers: false, sizes: (0, usize::MAX) }
    }

    /// The same on several threads.
    pub const fn shared(set: Set, name: &'static str, about: &'static str) -> Self {
        Self { shares: true, ..Self::new(set, name, about) }
    }

    /// How large its blocks are where blocks of `asked` bytes were asked for.
    pub fn block_size(&self, asked: usize) -> usize {
        asked.clamp(self.sizes.0, self.sizes.1)
    }
}

/// A contender in a job or a workload, by name.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    /// What it is, as far as its name does not say it and no other contender has the name.
    pub about: &'static str,
    /// What its process finds in the environment.
    pub variable: Option<(&'static str, &'static str)>,
}

impl Case {
    /// One whose process finds nothing special.
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, variable: None }
    }
}

/// A workload with contenders of its own.
#[derive(Debug)]
pub struct Job {
    pub workload: Workload,
    /// The ways to do it. The first is the one that ratios are to, but in the set of foreign workloads, where the fastest
    /// malloc is.
    pub cases: &'static [Case],
    /// Does one round with the contender of this name in this process.
    pub run: fn(&str) -> anyhow::Result<super::measure::Figures>,
}
