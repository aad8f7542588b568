//! What a list is made from, and the check of it.

use core::ffi::c_void;

use super::errors::{BuildError, Value};
use crate::list::processor::EngineKind;
use crate::list::{Settings, Topology, Tuning};
use crate::manage;
use crate::pool::{AllocateCallback, Backing, FreeCallback, Request, Source};
use crate::wdk::{
    ALIGNMENT_LIMIT, CACHE_LINE, DEFAULT_ALIGNMENT, DEFAULT_MAXIMUM_DEPTH, ListFlags, MAXIMUM_DEPTH_LIMIT,
    MINIMUM_DEPTH, PoolType, RawList, SIZE_LIMIT, Status, Tag,
};

/// What a list is made from. [`Parameters::new`] has the defaults; 0 asks for one where it says so.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    /// Bytes of a block; not 0.
    pub size: usize,
    /// Alignment of a block in bytes, a power of two up to 65,536; 0 for 16, or for 64 if the pool type is
    /// cache-aligned.
    pub alignment: usize,
    /// A name for reports; the first 32 bytes are kept.
    pub name: &'a str,
    /// A tag for reports, and for the callbacks.
    pub tag: Tag,
    /// The pool, which serves where a callback is the default.
    pub pool_type: PoolType,
    /// The most blocks that each processor list, and each division of the shared list, may keep, up to 16,384; 0 for
    /// 256.
    pub maximum_depth: u16,
    /// The first depth of each, up to the maximum; 0 for 4.
    pub initial_depth: u16,
    /// Blocks that move at once between a processor list and the shared list; 0 for half of the processor list's
    /// depth, 1 for Windows' block by block. At most 63 move at once, and never more than the depth.
    pub batch: u16,
    /// Divisions of the shared list, each for a group of processors and as deep as the maximum says; 0 for one for each
    /// 8 possible processors, or with `Tuning::Windows` or a `batch` of 1 for one, as in Windows. At most 4, or one for
    /// each 8 possible processors if that is more; what is above that counts as that. Lists that are no pairs, or share
    /// another list, have one.
    pub divisions: u16,
    /// When depths change.
    pub tuning: Tuning,
    /// The lists in front of the pool.
    pub topology: Topology,
    /// What the list does beside the ordinary.
    pub flags: ListFlags,
    /// A general list that serves as the shared list of this one, so that several lists may share it; null for one of
    /// its own. It must have blocks of the same size, alignment and pool type; its routines are called, never this
    /// list's. It is a pair's alone, must not move, and cannot be deleted before this list. A block may be freed to any
    /// of the pairs that share it; so none of them knows whether its blocks are out, and delete does not report it.
    pub shared: *const RawList,
    /// The engine; `None` for the one chosen for this process. For tests and measurements.
    pub engine: Option<EngineKind>,
    /// The routine that gives blocks.
    pub allocate: AllocateCallback,
    /// The routine that takes blocks back.
    pub free: FreeCallback,
    /// The caller's own, which [`RawList::context`] gives back.
    pub context: *mut c_void,
}

impl Parameters<'_> {
    /// Describes paged blocks of this size, with defaults for the rest.
    #[must_use]
    pub const fn new(size: usize) -> Self {
        Parameters {
            size,
            alignment: 0,
            name: "",
            tag: Tag(0),
            pool_type: PoolType::PAGED,
            maximum_depth: 0,
            initial_depth: 0,
            batch: 0,
            divisions: 0,
            tuning: Tuning::Default,
            topology: Topology::Pair,
            flags: ListFlags(0),
            shared: core::ptr::null(),
            engine: None,
            allocate: AllocateCallback::Default,
            free: FreeCallback::Default,
            context: core::ptr::null_mut(),
        }
    }
}

