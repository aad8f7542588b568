//! The S-list: what each call returns, the words of its header, random histories against a plain
//! stack, and many threads at once, also on entries that are unmapped as soon as they are popped.
//!
//! `LOOKASIDE_TEST_OPERATIONS` sets how many operations the threads do (default 1,000,000).

use std::collections::HashSet;
use std::ptr;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

use lookaside_core::{SListEntry, SListHeader};
use proptest::prelude::*;

fn operations() -> usize {
    std::env::var("LOOKASIDE_TEST_OPERATIONS").ok().map_or(1_000_000, |count| count.parse().unwrap())
}

/// Entries that stay where they are.
fn entries(count: usize) -> &'static mut [SListEntry] {
    Vec::leak((0..count).map(|_| SListEntry::new()).collect())
}

/// Depth, sequence, reserved bits and first entry as they are in memory.
fn words(list: &SListHeader) -> (u64, u64, u64, u64) {
    // SAFETY: the header is two words, and no one writes them now.
    let [low, high] = unsafe { ptr::from_ref(list).cast::<[u64; 2]>().read_volatile() };
    (low & 0xFFFF, low >> 16, high & 15, high & !15)
}

#[test]
fn each_call_returns_what_windows_returns() {
    let list = SListHeader::new();
    let [a, b, c, d] = entries(4) else { unreachable!() };
    let [a, b, c, d] = [a, b, c, d].map(ptr::from_mut);
    let none = ptr::null_mut();
    assert_eq!((list.pop(), list.flush(), list.first(), list.depth()), (none, none, none, 0));
    // SAFETY: each entry is ours, and in no list when it is pushed.
    unsafe {
        assert_eq!(list.push(a), none);
        assert_eq!(list.push(b), a);
        assert_eq!((list.first(), list.depth()), (b, 2));
        assert_eq!(list.pop(), b);
        assert_eq!(list.push(b), a);
        (*c).next = d;
        assert_eq!(list.push_list(c, d, 2), b);
        assert_eq!((list.first(), list.depth()), (c, 4));
        assert_eq!(list.pop(), c);
        assert_eq!(list.flush(), d);
        assert_eq!(((*d).next, (*b).next, (*a).next), (b, a, none));
    }
    assert_eq!((list.pop(), list.flush(), list.first(), list.depth()), (none, none, none, 0));
}

#[test]
fn the_header_is_windows_own() {
    let list = SListHeader::new();
    assert_eq!(words(&list), (0, 0, 0, 0));
    let [a, b] = entries(2) else { unreachable!() };
    let [a, b] = [a, b].map(ptr::from_mut);
    // SAFETY: each entry is ours, and in no list when it is pushed.
    unsafe {
        list.push(a);
        assert_eq!(words(&list), (1, 1, 0, a.addr() as u64));
        list.push(b);
        assert_eq!(words(&list), (2, 2, 0, b.addr() as u64));
        list.pop();
        assert_eq!(words(&list), (1, 3, 0, a.addr() as u64));
        list.push(b);
        list.flush();
        assert_eq!(words(&list), (0, 5, 0, 0));
        list.pop();
        list.flush();
        assert_eq!(words(&list), (0, 5, 0, 0), "nothing was done to an empty list");
    }
}

/// The depth is 16 bits wide: a list of 65,536 entries returns 0, and in neither direction does it spill into the sequence number.
#[test]
fn the_depth_is_counted_modulo_65536() {
    let list = SListHeader::new();
    let all = entries(65_537);
    for (index, entry) in all.iter_mut().enumerate() {
        // SAFETY: the entry is ours, and in no list.
        unsafe { list.push(entry) };
        assert_eq!(words(&list).0, (index as u64 + 1) % 65_536);
        assert_eq!(words(&list).1, index as u64 + 1);
    }
    assert_eq!(list.depth(), 1);
    for left in (0..65_537_u64).rev() {
        assert!(!list.pop().is_null());
        assert_eq!(words(&list).0, left % 65_536);
    }
    assert_eq!((words(&list).1, list.pop()), (2 * 65_537, ptr::null_mut()));
    let (first, last) = (ptr::from_mut(&mut all[0]), ptr::from_mut(&mut all[65_535]));
    for index in 0..65_535 {
        all[index].next = &mut all[index + 1];
    }
    // SAFETY: the entries are ours, in no list, and linked one to the next.
    unsafe { list.push_list(first, last, 65_536) };
    assert_eq!((list.depth(), words(&list).1), (0, 2 * 65_537 + 1));
}

