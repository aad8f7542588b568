//! Boxes: those that own a share of their list, those of a `dyn Trait`, many at once, and what a box has of its value.

use std::cell::Cell;
use std::collections::HashSet;
use std::error::Error;
use std::ffi::c_void;
use std::fmt::{Debug, Display, Pointer};
use std::future::{Future, Ready, ready};
use std::io::{BufRead, BufReader, Cursor, Seek, SeekFrom, Write};
use std::iter::FusedIterator;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier, Weak};
use std::task::{Context, Poll, Waker};

use crate::common::{assert_identities, engines};
use lookaside_core::{
    AllocateCallback, AllocateError, BuildError, Builder, CachedObject, FreeCallback, LazyLookaside, Lookaside,
    LookasideBox, LookasideList, ObjectCache, OwnedBox, OwnedObject, PoolType, Status, Tag, unsize,
};

fn outstanding<T>(list: &Lookaside<T>) -> u64 {
    let statistics = list.list().statistics();
    assert_identities(&statistics);
    statistics.outstanding
}

/// A list of each engine, in an `Arc`.
fn shared_lists<T>() -> impl Iterator<Item = Arc<Lookaside<T>>> {
    engines().into_iter().map(|engine| Arc::new(Lookaside::build(|list| list.engine(engine)).unwrap()))
}

/// Counts its drops, and has no other trait.
struct Counted<'a>(&'a Cell<u32>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

unsafe extern "C-unwind" fn no_memory(_: PoolType, _: usize, _: Tag) -> *mut c_void {
    std::ptr::null_mut()
}

fn over_nothing(list: Builder<'_>) -> Builder<'_> {
    // SAFETY: the routine gives nothing.
    unsafe { list.callbacks(AllocateCallback::Plain(no_memory), FreeCallback::Default) }
}

#[test]
fn an_owned_box_keeps_its_list() {
    for list in shared_lists::<[u64; 8]>() {
        let boxes: Vec<_> = (0..20).map(|n| list.allocate_owned([n; 8]).unwrap()).collect();
        assert_eq!((Arc::strong_count(&list), outstanding(&list)), (21, 20));
        let weak = Arc::downgrade(&list);
        drop(list);
        let sum: u64 = std::thread::spawn(|| boxes.into_iter().map(|boxed| boxed[7]).sum()).join().unwrap();
        assert_eq!((sum, weak.strong_count()), (190, 0), "the last box took the list with it");
    }
}

#[test]
fn an_owned_value_is_dropped_once() {
    for list in shared_lists() {
        let drops = Cell::new(0);
        drop(list.allocate_owned(Counted(&drops)));
        assert_eq!((drops.get(), outstanding(&list)), (1, 0));
        let value = list.allocate_owned_with(|| Counted(&drops)).unwrap().into_inner();
        assert_eq!((drops.get(), outstanding(&list)), (1, 0), "the value is out, its block is back");
        drop(value);
        let place = list.allocate_owned(Counted(&drops)).unwrap().into_raw();
        assert_eq!((drops.get(), outstanding(&list), Arc::strong_count(&list)), (2, 1, 2), "the share is kept");
        // SAFETY: it came from a box of this list.
        drop(unsafe { OwnedBox::from_raw(place, &list) });
        assert_eq!((drops.get(), outstanding(&list), Arc::strong_count(&list)), (3, 0, 1));
    }
}

#[test]
fn a_leaked_value_stays() {
    for list in shared_lists() {
        let value: &'static mut String = list.allocate_owned(String::from("kept")).unwrap().leak();
        value.push('!');
        let weak: Weak<_> = Arc::downgrade(&list);
        drop(list);
        assert_eq!((value.as_str(), weak.strong_count()), ("kept!", 1));
        let list = weak.upgrade().unwrap();
        let borrowed: &mut String = list.allocate(String::from("as long as the list")).unwrap().leak();
        assert_eq!((borrowed.len(), outstanding(&list)), (19, 2));
    }
}

#[test]
fn a_destructor_that_panics_gives_block_and_share_back() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new("a destructor"));
        }
    }
    for list in shared_lists() {
        let owned = list.allocate_owned(Panics).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(owned))).is_err());
        assert_eq!((outstanding(&list), Arc::strong_count(&list)), (0, 1));
        let boxes: Vec<_> = (0..50).map(|_| list.allocate(Panics).unwrap()).collect();
        // The value that panics first unwinds through the iterator, whose other boxes then must not panic as well.
        let mut boxes = boxes.into_iter();
        let first = [boxes.next().unwrap()];
        boxes.for_each(|boxed| std::mem::forget(boxed.into_inner()));
        assert!(catch_unwind(AssertUnwindSafe(|| list.free_many(first))).is_err());
        assert_eq!(outstanding(&list), 0);
    }
}

