//! What the lists are made to carry: a trace, or traffic that is made up.

use std::f64::consts::TAU;

use crate::trace::events::{Action, Event, Trace};
use crate::trace::script::{LARGEST, Script};

/// Parts of a second. Traffic is spread over them, and each ends with a look at the lists.
pub const TICKS: usize = 10;

/// A name, what it means, and how it is made.
type Made = (&'static str, &'static str, fn(&mut Sketch));

/// The loads that are made up. A request takes some blocks, and gives them all back.
const MADE: [Made; 4] = [
    (
        "burst",
        "200 requests a second for 8 blocks each; from seconds 8 and 19 on, three seconds of 100 requests for 400",
        burst,
    ),
    ("wave", "50 requests a second for 4 to 400 blocks each: two waves of 30 seconds", wave),
    ("phases", "50 requests a second, by turns for 32, 300, 64, 450 and 16 blocks each, ten seconds long", phases),
    ("idle", "5 seconds of 50 requests for 400 blocks each, then nothing", idle),
];

/// What happens from tick to tick.
pub struct Load {
    /// What tables and charts call it.
    pub name: String,
    /// What it does, in a few words.
    pub about: String,
    pub script: Script,
    /// How many of them are done at the end of each tick.
    pub ticks: Vec<usize>,
    /// The most blocks for lists that are out at once in each tick.
    pub out: Vec<u64>,
    /// The tick after whose operations there are no more.
    pub last: usize,
}

/// The names of the loads that are made up.
pub fn names() -> impl Iterator<Item = &'static str> {
    MADE.iter().map(|made| made.0)
}

impl Load {
    /// The one that is made up under this name, of blocks of this size.
    pub fn made_up(name: &str, size: u32) -> Option<Load> {
        let (name, about, draw) = MADE.into_iter().find(|made| made.0 == name)?;
        let mut sketch = Sketch { trace: Trace::default(), ticks: Vec::new(), size };
        draw(&mut sketch);
        Some(Load::new(name.into(), about.into(), &sketch.trace, sketch.ticks))
    }

    /// A trace spread evenly over some seconds, and then some idle ones.
    pub fn of_trace(name: String, trace: &Trace, seconds: usize, idle: usize) -> Load {
        let events = trace.events().len();
        let done = |tick: usize| (tick * events).div_ceil(seconds * TICKS);
        let mut ticks: Vec<usize> = (1..=seconds * TICKS).map(done).collect();
        ticks.resize((seconds + idle) * TICKS, events);
        let about = format!("the trace spread over {seconds} seconds; what it leaves is given back, then {idle} idle");
        Load::new(name, about, trace, ticks)
    }

    fn new(name: String, about: String, trace: &Trace, ticks: Vec<usize>) -> Load {
        let script = Script::new(trace);
        let last = ticks.partition_point(|&done| done < script.operations().len());
        let (mut out, mut now, mut begin) = (Vec::new(), 0_u64, 0);
        for &end in &ticks {
            let mut most = now;
            for operation in script.operations()[begin..end].iter().filter(|operation| operation.size() <= LARGEST) {
                now = if operation.is_free() { now - 1 } else { now + 1 };
                most = most.max(now);
            }
            begin = end;
            if end == script.operations().len() {
                now = 0;
            }
            out.push(most);
        }
        Load { name, about, script, ticks, out, last }
    }

    pub fn seconds(&self) -> usize {
        self.ticks.len() / TICKS
    }

    /// How many operations the lists serve with the `count`th of them, and all that come between.
    pub fn up_to(&self, count: usize) -> usize {
        let operations = self.script.operations();
        let served = operations.iter().enumerate().filter(|(_, operation)| operation.size() <= LARGEST);
        served.map(|(index, _)| index + 1).nth(count - 1).unwrap_or(operations.len())
    }
}

/// A load in the making.
struct Sketch {
    trace: Trace,
    ticks: Vec<usize>,
    size: u32,
}

impl Sketch {
    /// Seconds of requests, `requests` of them in each, for the blocks that `blocks` returns of the seconds that have
    /// passed.
    fn requests(&mut self, seconds: usize, requests: usize, blocks: impl Fn(f64) -> u32) {
        for tick in 0..seconds * TICKS {
            for request in 0..requests / TICKS {
                let passed = tick as f64 + request as f64 * TICKS as f64 / requests as f64;
                let first = self.trace.next_id();
                let blocks = blocks(passed / TICKS as f64);
                (0..blocks).for_each(|_| self.push(Action::Allocate { size: self.size }));
                (first..first + blocks).for_each(|id| self.push(Action::Free { id }));
            }
            self.ticks.push(self.trace.events().len());
        }
    }

    fn idle(&mut self, seconds: usize) {
        self.requests(seconds, 0, |_| 0);
    }

    fn push(&mut self, action: Action) {
        self.trace.push(Event { thread: 0, action }).expect("a block is allocated, and then freed");
    }
}

fn burst(sketch: &mut Sketch) {
    for _ in 0..2 {
        sketch.requests(8, 200, |_| 8);
        sketch.requests(3, 100, |_| 400);
    }
    sketch.requests(8, 200, |_| 8);
    sketch.idle(10);
}

fn wave(sketch: &mut Sketch) {
    sketch.requests(60, 50, |second| (202.0 - 198.0 * (second / 30.0 * TAU).cos()).round() as u32);
    sketch.idle(10);
}

fn phases(sketch: &mut Sketch) {
    for blocks in [32, 300, 64, 450, 16] {
        sketch.requests(10, 50, |_| blocks);
    }
    sketch.idle(10);
}

fn idle(sketch: &mut Sketch) {
    sketch.requests(5, 50, |_| 400);
    sketch.idle(35);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_loads_are_what_they_say() {
        let seconds = [("burst", 40), ("wave", 70), ("phases", 60), ("idle", 40)];
        assert!(names().eq(seconds.map(|(name, _)| name)));
        for (name, seconds) in seconds {
            let load = Load::made_up(name, 256).unwrap();
            assert_eq!((load.seconds(), load.out.len()), (seconds, load.ticks.len()), "{name}");
            assert!(load.script.leftover().is_empty(), "{name}");
        }
        let wave = Load::made_up("wave", 256).unwrap();
        assert_eq!((wave.out[0], wave.out[149], wave.out.iter().max()), (4, 400, Some(&400)));
        let burst = Load::made_up("burst", 256).unwrap();
        assert_eq!((burst.out[79], burst.out[80], burst.out[110], burst.out[399]), (8, 400, 8, 0));
        assert_eq!((burst.ticks[0], burst.ticks[80] - burst.ticks[79]), (20 * 8 * 2, 10 * 400 * 2));
        assert_eq!(burst.last, 299);
        assert!(Load::made_up("bursts", 256).is_none());
    }

    #[test]
    fn a_trace_is_spread_evenly_and_ends_empty() {
        let mut trace = Trace::default();
        for size in [16, 2000, 16] {
            trace.push(Event { thread: 0, action: Action::Allocate { size } }).unwrap();
        }
        trace.push(Event { thread: 0, action: Action::Free { id: 0 } }).unwrap();
        let load = Load::of_trace("trace".into(), &trace, 1, 2);
        assert_eq!(load.seconds(), 3);
        assert_eq!(load.ticks[..10], [1, 1, 2, 2, 2, 3, 3, 4, 4, 4]);
        assert_eq!(load.out[..10], [1, 1, 1, 1, 1, 2, 2, 2, 0, 0]);
        assert_eq!((load.last, load.up_to(1), load.up_to(2), load.up_to(9)), (7, 1, 3, 4));
    }
}