#[derive(Clone, Debug)]
enum Operation {
    Push,
    PushList(usize),
    Pop,
    Flush,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => Just(Operation::Push),
        1 => (1usize..5).prop_map(Operation::PushList),
        4 => Just(Operation::Pop),
        1 => Just(Operation::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any history does to the list what it does to a stack.
    #[test]
    fn it_is_a_stack(history in prop::collection::vec(operation(), 0..200)) {
        let list = SListHeader::new();
        let mut storage: Vec<SListEntry> = (0..16).map(|_| SListEntry::new()).collect();
        let mut spare: Vec<*mut SListEntry> = storage.iter_mut().map(ptr::from_mut).collect();
        let mut model: Vec<*mut SListEntry> = Vec::new();
        for operation in history {
            let top = model.last().copied().or_null();
            match operation {
                Operation::Push => {
                    let Some(entry) = spare.pop() else { continue };
                    // SAFETY: the entry is in no list, and lives as long as the list.
                    prop_assert_eq!(unsafe { list.push(entry) }, top);
                    model.push(entry);
                }
                Operation::PushList(count) => {
                    if spare.len() < count {
                        continue;
                    }
                    let chain = spare.split_off(spare.len() - count);
                    for pair in chain.windows(2) {
                        // SAFETY: the entries are in no list.
                        unsafe { (*pair[0]).next = pair[1] };
                    }
                    // SAFETY: as for a push; the chain was linked above.
                    prop_assert_eq!(unsafe { list.push_list(chain[0], chain[count - 1], count) }, top);
                    model.extend(chain.iter().rev());
                }
                Operation::Pop => {
                    let expected = model.pop();
                    prop_assert_eq!(list.pop(), expected.or_null());
                    spare.extend(expected);
                }
                Operation::Flush => {
                    let mut entry = list.flush();
                    while let Some(expected) = model.pop() {
                        prop_assert_eq!(entry, expected);
                        // SAFETY: the entry was in the list, so its link is written.
                        entry = unsafe { (*entry).next };
                        spare.push(expected);
                    }
                    prop_assert!(entry.is_null());
                }
            }
            prop_assert_eq!(usize::from(list.depth()), model.len());
            prop_assert_eq!(list.first(), model.last().copied().or_null());
        }
    }
}

trait OrNull {
    fn or_null(self) -> *mut SListEntry;
}

impl OrNull for Option<*mut SListEntry> {
    fn or_null(self) -> *mut SListEntry {
        self.unwrap_or(ptr::null_mut())
    }
}

/// An entry that says who has it.
#[repr(C)]
struct Owned {
    link: SListEntry,
    held: AtomicBool,
}

/// Threads that push, pop, flush and push chains: an entry has one holder at a time, and none is lost.
#[test]
fn threads_neither_lose_nor_double_entries() {
    const ENTRIES: usize = 64;
    const THREADS: usize = 4;
    let list = &SListHeader::new();
    let all: &[Owned] =
        Vec::leak((0..ENTRIES).map(|_| Owned { link: SListEntry::new(), held: AtomicBool::new(false) }).collect());
    let take = |entry: *mut SListEntry| {
        // SAFETY: every entry of the list is the first field of one of them, and those live for ever.
        let owned = unsafe { &*entry.cast::<Owned>() };
        assert!(!owned.held.swap(true, SeqCst), "an entry has two holders");
    };
    let give = |entry: *mut SListEntry| {
        // SAFETY: as above.
        unsafe { &*entry.cast::<Owned>() }.held.store(false, SeqCst);
    };
    for owned in all {
        // SAFETY: the entry is ours and in no list.
        unsafe { list.push(ptr::from_ref(&owned.link).cast_mut()) };
    }
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let mut held = Vec::new();
                for round in 0..operations() / THREADS {
                    // Different lengths, so that the threads drift against each other.
                    for _ in 0..round % (3 + thread) {
                        let entry = list.pop();
                        if !entry.is_null() {
                            take(entry);
                            held.push(entry);
                        }
                    }
                    if round % 64 == 63 {
                        let mut entry = list.flush();
                        while !entry.is_null() {
                            take(entry);
                            held.push(entry);
                            // SAFETY: the chain is ours.
                            entry = unsafe { (*entry).next };
                        }
                        if let (Some(&first), Some(&last)) = (held.first(), held.last()) {
                            for pair in held.windows(2) {
                                // SAFETY: the entries are ours.
                                unsafe { (*pair[0]).next = pair[1] };
                            }
                            held.iter().copied().for_each(give);
                            // SAFETY: the chain is ours, and linked above.
                            unsafe { list.push_list(first, last, held.len()) };
                            held.clear();
                        }
                    }
                    for entry in held.drain(..) {
                        give(entry);
                        // SAFETY: the entry is ours.
                        unsafe { list.push(entry) };
                    }
                }
            });
        }
    });
    assert_eq!(usize::from(list.depth()), ENTRIES);
    let left: HashSet<usize> = std::iter::from_fn(|| Some(list.pop()).filter(|entry| !entry.is_null()))
        .inspect(|&entry| take(entry))
        .map(|entry| entry.addr())
        .collect();
    assert_eq!(left.len(), ENTRIES);
    assert_eq!(words(list).2, 0, "no one has the turn");
}

extern "C" fn sleep_in_handler(_: libc::c_int) {
    // SAFETY: the call may be made in a handler.
    unsafe { libc::usleep(20) };
}

