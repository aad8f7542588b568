//! Which contender runs which workload: the list of contenders, and what a comparison is to measure.

use anyhow::{Context, ensure};

#[cfg(feature = "tcmalloc")]
use crate::contenders::google_tcmalloc;
#[cfg(target_arch = "x86_64")]
use crate::contenders::slist;
use crate::contenders::{c_lists, crates, gperftools, lookaside, native, ring, small_pool, stacks, vecs};
use crate::ground::contender::About;
use crate::ground::machine;
use crate::ground::measure::{self, Absent, Made};
use crate::ground::workload::{Case, Job, Set, Workload};
use crate::workloads;
use crate::{global, mallocs, nodes, pools};

/// A contender, ready for any workload.
pub struct Entry {
    pub about: About,
    /// Whether several threads may use it at once.
    pub shared: bool,
    serve: fn(&Workload, usize) -> anyhow::Result<()>,
    routine: fn(&'static Workload, usize, usize) -> Made,
}

impl Entry {
    /// Makes one for blocks of this size, which does a workload in this process on a number of threads.
    pub fn routine(&self, workload: &'static Workload, size: usize, threads: usize) -> Made {
        (self.routine)(workload, size, threads)
    }
}

/// The contender that a function makes, with what is compiled for its type: one that several threads may use, one that no
/// other thread may touch, one that runs these workloads alone, one that a process starts before its memory is weighed, and
/// one whose calls are others for blocks above a size.
macro_rules! entry {
    (shared $about:expr, $make:path) => { entry!(in true $about, $make, workloads::together, workloads::routine_together, || ()) };
    (alone $about:expr, $make:path) => { entry!(in false $about, $make, workloads::alone, workloads::routine_alone, || ()) };
    (only $run:path, $about:expr, $make:path) => { entry!(in true $about, $make, $run, workloads::routine_together, || ()) };
    (started $start:path, $about:expr, $make:path) => {
        entry!(in true $about, $make, workloads::together, workloads::routine_together, $start)
    };
    (in $shared:literal $about:expr, $make:path, $run:path, $routine:path, $start:expr) => {
        Entry {
            about: $about,
            shared: $shared,
            serve: |workload, size| workloads::serve(workload, size, $start, $make, $run),
            routine: |workload, size, threads| $routine(workload, size, threads, $make),
        }
    };
    (upto $largest:path, $about:expr, $small:path, $large:path) => {{
        const SMALL: Entry = entry!(shared $about, $small);
        const LARGE: Entry = entry!(shared $about, $large);
        fn of(workload: &Workload, size: usize) -> Entry {
            if workload.block_size(size) <= $largest { SMALL } else { LARGE }
        }
        Entry {
            serve: |workload, size| (of(workload, size).serve)(workload, size),
            routine: |workload, size, threads| (of(workload, size).routine)(workload, size, threads),
            ..SMALL
        }
    }};
}

/// The contenders, in the order of tables.
pub static ALL: &[Entry] = &[
    entry!(alone vecs::VEC, vecs::vec),
    entry!(shared vecs::TLS_VEC, vecs::tls_vec),
    entry!(shared vecs::MUTEX_VEC, vecs::mutex_vec),
    entry!(shared stacks::ARRAY_QUEUE, stacks::array_queue),
    #[cfg(target_arch = "x86_64")]
    entry!(shared slist::SLIST, slist::new),
    entry!(shared stacks::SLIST_TURNS, stacks::slist_turns),
    entry!(shared crates::OBJECT_POOL, crates::object_pool),
    entry!(shared crates::OPOOL, crates::opool),
    entry!(shared crates::SHARDED_SLAB, crates::sharded_slab),
    entry!(shared crates::HEAPLESS, crates::heapless),
    entry!(alone native::BOOST_POOL, native::boost_pool),
    entry!(shared native::BOOST_SINGLETON_POOL, native::boost_singleton_pool),
    entry!(alone native::FOONATHAN_POOL, native::foonathan),
    entry!(shared native::FOONATHAN_MUTEX, native::foonathan_mutex),
    entry!(started native::start_dpdk, native::DPDK_POOL, native::dpdk),
    entry!(started native::start_dpdk, native::DPDK_USER_CACHE, native::dpdk_user_cache),
    entry!(shared mallocs::GLIBC, mallocs::glibc),
    entry!(shared mallocs::JEMALLOC, mallocs::jemalloc),
    entry!(upto mallocs::LARGEST_SMALL, mallocs::MIMALLOC, mallocs::mimalloc_small, mallocs::mimalloc),
    #[cfg(feature = "snmalloc")]
    entry!(shared mallocs::SNMALLOC, mallocs::snmalloc),
    entry!(shared gperftools::GPERFTOOLS, gperftools::new),
    #[cfg(feature = "tcmalloc")]
    entry!(shared google_tcmalloc::GOOGLE_TCMALLOC, google_tcmalloc::new),
    entry!(shared lookaside::GENERAL, lookaside::general),
    entry!(shared lookaside::LOOKASIDE, lookaside::pair),
    entry!(shared lookaside::OWN_RSEQ, lookaside::own_rseq),
    entry!(shared lookaside::SLOTS, lookaside::pair),
    entry!(shared lookaside::TRYLOCK, lookaside::pair),
    entry!(shared lookaside::HEAP, lookaside::pair),
    entry!(only workloads::in_runs, lookaside::BULK, lookaside::bulk),
    entry!(alone lookaside::CACHED, lookaside::cached),
    entry!(shared native::C_LIBRARY, native::c_library),
    entry!(shared c_lists::C_INLINE, c_lists::inlined),
    entry!(shared small_pool::SMALL_POOL, small_pool::sized),
    entry!(shared small_pool::TAGGED, small_pool::tagged),
    entry!(shared c_lists::WDM, c_lists::wdm),
    entry!(shared c_lists::WDM_GENERAL, c_lists::wdm_general),
    entry!(only workloads::handoff, ring::RING, ring::new),
];

pub fn contender(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.about.name == name)
}

