//! Boxes and objects that own a share, beyond what they have in common with those that borrow (`boxes.rs`): many at once,
//! what is at hand, and what is given away.

use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use crate::common::{assert_identities, engines};
use lookaside_core::{
    AllocateCallback, AllocateError, Builder, FreeCallback, Lookaside, ObjectCache, OwnedBox, OwnedObject, PoolType,
    Tag,
};

/// A list of each engine, in an `Arc`.
fn shared_lists<T>() -> impl Iterator<Item = Arc<Lookaside<T>>> {
    engines().into_iter().map(|engine| Arc::new(Lookaside::build(|list| list.engine(engine)).unwrap()))
}

/// How many blocks are out, and how many shares of the list there are.
fn out_and_shares<T>(list: &Arc<Lookaside<T>>) -> (u64, usize) {
    let statistics = list.list().statistics();
    assert_identities(&statistics);
    (statistics.outstanding, Arc::strong_count(list))
}

#[test]
fn many_owned_boxes_come_and_go_in_runs() {
    for list in shared_lists::<[u32; 4]>() {
        for count in [0, 1, 31, 32, 33, 200] {
            let many = list.allocate_owned_many((0..count).map(|n| [n; 4]));
            assert_eq!(many.len(), count as usize);
            let boxes: Vec<OwnedBox<[u32; 4]>> = many.collect::<Result<_, _>>().unwrap();
            assert!(boxes.iter().enumerate().all(|(n, boxed)| **boxed == [n as u32; 4]));
            assert_eq!(out_and_shares(&list), (u64::from(count), 1 + count as usize));
            let other = Arc::clone(&list);
            thread::spawn(move || other.free_owned_many(boxes)).join().unwrap();
            assert_eq!(out_and_shares(&list), (0, 1));
        }
        // Blocks that were taken and not used go back; the boxes outlive the iterator, and every other share.
        let mut some = list.allocate_owned_many([[1; 4]; 40]);
        let kept = some.next().unwrap().unwrap();
        assert_eq!(out_and_shares(&list), (32, 2));
        drop(some);
        assert_eq!(out_and_shares(&list), (1, 2));
        let weak = Arc::downgrade(&list);
        drop(list);
        assert_eq!((*kept, weak.strong_count()), ([1; 4], 1));
        drop(kept);
        assert_eq!(weak.strong_count(), 0);
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
fn owned_boxes_of_another_list_go_back_to_that() {
    let lists = [Arc::new(Lookaside::new().unwrap()), Arc::new(Lookaside::new().unwrap())];
    let drops = Cell::new(0);
    let boxes: Vec<_> = (0..100).map(|n| lists[n % 2].allocate_owned(Counted(&drops)).unwrap()).collect();
    lists[0].free_owned_many(boxes);
    assert_eq!((out_and_shares(&lists[0]), out_and_shares(&lists[1]), drops.get()), ((0, 1), (0, 1), 100));
}

#[test]
fn a_panic_in_a_run_gives_every_block_and_share_back() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                resume_unwind(Box::new("a destructor"));
            }
        }
    }
    for list in shared_lists() {
        let boxes = list.allocate_owned_many((0..70).map(|n| Bomb(n == 40))).collect::<Result<Vec<_>, _>>().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| list.free_owned_many(boxes))).is_err());
        assert_eq!(out_and_shares(&list), (0, 1));
        let values = (0..70).map(|n| if n == 40 { resume_unwind(Box::new("a value")) } else { Bomb(false) });
        assert!(catch_unwind(AssertUnwindSafe(|| drop(list.allocate_owned_many(values).collect::<Vec<_>>()))).is_err());
        assert_eq!(out_and_shares(&list), (0, 1));
    }
}

unsafe extern "C-unwind" fn no_memory(_: PoolType, _: usize, _: Tag) -> *mut c_void {
    std::ptr::null_mut()
}

/// Without blocks the values come back, and take no share with them.
#[test]
fn values_come_back_where_there_is_no_block() {
    for list in shared_lists::<String>() {
        let AllocateError(text) = list.try_allocate_owned(String::from("text")).unwrap_err();
        assert_eq!((text.as_str(), list.list().statistics().pool_allocates), ("text", 0), "the pool was not asked");
        assert_eq!(out_and_shares(&list), (0, 1));
        drop(list.allocate_owned_many((0..8).map(|n| n.to_string())).collect::<Result<Vec<_>, _>>().unwrap());
        // Blocks are at hand now, on the processor that this thread ran on.
        let found = (0..1000).find_map(|_| match list.try_allocate_owned(text.clone()) {
            Ok(boxed) => Some(boxed),
            Err(AllocateError(back)) => {
                assert_eq!(back, text);
                drop(list.allocate_owned(back));
                None
            }
        });
        assert_eq!(found.as_deref(), Some(&text));
        assert_eq!(out_and_shares(&list), (1, 2));
    }
    // SAFETY: the routine gives nothing.
    let over_nothing =
        |list: Builder<'static>| unsafe { list.callbacks(AllocateCallback::Plain(no_memory), FreeCallback::Default) };
    let list = Arc::new(Lookaside::build(over_nothing).unwrap());
    let back = list.allocate_owned_many(["one", "two"]).map(|boxed| boxed.unwrap_err().into_inner());
    assert_eq!((back.collect::<Vec<_>>(), out_and_shares(&list)), (vec!["one", "two"], (0, 1)));
}

#[test]
fn an_owned_object_is_given_away_with_its_share() {
    let cache = Arc::new(ObjectCache::new(|| vec![7_u8; 3]).unwrap());
    let slot = cache.get_owned().unwrap().into_raw();
    assert_eq!((cache.statistics().outstanding, Arc::strong_count(&cache)), (1, 2));
    // SAFETY: it came from an object of this cache.
    let object: OwnedObject<Vec<u8>> = unsafe { OwnedObject::from_raw(slot, &cache) };
    assert_eq!((object.as_slice(), Arc::strong_count(&cache)), (&[7, 7, 7][..], 2));
    drop(object);
    assert_eq!((cache.statistics().outstanding, Arc::strong_count(&cache)), (0, 1));
    let weak = Arc::downgrade(&cache);
    let leaked: &'static mut Vec<u8> = cache.get_owned().unwrap().leak();
    drop(cache);
    leaked.push(8);
    assert_eq!((leaked.len(), weak.strong_count()), (4, 1), "the object and its cache stay");
}
