//! What may go to another thread, and what several threads may share: checked when this compiles.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard;

use lookaside_core::{
    AllocateError, AllocateMany, AllocateOwnedMany, BuildError, Builder, CachedObject, LazyLookaside, Lookaside,
    LookasideBox, LookasideList, ObjectCache, OwnedBox, OwnedObject, Parameters, RawList, Statistics, Status,
};

/// Both traits of one type: `is!(type: Send, !Sync)`.
macro_rules! is {
    ($type:ty: Send, $($sync:tt)*) => { yes!($type: Send); is!($type: $($sync)*); };
    ($type:ty: !Send, $($sync:tt)*) => { no!($type: Send); is!($type: $($sync)*); };
    ($type:ty: Sync) => { yes!($type: Sync); };
    ($type:ty: !Sync) => { no!($type: Sync); };
}

macro_rules! yes {
    ($type:ty: $bound:ident) => {
        const _: fn() = || {
            fn needs<T: ?Sized + $bound>() {}
            needs::<$type>();
        };
    };
}

/// A type with the trait has two implementations of `Choice`, so that its parameter cannot be inferred.
macro_rules! no {
    ($type:ty: $bound:ident) => {
        const _: fn() = || {
            trait Choice<A> {
                fn choose() {}
            }
            struct HasIt;
            impl<T: ?Sized> Choice<()> for T {}
            impl<T: ?Sized + $bound> Choice<HasIt> for T {}
            <$type as Choice<_>>::choose();
        };
    };
}

/// Sync, and not Send.
type Guard = MutexGuard<'static, u8>;

// Plain objects, whose calls ask the caller for everything.
is!(RawList: !Send, !Sync);
is!(Parameters<'static>: !Send, !Sync);
is!(Builder<'static>: !Send, !Sync);

// Lists, whatever they hold: a value is in its box alone.
is!(LookasideList: Send, Sync);
is!(Lookaside<u8>: Send, Sync);
is!(Lookaside<Cell<u8>>: Send, Sync);
is!(Lookaside<Rc<u8>>: Send, Sync);
is!(Lookaside<Guard>: Send, Sync);
is!(LazyLookaside<Rc<u8>>: Send, Sync);

// A box as its value.
is!(LookasideBox<'static, u8>: Send, Sync);
is!(LookasideBox<'static, Cell<u8>>: Send, !Sync);
is!(LookasideBox<'static, Guard>: !Send, Sync);
is!(LookasideBox<'static, Rc<u8>>: !Send, !Sync);

is!(LookasideBox<'static, dyn Fn() + Send>: Send, !Sync);
is!(OwnedBox<u8>: Send, Sync);
is!(OwnedBox<Cell<u8>>: Send, !Sync);
is!(OwnedBox<Guard>: !Send, Sync);
is!(OwnedBox<Rc<u8>>: !Send, !Sync);
is!(OwnedBox<dyn Fn() + Send>: Send, !Sync);
is!(AllocateMany<'static, std::vec::IntoIter<u8>>: Send, Sync);
is!(AllocateMany<'static, std::vec::IntoIter<Rc<u8>>>: !Send, !Sync);
is!(AllocateOwnedMany<'static, u8, std::vec::IntoIter<u8>>: Send, Sync);
is!(AllocateOwnedMany<'static, Rc<u8>, std::vec::IntoIter<Rc<u8>>>: !Send, !Sync);

// A cache holds objects, which go from thread to thread but are never shared.
is!(ObjectCache<u8>: Send, Sync);
is!(ObjectCache<Cell<u8>>: Send, Sync);
is!(ObjectCache<Guard>: !Send, !Sync);
is!(ObjectCache<Rc<u8>>: !Send, !Sync);

// An object in use as the object.
is!(CachedObject<'static, u8>: Send, Sync);
is!(CachedObject<'static, Cell<u8>>: Send, !Sync);
is!(CachedObject<'static, Guard>: !Send, Sync);
is!(CachedObject<'static, Rc<u8>>: !Send, !Sync);

is!(OwnedObject<u8>: Send, Sync);
is!(OwnedObject<Cell<u8>>: Send, !Sync);
is!(OwnedObject<Guard>: !Send, Sync);
is!(OwnedObject<Rc<u8>>: !Send, !Sync);

// What a call returns.
is!(BuildError: Send, Sync);
is!(AllocateError<u8>: Send, Sync);
is!(AllocateError<Rc<u8>>: !Send, !Sync);
is!(Statistics: Send, Sync);
is!(Status: Send, Sync);

/// `Rc` boxes of one list, on several threads at once: each thread has its own values.
#[test]
fn threads_share_a_list_of_what_they_may_not_share() {
    let list = Lookaside::<Rc<Cell<u32>>>::new().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let list = &list;
            scope.spawn(move || {
                let mine = Rc::new(Cell::new(0));
                for _ in 0..1000 {
                    let boxes: Vec<_> = (0..20).map(|_| list.allocate(mine.clone()).unwrap()).collect();
                    boxes.iter().for_each(|value| value.set(value.get() + 1));
                    assert_eq!(Rc::strong_count(&mine), 21);
                }
                assert_eq!((Rc::strong_count(&mine), mine.get()), (1, 20_000), "thread {thread}");
            });
        }
    });
    assert_eq!(list.list().statistics().outstanding, 0);
}

/// Boxes made on one thread are dropped on others, while it goes on using the list.
#[test]
fn boxes_go_to_other_threads() {
    let list = Lookaside::<String>::new().unwrap();
    std::thread::scope(|scope| {
        for round in 0..100 {
            let text = list.allocate_with(|| format!("round {round}")).unwrap();
            let own = list.allocate(String::from("own")).unwrap();
            scope.spawn(move || assert_eq!(*text, format!("round {round}")));
            assert_eq!(own.into_inner(), "own");
        }
    });
    assert_eq!(list.list().statistics().outstanding, 0);
}
