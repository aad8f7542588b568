//! Lists for statics, made at their first use.

use core::fmt;
use core::ops::Deref;
use std::sync::OnceLock;

use super::{AllocateError, BuildError, Builder, Lookaside, LookasideBox};

/// A list that is made when it is first used, for a static: its boxes have the lifetime `'static`, so they may be stored
/// in any structure, returned, and sent to other threads. A static list is never deleted.
///
/// ```
/// use lookaside_core::{LazyLookaside, LookasideBox, Tag};
///
/// struct Header { length: u32 }
///
/// static HEADERS: LazyLookaside<Header> = LazyLookaside::new();
/// static BODIES: LazyLookaside<[u8; 512]> = LazyLookaside::build(|list| list.name("bodies").tag(Tag::new(*b"Body")));
///
/// struct Message { header: LookasideBox<'static, Header>, body: LookasideBox<'static, [u8; 512]> }
///
/// let message = Message { header: HEADERS.allocate(Header { length: 8 })?, body: BODIES.allocate([0; 512])? };
/// assert_eq!((message.header.length, message.body.len()), (8, 512));
/// assert_eq!(HEADERS.list().statistics().outstanding, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It dereferences to its [`Lookaside`]; the calls that it has itself do not panic when the list cannot be made. Each use
/// costs a load and a test more than a list that is there.
pub struct LazyLookaside<T> {
    list: OnceLock<Lookaside<T>>,
    describe: fn(Builder<'static>) -> Builder<'static>,
}

impl<T> LazyLookaside<T> {
    /// Describes a list with defaults. Nothing is made before the first use.
    #[must_use]
    pub const fn new() -> LazyLookaside<T> {
        Self::build(|builder| builder)
    }

    /// Describes a list with the settings that `describe` makes, as [`Lookaside::build`] takes them.
    #[must_use]
    pub const fn build(describe: fn(Builder<'static>) -> Builder<'static>) -> LazyLookaside<T> {
        LazyLookaside { list: OnceLock::new(), describe }
    }

    /// Returns the list, made now if this is its first use. Fails as [`Builder::build`]; a later call tries again.
    #[inline]
    pub fn get(&self) -> Result<&Lookaside<T>, BuildError> {
        match self.list.get() {
            Some(list) => Ok(list),
            None => self.make(),
        }
    }

    /// Of several threads that come first together each makes a list, and all but one are dropped.
    #[cold]
    fn make(&self) -> Result<&Lookaside<T>, BuildError> {
        let made = Lookaside::build(self.describe)?;
        Ok(self.list.get_or_init(|| made))
    }

    /// Puts a value into a block; the error carries it back when the pool has none, or the list cannot be made. See
    /// [`Lookaside::allocate`].
    #[inline]
    #[track_caller]
    pub fn allocate(&self, value: T) -> Result<LookasideBox<'_, T>, AllocateError<T>> {
        match self.get() {
            Ok(list) => list.allocate(value),
            Err(_) => Err(AllocateError(value)),
        }
    }

    /// Makes a value in a block; `None`, and no value, when the pool has none, or the list cannot be made. See
    /// [`Lookaside::allocate_with`].
    #[inline]
    pub fn allocate_with(&self, make: impl FnOnce() -> T) -> Option<LookasideBox<'_, T>> {
        self.get().ok()?.allocate_with(make)
    }
}

impl<T> Default for LazyLookaside<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// # Panics
/// When the list cannot be made.
impl<T> Deref for LazyLookaside<T> {
    type Target = Lookaside<T>;

    #[inline]
    fn deref(&self) -> &Lookaside<T> {
        self.get().unwrap_or_else(|error| panic!("a static list cannot be made: {error}"))
    }
}

impl<T> fmt::Debug for LazyLookaside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LazyLookaside").field(&self.list.get()).finish()
    }
}
