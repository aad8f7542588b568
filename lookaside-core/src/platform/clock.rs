//! The monotonic clock.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

/// How far the library's clock was set ahead of the system's; with [`STOPPED`], what it shows.
static AHEAD: AtomicU64 = AtomicU64::new(0);

/// Set in [`AHEAD`] once only [`advance_clock`] moves the clock.
const STOPPED: u64 = 1 << 63;

/// Milliseconds of the monotonic clock: no step of the wall clock changes it.
pub fn milliseconds() -> u64 {
    milliseconds_of(libc::CLOCK_MONOTONIC)
}

/// Returns the same clock as of the last tick of the system's timer, up to 10 milliseconds ago: in a quarter of the
/// time.
pub fn coarse_milliseconds() -> u64 {
    milliseconds_of(libc::CLOCK_MONOTONIC_COARSE)
}

fn milliseconds_of(clock: libc::clockid_t) -> u64 {
    // Relaxed: it is a number alone.
    let ahead = AHEAD.load(Relaxed);
    if ahead & STOPPED != 0 {
        return ahead & !STOPPED;
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for the result. The call cannot fail for these clocks.
    unsafe { libc::clock_gettime(clock, &mut now) };
    ahead + now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// Stops the clock for good, but for [`advance_clock`]: what is measured then does not depend on how fast it runs.
pub fn stop_clock() {
    let now = milliseconds();
    // Relaxed: called before anything looks at the clock.
    AHEAD.store(now | STOPPED, Relaxed);
}

/// Lets this many milliseconds pass for the library. A thread that waits for a time meanwhile wakes no sooner for that.
pub fn advance_clock(milliseconds: u64) {
    AHEAD.fetch_add(milliseconds, Relaxed);
}

/// For tools that look for races.
pub(super) fn own_statics() {
    super::tool::own_value(&AHEAD);
}
