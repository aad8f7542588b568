//! The tagged interface: blocks that remember their tag and size, so that a free which names another tag or size, comes
//! twice or brings a foreign block is reported.
//!
//! ```text
//! from a list:            [ word | check ] block
//! whole pages:            block, and beside its slab: word | check
//! from the general pool:  [ ... | size | its check | word | check ] block        aligned to 16, 64, 4,096 or as asked
//!                           word: tag 32 | size 10 | pool type 10 | entry of the usage by tag 11 | from the general pool 1
//!                                 whole pages: tag 32 | size 20 | entry 11 | 0
//!                                 the general pool: in the place of the size the alignment's exponent
//! ```
//! In the place of the general pool, lists of the process serve paged blocks of up to a page with these headers: which
//! list follows from the request, so the words do not say it.
//!
//! The check is keyed by the pool and by the address. When a block is freed the check is inverted: until its memory is
//! used again, another free finds that.

use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::classes::{HEADER, PAGE};
use super::kind::Kind;
use super::raw::{Numbers, RawSmallPool, key_of};
use super::{general, middle, pages};
use crate::manage::{TagEntry, verifier};
use crate::platform::{Caller, Violation};
use crate::pool::slab::{self, Beside};
use crate::pool::{Request, Source};
use crate::wdk::{ALIGNMENT_LIMIT, BugCheck, CACHE_LINE, ListFlags, PoolType, SIZE_LIMIT, Tag};

const SIZE_BITS: u32 = 10;
const TYPE_BITS: u32 = 10;
const ENTRY_BITS: u32 = 11;
const SIZE_SHIFT: u32 = 32;
const TYPE_SHIFT: u32 = SIZE_SHIFT + SIZE_BITS;
const ENTRY_SHIFT: u32 = TYPE_SHIFT + TYPE_BITS;
/// Set where the general pool gave the block, and its size is before the header.
const GENERAL: u64 = 1 << (ENTRY_SHIFT + ENTRY_BITS);
/// Of whole pages, which are all of one pool type.
const PAGES_SIZE_BITS: u32 = SIZE_BITS + TYPE_BITS;

const _: () = assert!(GENERAL == 1 << 63);

const fn field(word: u64, shift: u32, bits: u32) -> usize {
    (word >> shift) as usize & ((1 << bits) - 1)
}

/// The two words of a block, before it or beside its slab. Atomic, so that two threads that free one block at once are no data race; Relaxed, since a
/// block passes from thread to thread by means of the program.
#[repr(C)]
struct Words {
    word: AtomicU64,
    check: AtomicU64,
}

const _: () = assert!(size_of::<Words>() == HEADER && size_of::<Words>() == size_of::<Beside>());

impl Words {
    /// Returns the words that end this many headers before the block.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn before<'a>(block: *mut u8, headers: usize) -> &'a Words {
        // SAFETY: the words may be read; blocks are aligned to a header's size.
        unsafe { &*block.wrapping_sub(headers * HEADER).cast() }
    }

    #[inline]
    fn of_pages(beside: &Beside) -> &Words {
        // SAFETY: both are two atomic words.
        unsafe { &*beside.as_ptr().cast() }
    }

    #[inline]
    fn check_of(&self, key: u64, word: u64) -> u64 {
        // The key is odd: for one place, each word has another check.
        let mixed = (core::ptr::from_ref(self).addr() as u64 ^ word.rotate_left(29)).wrapping_mul(key);
        mixed ^ mixed >> 32 ^ key
    }

    #[inline]
    fn set(&self, key: u64, word: u64) {
        self.word.store(word, Relaxed);
        self.check.store(self.check_of(key, word), Relaxed);
    }

    /// Returns the word and its check; or `None`, after the violation was reported, where the check is wrong.
    #[inline]
    fn read(&self, key: u64, block: *mut u8) -> Option<(u64, u64)> {
        let word = self.word.load(Relaxed);
        let (check, expected) = (self.check.load(Relaxed), self.check_of(key, word));
        if check != expected {
            report_bad_check(block, word, check == !expected);
            return None;
        }
        Some((word, check))
    }
}

/// Where a block came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    List,
    Pages,
    General,
}

/// What is known of a live block.
pub(super) struct Label<'a> {
    words: &'a Words,
    word: u64,
    check: u64,
    pub size: usize,
    pub origin: Origin,
}