/// An assertion that ends the whole process, since the other threads would wait for this one.
fn must(succeed: bool) {
    if !succeed {
        eprintln!("{}", std::io::Error::last_os_error());
        std::process::abort();
    }
}

/// A pop never touches an entry that another thread has popped: these are unmapped at once, and their addresses not
/// used again. Signals hold the threads up wherever they are, so that a pop meets the others' in the middle.
#[test]
fn an_entry_may_be_unmapped_as_soon_as_it_is_popped() {
    const PAGE: usize = 4096;
    const ALL: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;
    const POPPERS: usize = 3;
    let list = &SListHeader::new();
    let pages = operations() / 10;
    // SAFETY: a new mapping at an address of the kernel's choice, of which nothing is backed yet.
    let region = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        libc::mmap(ptr::null_mut(), pages * PAGE, libc::PROT_NONE, flags, -1, 0)
    };
    assert_ne!(region, libc::MAP_FAILED);
    // SAFETY: the handler does nothing but sleep.
    unsafe { libc::signal(libc::SIGUSR2, sleep_in_handler as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    let region = region.expose_provenance();
    let gone = &AtomicUsize::new(0);
    let poppers: &[AtomicU64; POPPERS] = &Default::default();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for page in 0..pages {
                let entry = ptr::with_exposed_provenance_mut::<libc::c_void>(region + page * PAGE);
                // SAFETY: the page is ours until it is popped.
                unsafe {
                    must(libc::mprotect(entry, PAGE, ALL) == 0);
                    list.push(entry.cast());
                }
                while page + 1 - gone.load(Relaxed) > 64 {
                    std::thread::yield_now();
                }
            }
        });
        for popper in poppers {
            scope.spawn(move || {
                // SAFETY: no argument.
                popper.store(unsafe { libc::pthread_self() } as u64, SeqCst);
                while gone.load(Relaxed) < pages {
                    let entry = list.pop();
                    if entry.is_null() {
                        std::thread::yield_now();
                        continue;
                    }
                    // SAFETY: the page is ours alone.
                    must(unsafe { libc::munmap(entry.cast(), PAGE) } == 0);
                    gone.fetch_add(1, Relaxed);
                }
                // From here no one signals: the thread that did so waits for its turn below.
                while popper.swap(0, SeqCst) == 0 {
                    std::thread::yield_now();
                }
            });
        }
        while gone.load(Relaxed) < pages {
            for popper in poppers {
                // Taken out meanwhile, so that the thread does not end.
                let thread = popper.swap(0, SeqCst);
                if thread != 0 {
                    // SAFETY: the thread lives, for it waits until its number is back.
                    unsafe { libc::pthread_kill(thread as libc::pthread_t, libc::SIGUSR2) };
                    popper.store(thread, SeqCst);
                }
                // Seldom enough for the threads to get on. SAFETY: a plain call.
                unsafe { libc::usleep(100) };
            }
        }
    });
    assert_eq!((gone.load(Relaxed), list.depth()), (pages, 0));
}

static INTERRUPTED: SListHeader = SListHeader::new();
static SPARE: AtomicPtr<SListEntry> = AtomicPtr::new(ptr::null_mut());
static PUSHED: AtomicU32 = AtomicU32::new(0);

extern "C" fn push_in_handler(_: libc::c_int) {
    let entry = SPARE.swap(ptr::null_mut(), SeqCst);
    if !entry.is_null() {
        // SAFETY: the entry is ours, and lives for ever.
        unsafe { INTERRUPTED.push(entry) };
        PUSHED.fetch_add(1, Relaxed);
    }
}

/// A signal handler may push to the list whose pop it interrupts, as an interrupt routine does in Windows.
#[test]
fn a_signal_handler_may_push() {
    const SIGNALS: u32 = 2_000;
    let all = entries(16);
    SPARE.store(&mut all[0], SeqCst);
    for entry in &mut all[1..] {
        // SAFETY: the entry is ours, and lives for ever.
        unsafe { INTERRUPTED.push(entry) };
    }
    // SAFETY: the handler does nothing but what is tested, and atomic operations.
    unsafe { libc::signal(libc::SIGUSR1, push_in_handler as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    // SAFETY: no argument.
    let target = AtomicU64::new(unsafe { libc::pthread_self() } as u64);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while PUSHED.load(Relaxed) < SIGNALS {
                // SAFETY: the thread lives until it is asked to end, below.
                unsafe { libc::pthread_kill(target.load(Relaxed) as libc::pthread_t, libc::SIGUSR1) };
                std::thread::yield_now();
            }
            done.store(true, SeqCst);
        });
        while !done.load(SeqCst) {
            let entry = INTERRUPTED.pop();
            if entry.is_null() {
                continue;
            }
            let before = SPARE.swap(entry, SeqCst);
            if !before.is_null() {
                // SAFETY: the entry is ours.
                unsafe { INTERRUPTED.push(before) };
            }
        }
    });
    let spare = usize::from(!SPARE.load(SeqCst).is_null());
    assert_eq!(usize::from(INTERRUPTED.depth()) + spare, 16);
}