/// `?`, `expect` and the value back, of a type that has no trait at all.
#[test]
fn an_error_asks_nothing_of_the_value() {
    struct Plain(u8);
    fn first(list: &Lookaside<Plain>) -> Result<u8, Box<dyn Error>> {
        Ok(list.allocate(Plain(7))?.0)
    }
    fn status(list: &Lookaside<Plain>) -> Result<u8, Status> {
        Ok(list.allocate(Plain(7))?.0)
    }
    let list = Lookaside::new().unwrap();
    assert_eq!((first(&list).unwrap(), status(&list)), (7, Ok(7)));
    let none = Lookaside::build(over_nothing).unwrap();
    let text = "the list has no block for a value of type all::boxes::an_error_asks_nothing_of_the_value::Plain";
    assert_eq!((first(&none).unwrap_err().to_string().as_str(), status(&none)), (text, Err(Status::NO_MEMORY)));
    let error: AllocateError<Plain> = none.allocate(Plain(9)).err().unwrap();
    assert!(format!("{error:?}").starts_with("AllocateError<all::boxes::"), "{error:?}");
    assert_eq!(error.into_inner().0, 9);
    let panic = catch_unwind(|| drop(none.allocate(Plain(1)).expect("a block")));
    assert!(panic.unwrap_err().downcast_ref::<String>().unwrap().starts_with("a block: AllocateError<"));
}