impl Label<'_> {
    pub fn tag(&self) -> Tag {
        Tag(self.word as u32)
    }

    pub fn pool_type(&self) -> PoolType {
        match self.origin {
            Origin::Pages => PoolType::PAGED,
            _ => PoolType(field(self.word, TYPE_SHIFT, TYPE_BITS) as u32),
        }
    }

    fn entry(&self) -> TagEntry {
        TagEntry::from_number(field(self.word, ENTRY_SHIFT, ENTRY_BITS))
    }

    /// Gives the block another size, for which it has room.
    pub fn resize(&self, key: u64, bytes: usize) {
        let bits = match self.origin {
            Origin::List => SIZE_BITS,
            Origin::Pages => PAGES_SIZE_BITS,
            // It is not given another size in place.
            Origin::General => return,
        };
        if self.origin == Origin::Pages {
            // Blocks of lists are charged by the list's size.
            self.entry().charge_exactly(0, bytes as u64);
            self.entry().release_exactly(0, self.size as u64);
        }
        let mask = ((1 << bits) - 1) << SIZE_SHIFT;
        self.words.set(key, self.word & !mask | (bytes as u64) << SIZE_SHIFT);
    }

    fn of(tag: Tag, pool_type: PoolType, entry: TagEntry) -> u64 {
        u64::from(pool_type.0) << TYPE_SHIFT | Label::of_pages(tag, entry)
    }

    #[inline(always)]
    fn of_listed(tag: Tag, pool_type: PoolType, entry: TagEntry, bytes: usize) -> u64 {
        Label::of(tag, pool_type, entry) | (bytes.max(1) as u64) << SIZE_SHIFT
    }

    fn of_pages(tag: Tag, entry: TagEntry) -> u64 {
        u64::from(tag.0) | (entry.number() as u64) << ENTRY_SHIFT
    }
}

/// Writes the words of a list's block. Returns the block.
///
/// # Safety
/// The memory has room for a header and the block, and is the caller's.
#[inline(always)]
unsafe fn set_label(start: *mut u8, key: u64, word: u64) -> *mut u8 {
    let block = start.wrapping_add(HEADER);
    // SAFETY: the memory has room for the header and the block.
    unsafe { Words::before(block, 1) }.set(key, word);
    block
}

/// The kind of a block from a list by its word.
#[inline(always)]
fn kind_of(word: u64) -> Kind {
    Kind::of_listed(PoolType(field(word, TYPE_SHIFT, TYPE_BITS) as u32))
}

/// The place of a block from the general pool behind the memory's start, and what that memory was asked for with.
/// `None` where there is no such size.
fn general_request(pool_type: PoolType, bytes: usize, alignment: usize, tag: Tag) -> Option<(usize, Request)> {
    let place = alignment.max(2 * HEADER);
    let size = bytes.checked_add(place).filter(|size| *size <= SIZE_LIMIT)?;
    Some((place, Request { size, alignment, pool_type, tag }))
}

/// How a block is aligned at least.
fn natural_alignment(pool_type: PoolType, bytes: usize) -> usize {
    match bytes {
        PAGE.. => PAGE,
        _ if pool_type.is_cache_aligned() => CACHE_LINE,
        _ => HEADER,
    }
}

fn report(bug_check: BugCheck, block: *mut u8, tag: Tag, message: fmt::Arguments<'_>) {
    Violation { block: block.addr(), tag, ..Violation::new(bug_check) }.report(message);
}

impl RawSmallPool {
    /// Allocates a block of at least this many bytes under a tag; returns it, or null: as `ExAllocatePoolWithTag`.
    ///
    /// No bytes count as one. A request that with the kernel's header is no larger than the largest block of the
    /// tables, so up to 248 or 496 bytes, comes from its list; larger ones, session pools and cache-aligned types come
    /// from the general pool. The block is aligned as the generation's are (8 or 16 bytes), to 64 bytes for
    /// cache-aligned types, and to 4,096 from 4,096 bytes on. Paged memory beyond the tables, from 481 to 4,064 bytes, comes from lists of the
    /// process, and takes 32 bytes and up to a fourth more; that of 4,096 to 32,768 bytes is whole pages, and takes at most
    /// a 64th more. A pool type with unknown bits gets null. The bits for raising have no effect. O(1) unless the general
    /// pool is asked.
    ///
    /// # Safety
    /// As for [`RawSmallPool::allocate`].
    #[inline]
    #[must_use]
    pub unsafe fn allocate_tagged(pool: *const RawSmallPool, pool_type: PoolType, bytes: usize, tag: Tag) -> *mut u8 {
        // SAFETY: the object was initialised, as the caller promises.
        let pool = unsafe { &*pool };
        pool.allocate_labelled(pool.numbers, pool_type, bytes, tag)
    }

