//! The builder of lists.

use core::panic::Location;

use super::errors::{BuildError, Value};
use super::{LookasideList, Parameters, name};
use crate::list::processor::EngineKind;
use crate::list::{Topology, Tuning};
use crate::manage::Owner;
use crate::platform::Caller;
use crate::pool::{AllocateCallback, FreeCallback};
use crate::wdk::{ListFlags, PoolType, RawList, Status, Tag};

/// Describes a list before it is made. See [`Parameters`] for what each setting means.
///
/// ```
/// use lookaside_core::{LookasideList, Status, Tuning};
///
/// let list = LookasideList::builder(1500).alignment(64).maximum_depth(1024).tuning(Tuning::Manual).build()?;
/// assert_eq!(list.statistics().maximum_depth, 1024);
/// assert_eq!(LookasideList::builder(0).build().unwrap_err(), Status::INVALID_PARAMETER);
/// # Ok::<(), Status>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Builder<'a>(Parameters<'a>);

impl LookasideList {
    /// Makes a list of paged blocks of this many bytes, with defaults for the rest. Fails as [`Builder::build`] does.
    #[track_caller]
    pub fn new(size: usize) -> Result<LookasideList, BuildError> {
        Self::builder(size).build()
    }

    /// Starts to describe a list of blocks of this many bytes.
    #[must_use]
    pub fn builder(size: usize) -> Builder<'static> {
        Builder::new(size)
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(size: usize) -> Builder<'a> {
        Builder(Parameters::new(size))
    }

    /// Raises size and alignment to these, if they are less.
    pub(super) fn at_least(mut self, size: usize, alignment: usize) -> Self {
        self.0.size = self.0.size.max(size);
        self.0.alignment = self.0.alignment.max(alignment);
        self
    }

    /// Sets the alignment of blocks in bytes: a power of two up to 65,536. 16 if not set.
    #[must_use]
    pub fn alignment(mut self, bytes: usize) -> Self {
        self.0.alignment = bytes;
        self
    }

    /// Sets the name in reports, of which the first 32 bytes are kept. If not set, a list of values has the name of
    /// their type, and a list of blocks the file and the line where it is made.
    #[must_use]
    pub fn name(self, name: &str) -> Builder<'_> {
        Builder(Parameters { name, ..self.0 })
    }

    /// Sets the tag in reports.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.0.tag = tag;
        self
    }

    /// Sets the pool.
    #[must_use]
    pub fn pool_type(mut self, pool_type: PoolType) -> Self {
        self.0.pool_type = pool_type;
        self
    }

    /// Sets the most blocks that each processor list, and each division of the shared list, may keep: up to 16,384. 256
    /// if not set.
    #[must_use]
    pub fn maximum_depth(mut self, blocks: u16) -> Self {
        self.0.maximum_depth = blocks;
        self
    }

    /// Sets the first depth of each, up to the maximum. 4 if not set.
    #[must_use]
    pub fn initial_depth(mut self, blocks: u16) -> Self {
        self.0.initial_depth = blocks;
        self
    }

    /// Sets how many blocks move at once between a processor list and the shared list.
    #[must_use]
    pub fn batch(mut self, blocks: u16) -> Self {
        self.0.batch = blocks;
        self
    }

    /// Sets the divisions of the shared list, for groups of processors: see [`Parameters::divisions`].
    #[must_use]
    pub fn divisions(mut self, divisions: u16) -> Self {
        self.0.divisions = divisions;
        self
    }

    /// Sets when depths change.
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.0.tuning = tuning;
        self
    }

    /// Sets the lists in front of the pool.
    #[must_use]
    pub fn topology(mut self, topology: Topology) -> Self {
        self.0.topology = topology;
        self
    }

    /// Sets what the list does beside the ordinary.
    #[must_use]
    pub fn flags(mut self, flags: ListFlags) -> Self {
        self.0.flags = flags;
        self
    }

    /// Sets a general list that serves as the shared list of this one: see [`Parameters::shared`].
    ///
    /// # Safety
    /// The general list stays where it is, and is not deleted, while the list that is built exists.
    #[must_use]
    pub unsafe fn shared(mut self, list: &LookasideList) -> Self {
        self.0.shared = list.as_raw();
        self
    }

    /// Sets the engine, instead of the one chosen for this process.
    #[must_use]
    pub fn engine(mut self, engine: EngineKind) -> Self {
        self.0.engine = Some(engine);
        self
    }

    /// Sets the user's own routines.
    ///
    /// # Safety
    /// Both may be called from any thread at any time until the list is deleted and its last block freed, as their
    /// types say. The allocate routine returns null or a block of the list's size and alignment that no one else uses;
    /// the free routine takes what the allocate routine gave. If one of them is the default, the blocks are the paged
    /// pool's (`malloc`'s).
    #[must_use]
    pub unsafe fn callbacks(mut self, allocate: AllocateCallback, free: FreeCallback) -> Self {
        self.0.allocate = allocate;
        self.0.free = free;
        self
    }

    /// For lists that bring their own routines over the process heap: NOT_SUPPORTED if other blocks were asked for.
    pub(super) fn over_heap(self) -> Result<Self, BuildError> {
        const NO_POOL: u32 = PoolType::QUOTA_FAIL_INSTEAD_OF_RAISE | PoolType::RAISE_IF_ALLOCATION_FAILURE;
        let Parameters { pool_type, flags, shared, .. } = self.0;
        let pools = [ListFlags::SPECIAL_POOL, ListFlags::SPECIAL_POOL_START, ListFlags::PAGED_ARENAS];
        let refused = |parameter, value| {
            Err(BuildError::wrong(Status::NOT_SUPPORTED, parameter, value, "this list has blocks of the process heap"))
        };
        if pool_type.0 & !NO_POOL != PoolType::PAGED.0 {
            return refused("pool_type", Value::Bits(pool_type.0));
        }
        if pools.iter().any(|flag| flags.contains(*flag)) {
            return refused("flags", Value::Bits(flags.0));
        }
        if !shared.is_null() {
            return refused("shared", Value::List(shared));
        }
        Ok(self)
    }

    /// Makes the list.
    ///
    /// INVALID_PARAMETER (a setting without meaning), INTEGER_OVERFLOW (size), NOT_SUPPORTED (pool type, or engine),
    /// NO_MEMORY, INSUFFICIENT_RESOURCES (65,536 lists). The error prints which setting was wrong, and why.
    #[track_caller]
    pub fn build(self) -> Result<LookasideList, BuildError> {
        let name = name::of_place(Location::caller());
        let name = if self.0.name.is_empty() { name.as_str() } else { self.0.name };
        let parameters = Parameters { name, ..self.0 };
        let mut list = RawList::zeroed();
        // SAFETY: the object is ours; the callbacks were promised.
        let status = unsafe { RawList::initialize_at(&mut list, &parameters, None, Owner::Program, Caller::rust()) };
        match status.is_success() {
            true => Ok(LookasideList::from_raw(list, self.0.size)),
            false => Err(self.reason(status)),
        }
    }

    /// Returns why the parameters got this status.
    #[cold]
    fn reason(&self, status: Status) -> BuildError {
        let Parameters { shared, engine, .. } = self.0;
        match (self.0.check(), status, engine) {
            (Err(error), ..) => error,
            (Ok(_), Status::INVALID_PARAMETER, _) if !shared.is_null() => {
                let rule = "it must be a general list of the same size, alignment and pool type, and this one a pair";
                BuildError::wrong(status, "shared", Value::List(shared), rule)
            }
            (Ok(_), Status::NOT_SUPPORTED, Some(engine)) => {
                BuildError::wrong(status, "engine", Value::Engine(engine), "this process cannot have it")
            }
            _ => BuildError::of(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reaches_the_parameters() {
        let builder = Builder::new(100).alignment(32).name("name").tag(Tag(3)).pool_type(PoolType::NON_PAGED);
        let builder = builder.maximum_depth(500).initial_depth(6).batch(7).divisions(10);
        let builder = builder.tuning(Tuning::Windows).topology(Topology::Single).flags(ListFlags::VERIFY);
        let set = builder.engine(EngineKind::Heap).0;
        assert_eq!((set.size, set.alignment, set.name, set.tag), (100, 32, "name", Tag(3)));
        assert_eq!((set.maximum_depth, set.initial_depth, set.batch, set.divisions), (500, 6, 7, 10));
        assert_eq!((set.pool_type, set.tuning, set.topology), (PoolType::NON_PAGED, Tuning::Windows, Topology::Single));
        assert_eq!((set.flags, set.engine), (ListFlags::VERIFY, Some(EngineKind::Heap)));
    }
}
