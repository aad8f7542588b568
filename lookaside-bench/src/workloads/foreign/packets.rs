//! The packet pools of a QUIC library: every processor has pools of its own, of two sizes. One thread receives: for each
//! datagram it takes a large buffer and a small descriptor from its pools and hands both to a worker on another processor.
//! The worker reads the datagram and gives both back to the pools that they came from; for every second one it sends an
//! reply, whose descriptor, from a pool of its own, it keeps until the reply is acknowledged.
//!
//! Source: the documentation of microsoft/msquic, "Execution" and "Architecture".

use std::hint::black_box;

use super::parcel::Parcel;
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{TEAM_ROUND, timed, touch};
use crate::ground::ring::{Consumer, Producer, Ring};
use crate::ground::team::team;
use crate::ground::workload::{Set, Workload};

pub const PACKETS: Workload = Workload {
    largest: BUFFER,
    ..Workload::shared(
        Set::Foreign,
        "packets",
        "a receiver's descriptors and 2048-byte buffers, which a worker frees; the worker's own",
    )
};

/// Bytes in the buffer of a datagram.
const BUFFER: usize = 2048;
/// Bytes in the worker's descriptors.
const REPLY: usize = 64;
/// How many datagrams can be on the way.
const RING: usize = 256;
/// How many replies wait to be acknowledged.
const UNACKNOWLEDGED: usize = 32;
/// Blocks for two datagrams: two buffers, two descriptors, and the descriptor of one reply.
const BLOCKS: u64 = 5;

struct Pools<'a, C> {
    descriptors: &'a Blocks<C>,
    buffers: &'a Blocks<C>,
}

pub fn run<C: Contender + Sync>(descriptors: &Blocks<C>) -> anyhow::Result<f64> {
    let (buffers, replies) = (&descriptors.another(BUFFER)?, &descriptors.another(REPLY)?);
    let pools = &Pools { descriptors, buffers };
    let ring = Ring::new(RING);
    Ok(timed(TEAM_ROUND, &mut |blocks| {
        team(2, blocks, &|thread| {
            let (mut producer, mut consumer) = (ring.producer(), ring.consumer());
            let mut worker = Worker::new(replies);
            Box::new(move |blocks| match (thread, 2 * blocks.div_ceil(BLOCKS)) {
                (0, datagrams) => receive(pools, &mut producer, datagrams),
                (_, datagrams) => worker.work(pools, &mut consumer, datagrams),
            })
        })
    }))
}

#[inline(never)]
fn receive<C: Contender>(pools: &Pools<'_, C>, ring: &mut Producer<'_>, datagrams: u64) {
    for number in 0..datagrams {
        let descriptor = touch(pools.descriptors.allocate());
        let buffer = touch(pools.buffers.allocate());
        // SAFETY: the buffer has more words than this one, its last in the first cache line, and no one else holds it.
        unsafe { buffer.cast::<u64>().add(7).write(number) };
        // SAFETY: a descriptor has 16 bytes and more, and no one else holds it.
        unsafe { descriptor.cast::<*mut u8>().add(1).write(buffer) };
        ring.put(descriptor);
    }
}

/// The worker, with the replies that it waits for.
struct Worker<'a, C: Contender> {
    replies: &'a Blocks<C>,
    sent: Parcel,
    next: usize,
}

impl<'a, C: Contender> Worker<'a, C> {
    fn new(replies: &'a Blocks<C>) -> Self {
        Self { replies, sent: Parcel::with_room(UNACKNOWLEDGED), next: 0 }
    }

    #[inline(never)]
    fn work(&mut self, pools: &Pools<'_, C>, ring: &mut Consumer<'_>, datagrams: u64) {
        for number in 0..datagrams {
            let descriptor = ring.take();
            // SAFETY: the receiver wrote the buffer's address before it put the descriptor.
            let buffer = unsafe { descriptor.cast::<*mut u8>().add(1).read() };
            // SAFETY: it wrote to the buffer before that.
            black_box(unsafe { buffer.cast::<u64>().add(7).read() });
            // SAFETY: both were handed out for this datagram, by these pools, and no one else holds them any more.
            unsafe {
                pools.buffers.free(buffer);
                pools.descriptors.free(descriptor);
            }
            if number % 2 == 0 {
                self.reply();
            }
        }
    }

    /// Sends a reply, which acknowledges the oldest.
    #[inline(always)]
    fn reply(&mut self) {
        let reply = touch(self.replies.allocate());
        if self.sent.0.len() < UNACKNOWLEDGED {
            return self.sent.0.push(reply);
        }
        let oldest = std::mem::replace(&mut self.sent.0[self.next], reply);
        self.next = (self.next + 1) % UNACKNOWLEDGED;
        // SAFETY: the descriptor was allocated when its reply was sent.
        unsafe { self.replies.free(oldest) };
    }
}

impl<C: Contender> Drop for Worker<'_, C> {
    fn drop(&mut self) {
        // SAFETY: each was allocated when its reply was sent.
        unsafe { self.sent.empty(self.replies) };
    }
}
