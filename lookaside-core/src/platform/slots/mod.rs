//! Slots: for each thread of the process a number of its own, and a word that says where in the lists it is (theory
//! §2.9).
//!
//! A thread takes a slot at its first miss and has it until it ends. Its end needs no destructor, which other destructors
//! could come after: who wants a slot asks the kernel whether the threads that have one still exist. A thread that
//! finds every slot taken does without, and asks again much later.

#[cfg_attr(all(target_arch = "x86_64", not(miri)), path = "x86_64.rs")]
#[cfg_attr(all(target_arch = "aarch64", not(miri)), path = "aarch64.rs")]
#[cfg_attr(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))), path = "absent.rs")]
mod words;

pub use words::area;

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, compiler_fence, fence};

use super::membarrier;
use super::rseq::layout;
use super::sync::{Naps, look_often};
use super::system_call::system_call;
use super::thread::{process_number, thread_number};

/// Where a thread's words are in its area. What comes before is what a restartable section reads and writes: in this
/// area it finds a processor's number that is out of range.
const SLOT: isize = 16;
const PAUSE: isize = 24;

/// The fewest slots of a process, and the most.
const FEWEST: u32 = 128;
const MOST: u32 = 1024;
/// Slots for each possible processor.
const FOR_EACH_PROCESSOR: u32 = 4;

/// A thread that found no slot looks for one again after this many misses.
const MISSES_WITHOUT: usize = 1024;
/// The pause of a thread that takes no slot at all.
const FOR_EVER: usize = usize::MAX;

/// What other threads see of the one that has this slot.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Slot {
    // The owner alone: the address of the part that a call of it works on, or 0.
    inside: AtomicUsize,
    // Set by each owner to the same: the distance from a list's first part to its own.
    distance: AtomicUsize,
    // The system's number of the owner, or 0, and above it how often the slot was given. So the exchange that takes it
    // fails after another one, whatever numbers the system gives again.
    owner: AtomicU64,
}

/// In zeroes, so that they take no room in a program's file.
static SLOTS: [Slot; MOST as usize] =
    [const { Slot { inside: AtomicUsize::new(0), distance: AtomicUsize::new(0), owner: AtomicU64::new(0) } };
        MOST as usize];
/// How many there are; 0 until [`prepare`].
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Returns whether threads can have slots here, and a closer can wait for them: with thread-locals that this library
/// knows how to reach, and `membarrier`.
pub fn is_available() -> bool {
    area() != 0 && membarrier::register_everywhere()
}

/// Returns how many slots there are on a machine with this many possible processors, always the same.
pub fn prepare(processors: u32) -> u32 {
    let count = processors.saturating_mul(FOR_EACH_PROCESSOR).clamp(FEWEST, MOST);
    // Relaxed: a thread that does not see it yet takes no slot.
    COUNT.store(count, Relaxed);
    count
}

/// Returns the calling thread's slot, if it has one.
#[inline(always)]
pub fn current(area: isize) -> Option<&'static Slot> {
    // SAFETY: the area is this thread's, and the word is 0 or the address of one of `SLOTS`.
    unsafe { words::load(area + SLOT).cast::<Slot>().as_ref() }
}

/// Returns the number of the calling thread's slot; `u32::MAX` if it has none.
pub fn number() -> u32 {
    current(area()).map_or(u32::MAX, Slot::number)
}

/// Returns the same, after it has taken a slot if it had none and there is one. Never waits.
pub fn number_at_a_miss() -> u32 {
    current(area()).or_else(take_unless_pausing).map_or(u32::MAX, Slot::number)
}

#[cold]
fn take_unless_pausing() -> Option<&'static Slot> {
    let pause = words::load(area() + PAUSE).addr();
    if pause != 0 {
        if pause != FOR_EVER {
            set_word(PAUSE, pause - 1);
        }
        return None;
    }
    let taken = take();
    if taken.is_none() {
        set_word(PAUSE, MISSES_WITHOUT);
    }
    taken
}

