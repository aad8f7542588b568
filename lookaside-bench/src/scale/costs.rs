//! What things cost, in nanoseconds: measured here, or read from a file.

use anyhow::Context;
use serde_json::{Map, Value};

/// Processors that are near each other: as many as often have one last-level cache.
const NEAR: u32 = 16;

macro_rules! costs {
    ($($(#[doc = $doc:literal])+ $field:ident,)+) => {
        /// What things cost, in nanoseconds but where it says otherwise.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Costs {
            $($(#[doc = $doc])+ pub $field: f64,)+
        }

        impl Costs {
            /// Every cost: its name, what it is, and how much.
            pub fn entries(&self) -> Vec<(&'static str, &'static str, f64)> {
                vec![$((stringify!($field), concat!($($doc),+).trim_start(), self.$field)),+]
            }

            /// Reads what [`Costs::json`] wrote.
            pub fn from_json(value: &Value) -> anyhow::Result<Costs> {
                let read = |name: &str| -> anyhow::Result<f64> {
                    let cost = value.get(name).and_then(Value::as_f64).with_context(|| format!("no number `{name}`"))?;
                    anyhow::ensure!((0.0..1e9).contains(&cost), "`{name}` is {cost}: not between 0 and a second");
                    Ok(cost)
                };
                Ok(Costs { $($field: read(stringify!($field))?,)+ })
            }
        }
    };
}

costs! {
    /// An allocate and a free that the processor's own list serves.
    hit,
    /// What a miss of that list costs outside of the shared list's lock.
    miss,
    /// The same for each block that it moves.
    miss_block,
    /// A section under the lock, whose lines are here.
    section,
    /// The same for each block that it moves.
    section_block,
    /// What a section costs more when the lock was another processor's last, its cache lines with it.
    away,
    /// The same for each block that it moves.
    away_block,
    /// A cache line's journey to another processor.
    line,
    /// One look at a lock that is held.
    look,
    /// Letting other threads run, where there are none.
    give_way,
    /// Falling asleep and being woken: taken to be a sleep of a microsecond, as the system rounds it.
    sleep,
    /// An allocate and a free that the pool serves.
    pool,
    /// Assumed: how many journeys each further processor that polls a lock costs when it goes from hand to hand.
    crowd,
    /// Assumed: a line's journey between processors of the same sixteen.
    near,
    /// Assumed: a line's journey between other processors.
    far,
}

/// How often a waiting thread looks at the lock before it gives way, and how often it does that before it sleeps: those of
/// the library's lock.
const LOOKS: f64 = lookaside_core::hooks::LOCK_WAIT.0 as f64;
const GIVE_WAYS: f64 = lookaside_core::hooks::LOCK_WAIT.1 as f64;

impl Costs {
    /// As one object.
    pub fn json(&self) -> Value {
        let entries = self.entries().into_iter();
        Value::Object(entries.map(|(name, _, cost)| (name.to_string(), cost.into())).collect::<Map<_, _>>())
    }

    /// A line's journey between two processors.
    pub fn between(&self, from: u32, to: u32) -> f64 {
        if from / NEAR == to / NEAR { self.near } else { self.far }
    }

    /// What a section costs more that moves so many blocks, when its lines come from that processor: beyond the first
    /// journey, which the caller's look before it takes the lock has made.
    pub fn fetching(&self, from: u32, to: u32, blocks: f64) -> f64 {
        let measured = self.away + self.away_block * blocks - self.line;
        measured.max(0.0) * self.between(from, to) / self.line.max(1.0)
    }

    /// The same costs, where every two processors are as far apart as those that were measured are now.
    pub fn at_distance(&self, line: f64) -> Costs {
        Costs { near: line, far: line, ..self.clone() }
    }

    /// A look at a line that `last` changed: nothing if that was the same processor.
    pub fn travel(&self, last: Option<u32>, processor: u32) -> f64 {
        match last {
            Some(last) if last != processor => self.between(last, processor),
            _ => 0.0,
        }
    }

    /// Where in its waiting a thread stands that has waited so long (picoseconds): how far into the present turn, and how
    /// long that turn is; it looks in the turn's first part.
    fn turn(&self, waited: u64) -> (f64, f64) {
        let waited = waited as f64 / 1000.0;
        let looking = LOOKS * self.look;
        let giving = looking + self.give_way;
        let awake = giving * GIVE_WAYS;
        if waited < awake {
            (waited % giving, giving)
        } else {
            let turn = looking + self.sleep;
            ((waited - awake) % turn, turn)
        }
    }

    /// Whether a thread that has waited so long looks at the lock.
    pub fn is_polling(&self, waited: u64) -> bool {
        self.turn(waited).0 < LOOKS * self.look
    }

    /// How long until it looks again; 0 if it does.
    pub fn until_look(&self, waited: u64) -> u64 {
        let (into, turn) = self.turn(waited);
        if self.is_polling(waited) { 0 } else { ((turn - into) * 1000.0).ceil() as u64 + 1 }
    }
}