#[test]
fn an_error_of_a_builder_names_the_parameter() {
    let general = LookasideList::new(64).unwrap();
    type Describe<'a> = &'a dyn Fn(Builder<'static>) -> Builder<'static>;
    let cases: [(Describe<'_>, &str, &str); 6] = [
        (&|list| list.alignment(24), "alignment", "alignment is 24: it must be a power of two, at most 65536 "),
        (&|list| list.pool_type(PoolType(0x803)), "pool_type", "pool_type is 0x803: there is no such pool "),
        (&|list| list.maximum_depth(20_000), "maximum_depth", "maximum_depth is 20000: it must be at most 16384 "),
        (&|list| list.maximum_depth(8).initial_depth(9), "initial_depth", "initial_depth is 9: it must be at most "),
        (&|list| list.flags(lookaside_core::ListFlags(1 << 31)), "flags", "flags is 0x80000000: "),
        // SAFETY: the list stays where it is, and is refused.
        (&|list| unsafe { list.shared(&general) }, "shared", "shared is the list at 0x"),
    ];
    for (describe, parameter, text) in cases {
        let error = describe(LookasideList::builder(64)).build().unwrap_err();
        assert_eq!((error, error.parameter()), (error, Some(parameter)), "{error}");
        assert_eq!(error, Status::INVALID_PARAMETER);
        assert!(
            error.to_string().starts_with(text) && error.to_string().ends_with("(STATUS_INVALID_PARAMETER)"),
            "{error}"
        );
    }
    let none = LookasideList::builder(0).build().unwrap_err();
    assert_eq!(none.to_string(), "size is 0: a block has one byte or more (STATUS_INVALID_PARAMETER)");
    let large = LookasideList::new(usize::MAX).unwrap_err();
    assert_eq!((large.status(), large.parameter()), (Status::INTEGER_OVERFLOW, Some("size")));
    let cache = ObjectCache::build(|list| list.pool_type(PoolType::NON_PAGED), String::new).unwrap_err();
    assert_eq!((cache.status(), cache.parameter()), (Status::NOT_SUPPORTED, Some("pool_type")));
    let memory = BuildError::from(Status::NO_MEMORY);
    let text = "STATUS_NO_MEMORY: The pool, or the system, had no memory for it.";
    assert_eq!((memory.to_string().as_str(), memory.parameter()), (text, None));
}

/// Each block is in use once, and each clone in one of its own.
#[test]
fn a_clone_has_a_block_of_its_own() {
    for list in shared_lists::<String>() {
        let boxed = list.allocate(String::from("value")).unwrap();
        let owned = list.allocate_owned(boxed.clone().into_inner()).unwrap();
        let (mut second, third) = (boxed.clone(), owned.clone());
        assert_eq!((&**second, &**third, outstanding(&list), Arc::strong_count(&list)), ("value", "value", 4, 3));
        let before = &raw const *second;
        second.clone_from(&list.allocate(String::from("other")).unwrap());
        assert_eq!((&**second, &raw const *second), ("other", before));
        drop((boxed, owned, second, third));
        assert_eq!((outstanding(&list), Arc::strong_count(&list)), (0, 1));
    }
}

/// How many blocks the pool has left.
static LEFT: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn limited(_: PoolType, size: usize, _: Tag) -> *mut c_void {
    match LEFT.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
        // SAFETY: any size may be asked for.
        Ok(_) => unsafe { libc::malloc(size) },
        Err(_) => std::ptr::null_mut(),
    }
}

unsafe extern "C-unwind" fn take_back(block: *mut c_void) {
    LEFT.fetch_add(1, Relaxed);
    // SAFETY: the list gives back what `limited` gave.
    unsafe { libc::free(block) };
}

fn over_few(list: Builder<'_>) -> Builder<'_> {
    // SAFETY: the routines belong together, and may be called from anywhere.
    unsafe { list.callbacks(AllocateCallback::Plain(limited), FreeCallback::Plain(take_back)) }
}

/// The only test over the limited pool.
#[test]
fn where_blocks_end_values_come_back_and_clones_panic() {
    for engine in engines() {
        LEFT.store(50, Relaxed);
        let list = Lookaside::build(|list| over_few(list).engine(engine)).unwrap();
        let (mut boxes, mut back) = (Vec::new(), Vec::new());
        for result in list.allocate_many((0..80).map(|n| n.to_string())) {
            match result {
                Ok(boxed) => boxes.push(boxed),
                Err(error) => back.push(error.into_inner()),
            }
        }
        assert!(boxes.iter().map(|boxed| &**boxed).eq(&(0..50).map(|n| n.to_string()).collect::<Vec<_>>()));
        assert!(back.iter().eq(&(50..80).map(|n| n.to_string()).collect::<Vec<_>>()));
        assert!(boxes[0].try_clone().is_none());
        let panic = catch_unwind(AssertUnwindSafe(|| drop(boxes[0].clone()))).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "the list has no block for the clone");
        list.free_many(boxes);
        assert_eq!(outstanding(&list), 0);
    }
}

#[test]
fn many_boxes_come_and_go_in_runs() {
    for engine in engines() {
        let list = Lookaside::<[u32; 4]>::build(|list| list.engine(engine)).unwrap();
        for count in [0, 1, 31, 32, 33, 200] {
            let many = list.allocate_many((0..count).map(|n| [n; 4]));
            assert_eq!(many.len(), count as usize);
            let boxes = many.collect::<Result<Vec<_>, _>>().unwrap();
            assert!(boxes.iter().enumerate().all(|(n, boxed)| **boxed == [n as u32; 4]));
            assert_eq!(boxes.iter().map(|boxed| boxed.as_ptr()).collect::<HashSet<_>>().len(), boxes.len());
            assert_eq!(outstanding(&list), u64::from(count));
            list.free_many(boxes);
            assert_eq!(outstanding(&list), 0);
        }
        // A length that is not known takes a block for each value; what was taken and not used goes back.
        let values = (0..100).filter(|n| n % 2 == 0).map(|n| [n; 4]);
        assert_eq!(list.allocate_many(values).map(|boxed| boxed.unwrap()[0]).sum::<u32>(), 2450);
        let mut some = list.allocate_many([[1; 4]; 40]);
        let kept = some.next().unwrap().unwrap();
        assert_eq!(outstanding(&list), 32);
        drop(some);
        assert_eq!((outstanding(&list), *kept), (1, [1; 4]));
    }
}

#[test]
fn boxes_of_another_list_go_back_to_that() {
    let lists = [Lookaside::new().unwrap(), Lookaside::new().unwrap()];
    let drops = Cell::new(0);
    let boxes: Vec<_> = (0..100).map(|n| lists[n % 2].allocate(Counted(&drops)).unwrap()).collect();
    lists[0].free_many(boxes);
    assert_eq!((outstanding(&lists[0]), outstanding(&lists[1]), drops.get()), (0, 0, 100));
}

#[test]
fn a_panic_in_a_run_gives_every_block_back() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                resume_unwind(Box::new("a destructor"));
            }
        }
    }
    for engine in engines() {
        let list = Lookaside::build(|list| list.engine(engine)).unwrap();
        let boxes = list.allocate_many((0..70).map(|n| Bomb(n == 40))).collect::<Result<Vec<_>, _>>().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| list.free_many(boxes))).is_err());
        assert_eq!((outstanding(&list), list.list().statistics().list.total_frees), (0, 70));
        let values = (0..70).map(|n| if n == 40 { resume_unwind(Box::new("a value")) } else { Bomb(false) });
        assert!(catch_unwind(AssertUnwindSafe(|| drop(list.allocate_many(values).collect::<Vec<_>>()))).is_err());
        assert_eq!(outstanding(&list), 0);
    }
}

