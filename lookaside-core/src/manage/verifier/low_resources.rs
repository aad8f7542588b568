//! Allocations that fail on purpose: a share of them, by a seed, or those of a schedule.

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

use crate::manage::plan::{LowResources, SCHEDULE_LIMIT, parse};
use crate::manage::switches;
use crate::platform::{self, ChildRepairs, Lock};
use crate::wdk::{Status, Tag};

struct Plan {
    seed: u64,
    share: u64,
    skip: u64,
    scheduled: [u64; SCHEDULE_LIMIT],
    schedule: usize,
    tag: Option<Tag>,
    count: u64,
}

struct Simulation {
    // Read without the lock: whether there is anything to ask.
    on: AtomicBool,
    lock: Lock,
    plan: UnsafeCell<Plan>,
}

// SAFETY: the plan is reached under the lock alone.
unsafe impl Sync for Simulation {}

static SIMULATION: Simulation = Simulation {
    on: AtomicBool::new(false),
    lock: Lock::new(),
    plan: UnsafeCell::new(Plan {
        seed: 0,
        share: 0,
        skip: 0,
        scheduled: [0; SCHEDULE_LIMIT],
        schedule: 0,
        tag: None,
        count: 0,
    }),
};

/// Makes pool allocations of verified lists fail as described; `None` ends that. Failures are counted as those of the
/// pool.
///
/// INVALID_PARAMETER for a share above a million, or a schedule that is too long or names a 0; then nothing has
/// changed. Lists that are not verified never fail on purpose.
pub fn simulate_low_resources(resources: Option<&LowResources<'_>>) -> Status {
    let Some(resources) = resources else {
        SIMULATION.on.store(false, Relaxed);
        return Status::SUCCESS;
    };
    if !resources.is_possible() {
        return Status::INVALID_PARAMETER;
    }
    platform::note_used(ChildRepairs::Verifier);
    let guard = SIMULATION.lock.lock();
    // SAFETY: the lock is held.
    let plan = unsafe { &mut *SIMULATION.plan.get() };
    plan.seed = resources.seed;
    plan.share = resources.share.into();
    plan.skip = resources.skip;
    plan.schedule = resources.schedule.len();
    plan.scheduled[..plan.schedule].copy_from_slice(resources.schedule);
    plan.tag = resources.tag;
    plan.count = 0;
    drop(guard);
    SIMULATION.on.store(true, Relaxed);
    Status::SUCCESS
}

/// Returns whether the next pool allocation with this tag is to fail. Counts it.
pub fn refuses(tag: Tag) -> bool {
    // Relaxed: the plan is read under the lock.
    if !SIMULATION.on.load(Relaxed) {
        return false;
    }
    let _guard = SIMULATION.lock.lock();
    // SAFETY: the lock is held.
    let plan = unsafe { &mut *SIMULATION.plan.get() };
    if plan.tag.is_some_and(|only| only != tag) {
        return false;
    }
    plan.count += 1;
    let drawn = || mix(plan.seed ^ mix(plan.count)) % 1_000_000 < plan.share;
    plan.scheduled[..plan.schedule].contains(&plan.count) || plan.count > plan.skip && drawn()
}

/// In the child of a fork: the plan goes on as it is.
pub fn repair_after_fork() {
    SIMULATION.lock.reset_after_fork();
}

/// Spreads a number over all 64 bits, one to one.
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let number = (number ^ number >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    number ^ number >> 33
}

/// What `LOOKASIDE_VERIFY_FAIL` asks for, when it is set: `share=60000,seed=42,skip=100`, `schedule=3,7,9`, `tag=Irps`,
/// in any combination.
pub fn obey_environment() {
    let mut schedule = [0; SCHEDULE_LIMIT];
    if let Some(resources) = switches::VERIFY_FAIL.value().and_then(|text| parse(text, &mut schedule)) {
        let status = simulate_low_resources(Some(&resources));
        debug_assert!(status.is_success(), "the parser takes what is possible");
    }
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&SIMULATION);
}
