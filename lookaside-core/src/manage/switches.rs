//! Switches: every environment variable that the library and the command read, in one table with the one parser of
//! their values.
//!
//! `docs/switches.md` and `lookaside help switches` print this table.

use core::ffi::CStr;
use core::fmt::{self, Display, Formatter};
use core::slice::EscapeAscii;
use core::str::from_utf8;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

use super::plan;
use crate::platform;

/// What the names of all switches begin with.
const PREFIX: &[u8] = b"LOOKASIDE_";

/// Variables that begin so are those of the project's tests, and in no table.
const TESTS: &[u8] = b"LOOKASIDE_TEST_";

const ON: [&str; 4] = ["1", "yes", "true", "on"];
const OFF: [&str; 4] = ["0", "no", "false", "off"];

/// A variable.
#[derive(Debug)]
pub struct Switch {
    name: &'static CStr,
    values: Values,
    default: &'static str,
    effect: &'static str,
}

/// What a variable may be set to.
#[derive(Debug)]
enum Values {
    /// A word of [`ON`] or [`OFF`].
    OnOff,
    /// One of these words, each with what it does.
    OneOf(&'static [(&'static str, &'static str)]),
    /// A text of this form, which the function recognises.
    Form(&'static str, fn(&str) -> bool),
    /// The path of a file or folder; any text.
    Path,
}

/// The engine of lists.
pub static ENGINE: Switch = Switch {
    name: c"LOOKASIDE_ENGINE",
    values: Values::OneOf(&[
        ("heap", "each call goes to malloc and free, where tools see it"),
        ("rseq", "restartable sequences, without the test of the kernel"),
        ("slots", "plain stores by each thread, where there is membarrier"),
        ("trylock", "a lock for each processor, everywhere"),
        ("portable", "the best of them without rseq"),
    ]),
    default: "heap under a tool that follows blocks, else rseq, else portable",
    effect: "which engine serves lists",
};

/// Whether all lists are verified.
pub static VERIFY: Switch = Switch {
    name: c"LOOKASIDE_VERIFY",
    values: Values::OnOff,
    default: "off",
    effect: "checks every call on every list, and reports misuse",
};

/// Which allocations of verified lists fail.
pub static VERIFY_FAIL: Switch = Switch {
    name: c"LOOKASIDE_VERIFY_FAIL",
    values: Values::Form("share=N,seed=N,skip=N,tag=XXXX,schedule=N,N,... in any combination", plan::is_plan),
    default: "none",
    effect: "which allocations of verified lists fail on purpose",
};

/// What all lists together may keep.
pub static LIMIT: Switch = Switch {
    name: c"LOOKASIDE_LIMIT",
    values: Values::Form("a number of bytes, with K, M or G behind it or not", |text| parse_bytes(text).is_some()),
    default: "none",
    effect: "how many bytes all lists together may keep",
};

/// Whether lists give up blocks under memory pressure.
pub static PRESSURE: Switch = Switch {
    name: c"LOOKASIDE_PRESSURE",
    values: Values::Form("1, yes, true, on or 0, no, false, off, or a path", |text| {
        text.starts_with('/') || parse_flag(text).is_some()
    }),
    default: "off",
    effect: "has lists give up blocks while tasks wait for memory",
};

/// The global allocator of the command.
pub static GLOBAL: Switch = Switch {
    name: c"LOOKASIDE_GLOBAL",
    values: Values::OneOf(&[
        ("system", "the C library's malloc"),
        ("jemalloc", "jemalloc"),
        ("mimalloc", "mimalloc"),
        ("lookaside", "LookasideAlloc"),
    ]),
    default: "system",
    effect: "the global allocator of the command `lookaside`",
};

/// Where the command's build looks for pools of other projects.
static PEERS: Switch = Switch {
    name: c"LOOKASIDE_PEERS",
    values: Values::Path,
    default: "none",
    effect: "for the command's build: a folder like /usr with other pools",
};

/// The recorder's log.
static RECORD_LOG: Switch = Switch {
    name: c"LOOKASIDE_RECORD_LOG",
    values: Values::Path,
    default: "none",
    effect: "set by `lookaside record` for what it runs",
};

/// All of them.
static TABLE: [&Switch; 8] = [&ENGINE, &VERIFY, &VERIFY_FAIL, &LIMIT, &PRESSURE, &GLOBAL, &PEERS, &RECORD_LOG];

impl Switch {
    /// Returns the value, unless it is empty or unknown: then the variable has no effect. Looks into the environment.
    pub fn value(&self) -> Option<&'static str> {
        platform::variable(self.name).filter(|value| !value.is_empty() && self.takes(value.as_bytes()))
    }

    /// Returns whether the value is this word.
    pub fn is(&self, word: &str) -> bool {
        self.value() == Some(word)
    }

    /// Returns whether the value means on.
    pub fn is_on(&self) -> bool {
        self.value().and_then(parse_flag) == Some(true)
    }

    fn takes(&self, value: &[u8]) -> bool {
        let is = |word: &str| word.as_bytes() == value;
        match self.values {
            Values::OnOff => from_utf8(value).is_ok_and(|value| parse_flag(value).is_some()),
            Values::OneOf(words) => words.iter().any(|(word, _)| is(word)),
            Values::Form(_, recognises) => from_utf8(value).is_ok_and(recognises),
            Values::Path => true,
        }
    }

    fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or_default()
    }
}