trait Shape {
    fn area(&self) -> u32;
}

struct Square<'a>(u32, #[expect(dead_code, reason = "it counts the drop")] Counted<'a>);

impl Shape for Square<'_> {
    fn area(&self) -> u32 {
        self.0 * self.0
    }
}

#[test]
fn a_box_of_dyn_drops_its_value_and_frees_its_block() {
    for list in shared_lists() {
        let drops = Cell::new(0);
        let square = |side| Square(side, Counted(&drops));
        let borrowed: LookasideBox<'_, dyn Shape + '_> = unsize!(list.allocate(square(2)).unwrap(), dyn Shape + '_);
        let owned: OwnedBox<dyn Shape + '_> = unsize!(list.allocate_owned(square(3)).unwrap(), dyn Shape + '_);
        assert_eq!((borrowed.area() + owned.area(), outstanding(&list)), (13, 2));
        drop((borrowed, owned));
        assert_eq!((drops.get(), outstanding(&list), Arc::strong_count(&list)), (2, 0, 1));
    }
    let arrays = Lookaside::new().unwrap();
    let slice: LookasideBox<'_, [String]> = unsize!(arrays.allocate(["a", "b"].map(String::from)).unwrap(), [String]);
    assert_eq!((slice.len(), slice.concat().as_str(), size_of_val(&slice)), (2, "ab", 24));
    drop(slice);
    assert_eq!(outstanding(&arrays), 0);
}

/// Tasks of several types in one queue, as an executor keeps them.
#[test]
fn pinned_futures_of_several_types() {
    async fn add(left: u64, right: Ready<u64>) -> u64 {
        left + right.await
    }
    fn task<F: Future<Output = u64> + Send + 'static>(future: F) -> Pin<OwnedBox<dyn Future<Output = u64> + Send>> {
        let list = Arc::new(Lookaside::new().unwrap());
        unsize!(list.allocate_owned(future).unwrap(), dyn Future<Output = u64> + Send).into_pin()
    }
    let tasks = vec![task(add(1, ready(2))), task(async { 39 }), task(ready(0))];
    let run = |tasks: Vec<Pin<OwnedBox<dyn Future<Output = u64> + Send>>>| {
        tasks
            .into_iter()
            .map(|mut task| match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(value) => value,
                Poll::Pending => unreachable!("nothing waits"),
            })
            .sum::<u64>()
    };
    assert_eq!(std::thread::spawn(move || run(tasks)).join().unwrap(), 42);
}

