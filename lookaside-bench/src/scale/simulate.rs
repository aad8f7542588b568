//! The simulation: processors with a list each, the shared list's locks, and the pool, event by event.
//!
//! Time is picoseconds. What happens within a processor list touches nobody else, so a processor works on until it
//! misses, and only then is an event. `docs/scaling.md` has what is assumed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::costs::Costs;
use super::patterns::{Balance, Call, Pattern, Worker};

/// Blocks that each processor list, and each part of the shared list, may keep by default. Both reach it by themselves
/// where they miss as often as here.
pub const DEPTH: u32 = 256;

/// What stands in front of the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lists {
    /// Each call is a hit, and no cache line of a list ever travels.
    Ideal,
    /// One shared list, and no list for each processor.
    OnlyShared,
    /// A list for each processor, and the shared list in so many parts.
    Pair { parts: u32, batch: u32 },
}

/// One question to the simulation.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What there is.
    pub lists: Lists,
    /// How many processors, each with a thread of its own.
    pub processors: u32,
    /// What they do.
    pub pattern: Pattern,
    /// Nanoseconds of other work for each object.
    pub work: f64,
    /// Blocks that each processor list may keep.
    pub depth: u32,
    /// Blocks that each part of the shared list may keep.
    pub shared_depth: u32,
    /// Where the random numbers start.
    pub seed: u64,
}

/// What came out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answer {
    /// Objects in a microsecond: allocated, used and freed.
    pub throughput: f64,
    /// Calls that the processor's own list served, of all.
    pub own_hits: f64,
    /// Calls that did not reach the pool, of all.
    pub hits: f64,
    /// Times in a microsecond that a lock was taken.
    pub trips: f64,
    /// The part of all processors' time that went into waiting for a lock.
    pub waiting: f64,
}

/// Marsaglia's xorshift.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * limit as u128) >> 64) as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The processor goes on with its step.
    Resume,
    /// It stands before the shared list with its call.
    Miss,
    /// Its section is over: it lets the lock of this part go.
    Release(u32),
    /// It has looked at this part, and takes its lock or waits for it.
    Take(u32),
    /// Whoever polls the lock of this part sees that it is free.
    Grant(u32),
    /// It looks at the lock of this part again, after it let others run.
    Look(u32),
}

/// A processor.
#[derive(Default)]
struct Processor {
    /// Blocks in its list.
    length: u32,
    /// What is left of its step.
    step: Vec<Call>,
    /// The call that missed.
    missed: Option<Call>,
    /// Parts of the shared list that it has yet to look at.
    to_try: Vec<u32>,
    /// Nanoseconds that its miss takes after the section.
    outside: f64,
    /// Waits for objects, or for room to put them.
    idle: bool,
}

/// One part of the shared list.
#[derive(Default)]
struct Part {
    length: u32,
    held: bool,
    /// Who had its lock last.
    last: Option<u32>,
    /// Who has looked at its line since then, so that a write has to fetch it back.
    watcher: Option<u32>,
    /// Who waits for its lock, and since when.
    waiting: Vec<(u32, u64)>,
}

struct Simulation<'a> {
    costs: &'a Costs,
    question: Question,
    random: Random,
    events: BinaryHeap<Reverse<(u64, u64, u32, Event)>>,
    sequence: u64,
    processors: Vec<Processor>,
    parts: Vec<Part>,
    worker: Worker,
    counts: Counts,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    freed: u64,
    calls: u64,
    misses: u64,
    pool: u64,
    trips: u64,
    waited: u64,
}

fn picoseconds(nanoseconds: f64) -> u64 {
    (nanoseconds * 1000.0).round() as u64
}

/// Plays a question until every processor has handled some thousand objects; the first third is not counted.
pub fn simulate(costs: &Costs, question: Question) -> Answer {
    Simulation::new(costs, question).run()
}

impl<'a> Simulation<'a> {
    fn new(costs: &'a Costs, question: Question) -> Self {
        let mut random = Random::new(question.seed);
        let count = question.processors as usize;
        let mut processors: Vec<Processor> = (0..count).map(|_| Processor::default()).collect();
        let worker = Worker::new(question.pattern, question.processors, question.work, &mut random);
        for (number, processor) in processors.iter_mut().enumerate() {
            // Where it would be after a while, and no two alike, so that they do not all miss at once.
            let batch = question.batch() as usize;
            processor.length = match worker.balance(number as u32) {
                Balance::Allocates => random.below(batch + 1) as u32,
                Balance::Frees => question.depth - random.below(batch + 1) as u32,
                Balance::Both => random.below(question.depth as usize + 1) as u32,
                Balance::Swings => question.depth,
            };
        }
        let parts = if let Lists::Pair { parts, .. } = question.lists { parts } else { 1 };
        let part = || Part { length: question.shared_depth / 2, ..Part::default() };
        Simulation {
            costs,
            question,
            worker,
            random,
            events: BinaryHeap::new(),
            sequence: 0,
            processors,
            parts: (0..parts).map(|_| part()).collect(),
            counts: Counts::default(),
        }
    }

