//! What a box has of its value, as the standard library's box does: it shows, compares, hashes, iterates, is polled,
//! reads and writes as the value, so that it can be used in its place.

/// Implements it for a type that dereferences to `T`: `like_its_value!(LookasideBox<'_, T>, ?Sized)`.
macro_rules! like_its_value {
    ($type:ty $(, ?$sized:ident)?) => {
        impl<T $(: ?$sized)?> AsRef<T> for $type {
            fn as_ref(&self) -> &T {
                self
            }
        }

        impl<T $(: ?$sized)?> AsMut<T> for $type {
            fn as_mut(&mut self) -> &mut T {
                self
            }
        }

        impl<T $(: ?$sized)?> core::borrow::Borrow<T> for $type {
            fn borrow(&self) -> &T {
                self
            }
        }

        impl<T $(: ?$sized)?> core::borrow::BorrowMut<T> for $type {
            fn borrow_mut(&mut self) -> &mut T {
                self
            }
        }

        impl<T: core::fmt::Debug $(+ ?$sized)?> core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: core::fmt::Display $(+ ?$sized)?> core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                (**self).fmt(f)
            }
        }

        /// Shows where the value is.
        impl<T $(: ?$sized)?> core::fmt::Pointer for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Pointer::fmt(&(&raw const **self), f)
            }
        }

        impl<T: PartialEq $(+ ?$sized)?> PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                **self == **other
            }
        }

        impl<T: Eq $(+ ?$sized)?> Eq for $type {}

        impl<T: PartialOrd $(+ ?$sized)?> PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                (**self).partial_cmp(&**other)
            }
        }

        impl<T: Ord $(+ ?$sized)?> Ord for $type {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                (**self).cmp(&**other)
            }
        }

        impl<T: core::hash::Hash $(+ ?$sized)?> core::hash::Hash for $type {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }

        impl<T: Iterator $(+ ?$sized)?> Iterator for $type {
            type Item = T::Item;

            fn next(&mut self) -> Option<T::Item> {
                (**self).next()
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (**self).size_hint()
            }

            fn nth(&mut self, n: usize) -> Option<T::Item> {
                (**self).nth(n)
            }
        }

        impl<T: DoubleEndedIterator $(+ ?$sized)?> DoubleEndedIterator for $type {
            fn next_back(&mut self) -> Option<T::Item> {
                (**self).next_back()
            }

            fn nth_back(&mut self, n: usize) -> Option<T::Item> {
                (**self).nth_back(n)
            }
        }

        impl<T: ExactSizeIterator $(+ ?$sized)?> ExactSizeIterator for $type {
            fn len(&self) -> usize {
                (**self).len()
            }
        }

        impl<T: core::iter::FusedIterator $(+ ?$sized)?> core::iter::FusedIterator for $type {}

        impl<T: core::future::Future + Unpin $(+ ?$sized)?> core::future::Future for $type {
            type Output = T::Output;

            fn poll(
                self: core::pin::Pin<&mut Self>,
                context: &mut core::task::Context<'_>,
            ) -> core::task::Poll<T::Output> {
                core::pin::Pin::new(&mut **self.get_mut()).poll(context)
            }
        }

        impl<T: core::error::Error $(+ ?$sized)?> core::error::Error for $type {
            fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
                (**self).source()
            }
        }

        #[cfg(feature = "std")]
        impl<T: std::io::Read $(+ ?$sized)?> std::io::Read for $type {
            fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
                (**self).read(bytes)
            }

            fn read_vectored(&mut self, slices: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                (**self).read_vectored(slices)
            }

            fn read_to_end(&mut self, bytes: &mut std::vec::Vec<u8>) -> std::io::Result<usize> {
                (**self).read_to_end(bytes)
            }

            fn read_to_string(&mut self, text: &mut std::string::String) -> std::io::Result<usize> {
                (**self).read_to_string(text)
            }

            fn read_exact(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
                (**self).read_exact(bytes)
            }
        }

        #[cfg(feature = "std")]
        impl<T: std::io::BufRead $(+ ?$sized)?> std::io::BufRead for $type {
            fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
                (**self).fill_buf()
            }

            fn consume(&mut self, bytes: usize) {
                (**self).consume(bytes);
            }
        }

        #[cfg(feature = "std")]
        impl<T: std::io::Seek $(+ ?$sized)?> std::io::Seek for $type {
            fn seek(&mut self, position: std::io::SeekFrom) -> std::io::Result<u64> {
                (**self).seek(position)
            }
        }

        #[cfg(feature = "std")]
        impl<T: std::io::Write $(+ ?$sized)?> std::io::Write for $type {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                (**self).write(bytes)
            }

            fn write_vectored(&mut self, slices: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                (**self).write_vectored(slices)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                (**self).flush()
            }

            fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
                (**self).write_all(bytes)
            }
        }

        #[cfg(feature = "serde")]
        impl<T: serde_core::Serialize $(+ ?$sized)?> serde_core::Serialize for $type {
            fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                (**self).serialize(serializer)
            }
        }
    };
}

pub(super) use like_its_value;