/// What the standard library's `Box` has, of each of the four.
#[test]
fn a_box_has_what_its_value_has() {
    fn all<B>(mut boxed: B)
    where
        B: Iterator<Item = u8> + DoubleEndedIterator + ExactSizeIterator + FusedIterator + Clone + Debug + Pointer,
    {
        assert_eq!((boxed.len(), boxed.size_hint(), boxed.clone().next_back()), (5, (5, Some(5)), Some(5)));
        assert_eq!((boxed.next(), boxed.nth(1), boxed.nth_back(1), boxed.next()), (Some(1), Some(3), Some(4), None));
        assert!(format!("{boxed:p}").starts_with("0x") && format!("{boxed:?}").starts_with("IntoIter"));
    }
    fn error(boxed: impl Error) {
        assert_eq!((boxed.to_string().as_str(), boxed.source().unwrap().to_string().as_str()), ("outer", "inner"));
    }
    fn io(mut boxed: impl Write + Seek + BufRead) {
        boxed.write_all(b"one\ntwo\n").unwrap();
        boxed.flush().unwrap();
        boxed.seek(SeekFrom::Start(0)).unwrap();
        let (mut line, mut rest) = (String::new(), String::new());
        boxed.read_line(&mut line).unwrap();
        boxed.read_to_string(&mut rest).unwrap();
        assert_eq!((line.as_str(), rest.as_str()), ("one\n", "two\n"));
    }
    fn future(boxed: impl Future<Output = u8> + Unpin) {
        let mut boxed = boxed;
        assert_eq!(Pin::new(&mut boxed).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(7));
    }
    macro_rules! each {
        ($check:ident, $value:expr) => {
            let list = Arc::new(Lookaside::new().unwrap());
            let cache = Arc::new(ObjectCache::new(|| $value).unwrap());
            $check(list.allocate($value).unwrap());
            $check(list.allocate_owned($value).unwrap());
            $check(cache.get().unwrap());
            cache.flush();
            $check(cache.get_owned().unwrap());
        };
    }
    each!(all, vec![1u8, 2, 3, 4, 5].into_iter());
    each!(error, Outer(Inner));
    each!(io, Cursor::new(Vec::new()));
    each!(future, ready(7u8));
}

#[derive(Debug)]
struct Inner;
#[derive(Debug)]
struct Outer(Inner);

impl Display for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("inner")
    }
}

impl Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Inner {}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// A reader is a value like any other.
#[test]
fn a_boxed_reader_reads() {
    let list = Lookaside::new().unwrap();
    let file = list.allocate(BufReader::new(&b"a line\n"[..])).unwrap();
    assert_eq!(file.lines().map(|line| line.unwrap()).collect::<Vec<_>>(), ["a line"]);
    assert_eq!(outstanding(&list), 0);
}

#[test]
fn a_static_list_is_made_once_at_its_first_use() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static LIST: LazyLookaside<u64> = LazyLookaside::build(|list| {
        MADE.fetch_add(1, Relaxed);
        list.name("lazy")
    });
    assert_eq!((MADE.load(Relaxed), format!("{LIST:?}").as_str()), (0, "LazyLookaside(None)"));
    let barrier = Barrier::new(8);
    let boxes: Vec<LookasideBox<'static, u64>> = std::thread::scope(|scope| {
        let first = |n| {
            barrier.wait();
            LIST.allocate(n).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || first(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(boxes.iter().map(|boxed| **boxed).sum::<u64>(), 28);
    let made = MADE.load(Relaxed);
    assert_eq!(outstanding(&LIST), 8, "all of them are of one list");
    drop(boxes);
    drop(LIST.allocate_with(|| 7));
    assert_eq!((outstanding(&LIST), MADE.load(Relaxed)), (0, made));
    assert!(format!("{LIST:?}").contains("name: \"lazy\""), "{LIST:?}");
}

#[test]
fn a_static_list_that_cannot_be_made_gives_values_back() {
    static BAD: LazyLookaside<String> = LazyLookaside::build(|list| list.maximum_depth(u16::MAX));
    assert_eq!(BAD.get().unwrap_err().parameter(), Some("maximum_depth"));
    assert_eq!(BAD.allocate(String::from("mine")).unwrap_err().0, "mine");
    assert!(BAD.allocate_with(|| unreachable!("there is no list")).is_none());
    let panic = catch_unwind(|| BAD.list().size()).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("a static list cannot be made: maximum_depth is 65535"), "{text}");
}

