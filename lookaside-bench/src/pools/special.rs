//! Blocks that end where memory ends.

use anyhow::ensure;
use lookaside_core::PoolKind;

use super::by_hand::{GuardedPages, is_inaccessible};
use super::list::OverPool;
use crate::contenders::{Contender, Glibc};
use crate::rounds::{Absent, Figures};
use crate::workloads::{clock, pair, timed_from, touch};

/// Bytes of a block.
const SIZE: usize = 64;
/// So many blocks are asked for at once.
const MANY: usize = 120_000;
/// Of so many blocks one is looked at, whether it is guarded.
const SAMPLE: usize = 512;

/// One block at a time.
pub fn one(contender: &str) -> anyhow::Result<Figures> {
    match contender {
        "by-hand" => pairs(&GuardedPages::new(SIZE)?, true),
        "lookaside" => pairs(&OverPool::special(SIZE)?, true),
        _ => pairs(&Glibc::new(SIZE)?, false),
    }
}

fn pairs<C: Contender>(contender: &C, guarded: bool) -> anyhow::Result<Figures> {
    let block = touch(contender.allocate());
    let found = is_guarded(block);
    // SAFETY: the block was handed out above, and is given back once.
    unsafe { contender.free(block) };
    ensure!(found == guarded, "a block's guard is {found} and not {guarded}");
    let figure = timed_from(64, super::ROUND, |pairs| clock(|| pair::run(contender, pairs)));
    Ok(super::figures(("ns", figure), "blocks_per_second", (1e9 / figure) as u64))
}

/// As many blocks at once as can be had.
pub fn many(contender: &str) -> anyhow::Result<Figures> {
    match contender {
        "by-hand" => out_at_once(&GuardedPages::new(SIZE)?, |blocks| blocks as u64),
        "lookaside" => {
            let pool = OverPool::special(SIZE)?;
            // Where the pool is full the process heap serves, without a guard.
            out_at_once(&pool, |_| lookaside_core::pool_statistics(PoolKind::Special).blocks)
        }
        _ => out_at_once(&Glibc::new(SIZE)?, |_| 0),
    }
}

fn out_at_once<C: Contender>(contender: &C, guarded: impl FnOnce(usize) -> u64) -> anyhow::Result<Figures> {
    let mut blocks = Vec::with_capacity(MANY);
    let taking = clock(|| {
        while blocks.len() < MANY {
            let block = contender.allocate();
            if block.is_null() {
                break;
            }
            blocks.push(touch(block));
        }
    });
    ensure!(!blocks.is_empty(), Absent("there is no block".into()));
    let guarded = guarded(blocks.len());
    let sample = blocks.iter().take(guarded as usize).step_by(SAMPLE);
    ensure!(sample.clone().all(|&block| is_guarded(block)), "a block has no guard");
    let giving = clock(|| {
        for &block in &blocks {
            // SAFETY: the block was handed out above, and is given back once.
            unsafe { contender.free(block) };
        }
    });
    let figure = (taking + giving).as_secs_f64() * 1e9 / blocks.len() as f64;
    Ok(super::figures(("ns", figure), "guarded_at_once", guarded))
}

/// Whether nobody may touch what stands behind the block.
fn is_guarded(block: *mut u8) -> bool {
    !is_inaccessible(block.wrapping_add(SIZE - 1)) && is_inaccessible(block.wrapping_add(SIZE))
}
