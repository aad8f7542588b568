//! The order of a call's and a closer's accesses, tried in every way that a processor with store buffers allows (theory
//! §3.3).
//!
//! A store goes into its thread's buffer, and from there to memory at any later time; a load sees the thread's own
//! buffer first. That is x86-64; each step is one access, one buffered store reaching memory, or the owner's processor's
//! part in `membarrier`. Blocks that the owner puts in and the closer takes out are counted: none may be lost or doubled.

extern crate std;

use std::collections::HashSet;
use std::vec::Vec;

const INSIDE: usize = 0;
const LOCK: usize = 1;
const LENGTH: usize = 2;

const OWNER: usize = 0;
const CLOSER: usize = 1;

/// What orders the owner's store before its look.
#[derive(Clone, Copy, PartialEq)]
enum Barrier {
    /// `membarrier`: the owner's stores reach memory too.
    Everywhere,
    /// A fence: the closer's own do.
    Own,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    // The owner.
    Enter,
    Look,
    Load,
    Commit,
    Leave,
    // The closer.
    Close,
    Barrier,
    AwaitBarrier,
    AwaitOwner,
    Take,
    Open,
    Done,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Thread {
    step: Step,
    /// Calls, or closings.
    left: u32,
    /// What it loaded last.
    loaded: u32,
    /// Blocks that it put in, or took out.
    moved: u32,
    /// Stores on their way to memory, oldest first.
    buffer: Vec<(usize, u32)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    memory: [u32; 3],
    threads: [Thread; 2],
    /// Whether the owner's processor has still to serve the closer's barrier.
    asked: bool,
}

impl World {
    fn new(calls: u32, closings: u32) -> World {
        let thread = |step, left| Thread { step, left, loaded: 0, moved: 0, buffer: Vec::new() };
        let threads = [thread(Step::Enter, calls), thread(Step::Close, closings)];
        World { memory: [0; 3], threads, asked: false }
    }

    /// Every world that one step leads to.
    fn next(&self, barrier: Barrier) -> Vec<World> {
        let mut found = Vec::new();
        let mut add = |change: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            change(&mut world);
            found.push(world);
        };
        for number in [OWNER, CLOSER] {
            let thread = &self.threads[number];
            if !thread.buffer.is_empty() {
                add(&|world| world.drain_one(number));
            }
            let waits = match thread.step {
                Step::Done => true,
                Step::AwaitBarrier => self.asked,
                // Its own buffer was drained at the barrier.
                Step::AwaitOwner => self.memory[INSIDE] != 0,
                _ => false,
            };
            if !waits {
                add(&|world| world.run(number, barrier));
            }
        }
        if self.asked {
            add(&|world| {
                world.drain(OWNER);
                world.asked = false;
            });
        }
        found
    }

    fn drain_one(&mut self, number: usize) {
        let (word, value) = self.threads[number].buffer.remove(0);
        self.memory[word] = value;
    }

    fn drain(&mut self, number: usize) {
        while !self.threads[number].buffer.is_empty() {
            self.drain_one(number);
        }
    }

    fn load(&self, number: usize, word: usize) -> u32 {
        let own = self.threads[number].buffer.iter().rev().find(|(stored, _)| *stored == word);
        own.map_or(self.memory[word], |(_, value)| *value)
    }

    fn run(&mut self, number: usize, barrier: Barrier) {
        let step = self.threads[number].step;
        let loaded = match step {
            Step::Look => self.load(number, LOCK),
            Step::Load | Step::Take => self.load(number, LENGTH),
            _ => self.threads[number].loaded,
        };
        if step == Step::Barrier {
            self.drain(CLOSER);
            self.asked = barrier == Barrier::Everywhere;
        }
        let thread = &mut self.threads[number];
        thread.loaded = loaded;
        let mut store = |word, value| thread.buffer.push((word, value));
        thread.step = match step {
            Step::Enter => {
                store(INSIDE, 1);
                Step::Look
            }
            Step::Look => {
                if loaded == 0 {
                    Step::Load
                } else {
                    Step::Leave
                }
            }
            Step::Load => Step::Commit,
            Step::Commit => {
                store(LENGTH, loaded + 1);
                thread.moved += 1;
                Step::Leave
            }
            Step::Leave => {
                store(INSIDE, 0);
                thread.after(Step::Enter)
            }
            Step::Close => {
                store(LOCK, 1);
                Step::Barrier
            }
            Step::Barrier => Step::AwaitBarrier,
            Step::AwaitBarrier => Step::AwaitOwner,
            Step::AwaitOwner => Step::Take,
            Step::Take => {
                store(LENGTH, 0);
                thread.moved += loaded;
                Step::Open
            }
            Step::Open => {
                store(LOCK, 0);
                thread.after(Step::Close)
            }
            Step::Done => unreachable!("such a thread does not run"),
        };
    }
}

impl Thread {
    fn after(&mut self, again: Step) -> Step {
        self.left -= 1;
        if self.left == 0 { Step::Done } else { again }
    }
}

/// Whether there is an order of steps after which a block is lost, or in two places.
fn loses_a_block(barrier: Barrier) -> bool {
    let first = World::new(3, 2);
    let mut seen = HashSet::from([first.clone()]);
    let mut open = std::vec![first];
    let mut lost = false;
    let mut ends = 0;
    while let Some(world) = open.pop() {
        let next = world.next(barrier);
        if next.is_empty() {
            ends += 1;
            assert!(world.threads.iter().all(|thread| thread.step == Step::Done), "a closer waits for ever");
            lost |= world.memory[LENGTH] + world.threads[CLOSER].moved != world.threads[OWNER].moved;
        }
        open.extend(next.into_iter().filter(|world| seen.insert(world.clone())));
    }
    assert!(ends > 0);
    lost
}

#[test]
fn no_order_of_steps_loses_a_block() {
    assert!(!loses_a_block(Barrier::Everywhere));
}

/// A fence in the closer alone does not do: the owner may look before its store can be seen.
#[test]
fn the_barrier_is_needed() {
    assert!(loses_a_block(Barrier::Own));
}