/// Whether a contender takes part in a workload, if it is shared or need not be.
pub fn fits(entry: &Entry, workload: &Workload) -> bool {
    match entry.about.only {
        Some(only) => only == workload.name,
        None => workload.runs || !entry.about.runs,
    }
}

/// The workloads that bring contenders of their own.
pub fn jobs() -> impl Iterator<Item = &'static Job> {
    global::PROGRAMS.iter().chain(pools::JOBS).chain(nodes::JOBS)
}

/// Every workload, those with contenders of their own at the end.
pub fn workloads() -> impl Iterator<Item = &'static Workload> {
    workloads::ALL.iter().chain(jobs().map(|job| &job.workload))
}

/// Runs one round of a contender in this process, which `compare` started for it, and prints what it found.
pub fn serve_round(workload: &str, name: &str, size: usize) -> anyhow::Result<()> {
    if let Some(workload) = workloads::by_name(workload) {
        return (contender(name).context("no such contender")?.serve)(workload, size);
    }
    let job = jobs().find(|known| known.workload.name == workload).context("no such workload")?;
    ensure!(job.cases.iter().any(|known| known.name == name), "no such contender");
    match (job.run)(name) {
        Ok(figures) => Ok(measure::print(&figures)?),
        Err(reason) if reason.is::<Absent>() => Ok(measure::print_absent(&reason)?),
        Err(reason) => Err(reason),
    }
}

/// A workload with the contenders that are to run it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub workload: &'static Workload,
    pub base: Base,
    /// Whether its rounds are of blocks of the size that was asked for.
    pub sized: bool,
    pub cases: Vec<Case>,
    /// Those that were asked for and cannot run it: they are not made to be shared.
    pub unfit: Vec<&'static str>,
}

