//! What a list is made with, and what is known of it without a look at its blocks.

use core::sync::atomic::AtomicU8;

use super::list::List;
use super::processor::EngineKind;
use super::tuner::Tuning;
use crate::pool::{Backing, Request};
use crate::wdk::{Parts, RawList};

/// What stands in front of the pool.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A processor list for every processor in front of one shared list.
    #[default]
    Pair = 0,
    /// One list that all processors share, as a driver's list is in Windows.
    General = 1,
    /// A processor list for every processor, and the pool right behind: the small-pool lists of newer kernels.
    Single = 2,
}

/// What never changes in a list's life.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The processor lists' parts; its `processors` is 0 for a general list.
    pub parts: Parts,
    /// The engine that serves them.
    pub engine: EngineKind,
    /// When depths change.
    pub tuning: Tuning,
    /// Whether it was made without processor lists.
    pub general: bool,
    /// Whether it keeps blocks: else depths stay 0, and every call reaches the pool, as over the engine `Heap`.
    pub cached: bool,
    /// Whether each call is the verifier's.
    pub verified: bool,
    /// Whether the usage by tag counts its blocks.
    pub charged: bool,
    /// The most blocks that each division of L may hold.
    pub shared_maximum: u32,
    /// The most blocks that each P may hold.
    pub maximum_depth: u32,
    /// The first depth of each.
    pub initial_depth: u32,
    /// Blocks that move at once between P and L; 0 for half of P's depth.
    pub batch: u32,
    /// The most blocks that go to the pool, or come from there, on one trip.
    pub trip_limit: usize,
    /// What the pool is asked for.
    pub request: Request,
    /// The pool.
    pub backing: Backing,
    /// The general list that is this pair's L and pool; `None` for its own.
    pub lower: Option<Lower>,
    /// Where the list says that scans have to visit it: the bits of [`activity`].
    pub activity: &'static AtomicU8,
    /// What a call does after each routine of the user's, which may have made this process: in the child of a fork, locks
    /// of threads that do not exist may be held.
    pub repair_child: fn(),
}

/// What is known of a list without a look at it: a byte for each, so that thousands of lists at rest cost a scan or a
/// fork nothing.
pub mod activity {
    /// It may have something to tune or to give back, so a scan visits it.
    pub const ACTIVE: u8 = 1;
    /// It was used, so its hits are folded now and then (theory §4.4).
    pub const USED: u8 = 2;
    /// The child of a fork has to see to it at once, since its pool is the parent's too.
    pub const SHARED_POOL: u8 = 4;
}

/// A general list that several pairs share as their L.
#[derive(Clone, Copy, Debug)]
pub struct Lower {
    /// It outlives the pairs that share it, since it cannot be deleted before them.
    pub list: &'static List,
    /// Its object, for callbacks that are told their list.
    pub object: *mut RawList,
}
