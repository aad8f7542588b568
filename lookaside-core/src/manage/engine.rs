//! Which engine serves this process.

use core::ffi::CStr;

use super::{attention, balance, choice, fork, limit, pools, pressure, registry, usage, verifier};
use crate::list::processor::EngineKind;
use crate::platform::{self, Tool, rseq, slots};
use crate::pool;

/// Returns the engine of lists that do not ask for one. The first call chooses:
///
/// - the heap where a tool that follows blocks is in the process: AddressSanitizer, ThreadSanitizer, MemorySanitizer,
///   LeakSanitizer, or Valgrind's Memcheck, Helgrind or DRD;
/// - rseq where glibc has registered it or this library can register it, `membarrier` can restart sections and this kernel
///   was seen to abort a section;
/// - else slots, where there is `membarrier`;
/// - else trylock (theory §2.4).
///
/// The choice does not depend on load, and starts no thread. `LOOKASIDE_ENGINE` in the environment asks for an engine
/// by its name, `heap`, `rseq`, `slots` or `trylock`, also where there is a tool; `portable` asks for the best one without
/// rseq. `rseq` takes the kernel's soundness for granted, which spares the child process that tests it (under a debugger,
/// say). Where the system lacks what was asked for, that is reported on standard error and the next one serves.
///
/// [`engine_description`] says why.
pub fn engine() -> EngineKind {
    choice::made().unwrap_or_else(|| {
        own_statics();
        fork::prepare_for_forks();
        choice::make();
        engine()
    })
}

/// Returns the name of the engine that [`engine`] chose and the reason, such as `heap, because AddressSanitizer is
/// present`. The text ends in a zero and is the same at each call; it chooses if that was not done before. Any thread.
pub fn engine_description() -> &'static CStr {
    engine();
    choice::description().unwrap_or_default()
}

/// Makes this the engine of lists that are made from now on, even where the system has it not.
///
/// For benchmarks that count instructions, with [`rseq::pretend`], and those that have several engines in one process.
///
/// # Safety
/// For rseq: this process's [`engine`] was rseq, or lists are used as [`rseq::pretend`] says.
#[doc(hidden)]
pub unsafe fn pretend_engine(kind: EngineKind) {
    // What the first choice prepares is needed all the same.
    engine();
    choice::pretend(kind);
}

/// Returns whether lists can be made over this engine here.
pub fn is_available(kind: EngineKind) -> bool {
    if kind == EngineKind::Rseq {
        return kind == engine() || choice::can_be_rseq();
    }
    // They need the area, but no choice, which may make system calls that these engines do not need.
    if rseq::area() == 0 {
        rseq::initialize();
    }
    kind != EngineKind::Slots || slots::is_available()
}

/// Says to tools that look for races what only this library touches, before a list is made.
fn own_statics() {
    if !matches!(platform::tool(), Some(Tool::Helgrind | Tool::Drd)) {
        return;
    }
    platform::own_statics();
    pool::own_statics();
    attention::own_statics();
    balance::own_statics();
    choice::own_statics();
    fork::own_statics();
    limit::own_statics();
    pools::own_statics();
    pressure::own_statics();
    registry::own_statics();
    usage::own_statics();
    verifier::own_statics();
}
