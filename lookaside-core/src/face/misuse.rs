//! Misuse that the types exclude: each program is refused, and compiles when one line is another.
//!
//! For documentation tests alone. The compiler's error code is compared where the toolchain can (nightly).

/// The two programs: what they share, the line that is refused, the line that is accepted in its place, the rest.
macro_rules! refused {
    ($name:ident, $code:literal, $before:literal, $refused:literal, $accepted:literal, $after:literal) => {
        #[doc = concat!("```compile_fail,", $code, "\n", $before, "\n", $refused, "\n", $after, "\n```\n")]
        #[doc = concat!("```\n", $before, "\n", $accepted, "\n", $after, "\n```")]
        pub struct $name;
    };
}

refused!(
    BoxOutlivesItsList,
    "E0505",
    "let list = lookaside_core::Lookaside::<u64>::new().unwrap(); let kept = list.allocate(1);",
    "drop(list);",
    "",
    "drop(kept);"
);

refused!(
    BoxLeavesTheScopeOfItsList,
    "E0597",
    "let outer = lookaside_core::Lookaside::<u64>::new().unwrap(); let kept; {
         let list = lookaside_core::Lookaside::<u64>::new().unwrap();",
    "kept = list.allocate(1);",
    "kept = outer.allocate(1);",
    "} drop(kept);"
);

refused!(
    ListMovesUnderItsBox,
    "E0505",
    "let list = lookaside_core::Lookaside::<u64>::new().unwrap(); let kept = list.allocate(1);",
    "let moved = list;",
    "let moved = &list;",
    "drop(kept);"
);

refused!(
    ValueOutlivesWhatItBorrows,
    "E0597",
    "let list = lookaside_core::Lookaside::<&String>::new().unwrap(); let longer = String::new(); let kept; {
         let shorter = String::new();",
    "kept = list.allocate(&shorter);",
    "kept = list.allocate(&longer);",
    "} drop(kept);"
);

refused!(
    BoxOfRcGoesToAThread,
    "E0277",
    "use std::rc::Rc; use std::sync::Arc;
     let list = lookaside_core::Lookaside::new().unwrap();",
    "let value = list.allocate(Rc::new(1)).unwrap();",
    "let value = list.allocate(Arc::new(1)).unwrap();",
    "std::thread::scope(|scope| { scope.spawn(move || drop(value)); });"
);

refused!(
    BoxOfCellIsSharedByThreads,
    "E0277",
    "use std::cell::Cell; use std::sync::Mutex;
     let list = lookaside_core::Lookaside::new().unwrap();",
    "let value = list.allocate(Cell::new(1)).unwrap();",
    "let value = list.allocate(Mutex::new(1)).unwrap();",
    "let value = &value; std::thread::scope(|scope| { scope.spawn(move || drop(value)); });"
);

refused!(
    BoxGoesToAThreadThatOutlivesItsList,
    "E0597",
    "let list: lookaside_core::Lookaside<u64> = lookaside_core::Lookaside::new().unwrap();",
    "let list: &lookaside_core::Lookaside<u64> = &list;",
    "let list: &'static lookaside_core::Lookaside<u64> = Box::leak(Box::new(list));",
    "let value = list.allocate(1).unwrap(); std::thread::spawn(move || drop(value)).join().unwrap();"
);

refused!(
    PinnedValueMoves,
    "E0594",
    "struct Fixed(u64, std::marker::PhantomPinned);
     let list = lookaside_core::Lookaside::new().unwrap();
     let value = list.allocate(Fixed(1, std::marker::PhantomPinned)).ok().unwrap();",
    "let mut value = value.into_pin();",
    "let mut value = value;",
    "value.0 = 2;"
);

refused!(
    ObjectOutlivesItsCache,
    "E0505",
    "let cache = lookaside_core::ObjectCache::new(String::new).unwrap(); let kept = cache.get();",
    "drop(cache);",
    "",
    "drop(kept);"
);

refused!(
    ObjectIsKeptByReference,
    "E0597",
    "let cache = lookaside_core::ObjectCache::new(String::new).unwrap(); let outer = cache.get().unwrap(); let kept: &str; {
         let inner = cache.get().unwrap();",
    "kept = &inner;",
    "kept = &outer;",
    "} drop(kept.len());"
);