    /// [`RawSmallPool::allocate_tagged`], with the numbers of the pool. What the fast path leaves goes on elsewhere, and
    /// does not come back: so it needs no frame.
    #[inline(always)]
    pub(super) fn allocate_labelled(&self, numbers: Numbers, pool_type: PoolType, bytes: usize, tag: Tag) -> *mut u8 {
        let Some((list, size)) = numbers.tagged_list_of(bytes).filter(|_| !verifier::is_known_program_wide()) else {
            return self.allocate_carefully(pool_type, bytes, tag);
        };
        let Some(kind) = Kind::of(pool_type) else {
            return self.allocate_carefully(pool_type, bytes, tag);
        };
        // SAFETY: the list exists.
        let start = unsafe { self.lists(kind).allocate_at_hand(list) };
        if start.is_null() {
            return self.allocate_missed((kind, list), pool_type, bytes, tag);
        }
        let Some(entry) = TagEntry::at_hand(tag, pool_type.is_paged()) else {
            return self.charge(start, size, pool_type, bytes, tag);
        };
        let word = Label::of_listed(tag, pool_type, entry, bytes);
        if !entry.charge_at_hand(size) {
            return self.charge_and_label(start, size, word);
        }
        // Relaxed: the number alone matters. The thread that made the list drew it before, in `allocate_missed`.
        // SAFETY: the memory is of a list's block.
        unsafe { set_label(start, self.key.load(Relaxed), word) }
    }

    /// An allocate that the fast path leaves: of any size, and with every check.
    #[cold]
    #[inline(never)]
    fn allocate_carefully(&self, pool_type: PoolType, bytes: usize, tag: Tag) -> *mut u8 {
        let (Some(kind), Some((list, _))) = (Kind::of(pool_type), self.numbers.tagged_list_of(bytes)) else {
            return self.allocate_large(pool_type, bytes.max(1), HEADER, tag);
        };
        if verifier::is_known_program_wide() && verifier::refuses(tag) {
            return core::ptr::null_mut();
        }
        self.allocate_missed((kind, list), pool_type, bytes, tag)
    }

    /// An allocate for which the list has no block at hand, or which has no list yet.
    #[cold]
    #[inline(never)]
    fn allocate_missed(&self, (kind, list): (Kind, usize), pool_type: PoolType, bytes: usize, tag: Tag) -> *mut u8 {
        // Drawn before there are lists: who finds a block in one finds the key.
        key_of(&self.key);
        // SAFETY: the list exists.
        let start = unsafe { self.lists(kind).allocate(list, || self.plan(kind)) };
        if start.is_null() { start } else { self.charge(start, self.numbers.size_of(list), pool_type, bytes, tag) }
    }

    /// Charges and labels the memory of a list's block, wherever the tag's entry is. Returns the block.
    #[cold]
    #[inline(never)]
    fn charge(&self, start: *mut u8, size: usize, pool_type: PoolType, bytes: usize, tag: Tag) -> *mut u8 {
        let entry = TagEntry::of(tag, pool_type.is_paged());
        self.charge_and_label(start, size, Label::of_listed(tag, pool_type, entry, bytes))
    }

    /// Charges the memory of a list's block to the entry in this word, and labels it. Returns the block.
    #[cold]
    #[inline(never)]
    fn charge_and_label(&self, start: *mut u8, size: usize, word: u64) -> *mut u8 {
        TagEntry::from_number(field(word, ENTRY_SHIFT, ENTRY_BITS)).charge_listed(size);
        // SAFETY: the memory is of a list's block.
        unsafe { set_label(start, key_of(&self.key), word) }
    }

