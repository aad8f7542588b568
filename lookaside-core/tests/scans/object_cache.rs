//! Object caches: each object is constructed once, used by one at a time, and dropped once, whatever happens.

use std::collections::HashSet;
use std::fmt::Debug;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, LazyLock, Mutex};

use crate::common::{alone, assert_identities, engines, stay_on_one_processor};
use lookaside_core::{
    Builder, CachedObject, ListFlags, LookasideList, ObjectCache, PoolType, Status, Topology, Tuning, adjust_depth,
    report,
};
use proptest::prelude::*;

/// Knows which objects of a test live.
#[derive(Default)]
struct Ledger {
    constructed: AtomicUsize,
    dropped: AtomicUsize,
    live: Mutex<HashSet<usize>>,
    /// The number of drops that panic from now on.
    bombs: AtomicUsize,
}

impl Ledger {
    fn construct(self: &Arc<Ledger>) -> Object {
        let id = self.constructed.fetch_add(1, Relaxed);
        assert!(self.live.lock().unwrap().insert(id));
        Object { id, ledger: self.clone(), in_use: AtomicBool::new(false), uses: 0 }
    }

    fn live(&self) -> usize {
        let live = self.live.lock().unwrap().len();
        assert_eq!(self.constructed.load(Relaxed) - self.dropped.load(Relaxed), live);
        live
    }

    fn constructed(&self) -> usize {
        self.constructed.load(Relaxed)
    }
}

struct Object {
    id: usize,
    ledger: Arc<Ledger>,
    in_use: AtomicBool,
    uses: u64,
}

impl Object {
    fn begin(&mut self) {
        assert!(self.ledger.live.lock().unwrap().contains(&self.id), "used after it was dropped");
        assert!(!self.in_use.swap(true, Relaxed), "used by two at once");
        self.uses += 1;
    }

    fn end(&mut self) {
        assert!(self.in_use.swap(false, Relaxed));
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        assert!(self.ledger.live.lock().unwrap().remove(&self.id), "dropped twice");
        assert!(!self.in_use.load(Relaxed), "dropped while it was used");
        self.ledger.dropped.fetch_add(1, Relaxed);
        if self.ledger.bombs.fetch_update(Relaxed, Relaxed, |bombs| bombs.checked_sub(1)).is_ok() {
            resume_unwind(Box::new(Planned));
        }
    }
}

/// A cache whose objects a ledger knows.
struct Cache {
    objects: ObjectCache<Object>,
    ledger: Arc<Ledger>,
}

fn cache(ledger: &Arc<Ledger>, describe: impl FnOnce(Builder<'static>) -> Builder<'static>) -> Cache {
    let objects = ObjectCache::build(describe, || panic!("each get brings its constructor")).unwrap();
    Cache { objects, ledger: ledger.clone() }
}

impl Cache {
    fn get(&self) -> Option<CachedObject<'_, Object>> {
        self.objects.get_with(|| Some(self.ledger.construct()))
    }
}

impl Deref for Cache {
    type Target = ObjectCache<Object>;

    fn deref(&self) -> &ObjectCache<Object> {
        &self.objects
    }
}