refused!(
    CacheOutlivesWhatItsObjectsBorrow,
    "E0597",
    "let longer = String::new();
     let cache = lookaside_core::ObjectCache::<Vec<&str>>::new(|| Vec::new()).unwrap(); {
         let shorter = String::new();",
    "cache.get().unwrap().push(&shorter);",
    "cache.get().unwrap().push(&longer);",
    "} drop(cache);"
);

refused!(
    CacheIsDroppedAfterWhatItsObjectsBorrow,
    "E0597",
    "let longer = String::new(); let cache; let shorter = String::new();
     cache = lookaside_core::ObjectCache::<Vec<&str>>::new(|| Vec::new()).unwrap();",
    "cache.get().unwrap().push(&shorter);",
    "cache.get().unwrap().push(&longer);",
    ""
);

refused!(
    CacheTakesWhatDoesNotLast,
    "E0597",
    "let cache = lookaside_core::ObjectCache::<&'static str>::new(|| \"\").unwrap(); {
         let text = String::new();",
    "*cache.get().unwrap() = &text;",
    "*cache.get().unwrap() = \"text\";",
    "} drop(cache.get());"
);

refused!(
    ObjectTakesWhatDoesNotLast,
    "E0597",
    "use lookaside_core::{CachedObject, ObjectCache};
     let cache = ObjectCache::<&'static str>::new(|| \"\").unwrap();
     fn object<'a>(cache: &'a ObjectCache<&'static str>) -> CachedObject<'a, &'static str> { cache.get().unwrap() } {
         let text = String::new();",
    "*object(&cache) = &text;",
    "*object(&cache) = \"text\";",
    "} drop(object(&cache));"
);

refused!(
    CacheOfRcIsSharedByThreads,
    "E0277",
    "use std::rc::Rc; use std::sync::Arc; use lookaside_core::ObjectCache;",
    "let cache = ObjectCache::new(|| Rc::new(1)).unwrap();",
    "let cache = ObjectCache::new(|| Arc::new(1)).unwrap();",
    "std::thread::scope(|scope| { scope.spawn(|| drop(cache.get())); });"
);

refused!(
    ObjectOfRcGoesToAThread,
    "E0277",
    "use std::rc::Rc; use std::sync::Arc; use lookaside_core::ObjectCache;",
    "let cache = ObjectCache::new(|| Rc::new(1)).unwrap();",
    "let cache = ObjectCache::new(|| Arc::new(1)).unwrap();",
    "let object = cache.get().unwrap(); std::thread::scope(|scope| { scope.spawn(move || drop(object)); });"
);

refused!(
    CollectionOutlivesItsList,
    "E0505",
    "let list = lookaside_core::LookasideList::new(64).unwrap();
     let kept = allocator_api2::boxed::Box::new_in(1, &list);",
    "drop(list);",
    "",
    "drop(kept);"
);

refused!(
    OwnedBoxOfRcGoesToAThread,
    "E0277",
    "use std::rc::Rc; use std::sync::Arc;
     let list = Arc::new(lookaside_core::Lookaside::new().unwrap());",
    "let value = list.allocate_owned(Rc::new(1)).unwrap();",
    "let value = list.allocate_owned(Arc::new(1)).unwrap();",
    "std::thread::spawn(move || drop(value)).join().unwrap();"
);

refused!(
    OwnedValueOutlivesWhatItBorrows,
    "E0597",
    "let longer = String::new(); let kept; {
         let shorter = String::new(); let list = std::sync::Arc::new(lookaside_core::Lookaside::new().unwrap());",
    "kept = list.allocate_owned(&shorter).unwrap();",
    "kept = list.allocate_owned(&longer).unwrap();",
    "} drop(kept);"
);

refused!(
    LeakedValueOutlivesItsList,
    "E0505",
    "let list = lookaside_core::Lookaside::<u64>::new().unwrap(); let kept = list.allocate(1).unwrap().leak();",
    "drop(list);",
    "",
    "*kept = 2;"
);

refused!(
    ClosureOfACacheBorrows,
    "E0373",
    "let size = 100; let _cache =",
    "lookaside_core::ObjectCache::new(|| vec![0u8; *&size]).unwrap();",
    "lookaside_core::ObjectCache::new(move || vec![0u8; *&size]).unwrap();",
    ""
);

refused!(
    ClosureOfACacheHasWhatThreadsMayNotShare,
    "E0277",
    "use std::cell::Cell; use std::sync::Mutex;",
    "let count = Cell::new(1); let made = move || count.get();",
    "let count = Mutex::new(1); let made = move || *count.lock().unwrap();",
    "lookaside_core::ObjectCache::new(made).unwrap();"
);

refused!(
    BoxIsUnsizedToATraitThatItsValueHasNot,
    "E0277",
    "let list = lookaside_core::Lookaside::<u64>::new().unwrap(); let value = list.allocate(1).unwrap();",
    "lookaside_core::unsize!(value, dyn Fn());",
    "lookaside_core::unsize!(value, dyn std::fmt::Debug);",
    ""
);

refused!(
    UnsizedBoxOutlivesWhatItsValueBorrows,
    "E0597",
    "use std::fmt::Debug;
     let list = lookaside_core::Lookaside::<&String>::new().unwrap(); let text = String::new();",
    "let value: lookaside_core::LookasideBox<dyn Debug + 'static> = lookaside_core::unsize!(list.allocate(&text).unwrap(), dyn Debug + 'static);",
    "let value: lookaside_core::LookasideBox<dyn Debug + '_> = lookaside_core::unsize!(list.allocate(&text).unwrap(), dyn Debug + '_);",
    "drop(value);"
);

refused!(
    ObjectOfAnotherThreadIsCloned,
    "E0277",
    "#[derive(Clone)] struct Here(std::marker::PhantomData<std::sync::MutexGuard<'static, u8>>);
     #[derive(Clone)] struct Anywhere;",
    "let cache = lookaside_core::ObjectCache::new(|| Here(std::marker::PhantomData)).unwrap();",
    "let cache = lookaside_core::ObjectCache::new(|| Anywhere).unwrap();",
    "drop(cache.get().unwrap().try_clone());"
);
