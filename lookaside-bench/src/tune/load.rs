//! What the lists are made to carry: a trace, or traffic that is made up.

use std::f64::consts::TAU;

use crate::trace::events::{Action, Event, Trace};
use crate::trace::script::{LARGEST, Script};

/// Parts of a second. Traffic is spread over them, and each ends with a look at the lists.
pub const TICKS: usize = 10;

/// Bytes in a block of loads that are made up.
const SIZE: u32 = 256;

/// A load that is made up. A request takes some blocks, and gives them all back.
pub struct Made {
    pub name: &'static str,
    about: &'static str,
    seconds: usize,
    /// The requests of a second, and the blocks of each, after this number of seconds.
    at: fn(f64) -> (usize, u32),
}

pub const MADE: [Made; 4] = [
    Made {
        name: "burst",
        about: "200 requests a second for 8 blocks each; from seconds 8 and 19 on, three seconds of 100 requests for 400",
        seconds: 40,
        at: |second| match second {
            8.0..11.0 | 19.0..22.0 => (100, 400),
            ..30.0 => (200, 8),
            _ => (0, 0),
        },
    },
    Made {
        name: "wave",
        about: "50 requests a second for 4 to 400 blocks each: two waves of 30 seconds",
        seconds: 70,
        at: |second| match second {
            ..60.0 => (50, (202.0 - 198.0 * (second / 30.0 * TAU).cos()).round() as u32),
            _ => (0, 0),
        },
    },
    Made {
        name: "phases",
        about: "50 requests a second, by turns for 32, 300, 64, 450 and 16 blocks each, ten seconds long",
        seconds: 60,
        at: |second| [32, 300, 64, 450, 16].get(second as usize / 10).map_or((0, 0), |&blocks| (50, blocks)),
    },
    Made {
        name: "idle",
        about: "5 seconds of 50 requests for 400 blocks each, then nothing",
        seconds: 40,
        at: |second| if second < 5.0 { (50, 400) } else { (0, 0) },
    },
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

impl Load {
    /// One that is made up.
    pub fn made_up(&Made { name, about, seconds, at }: &Made) -> Load {
        let (mut trace, mut ticks) = (Trace::default(), Vec::new());
        for tick in 0..seconds * TICKS {
            let passed = tick as f64 / TICKS as f64;
            let requests = at(passed).0 / TICKS;
            for request in 0..requests {
                let (_, blocks) = at(passed + request as f64 / (requests * TICKS) as f64);
                let first = trace.next_id();
                let allocates = (0..blocks).map(|_| Action::Allocate { size: SIZE });
                for action in allocates.chain((first..first + blocks).map(|id| Action::Free { id })) {
                    trace.push(Event { thread: 0, action }).expect("a block is allocated, and then freed");
                }
            }
            ticks.push(trace.events().len());
        }
        Load::new(name.into(), about.into(), &trace, ticks)
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
        let last = ticks.partition_point(|&done| done < script.events());
        let (mut out, mut now, mut begin) = (Vec::new(), 0_u64, 0);
        for &end in &ticks {
            let mut most = now;
            for operation in script.operations()[begin..end].iter().filter(|operation| operation.size() <= LARGEST) {
                now = if operation.is_free() { now - 1 } else { now + 1 };
                most = most.max(now);
            }
            begin = end;
            if end == script.events() {
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
        let operations = &self.script.operations()[..self.script.events()];
        let served = operations.iter().enumerate().filter(|(_, operation)| operation.size() <= LARGEST);
        served.map(|(index, _)| index + 1).nth(count - 1).unwrap_or(operations.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_loads_are_what_they_say() {
        let [burst, wave, phases, idle] = MADE.each_ref().map(Load::made_up);
        for load in [&burst, &wave, &phases, &idle] {
            assert_eq!(load.out.len(), load.ticks.len(), "{}", load.name);
            assert_eq!(load.script.events(), load.script.operations().len(), "{}", load.name);
        }
        assert_eq!((wave.out[0], wave.out[149], wave.out.iter().max()), (4, 400, Some(&400)));
        assert_eq!((burst.out[79], burst.out[80], burst.out[110], burst.out[399]), (8, 400, 8, 0));
        assert_eq!((burst.ticks[0], burst.ticks[80] - burst.ticks[79]), (20 * 8 * 2, 10 * 400 * 2));
        assert_eq!((burst.last, phases.last, idle.last), (299, 499, 49));
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
