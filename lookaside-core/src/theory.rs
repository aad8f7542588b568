//! The argument, by number. Code cites it as `theory §n`; a test resolves the citations.
//!
//! # 1. What is where
//!
//! ## 1.1. Levels
//!
//! An allocate looks at the processor list P of the processor it runs on, then at the shared list L, then asks the
//! pool. A free goes the same way down until it finds room. A pair is one P for every possible processor and one L; a
//! general list has no P, a single list no L. (Without restartable sequences P is a thread's: §2.9.) A P is a *part*: 192
//! bytes of words and an array of pointers to blocks. L
//! is an array of pointers under a lock, or on larger machines several of them (§6.4). Neither reads or writes a block:
//! a block that is used after it was freed cannot corrupt a list, and blocks may be smaller than a pointer.
//!
//! ## 1.2. The object, the record, the parts
//!
//! ```text
//! caller's memory          library's memory, never unmapped
//! RawList (64 bytes) --+-> Record (one for each list): state, name, settings, L's words and lock, tuning
//!   base, processors   |
//!   keyed handle       +-> parts: P of processor 0 | (256 KiB further) P of processor 1 | ... | L's rows
//! ```
//!
//! The object holds what the fast path reads, which never changes between initialise and delete, and a handle. What
//! changes is in memory of the library. So the balance set manager never touches the caller's memory, and a list
//! that was freed or overwritten without a delete cannot crash it. The parts of one processor, for all lists, lie
//! together: no two processors share a page, and memory is touched first by the processor that uses it. Parts are
//! zeroed when mapped; a part of zeroes has no block and no room, so it misses, and the first miss on a processor opens
//! its part. A processor that never uses a list costs it nothing.
//!
//! ## 1.3. Handles
//!
//! A handle is a record's index and generation, combined with a random key, and a second word that checks it. Storage
//! that was never initialised passes the check by a chance of 2^-64. A record's generation grows whenever its list
//! ends, so that a stale handle is distinguished from the next list's. Set-up and maintenance calls and all slow paths
//! check; the fast path does not: with `processors` 0 (zeroed, deleted) it always takes the slow path. A pair is only
//! opened while its record is Free and known to one thread, and only used while it is not.
//!
//! # 2. The processor list
//!
//! ## 2.1. The header word
//!
//! The lower 16 bits count the blocks of the part, the upper 48 bits the allocates that it served. An allocate adds
//! 0xFFFF (one hit more, one block less), a free adds 1. One store is the commit and the statistics. The depth
//! is in the same cache line.
//!
//! ## 2.2. The rseq engine
//!
//! `platform::rseq` has the contract. Between its first instruction and its last store no other thread ran on this
//! processor, or the section was aborted and had no effect. So plain loads and stores suffice, and a thread
//! pays neither a locked instruction nor anything at its start and end.
//!
//! ## 2.3. Aborts
//!
//! An aborted section leaves like a miss, since a retry inside would be one instruction more for every call and without
//! bound under a debugger that steps. The slow path looks at the part once more before it counts a miss. An abort
//! twice in a row makes a miss of what could have been a hit: the call goes down one level, which is always right.
//!
//! ## 2.4. Trust, then verify
//!
//! The rseq engine is chosen where the threads are registered for rseq or this library can register them (§2.10),
//! `membarrier` can restart sections, and this kernel was seen to abort a section that faulted, and on AArch64 one that
//! a closer's barrier met (`platform::rseq::verdict`). On a kernel that does not another engine serves, and so it does in
//! a process in which the system refuses the test: a kernel that was not seen to be sound is not trusted. Refused it is
//! where a new process is (`RLIMIT_NPROC`, a full `pids` group, a sandbox), or its registration.
//! `LOOKASIDE_ENGINE=rseq` skips the test, and so the child process that a debugger may stop at. The next engine is
//! `slots` (§2.9) where there is `membarrier`, and then `trylock` (§2.5).
//!
//! Where a tool follows each block from its allocation to its free (`platform::tool`), lists keep none: a block that
//! lies in a list would count as in use, and one that two threads had in turn as shared without a lock. With the engine
//! `heap` a list has no parts and its L no room, as a list over the special pool, so that every call reaches the pool
//! and counts as a miss there. A pair that shares a list counts its calls in its own L's words and on that list's.
//!
//! ## 2.5. The engine trylock
//!
//! The same parts, each behind a lock that is tried once. A thread that does not get it misses. Two locked instructions
//! for a pair of calls are its price. It needs nothing of the system.
//!
//! ## 2.6. Runs
//!
//! An allocate or a free of several blocks is one section too: it copies, and ends in the one store that single calls
//! end in, with count times 0xFFFF or count. A copy may overlap itself, four pointers a turn and then the four at the
//! other end again; what an aborted one left no one reads.
//!
//! ## 2.7. Inlined into C
//!
//! The sections of `include/lookaside_inline.h` are those of `pop` and `push`, step by step, on the same words. They
//! read the area's distance from `inlined_area`, which is 0 in a list that was not made for them. Their descriptors
//! are in the program or library that they were compiled into. The kernel reads the descriptor of a thread's last
//! section when it next interrupts the thread, which may be long after that and after the last list's delete. So the
//! first list has the object that this library's sections are in stay loaded, and inlined code that may be unloaded
//! removes its mark at the end of a section; with `--cfg lookaside_unload` all sections do that, and the object may go.
//!
//! ## 2.8. Whole words
//!
//! Every section loads the header and the depth by 64 bits, as they are stored, and commits by a plain store of a
//! register. On some processors a load that is narrower than the last store to its word does not get the value from
//! that store: a free that looked at 16 bits of the header made a pair cost more than twice as much there. No count of
//! instructions shows that, so a test reads the widths from the machine code.
//!
//! ## 2.9. The engine slots
//!
//! A part for each *slot*, and a slot for each thread: so the owner is one thread, and needs no locked instruction. A call
//! stores the part's address into its slot's `inside`, looks whether the part is closed, works on it by plain loads and
//! stores as a section does, and stores 0. A call that finds `inside` set is a signal handler's, and its own thread is in
//! the middle of a call: it misses. What a handler does anywhere else it ends before the thread goes on.
//!
//! The words that a section reads are those of a list over rseq, but the area is one in which no processor's number is in
//! range. So an inlined call tries a section first, in vain, and rseq pays nothing for this engine.
//!
//! A thread takes a slot at its first miss, and keeps it. It has no destructor: one could come before others that still
//! use lists, and would be one more thing of the library's in each thread. Instead a thread that wants a slot asks the
//! kernel, for each one that is taken, whether its owner still exists (`tgkill` with no signal), and takes the first
//! whose owner does not, with the blocks in its parts: by one exchange, which fails where another thread or a handler
//! was there first, so that no one waits and no one goes without. If the system gave a dead owner's number to another
//! thread, the slot counts as taken until that thread ends, or wants a slot itself. So there are never more slots in
//! use than there were threads at once, and no more than 4 for each possible processor, at least 128 and at most 1,024.
//! A thread beyond that counts on the first part and works on none: its calls go to L. Scans trim the parts of threads
//! that sleep, or have ended, as those of processors that are idle.
//!
//! ## 2.10. Registration by the library
//!
//! A thread has one registration, which belongs to the area that was registered first. glibc registers each thread at
//! its start, from 2.35 on. Elsewhere the library does: the area is in the thread's static thread-local storage, as far
//! from the thread pointer in every thread as the list objects say, so that sections are the same. Before it is
//! registered its processor's number is -1, and sections miss; the first miss registers the thread. The kernel alone
//! writes to the number then. A registration that exists is left alone: at the first list another engine is chosen,
//! later its thread goes to L. Where Google's tcmalloc is in the program, or a library that has `__rseq_abi`, none is
//! made, since those may register any thread at any time. A shared library that `dlopen` has loaded may not find these
//! names. There the first thread says it, which tcmalloc registers before `main`; so another thread than that makes no
//! first registration in a shared library, but for musl, where none is loaded later.
//!
//! A signal handler registers nothing. It may have interrupted a section between its mark and its load of the number;
//! with a number it would go on, and the kernel may have removed the mark.
//!
//! The kernel writes to the area whenever the thread returns to user mode, so the area has to be there until the
//! thread's last system call. In glibc it is: the memory of a thread is used again, or unmapped, when the kernel has
//! reported the thread's end. In musl a detached thread unmaps its own memory before that call, and the process would
//! end by the kernel's write. So there the registration is given back in the second round of the destructors of
//! thread-specific data, and none is made in a thread whose destructors may be running: musl disables cancellation
//! before them, so a thread that has disabled it stays as it is. Calls that come later miss, and L serves them.
//!
//! # 3. Closing a part from another thread
//!
//! Flush, trim and delete take blocks out of other processors' parts. Under the list's `manage` lock, for rseq:
//!
//! 1. Store 0 into the depth, then `membarrier`: every section that had read the old depth has committed or was
//!    aborted, and every later one finds no room. From here to the end of step 3 no free commits.
//! 2. Read the header, exchange it for one of length 0 with its highest bit turned, `membarrier`, read it again. If it
//!    is as we left it, every section that had read the old length was aborted, and every later one finds no block: the
//!    blocks that the old header counted are ours. Otherwise an allocate that was under way has stored over the
//!    exchange (it stores a whole header, not a sum in memory): take its header and try again. Each repeat means that
//!    one section made progress. The turned bit is how our word differs from any that a section can store: a batch that
//!    takes every block, and counts no hit, would store the very word that the exchange would without it. Turn the bit
//!    back.
//! 3. Take blocks out, store a header with what remains, then `membarrier` once more, then the depth.
//!
//! ## 3.1. Why no free brings back a header of the closed part
//!
//! A free loads the header, then the depth, and commits if there is room: it stores the header that it loaded, plus its
//! blocks. While the part is closed its header is changed in steps 2 and 3: turned, turned back, given a new length. A
//! free that loaded any of these and then the new depth would store it back: a turned bit, which is 2^47 hits that were
//! none, or length 0, which loses the blocks that remain and puts its own over the first. The barrier of step 3
//! excludes both: a free that loaded its header before that barrier has by then missed, for the depth is 0 from the
//! barrier of step 1 on, or is aborted; one that loads it later finds the final header. So a free commits only if it
//! loaded its header after the last opening's barrier, and stores before the next closing's first: between the two no
//! closer stores, and sections on one processor exclude each other. At length 0 the barrier is needed as well, because
//! of the turned bit. Only a part that is not opened again (depth 0) goes without.
//!
//! An allocate needs neither depth nor that barrier: it commits if the header it loaded had a length. Before the
//! exchange of step 2 it may store over it, which step 2 sees. From there until step 3 every header has length 0. After
//! the store of step 3 no closer stores.
//!
//! Where a depth is stored without closing (the part is opened for the first time, or tuned), the header is as the
//! owner left it, and any mixture of old and new depths and headers is one that the owner could have seen. (The same
//! holds where the barrier of step 3 was refused: the part stays closed until it is tuned, later than any such free.)
//!
//! A child that is forked in the middle has no sections of other threads, and no closer. It finds length 0, or what
//! remains, with the bit turned or not; it turns the bit back if it differs from that of the header that was folded
//! last (§4.4), and stores the depth. A parent's free that was between load and store committed in both or in the
//! parent alone (§7).
//!
//! ## 3.2. What stays as it is meanwhile
//!
//! While it is closed the part misses, and L and the pool serve. The owner never waits. Threads that are not running
//! cannot be inside a section: the kernel aborts it before they run again. For the engine trylock closing is taking
//! the lock. Where `membarrier` is forbidden later in a program's life, parts of others cannot be closed any more:
//! flush and trim leave them as they are, and delete, beside which no one uses the list, needs no closing.
//!
//! ## 3.3. With slots
//!
//! A closer stores 1 into the part's `lock`, passes a barrier on every processor that runs the process (`membarrier`), and
//! waits until the slot's `inside` is not this part. Then it alone works on the part. To open it, it stores header and
//! depth, and then 0 into `lock`.
//!
//! Each call is cut by the barrier on its own processor. If its store to `inside` comes before the barrier, the closer
//! finds it, or what the same thread stored there later, and waits for the call's end: that is a release, so the closer
//! sees all that the call did. Otherwise its look at `lock` comes after the barrier, finds 1, and the call misses: it
//! stores nothing into the part. (It may find 0 if the part is open again by then. That look is an acquire, so the call
//! sees what the closer stored, and reads the header after it.) A thread that is not running passes a barrier before it
//! runs again. Nothing else orders the owner's store before its look: without the barrier the look may come first, on
//! x86-64 too, and both would work on the part. `list::processor::slots::model` tries every order, with and without it.
//!
//! The owner never waits. A closer waits for an owner that was preempted inside, as with trylock, but for none that ended
//! there, in a signal handler. Where `membarrier` is refused nothing was closed.
//!
//! ## 3.4. Processors that reorder
//!
//! Sections load and store plainly. On AArch64 others may see a section's stores in another order, and its loads may be
//! done in another one. The argument holds there as well:
//!
//! 1. A processor sees its own accesses as they are written, and a change of threads on it is a full barrier. So the
//!    sections on one processor follow each other, whichever threads they belong to.
//! 2. Each `membarrier` is a full barrier in the closer, at its processor, and in the closer again. A section is wholly
//!    before it, wholly behind it, or aborted. One before it has loaded, and its stores are seen, when the closer goes
//!    on; one behind it sees all that the closer stored before, with its loads in any order. Steps 1 and 3 need no more
//!    than that: nowhere does it matter which of header and depth a free loads first.
//! 3. Between two barriers a section and a closer meet at one word, the header, and all see the stores to one word in
//!    one order. The store of an allocate is before the exchange of step 2, which then takes it, or behind it, and then
//!    the closer finds it after the barrier.
//! 4. The closer reads slots after the barrier of step 2, so it sees what sections stored there before the header that
//!    counts them. An allocate that loads the header of step 3 loads its slot from an address that is computed from this
//!    header, which keeps the two loads in order; and the closer stores the slots before the header (Release). The
//!    address has to be made of the header by arithmetic: one that a `csel` selects would not keep the order.
//! 5. A thread that frees a block to another processor (§6.2) wrote to it before the closing. One that allocates it
//!    there has loaded a header that was stored behind a barrier of the closing, so all its loads from then on are
//!    behind that barrier: it sees what the other thread wrote, in the block and elsewhere.
//! 6. A fork takes the right to write away from every page, and waits until each access is done that had it. So a child
//!    that has a section's header has its slots, which were stored before.
//!
//! The locks and counts around are atomics that name their partners. Their model (§9.1) has x86-64's order of stores; the
//! barrier there cuts a release in two whichever of its steps is seen first.
//!
//! # 4. Counters
//!
//! ## 4.1. What is counted where
//!
//! Allocate hits of P are in its header. Every call that misses in P counts once, on the part of its processor, where
//! it ended: in L or in the pool. L counts its hits under its lock. All else follows.
//!
//! ## 4.2. Free hits of P
//!
//! A part's blocks are what came less what went: `length` is `free hits + refilled + added` less
//! `allocate hits + spilled + removed`. All but the free hits are counted, so they need not be.
//!
//! ## 4.3. The identity
//!
//! For every list at rest, with the terms of batches and maintenance:
//!
//! ```text
//! allocate_misses - free_misses + added - removed + (refilled - spilled)
//!     = total_allocates - total_frees + current_depth
//! ```
//!
//! with the bracket's sign turned for L and without it for the pair as a whole. The tests assert it after each step.
//!
//! ## 4.4. Wrapping
//!
//! 48 bits of hits last for days at full speed. Every look folds what was added since the last one into 64 bits. The
//! scan looks at a list that is not at rest each second, at others that were used in every 1,024th scan. Where calls
//! scan, a program whose calls are all hits for days must ask for the statistics once a day, and so must one whose
//! lists are all tuned by hand.
//!
//! ## 4.5. Runs
//!
//! Each block of a run counts as a call: those that P had in its header, or by its length, the others where they ended.
//! Blocks that came or went beyond the run are `refilled` and `spilled`.
//!
//! # 5. Tuning
//!
//! ## 5.1. The rule
//!
//! `list::depth` has it: Windows' own, with vectors.
//!
//! ## 5.2. On demand
//!
//! With `Tuning::Default`, after 64 misses of one kind on a part the rule runs for P, and for L if they missed there
//! too, with a period of one second. Such a visit may only raise a depth, and has marks of its own, so that the scan's
//! periods stay whole. It looks at frees as well as at allocates, for a processor that only frees (the consumer of a
//! queue) needs room to make batches of.
//!
//! ## 5.3. By time
//!
//! The balance set manager scans every second: every list that is not at rest (§5.5) by the rule with the seconds since
//! its last scan; a part that saw no call in two scans goes to the minimum; what is held above the depth goes back to
//! the pool. Blocks whose free routine is the user's are left for the next caller that misses, so that no user code
//! runs on our thread. `Tuning::Windows` instead keeps the kernel's rotation, looks at allocates alone and gives
//! nothing back.
//!
//! It is a thread in a process that has others. In a process with one thread, which the C library's faster paths depend
//! on, it is every call that misses, makes a list or asks for a report: when a second has gone by, that call scans. So
//! a program whose calls are all hits is not scanned, and keeps what it keeps until one is not. The first such call
//! that finds a second thread in the process starts ours; where the system gives none, calls go on. Lists with
//! `Tuning::Manual` need neither.
//!
//! ## 5.4. Seconds
//!
//! The rule's seconds are those of the library's clock. Measurements may take the scans and the clock into their own hands
//! (`hooks::hold_scans`, `hooks::advance_clock`): so a minute is over in a moment, with the periods that the rule would
//! see by the clock, however long the machine takes for it.
//!
//! ## 5.5. Lists at rest
//!
//! A list that a scan leaves with no depth above the minimum and no surplus is at rest: hits change neither, so until
//! it misses no scan would change anything, and scans pass it by. A byte for each list, apart from its record, says
//! whether it is; so thousands of lists at rest cost a scan, or a fork (§7), no look at their memory. The eighth miss
//! (with `Tuning::Windows` the first) sets the byte again and begins a period of the rule, as if a scan had just been
//! there; so does anything that raises a depth, with fewer misses. A new list is at rest unless it begins above the
//! minimum.
//!
//! # 6. Batches
//!
//! An empty P takes up to half of its depth from L, a full P gives half away and keeps the block that was just freed,
//! the hottest, for itself. The call itself counts as Windows counts it; the blocks beyond are `refilled` and
//! `spilled`. A batch of one is Windows' way, block by block.
//!
//! ## 6.1. A shared list of several pairs
//!
//! A pair may have another record's general list as its L (`Lower`). That list then counts by itself: its own misses,
//! what batches moved (`count_moved`), and what prefill and draining of its pairs asked of the pool past it
//! (`direct_allocates`, `direct_frees`). So its identity holds with all its pairs' traffic, and what is out of it lies
//! in the pairs or with callers. A block may be freed to any of the pairs, so no pair alone knows which of its blocks
//! are out. The routines that are called are those of L.
//!
//! ## 6.2. Frees to a given processor
//!
//! Another processor's part is closed (§3), the block is put on top, and the part is opened again. Free hits follow
//! from the length (§4.2), so it counts as one without being counted.
//!
//! ## 6.3. Trips to the pool
//!
//! A miss that L cannot serve asks the pool for its block, and on the same trip for some that P may need next; a free
//! that finds L full takes some of P's blocks to the pool with it. The first trip moves one block, each further one in
//! the same direction twice as many, up to half of P's depth, 127 blocks and 32 KiB: a burst pays the way down once for
//! many blocks; traffic that just exceeds what the list keeps moves little more than it must, and a P of a depth below
//! 16 no more than it must. (With trips that began with a part of the last one's size, and not with one block, a list whose
//! lists could keep all went to the pool for ever.) Batches between P and L are as large in a P that both
//! takes and gives; in one that only does one of the two, as where blocks pass from one processor to another, they have 63
//! blocks at most. So in bursts of thousands of blocks of up to 256 bytes, where P is 254 deep or more, fewer than one call
//! of a hundred misses P.
//! The blocks beyond the one that missed are `added` and `removed` ones, and for tuning they are misses, since one by
//! one they would have been. A trip that the pool refuses fails no call, and counts as no failure. Where each call
//! counts (batches of one, `Tuning::Windows`) or is seen (callbacks), and in pairs over another list's L, a trip moves
//! one block.
//!
//! ## 6.4. L in divisions
//!
//! On more than 8 possible processors L has a division for each group of 8, a bounded stack with a lock and a depth of
//! its own: one lock does not serve more (`docs/scaling.md`). A call goes to the division of its processor, and to
//! another one where that has no block, or no room, before it counts as a miss of L: it chooses without a lock, by
//! lengths as hints, and a race makes a miss, which is always right. The divisions have one depth and one tuner, which
//! sees the sum of their traffic; so L may hold its maximum in each. A division is in a row behind the parts, and
//! is opened by the first miss of its group, under `manage`: its slots, then its depth, then the number of divisions in
//! use. A push that sees the depth before the slots finds no room; a child whose parent was between the last two opens
//! it once more. Their locks are never held together. Only a pair with a shared list of its own is divided, and not
//! where each call has to go Windows' way (`Tuning::Windows`, batches of one); everything else has one division.
//!
//! ## 6.5. Caches of callers
//!
//! To its list a cache that a thread owns is a caller: the blocks in it are out. It counts what it serves by itself,
//! with a header word as in §2.1 and the identity of §4.3, as a P whose L is the list. Adding that to the list's
//! counters would show the tuner calls that never reached it. Runs go by way of the stack, since a callback may use the
//! very cache that called it.
//!
//! # 7. Fork
//!
//! No lock of ours is held across a fork: that could deadlock with the handlers of others. Most children call `exec`,
//! so the handler in the child looks at no record but those of lists that are not at rest (§5.5), and of those that
//! share their pool with the parent. The rest waits for the first call that leaves the fast path, while others wait for
//! that: it makes every lock free, gives closed parts their depth back, counts the live lists anew and puts all free
//! records into new queues. Until then the fast path is right by itself: a part that a thread of the parent had closed
//! has depth 0, so no free commits, and its header is either as a section left it or has length 0, so no allocate takes
//! a block that the closer has. The repair of a part with a closer's mark is an opening, with its barrier (§3). A
//! part's lock (of the engine trylock) may be held by no one, so its calls wait for the repair; `try_allocate`, which
//! must not wait, finds nothing until then. Of slots the handler gives the child's thread its own once more, under its new
//! number, and frees the others: what is in their parts stays there for the threads that take them. A user's routine may fork, and its child goes on in the middle of the call:
//! so the repair also comes after each such routine, and a walk looks for it before each record. A delete that goes on
//! in a child is counted there already.
//!
//! If a thread scanned in the parent, the handler sets the depth of every part of a list that is not at rest to 0. So
//! the child's next free on each processor misses, and that call starts a thread here: a child whose calls are all hits
//! gives back what it does not need, as its parent would have. A child sees memory as of one moment: while
//! the kernel copies the page tables, a write of another thread either reaches the page that both will have, or waits
//! until the fork is done. Every change of P and of L commits by one store, and a closed part has length 0, so the
//! child sees a block in one place or in none. Blocks that other threads held, or had on the way, are lost to the
//! child. A program's own child handler that was registered before the first list runs before ours, and must not use
//! lists. After `vfork` and before `exec` nothing of this library may be called. S-lists are the caller's: the child
//! may go on with one that no other thread was using.
//!
//! # 8. Signals
//!
//! A section that a handler interrupts is aborted, so a handler cannot spoil one; with slots the handler's call misses
//! (§2.9). But a call that P does not serve
//! takes locks and may ask the heap: a handler may call `try_allocate`, which does neither, and leaves frees to the
//! program.
//!
//! # 9. Locks
//!
//! The registry's and a record's `life` are never held together. Below either: a pair's `manage`, then that of one of
//! L's divisions. A callback runs with none of them held, and so does the writer that a report goes to. `life` is held
//! by a thread that walks the registry while it looks at one list, and by delete for a moment, so that a delete waits
//! for one list's visit at the most.
//!
//! ## 9.1. Waiting
//!
//! A thread that finds a lock held looks again for a while, then sleeps in the kernel. If it only looked and yielded, a
//! holder of lower priority would never run on the same processor.
//!
//! A release is two plain steps: it stores FREE into the lock's first word, then loads the second. A waiter stores into
//! the second word that someone waits, passes a barrier on every processor that runs the process (`membarrier`), looks
//! at the first word once more, and sleeps as long as the second is what it stored. A release that finds a waiter
//! clears the second word and wakes all who sleep on it.
//!
//! No wake is lost. Each release is cut by the barrier on its own processor. If its store comes before the barrier, the
//! waiter's last look sees the lock free, or with a later holder, for whom the same holds. Otherwise its load comes
//! after the barrier, and finds the waiter, or a word that another release has cleared meanwhile: then the waiter is
//! woken by that one, or does not fall asleep, since the kernel compares the word when it puts a thread to sleep. A
//! fence in the waiter alone is not enough, for the release may load before its store can be seen:
//! `platform::sync::model` tries every order of the steps, with either.
//!
//! Where the process did not register for `membarrier` the call is not made, and where it is forbidden later it fails.
//! Then a wake may be lost, and a waiter sleeps a millisecond at most before it looks again. So does a closer that
//! waits for a call of the engines trylock and slots, whose end only stores. The release of an S-list is an exchange anyway,
//! which finds a bit that waiters set.
//!
//! # 10. Callbacks that unwind
//!
//! A panic in a callback passes through the list to the caller; in C it ends the process at the boundary. An allocate
//! routine that panics counts as a failure of the pool. Of a batch whose free routine panics the rest is freed while
//! that unwinds; a second panic ends the program. Of a run whose allocate routine panics every block goes back to the
//! list; a cache that is dropped gives everything back, also where something unwinds. A call that trims on its way does
//! so when it has no block in hand, or gives that block back. A delete is finished: it drains what is left and frees
//! the record.
//!
//! ## 10.1. Cancellation
//!
//! No call of the library is a cancellation point (`pthread_cancel`), so none ends with a lock held or a block in hand:
//! the library makes its own system calls itself, and disables cancellation around functions of the C library that are
//! cancellation points. It is disabled while a callback or a hook runs, too: a request that comes meanwhile takes
//! effect at the thread's next cancellation point after the call. A callback may not end its thread by itself
//! (`pthread_exit`). Asynchronous cancellation is as for `malloc`: it may not be enabled during a call.
//!
//! # 11. Verified lists
//!
//! ## 11.1. Every call reaches the pool
//!
//! A list that is verified, or that is over the special pool, keeps nothing: it has no parts, its depths stay 0,
//! and the object's `processors` and `locked_processors` are 0. So each call takes the slow path, where one word says
//! that it is the verifier's, and counts as a miss of L. A freed block counts as freed, though its memory may be kept.
//! A pair over a verified shared list is verified with it: its calls are the verifier's as calls on that list, which
//! alone counts them.
//!
//! ## 11.2. States of a block
//!
//! A block is held, then kept in the quarantine or gone. It leaves the first state under the table's lock, so that of
//! threads that free one block at once exactly one goes on, and has the block to itself: it checks the red zones, fills
//! the block, and puts it into the ring. It leaves the quarantine by being checked and given back: when the ring is
//! full (4,096 blocks or 16 MiB), when its list is deleted, and at the end of the process. Blocks of callbacks are
//! known, but neither filled nor kept: callbacks must see each allocate and free, with the size that was asked for.
//!
//! ## 11.3. Lock and fork
//!
//! The table's lock is a leaf; nothing is reported, filled, asked or unwound under it. A child that finds it held
//! rebuilds the table from its slots, each of which has its block written last.
//!
//! ## 11.4. A hook that returns
//!
//! Then a free has no effect and the block stays where it was; other calls return as on a list that is not verified;
//! damage is reported once.
//!
//! ## 11.5. The end of the process
//!
//! Lists that were not deleted are looked for after everything that may still delete one: thread-locals of the thread
//! that ends the process, handlers of `atexit`, destructors of C++ objects and destructor functions of every object of
//! the process. The library's own destructor has the lowest priority, so it is the last of the object that the library
//! is in. There it registers a handler that belongs to no object, which glibc calls after the destructors of all
//! objects. With musl, and in an object that may be unloaded (§2.7), it looks at once: destructor functions of other
//! objects may come later. In a process that ends by `_exit` or a signal nothing is looked for.
//!
//! # 12. Small pools
//!
//! ## 12.1. First use
//!
//! The lists of one kind of memory are made at its first use, by the one thread that moves their state from a count of
//! calls to MAKING. Each list is published by the store of its `processors`, which the fast path tests; READY says that
//! all were tried. A call that finds anything else asks the general pool for memory of the list's size. Since a list
//! may give and take such blocks too, it does not matter where a block came from: no one waits, and a child that was
//! forked in MAKING loses speed and nothing else.
//!
//! The global allocator counts a thousand calls before that. With lists from the first call on, a program of 300 calls
//! took 0.6 ms more than its 0.95, and one of 2,000 or 20,000 calls 0.3 ms less than its 2 or 3 (AMD EPYC, model 17): most of
//! the price is that of lists, the engine's test and a page or two for each, and short programs are the most.
//!
//! ## 12.2. Headers
//!
//! A tagged block has two words before it: what it is, and a check of that, keyed by the pool and by the address;
//! inverted when the block is freed. For one address no two words have the same check, so what is neither live nor
//! freed is no block of this pool, or was overwritten, but for a chance of 2^-64.
//!
//! ## 12.3. Usage by tag
//!
//! For each tag and kind of memory: what tagged calls counted by block size and processor, what was counted one by one,
//! and what lists hold of the library's pools, which they count anyway. A small pool's lists are skipped (their tagged
//! blocks are counted), and so are pairs over a shared list (that list is counted) and lists with a callback (which
//! calls what it likes).
//!
//! # 13. Pools
//!
//! An arena is a reserved range, committed by chunks, with a TLSF in it; which blocks are out is in a bitmap apart from
//! them, committed with their chunk, so that a free is checked before the TLSF sees it. What is reserved cannot be
//! accessed, so a program that has all its memory locked pays for what is committed. The lock is short and a leaf.
//! Locked chunks are not locked in the child of a fork, and are locked anew before the child's next block. Where a
//! thread of the parent held an arena's lock at the fork (§7), the child leaves the arena alone and takes a fresh
//! range: blocks from before are not reused there when they are freed, but counted as lost. The session pool is one
//! mapping that forked children share, with its heap and lock inside; a list over it forgets its cached blocks in the
//! child, since they are the parent's.
//!
//! ## 13.1. Slabs
//!
//! The paged pool of lists is one reserved range, given to lists by units of 64 KiB. What is known of a unit is in a table
//! apart from the range: whose it is, how it is cut, a bit for each free block, a bit for each page that may be in
//! memory. So an address leads to its slab by a shift, no free block is written to, and a block is checked when it comes
//! back, off the fast path. A list's slabs are under one lock, which a batch takes once; below it is the range's, for
//! whole slabs.
//!
//! A list whose L is divided (§6.4) has its slabs in as many groups, each with a lock and listings of its own, which are in
//! the division's row. A slab belongs to the group that took it, and its blocks go back there, from any processor. A group
//! in which nothing is free takes a slab over from another that has two with free blocks, before it takes a new one, so
//! that no slab goes to and fro between two; where there is no new one, it takes free blocks of the others. To take a slab
//! over it tries the other's lock and holds both, so a child that is forked in between counts both anew; a free looks at
//! the owner again under the owner's lock.
//!
//! A slab is listed by how full it is, in quarters, and the fullest are used up first, so that others become empty. An
//! empty slab stays for a period of the scan: as many go back as were never needed in it, the fewest that were empty at
//! any moment. A list whose depths are the least gives back every page on which no block is in use. Units beyond the first
//! 64 MiB may be in large pages, of which more is in memory than is in use: one that no slab is on is given back whole. So
//! is a page of the table on which only free units are.
//!
//! A block of a page or more that is to be zeroes comes straight from its slab where P and L have none: there the bits of
//! its pages say what no caller had since it came from the system, which is zeroes, and is neither cleared nor touched.
//! A batch would lose that knowledge in P, where any block may have been in use. Where a page cannot be given back, as
//! locked ones cannot, nothing counts as fresh any more.
//!
//! A slab names its list by a number that is never used again, so a late free of a list that ended is not taken for one
//! of the list that has its record now; its slabs are freed with their last blocks. In the child of a fork the bits of
//! free blocks are the truth: where a thread of the parent held a lock, all else is counted anew. A block that was on
//! its way between a slab and a list then is lost to the child, as one of the heap would be.
//!
//! ## 13.2. Nonpaged slabs
//!
//! Slabs of nonpaged lists are of a second range, so that units whose pages were unlocked do not go to the paged lists of
//! a program that has all its memory locked. A page is locked before a block on it is given: a run of pages by one call,
//! and with it up to an eighth of what the list has in memory, if it follows in the same slab. What a strict list has in
//! memory is locked; all counts against the limit that slabs and the arena have together. Where a run cannot be locked
//! the list tries one block, then looks for free blocks on pages in memory in all its slabs, and then asks the arena,
//! which takes its blocks back by address. Pages are unlocked before they go back; those that the system does not
//! unlock, since that would need one mapping more than it permits, stay and are counted.
//!
//! Which pages are locked is true of one process, so the number of forks is noted with it. In the child none are, and a
//! list locks its memory anew before its next block from the pool: a child that does not use a list does not pay for it.
