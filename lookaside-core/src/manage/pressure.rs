//! Memory pressure, as the kernel reports it (PSI): where tasks wait for memory, lists give up half of what they keep.

use core::ffi::CStr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};

use super::{limit, switches};
use crate::platform::{self, CutText, milliseconds, read_file};

/// The environment was not looked at yet.
const UNKNOWN: u32 = 0;
const OFF: u32 = 1;
const ON: u32 = 2;

/// Whether to look. Relaxed everywhere: numbers that order nothing.
static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);
/// What the last look saw: microseconds that tasks had waited, plus 1, and when that was; 0 before the first.
static WAITED: AtomicU64 = AtomicU64::new(0);
static SEEN: AtomicU64 = AtomicU64::new(0);

/// Tasks that waited for more than this share of the time are pressure.
const SHARE: u64 = 10;
/// The longest path that is looked at.
const PATH_ROOM: usize = 256;

/// Has scans look at memory pressure, or no more; `LOOKASIDE_PRESSURE` does the same. Off is the default, since a scan
/// then makes system calls that a sandbox may forbid: `openat`, `read`, `close`.
///
/// Where tasks of the process's control group (`memory.pressure`), or of the system where the group reports none
/// (`/proc/pressure/memory`), waited for memory for more than a tenth of the time since the last scan, the lists that
/// were used least give up what they keep until all together keep half. The next scan does the same, as long as it lasts.
/// Where the kernel reports no pressure, nothing happens.
///
/// Any thread, at any time. O(1); a scan under pressure looks at every list.
///
/// ```
/// lookaside_core::trim_on_pressure(true);
/// # lookaside_core::trim_on_pressure(false);
/// ```
pub fn trim_on_pressure(on: bool) {
    STATE.store(if on { ON } else { OFF }, Relaxed);
}

fn is_on() -> bool {
    match STATE.load(Relaxed) {
        UNKNOWN => {
            let on = switches::PRESSURE.value().is_some_and(|value| switches::parse_flag(value) != Some(false));
            // A call meanwhile counts.
            let _ = STATE.compare_exchange(UNKNOWN, if on { ON } else { OFF }, Relaxed, Relaxed);
            is_on()
        }
        state => state == ON,
    }
}

/// Has lists give up blocks where there is pressure: a part of a scan. The caller holds no lock.
pub fn relieve() {
    if !is_on() {
        return;
    }
    let Some(waited) = waited() else { return };
    let now = milliseconds();
    let (before, then) = (WAITED.swap(waited + 1, Relaxed), SEEN.swap(now, Relaxed));
    let elapsed = now.saturating_sub(then) * 1000;
    if before != 0 && (waited + 1).saturating_sub(before) > elapsed / SHARE {
        limit::halve();
    }
}

/// Microseconds that tasks waited for memory since the group, or the system, began.
fn waited() -> Option<u64> {
    match switches::PRESSURE.value().filter(|value| value.starts_with('/')) {
        Some(path) => waited_in(&CutText::of(format_args!("{path}\0"))),
        None => waited_in_group().or_else(|| waited_in(&CutText::of(format_args!("/proc/pressure/memory\0")))),
    }
}

fn waited_in_group() -> Option<u64> {
    let mut room = [0; PATH_ROOM];
    let groups = core::str::from_utf8(read_file(c"/proc/self/cgroup", &mut room)?).ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    waited_in(&CutText::of(format_args!("/sys/fs/cgroup{}/memory.pressure\0", group.trim_end_matches('/'))))
}

fn waited_in(path: &CutText<PATH_ROOM>) -> Option<u64> {
    let mut room = [0; 256];
    let path = CStr::from_bytes_with_nul(path.as_str().as_bytes()).ok()?;
    total(core::str::from_utf8(read_file(path, &mut room)?).ok()?)
}

/// The total of the line `some`, of tasks of which at least one waited.
fn total(text: &str) -> Option<u64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split(' ').find_map(|field| field.strip_prefix("total="))?.parse().ok()
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&STATE);
    platform::own_value(&WAITED);
    platform::own_value(&SEEN);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_those_who_waited_is_read() {
        let text =
            "some avg10=0.12 avg60=0.00 avg300=0.00 total=31415\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=92\n";
        assert_eq!(total(text), Some(31_415));
        for other in ["", "some", "some total=", "full total=5\n", "some total=x\n"] {
            assert_eq!(total(other), None, "{other}");
        }
    }
}
