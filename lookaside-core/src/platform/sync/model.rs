//! The order of the lock's two words, tried in every way that a processor with store buffers allows (theory §9.1).
//!
//! A store goes into its thread's buffer, and from there to memory at any later time; a load sees the thread's own
//! buffer first. That is x86-64; each step of [`Thread`] is one access, one buffered store reaching memory, or one
//! processor's part in `membarrier`.

extern crate std;

use std::collections::HashSet;
use std::vec::Vec;

use super::{FREE, HELD, NO_ONE_WAITS, SOMEONE_WAITS};

const STATE: usize = 0;
const WAITERS: usize = 1;

/// What orders a waiter's store before its look.
#[derive(Clone, Copy, PartialEq)]
enum Barrier {
    /// `membarrier`: every thread's stores reach memory.
    Everywhere,
    /// A fence: the waiter's own do.
    Own,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    TryLock,
    Announce,
    Barrier,
    AwaitBarrier,
    LastLook,
    Sleep,
    Asleep,
    Release,
    LookForWaiters,
    Clear,
    Wake,
    Done,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Thread {
    step: Step,
    sections_left: u32,
    /// Stores on their way to memory, oldest first.
    buffer: Vec<(usize, u32)>,
    /// Whose barriers this thread's processor has not served yet.
    asked: Vec<usize>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    memory: [u32; 2],
    threads: Vec<Thread>,
}

impl World {
    fn new(threads: usize, sections: u32) -> World {
        let thread = Thread { step: Step::TryLock, sections_left: sections, buffer: Vec::new(), asked: Vec::new() };
        World { memory: [FREE, NO_ONE_WAITS], threads: std::vec![thread; threads] }
    }

    /// Every world that one step leads to.
    fn next(&self, barrier: Barrier) -> Vec<World> {
        let mut found = Vec::new();
        for number in 0..self.threads.len() {
            let thread = &self.threads[number];
            if !thread.buffer.is_empty() {
                let mut world = self.clone();
                world.drain_one(number);
                found.push(world);
            }
            if !thread.asked.is_empty() {
                let mut world = self.clone();
                world.drain(number);
                world.threads[number].asked.clear();
                found.push(world);
            }
            let runs = match thread.step {
                Step::Done | Step::Asleep => false,
                Step::AwaitBarrier => !self.threads.iter().any(|other| other.asked.contains(&number)),
                _ => true,
            };
            if runs {
                let mut world = self.clone();
                world.run(number, barrier);
                found.push(world);
            }
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

    /// A compare-and-exchange, before which the thread's own stores reach memory.
    fn try_lock(&mut self, number: usize, else_step: Step) -> Step {
        self.drain(number);
        if self.memory[STATE] != FREE {
            return else_step;
        }
        self.memory[STATE] = HELD;
        let holders = self.threads.iter().filter(|thread| thread.step == Step::Release).count();
        assert_eq!(holders, 0, "two threads hold the lock");
        Step::Release
    }

    fn run(&mut self, number: usize, barrier: Barrier) {
        let store = |world: &mut World, word, value| world.threads[number].buffer.push((word, value));
        let next = match self.threads[number].step {
            Step::TryLock => self.try_lock(number, Step::Announce),
            Step::Announce => {
                store(self, WAITERS, SOMEONE_WAITS);
                Step::Barrier
            }
            Step::Barrier => {
                self.drain(number);
                if barrier == Barrier::Everywhere {
                    let others = self.threads.iter_mut().enumerate().filter(|(other, _)| *other != number);
                    others.for_each(|(_, other)| other.asked.push(number));
                }
                Step::AwaitBarrier
            }
            Step::AwaitBarrier => Step::LastLook,
            Step::LastLook => self.try_lock(number, Step::Sleep),
            // The kernel compares and falls asleep as one.
            Step::Sleep => {
                self.drain(number);
                if self.memory[WAITERS] == SOMEONE_WAITS { Step::Asleep } else { Step::TryLock }
            }
            Step::Release => {
                store(self, STATE, FREE);
                Step::LookForWaiters
            }
            Step::LookForWaiters => {
                let own = self.threads[number].buffer.iter().rev().find(|(word, _)| *word == WAITERS);
                let seen = own.map_or(self.memory[WAITERS], |(_, value)| *value);
                if seen == NO_ONE_WAITS { self.end_section(number) } else { Step::Clear }
            }
            Step::Clear => {
                store(self, WAITERS, NO_ONE_WAITS);
                Step::Wake
            }
            Step::Wake => {
                self.drain(number);
                let sleepers = self.threads.iter_mut().filter(|thread| thread.step == Step::Asleep);
                sleepers.for_each(|thread| thread.step = Step::TryLock);
                self.end_section(number)
            }
            Step::Asleep | Step::Done => unreachable!("such a thread does not run"),
        };
        self.threads[number].step = next;
    }

    fn end_section(&mut self, number: usize) -> Step {
        let left = &mut self.threads[number].sections_left;
        *left -= 1;
        if *left == 0 { Step::Done } else { Step::TryLock }
    }
}

/// Whether there is an order of steps after which a thread sleeps for ever.
fn loses_a_wake(threads: usize, sections: u32, barrier: Barrier) -> bool {
    let first = World::new(threads, sections);
    let mut seen = HashSet::from([first.clone()]);
    let mut open = std::vec![first];
    let mut lost = false;
    while let Some(world) = open.pop() {
        let next = world.next(barrier);
        lost |= next.is_empty() && world.threads.iter().any(|thread| thread.step != Step::Done);
        open.extend(next.into_iter().filter(|world| seen.insert(world.clone())));
    }
    lost
}

#[test]
fn no_order_of_steps_loses_a_wake() {
    assert!(!loses_a_wake(2, 3, Barrier::Everywhere));
    assert!(!loses_a_wake(3, 1, Barrier::Everywhere));
}

/// A fence in the waiter alone does not do: the release may look for waiters before its store can be seen.
#[test]
fn the_barrier_is_needed() {
    assert!(loses_a_wake(2, 1, Barrier::Own));
}
