//! Which contender runs which workload: the list of contenders, and what a comparison is to measure.

use std::ffi::CStr;

use anyhow::{Context, ensure};

#[cfg(feature = "tcmalloc")]
use crate::contenders::google_tcmalloc;
#[cfg(target_arch = "x86_64")]
use crate::contenders::slist;
#[cfg(feature = "snmalloc")]
use crate::contenders::snmalloc;
use crate::contenders::{
    array_queue, c_inline, c_library, glibc, gperftools, heapless, jemalloc, lookaside, mimalloc, mutex_vec, native,
    object_pool, opool, ring, sharded_slab, slist_turns, small_pool, tls_vec, vec, wdm,
};
use crate::ground::contender::{About, Contender, Make};
use crate::ground::measure::{self, Absent, Made, Measure};
use crate::ground::workload::{Case, Job, Set, Workload};
use crate::workloads::{self, Run};
use crate::{global, nodes, pools};

/// A contender, ready for any workload.
pub trait Entry: Sync {
    /// What it is.
    fn about(&self) -> &About;

    /// Whether several threads may use it at once.
    fn shared(&self) -> bool;

    /// Runs one round in this process, for blocks of this size, and prints what it found.
    fn serve(&self, workload: &Workload, size: usize) -> anyhow::Result<()>;

    /// Makes one for blocks of this size, which does a workload in this process on a number of threads.
    fn routine(&self, workload: &'static Workload, size: usize, threads: usize) -> Made;
}

/// A contender of one type, with what is compiled for that.
pub struct Kind<C: Contender> {
    about: About,
    make: Make<C>,
    /// Whether several threads may use it.
    shared: bool,
    /// What its process does once before it is made.
    start: fn(),
    run: Run<C>,
    routine: fn(&'static Workload, usize, usize, Make<C>) -> Made,
}

/// One whose calls are others for blocks above a size.
struct BySize<S: Contender, L: Contender> {
    largest_small: usize,
    small: Kind<S>,
    large: Kind<L>,
}

/// A contender that several threads may use.
pub const fn shared<C: Contender + Sync + 'static>(about: About, make: Make<C>) -> Kind<C> {
    let run: Run<C> = workloads::together;
    Kind { about, make, shared: true, start: || (), run, routine: workloads::routine_together }
}

/// One that no other thread may touch.
const fn alone<C: Contender + 'static>(about: About, make: Make<C>) -> Kind<C> {
    let run: Run<C> = workloads::alone;
    Kind { about, make, shared: false, start: || (), run, routine: workloads::routine_alone }
}

/// One that runs the workload handoff alone.
const fn of_handoff<C: Contender + Sync + 'static>(about: About, make: Make<C>) -> Kind<C> {
    let run: Run<C> = |_, blocks| workloads::handoff(blocks);
    Kind {
        about,
        make,
        shared: true,
        start: || (),
        run,
        routine: |_, size, _, make| workloads::routine_handoff(size, make),
    }
}

/// The contenders, in the order of tables.
pub static ALL: &[&dyn Entry] = &[
    &alone(vec::VEC, vec::new),
    &shared(tls_vec::TLS_VEC, tls_vec::new),
    &shared(mutex_vec::MUTEX_VEC, mutex_vec::new),
    &shared(array_queue::ARRAY_QUEUE, array_queue::new),
    #[cfg(target_arch = "x86_64")]
    &shared(slist::SLIST, slist::new),
    &shared(slist_turns::SLIST_TURNS, slist_turns::new),
    &shared(object_pool::OBJECT_POOL, object_pool::new),
    &shared(opool::OPOOL, opool::new),
    &shared(sharded_slab::SHARDED_SLAB, sharded_slab::new),
    &shared(heapless::HEAPLESS, heapless::new),
    &alone(native::BOOST_POOL, native::boost_pool),
    &shared(native::BOOST_SINGLETON_POOL, native::boost_singleton_pool),
    &alone(native::FOONATHAN_POOL, native::foonathan),
    &shared(native::FOONATHAN_MUTEX, native::foonathan_mutex),
    &Kind { start: native::start_dpdk, ..shared(native::DPDK_POOL, native::dpdk) },
    &Kind { start: native::start_dpdk, ..shared(native::DPDK_USER_CACHE, native::dpdk_user_cache) },
    &shared(glibc::GLIBC, glibc::new),
    &shared(jemalloc::JEMALLOC, jemalloc::new),
    &BySize {
        largest_small: mimalloc::LARGEST_SMALL,
        small: shared(mimalloc::MIMALLOC, mimalloc::small),
        large: shared(mimalloc::MIMALLOC, mimalloc::large),
    },
    #[cfg(feature = "snmalloc")]
    &shared(snmalloc::SNMALLOC, snmalloc::new),
    &shared(gperftools::GPERFTOOLS, gperftools::new),
    #[cfg(feature = "tcmalloc")]
    &shared(google_tcmalloc::GOOGLE_TCMALLOC, google_tcmalloc::new),
    &shared(lookaside::GENERAL, lookaside::general),
    &shared(lookaside::LOOKASIDE, lookaside::pair),
    &shared(lookaside::OWN_RSEQ, lookaside::own_rseq),
    &shared(lookaside::SLOTS, lookaside::pair),
    &shared(lookaside::TRYLOCK, lookaside::pair),
    &shared(lookaside::HEAP, lookaside::pair),
    &Kind { run: workloads::in_runs, ..shared(lookaside::BULK, lookaside::bulk) },
    &alone(lookaside::CACHED, lookaside::cached),
    &shared(c_library::C_LIBRARY, c_library::new),
    &shared(c_inline::C_INLINE, c_inline::new),
    &shared(small_pool::SMALL_POOL, small_pool::sized),
    &shared(small_pool::TAGGED, small_pool::tagged),
    &shared(wdm::WDM, wdm::pair),
    &shared(wdm::WDM_GENERAL, wdm::general),
    &of_handoff(ring::RING, ring::new),
];