/// Runs the test on both engines, and on a list that all processors share.
fn on_every_list(test: impl Fn(&dyn Fn(Builder<'static>) -> Builder<'static>)) {
    for engine in engines() {
        test(&|list| list.engine(engine));
        test(&|list| list.engine(engine).topology(Topology::General));
    }
}

/// A panic that the test wants.
struct Planned;

/// Whether the work panics as planned.
fn panics<T>(work: impl FnOnce() -> T) -> bool {
    match catch_unwind(AssertUnwindSafe(|| drop(work()))) {
        Ok(()) => false,
        Err(message) if message.is::<Planned>() => true,
        Err(message) => resume_unwind(message),
    }
}

fn scan() {
    let _alone = alone();
    adjust_depth();
}

fn assert_sound(cache: &Cache, held: usize) {
    let statistics = cache.statistics();
    assert_identities(&statistics);
    assert_eq!(statistics.outstanding, held as u64);
}

#[test]
fn an_object_is_constructed_once_and_kept() {
    stay_on_one_processor();
    on_every_list(|list| {
        let ledger = Arc::default();
        let cache = cache(&ledger, list);
        for uses in 0..1000 {
            let mut object = cache.get().unwrap();
            assert_eq!(object.uses, uses, "as the last user left it");
            object.begin();
            object.end();
        }
        assert_eq!((ledger.constructed(), ledger.live()), (1, 1));
        assert_eq!(cache.statistics().list.total_frees, 1000);
        drop(cache);
        assert_eq!(ledger.live(), 0);
    });
}

#[test]
fn flush_drops_what_nobody_uses() {
    on_every_list(|list| {
        let ledger = Arc::default();
        let cache = cache(&ledger, list);
        let mut held: Vec<_> = (0..4).map(|_| cache.get().unwrap()).collect();
        held.iter_mut().for_each(|object| object.begin());
        drop((0..4).map(|_| cache.get().unwrap()).collect::<Vec<_>>());
        assert_eq!(ledger.live(), 8);
        cache.flush();
        assert_eq!(ledger.live(), 4);
        held.iter_mut().for_each(|object| object.end());
        drop(held);
        assert_eq!(ledger.live(), 4);
        cache.flush();
        assert_eq!(ledger.live(), 0);
        assert_sound(&cache, 0);
    });
}

#[test]
fn what_finds_no_room_is_dropped() {
    on_every_list(|list| {
        let ledger = Arc::default();
        let cache = cache(&ledger, |builder| list(builder).maximum_depth(4).tuning(Tuning::Manual));
        let held: Vec<_> = (0..200).map(|_| cache.get().unwrap()).collect();
        assert_eq!(ledger.live(), 200);
        drop(held);
        let kept = cache.statistics().list.current_depth as usize;
        assert!((4..200).contains(&kept));
        assert_eq!(ledger.live(), kept, "an object for each block");
        assert_sound(&cache, 0);
    });
}

/// A scan drops nothing: the next call that misses does, on its own thread.
#[test]
fn idle_objects_are_dropped_by_callers() {
    let _alone = alone();
    for engine in engines() {
        let ledger = Arc::default();
        let describe = |list: Builder<'static>| {
            list.engine(engine).topology(Topology::General).initial_depth(100).tuning(Tuning::Manual)
        };
        let cache = cache(&ledger, describe);
        drop((0..100).map(|_| cache.get().unwrap()).collect::<Vec<_>>());
        while cache.statistics().list.depth > 4 {
            adjust_depth();
        }
        assert_eq!(ledger.live(), 100);
        drop(cache.get().unwrap());
        assert_eq!((ledger.live(), ledger.constructed()), (4, 100));
        assert_sound(&cache, 0);
    }
}

#[test]
fn a_leaked_object_is_lost_and_nothing_else() {
    on_every_list(|list| {
        let ledger = Arc::default();
        let cache = cache(&ledger, list);
        std::mem::forget(cache.get().unwrap());
        drop((cache.get().unwrap(), cache.get().unwrap()));
        assert_sound(&cache, 1);
        drop(cache);
        assert_eq!(ledger.live(), 1);
    });
}

#[test]
fn an_object_may_be_taken_out() {
    on_every_list(|list| {
        let ledger = Arc::default();
        let cache = cache(&ledger, list);
        let object = cache.get().unwrap().into_inner();
        assert_sound(&cache, 0);
        assert_ne!(cache.get().unwrap().id, object.id, "its block holds another one now");
        drop(cache);
        assert_eq!(ledger.live(), 1, "it outlives the cache");
        drop(object);
        assert_eq!(ledger.live(), 0);
    });
}

#[test]
fn prefill_constructs_nothing() {
    stay_on_one_processor();
    on_every_list(|list| {
        let ledger = Arc::default();
        let cache = cache(&ledger, list);
        // No more than the depth that scans leave.
        assert_eq!(cache.prefill(4), Ok(4));
        assert_eq!(ledger.constructed(), 0);
        drop((0..3).map(|_| cache.get().unwrap()).collect::<Vec<_>>());
        assert_eq!((ledger.constructed(), cache.statistics().pool_allocates), (3, 4));
        drop(cache);
        assert_eq!(ledger.live(), 0);
    });
}