/// What a constructor captures lives and goes with its cache, whatever its size and alignment.
#[test]
fn a_closure_constructs() {
    #[repr(align(128))]
    struct Aligned(Arc<u64>);
    let counted = Arc::new(7);
    let captured = Aligned(counted.clone());
    let cache = ObjectCache::new(move || {
        let captured = &captured;
        assert!((&raw const *captured).is_aligned());
        *captured.0
    })
    .unwrap();
    assert_eq!((*cache.get().unwrap(), Arc::strong_count(&counted)), (7, 2));
    let moved: ObjectCache<u64> = cache;
    moved.flush();
    assert_eq!(*moved.get().unwrap(), 7);
    drop(moved);
    assert_eq!(Arc::strong_count(&counted), 1);
    // What could not be made takes its closure with it.
    let kept = counted.clone();
    assert!(ObjectCache::build(|list| list.pool_type(PoolType::NON_PAGED), move || *kept).is_err());
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn an_owned_object_keeps_its_cache() {
    let cache = Arc::new(ObjectCache::new(|| Vec::<u8>::with_capacity(100)).unwrap());
    let (mut first, second) = (cache.get_owned().unwrap(), cache.get_owned().unwrap());
    first.push(1);
    drop(first);
    let weak = Arc::downgrade(&cache);
    assert_eq!((cache.statistics().outstanding, Arc::strong_count(&cache)), (1, 2));
    drop(cache);
    let object: OwnedObject<Vec<u8>> = second.clone();
    assert_eq!((object.len(), weak.strong_count()), (0, 2), "as the clone's source, not as its last user left it");
    assert_eq!(std::thread::spawn(move || second.into_inner().capacity()).join().unwrap(), 100);
    drop(object);
    assert_eq!(weak.strong_count(), 0);
}

/// A clone that finds an object at hand keeps what that has reserved.
#[test]
fn a_cloned_object_uses_what_is_at_hand() {
    for engine in engines() {
        let cache = ObjectCache::build(|list| list.engine(engine), || Vec::<u8>::with_capacity(1000)).unwrap();
        let mut object = cache.get().unwrap();
        object.extend(b"text");
        loop {
            drop(cache.get().unwrap());
            let clone: CachedObject<'_, Vec<u8>> = object.clone();
            assert_eq!(&**clone, b"text");
            // Otherwise the thread has moved to another processor in between.
            if clone.capacity() == 1000 {
                break;
            }
            drop(clone.into_inner());
        }
        let slot = object.into_raw();
        // SAFETY: it came from an object of this cache.
        let object = unsafe { CachedObject::from_raw(slot, &cache) };
        assert_eq!(&**object, b"text");
        assert_eq!(object.leak().len() as u64 + cache.statistics().outstanding, 5);
    }
}

#[test]
fn statistics_are_shown_in_a_line() {
    let list = Lookaside::<[u8; 200]>::build(|list| list.tag(Tag::new(*b"Show"))).unwrap();
    let held = list.allocate([0; 200]).unwrap();
    let text = list.list().statistics().to_string();
    assert!(text.starts_with("Show: blocks of 200 bytes, PagedPool; 1 out, "), "{text}");
    assert!(
        text.contains("; 1 allocates (0% hits), 0 frees (0% hits); pool: 1 allocates, 0 frees, 0 failures"),
        "{text}"
    );
    drop(held);
}

#[test]
fn values_are_written_from_boxes_and_read_into_them() {
    use serde_core::de::DeserializeSeed;
    let list = Lookaside::<Vec<u32>>::new().unwrap();
    let boxed = list.allocate(vec![1, 2, 3]).unwrap();
    let cache = ObjectCache::new(|| [4u8, 5]).unwrap();
    let text = serde_json::to_string(&(&boxed, &cache.get().unwrap())).unwrap();
    assert_eq!(text, "[[1,2,3],[4,5]]");
    let read = list.deserialize(&mut serde_json::Deserializer::from_str("[7, 8]")).unwrap();
    assert_eq!((&**read, outstanding(&list)), (&[7, 8][..], 2));
    let none = Lookaside::<Vec<u32>>::build(over_nothing).unwrap();
    let error = none.deserialize(&mut serde_json::Deserializer::from_str("[7, 8]")).unwrap_err();
    assert!(error.to_string().starts_with("the list has no block"), "{error}");
}
