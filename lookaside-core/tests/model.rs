//! Random operations against a plain model, on all engines: which block comes, what every counter says, and that
//! no block is lost, after each step. One thread visits all processors, and some that do not exist.

mod common;

use std::ptr::NonNull;

use common::{accounted, alone, assert_identities, blocks_out, engines};
use lookaside_core::{Counters, EngineKind, LookasideList, Topology, Tuning, hooks};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Allocate,
    TryAllocate,
    Free(usize),
    FreeTo(usize, u32),
    AllocateMany(usize),
    FreeMany(usize, usize),
    MoveTo(u32),
    Prefill(usize),
    Flush,
    Trim,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => Just(Operation::Allocate),
        2 => Just(Operation::TryAllocate),
        12 => any::<usize>().prop_map(Operation::Free),
        3 => (any::<usize>(), prop_oneof![4 => 0u32..3, 1 => Just(4000)])
            .prop_map(|(which, processor)| Operation::FreeTo(which, processor)),
        3 => (0usize..20).prop_map(Operation::AllocateMany),
        3 => (any::<usize>(), 0usize..20).prop_map(|(from, count)| Operation::FreeMany(from, count)),
        3 => prop_oneof![4 => 0u32..3, 1 => Just(4000)].prop_map(Operation::MoveTo),
        1 => (0usize..12).prop_map(Operation::Prefill),
        1 => Just(Operation::Flush),
        1 => Just(Operation::Trim),
    ]
}

/// One list of the model, its blocks with the last in at the end.
#[derive(Default)]
struct Level {
    blocks: Vec<NonNull<u8>>,
    used: bool,
    depth: usize,
    counters: Counters,
}

impl Level {
    fn room(&self) -> usize {
        self.depth.saturating_sub(self.blocks.len())
    }

    fn take(&mut self, wanted: usize) -> Vec<NonNull<u8>> {
        let count = wanted.min(self.blocks.len());
        self.blocks.split_off(self.blocks.len() - count)
    }
}

struct Model {
    processors: Vec<Level>,
    /// The divisions of the shared list; the first has the counters of all.
    shared: Vec<Level>,
    processor: u32,
    initial_depth: usize,
    maximum_depth: usize,
    shared_maximum: usize,
    batch: usize,
    /// Whether neighbouring numbers are in different divisions.
    by_slot: bool,
    /// Blocks that callers hold.
    held: Vec<NonNull<u8>>,
    pool_frees: u64,
    pool_allocates: u64,
    /// Blocks that are not this list's.
    others: usize,
}

impl Model {
    /// The processor list of the current processor, and whether it may be touched: on a number out of range the first
    /// one counts.
    fn current(&mut self) -> Option<(usize, bool)> {
        let count = self.processors.len();
        let in_range = (self.processor as usize) < count;
        let index = if in_range { self.processor as usize } else { 0 };
        let level = self.processors.get_mut(index)?;
        if !level.used {
            level.used = true;
            level.depth = self.initial_depth;
            self.open_division(index);
        }
        Some((index, in_range))
    }

    /// The first use of a processor's part opens its division.
    fn open_division(&mut self, index: usize) {
        let depth = self.shared[0].depth;
        let number = self.division_of(index);
        let division = &mut self.shared[number];
        if !division.used {
            division.used = true;
            division.depth = depth;
        }
    }

    fn division_of(&self, processor: usize) -> usize {
        match self.by_slot {
            _ if processor >= self.processors.len() => 0,
            true => processor % self.shared.len(),
            false => processor * self.shared.len() / self.processors.len(),
        }
    }

    /// The division that a call turns to.
    fn choose(&self, suits: impl Fn(&Level) -> bool) -> usize {
        let opened = self.shared.iter().rposition(|division| division.used).unwrap() + 1;
        let own = self.division_of(self.processor as usize);
        let from = self.processor as usize % opened;
        let others = (0..opened).map(|offset| (from + offset) % opened);
        [own].into_iter().filter(|own| *own < opened).chain(others).find(|at| suits(&self.shared[*at])).unwrap_or(0)
    }

    fn with_blocks(&mut self) -> &mut Level {
        let at = self.choose(|division| !division.blocks.is_empty());
        &mut self.shared[at]
    }

