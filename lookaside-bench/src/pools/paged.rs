//! Several paged pools, so that threads wait less for each other.

use super::list;
use crate::contenders::glibc;
use crate::ground::contender::{Blocks, Contender};
use crate::ground::measure::{Figures, NS, ROUND, timed};
use crate::ground::team::team;
use crate::workloads::batch;

/// Bytes of a block.
const SIZE: usize = 256;
const THREADS: usize = 2;

/// Both threads at once, each with blocks of its own.
pub fn two_threads(contender: &str) -> anyhow::Result<Figures> {
    let figure = match contender {
        "lookaside-slabs" => run(&Blocks::new(list::paged, SIZE)?),
        "lookaside-arenas" => run(&Blocks::new(list::paged_arenas, SIZE)?),
        _ => run(&Blocks::new(glibc::new, SIZE)?),
    };
    Ok(vec![(NS.name, figure)])
}

fn run<C: Contender + Sync>(pool: &Blocks<C>) -> f64 {
    timed(ROUND, &mut |pairs| team(THREADS, pairs, &|_| batch(pool)))
}