/// Takes the first slot that no thread has: one of a thread that ended before one that was never used, so that there are
/// never more in use than there were threads at once.
///
/// Takes no lock, which a signal handler could find held by the thread that it interrupted. One that takes a slot between
/// two steps of this is found as the owner, or has an earlier slot, which serves again when this thread ends.
fn take() -> Option<&'static Slot> {
    let (process, thread) = (process_number(), thread_number());
    let take_if_free = |slot: &&Slot| {
        let given = slot.owner.load(Relaxed);
        // A number that the system gave again: its first thread has ended.
        let is_free = matches!(given as u32, owner if owner == 0 || owner == thread || !exists(process, owner));
        // Relaxed: the fence is behind it.
        is_free && slot.owner.compare_exchange(given, next(given, thread), Relaxed, Relaxed).is_ok()
    };
    let slots = &SLOTS[..COUNT.load(Relaxed) as usize];
    let slot = slots.iter().find(take_if_free)?;
    // What the last owner did was done before the kernel forgot it, and is seen from here on.
    fence(SeqCst);
    slot.begin();
    set_word(SLOT, core::ptr::from_ref(slot).expose_provenance());
    // In the child of a fork by a signal handler that came before the word was set, the slot is no one's.
    if thread_number() != thread {
        set_word(SLOT, 0);
        return None;
    }
    Some(slot)
}

/// The next value of [`Slot::owner`].
fn next(given: u64, thread: u32) -> u64 {
    (given >> 32).wrapping_add(1) << 32 | u64::from(thread)
}

/// Returns whether this process has a thread with this number. Where the system does not say, it has.
fn exists(process: u32, thread: u32) -> bool {
    // SAFETY: signal 0 is none, so the call only looks.
    let result = unsafe { system_call(libc::SYS_tgkill, [process as usize, thread as usize, 0, 0, 0, 0]) };
    result != -libc::ESRCH as isize
}

fn set_word(word: isize, value: usize) {
    // SAFETY: the word is one of this thread's area, which exists: else no thread comes here.
    unsafe { words::store(area() + word, value) };
}

impl Slot {
    fn number(&self) -> u32 {
        (self.distance() >> layout::SHIFT) as u32
    }

    /// Makes this the slot of a thread, while no other one takes it.
    fn give_to(&self, thread: u32) {
        self.owner.store(next(self.owner.load(Relaxed), thread), Relaxed);
        self.begin();
    }

    /// Begins with an owner that is inside of no part.
    fn begin(&self) {
        let number = (core::ptr::from_ref(self).addr() - SLOTS.as_ptr().addr()) / size_of::<Slot>();
        // Relaxed: only a closer looks, and later than it has closed a part it finds 0 either way.
        self.inside.store(0, Relaxed);
        self.distance.store(number << layout::SHIFT, Relaxed);
    }

    /// Returns the distance from a list's first part to that of this slot.
    #[inline(always)]
    pub fn distance(&self) -> usize {
        // Relaxed: set by the calling thread, which has the slot.
        self.distance.load(Relaxed)
    }

    /// Returns whether a call of the owner's is inside of a part: one that a signal handler has interrupted.
    #[inline(always)]
    pub fn is_inside(&self) -> bool {
        // Relaxed: this thread alone writes it.
        self.inside.load(Relaxed) != 0
    }

    /// The owner's call goes inside of this part, before it looks whether that is closed. The compiler keeps the order of
    /// the two; where the processor does not, a closer's barrier does (theory §3.3).
    #[inline(always)]
    pub fn enter(&self, part: usize) {
        self.inside.store(part, Relaxed);
        compiler_fence(SeqCst);
    }

    /// The owner's call is done.
    #[inline(always)]
    pub fn leave(&self) {
        // Release pairs with the Acquire in wait_outside: a closer that sees it sees what the call did.
        self.inside.store(0, Release);
    }
}