    fn with_room(&mut self) -> &mut Level {
        let at = self.choose(|division| division.room() > 0);
        &mut self.shared[at]
    }

    fn batch(&self, index: usize) -> usize {
        let depth = self.processors[index].depth;
        if self.batch == 0 { depth / 2 } else { self.batch.min(depth) }
    }

    /// The block that must come; `None` if it must come from the pool.
    fn allocate(&mut self) -> Option<NonNull<u8>> {
        let mut batch = 1;
        let current = self.current();
        if let Some((index, in_range)) = current {
            let level = &mut self.processors[index];
            level.counters.total_allocates += 1;
            if in_range && !level.blocks.is_empty() {
                return level.blocks.pop();
            }
            level.counters.allocate_misses += 1;
            // A thread without a slot has nowhere to keep more.
            batch = if self.by_slot && !in_range { 1 } else { self.batch(index).max(1) };
        }
        self.shared[0].counters.total_allocates += 1;
        let mut blocks = self.with_blocks().take(batch);
        let Some(block) = blocks.pop() else {
            self.shared[0].counters.allocate_misses += 1;
            self.pool_allocates += 1;
            return None;
        };
        match current {
            Some((index, true)) => {
                self.processors[index].counters.refilled += blocks.len() as u64;
                self.shared[0].counters.refilled += blocks.len() as u64;
                self.processors[index].blocks.append(&mut blocks);
            }
            _ => self.with_room().blocks.append(&mut blocks),
        }
        Some(block)
    }

    fn try_allocate(&mut self) -> Option<NonNull<u8>> {
        let current = self.current_unopened();
        if let Some((index, true)) = current {
            if let Some(block) = self.processors[index].blocks.pop() {
                self.processors[index].counters.total_allocates += 1;
                return Some(block);
            }
        }
        self.current();
        let block = self.with_blocks().blocks.pop()?;
        self.shared[0].counters.total_allocates += 1;
        if let Some((index, _)) = current {
            self.processors[index].counters.total_allocates += 1;
            self.processors[index].counters.allocate_misses += 1;
        }
        Some(block)
    }

    fn current_unopened(&self) -> Option<(usize, bool)> {
        let in_range = (self.processor as usize) < self.processors.len();
        (!self.processors.is_empty()).then_some((if in_range { self.processor as usize } else { 0 }, in_range))
    }

    fn free(&mut self, block: NonNull<u8>) {
        let mut going = vec![block];
        if let Some((index, in_range)) = self.current() {
            self.processors[index].counters.total_frees += 1;
            if in_range && self.processors[index].room() > 0 {
                self.processors[index].blocks.push(block);
                return;
            }
            self.processors[index].counters.free_misses += 1;
            let wanted = self.batch(index).min(self.with_room().room());
            if in_range && wanted > 1 {
                going = self.processors[index].take(wanted);
                self.processors[index].blocks.push(block);
                self.processors[index].counters.spilled += going.len() as u64 - 1;
                self.shared[0].counters.spilled += going.len() as u64 - 1;
            }
        }
        self.free_below(going);
    }

    /// A free to the list of a given processor: block by block.
    fn free_to(&mut self, block: NonNull<u8>, processor: u32) {
        let initial = self.initial_depth;
        let is_current = self.by_slot || processor == self.processor;
        let Some(level) = self.processors.get_mut(processor as usize).filter(|_| !is_current) else {
            return self.free(block);
        };
        if !level.used {
            level.used = true;
            level.depth = initial;
            self.open_division(processor as usize);
        }
        let level = &mut self.processors[processor as usize];
        level.counters.total_frees += 1;
        if level.room() > 0 {
            level.blocks.push(block);
        } else {
            level.counters.free_misses += 1;
            self.free_below(vec![block]);
        }
    }