    /// Allocates a block at a multiple of `alignment` bytes; else as [`RawSmallPool::allocate_tagged`], and freed like
    /// its blocks. Null, too, where the alignment is no power of two or above 65,536.
    ///
    /// Above 16 bytes of alignment the block is the general pool's, or whole pages: O(1) for those alone.
    ///
    /// # Safety
    /// As for [`RawSmallPool::allocate`].
    #[must_use]
    pub unsafe fn allocate_tagged_aligned(
        pool: *const RawSmallPool,
        pool_type: PoolType,
        bytes: usize,
        alignment: usize,
        tag: Tag,
    ) -> *mut u8 {
        if !alignment.is_power_of_two() || alignment > ALIGNMENT_LIMIT {
            return core::ptr::null_mut();
        }
        // SAFETY: the object was initialised, as the caller promises.
        unsafe {
            if alignment <= HEADER {
                Self::allocate_tagged(pool, pool_type, bytes, tag)
            } else {
                (*pool).allocate_large(pool_type, bytes.max(1), alignment, tag)
            }
        }
    }

    /// A block that no list of the pool serves.
    #[cold]
    fn allocate_large(&self, pool_type: PoolType, bytes: usize, alignment: usize, tag: Tag) -> *mut u8 {
        let alignment = alignment.max(natural_alignment(pool_type, bytes));
        let request = general_request(pool_type, bytes, alignment, tag).filter(|_| pool_type.is_known());
        let Some((place, request)) = request else { return core::ptr::null_mut() };
        if verifier::is_known_program_wide() && verifier::refuses(tag) {
            return core::ptr::null_mut();
        }
        let key = key_of(&self.key);
        let pages = alignment == PAGE && Source::of(pool_type, self.flags) == Source::Heap;
        if let Some((block, beside)) = if pages { pages::allocate(bytes) } else { None } {
            let entry = TagEntry::of(tag, true);
            entry.charge(bytes);
            Words::of_pages(beside).set(key, Label::of_pages(tag, entry) | (bytes as u64) << SIZE_SHIFT);
            return block;
        }
        let start = match middle::list_of(&request, self.flags) {
            Some(list) => middle::allocate(list),
            None => general::allocate(&request, self.flags),
        };
        if start.is_null() {
            return start;
        }
        let entry = TagEntry::of(tag, pool_type.is_paged());
        entry.charge(bytes);
        let block = start.wrapping_add(place);
        let exponent = u64::from(alignment.ilog2()) << SIZE_SHIFT;
        // SAFETY: there is room for two headers before the block.
        unsafe {
            Words::before(block, 2).set(key, bytes as u64);
            Words::before(block, 1).set(key, Label::of(tag, pool_type, entry) | exponent | GENERAL);
        }
        block
    }

