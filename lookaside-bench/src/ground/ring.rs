//! A bounded ring from one thread to another. Each side keeps its own copy of the other's index and looks at the
//! original only when the copy says that it cannot go on.

use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread;

/// How many blocks can be on their way at once, in the workloads of two threads.
pub const CAPACITY: usize = 1024;

/// The ring. One thread at a time may be at each end.
pub struct Ring {
    slots: Box<[AtomicPtr<u8>]>,
    /// Taken so far; the consumer writes it.
    taken: Line,
    /// Put so far; the producer writes it.
    put: Line,
}

/// An index in cache lines of its own: processors fetch them in twos.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicUsize);

/// The end that puts.
pub struct Producer<'a> {
    ring: &'a Ring,
    put: usize,
    /// As last seen.
    taken: usize,
}

/// The end that takes.
pub struct Consumer<'a> {
    ring: &'a Ring,
    taken: usize,
    /// As last seen.
    put: usize,
}

impl Ring {
    /// A ring for this number of pointers, a power of two.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity.is_power_of_two());
        Self {
            slots: (0..capacity).map(|_| AtomicPtr::new(ptr::null_mut())).collect(),
            taken: Line::default(),
            put: Line::default(),
        }
    }

    /// The end that puts; only one at a time makes sense.
    pub fn producer(&self) -> Producer<'_> {
        let (put, taken) = self.indexes();
        Producer { ring: self, put, taken }
    }

    /// The end that takes; only one at a time makes sense.
    pub fn consumer(&self) -> Consumer<'_> {
        let (put, taken) = self.indexes();
        Consumer { ring: self, taken, put }
    }

    fn indexes(&self) -> (usize, usize) {
        (self.put.0.load(Ordering::Acquire), self.taken.0.load(Ordering::Acquire))
    }

    #[inline(always)]
    fn slot(&self, index: usize) -> &AtomicPtr<u8> {
        &self.slots[index & (self.slots.len() - 1)]
    }
}

impl Producer<'_> {
    /// Puts a pointer, as soon as there is room.
    #[inline(always)]
    pub fn put(&mut self, pointer: *mut u8) {
        let ring = self.ring;
        if self.put - self.taken == ring.slots.len() {
            // Acquire pairs with the consumer's release: it has read the slots that it gave up.
            self.taken = changed(&ring.taken.0, self.put - ring.slots.len());
        }
        ring.slot(self.put).store(pointer, Ordering::Relaxed);
        self.put += 1;
        // Release pairs with the consumer's acquire: the slot, and what the pointer points to, are written.
        ring.put.0.store(self.put, Ordering::Release);
    }
}

impl Consumer<'_> {
    /// Takes a pointer, as soon as there is one.
    #[inline(always)]
    pub fn take(&mut self) -> *mut u8 {
        let ring = self.ring;
        if self.taken == self.put {
            self.put = changed(&ring.put.0, self.taken);
        }
        let pointer = ring.slot(self.taken).load(Ordering::Relaxed);
        self.taken += 1;
        ring.taken.0.store(self.taken, Ordering::Release);
        pointer
    }
}

/// Waits until `index` is no longer `old`; after a while it lets others run, who may be the ones to change it.
#[cold]
fn changed(index: &AtomicUsize, old: usize) -> usize {
    for spins in 0_u32.. {
        let now = index.load(Ordering::Acquire);
        if now != old {
            return now;
        }
        if spins < 100 {
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
    unreachable!("no one waits for 2^32 turns of the scheduler")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_doubled_or_overtaken() {
        // Where both wait for each other again and again, few: beside much work each wait is a turn of the scheduler.
        for (capacity, last) in [(1, 300), (2, 1000), (64, 30_000)] {
            let ring = Ring::new(capacity);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let mut producer = ring.producer();
                    for number in 1..=last {
                        producer.put(ptr::without_provenance_mut(number));
                    }
                });
                let mut consumer = ring.consumer();
                for number in 1..=last {
                    assert_eq!(consumer.take().addr(), number);
                }
            });
            let (put, taken) = ring.indexes();
            assert_eq!((put, taken), (last, last));
        }
    }

    #[test]
    fn ends_can_be_taken_up_again() {
        let ring = Ring::new(4);
        for number in 0..10 {
            ring.producer().put(ptr::without_provenance_mut(number));
            assert_eq!(ring.consumer().take().addr(), number);
        }
    }
}