    /// What must come, block by block: what P has, what L has, with a batch for P beyond it, and then like single
    /// blocks.
    fn allocate_many(&mut self, wanted: usize) -> Vec<Option<NonNull<u8>>> {
        let mut out: Vec<NonNull<u8>> = Vec::new();
        if wanted == 0 {
            return Vec::new();
        }
        let mut batch = 0;
        let current = self.current();
        let mut found: Vec<Option<NonNull<u8>>> = Vec::new();
        loop {
            if let Some((index, in_range)) = current {
                batch = if self.by_slot && !in_range { 0 } else { self.batch(index) };
                if in_range {
                    out = self.processors[index].take(wanted - found.len());
                    self.processors[index].counters.total_allocates += out.len() as u64;
                }
            }
            found.extend(out.drain(..).map(Some));
            let lacking = wanted - found.len();
            if lacking > 0 {
                let mut others = self.with_blocks().take(lacking.max(batch));
                let taken = others.split_off(others.len() - others.len().min(lacking));
                self.shared[0].counters.total_allocates += taken.len() as u64;
                if let Some((index, in_range)) = current {
                    let level = &mut self.processors[index];
                    level.counters.total_allocates += taken.len() as u64;
                    level.counters.allocate_misses += taken.len() as u64;
                    if in_range {
                        level.counters.refilled += others.len() as u64;
                        self.shared[0].counters.refilled += others.len() as u64;
                        level.blocks.append(&mut others);
                    }
                }
                self.with_room().blocks.append(&mut others);
                found.extend(taken.into_iter().map(Some));
            }
            if found.len() == wanted {
                return found;
            }
            found.push(self.allocate());
            if found.len() == wanted {
                return found;
            }
        }
    }

    fn free_many(&mut self, mut rest: Vec<NonNull<u8>>) {
        if rest.is_empty() {
            return;
        }
        if let Some((index, in_range)) = self.current() {
            let level = &mut self.processors[index];
            level.counters.total_frees += rest.len() as u64;
            if in_range {
                let room = level.room().min(rest.len());
                level.blocks.extend(rest.drain(..room));
            }
            level.counters.free_misses += rest.len() as u64;
            let batch = self.batch(index).min(self.with_room().room());
            if in_range && !rest.is_empty() && rest.len() < batch {
                // A batch goes down, and these take its place.
                let level = &mut self.processors[index];
                let mut going = level.take(batch);
                let spilled = (going.len() - rest.len()) as u64;
                level.counters.spilled += spilled;
                self.shared[0].counters.spilled += spilled;
                self.shared[0].counters.total_frees += rest.len() as u64;
                level.blocks.append(&mut rest);
                self.with_room().blocks.append(&mut going);
            }
        }
        // All to one division, and what finds no room there to the pool.
        let at = self.choose(|division| division.room() > 0);
        rest.into_iter().for_each(|block| self.free_below_at(at, vec![block]));
    }

    fn free_below(&mut self, going: Vec<NonNull<u8>>) {
        let at = self.choose(|division| division.room() > 0);
        self.free_below_at(at, going);
    }

    fn free_below_at(&mut self, at: usize, mut going: Vec<NonNull<u8>>) {
        self.shared[0].counters.total_frees += 1;
        if self.shared[at].room() == 0 {
            self.shared[0].counters.free_misses += 1;
            self.pool_frees += 1;
        } else {
            self.shared[at].blocks.append(&mut going);
        }
    }

    fn remove(&mut self, keep: fn(&Level) -> usize) {
        let mut remove = |level: &mut Level| {
            let surplus = level.blocks.len().saturating_sub(keep(level));
            self.pool_frees += surplus as u64;
            level.blocks.drain(..surplus);
            surplus as u64
        };
        for level in self.processors.iter_mut().filter(|level| level.used) {
            level.counters.removed += remove(level);
        }
        let of_shared: u64 = self.shared.iter_mut().map(remove).sum();
        self.shared[0].counters.removed += of_shared;
    }
}

fn check(list: &LookasideList, model: &Model) {
    let statistics = list.statistics();
    assert_identities(&statistics);
    let of = |level: &Level| Counters {
        current_depth: level.blocks.len() as u64,
        depth: level.depth as u64,
        ..level.counters
    };
    let sum = |value: fn(&Level) -> usize| model.shared.iter().map(value).sum::<usize>();
    let shared = Counters {
        current_depth: sum(|division| division.blocks.len()) as u64,
        depth: sum(|division| division.depth) as u64,
        ..model.shared[0].counters
    };
    assert_eq!(statistics.shared, shared);
    let mut processor = Counters::default();
    for level in model.processors.iter().map(of) {
        processor.total_allocates += level.total_allocates;
        processor.allocate_misses += level.allocate_misses;
        processor.total_frees += level.total_frees;
        processor.free_misses += level.free_misses;
        processor.refilled += level.refilled;
        processor.spilled += level.spilled;
        processor.added += level.added;
        processor.removed += level.removed;
        processor.current_depth += level.current_depth;
        processor.depth += level.depth;
    }
    assert_eq!(statistics.processor, processor);
    assert_eq!((statistics.pool_allocates, statistics.pool_frees), (model.pool_allocates, model.pool_frees));
    assert_eq!(statistics.outstanding, model.held.len() as u64);
    let cached =
        sum(|division| division.blocks.len()) + model.processors.iter().map(|level| level.blocks.len()).sum::<usize>();
    assert_eq!(blocks_out() - model.others, model.held.len() + cached, "every block is in exactly one place");
}

