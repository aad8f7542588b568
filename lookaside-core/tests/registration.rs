//! Registration of threads for rseq by the library itself, where the C library does not see to it: with musl, or with
//! glibc's switched off, as each process here has it.

mod common;

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use common::assert_identities;
use common::processes::{case, give, in_child, take, this_program, this_test};
use lookaside_core::{EngineKind, LookasideList, RawList, engine, engine_description};

const OWN: &str = "rseq, which this library registers, because the kernel restarts sequences as it should";

/// Runs the body in a process of its own, in which the C library registers no thread.
fn without_the_c_library(test: &str, body: impl FnOnce()) {
    if case().is_some() {
        return body();
    }
    if call(null_mut(), 0, 0) == -libc::ENOSYS {
        return eprintln!("SKIP: the system has no rseq");
    }
    let mut command = this_program();
    command.args([test, "--exact", "--nocapture"]).env("LOOKASIDE_TEST_CASE", "1").env_remove("LOOKASIDE_ENGINE");
    let output = command.env("GLIBC_TUNABLES", "glibc.pthread.rseq=0").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("running 1 test"), "{test}: {output:?}");
}

fn description() -> &'static str {
    engine_description().to_str().unwrap()
}

/// The kernel's `struct rseq`, as another library has it.
#[repr(C, align(32))]
struct Area([u32; 8]);

impl Area {
    fn new() -> Area {
        let mut words = [0; 8];
        words[1] = u32::MAX;
        Area(words)
    }

    fn register(&mut self) -> i32 {
        call(self, 32, 0)
    }

    fn unregister(&mut self) -> i32 {
        call(self, 32, 1)
    }

    /// What the kernel last wrote; negative where the area is not registered.
    fn processor(&self) -> i32 {
        // SAFETY: the word is this thread's; the kernel writes to it too.
        unsafe { (&raw const self.0[1]).read_volatile() as i32 }
    }
}

/// The system call; returns 0, or a negative error number.
fn call(area: *mut Area, length: usize, flags: usize) -> i32 {
    const SIGNATURE: u32 = if cfg!(target_arch = "aarch64") { 0xd428_bc00 } else { 0x5305_3053 };
    // SAFETY: no area, or one that its thread unregisters before it is gone.
    match unsafe { libc::syscall(libc::SYS_rseq, area, length, flags, SIGNATURE) } {
        0 => 0,
        _ => -std::io::Error::last_os_error().raw_os_error().unwrap(),
    }
}

/// Whether the calling thread is registered, by anyone.
fn is_registered() -> bool {
    let mut area = Area::new();
    match area.register() {
        0 => {
            assert_eq!(area.unregister(), 0);
            false
        }
        error => {
            assert_eq!(error, -libc::EINVAL);
            true
        }
    }
}

fn use_list(list: &LookasideList, times: usize) {
    for _ in 0..times {
        give(list, take(list, 3));
    }
}

fn in_thread<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(body).join().unwrap())
}

#[test]
fn each_thread_is_registered_at_its_first_miss() {
    without_the_c_library(this_test!(), || {
        assert!(!is_registered());
        let list = LookasideList::new(64).unwrap();
        assert_eq!((engine(), description()), (EngineKind::Rseq, OWN));
        assert!(is_registered());
        for _ in 0..100 {
            in_thread(|| {
                assert!(!is_registered());
                use_list(&list, 1);
                assert!(is_registered());
                use_list(&list, 1000);
            });
        }
        let statistics = list.statistics();
        assert_identities(&statistics);
        let counters = statistics.list;
        assert!(counters.allocate_misses + statistics.processor.allocate_misses < counters.total_allocates / 100);
    });
}

#[test]
fn a_registration_that_exists_is_respected() {
    without_the_c_library(this_test!(), || {
        let mut area = Area::new();
        assert_eq!(area.register(), 0);
        let list = LookasideList::new(64).unwrap();
        use_list(&list, 1000);
        assert_eq!((engine(), description()), (EngineKind::Slots, "slots, because another library registers rseq"));
        assert!(area.processor() >= 0);
        assert_eq!(area.unregister(), 0);
        // Nor is any other thread's taken, which that library may register later.
        in_thread(|| {
            use_list(&list, 1000);
            assert!(!is_registered());
        });
    });
}