    /// Returns what is known of a block; or `None`, after the violation was reported, where it is no live block of this
    /// pool.
    ///
    /// # Safety
    /// The bytes before the block can be read.
    pub(super) unsafe fn label(&self, block: *mut u8) -> Option<Label<'_>> {
        let key = key_of(&self.key);
        if block.addr() % HEADER != 0 {
            report_foreign(block);
            return None;
        }
        if block.addr() % PAGE == 0 {
            if let Some(beside) = slab::beside(block) {
                let words = Words::of_pages(beside);
                let (word, check) = words.read(key, block)?;
                let size = field(word, SIZE_SHIFT, PAGES_SIZE_BITS);
                return Some(Label { words, word, check, size, origin: Origin::Pages });
            }
            if slab::starts_slab(block) {
                report_bad_check(block, 0, false);
                return None;
            }
        }
        // SAFETY: the bytes before the block may be read.
        let words = unsafe { Words::before(block, 1) };
        let (word, check) = words.read(key, block)?;
        if word & GENERAL == 0 {
            return Some(Label { words, word, check, size: field(word, SIZE_SHIFT, SIZE_BITS), origin: Origin::List });
        }
        // SAFETY: the header is ours, so there is another one before it.
        let (size, _) = unsafe { Words::before(block, 2) }.read(key, block)?;
        Some(Label { words, word, check, size: size as usize, origin: Origin::General })
    }

    /// Gives a block back: as `ExFreePoolWithTag`, or as `ExFreePool` with tag 0, which fits every block. Null has no
    /// effect. O(1) unless the general pool is asked.
    ///
    /// Reported as violations (see [`set_violation_hook`](crate::set_violation_hook)) are another tag than the block's,
    /// a block that is free already, as long as its memory was not used again and no two threads free it at once, and
    /// memory that this pool did not give or whose header was overwritten, but for a chance of 2^-64. Whole pages that are
    /// freed twice are such memory once they went back to the system.
    ///
    /// # Safety
    /// `pool` points to an object that was initialised, and may have been deleted meanwhile. The block is null, or came
    /// from a tagged allocate and no one uses it any more; for the reports, the 16 bytes before it can be read.
    #[inline]
    pub unsafe fn free_tagged(pool: *const RawSmallPool, block: *mut u8, tag: Tag) {
        // SAFETY: the object was initialised; the block is null or its own.
        unsafe { (*pool).free_labelled((*pool).numbers, block, tag, None) }
    }

    /// [`RawSmallPool::free_tagged`] of a block whose size the caller knows: another one than was asked for is reported
    /// as well.
    ///
    /// # Safety
    /// As for `free_tagged`.
    #[inline]
    pub unsafe fn free_tagged_sized(pool: *const RawSmallPool, block: *mut u8, bytes: usize, tag: Tag) {
        // SAFETY: the object was initialised; the block is null or its own.
        unsafe { (*pool).free_labelled((*pool).numbers, block, tag, Some(bytes)) }
    }

    /// Gives a block back, of this size if one is given, with the numbers of the pool. What the fast path leaves goes on
    /// elsewhere, as in [`RawSmallPool::allocate_labelled`].
    ///
    /// # Safety
    /// As for `free_tagged`.
    #[inline(always)]
    pub(super) unsafe fn free_labelled(&self, numbers: Numbers, block: *mut u8, tag: Tag, bytes: Option<usize>) {
        // What may be whole pages has no words before it; null is one of these.
        if block.addr() % PAGE == 0 || block.addr() % HEADER != 0 {
            // SAFETY: the block is null or its own.
            return unsafe { self.free_carefully(block, tag, bytes) };
        }
        // SAFETY: the bytes before the block may be read.
        let words = unsafe { Words::before(block, 1) };
        // Relaxed: the number alone matters; 0 before the first block.
        let key = self.key.load(Relaxed);
        let (word, check) = (words.word.load(Relaxed), words.check.load(Relaxed));
        let size = field(word, SIZE_SHIFT, SIZE_BITS);
        let own = Tag(word as u32);
        if key == 0
            || check != words.check_of(key, word)
            || word & GENERAL != 0
            || own != if tag.0 == 0 { own } else { tag }
            || bytes.is_some_and(|bytes| bytes.max(1) != size)
            || verifier::is_known_program_wide()
        {
            // SAFETY: as above.
            return unsafe { self.free_carefully(block, tag, bytes) };
        }
        words.check.store(!check, Relaxed);
        let (list, charged) = numbers.tagged_list_of_listed(size);
        // SAFETY: the word says that the block came from this list, and no one uses it any more.
        unsafe {
            if !TagEntry::from_number(field(word, ENTRY_SHIFT, ENTRY_BITS)).release_at_hand(charged) {
                return self.release_and_free(block, word);
            }
            if !self.lists(kind_of(word)).free_at_hand(list, block.wrapping_sub(HEADER)) {
                self.free_missed(block, word);
            }
        }
    }

    /// A free that the fast path leaves: of any block, and with every check.
    #[cold]
    #[inline(never)]
    unsafe fn free_carefully(&self, block: *mut u8, tag: Tag, bytes: Option<usize>) {
        if block.is_null() {
            return;
        }
        // SAFETY: the bytes before the block may be read.
        let Some(label) = (unsafe { self.label(block) }) else { return };
        if !is_right(block, &label, tag, bytes.map(|bytes| bytes.max(1))) {
            return;
        }
        if verifier::is_known_program_wide() && !verifier::check_range_by(block, label.size, Caller::Unknown) {
            return;
        }
        label.words.check.store(!label.check, Relaxed);
        // SAFETY: the label says who gave the block, and no one uses it any more.
        unsafe {
            match label.origin {
                Origin::List => self.release_and_free(block, label.word),
                _ => free_large(block, &label, self.flags),
            }
        }
    }

    /// Counts a block of a list as free, and gives it to the list.
    ///
    /// # Safety
    /// It came from this pool's list by this word, and no one uses it any more.
    #[cold]
    #[inline(never)]
    unsafe fn release_and_free(&self, block: *mut u8, word: u64) {
        let (list, charged) = self.numbers.tagged_list_of_listed(field(word, SIZE_SHIFT, SIZE_BITS));
        TagEntry::from_number(field(word, ENTRY_SHIFT, ENTRY_BITS)).release_listed(charged);
        let kind = kind_of(word);
        // SAFETY: the word says that it came from this list.
        unsafe { self.lists(kind).free(list, block.wrapping_sub(HEADER), || self.plan(kind)) }
    }

    /// Gives a block to its list, which has no room at hand, or is not made yet.
    ///
    /// # Safety
    /// As for `release_and_free`.
    #[cold]
    #[inline(never)]
    unsafe fn free_missed(&self, block: *mut u8, word: u64) {
        let (list, _) = self.numbers.tagged_list_of_listed(field(word, SIZE_SHIFT, SIZE_BITS));
        let kind = kind_of(word);
        // SAFETY: the word says that it came from this list.
        unsafe { self.lists(kind).free(list, block.wrapping_sub(HEADER), || self.plan(kind)) }
    }

    /// Returns the bytes that a block was asked for with; 0 for null. What is no live block of this pool is reported as
    /// when it is freed.
    ///
    /// # Safety
    /// As for `free_tagged`, but the block stays the caller's.
    #[must_use]
    pub unsafe fn size_of_tagged(pool: *const RawSmallPool, block: *mut u8) -> usize {
        if block.is_null() {
            return 0;
        }
        // SAFETY: the object was initialised; the bytes before the block may be read.
        unsafe { (*pool).label(block) }.map_or(0, |label| label.size)
    }
}

