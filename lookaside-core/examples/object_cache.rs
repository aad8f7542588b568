//! Objects that are dear to make, kept between uses: a formatter with its tables and buffer, for each message anew or
//! out of an object cache.
//!
//! Prints what each way costs, and how many objects were made. The cache gives the idle ones back, which the end shows.
//!
//! `cargo run --release -p lookaside-core --example object_cache`

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use lookaside_core::{ObjectCache, Status};

const MESSAGES: u64 = 200_000;

static MADE: AtomicU64 = AtomicU64::new(0);

/// Writes bytes as text, by a table that it makes once.
struct Formatter {
    table: Vec<String>,
    text: String,
}

impl Formatter {
    fn new() -> Formatter {
        MADE.fetch_add(1, Relaxed);
        Formatter { table: (0..256).map(|byte| format!("{byte:02x} ")).collect(), text: String::with_capacity(1024) }
    }

    /// Makes itself fit for this use, whatever the last one left.
    fn format(&mut self, number: u64) -> &str {
        self.text.clear();
        for byte in number.to_le_bytes() {
            self.text.push_str(&self.table[usize::from(byte)]);
        }
        write!(self.text, "({number})").expect("a String takes any text");
        &self.text
    }
}

/// Runs all messages; returns nanoseconds for each, and how many formatters were made.
fn measure(mut format: impl FnMut(u64) -> usize) -> (f64, u64) {
    let before = MADE.load(Relaxed);
    let start = Instant::now();
    let length: usize = (0..MESSAGES).map(&mut format).sum();
    let time = start.elapsed();
    assert!(length > 0);
    (time.as_nanos() as f64 / MESSAGES as f64, MADE.load(Relaxed) - before)
}

fn main() -> Result<(), Status> {
    let (time, made) = measure(|number| Formatter::new().format(number).len());
    println!("made anew:    {time:8.1} ns a message, {made} formatters made");

    let formatters = ObjectCache::build(|list| list.name("formatters"), Formatter::new)?;
    let (time, made) = measure(|number| {
        let mut formatter = formatters.get().expect("the heap has room");
        formatter.format(number).len()
    });
    println!("from a cache: {time:8.1} ns a message, {made} formatters made");

    let busy: Vec<_> = (0..100).map(|_| formatters.get()).collect();
    drop(busy);
    println!("after a burst of 100: {} kept", formatters.statistics().list.current_depth);
    formatters.flush();
    println!("after a flush: {} kept", formatters.statistics().list.current_depth);
    Ok(())
}
