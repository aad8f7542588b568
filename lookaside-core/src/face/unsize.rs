//! Boxes of `dyn Trait`, made of boxes of a type that has the trait.

use core::ptr::NonNull;

#[cfg(feature = "std")]
use super::OwnedBox;
use super::{LookasideBox, LookasideList};
#[cfg(feature = "std")]
use std::sync::Arc;

/// Makes a [`LookasideBox`] or an [`OwnedBox`](crate::OwnedBox) of a `dyn Trait` (or of a slice) of a box of a type that has
/// the trait, as the standard library's `Box` becomes one by itself, which is for its own boxes alone on stable Rust.
/// Costs nothing but the third word.
///
/// ```
/// use lookaside_core::{Lookaside, LookasideBox, unsize};
///
/// trait Shape { fn area(&self) -> u32; }
/// struct Square(u32);
/// struct Field(u32, u32);
/// impl Shape for Square { fn area(&self) -> u32 { self.0 * self.0 } }
/// impl Shape for Field { fn area(&self) -> u32 { self.0 * self.1 } }
///
/// let (squares, fields) = (Lookaside::new()?, Lookaside::new()?);
/// let shapes: Vec<LookasideBox<dyn Shape>> =
///     vec![unsize!(squares.allocate(Square(3))?, dyn Shape), unsize!(fields.allocate(Field(2, 5))?, dyn Shape)];
/// assert_eq!(shapes.iter().map(|shape| shape.area()).sum::<u32>(), 19);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! unsize {
    ($boxed:expr, $unsized:ty $(,)?) => {{
        let (place, home) = $crate::unsizing::taken_apart($boxed);
        // Coerced, not cast: it is the same value.
        let place: ::core::ptr::NonNull<$unsized> = place;
        // SAFETY: the place is that of the box that was taken apart.
        unsafe { $crate::unsizing::Home::boxed(home, place) }
    }};
}

/// Takes a box apart, for [`unsize!`](crate::unsize).
pub fn taken_apart<B: Unsizing>(boxed: B) -> (NonNull<B::Value>, Home<B>) {
    let (place, list) = boxed.into_parts();
    (place, Home(list))
}

/// The list of a box that was taken apart.
pub struct Home<B: Unsizing>(B::List);

impl<B: Unsizing> Home<B> {
    /// Makes a box again.
    ///
    /// # Safety
    /// It is the place that came with this, perhaps unsized.
    pub unsafe fn boxed<U: ?Sized>(self, place: NonNull<U>) -> B::Of<U> {
        // SAFETY: the caller's promise.
        unsafe { B::from_parts(place, self.0) }
    }
}

/// The boxes that can be unsized.
pub trait Unsizing: Sealed {
    /// What is in the box.
    type Value: ?Sized;
    /// How the box holds its list.
    type List;
    /// The same box of another value.
    type Of<U: ?Sized>;

    /// Takes the box apart.
    fn into_parts(self) -> (NonNull<Self::Value>, Self::List);

    /// Makes a box again.
    ///
    /// # Safety
    /// Both came from `into_parts`, the place perhaps unsized.
    unsafe fn from_parts<U: ?Sized>(place: NonNull<U>, list: Self::List) -> Self::Of<U>;
}

/// Only the boxes of this library have it.
pub trait Sealed {}

impl<T: ?Sized> Sealed for LookasideBox<'_, T> {}

impl<'a, T: ?Sized> Unsizing for LookasideBox<'a, T> {
    type Value = T;
    type List = &'a LookasideList;
    type Of<U: ?Sized> = LookasideBox<'a, U>;

    fn into_parts(self) -> (NonNull<T>, &'a LookasideList) {
        let list = self.home();
        (self.into_raw(), list)
    }

    unsafe fn from_parts<U: ?Sized>(place: NonNull<U>, list: &'a LookasideList) -> LookasideBox<'a, U> {
        // SAFETY: the block of this list, and the value in it, were those of a box that was taken apart.
        unsafe { LookasideBox::of(place, list) }
    }
}

#[cfg(feature = "std")]
impl<T: ?Sized> Sealed for OwnedBox<T> {}

#[cfg(feature = "std")]
impl<T: ?Sized> Unsizing for OwnedBox<T> {
    type Value = T;
    type List = Arc<LookasideList>;
    type Of<U: ?Sized> = OwnedBox<U>;

    fn into_parts(self) -> (NonNull<T>, Arc<LookasideList>) {
        OwnedBox::into_parts(self)
    }

    unsafe fn from_parts<U: ?Sized>(place: NonNull<U>, list: Arc<LookasideList>) -> OwnedBox<U> {
        OwnedBox::from_parts(place, list)
    }
}