#[cold]
unsafe fn free_large(block: *mut u8, label: &Label<'_>, flags: ListFlags) {
    label.entry().release(label.size);
    if label.origin == Origin::Pages {
        // SAFETY: the label says so, and no one uses it any more.
        return unsafe { pages::free(block, label.size) };
    }
    let alignment = 1 << field(label.word, SIZE_SHIFT, SIZE_BITS);
    if let Some((place, request)) = general_request(label.pool_type(), label.size, alignment, label.tag()) {
        let start = block.wrapping_sub(place);
        // SAFETY: the header says that it was asked for so, and no one uses it any more.
        unsafe {
            match middle::list_of(&request, flags) {
                Some(list) => middle::free(list, start),
                None => general::free(start, &request, flags),
            }
        }
    }
}

/// Returns whether a block may be freed by this tag and size; reports the violation if not.
pub(super) fn is_right(block: *mut u8, label: &Label<'_>, tag: Tag, bytes: Option<usize>) -> bool {
    let right = (tag.0 == 0 || tag == label.tag()) && bytes.is_none_or(|bytes| bytes == label.size);
    if !right {
        report_mismatch(block, label, tag, bytes);
    }
    right
}

#[cold]
pub(super) fn report_foreign(block: *mut u8) {
    report(
        BugCheck::NEVER_ALLOCATED,
        block,
        Tag(0),
        format_args!("block {block:p} is not of this pool: it is not aligned to {HEADER} bytes"),
    );
}

#[cold]
fn report_bad_check(block: *mut u8, word: u64, is_free: bool) {
    let tag = Tag(word as u32);
    if is_free {
        report(
            BugCheck::FREED_TWICE,
            block,
            tag,
            format_args!("pool block {block:p} with tag \"{tag}\" is free already"),
        );
    } else {
        report(
            BugCheck::NEVER_ALLOCATED,
            block,
            Tag(0),
            format_args!("block {block:p} is not of this pool, or its header was overwritten"),
        );
    }
}

#[cold]
fn report_mismatch(block: *mut u8, label: &Label<'_>, tag: Tag, bytes: Option<usize>) {
    let (own, size) = (label.tag(), label.size);
    if tag.0 != 0 && tag != own {
        report(
            BugCheck::WRONG_TAG,
            block,
            own,
            format_args!("pool block {block:p} with tag \"{own}\" is freed with tag \"{tag}\""),
        );
    } else if let Some(bytes) = bytes {
        report(
            BugCheck::NEVER_ALLOCATED,
            block,
            own,
            format_args!("pool block {block:p} with tag \"{own}\" has {size} bytes, and is freed as {bytes}"),
        );
    }
}
