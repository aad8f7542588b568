//! A whole program under `LOOKASIDE_VERIFY=1`, with `LookasideAlloc` as its heap: it hears nothing unless it does
//! something wrong, and nothing calls itself.
//!
//! The environment is read once, so that the tests run this binary again with it.

mod common;

use std::collections::BTreeMap;
use std::process::Output;
use std::ptr::NonNull;
use std::sync::Mutex;

use common::processes::this_program;
use lookaside_core::{
    BugCheck, Lookaside, LookasideAlloc, LookasideList, Parameters, PoolType, RawList, Status, Tag, Violation,
    pool_allocate, pool_free, set_violation_hook,
};

#[global_allocator]
static HEAP: LookasideAlloc = LookasideAlloc::new();

const VARIABLES: [&str; 2] = ["LOOKASIDE_VERIFY", "LOOKASIDE_VERIFY_FAIL"];

/// Runs `body` in a process of its own with these values of the variables.
fn with_environment(test: &str, values: [&str; 2], body: fn()) -> Option<Output> {
    if std::env::var_os("LOOKASIDE_TEST_CHILD").is_some() {
        body();
        return None;
    }
    let mut command = this_program();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("LOOKASIDE_TEST_CHILD", "1");
    for (variable, value) in VARIABLES.into_iter().zip(values) {
        command.env_remove(variable).envs((!value.is_empty()).then_some((variable, value)));
    }
    Some(command.output().unwrap())
}

fn assert_well(output: Option<Output>) {
    if let Some(output) = output {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !errors.contains("lookaside:"), "{}\n{errors}", output.status);
    }
}

/// What threads do with the heap and with lists.
fn work() {
    let nodes = Lookaside::<[u64; 8]>::new().unwrap();
    let mut map = BTreeMap::new();
    for number in 0..2000u64 {
        map.insert(number.wrapping_mul(0x9E37_79B9) % 512, vec![number; number as usize % 40]);
        let node = nodes.allocate([number; 8]).unwrap();
        assert_eq!(node[7], number);
    }
    assert_eq!(map.len(), 512);
    assert_eq!(nodes.list().statistics().list.allocate_misses, 2000, "the list is verified");
}

#[test]
fn a_correct_program_hears_nothing() {
    let body = || {
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
        let block = pool_allocate(PoolType::PAGED, 100, Tag::new(*b"Tagd"));
        assert!(!block.is_null());
        // SAFETY: freed once, with its tag.
        unsafe { pool_free(block, Tag::new(*b"Tagd")) };
        let list = LookasideList::new(64).unwrap();
        let block = list.allocate().unwrap();
        // SAFETY: freed once.
        unsafe { list.free(block) };
    };
    assert_well(with_environment("a_correct_program_hears_nothing", ["1", ""], body));
}

static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn remember(violation: &Violation<'_>) {
    // Allocates from the heap that is made of lists.
    REPORTED.lock().unwrap().push(format!("{} {}", violation.bug_check, violation.line));
}

#[test]
fn misuse_is_reported_to_a_hook_that_allocates() {
    let body = || {
        set_violation_hook(Some(remember));
        let list = LookasideList::builder(64).name("packets").build().unwrap();
        let block = list.allocate().unwrap();
        // SAFETY: the second free is what is tested.
        unsafe {
            list.free(block);
            list.free(block);
        }
        let reported = std::mem::take(&mut *REPORTED.lock().unwrap());
        assert_eq!(reported.len(), 1);
        assert!(reported[0].starts_with("0xC4/0x13 lookaside: 0xC4/0x13: block 0x"), "{reported:?}");
    };
    assert_well(with_environment("misuse_is_reported_to_a_hook_that_allocates", ["1", ""], body));
}

