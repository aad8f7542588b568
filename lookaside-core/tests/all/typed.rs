//! The typed list: a value is in its box alone, and is dropped once; its block comes back whatever happens.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::ffi::c_void;
use std::future::Future;
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use crate::common::{assert_identities, engines};
use lookaside_core::{AllocateCallback, FreeCallback, Lookaside, LookasideBox, PoolType, Tag};

fn outstanding<T>(list: &Lookaside<T>) -> u64 {
    let statistics = list.list().statistics();
    assert_identities(&statistics);
    statistics.outstanding
}

unsafe extern "C-unwind" fn no_memory(_: PoolType, _: usize, _: Tag) -> *mut c_void {
    std::ptr::null_mut()
}

/// A list whose pool is empty.
fn without_memory<T>() -> Lookaside<T> {
    // SAFETY: the routine gives nothing.
    Lookaside::build(|list| unsafe { list.callbacks(AllocateCallback::Plain(no_memory), FreeCallback::Default) })
        .unwrap()
}

/// Takes a block that is there. One try may be spoiled by the scan, or by a switch to another thread.
fn at_hand<T>(list: &Lookaside<T>, mut value: T) -> LookasideBox<'_, T> {
    loop {
        match list.try_allocate(value) {
            Ok(boxed) => return boxed,
            Err(back) => value = back.into_inner(),
        }
    }
}

/// Counts its drops.
struct Counted<'a>(&'a Cell<u32>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn a_value_is_dropped_once() {
    for engine in engines() {
        let drops = Cell::new(0);
        let list = Lookaside::build(|list| list.engine(engine)).unwrap();
        drop(list.allocate(Counted(&drops)));
        assert_eq!((drops.get(), outstanding(&list)), (1, 0));
        let value = list.allocate_with(|| Counted(&drops)).unwrap().into_inner();
        assert_eq!((drops.get(), outstanding(&list)), (1, 0), "the value is out, its block is back");
        drop(value);
        assert_eq!(drops.get(), 2);
        let place = at_hand(&list, Counted(&drops)).into_raw();
        assert_eq!((drops.get(), outstanding(&list)), (2, 1));
        // SAFETY: it came from a box of this list.
        drop(unsafe { LookasideBox::from_raw(place, &list) });
        assert_eq!((drops.get(), outstanding(&list)), (3, 0));
    }
}

#[test]
fn without_memory_a_value_comes_back_or_is_not_made() {
    let list = without_memory();
    assert_eq!(list.allocate(String::from("mine")).unwrap_err().0, "mine");
    assert_eq!(list.try_allocate(String::from("mine")).unwrap_err().0, "mine");
    assert!(list.allocate_with(|| unreachable!("there is no block")).is_none());
    assert_eq!((outstanding(&list), list.list().statistics().pool_failures), (0, 2));
}

#[test]
fn try_allocate_never_asks_the_pool() {
    for engine in engines() {
        let list = Lookaside::build(|list| list.engine(engine)).unwrap();
        assert_eq!(list.try_allocate(1).unwrap_err().0, 1);
        list.list().prefill(2).unwrap();
        let boxes = (at_hand(&list, 1), at_hand(&list, 2));
        assert_eq!(list.try_allocate(3).unwrap_err().0, 3);
        assert_eq!((*boxes.0, *boxes.1, list.list().statistics().pool_allocates), (1, 2, 2));
    }
}

#[test]
fn panics_give_the_block_back() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new("a destructor"));
        }
    }
    for engine in engines() {
        let list = Lookaside::<Panics>::build(|list| list.engine(engine)).unwrap();
        let made =
            catch_unwind(AssertUnwindSafe(|| drop(list.allocate_with(|| resume_unwind(Box::new("a constructor"))))));
        assert_eq!((made.is_err(), outstanding(&list)), (true, 0));
        let value = list.allocate(Panics).ok().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(value))).is_err());
        assert_eq!((outstanding(&list), list.list().statistics().list.total_frees), (0, 2));
    }
}