#[test]
fn a_thread_that_another_library_has_registered_is_served_by_the_shared_list() {
    without_the_c_library(this_test!(), || {
        let list = LookasideList::new(64).unwrap();
        assert_eq!(description(), OWN);
        in_thread(|| {
            let mut area = Area::new();
            assert_eq!(area.register(), 0);
            use_list(&list, 1000);
            assert!(area.processor() >= 0);
            assert_eq!(area.unregister(), 0);
            // It stays as the library found it.
            use_list(&list, 1000);
            assert!(!is_registered());
        });
        assert_identities(&list.statistics());
        assert_eq!(list.statistics().list.total_allocates, 6000);
    });
}

static LIST: AtomicPtr<RawList> = AtomicPtr::new(null_mut());
static CALLS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn try_allocate(_: i32) {
    // SAFETY: the list is live, and a handler may call this.
    let block = unsafe { RawList::try_allocate(LIST.load(Relaxed)) };
    CALLS.fetch_add(usize::from(!block.is_null()), Relaxed);
}

/// What it interrupts may be a section that did not see a processor's number yet.
#[test]
fn a_signal_handler_registers_nothing() {
    without_the_c_library(this_test!(), || {
        let list = LookasideList::new(64).unwrap();
        assert_eq!(description(), OWN);
        give(&list, take(&list, 200));
        LIST.store(list.as_raw().cast_mut(), Relaxed);
        // SAFETY: a handler of this type, for a signal that nothing else sends.
        unsafe { libc::signal(libc::SIGUSR1, try_allocate as *const () as usize) };
        in_thread(|| {
            // SAFETY: the handler returns.
            unsafe { libc::raise(libc::SIGUSR1) };
            assert!(!is_registered());
            use_list(&list, 1);
            assert!(is_registered());
        });
    });
}

#[test]
fn the_child_of_a_fork_is_registered_as_its_parent_was() {
    without_the_c_library(this_test!(), || {
        let list = LookasideList::new(64).unwrap();
        assert_eq!(description(), OWN);
        use_list(&list, 10);
        in_child(|| {
            let misses = list.statistics().list.allocate_misses;
            use_list(&list, 100);
            is_registered()
                && list.statistics().list.allocate_misses - misses < 50
                && in_thread(|| {
                    use_list(&list, 1);
                    is_registered()
                })
        });
    });
}

/// How often the destructors of a thread's keys are called, at the most.
const ROUNDS: usize = 4;
/// Has the list used in the last round alone.
const LATE: usize = 8;
const THREADS: usize = 1000;

static KEY: AtomicUsize = AtomicUsize::new(0);

/// Allocates a block of the list, and frees it.
fn use_the_list() {
    let list = LIST.load(Relaxed);
    // SAFETY: the list outlives the threads; the block is of this list, and freed once.
    unsafe {
        let block = RawList::allocate(list);
        assert!(!block.is_null());
        RawList::free(list, block);
    }
    CALLS.fetch_add(1, Relaxed);
}

/// Uses the list, and asks for another round until there are no more.
unsafe extern "C" fn in_a_destructor(word: *mut c_void) {
    let (round, late) = (word.addr() % LATE, word.addr() >= LATE);
    if round == ROUNDS || !late {
        use_the_list();
    }
    if round < ROUNDS {
        // SAFETY: the key was made.
        unsafe { libc::pthread_setspecific(KEY.load(Relaxed) as libc::pthread_key_t, word.wrapping_byte_add(1)) };
    }
}

/// Threads that no one joins, whose memory the C library takes back at their end: in musl they do it themselves, while
/// the kernel may still have their area.
#[test]
fn threads_end_well_whose_destructors_use_lists() {
    without_the_c_library(this_test!(), || {
        let list = LookasideList::new(64).unwrap();
        assert_eq!(description(), OWN);
        LIST.store(list.as_raw().cast_mut(), Relaxed);
        let mut key = 0;
        // SAFETY: the place may be written, and the destructor may be called in any thread.
        assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(in_a_destructor)) }, 0);
        KEY.store(key as usize, Relaxed);
        for number in 0..THREADS {
            let late = number % 2 != 0;
            // Detached, since the handle is dropped.
            std::thread::spawn(move || {
                if !late {
                    use_the_list();
                }
                let word = std::ptr::without_provenance(1 + usize::from(late) * LATE);
                // SAFETY: the key was made above.
                unsafe { libc::pthread_setspecific(key, word) };
            });
        }
        let calls = THREADS / 2 * (1 + ROUNDS + 1);
        while CALLS.load(Relaxed) < calls {
            std::thread::yield_now();
        }
        assert_identities(&list.statistics());
        assert_eq!(list.statistics().list.total_allocates, calls as u64);
        // The last threads may be at their end.
        std::mem::forget(list);
    });
}