#[test]
fn tagged_memory_is_freed_with_a_list_in_it() {
    let body = || {
        set_violation_hook(Some(remember));
        let tag = Tag::new(*b"Tagd");
        // Lists are looked for once the environment was read, which the first list does.
        drop(LookasideList::new(64).unwrap());
        for bytes in [400, 4000] {
            let block = pool_allocate(PoolType::PAGED, bytes, tag);
            // SAFETY: the list is in the block, aligned to 16 bytes, and is deleted before that goes.
            unsafe {
                let object = block.add(320).cast::<RawList>();
                assert_eq!(RawList::initialize(object, &Parameters::new(64)), Status::SUCCESS);
                pool_free(block, tag);
                let reported = std::mem::take(&mut *REPORTED.lock().unwrap());
                assert_eq!(reported.len(), 1, "{reported:?}");
                assert!(
                    reported[0].contains(&format!("0xC4/0xCC: {bytes} bytes at {block:p} are freed")),
                    "{reported:?}"
                );
                assert_eq!(RawList::delete(object), Status::SUCCESS);
                pool_free(block, tag);
            }
            assert_eq!(REPORTED.lock().unwrap().len(), 0);
        }
    };
    assert_well(with_environment("tagged_memory_is_freed_with_a_list_in_it", ["1", ""], body));
}

#[test]
fn calls_on_what_is_no_list() {
    let body = || {
        set_violation_hook(Some(remember));
        let mut object = RawList::zeroed();
        // SAFETY: an object of zeroes, and later a list that stays where it is.
        unsafe {
            assert_eq!(RawList::delete(&mut object), Status::INVALID_HANDLE);
            assert!(RawList::allocate_checked(&object).is_null());
            assert_eq!(RawList::initialize(&mut object, &Parameters::new(64)), Status::SUCCESS);
            assert_eq!(RawList::delete(&mut object), Status::SUCCESS);
            assert_eq!(REPORTED.lock().unwrap().len(), 2);
            assert_eq!(RawList::delete(&mut object), Status::DELETE_PENDING);
            assert!(RawList::allocate(&object).is_null());
        }
        let reported = std::mem::take(&mut *REPORTED.lock().unwrap());
        let checks = [BugCheck::NO_LIST_DELETED, BugCheck::NO_LIST, BugCheck::NO_LIST_DELETED, BugCheck::DELETED_LIST];
        assert_eq!(reported.len(), checks.len());
        for (line, check) in reported.iter().zip(checks) {
            assert!(line.starts_with(&format!("{check} ")) && line.contains(file!()), "{line}");
        }
    };
    assert_well(with_environment("calls_on_what_is_no_list", ["1", ""], body));
}

#[test]
fn failures_by_the_environment_also_reach_tagged_calls() {
    let body = || {
        let list = LookasideList::builder(64).tag(Tag::new(*b"Fail")).build().unwrap();
        let (first, second) = (list.allocate(), list.allocate());
        let third = pool_allocate(PoolType::PAGED, 40, Tag::new(*b"Fail"));
        let fourth = pool_allocate(PoolType::PAGED, 40, Tag::new(*b"Fail"));
        assert!(first.is_some() && second.is_none() && third.is_null() && !fourth.is_null());
        assert_eq!(list.statistics().pool_failures, 1);
        // SAFETY: each is freed once.
        unsafe {
            list.free(first.unwrap());
            pool_free(fourth, Tag(0));
        }
    };
    let test = "failures_by_the_environment_also_reach_tagged_calls";
    assert_well(with_environment(test, ["1", "tag=Fail,schedule=2,3"], body));
}

#[test]
fn nothing_is_verified_unless_it_is_asked_for() {
    let body = || {
        // Elsewhere the block would not be found.
        common::stay_on_one_processor();
        let list = LookasideList::new(64).unwrap();
        let block = list.allocate().unwrap();
        // SAFETY: freed, and taken again.
        unsafe { list.free(block) };
        assert_eq!(list.allocate(), Some(block));
        assert_eq!(list.statistics().list.allocate_misses, 1, "the list keeps blocks");
        // SAFETY: freed once.
        unsafe { list.free(NonNull::new(block.as_ptr()).unwrap()) };
    };
    for value in ["", "0", "off"] {
        assert_well(with_environment("nothing_is_verified_unless_it_is_asked_for", [value, ""], body));
    }
}