/// Returns whether the variable is in the table, or one of the project's tests.
pub fn is_known(name: &[u8]) -> bool {
    name.starts_with(TESTS) || TABLE.iter().any(|switch| switch.name.to_bytes() == name)
}

/// Reads a word that means on or off.
pub fn parse_flag(text: &str) -> Option<bool> {
    let on = ON.contains(&text);
    (on || OFF.contains(&text)).then_some(on)
}

/// Reads a number of bytes, with `K`, `M` or `G` behind it or not.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return None,
    };
    // No sign, which the parser of numbers takes.
    let number: u64 = if digits.starts_with('+') { return None } else { digits.parse().ok()? };
    number.checked_mul(1 << shift).filter(|bytes| *bytes < u64::MAX - 1)
}

static REPORTED: AtomicBool = AtomicBool::new(false);

/// Reports each variable of the environment that begins with `LOOKASIDE_` and is not in the table, or has a value that
/// it does not take: in one line on standard error, once in a process, and never in a privileged one. Empty values are
/// as none. Allocates nothing and keeps `errno`; no lock may be held.
pub fn report_unknown() {
    // Relaxed: nothing else depends on it.
    if REPORTED.load(Relaxed) || REPORTED.swap(true, Relaxed) {
        return;
    }
    platform::each_variable(PREFIX, |name, value| {
        let switch = TABLE.iter().find(|switch| switch.name.to_bytes() == name);
        match switch {
            _ if value.is_empty() => {}
            Some(switch) if !switch.takes(value) => {
                platform::print(format_args!(
                    "{}={} has no effect; it takes {}",
                    switch.name(),
                    shown(value),
                    switch.values
                ));
            }
            None if !is_known(name) => platform::print(format_args!(
                "{} has no effect; the variables are {}",
                shown(name),
                List(|| TABLE.iter().map(|switch| switch.name())),
            )),
            _ => {}
        }
    });
}

/// Has this process report nothing: the one that started it has done so.
pub fn report_nothing() {
    // Relaxed: as above.
    REPORTED.store(true, Relaxed);
}

/// The beginning of what a user wrote, without what a terminal might obey, so that what is known has room after it.
fn shown(text: &[u8]) -> EscapeAscii<'_> {
    text[..text.len().min(64)].escape_ascii()
}

/// Words with a comma between them.
struct List<F>(F);

impl<I: Iterator<Item = &'static str>, F: Fn() -> I> Display for List<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0().enumerate() {
            write!(f, "{}{word}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Display for Values {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Values::OnOff => write!(f, "{} or {}", List(|| ON.into_iter()), List(|| OFF.into_iter())),
            Values::OneOf(words) => List(|| words.iter().map(|(word, _)| *word)).fmt(f),
            Values::Form(form, _) => f.write_str(form),
            Values::Path => f.write_str("a path"),
        }
    }
}

/// The table as text for people: a paragraph for each switch, in lines of 80 columns.
#[derive(Debug)]
pub struct Table;

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, switch) in TABLE.iter().enumerate() {
            writeln!(f, "{}{}: {}", if index == 0 { "" } else { "\n" }, switch.name(), switch.effect)?;
            match switch.values {
                Values::OneOf(words) => {
                    for (word, effect) in words {
                        writeln!(f, "  {word:<9} {effect}")?;
                    }
                }
                ref values => writeln!(f, "  {values}")?,
            }
            writeln!(f, "  default: {}", switch.default)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_letter() {
        let parsed = ["0", "4096", "64K", "512M", "2G"].map(|text| parse_bytes(text).unwrap());
        assert_eq!(parsed, [0, 4096, 64 << 10, 512 << 20, 2 << 30]);
        for wrong in ["", "K", "64k", "1.5M", "-1", "+1", "1MM", "1MB", "99999999999999999999", "18446744073709551615"]
        {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }
}