#[test]
fn values_of_every_shape() {
    #[repr(align(256))]
    #[derive(Clone, Debug, PartialEq)]
    struct Aligned(u8);
    fn check<T: Clone + PartialEq + std::fmt::Debug>(value: T) {
        let list = Lookaside::build(|list| list.alignment(1)).unwrap();
        let boxes: Vec<_> = (0..20).map(|_| list.allocate(value.clone()).unwrap()).collect();
        assert!(boxes.iter().all(|boxed| **boxed == value && (&raw const **boxed).is_aligned()));
    }
    check(());
    check(7u8);
    check([7u128; 500]);
    check(String::from("text"));
    check(Aligned(7));
}

#[test]
fn a_pinned_value_stays_where_it_is() {
    /// Knows where it was polled first.
    struct Still(Option<usize>, PhantomPinned);
    impl Future for Still {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            let here = (&raw const *self).addr();
            // SAFETY: nothing is moved.
            let this = unsafe { self.get_unchecked_mut() };
            match this.0.replace(here) {
                None => Poll::Pending,
                Some(there) => {
                    assert_eq!(there, here);
                    Poll::Ready(())
                }
            }
        }
    }
    let list = Lookaside::new().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut task = list.allocate(Still(None, PhantomPinned)).ok().unwrap().into_pin();
    assert_eq!(task.as_mut().poll(&mut context), Poll::Pending);
    let moved = pin!(task);
    assert_eq!(moved.poll(&mut context), Poll::Ready(()));
}

/// Looking up by the value, as the standard library's box allows.
#[test]
fn a_box_stands_for_its_value() {
    let list = Lookaside::new().unwrap();
    let boxed = |text: &str| list.allocate(String::from(text)).unwrap();
    let (one, two) = (boxed("one"), boxed("two"));
    assert!(one < two && one == boxed("one") && format!("{one} {two:?}") == "one \"two\"");
    let sorted = BTreeSet::from([boxed("b"), boxed("a"), boxed("c")]);
    assert!(sorted.contains(&String::from("b")) && !sorted.contains(&String::from("d")));
    assert_eq!(sorted.first().map(|first| first.as_str()), Some("a"));
    let mut lengths = HashMap::from([(one, 3)]);
    assert_eq!(lengths.get(&String::from("one")), Some(&3));
    *lengths.entry(boxed("one")).or_default() += 1;
    assert_eq!(lengths[&String::from("one")], 4);
    drop((sorted, lengths, two));
    assert_eq!(outstanding(&list), 0);
}

/// Structures without a lifetime hold boxes of a list that is never dropped.
#[test]
fn a_static_list() {
    struct Holder(LookasideBox<'static, [u64; 8]>);
    static LIST: LazyLock<Lookaside<[u64; 8]>> = LazyLock::new(|| Lookaside::new().unwrap());
    let holders: Vec<_> = (0..8).map(|n| std::thread::spawn(move || Holder(LIST.allocate([n; 8]).unwrap()))).collect();
    let sum: u64 = holders.into_iter().map(|thread| thread.join().unwrap().0.iter().sum::<u64>()).sum();
    assert_eq!((sum, outstanding(&LIST)), (224, 0));
}

/// What a program prints of its lists: names without being asked for one, and numbers a person wants.
#[test]
fn lists_are_named_and_shown_for_people() {
    struct Packet(#[expect(dead_code, reason = "only its size matters")] [u64; 4]);
    let packets = Lookaside::<Packet>::new().unwrap();
    drop(packets.allocate(Packet([0; 4])));
    let held = packets.allocate(Packet([0; 4]));
    let shown = format!("{packets:?}");
    for part in ["name: \"Packet\"", "tag: Tag(\"....\")", "size: 32", "PagedPool", "outstanding: 1", "allocates: 2 ("]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    drop(held);
    let (list, line) = (lookaside_core::LookasideList::new(64).unwrap(), line!());
    assert!(format!("{list:?}").contains(&format!("name: \"typed.rs:{line}\"")), "{list:?}");
    let named = lookaside_core::LookasideList::builder(64).name("mine").build().unwrap();
    assert!(format!("{named:?}").contains("name: \"mine\""), "{named:?}");
}
