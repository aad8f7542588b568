//! Floor 1: the only code that calls the system or holds assembly. Everything above is portable.

// `build.rs` has the same condition: the compiler does not end here, and would report what this floor lacks elsewhere.
#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    any(target_env = "gnu", target_env = "musl")
)))]
compile_error!(include_str!("targets.txt"));

mod cancellation;
mod clock;
mod cut_text;
mod environment;
mod exit;
mod fatal;
mod file;
mod faults;
mod fork;
mod frames;
mod membarrier;
#[cfg(miri)]
mod miri;
mod memory;
mod object;
mod owned;
mod pin;
mod place;
mod processors;
mod random;
pub mod rseq;
mod shared_lock;
mod single_threaded;
pub mod slots;
mod sync;
mod system_call;
mod thread;
mod tool;
mod weak;

pub use cancellation::uncancelled;
pub use clock::{advance_clock, coarse_milliseconds, milliseconds, stop_clock};
pub use cut_text::CutText;
pub use environment::{each_variable, variable};
pub use exit::at_exit;
pub use fatal::{Violation, ViolationHook, fatal, print, set_violation_hook};
pub use faults::{Fault, look_at_faults};
pub use file::read_file;
pub use fork::{ChildRepairs, at_fork, note_used, was_used};
pub use frames::call_with_frames;
pub use membarrier::{barrier, barrier_everywhere, register as register_barrier};
pub use memory::{
    address_limit, allow_huge, commit, decommit, discard, discard_clears, heap_allocate, heap_allocate_zeroed,
    heap_free, heap_reallocate, install_guard, lock_limit, lock_pages, locks_new_memory, make_huge, map, map_briefly,
    map_count_limit, map_lazily, map_shared, memory_total, page_size, populate, remove_guard, reserve, reserve_aligned,
    traced_heap_allocate, traced_heap_free, unlock_pages, unmap,
};
pub use owned::own_statics;
pub use pin::stay_loaded;
pub use place::{Caller, Place, place_of, place_through};
pub use processors::{current, current_of_call, possible, pretend};
pub use random::random;
pub use shared_lock::SharedLock;
pub use single_threaded::{is_single_threaded, is_single_threaded_at_a_glance};
pub use sync::{Event, Guard, LOCK_WAIT, Lock, Naps, Sharing, look_often, sleep_while, wait_unwoken, wake_all};
pub use thread::{Thread, name_thread, process_number, thread_number};
pub use tool::{
    Tool, handed_out, handed_out_guarded, keeps_stacks, own_value, published, received, taken_back, taken_back_guarded,
    tool, unwatched, watch, wrote,
};