fn run(
    engine: EngineKind,
    (topology, divisions): (Topology, u16),
    maximum: u16,
    initial: u16,
    batch: u16,
    operations: &[Operation],
) {
    // Not 0 while a failure is being shrunk.
    let others = blocks_out();
    // SAFETY: this thread alone uses lists while it has the lock; with `Tuning::Manual` no one else scans.
    unsafe { hooks::pretend(0) };
    let list = accounted()
        .engine(engine)
        .topology(topology)
        .tuning(Tuning::Manual)
        .maximum_depth(maximum)
        .initial_depth(initial)
        .batch(batch)
        .divisions(divisions)
        .build()
        .unwrap();
    let processors = list.statistics().processors as usize;
    let shared_maximum = if topology == Topology::Single { 0 } else { maximum };
    let mut model = Model {
        processors: (0..processors).map(|_| Level::default()).collect(),
        shared: (0..divisions).map(|_| Level::default()).collect(),
        processor: 0,
        initial_depth: initial.into(),
        maximum_depth: maximum.into(),
        shared_maximum: shared_maximum.into(),
        batch: batch.into(),
        by_slot: engine == EngineKind::Slots,
        held: Vec::new(),
        pool_frees: 0,
        pool_allocates: 0,
        others,
    };
    model.shared[0] = Level { used: true, depth: initial.min(shared_maximum).into(), ..Level::default() };
    for operation in operations {
        match *operation {
            Operation::Allocate => {
                let expected = model.allocate();
                let block = list.allocate().unwrap();
                match expected {
                    Some(expected) => assert_eq!(block, expected),
                    None => assert!(!model.held.contains(&block)),
                }
                model.held.push(block);
            }
            Operation::TryAllocate => {
                let expected = model.try_allocate();
                assert_eq!(list.try_allocate(), expected);
                model.held.extend(expected);
            }
            Operation::Free(which) if !model.held.is_empty() => {
                let block = model.held.swap_remove(which % model.held.len());
                model.free(block);
                // SAFETY: the caller held it.
                unsafe { list.free(block) };
            }
            Operation::FreeTo(which, processor) if !model.held.is_empty() => {
                let block = model.held.swap_remove(which % model.held.len());
                model.free_to(block, processor);
                // SAFETY: the caller held it.
                unsafe { list.free_to_processor(block, processor) };
            }
            Operation::Free(_) | Operation::FreeTo(..) => {}
            Operation::AllocateMany(wanted) => {
                let expected = model.allocate_many(wanted);
                let mut out = vec![std::ptr::null_mut(); wanted];
                assert_eq!(list.allocate_many(&mut out), wanted);
                for (block, expected) in out.into_iter().zip(expected) {
                    let block = NonNull::new(block).unwrap();
                    match expected {
                        Some(expected) => assert_eq!(block, expected),
                        None => assert!(!model.held.contains(&block)),
                    }
                    model.held.push(block);
                }
            }
            Operation::FreeMany(from, count) => {
                let from = from % (model.held.len() + 1);
                let to = (from + count).min(model.held.len());
                let going: Vec<_> = model.held.drain(from..to).collect();
                let blocks: Vec<_> = going.iter().map(|block| block.as_ptr()).collect();
                model.free_many(going);
                // SAFETY: the caller held them.
                unsafe { list.free_many(&blocks) };
            }
            Operation::MoveTo(processor) => {
                // A thread without a slot has no number.
                let has_none = model.by_slot && processor as usize >= model.processors.len();
                model.processor = if has_none { u32::MAX } else { processor };
                // SAFETY: as above.
                unsafe { hooks::pretend(processor) };
            }
            Operation::Prefill(wanted) => prefill(&list, &mut model, wanted),
            Operation::Flush => {
                model.remove(|_| 0);
                list.flush();
            }
            Operation::Trim => {
                model.remove(|level| level.depth);
                list.trim();
            }
        }
        check(&list, &model);
    }
    for block in model.held.drain(..).collect::<Vec<_>>() {
        model.free(block);
        // SAFETY: the caller held it.
        unsafe { list.free(block) };
    }
    check(&list, &model);
    drop(list);
    assert_eq!(blocks_out(), others, "delete gives everything back");
}

