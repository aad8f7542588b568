//! The process's own lists by size, which all parts of a program share.
//!
//! What is allocated in one part of a program and freed in another, such as a node of a container whose code both have,
//! has to meet the same list in both. So these are the library's, made at the first request for each, and never deleted:
//! no destructor can come too late for them.

use core::ptr;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{AcqRel, Acquire};

use super::classes::{CLASSES, MAXIMUM_BYTES, Sizes, class_of};
use crate::face::{Name, Parameters};
use crate::manage::Owner;
use crate::platform::{self, Caller};
use crate::wdk::{DEFAULT_ALIGNMENT, MAXIMUM_DEPTH_LIMIT, RawList, Tag};

/// By class. An object is of the process heap, and stays there for ever.
static LISTS: [AtomicPtr<RawList>; CLASSES] = [const { AtomicPtr::new(ptr::null_mut()) }; CLASSES];

/// Returns the list that the whole process shares for paged blocks of at least this size and alignment; `None` where
/// there is none: above 32 KiB or an alignment of 4,096, for an alignment that is no power of two (0 is 16), and when
/// there is no memory for the list.
///
/// There is one for each 16 bytes of size up to 1,024, and four for each doubling above. It is never deleted, which the
/// verifier does not report, and [`RawList::delete`] may not be called for it. Reports name it by its size, with the tag
/// `Size`. Any number of threads at once. O(1); the first call for a size makes the list.
///
/// ```
/// use lookaside_core::{RawList, process_list};
///
/// let list = process_list(40, 8).expect("there is memory for a list");
/// assert!(std::ptr::eq(list, process_list(48, 16).unwrap()), "both have blocks of 48 bytes");
/// // SAFETY: the list lives for ever, and the block is given back once.
/// unsafe {
///     let block = RawList::allocate(list);
///     assert!(!block.is_null());
///     RawList::free(list, block);
/// }
/// ```
#[must_use]
pub fn process_list(size: usize, alignment: usize) -> Option<&'static RawList> {
    let alignment = if alignment == 0 { DEFAULT_ALIGNMENT } else { alignment };
    if !alignment.is_power_of_two() {
        return None;
    }
    let class = class_of(size.max(1), alignment)?;
    // Acquire pairs with the AcqRel in make.
    let list = LISTS[class].load(Acquire);
    // SAFETY: what is there was made before, and stays for ever.
    if list.is_null() { make(class) } else { Some(unsafe { &*list }) }
}

/// Makes the list of a class. Of several threads that do so at once, one has its list taken; so none waits, and the
/// child of a fork finds a list or none.
#[cold]
fn make(class: usize) -> Option<&'static RawList> {
    platform::own_value(&LISTS[class]);
    let list = platform::heap_allocate(size_of::<RawList>(), align_of::<RawList>()).cast::<RawList>();
    if list.is_null() {
        return None;
    }
    let (size, alignment) = Sizes::Program.block(class);
    let name = Name::of(format_args!("process {size}"));
    let parameters = Parameters {
        alignment,
        name: name.as_str(),
        tag: Tag::new(*b"Size"),
        maximum_depth: u16::try_from(MAXIMUM_BYTES / size).unwrap_or(u16::MAX).min(MAXIMUM_DEPTH_LIMIT),
        ..Parameters::new(size)
    };
    // SAFETY: the object is new, and no one else's until it is in LISTS; it is freed where it stays out.
    unsafe {
        list.write(RawList::zeroed());
        if !RawList::initialize_at(list, &parameters, None, Owner::Program, Caller::Unknown).is_success() {
            platform::heap_free(list.cast());
            return None;
        }
        // A program whose inlined code is of another version finds 0 where it looks, and calls.
        RawList::allow_inlined(list);
        // AcqRel: a thread that sees the list, here too, sees what it is made of.
        match LISTS[class].compare_exchange(ptr::null_mut(), list, AcqRel, Acquire) {
            Ok(_) => Some(&*list),
            Err(first) => {
                RawList::delete_for_ever(list);
                platform::heap_free(list.cast());
                Some(&*first)
            }
        }
    }
}
