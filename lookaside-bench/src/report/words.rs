//! What a reader has to know beside the figures.

/// Who the contenders are, as far as their names do not say it.
pub const CONTENDERS: &[(&str, &str)] = &[
    ("vec", "a Vec of free blocks that one thread owns: the limit of everything that is safe to share"),
    ("tls-vec", "such a Vec for each thread, in its thread-local storage"),
    ("mutex-vec", "one Vec behind a mutex"),
    ("arrayqueue", "crossbeam's bounded lock-free queue of free blocks"),
    ("slist", "a stack of free blocks by 16-byte compare-and-swap, which has to keep its blocks mapped"),
    ("slist-turns", "this library's S-list, whose pops take turns, so that it never reads a block that is gone"),
    (
        "lockfree-object-pool",
        "the crate of that name: its LinearObjectPool, which hands out guards and keeps every object",
    ),
    ("opool", "the crate opool: guards over crossbeam's queue"),
    ("sharded-slab", "the crate of that name: a slab for each thread, whose objects have keys"),
    ("heapless", "the crate heapless: its object pool, a stack by 16-byte compare-and-swap"),
    ("boost-pool", "boost::pool, which one thread owns"),
    ("boost-singleton-pool", "boost::singleton_pool, which has a mutex"),
    ("boost-fast-pool", "boost::fast_pool_allocator as it comes, which locks a mutex"),
    ("boost-fast-pool-unsync", "the same without the mutex, for programs of one thread"),
    ("foonathan", "foonathan/memory's memory_pool, which one thread owns"),
    ("foonathan-mutex", "the same with a mutex, as that library has it for threads"),
    ("dpdk", "DPDK's rte_mempool, with its cache for each core"),
    ("dpdk-user-cache", "the same with caches that the program owns"),
    ("glibc", "malloc and free of the C library"),
    ("jemalloc", "jemalloc's malloc and its free by size"),
    ("mimalloc", "mimalloc's malloc (its call for small sizes where there is one) and free"),
    ("snmalloc", "snmalloc, with its free by size"),
    ("tcmalloc", "gperftools' tcmalloc, with its free by size"),
    ("system", "the C library's malloc as a program's global allocator"),
    ("by-hand", "what a program without the library's pools writes: pages from the system"),
    ("first-touch", "pages from the system that are not locked"),
    ("general", "one list for all processors, as a Windows driver's list is"),
    ("lookaside", "a lookaside list (or the pool, or the global allocator) called from Rust"),
    ("lookaside-portable", "the same by the engine for systems without restartable sequences"),
    ("lookaside-c", "the same through the shared library, as a C program calls it"),
    ("lookaside-c-inline", "the same inlined into C by the opt-in header"),
    ("lookaside-bulk", "the same by the calls for many blocks at once"),
    ("lookaside-cache", "a cache of its blocks that one thread holds"),
    ("lookaside-heap", "a list over the process heap"),
    ("lookaside-arenas", "a list over paged arenas"),
    ("small-pool", "a small pool's list, chosen by the size of each request"),
    ("small-pool-tagged", "ExAllocatePoolWithTag: each block labelled, checked and counted by tag"),
    ("wdm", "a list through the WDK header, with one call more than a ported program has"),
    ("wdm-general", "a general list through it"),
];

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
     which has about as many as the largest burst needs, or as a number of threads does.",
    "Contenders that keep blocks by hand keep at most 1,024 (the S-list as many as there are), and take them from malloc.",
    "Ratios within a table mean something. Figures of different machines, or of different hours of one, do not compare.",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Rows;

    /// Nobody plays whom the page does not introduce, and nobody is introduced twice or in vain.
    #[test]
    fn every_contender_is_introduced() {
        let plan = Rows::plan(|_| true, |_| true);
        let playing = |name: &str| plan.iter().any(|rows| rows.entrants.iter().any(|entrant| entrant.name == name));
        for entrant in plan.iter().flat_map(|rows| &rows.entrants) {
            let lines = CONTENDERS.iter().filter(|(name, about)| *name == entrant.name && !about.is_empty());
            assert_eq!(lines.count(), 1, "{}", entrant.name);
        }
        for (name, _) in CONTENDERS.iter().filter(|(name, _)| cfg!(feature = "snmalloc") || *name != "snmalloc") {
            assert!(playing(name) || (*name == "slist" && cfg!(not(target_arch = "x86_64"))), "{name}");
        }
    }
}