/// Waits until no call that came before the caller's barrier is inside of this part, which is that of the slot with this
/// number.
pub fn wait_outside(number: u32, part: usize) {
    let Some(slot) = SLOTS.get(number as usize) else { return };
    // Acquire pairs with the Release in leave. The owner may be inside of another part by now; then it has left this one.
    let is_outside = || (slot.inside.load(Acquire) != part).then_some(());
    let mut naps = Naps::new();
    while look_often(is_outside).is_none() {
        // It was preempted; or it ended in a signal handler that had interrupted the call. Relaxed: an owner that came
        // after that one is inside of nothing that was closed before.
        if !exists(process_number(), slot.owner.load(Relaxed) as u32) {
            return;
        }
        naps.sleep();
    }
}

/// In the child of a fork, while it has one thread: that keeps its slot, and those of the others are free. What lies in
/// their parts stays there for the threads that take them.
pub fn repair_after_fork() {
    if COUNT.load(Relaxed) == 0 {
        return;
    }
    let own = current(area()).map(core::ptr::from_ref);
    for slot in &SLOTS {
        // Writes only where something is, so that pages stay shared with the parent. Relaxed: there is one thread.
        if Some(core::ptr::from_ref(slot)) == own {
            // A call that forks in a signal handler goes on inside.
            slot.owner.store(next(slot.owner.load(Relaxed), thread_number()), Relaxed);
        } else if slot.owner.load(Relaxed) as u32 != 0 {
            slot.give_to(0);
        }
    }
}

/// Gives the calling thread the slot with this number, or none for ever if there is no such slot.
///
/// For model tests that visit every slot from one thread.
///
/// # Safety
/// No other thread has that slot, or takes one while this thread goes through them.
pub unsafe fn pretend(number: u32) {
    if area() == 0 {
        return;
    }
    let count = COUNT.load(Relaxed) as usize;
    match SLOTS[..count].get(number as usize) {
        Some(slot) => {
            slot.give_to(thread_number());
            set_word(SLOT, core::ptr::from_ref(slot).expose_provenance());
        }
        None => {
            set_word(SLOT, 0);
            set_word(PAUSE, FOR_EVER);
        }
    }
}

/// For tools that look for races.
pub(super) fn own_statics() {
    super::tool::own_value(&SLOTS);
    super::tool::own_value(&COUNT);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::collections::HashSet;
    use std::sync::Barrier;

    use super::*;

    /// Each thread has a slot from its first miss on, also where others take theirs at the same moment.
    #[test]
    fn threads_that_take_slots_at_once_have_one_each() {
        const THREADS: usize = 40;
        if area() == 0 {
            return;
        }
        prepare(1);
        for _ in 0..50 {
            let (begin, end) = (Barrier::new(THREADS), Barrier::new(THREADS));
            let take_one = || {
                begin.wait();
                let number = number_at_a_miss();
                // No slot comes free meanwhile.
                end.wait();
                number
            };
            let numbers: HashSet<u32> = std::thread::scope(|scope| {
                let threads: std::vec::Vec<_> = (0..THREADS).map(|_| scope.spawn(take_one)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(!numbers.contains(&u32::MAX));
            assert_eq!(numbers.len(), THREADS);
        }
    }

    /// A thread that ends in the middle of a call, in a signal handler, keeps no closer waiting, and its slot serves again.
    #[test]
    fn an_owner_that_ended_inside_is_not_waited_for() {
        const PART: usize = 64;
        if area() == 0 {
            return;
        }
        prepare(1);
        let enter = || {
            let number = number_at_a_miss();
            current(area()).unwrap().enter(PART);
            (number, thread_number())
        };
        let (number, thread) = std::thread::spawn(enter).join().unwrap();
        // SAFETY: no handler is set, so that the signal ends the process if this waits for ever.
        unsafe { libc::alarm(3600) };
        wait_outside(number, PART);
        while exists(process_number(), thread) {
            std::thread::yield_now();
        }
        let is_inside = || {
            number_at_a_miss();
            current(area()).unwrap().is_inside()
        };
        assert!(!std::thread::spawn(is_inside).join().unwrap());
        // SAFETY: it takes the alarm back.
        unsafe { libc::alarm(0) };
    }
}