    fn at(&mut self, time: u64, processor: u32, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((time, self.sequence, processor, event)));
    }

    fn run(mut self) -> Answer {
        let processors = u64::from(self.question.processors);
        // Some twenty trips of each, fewer where there are many: each trip looks at all who wait.
        let trips = (24 * 128 / processors).clamp(8, 24);
        let each = match self.question.lists {
            Lists::OnlyShared => 2 * trips,
            Lists::Ideal => 1000,
            Lists::Pair { batch, .. } => (trips * u64::from(batch)).clamp(60, 2400),
        };
        let objects = (processors * each).max(20 * each);
        let step = picoseconds(self.worker.step_time(self.costs.hit)) as usize;
        for processor in 0..self.question.processors {
            // Not in step.
            let start = self.random.below(step + 1);
            self.at(start as u64, processor, Event::Resume);
        }
        let mut start = None;
        let mut now = 0;
        while self.counts.freed < objects {
            let Some(Reverse((time, _, processor, event))) = self.events.pop() else { break };
            now = time;
            match event {
                Event::Resume => self.work(time, processor),
                Event::Miss => self.miss(time, processor),
                Event::Release(part) => self.release(time, processor, part),
                Event::Take(part) => self.take(time, processor, part),
                Event::Grant(part) => self.grant(time, part),
                Event::Look(part) => self.look(time, processor, part),
            }
            if start.is_none() && self.counts.freed >= objects / 3 {
                start = Some((time, self.counts));
            }
        }
        let (began, before) = start.unwrap_or_default();
        let since = |count: fn(&Counts) -> u64| (count(&self.counts) - count(&before)) as f64;
        let took = (now - began) as f64;
        let calls = since(|counts| counts.calls);
        Answer {
            throughput: since(|counts| counts.freed) / took * 1e6,
            own_hits: 1.0 - since(|counts| counts.misses) / calls,
            hits: 1.0 - since(|counts| counts.pool) / calls,
            trips: since(|counts| counts.trips) / took * 1e6,
            waiting: since(|counts| counts.waited) / (took * processors as f64),
        }
    }

    /// A processor works until it misses, has nothing to do, or has done a step.
    fn work(&mut self, start: u64, processor: u32) {
        let mut time = start;
        let index = processor as usize;
        loop {
            let Some(call) = self.processors[index].step.pop() else {
                let mut woken = Vec::new();
                let step = &mut self.processors[index].step;
                let busy = self.worker.next(processor, step, &mut self.random, &mut woken);
                self.processors[index].idle = !busy;
                if busy {
                    self.at(time, processor, Event::Resume);
                }
                for other in woken {
                    if std::mem::take(&mut self.processors[other as usize].idle) {
                        // It sees the line that tells it.
                        let seen = time + picoseconds(self.costs.between(processor, other));
                        self.at(seen, other, Event::Resume);
                    }
                }
                return;
            };
            let (Call::Allocate { work } | Call::Free { work }) = call;
            time += picoseconds(work + self.costs.hit / 2.0);
            self.counts.calls += 1;
            let here = &mut self.processors[index].length;
            let served = match (self.question.lists, call) {
                (Lists::Ideal, _) => true,
                (Lists::OnlyShared, _) => false,
                (_, Call::Allocate { .. }) => *here != 0,
                (_, Call::Free { .. }) => *here < self.question.depth,
            };
            if !served {
                self.counts.misses += 1;
                self.processors[index].missed = Some(call);
                let own = self.part_of(processor);
                let parts = self.parts.len() as u32;
                // The others from anywhere on, its own first: the last is looked at first.
                let from = self.random.below(parts as usize) as u32;
                let others = (0..parts).map(|offset| (from + offset) % parts).filter(|part| *part != own);
                self.processors[index].to_try = others.chain([own]).collect();
                let outside = if self.question.lists == Lists::OnlyShared { 0.0 } else { self.costs.miss };
                self.at(time + picoseconds(outside), processor, Event::Miss);
                return;
            }
            if self.question.lists != Lists::Ideal {
                match call {
                    Call::Allocate { .. } => *here -= 1,
                    Call::Free { .. } => *here += 1,
                }
            }
            self.counts.freed += u64::from(call.is_free());
        }
    }

    fn part_of(&self, processor: u32) -> u32 {
        (u64::from(processor) * self.parts.len() as u64 / u64::from(self.question.processors)) as u32
    }

    /// A call that missed looks without the lock at one part after the other, and waits for the first that may serve it.
    fn miss(&mut self, mut time: u64, processor: u32) {
        let index = processor as usize;
        let call = self.processors[index].missed.expect("it missed");
        while let Some(candidate) = self.processors[index].to_try.pop() {
            let part = &mut self.parts[candidate as usize];
            let useful = match call {
                Call::Allocate { .. } => part.length != 0,
                Call::Free { .. } => part.length < self.question.shared_depth,
            };
            let journey = self.costs.travel(part.last, processor);
            if journey != 0.0 {
                part.watcher = Some(processor);
                time += picoseconds(journey);
            }
            if useful {
                self.at(time, processor, Event::Take(candidate));
                return;
            }
        }
        self.pool(time, processor, call);
    }

    /// Nothing but the pool serves the call.
    fn pool(&mut self, time: u64, processor: u32, call: Call) {
        self.counts.pool += 1;
        self.processors[processor as usize].missed = None;
        self.counts.freed += u64::from(call.is_free());
        self.at(time + picoseconds(self.costs.pool / 2.0), processor, Event::Resume);
    }

    /// A processor takes the lock if it is free. While others poll it that is for one who was its last holder and comes
    /// back before they have seen it free.
    fn take(&mut self, time: u64, processor: u32, number: u32) {
        let costs = self.costs;
        let part = &mut self.parts[number as usize];
        let free = !part.held;
        let polling = match free {
            true => part.waiting.iter().filter(|(_, since)| costs.is_polling(time - since)).count(),
            false => 0,
        };
        part.waiting.push((processor, time));
        if free && (polling == 0 || part.last == Some(processor)) {
            self.acquire(time, processor, number, polling);
        }
    }

    /// One of those who poll a lock that was let go gets it, each as likely.
    fn grant(&mut self, time: u64, number: u32) {
        let costs = self.costs;
        let part = &self.parts[number as usize];
        if part.held {
            return;
        }
        let polling = part.waiting.iter().filter(|(_, since)| costs.is_polling(time - since));
        let polling: Vec<u32> = polling.map(|(waiter, _)| *waiter).collect();
        match polling.len() {
            0 => self.wait_for_look(time, number),
            count => {
                let next = polling[self.random.below(count)];
                self.acquire(time, next, number, count - 1);
            }
        }
    }

    /// Nobody polls: the lock waits for the first who looks again.
    fn wait_for_look(&mut self, time: u64, number: u32) {
        let costs = self.costs;
        let waiting = self.parts[number as usize].waiting.iter();
        let first = waiting.map(|&(waiter, since)| (time + costs.until_look(time - since), waiter)).min();
        if let Some((look, waiter)) = first {
            self.at(look, waiter, Event::Look(number));
        }
    }

    /// A processor that waits, or would have, has the lock.
    fn acquire(&mut self, time: u64, processor: u32, number: u32, polling: usize) {
        let costs = self.costs;
        let part = &mut self.parts[number as usize];
        let place = part.waiting.iter().position(|(other, _)| *other == processor).expect("it waits");
        let (_, since) = part.waiting.swap_remove(place);
        self.counts.waited += time - since;
        let polling = polling as f64;
        part.held = true;
        let own = &mut self.processors[processor as usize];
        let mut spilled_to_pool = 0;
        let moved = match own.missed.expect("it missed") {
            Call::Allocate { .. } => {
                let taken = part.length.min(self.question.batch());
                part.length -= taken;
                own.length += taken.saturating_sub(1);
                taken
            }
            Call::Free { .. } => {
                let room = self.question.shared_depth - part.length;
                let wanted = self.question.batch().min(own.length).max(1);
                if wanted > 1 && room > 1 {
                    let accepted = wanted.min(room);
                    own.length -= accepted - 1;
                    part.length += accepted;
                    accepted
                } else {
                    part.length += room.min(1);
                    spilled_to_pool = u64::from(room == 0);
                    1
                }
            }
        };
        // Somebody was quicker: the call goes on to the next part, or to the pool.
        let failed = moved == 0 || spilled_to_pool != 0;
        let moves = if failed { 0.0 } else { f64::from(moved) };
        let last = part.last.unwrap_or(processor);
        let mut section = costs.section + costs.section_block * moves;
        let watcher = part.watcher.take().filter(|watcher| *watcher != processor);
        if last != processor {
            section += costs.fetching(last, processor, moves);
        }
        if time != since || polling > 0.0 {
            // The lock's line goes once around those who poll it.
            let journey = costs.between(if last == processor { watcher.unwrap_or(last) } else { last }, processor);
            section += journey * (1.0 + costs.crowd * (polling - 1.0).max(0.0));
        } else if let Some(watcher) = watcher {
            section += costs.between(watcher, processor);
        }
        part.last = Some(processor);
        if !failed {
            let call = own.missed.take().expect("it missed");
            self.counts.freed += u64::from(call.is_free());
        }
        own.outside = if failed || self.question.lists == Lists::OnlyShared { 0.0 } else { costs.miss_block * moves };
        self.at(time + picoseconds(section), processor, Event::Release(number));
    }

    /// The lock is let go.
    fn release(&mut self, time: u64, processor: u32, number: u32) {
        let costs = self.costs;
        let part = &mut self.parts[number as usize];
        part.held = false;
        self.counts.trips += 1;
        if part.waiting.iter().any(|(_, since)| costs.is_polling(time - since)) {
            // Half a look later on average.
            self.at(time + picoseconds(costs.look / 2.0), processor, Event::Grant(number));
        } else {
            self.wait_for_look(time, number);
        }
        match self.processors[processor as usize].missed {
            Some(_) => self.at(time, processor, Event::Miss),
            None => {
                let outside = self.processors[processor as usize].outside;
                self.at(time + picoseconds(outside), processor, Event::Resume);
            }
        }
    }

    fn look(&mut self, time: u64, processor: u32, number: u32) {
        let costs = self.costs;
        let part = &self.parts[number as usize];
        if !part.held && part.waiting.iter().any(|(waiter, _)| *waiter == processor) {
            let others = part.waiting.iter().filter(|(waiter, _)| *waiter != processor);
            let polling = others.filter(|(_, since)| costs.is_polling(time - since)).count();
            self.acquire(time, processor, number, polling);
        }
    }
}