#[test]
fn a_constructor_that_fails_loses_nothing() {
    on_every_list(|list| {
        let ledger = Arc::<Ledger>::default();
        let cache = cache(&ledger, list);
        assert!(cache.get_with(|| None).is_none());
        assert!(panics(|| cache.get_with(|| resume_unwind(Box::new(Planned)))));
        assert_sound(&cache, 0);
        assert_eq!(ledger.constructed(), 0);
        let object = cache.get().unwrap();
        assert!(panics(|| cache.get_with(|| resume_unwind(Box::new(Planned)))));
        assert_sound(&cache, 1);
        drop(object);
        // A block that was never given an object leaves like any other.
        cache.flush();
        assert_eq!(ledger.live(), 0);
        assert_sound(&cache, 0);
    });
}

#[test]
fn a_constructor_may_use_its_cache() {
    static TREES: LazyLock<ObjectCache<Tree>> = LazyLock::new(|| ObjectCache::new(Tree::new).unwrap());
    static DEPTH: AtomicUsize = AtomicUsize::new(0);
    struct Tree(Option<CachedObject<'static, Tree>>);
    impl Tree {
        fn new() -> Tree {
            Tree((DEPTH.fetch_add(1, Relaxed) < 10).then(|| TREES.get().unwrap()))
        }
    }
    let tree = TREES.get().unwrap();
    let mut depth = 0;
    let mut place = &*tree;
    while let Some(child) = &place.0 {
        (place, depth) = (child, depth + 1);
    }
    assert_eq!((depth, TREES.statistics().outstanding), (10, 11));
    drop(tree);
    assert_eq!(TREES.statistics().outstanding, 10, "only the root came back, constructed");
    // The drop of each gives the next one back to this cache, from inside of its flush.
    (0..11).for_each(|_| TREES.flush());
    assert_eq!(TREES.statistics().outstanding, 0);
}

#[test]
fn a_destructor_that_panics_loses_nothing() {
    on_every_list(|list| {
        let ledger = Arc::<Ledger>::default();
        let cache = cache(&ledger, |builder| list(builder).maximum_depth(4).tuning(Tuning::Manual));
        let fill = || {
            let held: Vec<_> = (0..4).map(|_| cache.get().unwrap()).collect();
            drop(held);
        };

        // Flush: the other objects are dropped all the same, now or by the next flush.
        fill();
        ledger.bombs.store(1, Relaxed);
        assert!(panics(|| cache.flush()));
        cache.flush();
        assert_eq!(ledger.live(), 0);
        assert_sound(&cache, 0);

        // A free that finds no room.
        let held: Vec<_> = (0..200).map(|_| cache.get().unwrap()).collect();
        ledger.bombs.store(1, Relaxed);
        let panicked: usize = held.into_iter().map(|object| usize::from(panics(|| drop(object)))).sum();
        assert_eq!(panicked, 1);
        assert_sound(&cache, 0);
        assert_eq!(ledger.live() as u64, cache.statistics().list.current_depth);

        // The cache's own end.
        ledger.bombs.store(1, Relaxed);
        assert!(panics(|| drop(cache)));
        assert_eq!(ledger.live(), 0);
    });
}

/// A cache whose objects panic while it goes is deleted all the same.
#[test]
fn no_list_stays_behind() {
    let lists = || {
        let mut text = String::new();
        report(&mut text).unwrap();
        text.matches("\"goes with a panic\"").count()
    };
    for engine in engines() {
        let ledger = Arc::<Ledger>::default();
        let cache = cache(&ledger, |list| list.engine(engine).name("goes with a panic"));
        drop((0..4).map(|_| cache.get().unwrap()).collect::<Vec<_>>());
        std::mem::forget(cache.get().unwrap());
        assert_eq!(lists(), 1);
        ledger.bombs.store(1, Relaxed);
        assert!(panics(|| drop(cache)));
        assert_eq!((lists(), ledger.live()), (0, 1));
    }
}

#[test]
#[cfg(target_env = "gnu")] // musl does not say how much memory is in use.
fn a_destructor_that_panics_leaves_no_memory() {
    struct Large([u8; 256 * 1024]);
    impl Drop for Large {
        fn drop(&mut self) {
            assert!(self.0.iter().all(|byte| *byte == 7));
            resume_unwind(Box::new(Planned));
        }
    }
    // SAFETY: the call asks for nothing.
    let used = || unsafe { libc::mallinfo2() };
    let before = used();
    let cache = ObjectCache::new(|| Large([7; 256 * 1024])).unwrap();
    for _ in 0..400 {
        drop(cache.get().unwrap());
        assert!(panics(|| cache.flush()));
    }
    let after = used();
    let grown = (after.uordblks + after.hblkhd).saturating_sub(before.uordblks + before.hblkhd);
    assert!(grown < 25 << 20, "{grown} bytes of 100 MB are still in use");
}

#[test]
fn objects_of_every_shape() {
    #[repr(align(4096))]
    #[derive(Debug, PartialEq)]
    struct Aligned([u8; 4096]);

    fn check<T: PartialEq + Debug + 'static>(construct: fn() -> T) {
        let cache = ObjectCache::build(|list| list.alignment(1), construct).unwrap();
        for _ in 0..3 {
            let held: Vec<_> = (0..20).map(|_| cache.get().unwrap()).collect();
            for object in &held {
                assert!((&raw const **object).is_aligned());
                assert_eq!(**object, construct());
            }
        }
        assert_eq!(cache.get().unwrap().into_inner(), construct());
    }
    check(|| ());
    check(|| 7u8);
    check(|| None::<u8>);
    check(|| String::from("a niche holds the state"));
    check(|| Some(Box::new(7)));
    check(|| [1u128; 100]);
    check(|| Aligned([7; 4096]));
}

