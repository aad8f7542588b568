//! A server's request objects: made by the thread that accepts, handled and dropped by whichever worker gets them.
//!
//! The list lives as long as the program, so a box of it has no lifetime to name and fits into any structure. Blocks
//! that the workers free come back to the accepting thread in batches. At the end the list's report.
//!
//! `cargo run --release -p lookaside-core --example requests`

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use lookaside_core::{LazyLookaside, LookasideBox, Tag};

const REQUESTS: u64 = 1_000_000;
const WORKERS: usize = 2;

/// What a client asks for.
struct Request {
    number: u64,
    length: usize,
    body: [u8; 488],
}

static LIST: LazyLookaside<Request> = LazyLookaside::build(|list| list.name("requests").tag(Tag::new(*b"Rqst")));

/// What waits for a worker: a structure without a lifetime.
struct Job {
    request: LookasideBox<'static, Request>,
    urgent: bool,
}

fn accept(queue: &SyncSender<Job>) {
    for number in 0..REQUESTS {
        let request = LIST.allocate_with(|| {
            let mut body = [0; 488];
            body[..8].copy_from_slice(&number.to_le_bytes());
            Request { number, length: 8, body }
        });
        let Some(request) = request else {
            eprintln!("out of memory: request {number} is refused");
            continue;
        };
        queue.send(Job { request, urgent: number % 10 == 0 }).expect("a worker is there");
    }
}

/// Returns how many requests, and how many urgent ones, this worker had.
fn work(queue: &Mutex<Receiver<Job>>) -> (u64, u64) {
    let (mut handled, mut urgent) = (0, 0);
    loop {
        let Ok(job) = queue.lock().expect("no worker panics").recv() else { return (handled, urgent) };
        let Request { number, length, ref body } = *job.request;
        assert_eq!(body[..length], number.to_le_bytes());
        handled += 1;
        urgent += u64::from(job.urgent);
    } // The job ends here, and its block is back in the list.
}

fn main() {
    let (sender, receiver) = sync_channel(256);
    let receiver = Arc::new(Mutex::new(receiver));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let receiver = Arc::clone(&receiver);
            thread::spawn(move || work(&receiver))
        })
        .collect();
    accept(&sender);
    drop(sender);
    for (number, worker) in workers.into_iter().enumerate() {
        let (handled, urgent) = worker.join().expect("no worker panics");
        println!("worker {number} handled {handled} requests, {urgent} of them urgent");
    }

    let statistics = LIST.list().statistics();
    println!("{REQUESTS} requests needed {} blocks of the heap", statistics.pool_allocates);
    let mut report = String::new();
    lookaside_core::report(&mut report).expect("a String takes any text");
    println!("{report}");
}