impl Parameters<'_> {
    /// Checks everything, in the order of the fields, and fills in the defaults. A list to share is left to
    /// [`RawList::initialize`], which may read it.
    pub(super) fn check(&self) -> Result<Settings, BuildError> {
        let invalid =
            |parameter, value, rule| Err(BuildError::wrong(Status::INVALID_PARAMETER, parameter, value, rule));
        if self.size == 0 {
            return invalid("size", Value::Number(0), "a block has one byte or more");
        }
        if self.size > SIZE_LIMIT {
            let rule = "no block is larger than half of the address space";
            return Err(BuildError::wrong(Status::INTEGER_OVERFLOW, "size", Value::Number(self.size as u64), rule));
        }
        let alignment = match self.alignment {
            0 if self.pool_type.is_cache_aligned() => CACHE_LINE,
            0 => DEFAULT_ALIGNMENT,
            asked => asked,
        };
        if !alignment.is_power_of_two() || alignment > ALIGNMENT_LIMIT {
            return invalid("alignment", Value::Number(alignment as u64), "it must be a power of two, at most 65536");
        }
        if !self.pool_type.is_known() {
            return invalid("pool_type", Value::Bits(self.pool_type.0), "there is no such pool");
        }
        if !self.flags.is_known() {
            return invalid(
                "flags",
                Value::Bits(self.flags.0),
                "some of these bits have no meaning, or exclude each other",
            );
        }
        // Blocks that another process takes and frees cannot be followed.
        if self.flags.contains(ListFlags::VERIFY) && self.pool_type.is_session() {
            let rule = "a list of the session pool cannot be verified";
            return Err(BuildError::wrong(Status::NOT_SUPPORTED, "flags", Value::Bits(self.flags.0), rule));
        }
        let maximum_depth = if self.maximum_depth == 0 { DEFAULT_MAXIMUM_DEPTH } else { self.maximum_depth };
        let initial_depth = if self.initial_depth == 0 { MINIMUM_DEPTH.min(maximum_depth) } else { self.initial_depth };
        if maximum_depth > MAXIMUM_DEPTH_LIMIT {
            return invalid("maximum_depth", Value::Number(maximum_depth.into()), "it must be at most 16384");
        }
        if initial_depth > maximum_depth {
            return invalid(
                "initial_depth",
                Value::Number(initial_depth.into()),
                "it must be at most the maximum depth",
            );
        }
        Ok(Settings {
            engine: self.engine.unwrap_or_else(manage::engine),
            tuning: self.tuning,
            topology: self.topology,
            cached: self.flags.is_cached(),
            verified: self.flags.contains(ListFlags::VERIFY),
            charged: true,
            maximum_depth: maximum_depth.into(),
            initial_depth: initial_depth.into(),
            batch: self.batch.into(),
            divisions: self.divisions.into(),
            request: Request { size: self.size, alignment, pool_type: self.pool_type, tag: self.tag },
            slabs: false,
            backing: Backing {
                allocate: self.allocate,
                free: self.free,
                source: Source::of(self.pool_type, self.flags),
            },
            lower: None,
            parts: Settings::NO_PARTS,
            trip_limit: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_reaches_the_settings() {
        let parameters = Parameters {
            alignment: 32,
            tag: Tag(3),
            pool_type: PoolType::NON_PAGED,
            maximum_depth: 500,
            initial_depth: 6,
            batch: 7,
            divisions: 10,
            tuning: Tuning::Windows,
            topology: Topology::Single,
            flags: ListFlags::VERIFY | ListFlags::BEST_EFFORT_LOCK,
            engine: Some(EngineKind::Heap),
            ..Parameters::new(100)
        };
        let Settings { request, backing, lower, .. } = parameters.check().unwrap();
        assert_eq!((request.size, request.alignment, request.tag), (100, 32, Tag(3)));
        assert_eq!((request.pool_type, backing.source), (PoolType::NON_PAGED, Source::NonPaged { best_effort: true }));
        assert!(!backing.calls_back() && lower.is_none());
        let settings = parameters.check().unwrap();
        assert_eq!((settings.maximum_depth, settings.initial_depth), (500, 6));
        assert_eq!((settings.batch, settings.divisions), (7, 10));
        assert_eq!((settings.tuning, settings.topology), (Tuning::Windows, Topology::Single));
        assert_eq!((settings.engine, settings.verified, settings.cached), (EngineKind::Heap, true, false));
    }
}