#[test]
fn only_the_process_heap() {
    for pool_type in
        [PoolType::NON_PAGED, PoolType::NON_PAGED_NX, PoolType::PAGED_SESSION, PoolType::PAGED_CACHE_ALIGNED]
    {
        let answer = ObjectCache::build(|list| list.pool_type(pool_type), String::new);
        assert_eq!(answer.unwrap_err(), Status::NOT_SUPPORTED, "{pool_type:?}");
    }
    for flag in [ListFlags::SPECIAL_POOL, ListFlags::SPECIAL_POOL_START, ListFlags::PAGED_ARENAS] {
        let answer = ObjectCache::build(|list| list.flags(flag), String::new);
        assert_eq!(answer.unwrap_err(), Status::NOT_SUPPORTED, "{flag:?}");
    }
    let general = LookasideList::builder(size_of::<String>()).topology(Topology::General).build().unwrap();
    // SAFETY: the general list stays where it is.
    let answer = ObjectCache::build(|list| unsafe { list.shared(&general) }, String::new);
    assert_eq!(answer.unwrap_err(), Status::NOT_SUPPORTED, "a shared list of other blocks");
}

#[test]
fn a_list_that_keeps_nothing_keeps_no_objects() {
    let ledger = Arc::default();
    let cache = cache(&ledger, |list| list.flags(ListFlags::VERIFY));
    for round in 1..10 {
        drop(cache.get().unwrap());
        assert_eq!((ledger.constructed(), ledger.live()), (round, 0));
    }
}