/// What ratios are to: the best of these contenders.
#[derive(Clone, Debug)]
pub struct Base {
    /// What prose calls it.
    pub about: &'static str,
    pub names: Vec<&'static str>,
}

impl Base {
    fn malloc(about: &'static str) -> Self {
        let names = ALL.iter().filter(|entry| entry.about.malloc).map(|entry| entry.about.name);
        Self { about, names: names.collect() }
    }
}

impl Plan {
    /// All that can be compared, in the order of reports, of the sets and with the contenders that are wanted.
    pub fn all(set: impl Fn(Set) -> bool, wanted: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut all: Vec<Self> = workloads::ALL.iter().map(|workload| Self::of(workload, &wanted)).collect();
        all.extend(jobs().map(|job| Self::of_job(job, &wanted)));
        all.retain(|plan| set(plan.workload.set) && !plan.cases.is_empty());
        all.sort_by_key(|plan| Set::ALL.iter().position(|&set| set == plan.workload.set));
        all
    }

    fn of(workload: &'static Workload, wanted: &impl Fn(&str) -> bool) -> Self {
        let (fit, unfit): (Vec<&Entry>, Vec<&Entry>) = ALL
            .iter()
            .filter(|entry| wanted(entry.about.name) && fits(entry, workload))
            .partition(|entry| entry.shared || !workload.shares);
        let case = |entry: &&Entry| {
            let About { name, about, variable, .. } = entry.about;
            Case { name, about, variable }
        };
        Self {
            workload,
            base: Base::malloc(if workload.set == Set::Memory { "the leanest malloc" } else { "the fastest malloc" }),
            sized: true,
            cases: fit.iter().map(case).collect(),
            unfit: unfit.iter().map(|entry| entry.about.name).collect(),
        }
    }

    fn of_job(job: &'static Job, wanted: &impl Fn(&str) -> bool) -> Self {
        let first = job.cases[0].name;
        Self {
            workload: &job.workload,
            base: match job.workload.set {
                Set::Nodes => Base { about: "the fastest pool of one thread", names: nodes::OF_ONE_THREAD.into() },
                _ => Base { about: first, names: vec![first] },
            },
            sized: false,
            cases: job.cases.iter().filter(|known| wanted(known.name)).copied().collect(),
            unfit: Vec::new(),
        }
    }
}

/// One line: the versions of the lists, the rivals and the compiler.
pub fn versions() -> String {
    machine::versions(gperftools::version().into_iter().chain(native::versions()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ground::measure::Better;

    /// A round is found by its name alone, and what it prints by the names of measures.
    #[test]
    fn names_are_distinct() {
        let all = Plan::all(|_| true, |_| true);
        let names: Vec<_> = all.iter().map(|plan| plan.workload.name).collect();
        assert_eq!(names.len(), workloads().count());
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        for plan in &all {
            let names: HashSet<_> = plan.cases.iter().map(|case| case.name).chain(plan.unfit.iter().copied()).collect();
            assert_eq!(names.len(), plan.cases.len() + plan.unfit.len(), "{names:?}");
            let names: HashSet<_> = plan.workload.measures.iter().map(|measure| measure.name).collect();
            assert_eq!(names.len(), plan.workload.measures.len(), "{names:?}");
            assert!(names.iter().all(|name| !name.is_empty() && !name.contains([' ', ',', '"'])), "{names:?}");
            assert!(plan.workload.measures[0].better != Better::Neither, "{}", plan.workload.name);
        }
        assert!(serve_round("nothing", "ours", 0).is_err());
    }

    /// Every contender is described, once.
    #[test]
    fn every_contender_is_introduced() {
        let plans = Plan::all(|_| true, |_| true);
        let cases = || plans.iter().flat_map(|plan| &plan.cases);
        for case in cases() {
            let about: HashSet<_> = cases()
                .filter(|known| known.name == case.name && !known.about.is_empty())
                .map(|case| case.about)
                .collect();
            assert_eq!(about.len(), 1, "{}: {about:?}", case.name);
        }
    }
}
