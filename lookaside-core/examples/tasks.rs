//! An executor with several threads, whose tasks are boxes of `dyn Future`: each type of task has its list, all of them go
//! through one queue, and a task that waits is put back by its waker.
//!
//! A task that is done gives its block back on whichever thread finished it. Prints what the lists did.
//!
//! `cargo run --release -p lookaside-core --example tasks`

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use lookaside_core::{Lookaside, OwnedBox, unsize};

const TASKS: u64 = 20_000;
const THREADS: usize = 2;

/// A task of any type, in a block of its type's list.
type Task = Pin<OwnedBox<dyn Future<Output = ()> + Send>>;

/// Where tasks wait for a thread.
#[derive(Default)]
struct Executor {
    ready: Mutex<VecDeque<Arc<Slot>>>,
    changed: Condvar,
    unfinished: AtomicU64,
}

/// A task with its executor: what a waker refers to. Empty once the task is done.
struct Slot {
    task: Mutex<Option<Task>>,
    executor: Arc<Executor>,
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        let executor = Arc::clone(&self.executor);
        executor.ready.lock().expect("no thread panics").push_back(self);
        executor.changed.notify_one();
    }
}

impl Executor {
    fn spawn(self: &Arc<Self>, task: Task) {
        self.unfinished.fetch_add(1, Relaxed); // The queue's lock makes it visible to the threads.
        Arc::new(Slot { task: Mutex::new(Some(task)), executor: Arc::clone(self) }).wake();
    }

    /// Returns a task that is ready, or `None` when all of them are done.
    fn next(&self) -> Option<Arc<Slot>> {
        let mut ready = self.ready.lock().expect("no thread panics");
        loop {
            if self.unfinished.load(Relaxed) == 0 {
                return None;
            }
            match ready.pop_front() {
                Some(slot) => return Some(slot),
                None => ready = self.changed.wait(ready).expect("no thread panics"),
            }
        }
    }

    /// Polls tasks until all are done.
    fn run(&self) {
        while let Some(slot) = self.next() {
            let waker = Waker::from(Arc::clone(&slot));
            let mut place = slot.task.lock().expect("no task panics");
            let Some(task) = &mut *place else { continue };
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                *place = None; // The task is dropped, and its block goes back to its list.
                let _ready = self.ready.lock().expect("no thread panics");
                if self.unfinished.fetch_sub(1, Relaxed) == 1 {
                    self.changed.notify_all();
                }
            }
        }
    }
}

/// Lets other tasks run once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A short task, and one whose state is larger.
async fn add(number: u64, sum: Arc<AtomicU64>) {
    Yield(false).await;
    sum.fetch_add(number, Relaxed);
}

async fn add_bytes(bytes: [u8; 400], sum: Arc<AtomicU64>) {
    for part in bytes.chunks(100) {
        sum.fetch_add(part.iter().copied().map(u64::from).sum(), Relaxed);
        Yield(false).await;
    }
}

/// A list of the futures that a function returns, whose type has no name.
fn list_of<A, F: Future>(
    name: &'static str,
    _: impl Fn(A, Arc<AtomicU64>) -> F,
) -> Result<Arc<Lookaside<F>>, Box<dyn Error>> {
    Ok(Arc::new(Lookaside::build(|list| list.name(name))?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (short, large) = (list_of("short tasks", add)?, list_of("large tasks", add_bytes)?);
    let (executor, sum) = (Arc::new(Executor::default()), Arc::new(AtomicU64::new(0)));
    for number in 0..TASKS {
        let sum = Arc::clone(&sum);
        let task: OwnedBox<dyn Future<Output = ()> + Send> = match number % 4 {
            0 => unsize!(large.allocate_owned(add_bytes([1; 400], sum))?, dyn Future<Output = ()> + Send),
            _ => unsize!(short.allocate_owned(add(1, sum))?, dyn Future<Output = ()> + Send),
        };
        executor.spawn(task.into_pin());
    }
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| executor.run());
        }
    });
    assert_eq!(sum.load(Relaxed), TASKS / 4 * 400 + TASKS / 4 * 3);
    for (name, statistics) in [("short", short.list().statistics()), ("large", large.list().statistics())] {
        println!("{name}: {statistics}");
    }
    Ok(())
}