/// Threads use objects while others flush, trim and tune.
#[test]
fn objects_go_from_thread_to_thread() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 5_000;
    on_every_list(|list| {
        let ledger = Arc::default();
        let cache = cache(&ledger, |builder| list(builder).maximum_depth(16));
        let working = AtomicUsize::new(THREADS);
        let (sender, receiver) = std::sync::mpsc::sync_channel::<CachedObject<'_, Object>>(16);
        std::thread::scope(|scope| {
            let (cache, working) = (&cache, &working);
            for thread in 0..THREADS {
                let sender = sender.clone();
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let mut held: Vec<_> = (0..1 + (round + thread) % 20).map(|_| cache.get().unwrap()).collect();
                        held.iter_mut().for_each(|object| object.begin());
                        held.iter_mut().for_each(|object| object.end());
                        if round % 3 == 0 {
                            sender.send(held.pop().unwrap()).unwrap();
                        }
                    }
                    working.fetch_sub(1, Relaxed);
                });
            }
            drop(sender);
            scope.spawn(move || {
                for mut object in receiver {
                    object.begin();
                    object.end();
                }
            });
            scope.spawn(move || {
                for round in 0.. {
                    if working.load(Relaxed) == 0 {
                        break;
                    }
                    match round % 3 {
                        0 => cache.flush(),
                        1 => cache.trim(),
                        _ => scan(),
                    }
                    std::thread::yield_now();
                }
            });
        });
        assert_sound(&cache, 0);
        assert_eq!(ledger.live() as u64, cache.statistics().list.current_depth);
        assert_eq!(ledger.constructed() as u64, cache.statistics().pool_allocates);
        drop(cache);
        assert_eq!(ledger.live(), 0);
    });
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Get(u8),
    GetFailing,
    GetPanicking,
    Drop(usize),
    Take(usize),
    Flush,
    Trim,
    Prefill(u8),
    Tune,
    Bomb,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1..12u8).prop_map(Step::Get),
        1 => Just(Step::GetFailing),
        1 => Just(Step::GetPanicking),
        30 => any::<usize>().prop_map(Step::Drop),
        2 => any::<usize>().prop_map(Step::Take),
        1 => Just(Step::Flush),
        1 => Just(Step::Trim),
        1 => (0..12u8).prop_map(Step::Prefill),
        1 => Just(Step::Tune),
        2 => Just(Step::Bomb),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    /// Any history, with destructors that panic now and then: blocks are conserved, and of objects there are those
    /// that are held and those that the list keeps.
    #[test]
    fn any_history_conserves_objects(steps in steps(), shape in 0..4usize, maximum in 1..20u16) {
        let ledger = Arc::<Ledger>::default();
        let engines = engines();
        let engine = engines[shape % engines.len()];
        let topology = if shape < 2 { Topology::Pair } else { Topology::General };
        let cache = cache(&ledger, |list| list.engine(engine).topology(topology).maximum_depth(maximum));
        let mut held = Vec::<CachedObject<'_, Object>>::new();
        let mut taken = Vec::new();
        for step in steps {
            // Any of them may trim on its way, and so meet a destructor that panics.
            panics(|| match step {
                Step::Get(count) => {
                    for _ in 0..count {
                        let mut object = cache.get().unwrap();
                        object.begin();
                        held.push(object);
                    }
                }
                Step::GetFailing => {
                    if let Some(mut object) = cache.get_with(|| None) {
                        object.begin();
                        held.push(object);
                    }
                }
                Step::GetPanicking => {
                    // While that unwinds the block goes back, which may drop objects: a second panic would end the
                    // test.
                    ledger.bombs.store(0, Relaxed);
                    let mut object = cache.get_with(|| resume_unwind(Box::new(Planned))).unwrap();
                    object.begin();
                    held.push(object);
                }
                Step::Drop(index) | Step::Take(index) if !held.is_empty() => {
                    let mut object = held.swap_remove(index % held.len());
                    object.end();
                    if matches!(step, Step::Take(_)) {
                        taken.push(object.into_inner());
                    }
                }
                Step::Drop(_) | Step::Take(_) => {}
                Step::Flush => cache.flush(),
                Step::Trim => cache.trim(),
                Step::Prefill(count) => drop(cache.prefill(count.into())),
                Step::Tune => scan(),
                Step::Bomb => ledger.bombs.store(1, Relaxed),
            });
            let statistics = cache.statistics();
            assert_identities(&statistics);
            prop_assert_eq!(statistics.outstanding, held.len() as u64);
            let in_list = ledger.live() - held.len() - taken.len();
            prop_assert!(in_list as u64 <= statistics.list.current_depth, "an object without a block");
        }
        ledger.bombs.store(0, Relaxed);
        for mut object in held.drain(..) {
            object.end();
        }
        drop(held);
        drop(cache);
        prop_assert_eq!(ledger.live(), taken.len());
        drop(taken);
        prop_assert_eq!(ledger.live(), 0);
    }
}
