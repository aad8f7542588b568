//! Who allocates and who frees.

use super::simulate::Random;

/// Objects that a step handles, and that are handed over at once.
pub const CHUNK: usize = 16;
/// Chunks that can be on the way to one consumer: 1,024 objects.
const QUEUE: usize = 64;
/// Objects of a burst: twice what a processor list may keep.
const BURST: usize = 2 * super::simulate::DEPTH as usize;
/// Places of a working set, as in the workload `random`.
const PLACES: usize = 512;
/// Consumers of one producer, where few feed many.
const MANY: u32 = 7;

/// One call, and the work that comes with it, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Call {
    Allocate { work: f64 },
    Free { work: f64 },
}

impl Call {
    pub fn is_free(self) -> bool {
        matches!(self, Call::Free { .. })
    }
}

/// What the processors do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Each allocates an object, works on it and frees it.
    Own,
    /// Each fills and empties random places of its own, 512 of them.
    Random,
    /// Each allocates so many objects, and then frees them.
    Burst(usize),
    /// Each second one produces for its neighbour.
    Neighbours,
    /// The first half produces for the second half, one for one.
    Halves,
    /// Each eighth one produces for the seven after it, which work seven times as long on each object.
    Few,
    /// Each sends what it allocates to random others, and frees what it is sent.
    All,
}

/// Every pattern with its name and what it means.
pub const ALL: [(Pattern, &str, &str); 7] = [
    (Pattern::Own, "own", "each processor frees what it allocated, one object at a time"),
    (Pattern::Random, "random", "each fills and empties 512 random places of its own"),
    (Pattern::Burst(BURST), "burst", "each allocates 512 objects, then frees them"),
    (Pattern::Neighbours, "neighbours", "one producer, one consumer beside it"),
    (Pattern::Halves, "halves", "one producer, one consumer; all producers in one half of the machine"),
    (Pattern::Few, "few-to-many", "one producer for seven consumers, which work seven times as long on an object"),
    (
        Pattern::All,
        "all-to-all",
        "each sends what it allocates to random others in lots of 16, and frees what it is sent",
    ),
];

impl Pattern {
    /// Its name.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.1)
    }
}

/// What a processor's calls are in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    Allocates,
    Frees,
    Both,
    /// Both, but so far out that its list is full in between.
    Swings,
}

/// Knows what each processor does next.
pub struct Worker {
    pattern: Pattern,
    processors: u32,
    work: f64,
    /// Chunks on the way to each processor.
    queued: Vec<usize>,
    /// The chunk that a processor is making or using: told when it is done.
    making: Vec<Option<u32>>,
    /// Full places of each processor's working set, or which consumer of a producer is next.
    state: Vec<usize>,
}

impl Worker {
    pub fn new(pattern: Pattern, processors: u32, work: f64, random: &mut Random) -> Worker {
        let count = processors as usize;
        let first = |_| match pattern {
            Pattern::Random => PLACES / 2 + random.below(32) - 16,
            _ => 0,
        };
        Worker {
            pattern,
            processors,
            work,
            queued: vec![0; count],
            making: vec![None; count],
            state: (0..count).map(first).collect(),
        }
    }

    /// Gives a processor the calls of its next step, the last one first; answers whether there are any. `woken` gets those
    /// who may go on, now that its last step is done.
    pub fn next(&mut self, processor: u32, step: &mut Vec<Call>, random: &mut Random, woken: &mut Vec<u32>) -> bool {
        let index = processor as usize;
        if let Some(consumer) = self.making[index].take() {
            self.queued[consumer as usize] += 1;
            woken.push(consumer);
        }
        let allocate = Call::Allocate { work: self.work };
        let free = Call::Free { work: 0.0 };
        match self.pattern {
            Pattern::Own => step.extend([free, allocate].repeat(CHUNK)),
            Pattern::Burst(objects) => {
                step.resize(objects, free);
                step.resize(2 * objects, allocate);
            }
            Pattern::Random => {
                for _ in 0..2 * CHUNK {
                    let full = &mut self.state[index];
                    if random.below(PLACES) < *full {
                        *full -= 1;
                        step.push(free);
                    } else {
                        *full += 1;
                        step.push(allocate);
                    }
                }
                // They are popped from the end; the counts are those of the order in which they were drawn.
                step.reverse();
            }
            Pattern::All => {
                // Two at the most, so that its inbox runs empty again.
                let chunks = self.queued[index].min(2);
                self.queued[index] -= chunks;
                step.resize(chunks * CHUNK, free);
                step.extend([allocate; CHUNK]);
                let other = random.below(self.processors as usize - 1) as u32;
                self.making[index] = Some(if other >= processor { other + 1 } else { other });
            }
            Pattern::Neighbours | Pattern::Halves | Pattern::Few => match self.role(processor) {
                Role::Producer { first, consumers } => {
                    let turn = self.state[index];
                    let consumer = (0..consumers)
                        .map(|offset| first + (turn as u32 + offset) % consumers)
                        .find(|consumer| self.queued[*consumer as usize] < QUEUE);
                    let Some(consumer) = consumer else { return false };
                    self.state[index] = turn + 1;
                    self.making[index] = Some(consumer);
                    step.extend([allocate; CHUNK]);
                }
                Role::Consumer { producer, work } => {
                    if self.queued[index] == 0 {
                        return false;
                    }
                    self.queued[index] -= 1;
                    if self.queued[index] < QUEUE {
                        woken.push(producer);
                    }
                    step.extend([Call::Free { work }; CHUNK]);
                }
            },
        }
        true
    }

    /// What a processor's calls are in the long run.
    pub fn balance(&self, processor: u32) -> Balance {
        match self.pattern {
            Pattern::Own | Pattern::Random | Pattern::All => Balance::Both,
            Pattern::Burst(_) => Balance::Swings,
            Pattern::Neighbours | Pattern::Halves | Pattern::Few => match self.role(processor) {
                Role::Producer { .. } => Balance::Allocates,
                Role::Consumer { .. } => Balance::Frees,
            },
        }
    }

    /// About how many nanoseconds a step takes.
    pub fn step_time(&self, hit: f64) -> f64 {
        let objects = if let Pattern::Burst(objects) = self.pattern { objects } else { CHUNK };
        objects as f64 * (self.work + hit)
    }

    fn role(&self, processor: u32) -> Role {
        let half = self.processors / 2;
        match self.pattern {
            Pattern::Halves if processor < half => Role::Producer { first: processor + half, consumers: 1 },
            Pattern::Halves => Role::Consumer { producer: processor - half, work: self.work },
            Pattern::Few => {
                let many = MANY.min(self.processors - 1);
                match processor % (many + 1) {
                    0 => Role::Producer { first: processor + 1, consumers: many },
                    place => Role::Consumer { producer: processor - place, work: self.work * f64::from(many) },
                }
            }
            _ if processor.is_multiple_of(2) => Role::Producer { first: processor + 1, consumers: 1 },
            _ => Role::Consumer { producer: processor - 1, work: self.work },
        }
    }
}

enum Role {
    Producer { first: u32, consumers: u32 },
    Consumer { producer: u32, work: f64 },
}