/// Prefill makes blocks that the model cannot know beforehand: it reads them from what comes out of the list later, so
/// here it only follows the counts, and empties the list to learn the blocks.
fn prefill(list: &LookasideList, model: &mut Model, wanted: usize) {
    if !model.processors.is_empty() {
        model.open_division(model.processor as usize);
    }
    let own = model.choose(|division| division.used);
    let depth = (model.shared[own].blocks.len() + wanted).clamp(model.shared[0].depth, model.shared_maximum);
    let open = || model.shared.iter().filter(|division| division.used);
    let to_shared = wanted.min(open().map(|division| depth.saturating_sub(division.blocks.len())).sum());
    model.shared.iter_mut().filter(|division| division.used).for_each(|division| division.depth = depth);
    let rest = wanted - to_shared;
    let mut to_processor = 0;
    if let Some((index, in_range)) = model.current_unopened().filter(|_| rest > 0) {
        let (initial, maximum) = (model.initial_depth, model.maximum_depth);
        let level = &mut model.processors[index];
        // On a number out of range the first list seems to have room, and one block too many is asked for.
        if level.room() < if in_range { rest } else { 1 } {
            level.used = true;
            level.depth = (level.blocks.len() + rest).clamp(level.depth.max(initial), maximum);
        }
        if in_range {
            to_processor = rest.min(level.room());
        } else if level.room() > 0 {
            model.pool_allocates += 1;
            model.pool_frees += 1;
        }
    }
    assert_eq!(list.prefill(wanted).unwrap(), to_shared + to_processor);
    model.shared[0].counters.added += to_shared as u64;
    model.pool_allocates += (to_shared + to_processor) as u64;
    if to_processor > 0 {
        let (index, _) = model.current_unopened().unwrap();
        model.processors[index].counters.added += to_processor as u64;
    }
    // Flush, which the model can follow: the new blocks go, and with them what it cannot know.
    let flushed = |level: &mut Level, new: usize| {
        let gone = level.blocks.len() + new;
        level.counters.removed += gone as u64;
        level.blocks.clear();
        gone as u64
    };
    let cached: usize = model.shared.iter_mut().map(|division| std::mem::take(&mut division.blocks).len()).sum();
    model.shared[0].counters.removed += (cached + to_shared) as u64;
    model.pool_frees += (cached + to_shared) as u64;
    let current = model.current_unopened();
    for index in 0..model.processors.len() {
        let new = if current == Some((index, true)) { to_processor } else { 0 };
        model.pool_frees += flushed(&mut model.processors[index], new);
    }
    list.flush();
}

fn explore(topology: Topology, divisions: u16) {
    let _alone = alone();
    for engine in engines() {
        let strategy = (1u16..9, 1u16..9, 0u16..6, prop::collection::vec(operation(), 0..200));
        let cases = std::env::var("LOOKASIDE_TEST_MODEL_CASES").ok().map_or(200, |cases| cases.parse().unwrap());
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        runner
            .run(&strategy, |(maximum, initial, batch, operations)| {
                run(engine, (topology, divisions), maximum, initial.min(maximum), batch, &operations);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn pairs_follow_the_model() {
    explore(Topology::Pair, 1);
}

#[test]
fn pairs_with_a_divided_shared_list_follow_the_model() {
    explore(Topology::Pair, 2);
    explore(Topology::Pair, 4);
}

#[test]
fn general_lists_follow_the_model() {
    explore(Topology::General, 1);
}

#[test]
fn lists_without_a_shared_list_follow_the_model() {
    explore(Topology::Single, 1);
}