impl<C: Contender + 'static> Entry for Kind<C> {
    fn about(&self) -> &About {
        &self.about
    }

    fn shared(&self) -> bool {
        self.shared
    }

    fn serve(&self, workload: &Workload, size: usize) -> anyhow::Result<()> {
        workloads::serve(workload, size, self.start, self.make, self.run)
    }

    fn routine(&self, workload: &'static Workload, size: usize, threads: usize) -> Made {
        (self.routine)(workload, size, threads, self.make)
    }
}

impl<S: Contender + 'static, L: Contender + 'static> BySize<S, L> {
    fn entry(&self, workload: &Workload, size: usize) -> &dyn Entry {
        if workload.largest_block(size) <= self.largest_small { &self.small } else { &self.large }
    }
}

impl<S: Contender + 'static, L: Contender + 'static> Entry for BySize<S, L> {
    fn about(&self) -> &About {
        &self.small.about
    }

    fn shared(&self) -> bool {
        true
    }

    fn serve(&self, workload: &Workload, size: usize) -> anyhow::Result<()> {
        self.entry(workload, size).serve(workload, size)
    }

    fn routine(&self, workload: &'static Workload, size: usize, threads: usize) -> Made {
        self.entry(workload, size).routine(workload, size, threads)
    }
}

pub fn contender(name: &str) -> Option<&'static dyn Entry> {
    ALL.iter().copied().find(|entry| entry.about().name == name)
}

/// Whether a contender takes part in a workload, if it is shared or need not be.
pub fn fits(entry: &dyn Entry, workload: &Workload) -> bool {
    match entry.about().only {
        Some(only) => only == workload.name,
        None => workload.runs || !entry.about().runs,
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
        return contender(name).context("no such contender")?.serve(workload, size);
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
        let names = ALL.iter().map(|entry| entry.about()).filter(|about| about.malloc).map(|about| about.name);
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
        let (fit, unfit): (Vec<&dyn Entry>, Vec<&dyn Entry>) = ALL
            .iter()
            .filter(|entry| wanted(entry.about().name) && fits(**entry, workload))
            .partition(|entry| entry.shared() || !workload.shares);
        let case = |entry: &&dyn Entry| {
            let About { name, about, variable, .. } = *entry.about();
            Case { name, about, variable }
        };
        Self {
            workload,
            base: Base::malloc(if workload.set == Set::Memory { "the leanest malloc" } else { "the fastest malloc" }),
            sized: true,
            cases: fit.iter().map(case).collect(),
            unfit: unfit.iter().map(|entry| entry.about().name).collect(),
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

    /// What is measured; the first is what tables are ranked by.
    pub fn measures(&self) -> &'static [Measure] {
        self.workload.measures
    }
}

/// One line: the versions of the lists, the compiler and the rivals.
pub fn versions() -> String {
    // SAFETY: the function takes nothing and returns a string that lives as long as the C library.
    let glibc = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_string_lossy();
    let mut parts = vec![format!("lookaside {}", lookaside_core::VERSION), format!("glibc {glibc}")];
    parts.extend(env!("VERSIONS").split(';').map(String::from));
    parts.extend(gperftools::version().into_iter().chain(native::versions()));
    parts.push(env!("VERSION_OF_RUSTC").into());
    parts.join(", ")
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
            let names: HashSet<_> = plan.measures().iter().map(|measure| measure.name).collect();
            assert_eq!(names.len(), plan.measures().len(), "{names:?}");
            assert!(names.iter().all(|name| !name.is_empty() && !name.contains([' ', ',', '"'])), "{names:?}");
            assert!(plan.measures()[0].better != Better::Neither, "{}", plan.workload.name);
        }
        assert!(serve_round("nothing", "ours", 0).is_err());
    }

    #[test]
    fn plans_are_of_the_sets_and_contenders_asked_for() {
        assert_eq!(Plan::all(|set| set == Set::Pools, |_| true).len(), pools::JOBS.len());
        let plan = Plan::all(|set| set == Set::Lists, |name| name == "vec" || name == "json");
        let names: Vec<_> = plan.iter().map(|plan| (plan.workload.name, plan.unfit.len())).collect();
        assert!(names.contains(&("pair", 0)) && !names.iter().any(|&(name, _)| name == "pair-2t"), "{names:?}");
        assert!(Plan::all(|_| true, |name| name == "no one").is_empty());
    }

    /// A chart of a set has one axis.
    #[test]
    fn ratios_of_foreign_workloads_are_to_the_fastest_malloc() {
        for plan in Plan::all(|set| set == Set::Foreign, |_| true) {
            let runs = |name: &&str| plan.cases.iter().any(|case| case.name == *name);
            assert_eq!(plan.base.about, "the fastest malloc", "{}", plan.workload.name);
            assert!(plan.base.names.iter().filter(|name| runs(name)).count() >= 3, "{}", plan.workload.name);
        }
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

    #[test]
    fn versions_are_known() {
        assert!(!versions().contains("unknown"), "{}", versions());
    }
}