impl Question {
    fn batch(&self) -> u32 {
        match self.lists {
            Lists::Pair { batch, .. } => batch.min(self.depth),
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs() -> Costs {
        Costs {
            hit: 2.0,
            miss: 10.0,
            miss_block: 0.0,
            section: 15.0,
            section_block: 0.0,
            away: 80.0,
            away_block: 0.0,
            line: 40.0,
            look: 25.0,
            give_way: 500.0,
            sleep: 60_000.0,
            pool: 50.0,
            crowd: 0.5,
            near: 40.0,
            far: 190.0,
        }
    }

    fn ask(pattern: Pattern, processors: u32, lists: Lists) -> Answer {
        let question = Question { lists, processors, pattern, work: 98.0, depth: DEPTH, shared_depth: DEPTH, seed: 7 };
        simulate(&costs(), question)
    }

    /// 16 processors that need 100 ns for an object finish 160 in a microsecond.
    #[test]
    fn the_ideal_is_what_arithmetic_says() {
        let answer = ask(Pattern::Own, 16, Lists::Ideal);
        assert!((answer.throughput - 160.0).abs() < 8.0, "{answer:?}");
        assert_eq!((answer.own_hits, answer.hits, answer.waiting), (1.0, 1.0, 0.0));
    }

    /// One lock alone serves a section at a time, whoever comes.
    #[test]
    fn one_lock_bounds_everybody() {
        let answer = ask(Pattern::Own, 8, Lists::OnlyShared);
        // Two sections for an object, neither under 15 ns.
        assert!(answer.throughput < 1000.0 / 30.0 && answer.trips < 1000.0 / 15.0, "{answer:?}");
        assert_eq!(answer.own_hits, 0.0);
    }

    /// A lone processor's swings cost what its calls and trips cost together.
    #[test]
    fn an_undisturbed_trip_costs_what_it_was_said_to() {
        let question = Question {
            lists: Lists::Pair { parts: 1, batch: 8 },
            processors: 1,
            pattern: Pattern::Burst(16),
            work: 0.0,
            depth: 8,
            shared_depth: 64,
            seed: 7,
        };
        let answer = simulate(&costs(), question);
        // 8 pairs of hits, and 10 + 15 ns.
        assert!((1000.0 / answer.trips - (8.0 * 2.0 + 25.0)).abs() < 2.0, "{answer:?}");
    }

    /// Blocks that one processor only frees reach one that only allocates in batches of the size asked for.
    #[test]
    fn batches_make_trips_rare() {
        let trips = |batch| {
            let answer = ask(Pattern::Neighbours, 2, Lists::Pair { parts: 1, batch });
            answer.trips / answer.throughput
        };
        let (ones, many) = (trips(1), trips(64));
        assert!((ones - 2.0).abs() < 0.3, "{ones}");
        assert!((many - 2.0 / 64.0).abs() < 0.01, "{many}");
    }

    #[test]
    fn the_same_seed_gives_the_same_answer() {
        let lists = Lists::Pair { parts: 4, batch: 32 };
        let both = [(); 2].map(|()| ask(Pattern::All, 32, lists));
        assert_eq!(both[0], both[1]);
    }

    /// What the divisions are for.
    #[test]
    fn division_helps_where_one_lock_is_not_enough() {
        let share = |parts| ask(Pattern::Neighbours, 128, Lists::Pair { parts, batch: 64 }).throughput;
        assert!(share(16) > 3.0 * share(1), "{} {}", share(16), share(1));
    }
}
