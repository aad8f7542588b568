/* lookaside.h - lookaside lists: caches of fixed-size blocks in front of a pool.
 *
 * Made by cbindgen from lookaside-ffi/src: change it there, and see CONTRIBUTING.md.
 *
 * A list is memory of the caller's: lookaside_list_initialize makes it one, lookaside_list_allocate and
 * lookaside_list_free serve blocks from it on any thread, lookaside_list_delete ends it.
 * No function here throws or unwinds, changes errno, or is a cancellation point. Callbacks must return: they
 * may not call pthread_exit, and a C++ exception that leaves one ends the process. They are not cancelled: a request
 * that comes while one runs takes effect at the thread's next cancellation point after the call.
 */
#ifndef LOOKASIDE_H
#define LOOKASIDE_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__linux__) || defined(__ANDROID__) || !defined(__LP64__) ||                           \
    !(defined(__x86_64__) || defined(__aarch64__))
#error "lookaside runs on 64-bit Linux, on x86-64 and aarch64, with glibc or musl"
#elif !defined(__cplusplus) && !defined(__GNUC__)
#error "lookaside.h needs a compiler that can align a structure"
#endif

/* Puts a structure at a multiple of n bytes. */
#if defined(__cplusplus)
#define LOOKASIDE_ALIGNED(n) alignas(n)
#else
#define LOOKASIDE_ALIGNED(n) __attribute__((aligned(n)))
#endif

/* Casts that neither language warns of. */
#if defined(__cplusplus)
#define LOOKASIDE_CAST(type, value) static_cast<type>(value)
#define LOOKASIDE_ADDRESS(pointer) reinterpret_cast<uintptr_t>(pointer)
#else
#define LOOKASIDE_CAST(type, value) ((type)(value))
#define LOOKASIDE_ADDRESS(pointer) ((uintptr_t)(pointer))
#endif

/* A lookaside_tag from four characters, in the order in which reports show them. */
#define LOOKASIDE_TAG(a, b, c, d)                                                                  \
    (LOOKASIDE_TAG_BYTE(a) | LOOKASIDE_TAG_BYTE(b) << 8 | LOOKASIDE_TAG_BYTE(c) << 16 |            \
     LOOKASIDE_TAG_BYTE(d) << 24)
#define LOOKASIDE_TAG_BYTE(byte) LOOKASIDE_CAST(uint32_t, LOOKASIDE_CAST(unsigned char, byte))

/**
 * The version of the library that this header belongs to; `lookaside_version` returns the one that is loaded.
 */
#define LOOKASIDE_VERSION_MAJOR 0

/**
 * The second part of the version: as long as the first is 0, another ABI.
 */
#define LOOKASIDE_VERSION_MINOR 2

/**
 * The third part of the version: the same ABI.
 */
#define LOOKASIDE_VERSION_PATCH 0

/**
 * The version of what `lookaside_inline.h` compiles into a program: see `lookaside_parameters`.
 */
#define LOOKASIDE_INLINE_ABI 2

/**
 * Offset in a list, in bytes, of the address of its processor lists.
 */
#define LOOKASIDE_INLINE_BASE 0

/**
 * Offset in a list of how many processor lists it has, in 32 bits.
 */
#define LOOKASIDE_INLINE_PROCESSORS 16

/**
 * Offset in a list of the distance from the thread pointer to the thread's rseq area, in 32 bits; 0 for a list that
 * inlined calls may not serve.
 */
#define LOOKASIDE_INLINE_AREA 24

/**
 * Offset in a list of its blocks' alignment less 1, in 32 bits.
 */
#define LOOKASIDE_INLINE_ALIGNMENT_MASK 28

/**
 * Offset in a small pool, in bytes, of its lists of paged memory, by block size.
 */
#define LOOKASIDE_INLINE_PAGED_LISTS 2080

/**
 * Base-2 logarithm of the distance between the processor lists of neighbouring processors.
 */
#define LOOKASIDE_INLINE_SHIFT 18

/**
 * Offset in a processor list of its header word: blocks in 16 bits, hits of allocates in the upper 48.
 */
#define LOOKASIDE_INLINE_HEADER 0

/**
 * Offset in a processor list of its depth.
 */
#define LOOKASIDE_INLINE_DEPTH 8

/**
 * Offset in a processor list of its first block's address.
 */
#define LOOKASIDE_INLINE_SLOTS 192

/**
 * What an allocate adds to the header. A free adds 1.
 */
#define LOOKASIDE_INLINE_ONE_HIT 65535

/**
 * What is before the address at which an interrupted section goes on, on x86-64.
 */
#define LOOKASIDE_INLINE_SIGNATURE 1392848979

/**
 * The same on AArch64.
 */
#define LOOKASIDE_INLINE_SIGNATURE_AARCH64 3559439360

/**
 * The largest block in bytes that `lookaside_process_list` has lists for.
 */
#define LOOKASIDE_PROCESS_LIST_SIZE 32768

/**
 * The largest alignment in bytes that it has lists for.
 */
#define LOOKASIDE_PROCESS_LIST_ALIGNMENT 4096

/**
 * The processor that the calling thread runs on.
 */
#define LOOKASIDE_CURRENT_PROCESSOR 4294967295u

/**
 * How many slots a table of pairs has.
 */
#define LOOKASIDE_PP_SLOTS 16

/**
 * What a call came to: an NTSTATUS value, one of `LOOKASIDE_STATUS_...`.
 */
typedef uint32_t lookaside_status;

/**
 * A lookaside list. The memory is the caller's, so that it can be part of a structure of the caller's; its contents are
 * the library's. It may not be moved or copied while the list lives, and zeroed memory is not a list yet.
 */
typedef struct LOOKASIDE_ALIGNED(16) lookaside_list {
    /**
     * The library's own.
     */
    uint64_t opaque[8];
} lookaside_list;

/**
 * A cache before a list, for the hot loop of one thread: an allocate and a free cost what a push and a pop of an array
 * cost, inlined by `lookaside_cache.h`. The memory is the caller's, and its contents are the library's. It may be
 * moved while no call on it is running. Set all bytes to 0 where it may be used before it is initialised.
 */
typedef struct lookaside_cache {
    /**
     * Where its blocks are: the caller's array.
     */
    void **blocks;
    /**
     * The list that it is in front of.
     */
    struct lookaside_list *list;
    /**
     * In the low 16 bits the blocks that it holds, above them the allocates that it served.
     */
    uint64_t header;
    /**
     * The blocks that it may hold; 0 where every call is the list's own.
     */
    uint32_t limit;
    /**
     * The alignment of a block, less 1.
     */
    uint32_t alignment_mask;
    /**
     * The library's own.
     */
    uint64_t opaque[12];
} lookaside_cache;

/**
 * What one list has done since it was initialised. While no one uses a list, its blocks are those that came less those
 * that went: for a processor list `current_depth` is
 * `total_frees - free_misses + refilled + added` less `total_allocates - allocate_misses + spilled + removed`,
 * and for the shared list the same with `refilled` and `spilled` in each other's place.
 */
typedef struct lookaside_counters {
    /**
     * Calls of allocate that reached the list.
     */
    uint64_t total_allocates;
    /**
     * Those that found no block and went one level down.
     */
    uint64_t allocate_misses;
    /**
     * Calls of free that reached the list.
     */
    uint64_t total_frees;
    /**
     * Those that found no room and went one level down.
     */
    uint64_t free_misses;
    /**
     * Blocks that batches moved from the shared list to processor lists, beside those asked for.
     */
    uint64_t refilled;
    /**
     * Blocks that batches moved from processor lists to the shared list, beside those that found no room.
     */
    uint64_t spilled;
    /**
     * Blocks put in by `lookaside_list_prefill`, and by trips to the pool beside those that were asked for.
     */
    uint64_t added;
    /**
     * Blocks taken out by flush, trim and the scan, and by trips to the pool beside those that were freed.
     */
    uint64_t removed;
    /**
     * Blocks that it keeps.
     */
    uint64_t current_depth;
    /**
     * Blocks that it may keep now.
     */
    uint64_t depth;
} lookaside_counters;

/**
 * Four characters that mark a list's blocks, the first in the low byte: see `LOOKASIDE_TAG`.
 */
typedef uint32_t lookaside_tag;

/**
 * The pool that a list takes its blocks from: one of `LOOKASIDE_POOL_...`, with the values of the WDK's POOL_TYPE.
 */
typedef uint32_t lookaside_pool_type;

/**
 * What a list is and has done.
 */
typedef struct lookaside_statistics {
    /**
     * `sizeof(lookaside_statistics)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes in a block.
     */
    size_t size;
    /**
     * The tag of its blocks.
     */
    lookaside_tag tag;
    /**
     * The pool.
     */
    lookaside_pool_type pool_type;
    /**
     * The most blocks that each processor list, and each division of the shared list, may ever keep.
     */
    uint32_t maximum_depth;
    /**
     * How many processor lists it has: one for each possible processor, or over slots for each slot; 0 for a general list.
     */
    uint32_t processors;
    /**
     * The whole list, seen as one: a miss is a call that reached the pool.
     */
    struct lookaside_counters list;
    /**
     * The sum of its processor lists.
     */
    struct lookaside_counters processor;
    /**
     * The shared list.
     */
    struct lookaside_counters shared;
    /**
     * Blocks that the pool or the allocate callback gave.
     */
    uint64_t pool_allocates;
    /**
     * Blocks that the pool or the free callback took back.
     */
    uint64_t pool_frees;
    /**
     * Times that the pool or the allocate callback had none.
     */
    uint64_t pool_failures;
    /**
     * Blocks that callers hold.
     */
    uint64_t outstanding;
    /**
     * Bytes of the list's slabs that may be in memory; 0 where its pool is another.
     */
    uint64_t resident;
} lookaside_statistics;

/**
 * What a list is called, where it is, and what it has done.
 */
typedef struct lookaside_list_info {
    /**
     * `sizeof(lookaside_list_info)`, set by the caller.
     */
    size_t struct_size;
    /**
     * The list; NULL for one that may move, as lists of Rust and of small pools may. It may be deleted as soon as the
     * call has returned, unless the program sees to that.
     */
    const struct lookaside_list *list;
    /**
     * Its name as reports have it, in UTF-8, with a zero byte behind it.
     */
    char name[40];
    /**
     * Its statistics.
     */
    struct lookaside_statistics statistics;
} lookaside_list_info;

/**
 * When a list's depth is tuned: one of `LOOKASIDE_TUNING_...`.
 */
typedef uint32_t lookaside_tuning;

/**
 * What a list is made of: one of `LOOKASIDE_TOPOLOGY_...`.
 */
typedef uint32_t lookaside_topology;

/**
 * Gives a new block of `size` bytes at a multiple of the list's alignment, or NULL when there is none.
 * It is called with no lock held, on the thread that allocates, and by several threads at once.
 */
typedef void *(*lookaside_allocate_function)(lookaside_pool_type pool_type,
                                             size_t size,
                                             lookaside_tag tag);

/**
 * Takes back a block that the allocate function of the same list gave, under the same conditions.
 */
typedef void (*lookaside_free_function)(void *block);

/**
 * A `lookaside_allocate_function` that gets its list.
 */
typedef void *(*lookaside_allocate_function_ex)(lookaside_pool_type pool_type,
                                                size_t size,
                                                lookaside_tag tag,
                                                struct lookaside_list *list);

/**
 * A `lookaside_free_function` that gets its list.
 */
typedef void (*lookaside_free_function_ex)(void *block, struct lookaside_list *list);

/**
 * What a list does beside the ordinary: `LOOKASIDE_FLAG_...`, combined by `|`.
 */
typedef uint32_t lookaside_flags;

/**
 * The parameters of a list. `LOOKASIDE_PARAMETERS(size)` initialises them for paged blocks, with all else at its
 * default. Or set all bytes to 0, which is for the default, then `struct_size`, `size`, `pool_type`, and what else
 * matters.
 */
typedef struct lookaside_parameters {
    /**
     * `sizeof(lookaside_parameters)`.
     */
    size_t struct_size;
    /**
     * Bytes in a block, at least 1.
     */
    size_t size;
    /**
     * A power of two, up to 65,536, that every block's address is a multiple of; 0 is 16.
     */
    size_t alignment;
    /**
     * The list's name in reports, as UTF-8. Its first 32 bytes are copied. NULL or "" names the list by the place of
     * the initialise, such as `packets.c:42`.
     */
    const char *name;
    /**
     * The tag of the list's blocks.
     */
    lookaside_tag tag;
    /**
     * The pool. 0 is the nonpaged pool, as in the WDK, which locks memory: most callers want `LOOKASIDE_POOL_PAGED`, as
     * `LOOKASIDE_PARAMETERS` has it.
     */
    lookaside_pool_type pool_type;
    /**
     * When the depth is tuned.
     */
    lookaside_tuning tuning;
    /**
     * The lists in front of the pool.
     */
    lookaside_topology topology;
    /**
     * The most blocks that each processor list, and each division of the shared list, may ever keep, up to 16,384; 0
     * is 256.
     */
    uint16_t maximum_depth;
    /**
     * How many each may keep at first, up to the maximum; 0 is 4.
     */
    uint16_t initial_depth;
    /**
     * How many blocks move at once between a processor list and the shared list; 0 is half the processor list's depth,
     * 1 is block by block, as in Windows. Never more than 63 do, nor more than the depth.
     */
    uint16_t batch;
    /**
     * `LOOKASIDE_INLINE_ABI` for a list that calls of `lookaside_inline.h` serve without a call of the library;
     * with 0 they call it.
     */
    uint16_t inline_abi;
    /**
     * Where new blocks come from; NULL is the pool.
     */
    lookaside_allocate_function allocate;
    /**
     * Where blocks go back to; NULL is the pool.
     */
    lookaside_free_function free;
    /**
     * As `allocate`, for a function that wants to know its list. At most one of the two may be given.
     */
    lookaside_allocate_function_ex allocate_ex;
    /**
     * As `free`, for a function that wants to know its list. At most one of the two may be given.
     */
    lookaside_free_function_ex free_ex;
    /**
     * What `lookaside_list_context` returns; the library only keeps it.
     */
    void *context;
    /**
     * What the list does beside the ordinary.
     */
    lookaside_flags flags;
    /**
     * Divisions of a pair's shared list, each for a group of processors; 0 is one for each 8 possible processors, or
     * with `LOOKASIDE_TUNING_WINDOWS` or a `batch` of 1 one list, as in Windows. At most 4, or one for each 8 possible
     * processors if that is more.
     */
    uint16_t divisions;
    /**
     * Must be 0.
     */
    uint16_t reserved;
    /**
     * A general list that serves as the shared list of this one, so that several lists may share it; NULL for a shared
     * list of its own. It must have blocks of the same size, alignment and pool; its callbacks are called, never this
     * list's. It cannot be deleted before this list, which must be a pair, without a flag for the verifier or the
     * special pool; it is verified if the shared list is.
     */
    struct lookaside_list *shared;
} lookaside_parameters;

/**
 * What a numbered pair caches: one of `LOOKASIDE_PP_...`.
 */
typedef uint32_t lookaside_pp_name;

/**
 * A version of the Windows kernel, whose enumeration numbers the pairs: one of `LOOKASIDE_KERNEL_...`.
 */
typedef uint32_t lookaside_kernel;

/**
 * Two lists that are treated as one: `PP_LOOKASIDE_LIST`. Filled by `lookaside_pp_set`.
 */
typedef struct lookaside_pp_list {
    /**
     * The processor lists: a pair list whose shared list is `l`, or `l` itself. NULL in an empty slot.
     */
    struct lookaside_list *p;
    /**
     * The shared list: a general list.
     */
    struct lookaside_list *l;
} lookaside_pp_list;

/**
 * Numbered pairs. All bytes 0 is a table of empty slots. In Windows each processor has such a table, in which each `p`
 * is its own and each `l` is shared; here one `p` has the lists of all processors, so one table serves them.
 */
typedef struct lookaside_pp_table {
    /**
     * By number: see `lookaside_pp_number`.
     */
    struct lookaside_pp_list slots[16];
} lookaside_pp_table;

/**
 * One of the library's pools: `LOOKASIDE_POOL_KIND_...`.
 */
typedef uint32_t lookaside_pool_kind;

/**
 * What one pool holds, in bytes and blocks.
 */
typedef struct lookaside_pool_usage {
    /**
     * `sizeof(lookaside_pool_usage)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes of the blocks that the pool gave and did not get back, those that lists keep included. Nonpaged, session
     * and the library's own paged pools count each block rounded up to 16 bytes, or its alignment.
     */
    uint64_t used;
    /**
     * Bytes that the pool took from the system; 0 for the process heap, which does not report it.
     */
    uint64_t reserved;
    /**
     * Bytes of those that are locked.
     */
    uint64_t locked;
    /**
     * The most that `used` ever was. For the process heap, slabs and nonpaged memory the most that was seen, once a
     * second and at each look.
     */
    uint64_t peak;
    /**
     * The most that `reserved` may become; 0 where the library sets no limit, and before the pool's first list.
     */
    uint64_t limit;
    /**
     * Blocks that `used` counts.
     */
    uint64_t blocks;
    /**
     * Requests for which the pool returned NULL.
     */
    uint64_t failures;
    /**
     * Blocks that the process heap gave instead of the special pool, or of slabs.
     */
    uint64_t fallbacks;
    /**
     * Blocks that were freed and could not be taken back: they were of a pool that a fork, or the death of a process
     * inside the session pool, had left half changed.
     */
    uint64_t lost;
} lookaside_pool_usage;

/**
 * A small pool. The memory is the caller's; its contents are the library's. It may not be moved or copied while the
 * pool lives, and zeroed memory is not a pool yet.
 */
typedef struct LOOKASIDE_ALIGNED(16) lookaside_small_pool {
    /**
     * The library's own.
     */
    uint64_t opaque[800];
} lookaside_small_pool;

/**
 * Which kernel's small-pool lists a pool has: one of `LOOKASIDE_GENERATION_...`.
 */
typedef uint32_t lookaside_generation;

/**
 * The parameters of a small pool. Set all bytes to 0, then `struct_size`, `generation`, and what else matters: 0 is
 * for the default.
 */
typedef struct lookaside_small_pool_parameters {
    /**
     * `sizeof(lookaside_small_pool_parameters)`.
     */
    size_t struct_size;
    /**
     * The beginning of its lists' names in reports, as UTF-8, NULL for "small pool". At most 16 bytes are copied.
     */
    const char *name;
    /**
     * Whose lists.
     */
    lookaside_generation generation;
    /**
     * When depths are tuned.
     */
    lookaside_tuning tuning;
    /**
     * The most blocks that each processor list, and each shared list, may ever keep, up to 16,384; 0 is 256.
     */
    uint16_t maximum_depth;
    /**
     * How many blocks move at once between a processor list and the shared list; 0 is half the depth, 1 is block by
     * block, as in Windows.
     */
    uint16_t batch;
    /**
     * Flags that choose its memory: `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`, `LOOKASIDE_FLAG_PAGED_ARENAS`, combined by `|`.
     */
    lookaside_flags flags;
    /**
     * `LOOKASIDE_INLINE_ABI` for a pool that `lookaside::memory_resource` of `lookaside.hpp` serves without a call of the
     * library; other programs leave 0.
     */
    uint16_t inline_abi;
    /**
     * Must be 0.
     */
    uint16_t reserved[3];
} lookaside_small_pool_parameters;

/**
 * What one of a small pool's lists counted on one level: hits, where other lists count misses.
 */
typedef struct lookaside_hit_counters {
    /**
     * Calls of allocate that reached this level.
     */
    uint64_t total_allocates;
    /**
     * Those that it had a block for.
     */
    uint64_t allocate_hits;
    /**
     * Calls of free that reached this level.
     */
    uint64_t total_frees;
    /**
     * Those that it had room for.
     */
    uint64_t free_hits;
    /**
     * Blocks that it keeps.
     */
    uint64_t current_depth;
    /**
     * Blocks that it may keep now.
     */
    uint64_t depth;
} lookaside_hit_counters;

/**
 * What one of a small pool's lists is and has done.
 */
typedef struct lookaside_small_list_statistics {
    /**
     * `sizeof(lookaside_small_list_statistics)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes in a block, the kernel's header included.
     */
    size_t block_size;
    /**
     * Its pool type: 0, 1 or 0x200.
     */
    lookaside_pool_type pool_type;
    /**
     * The most blocks that the list of a processor, or the shared list, may ever keep.
     */
    uint32_t maximum_depth;
    /**
     * The sum of its processor lists.
     */
    struct lookaside_hit_counters processor;
    /**
     * The shared list; all 0 in generations without one.
     */
    struct lookaside_hit_counters shared;
} lookaside_small_list_statistics;

/**
 * The order of rows: one of `LOOKASIDE_TAG_ORDER_...`.
 */
typedef uint32_t lookaside_tag_order;

/**
 * What was allocated and freed under one tag, of paged or of nonpaged memory.
 */
typedef struct lookaside_tag_usage {
    /**
     * The tag; `Ovfl` for all tags that came when the library's table of 1,024 was full.
     */
    lookaside_tag tag;
    /**
     * 0 for nonpaged memory, 1 for paged.
     */
    lookaside_pool_type pool_type;
    /**
     * Blocks allocated.
     */
    uint64_t allocates;
    /**
     * Blocks freed.
     */
    uint64_t frees;
    /**
     * Bytes of the blocks that are not freed: block sizes, which for small-pool blocks include the header and are
     * rounded up, as Windows charges them.
     */
    uint64_t bytes;
} lookaside_tag_usage;

/**
 * The head of an S-list, in memory of the caller's. Its words are those of Windows' SLIST_HEADER on 64-bit systems:
 * the depth in 16 bits and a sequence number in 48, then the first entry's address, whose lowest four bits are
 * reserved.
 */
typedef struct LOOKASIDE_ALIGNED(16) lookaside_slist_header {
    /**
     * The library's own.
     */
    uint64_t opaque[2];
} lookaside_slist_header;

/**
 * An entry of an S-list, which is in the caller's own structure at a multiple of 16 bytes.
 */
typedef struct LOOKASIDE_ALIGNED(16) lookaside_slist_entry {
    /**
     * The next entry, or NULL: the library's own while the entry is in a list, and the way along a flushed chain.
     */
    struct lookaside_slist_entry *next;
} lookaside_slist_entry;

/**
 * A misuse of the library, as a hook gets it. Nothing in it outlives the hook's call.
 */
typedef struct lookaside_violation {
    /**
     * `sizeof(lookaside_violation)`.
     */
    size_t struct_size;
    /**
     * What was done wrong: a Windows bug check, such as 0xC4.
     */
    uint32_t code;
    /**
     * The bug check's first parameter, such as 0x13; 0 where the code alone says it.
     */
    uint32_t parameter;
    /**
     * The list, or NULL when it concerns none. It may be no list any more.
     */
    const struct lookaside_list *list;
    /**
     * The list's name; empty when that is not known.
     */
    const char *name;
    /**
     * The block, or NULL when it concerns none.
     */
    const void *block;
    /**
     * The line that would be written to standard error, without a line end.
     */
    const char *line;
    /**
     * The tag of the list or block; 0 when that is not known.
     */
    lookaside_tag tag;
    /**
     * 0.
     */
    uint32_t reserved;
} lookaside_violation;

/**
 * What is called with a violation, on the thread that made it, with no lock held. It must return, or end the process.
 */
typedef void (*lookaside_violation_hook)(const struct lookaside_violation *violation);

/**
 * Which allocations fail on purpose: see `lookaside_simulate_low_resources`.
 */
typedef struct lookaside_low_resources {
    /**
     * `sizeof(lookaside_low_resources)`.
     */
    size_t struct_size;
    /**
     * What the share is drawn with.
     */
    uint64_t seed;
    /**
     * How many of the first are spared by the share, so that a program can start.
     */
    uint64_t skip;
    /**
     * Numbers of allocations that fail beside the share, from 1 on; NULL if `schedule_length` is 0.
     */
    const uint64_t *schedule;
    /**
     * How many they are, at most 256.
     */
    size_t schedule_length;
    /**
     * How many of a million fail, at most a million; Driver Verifier's share is 60000.
     */
    uint32_t share;
    /**
     * Only allocations with this tag are counted and fail; 0 for all.
     */
    lookaside_tag tag;
} lookaside_low_resources;

/**
 * `0x00000000`: the call did what was asked.
 */
#define LOOKASIDE_STATUS_SUCCESS 0u

/**
 * `0x00000103`: the list is deleted as soon as the blocks that callers still hold are freed.
 */
#define LOOKASIDE_STATUS_PENDING 259u

/**
 * `0x80000002`: the list object is not at a multiple of 16 bytes.
 */
#define LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT 2147483650u

/**
 * `0x80000005`: the buffer was too short: it holds the first part of the text.
 */
#define LOOKASIDE_STATUS_BUFFER_OVERFLOW 2147483653u

/**
 * `0x8000001A`: there are no more entries.
 */
#define LOOKASIDE_STATUS_NO_MORE_ENTRIES 2147483674u

/**
 * `0x80000011`: the list is live already, or one of its callbacks is running.
 */
#define LOOKASIDE_STATUS_DEVICE_BUSY 2147483665u

/**
 * `0xC0000008`: the object was never initialised as a list.
 */
#define LOOKASIDE_STATUS_INVALID_HANDLE 3221225480u

/**
 * `0xC000000D`: a parameter has a value that no list can have.
 */
#define LOOKASIDE_STATUS_INVALID_PARAMETER 3221225485u

/**
 * `0xC0000017`: the pool, or the system, had no memory.
 */
#define LOOKASIDE_STATUS_NO_MEMORY 3221225495u

/**
 * `0xC0000056`: the list was deleted before.
 */
#define LOOKASIDE_STATUS_DELETE_PENDING 3221225558u

/**
 * `0xC0000095`: the size is too large.
 */
#define LOOKASIDE_STATUS_INTEGER_OVERFLOW 3221225621u

/**
 * `0xC000009A`: there are as many lists as there can be.
 */
#define LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES 3221225626u

/**
 * `0xC00000A1`: the limit of locked memory (`RLIMIT_MEMLOCK`, `ulimit -l`) is too small for a nonpaged pool. Raise it,
 * grant `CAP_IPC_LOCK`, or set `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`.
 */
#define LOOKASIDE_STATUS_WORKING_SET_QUOTA 3221225633u

/**
 * `0xC00000BB`: the library, or the system, does not offer what was asked.
 */
#define LOOKASIDE_STATUS_NOT_SUPPORTED 3221225659u

/**
 * Memory that is never paged out.
 */
#define LOOKASIDE_POOL_NON_PAGED 0

/**
 * Ordinary memory: slabs, or the process heap.
 */
#define LOOKASIDE_POOL_PAGED 1

/**
 * Memory that is never paged out, blocks at the start of a cache line.
 */
#define LOOKASIDE_POOL_NON_PAGED_CACHE_ALIGNED 4

/**
 * Ordinary memory, blocks at the start of a cache line.
 */
#define LOOKASIDE_POOL_PAGED_CACHE_ALIGNED 5

/**
 * Memory that the process shares with its forked children.
 */
#define LOOKASIDE_POOL_NON_PAGED_SESSION 32

/**
 * The same.
 */
#define LOOKASIDE_POOL_PAGED_SESSION 33

/**
 * Memory that is never paged out and holds no code.
 */
#define LOOKASIDE_POOL_NON_PAGED_NX 512

/**
 * At each scan, at once when many misses come together, and down to the minimum when the list is idle.
 */
#define LOOKASIDE_TUNING_DEFAULT 0

/**
 * On the schedule of the Windows balance set manager alone.
 */
#define LOOKASIDE_TUNING_WINDOWS 1

/**
 * By `lookaside_adjust_depth` alone.
 */
#define LOOKASIDE_TUNING_MANUAL 2

/**
 * A list for each processor, and one that they share behind them.
 */
#define LOOKASIDE_TOPOLOGY_PAIR 0

/**
 * One list that all processors share, as a Windows driver's list is.
 */
#define LOOKASIDE_TOPOLOGY_GENERAL 1

/**
 * A list for each processor, with the pool right behind them, as newer kernels have for small blocks.
 */
#define LOOKASIDE_TOPOLOGY_SINGLE 2

/**
 * Every call is checked, and nothing is cached: each call reaches the pool. Misuse is reported as a violation (see
 * `lookaside_set_violation_hook`) with where it was done: a block freed twice, of another list or of none, written
 * beyond its ends or after its free, or still out when the list is deleted; a live list initialised again, or not
 * deleted after the program's last destructor. A freed block stays with the list for a while, full of 0xF5; a new one
 * is full of 0xCB. Lists with a callback fill and keep nothing, so that each callback gets every call at once. Not for
 * session pools. `LOOKASIDE_VERIFY=1` in the environment gives the flag to every list that the program makes.
 */
#define LOOKASIDE_FLAG_VERIFY 1

/**
 * Blocks come from the special pool, flush with the end of a page, and nothing is cached.
 */
#define LOOKASIDE_FLAG_SPECIAL_POOL 2

/**
 * The same, with blocks at the start of a page.
 */
#define LOOKASIDE_FLAG_SPECIAL_POOL_START 4

/**
 * Nonpaged memory may stay unlocked where the limit of locked memory is too small. The list's row in the report says so.
 */
#define LOOKASIDE_FLAG_BEST_EFFORT_LOCK 8

/**
 * Paged memory comes from the library's own arenas, where blocks of several lists share pages.
 */
#define LOOKASIDE_FLAG_PAGED_ARENAS 16

/**
 * The list keeps the rules of the WDK. `lookaside_wdm.h` sets it.
 */
#define LOOKASIDE_FLAG_WDK 32

/**
 * Small I/O request packets.
 */
#define LOOKASIDE_PP_SMALL_IRP 0

/**
 * Medium I/O request packets: from 6.1 on.
 */
#define LOOKASIDE_PP_MEDIUM_IRP 1

/**
 * Large I/O request packets.
 */
#define LOOKASIDE_PP_LARGE_IRP 2

/**
 * Memory descriptor lists.
 */
#define LOOKASIDE_PP_MDL 3

/**
 * Create information of objects.
 */
#define LOOKASIDE_PP_CREATE_INFO 4

/**
 * Buffers for names of objects.
 */
#define LOOKASIDE_PP_NAME_BUFFER 5

/**
 * Work of the cache manager.
 */
#define LOOKASIDE_PP_TWILIGHT 6

/**
 * Packets of completion ports.
 */
#define LOOKASIDE_PP_COMPLETION 7

/**
 * Scratch buffers: from 6.0 on.
 */
#define LOOKASIDE_PP_SCRATCH_BUFFER 8

/**
 * 5.0 to 5.2.
 */
#define LOOKASIDE_KERNEL_5 1280

/**
 * 6.0.
 */
#define LOOKASIDE_KERNEL_6_0 1536

/**
 * 6.1 and later.
 */
#define LOOKASIDE_KERNEL_6_1 1537

/**
 * The process heap, as far as lists hold memory of it.
 */
#define LOOKASIDE_POOL_KIND_HEAP 0

/**
 * The library's own paged pools, all together: `LOOKASIDE_FLAG_PAGED_ARENAS`.
 */
#define LOOKASIDE_POOL_KIND_PAGED_ARENAS 1

/**
 * The nonpaged pool: locked memory.
 */
#define LOOKASIDE_POOL_KIND_NON_PAGED 2

/**
 * The nonpaged pool of lists with `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`.
 */
#define LOOKASIDE_POOL_KIND_NON_PAGED_BEST_EFFORT 3

/**
 * The session pool: memory shared with forked children.
 */
#define LOOKASIDE_POOL_KIND_SESSION 4

/**
 * The special pool: each block on a page of its own.
 */
#define LOOKASIDE_POOL_KIND_SPECIAL 5

/**
 * Slabs: the paged pool of lists, each in pages of its own.
 */
#define LOOKASIDE_POOL_KIND_SLABS 6

/**
 * Windows 2000: 8 lists, blocks of 32 to 256 bytes in steps of 32, in pairs. Requests of up to 248 bytes.
 */
#define LOOKASIDE_GENERATION_5_0 0

/**
 * Windows XP and Server 2003 on x86: 32 lists, 8 to 256 bytes in steps of 8, in pairs. Requests of up to 248 bytes.
 */
#define LOOKASIDE_GENERATION_5_1_X86 1

/**
 * Windows XP and Server 2003 on x64: 32 lists, 16 to 512 bytes in steps of 16, in pairs. Requests of up to 496 bytes.
 */
#define LOOKASIDE_GENERATION_5_2_X64 2

/**
 * Windows Vista and later on x86: as `LOOKASIDE_GENERATION_5_1_X86`, without shared lists.
 */
#define LOOKASIDE_GENERATION_6_0_X86 3

/**
 * Windows Vista and later on x64: as `LOOKASIDE_GENERATION_5_2_X64`, without shared lists.
 */
#define LOOKASIDE_GENERATION_6_0_X64 4

/**
 * By tag as it prints, nonpaged memory before paged.
 */
#define LOOKASIDE_TAG_ORDER_TAG 0

/**
 * The most bytes first; among equals by tag.
 */
#define LOOKASIDE_TAG_ORDER_BYTES 1

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes an empty cache before a list.
 *
 * Parameters:
 * - `cache`: the caller's memory for it. Its contents do not matter; blocks that a cache there still held would be
 *   lost to the program, and count as out of their list.
 * - `list`: the list. It stays where it is as long as the cache is used.
 * - `blocks`: an array for the cache, which is the cache's until it is deleted.
 * - `capacity`: how many pointers it has room for, 1 to 65,535. Half of them are filled or emptied at once, 64 at
 *   most.
 *
 * Returns, and then the cache is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: the cache is ready. Delete it before the list.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, or `capacity` is out of range. Correct the program.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes, or one of the others at
 *   one of 8.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`: the list was never initialised.
 * - `LOOKASIDE_STATUS_DELETE_PENDING`: the list is deleted.
 *
 * Memory and threads: the list knows nothing of its caches. For it the blocks in them are out, and its statistics
 * count what reaches it. One thread at a time may use a cache. Before a list that is verified, or keeps nothing, each
 * call is the list's own. In the child of a fork a cache before a session pool's list holds blocks that are the
 * parent's too: one of the two has to leave its cache alone.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_cache_initialize(struct lookaside_cache *cache,
                                            struct lookaside_list *list,
                                            void **blocks,
                                            size_t capacity);

/**
 * Takes a block from the cache; when it has none, some from its list. The contents are what was there.
 *
 * Parameters:
 * - `cache`: the cache.
 *
 * Returns the block, which may be freed to the cache, to another of its list, or to the list itself. NULL when the
 * pool has none left, and when `cache` is NULL, misaligned, all zero bytes, or deleted.
 *
 * Memory and threads: one thread at a time. Not for signal handlers.
 *
 * WDK: it has no such function.
 */
void *lookaside_cache_allocate(struct lookaside_cache *cache);

/**
 * Gives a block to the cache; when it is full, some of its blocks go to its list.
 *
 * Parameters:
 * - `cache`: a cache of the list that the block came from.
 * - `block`: the block, or NULL, which has no effect.
 *
 * Returns nothing. The process ends with a message when the block could only be lost or do harm: `cache` is NULL,
 * misaligned, all zero bytes, or deleted, or `block` is misaligned. Besides, what `lookaside_list_free` says of the
 * list holds as soon as the block reaches it.
 *
 * Memory and threads: one thread at a time. The block may not be used afterwards.
 *
 * WDK: it has no such function.
 */
void lookaside_cache_free(struct lookaside_cache *cache,
                          void *block);

/**
 * Gives every block in the cache back to its list.
 *
 * Parameters:
 * - `cache`: the cache.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: it is empty.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `cache` is NULL.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: it is not at a multiple of 8 bytes.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`: it is all zero bytes, or deleted.
 *
 * Memory and threads: one thread at a time. A list that was deleted meanwhile, with the blocks out, takes them too.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_cache_flush(struct lookaside_cache *cache);

/**
 * Ends a cache: its blocks go back to its list, and it is all zero bytes.
 *
 * Parameters:
 * - `cache`: the cache.
 *
 * Returns as `lookaside_cache_flush`; on success its memory and its array may be reused.
 *
 * Memory and threads: as `lookaside_cache_flush`.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_cache_delete(struct lookaside_cache *cache);

/**
 * Returns what a cache served by itself: calls that its list never saw.
 *
 * Parameters:
 * - `cache`: the cache.
 * - `counters`: where to write them. A miss is a call that went to the list for some blocks, or with some: `refilled`
 *   and `spilled` are those beyond the one of the call, `removed` those that were flushed. `depth` is the most that
 *   the cache holds, 0 where each call is the list's own. They are exact unless 2^48 hits come between two misses or
 *   looks.
 *
 * Returns as `lookaside_cache_flush`, and `LOOKASIDE_STATUS_INVALID_PARAMETER` also when `counters` is NULL.
 *
 * Memory and threads: one thread at a time.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_cache_counters(struct lookaside_cache *cache,
                                          struct lookaside_counters *counters);

/**
 * Returns one list after another: every list of the process, those of small pools and of
 * `lookaside_process_list` included, in no particular order.
 *
 * Parameters:
 * - `cursor`: where the walk is; 0 begins. Each call moves it on.
 * - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_list_info)` by the caller.
 *
 * Returns, and then `out` is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled.
 * - `LOOKASIDE_STATUS_NO_MORE_ENTRIES`: the walk is over.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, or `struct_size` is not that of this version. The cursor
 *   stays.
 *
 * Memory and threads: any number of threads at once, each with a cursor of its own; no one is stopped, and nothing is
 * held between two calls: lists may be made and deleted meanwhile. A list that is there all the time comes once; one
 * that comes or goes may or may not be among them.
 *
 * WDK: `NtQuerySystemInformation` with class 0x2D.
 */
lookaside_status lookaside_next_list(uint64_t *cursor,
                                     struct lookaside_list_info *out);

/**
 * Makes a list. It is empty: the first blocks come from the pool, and freed blocks stay in it.
 *
 * Parameters:
 * - `list`: the caller's memory for the list, at a multiple of 16 bytes. Its contents do not matter, unless they are a
 *   live list; but they are read to see that, so zero them first if a tool such as Valgrind has to stay silent.
 * - `parameters`: what the list is made from. It is not needed after the call.
 *
 * Returns, and then the object is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: the list is ready, and must be deleted before its memory goes away.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, `struct_size` is not that of this version, `size` is 0,
 *   `alignment` is no power of two or too large, a depth is too large, the name is not UTF-8, an enumerated value or a
 *   flag is unknown, a reserved field is not 0, both callbacks of a kind are given, or `shared` is no list that this
 *   one can share. Correct the program.
 * - `LOOKASIDE_STATUS_INTEGER_OVERFLOW`: `size` is too large.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` or `shared` is not at a multiple of 16 bytes.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`: `shared` was never initialised, or is
 *   deleted.
 * - `LOOKASIDE_STATUS_NOT_SUPPORTED`: `LOOKASIDE_FLAG_VERIFY` for a session pool; or `inline_abi` is neither 0 nor
 *   this library's: compile the program anew, with the `lookaside_inline.h` that belongs to the library.
 * - `LOOKASIDE_STATUS_DEVICE_BUSY`: `list` is live already, or deleted with blocks still out, and goes on as it
 *   was. Delete it, or free its blocks, first.
 * - `LOOKASIDE_STATUS_WORKING_SET_QUOTA`: the nonpaged pool cannot be locked. Raise `RLIMIT_MEMLOCK` (`ulimit -l`),
 *   grant `CAP_IPC_LOCK`, or set `LOOKASIDE_FLAG_BEST_EFFORT_LOCK`.
 * - `LOOKASIDE_STATUS_NO_MEMORY`: no memory for the list's records. Try again later; nothing was taken.
 * - `LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES`: there are 65,536 lists, those of small pools among them. Delete some.
 *
 * Memory and threads: no one else may use the object during the call. Any thread may use the list afterwards.
 *
 * WDK: `ExInitializeLookasideListEx`, `ExInitializePagedLookasideList`, `ExInitializeNPagedLookasideList`. One
 * callback may be given without the other; the other is then the pool's routine, so the given one has to work with
 * `malloc` for a paged list.
 */
lookaside_status lookaside_list_initialize(struct lookaside_list *list,
                                           const struct lookaside_parameters *parameters);

/**
 * Makes a list as `lookaside_list_initialize` does, and names it by a place in the program if it has no name.
 *
 * C and C++ programs reach it by the macro `lookaside_list_initialize(list, parameters)`, which gives the place of the
 * call. `(lookaside_list_initialize)(list, parameters)` calls the function, and leaves the list without a name.
 *
 * Parameters:
 * - `place`: UTF-8 such as `src/packets.c:42`, NULL for none. What follows the last `/` becomes the name, of which the
 *   first 32 bytes are copied. Ignored if it is not UTF-8.
 * - `list`, `parameters`: as those of `lookaside_list_initialize`.
 *
 * Returns what `lookaside_list_initialize` returns.
 *
 * Memory and threads: as `lookaside_list_initialize`.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_list_initialize_at(const char *place,
                                              struct lookaside_list *list,
                                              const struct lookaside_parameters *parameters);

/**
 * Takes a block from the list, or from the pool when the list has none. The contents are what was there.
 *
 * Parameters:
 * - `list`: the list.
 *
 * Returns the block; the caller frees it to the same list. NULL when the pool has none left, and when `list` is NULL,
 * misaligned, all zero bytes, or deleted. Memory with other contents that never was a list is the caller's error.
 *
 * Memory and threads: any number of threads at once. Not for signal handlers: see `lookaside_list_try_allocate`.
 *
 * WDK: `ExAllocateFromLookasideListEx`, `ExAllocateFromPagedLookasideList`, `ExAllocateFromNPagedLookasideList`.
 */
void *lookaside_list_allocate(struct lookaside_list *list);

/**
 * Takes several blocks at once: one short trip through the list instead of one for each.
 *
 * Parameters:
 * - `list`: the list.
 * - `blocks`: where to write them, room for `count` pointers at a multiple of 8 bytes.
 * - `count`: how many.
 *
 * Returns how many blocks are in `blocks` from the first place on, in no particular order: all, or fewer when the
 * pool had no more; the places behind them are undefined then. 0 when `blocks` is NULL or misaligned or `count` more
 * than memory has room for, and when `list` is NULL, misaligned, all zero bytes, or deleted. Each block counts as one
 * allocate.
 *
 * Memory and threads: as `lookaside_list_allocate`. The time grows with `count`.
 *
 * WDK: it has no such function.
 */
size_t lookaside_list_allocate_many(struct lookaside_list *list,
                                    void **blocks,
                                    size_t count);

/**
 * Takes a block that the list keeps, and never asks the pool or a callback.
 *
 * Parameters:
 * - `list`: the list.
 *
 * Returns the block, or NULL when the list has none at hand, and when `list` is NULL, misaligned, never initialised,
 * or deleted.
 *
 * Memory and threads: any number of threads at once, and signal handlers.
 *
 * WDK: it has no such function.
 */
void *lookaside_list_try_allocate(struct lookaside_list *list);

/**
 * Gives a block back to the list, or through it to the pool when the list is full.
 *
 * Parameters:
 * - `list`: the list that the block came from. It may be deleted already if the block was out then.
 * - `block`: the block, or NULL, which has no effect.
 *
 * Returns nothing. The process ends with a message when the block could only be lost or do harm: `list` is NULL,
 * misaligned, all zero bytes, or deleted with no block out, or `block` is misaligned.
 * Memory with other contents that never was a list, a block of another list, and a block that is freed twice are the
 * caller's error, and not always found.
 *
 * Memory and threads: any number of threads at once. The block may not be used afterwards.
 *
 * WDK: `ExFreeToLookasideListEx`, `ExFreeToPagedLookasideList`, `ExFreeToNPagedLookasideList`.
 */
void lookaside_list_free(struct lookaside_list *list,
                         void *block);

/**
 * Gives several blocks back at once.
 *
 * Parameters:
 * - `list`: the list that the blocks came from.
 * - `blocks`: the blocks, none of them twice; or NULL, which has no effect. Those among them that are NULL have none.
 * - `count`: how many pointers are in `blocks`. A count larger than the address space is ignored.
 *
 * Returns nothing. Each block gets what `lookaside_list_free` gives it: the process ends with a message at the first
 * that could only be lost or do harm. Each counts as one free.
 *
 * Memory and threads: as `lookaside_list_free`. The time grows with `count`.
 *
 * WDK: it has no such function.
 */
void lookaside_list_free_many(struct lookaside_list *list,
                              void *const *blocks,
                              size_t count);

/**
 * Gives every block that the list keeps back to the pool. The list stays as it is otherwise, its depth included.
 *
 * Parameters:
 * - `list`: the list.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: the blocks that it kept are back in the pool.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `list` is NULL.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised.
 * - `LOOKASIDE_STATUS_DELETE_PENDING`: it is deleted.
 *
 * Memory and threads: others may use the list meanwhile. The free callback runs on the calling thread.
 *
 * WDK: `ExFlushLookasideListEx`.
 */
lookaside_status lookaside_list_flush(struct lookaside_list *list);

/**
 * Gives back to the pool what the list keeps beyond its depth.
 *
 * Parameters:
 * - `list`: the list.
 *
 * Returns as `lookaside_list_flush`.
 *
 * Memory and threads: as `lookaside_list_flush`. A scan does the same by itself, except with
 * `LOOKASIDE_TUNING_WINDOWS`; for a list with a free callback it leaves the work to the next caller who misses.
 *
 * WDK: it has no such function; there, surplus blocks stay.
 */
lookaside_status lookaside_list_trim(struct lookaside_list *list);

/**
 * Gives up to this many of the blocks that the list keeps back to the pool: those of the shared list first, then the
 * oldest of each processor list.
 *
 * Parameters:
 * - `list`: the list.
 * - `blocks`: how many.
 *
 * Returns how many went back: fewer where the list keeps fewer, 0 also when `list` is NULL, misaligned, never
 * initialised, or deleted.
 *
 * Memory and threads: as `lookaside_list_flush`. The time grows with `blocks`.
 *
 * WDK: it has no such function.
 */
size_t lookaside_list_release(struct lookaside_list *list,
                              size_t blocks);

/**
 * Takes blocks from the pool into the list, so that the first allocates find some.
 *
 * Parameters:
 * - `list`: the list.
 * - `blocks`: how many. The list takes no more than its maximum depth has room for, and raises its depth for them.
 * - `filled`: where to write how many came in, or NULL.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: the list has all of them, or is full; `*filled` says how many came in.
 * - `LOOKASIDE_STATUS_NO_MEMORY`: the pool had no more; those that came stay, and `*filled` says how many.
 * - otherwise as `lookaside_list_flush`, and `*filled` is untouched.
 *
 * Memory and threads: others may use the list meanwhile. The allocate callback runs on the calling thread.
 *
 * WDK: it has no such function; there, nothing is ever preallocated.
 */
lookaside_status lookaside_list_prefill(struct lookaside_list *list,
                                        size_t blocks,
                                        size_t *filled);

/**
 * Deletes the list: what it keeps goes back to the pool, and it leaves the reports.
 *
 * Parameters:
 * - `list`: the list.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: it is gone; its memory may be reused, and initialised again.
 * - `LOOKASIDE_STATUS_PENDING`: callers still hold blocks. These stay valid, each free of one goes to the pool, and
 *   the last one ends the list; keep its memory until then. A list that shares its shared list never returns this,
 *   since its blocks may be freed to the shared list.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `list` is NULL.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised; there is nothing to delete.
 * - `LOOKASIDE_STATUS_DELETE_PENDING`: it was deleted before; this call had no effect.
 * - `LOOKASIDE_STATUS_DEVICE_BUSY`: one of its callbacks is running, or other lists share it. Delete it later.
 *
 * Memory and threads: no one else may call anything on the list during the call.
 *
 * WDK: `ExDeleteLookasideListEx`, `ExDeletePagedLookasideList`, `ExDeleteNPagedLookasideList`, which return nothing
 * and lose the blocks that are out.
 */
lookaside_status lookaside_list_delete(struct lookaside_list *list);

/**
 * Returns the list that the whole process shares for paged blocks of at least this size and alignment: the same one to
 * every shared object of the program, so that what one allocates another may free. It is made at the first request.
 *
 * Parameters:
 * - `size`: bytes of a block; 0 counts as 1. There is a list for each 16 bytes up to 1,024, and four for each doubling
 *   above.
 * - `alignment`: a power of two; 0 is 16.
 *
 * Returns the list, which is never deleted: `lookaside_list_delete` may not be called for it. Calls of
 * `lookaside_inline.h` serve it inlined. NULL above a size of `LOOKASIDE_PROCESS_LIST_SIZE` or an alignment of
 * `LOOKASIDE_PROCESS_LIST_ALIGNMENT`, for an alignment that is no power of two, and when there is no memory for the
 * list: then a later call may find some.
 *
 * Memory and threads: any number of threads at once. Reports name it by its size, with the tag `Size`; the verifier
 * does not report it as forgotten.
 *
 * WDK: it has no such function.
 */
struct lookaside_list *lookaside_process_list(size_t size,
                                              size_t alignment);

/**
 * Returns the context that the list was initialised with, for callbacks that are given the list.
 *
 * Parameters:
 * - `list`: the list.
 *
 * Returns the context; NULL when `list` is no live list.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: it has no such function; there, callbacks find their context around the list by `CONTAINING_RECORD`, which
 * works here as well.
 */
void *lookaside_list_context(const struct lookaside_list *list);

/**
 * Gives a block back to the list of a given processor, or through it to the shared list or the pool.
 *
 * Parameters:
 * - `list`: the list that the block came from.
 * - `block`: the block, or NULL, which has no effect.
 * - `processor`: the processor's number. A number that the list has no processor list for, such as
 *   `LOOKASIDE_CURRENT_PROCESSOR`, means the current one; so does every number over the engine `slots`.
 *
 * Returns nothing. The process ends with a message as for `lookaside_list_free`, and also where `list` has other
 * contents than a list's.
 *
 * Memory and threads: any number of threads at once. For another processor than the current one it takes some
 * microseconds, since that processor's list is closed for the moment.
 *
 * WDK: `ExFreeToPPLookasideList`, which is the kernel's own.
 */
void lookaside_list_free_to_processor(struct lookaside_list *list,
                                      void *block,
                                      uint32_t processor);

/**
 * Returns the number of a pair in the table of a kernel's version: its value in `PP_NPAGED_LOOKASIDE_NUMBER`.
 *
 * Parameters:
 * - `name`: what the pair caches.
 * - `kernel`: the version.
 *
 * Returns the number, below `LOOKASIDE_PP_SLOTS`; -1 where that version has no such pair, or an argument is unknown.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: `LookasideSmallIrpList` and its kin.
 */
int32_t lookaside_pp_number(lookaside_pp_name name,
                            lookaside_kernel kernel);

/**
 * Fills a slot of a table, or empties it.
 *
 * Parameters:
 * - `table`: the table.
 * - `number`: the slot.
 * - `p`: a pair list that was initialised with `l` as its `shared`, or `l` itself; NULL to empty the slot.
 * - `l`: a general list; NULL to empty the slot.
 *
 * Returns, and then the slot is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: the slot has the two lists, or none.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `table` is NULL, there is no such slot, one list is NULL and the other is
 *   not, or the two make no pair.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`: a
 *   list is misaligned, was never initialised, or is deleted.
 *
 * Memory and threads: no one else may use the slot during the call. The lists must be there as long as the slot is
 * used.
 *
 * WDK: the kernel fills its tables when it starts a processor.
 */
lookaside_status lookaside_pp_set(struct lookaside_pp_table *table,
                                  uint32_t number,
                                  struct lookaside_list *p,
                                  struct lookaside_list *l);

/**
 * Takes a block of a numbered pair: from `p`, else from `l`, else from the pool of `l`.
 *
 * Parameters:
 * - `table`: the table.
 * - `number`: the slot.
 *
 * Returns the block; NULL when the pool has none left, when the slot is empty or is none, and when `table` is NULL.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: `ExAllocateFromPPLookasideList`, which is the kernel's own. Where `p` and `l` are one list, it is looked at
 * twice, and counts twice.
 */
void *lookaside_pp_allocate(const struct lookaside_pp_table *table,
                            uint32_t number);

/**
 * Gives a block of a numbered pair back.
 *
 * Parameters:
 * - `table`: the table.
 * - `number`: the slot.
 * - `block`: the block, from this slot or from another one with the same `l`; or NULL, which has no effect.
 * - `processor`: whose list it goes to: see `lookaside_list_free_to_processor`.
 *
 * Returns nothing. The process ends with a message as for `lookaside_list_free`, and where `table` is NULL or the slot
 * is empty, since the block would be lost.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: `ExFreeToPPLookasideList`, which is the kernel's own.
 */
void lookaside_pp_free(const struct lookaside_pp_table *table,
                       uint32_t number,
                       void *block,
                       uint32_t processor);

/**
 * Returns what a pool holds. The numbers are exact as of one moment; those of the process heap, slabs and nonpaged
 * memory if no one uses a list meanwhile.
 *
 * Parameters:
 * - `kind`: the pool.
 * - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_pool_usage)` by the caller.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `out` is NULL, `struct_size` is not that of this version, or there is no
 *   such pool. `out` is untouched.
 *
 * Memory and threads: any number of threads at once, for a short lock. Constant time, but for the process heap and
 * slabs, for which every list is looked at, and nonpaged memory, for which what lists hold of it is, by 64 KiB.
 *
 * WDK: the pool counters of `NtQuerySystemInformation` with class 2.
 */
lookaside_status lookaside_pool_statistics(lookaside_pool_kind kind,
                                           struct lookaside_pool_usage *out);

/**
 * Writes a table of all pools, a row each, and a line with the limit of locked memory and how to raise it.
 *
 * Parameters:
 * - `buffer`: where the text goes, ending with a zero byte. NULL if `capacity` is 0.
 * - `capacity`: how many bytes `buffer` has.
 * - `needed`: where to write how many bytes the whole text takes with its zero byte, or NULL.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: the whole text is in `buffer`.
 * - `LOOKASIDE_STATUS_BUFFER_OVERFLOW`: it is longer. `buffer` holds the part that fits, with a zero byte behind it.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `buffer` is NULL and `capacity` is not 0. `*needed` is set all the same.
 *
 * Memory and threads: as for `lookaside_pool_statistics`; nothing is allocated.
 *
 * WDK: `!vm` in the kernel debugger.
 */
lookaside_status lookaside_pool_report(char *buffer,
                                       size_t capacity,
                                       size_t *needed);

/**
 * Returns what a list is and has done. The numbers are exact when no one uses the list during the call.
 *
 * Parameters:
 * - `list`: the list.
 * - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_statistics)` by the caller.
 *
 * Returns, and then `out` is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, or `struct_size` is not that of this version.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `list` is not at a multiple of 16 bytes.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised.
 * - `LOOKASIDE_STATUS_DELETE_PENDING`: it is deleted.
 *
 * Memory and threads: any number of threads at once; no one is stopped.
 *
 * WDK: `NtQuerySystemInformation` with class 0x2D.
 */
lookaside_status lookaside_list_statistics(const struct lookaside_list *list,
                                           struct lookaside_statistics *out);

/**
 * Returns which engine serves lists that ask for none, and why.
 *
 * Parameters: none.
 *
 * Returns a text such as `heap, because AddressSanitizer is present`: the engine's name as `LOOKASIDE_ENGINE` takes
 * it, and the reason. The same pointer at each call; not to be freed. The first call chooses the engine, if no list
 * did.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: it has no such function.
 */
const char *lookaside_engine(void);

/**
 * Runs one scan over all lists now, as the balance set manager does once a second.
 *
 * In a program with one thread, which no thread scans, a timer of its event loop may call it once a second.
 *
 * Parameters: none.
 *
 * Returns nothing.
 *
 * Memory and threads: any number of threads at once. No callback runs.
 *
 * WDK: `ExAdjustLookasideDepth`.
 */
void lookaside_adjust_depth(void);

/**
 * Sets how many bytes all lists together may keep.
 *
 * Scans enforce it: when lists keep more, those that were used least since the scan before give up all that they keep,
 * one after the other, and a depth that tunes itself begins anew. So between two scans they may keep more. Lists with a
 * free callback do so at their next miss. What callers hold does not count. While there is a limit a scan looks at
 * every list.
 *
 * Parameters:
 * - `bytes`: the limit; `UINT64_MAX` for none, which is the default. `LOOKASIDE_LIMIT` in the environment does the
 *   same.
 *
 * Returns nothing.
 *
 * Memory and threads: any number of threads at once. O(1).
 *
 * WDK: it has no such function.
 */
void lookaside_set_limit(uint64_t bytes);

/**
 * Has scans look at memory pressure, or no more. Where tasks of the process's control group (of the system, where the
 * group reports none) waited for memory for more than a tenth of the time since the last scan, the lists that were used
 * least give up what they keep until all together keep half; the next scan does the same, as long as it lasts.
 *
 * Off is the default, since a scan then makes system calls that a sandbox may forbid: openat, read, close.
 *
 * Parameters:
 * - `on`: not 0 to look. `LOOKASIDE_PRESSURE` in the environment does the same.
 *
 * Returns nothing. Where the kernel reports no pressure, nothing happens.
 *
 * Memory and threads: any number of threads at once. O(1).
 *
 * WDK: it has no such function.
 */
void lookaside_trim_on_pressure(int on);

/**
 * Starts the thread that scans the lists once a second, also in a process that has one thread.
 *
 * Without this call the library starts it as soon as the process has a second thread and a list whose tuning is not
 * `LOOKASIDE_TUNING_MANUAL`. Until then calls scan, and a program whose calls are all hits is not scanned: it either
 * calls this, or `lookaside_adjust_depth` from a timer of its event loop.
 *
 * Parameters: none.
 *
 * Returns `LOOKASIDE_STATUS_SUCCESS`: the thread runs, or will when the first list is made; or
 * `LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES`: the system gives no thread, so calls scan, and it is tried again once a
 * second.
 *
 * Memory and threads: any number of threads at once. The thread has a small stack and every signal blocked. It ends
 * with the last list, and is started again with the next.
 *
 * WDK: the kernel's balance set manager runs in any case.
 */
lookaside_status lookaside_start_balance_thread(void);

/**
 * Writes the report of a list, or of all lists with their totals, in the shape of the debugger's `!lookaside`.
 *
 * Parameters:
 * - `list`: the list, or NULL for all.
 * - `buffer`: where the text goes, ending with a zero byte. NULL if `capacity` is 0.
 * - `capacity`: how many bytes `buffer` has.
 * - `needed`: where to write how many bytes the whole text takes with its zero byte, or NULL.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: the whole text is in `buffer`.
 * - `LOOKASIDE_STATUS_BUFFER_OVERFLOW`: it is longer. `buffer` holds the part that fits, with a zero byte behind it;
 *   call again with `*needed` bytes, and be ready to do so more than once while lists come and go.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `buffer` is NULL and `capacity` is not 0. `*needed` is set all the same.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`: as
 *   for `lookaside_list_statistics`. Nothing is written.
 *
 * Memory and threads: any number of threads at once; no one is stopped, and nothing is allocated.
 *
 * WDK: `!lookaside` in the kernel debugger.
 */
lookaside_status lookaside_report(const struct lookaside_list *list,
                                  char *buffer,
                                  size_t capacity,
                                  size_t *needed);

/**
 * Returns the name of a status, such as `STATUS_INVALID_PARAMETER`.
 *
 * Parameters:
 * - `status`: any value.
 *
 * Returns a string that is valid for ever; `STATUS_UNKNOWN` for a value that this library does not use.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: the names of ntstatus.h.
 */
const char *lookaside_status_string(lookaside_status status);

/**
 * Returns the version of the library that is loaded, such as `0.2.0`.
 *
 * Parameters: none.
 *
 * Returns a string that is valid for ever.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: it has no such function.
 */
const char *lookaside_version(void);

/**
 * Allocates a block of any size under a tag. Up to 496 bytes it comes from a list for its size, one of generation
 * 5.2's for x64; paged memory of up to 4,064 bytes comes from lists of the process as well, and takes 32 bytes and up to a
 * fourth more; that of 4,096 to 32,768 bytes is whole pages from lists of the process, and takes at most a 64th more; the
 * rest, session memory and cache-aligned blocks come from the pool itself.
 *
 * Parameters:
 * - `pool_type`: the pool, with the flags of the WDK's POOL_TYPE; those for raising have no effect.
 * - `size`: bytes; 0 counts as 1.
 * - `tag`: what the block is counted under, and has to be freed with.
 *
 * Returns the block, with the contents that were there, at a multiple of 16 bytes, of 64 for cache-aligned types, and
 * of 4,096 from a size of 4,096 on. NULL when the pool has no memory, for a size that no block can have, and for a
 * pool type without a meaning.
 *
 * Memory and threads: any number of threads at once, from the first call on. Not for signal handlers. Free it with
 * `lookaside_pool_free`.
 *
 * WDK: `ExAllocatePoolWithTag`.
 */
void *lookaside_pool_allocate(lookaside_pool_type pool_type,
                              size_t size,
                              lookaside_tag tag);

/**
 * Allocates a block at a multiple of `alignment` bytes.
 *
 * Parameters:
 * - `pool_type`, `size`, `tag`: as for `lookaside_pool_allocate`.
 * - `alignment`: a power of two up to 65,536.
 *
 * Returns the block, aligned as `lookaside_pool_allocate` aligns it at least. NULL as from that function, and for
 * another alignment.
 *
 * Memory and threads: as `lookaside_pool_allocate`. Free it with `lookaside_pool_free`.
 *
 * WDK: it has no such function.
 */
void *lookaside_pool_allocate_aligned(lookaside_pool_type pool_type,
                                      size_t size,
                                      size_t alignment,
                                      lookaside_tag tag);

/**
 * Frees a block of `lookaside_pool_allocate`.
 *
 * Parameters:
 * - `block`: the block, or NULL, which has no effect.
 * - `tag`: its tag, or 0, which fits every block.
 *
 * Returns nothing. A violation (see `lookaside_set_violation_hook`) is another tag than the block's (bug check 0xC2,
 * 0xA), a block that is free already as long as its memory was not used again (0xC4, 0x13), and memory that did not
 * come from `lookaside_pool_allocate` or whose header was overwritten (0xC4, 0x10). To see that, the 16 bytes before
 * the block are read.
 *
 * Memory and threads: any number of threads at once. The block may not be used afterwards.
 *
 * WDK: `ExFreePoolWithTag`; with tag 0 `ExFreePool`.
 */
void lookaside_pool_free(void *block,
                         lookaside_tag tag);

/**
 * Frees a block of `lookaside_pool_allocate` whose size the caller knows.
 *
 * Parameters:
 * - `block`: the block, or NULL, which has no effect.
 * - `size`: the size that it was allocated with.
 * - `tag`: its tag, or 0, which fits every block.
 *
 * Returns nothing. Another size than the block's is a violation too (bug check 0xC4, 0x10); otherwise as
 * `lookaside_pool_free`.
 *
 * Memory and threads: as `lookaside_pool_free`.
 *
 * WDK: it has no such function.
 */
void lookaside_pool_free_sized(void *block,
                               size_t size,
                               lookaside_tag tag);

/**
 * Returns the size that a block of `lookaside_pool_allocate` was allocated with.
 *
 * Parameters:
 * - `block`: the block, or NULL.
 *
 * Returns the size, 1 for 0; 0 for NULL. What is no such block is a violation, as for `lookaside_pool_free`.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: it has no such function.
 */
size_t lookaside_pool_size(const void *block);

/**
 * Makes a small pool of the caller's own. Its lists are made kind by kind, at the first use of nonpaged, paged and NX
 * memory.
 *
 * Parameters:
 * - `pool`: the caller's memory for it, at a multiple of 16 bytes. Its contents do not matter, unless they are a live
 *   pool; but they are read to see that.
 * - `parameters`: what the pool is made from. It is not needed after the call.
 *
 * Returns, and then the object is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: the pool is ready, and must be deleted before its memory goes away.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: a pointer is NULL, `struct_size` is not that of this version, `reserved` is not
 *   0, the maximum depth is too large, the name is not UTF-8, an enumerated value is unknown, or a flag is not for pools.
 * - `LOOKASIDE_STATUS_NOT_SUPPORTED`: `inline_abi` is neither 0 nor that of this library.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `pool` is not at a multiple of 16 bytes.
 * - `LOOKASIDE_STATUS_DEVICE_BUSY`: `pool` is live already, and goes on as it was.
 *
 * Memory and threads: no one else may use the object during the call. Any thread may use the pool afterwards.
 *
 * WDK: it has no such function; the kernel makes its small-pool lists for each processor.
 */
lookaside_status lookaside_small_pool_initialize(struct lookaside_small_pool *pool,
                                                 const struct lookaside_small_pool_parameters *parameters);

/**
 * Makes a pool's lists for one kind of memory now, instead of at the first use.
 *
 * Parameters:
 * - `pool`: the pool.
 * - `pool_type`: `LOOKASIDE_POOL_NON_PAGED`, `LOOKASIDE_POOL_PAGED` or `LOOKASIDE_POOL_NON_PAGED_NX`.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: the lists are there.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `pool` is NULL, or the pool type has no lists.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `pool` is not at a multiple of 16 bytes.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised.
 * - `LOOKASIDE_STATUS_DELETE_PENDING`: it is deleted.
 * - `LOOKASIDE_STATUS_DEVICE_BUSY`: another thread is making them.
 * - what `lookaside_list_initialize` returns for a list that could not be made, such as
 *   `LOOKASIDE_STATUS_WORKING_SET_QUOTA`: the pool itself serves the blocks of these lists from now on.
 *
 * Memory and threads: others may use the pool meanwhile.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_small_pool_prepare(struct lookaside_small_pool *pool,
                                              lookaside_pool_type pool_type);

/**
 * Allocates a block of any size under a tag, from a pool of the caller's own.
 *
 * Parameters:
 * - `pool`: the pool.
 * - `pool_type`, `size`, `tag`: as for `lookaside_pool_allocate`.
 *
 * Returns as `lookaside_pool_allocate`, by the limit of the pool's generation; blocks of x86 generations are promised
 * to be at a multiple of 8 bytes. NULL also when `pool` is NULL, misaligned, never initialised, or deleted.
 *
 * Memory and threads: any number of threads at once. Not for signal handlers. Free it with
 * `lookaside_small_pool_free`.
 *
 * WDK: `ExAllocatePoolWithTag`.
 */
void *lookaside_small_pool_allocate(struct lookaside_small_pool *pool,
                                    lookaside_pool_type pool_type,
                                    size_t size,
                                    lookaside_tag tag);

/**
 * Allocates a block at a multiple of `alignment` bytes, from a pool of the caller's own.
 *
 * Parameters:
 * - `pool`: the pool.
 * - `pool_type`, `size`, `alignment`, `tag`: as for `lookaside_pool_allocate_aligned`.
 *
 * Returns as that function; NULL also when `pool` is NULL, misaligned, never initialised, or deleted.
 *
 * Memory and threads: as `lookaside_small_pool_allocate`. Free it with `lookaside_small_pool_free`.
 *
 * WDK: it has no such function.
 */
void *lookaside_small_pool_allocate_aligned(struct lookaside_small_pool *pool,
                                            lookaside_pool_type pool_type,
                                            size_t size,
                                            size_t alignment,
                                            lookaside_tag tag);

/**
 * Frees a block of `lookaside_small_pool_allocate`.
 *
 * Parameters:
 * - `pool`: the pool that the block came from. It may be deleted already if the block was out then.
 * - `block`, `tag`: as for `lookaside_pool_free`.
 *
 * Returns nothing. Violations are those of `lookaside_pool_free`, where a block of another pool is memory that did not
 * come from this one; and a `pool` that is NULL, misaligned or was never initialised, unless `block` is NULL.
 *
 * Memory and threads: any number of threads at once. The block may not be used afterwards.
 *
 * WDK: `ExFreePoolWithTag`; with tag 0 `ExFreePool`.
 */
void lookaside_small_pool_free(struct lookaside_small_pool *pool,
                               void *block,
                               lookaside_tag tag);

/**
 * Frees a block of `lookaside_small_pool_allocate` whose size the caller knows.
 *
 * Parameters:
 * - `pool`, `block`, `tag`: as for `lookaside_small_pool_free`.
 * - `size`: the size that it was allocated with.
 *
 * Returns nothing. Another size than the block's is a violation too (bug check 0xC4, 0x10).
 *
 * Memory and threads: as `lookaside_small_pool_free`.
 *
 * WDK: it has no such function.
 */
void lookaside_small_pool_free_sized(struct lookaside_small_pool *pool,
                                     void *block,
                                     size_t size,
                                     lookaside_tag tag);

/**
 * Returns the size that a block of `lookaside_small_pool_allocate` was allocated with.
 *
 * Parameters:
 * - `pool`: the pool that the block came from.
 * - `block`: the block, or NULL.
 *
 * Returns the size, 1 for 0; 0 for NULL. Violations are those of `lookaside_small_pool_free`.
 *
 * Memory and threads: any number of threads at once.
 *
 * WDK: it has no such function.
 */
size_t lookaside_small_pool_size(const struct lookaside_small_pool *pool, const void *block);

/**
 * Allocates a block without a header, so without tag and checks: the caller names its size when freeing it. Up to 256
 * or 512 bytes, by the generation, it comes from a list for its size.
 *
 * Parameters:
 * - `pool`: the pool.
 * - `pool_type`: a type that `lookaside_small_pool_prepare` takes; flags for raising have no effect.
 * - `size`: bytes; 0 counts as 1.
 *
 * Returns the block, with the contents that were there, at a multiple of 16 bytes (for x86 generations 8 are
 * promised). NULL when the pool has no memory, for a pool type without lists, and when `pool` is NULL, misaligned,
 * never initialised, or deleted.
 *
 * Memory and threads: any number of threads at once. Not for signal handlers. The block is not in the usage by tag.
 * Free it with `lookaside_small_pool_free_bare`.
 *
 * WDK: it has no such function.
 */
void *lookaside_small_pool_allocate_bare(struct lookaside_small_pool *pool,
                                         lookaside_pool_type pool_type,
                                         size_t size);

/**
 * Frees a block of `lookaside_small_pool_allocate_bare`.
 *
 * Parameters:
 * - `pool`: the pool that the block came from. It may be deleted already if the block was out then.
 * - `pool_type`, `size`: what it was allocated with.
 * - `block`: the block, or NULL, which has no effect.
 *
 * Returns nothing. A violation is a `pool` that is NULL, misaligned or was never initialised, a misaligned block, and
 * a pool type or size that no block can have. Another pool, type or size than the block's, and a second free, are the
 * caller's error and not found.
 *
 * Memory and threads: any number of threads at once. The block may not be used afterwards.
 *
 * WDK: it has no such function.
 */
void lookaside_small_pool_free_bare(struct lookaside_small_pool *pool,
                                    lookaside_pool_type pool_type,
                                    void *block,
                                    size_t size);

/**
 * Gives every block that a pool's lists keep back to the pool behind them.
 *
 * Parameters:
 * - `pool`: the pool.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: it is done.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`, `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`,
 *   `LOOKASIDE_STATUS_DELETE_PENDING`: `pool` is NULL, misaligned, never initialised, deleted.
 *
 * Memory and threads: others may use the pool meanwhile.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_small_pool_flush(struct lookaside_small_pool *pool);

/**
 * Returns what one of a pool's lists is and has done. The numbers are exact when no one uses the pool during the call.
 *
 * Parameters:
 * - `pool`: the pool, or NULL for the one behind `lookaside_pool_allocate`.
 * - `pool_type`: a type that `lookaside_small_pool_prepare` takes.
 * - `list`: the list's number: its block size in units of the generation, less one.
 * - `out`: where the result goes, with `struct_size` set to `sizeof(lookaside_small_list_statistics)` by the caller.
 *
 * Returns, and then `out` is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: `out` is filled; all counters are 0 until the list is made.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `out` is NULL, `struct_size` is not that of this version, or there is no
 *   such list.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`, `LOOKASIDE_STATUS_INVALID_HANDLE`, `LOOKASIDE_STATUS_DELETE_PENDING`:
 *   `pool` is misaligned, never initialised, deleted.
 *
 * Memory and threads: any number of threads at once; no one is stopped.
 *
 * WDK: `NtQuerySystemInformation` with class 0x2D has these lists first.
 */
lookaside_status lookaside_small_pool_statistics(const struct lookaside_small_pool *pool,
                                                 lookaside_pool_type pool_type,
                                                 size_t list,
                                                 struct lookaside_small_list_statistics *out);

/**
 * Deletes a pool: what its lists keep goes back to the pool behind them.
 *
 * Parameters:
 * - `pool`: the pool.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: it is gone; its memory may be reused, and initialised again.
 * - `LOOKASIDE_STATUS_PENDING`: callers still hold blocks of its lists. These stay valid and may still be freed to the
 *   pool: keep its memory until then. The same goes for larger blocks, of which nothing is said here.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `pool` is NULL.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `pool` is not at a multiple of 16 bytes.
 * - `LOOKASIDE_STATUS_INVALID_HANDLE`: it was never initialised; there is nothing to delete.
 * - `LOOKASIDE_STATUS_DELETE_PENDING`: it was deleted before; this call had no effect.
 *
 * Memory and threads: no one else may call anything on the pool during the call.
 *
 * WDK: it has no such function.
 */
lookaside_status lookaside_small_pool_delete(struct lookaside_small_pool *pool);

/**
 * Gives a block of `lookaside_pool_allocate` another size: in place where its memory has room for it and no more than
 * a block of that size would have, else the block moves.
 *
 * Parameters:
 * - `pool_type`: the pool type that the block has afterwards, whatever it had before; as for
 *   `lookaside_pool_allocate`.
 * - `block`: the block; NULL for a new one.
 * - `size`: its new size in bytes; 0 counts as 1.
 * - `tag`: its tag, or 0, which fits every block. It keeps its tag.
 *
 * Returns the block, whose first bytes, up to the smaller of both sizes, are as they were; it is aligned as
 * `lookaside_pool_allocate` aligns. NULL as from that function, and then `block` is as it was. Violations are those of
 * `lookaside_pool_free`; after one the result is NULL.
 *
 * Memory and threads: any number of threads at once. Not for signal handlers. After a result that is not NULL the old
 * block may not be used.
 *
 * WDK: it has no such function.
 */
void *lookaside_pool_reallocate(lookaside_pool_type pool_type,
                                void *block,
                                size_t size,
                                lookaside_tag tag);

/**
 * Gives a block of `lookaside_small_pool_allocate` another size.
 *
 * Parameters:
 * - `pool`: the pool that the block came from.
 * - `pool_type`, `block`, `size`, `tag`: as for `lookaside_pool_reallocate`.
 *
 * Returns as that function; NULL also when `pool` is NULL, misaligned, never initialised, or deleted. Violations are
 * those of `lookaside_small_pool_free`.
 *
 * Memory and threads: as `lookaside_pool_reallocate`.
 *
 * WDK: it has no such function.
 */
void *lookaside_small_pool_reallocate(struct lookaside_small_pool *pool,
                                      lookaside_pool_type pool_type,
                                      void *block,
                                      size_t size,
                                      lookaside_tag tag);

/**
 * Returns what was allocated and freed under each tag: blocks of `lookaside_pool_allocate` and
 * `lookaside_small_pool_allocate` while callers hold them, and blocks that lists without callbacks have or have handed
 * out. Exact when no one allocates or frees during the call.
 *
 * Parameters:
 * - `order`: how the rows are sorted.
 * - `rows`: where they go. NULL if `capacity` is 0.
 * - `capacity`: how many rows there is room for; there are never more than 1,026.
 * - `needed`: where to write how many rows there are, or NULL.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: all rows are in `rows`.
 * - `LOOKASIDE_STATUS_BUFFER_OVERFLOW`: there are more. `rows` holds the first.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `rows` is NULL and `capacity` is not 0 (`*needed` is set all the same), or
 *   the order is unknown.
 * - `LOOKASIDE_STATUS_NO_MEMORY`: there is none to sort the rows in. Nothing is written.
 *
 * Memory and threads: any number of threads at once; no one is stopped.
 *
 * WDK: `NtQuerySystemInformation` with class 0x16, as `poolmon` uses it.
 */
lookaside_status lookaside_tags(lookaside_tag_order order,
                                struct lookaside_tag_usage *rows,
                                size_t capacity,
                                size_t *needed);

/**
 * Writes the rows of `lookaside_tags` as a table, with the columns of `poolmon`.
 *
 * Parameters:
 * - `order`: how the rows are sorted.
 * - `buffer`, `capacity`, `needed`: as for `lookaside_report`.
 *
 * Returns as `lookaside_report`; and
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: also for an unknown order. Nothing is written then.
 * - `LOOKASIDE_STATUS_NO_MEMORY`: there is none to sort the rows in.
 *
 * Memory and threads: any number of threads at once; no one is stopped.
 *
 * WDK: `poolmon`, and `!poolused` in the kernel debugger.
 */
lookaside_status lookaside_tag_report(lookaside_tag_order order,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *needed);

/**
 * Makes an empty S-list. Zeroed memory is one too.
 *
 * Parameters:
 * - `header`: the caller's memory, at a multiple of 16 bytes.
 *
 * Returns, and then the memory is untouched unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: the list is ready. It needs no end.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `header` is NULL.
 * - `LOOKASIDE_STATUS_DATATYPE_MISALIGNMENT`: `header` is not at a multiple of 16 bytes.
 *
 * Memory and threads: no one else may use the header during the call.
 *
 * WDK: `InitializeSListHead`, which raises the last of these.
 */
lookaside_status lookaside_slist_initialize(struct lookaside_slist_header *header);

/**
 * Puts an entry on top of the list.
 *
 * Parameters:
 * - `header`: the list.
 * - `entry`: the entry, in no list, at a multiple of 16 bytes. It stays where it is until it is popped or flushed.
 *
 * Returns the entry that was on top before, or NULL. The process ends with a message when a pointer is NULL or
 * misaligned.
 *
 * Memory and threads: any number of threads at once, and on x86-64 signal handlers: a push never waits there.
 *
 * WDK: `InterlockedPushEntrySList`, `ExInterlockedPushEntrySList`.
 */
struct lookaside_slist_entry *lookaside_slist_push(struct lookaside_slist_header *header,
                                                   struct lookaside_slist_entry *entry);

/**
 * Puts a chain of entries on top of the list, all at once.
 *
 * Parameters:
 * - `header`: the list.
 * - `first`, `last`: the ends of the chain, which leads from the first to the last by `next`; each entry as for
 *   `lookaside_slist_push`.
 * - `count`: how many entries they are, by which the depth grows.
 *
 * Returns, and memory and threads, as `lookaside_slist_push`.
 *
 * WDK: `InterlockedPushListSListEx`, `RtlInterlockedPushListSListEx`.
 */
struct lookaside_slist_entry *lookaside_slist_push_list(struct lookaside_slist_header *header,
                                                        struct lookaside_slist_entry *first,
                                                        struct lookaside_slist_entry *last,
                                                        size_t count);

/**
 * Takes the entry that came last.
 *
 * Parameters:
 * - `header`: the list.
 *
 * Returns the entry, or NULL from an empty list. The process ends with a message when `header` is NULL or misaligned.
 *
 * Memory and threads: any number of threads at once; pops and flushes of one list wait for each other, some
 * nanoseconds each, and so may not be called in a signal handler. The entry's memory may go away as soon as the call
 * returns. After a fork the child may go on with a list that no other thread was using, and must initialise any other
 * anew.
 *
 * WDK: `InterlockedPopEntrySList`, `ExInterlockedPopEntrySList`.
 */
struct lookaside_slist_entry *lookaside_slist_pop(struct lookaside_slist_header *header);

/**
 * Takes all entries.
 *
 * Parameters:
 * - `header`: the list.
 *
 * Returns the entry that came last, from which `next` leads to the others, or NULL from an empty list. The process
 * ends with a message when `header` is NULL or misaligned.
 *
 * Memory and threads: as `lookaside_slist_pop`.
 *
 * WDK: `InterlockedFlushSList`, `ExInterlockedFlushSList`.
 */
struct lookaside_slist_entry *lookaside_slist_flush(struct lookaside_slist_header *header);

/**
 * Returns how many entries the list has.
 *
 * Parameters:
 * - `header`: the list.
 *
 * Returns the number modulo 65,536: for a list of 65,536 entries that is 0. The process ends with a message when
 * `header` is NULL or misaligned.
 *
 * Memory and threads: any number of threads at once, and signal handlers. The number may be old as soon as it is
 * known.
 *
 * WDK: `QueryDepthSList`, `ExQueryDepthSList`.
 */
uint16_t lookaside_slist_depth(const struct lookaside_slist_header *header);

/**
 * Returns the entry that came last, and leaves it in the list.
 *
 * Parameters:
 * - `header`: the list.
 *
 * Returns the entry, or NULL from an empty list. Another thread may have popped it already, so it is not to be touched
 * while others use the list. The process ends with a message when `header` is NULL or misaligned.
 *
 * Memory and threads: any number of threads at once, and signal handlers.
 *
 * WDK: `FirstEntrySList`, `RtlFirstEntrySList`.
 */
struct lookaside_slist_entry *lookaside_slist_first(const struct lookaside_slist_header *header);

/**
 * Sets what is called when the library is misused. When the hook returns, the call that was wrong has no effect, and
 * the program goes on.
 *
 * Parameters:
 * - `hook`: the function; NULL for the default, which writes one line to standard error and aborts.
 *
 * Returns nothing.
 *
 * Memory and threads: any number of threads at once; the last one holds. The hook may be called on several threads at
 * once, and in the `free` of a program whose heap is this library's: it should not allocate.
 *
 * WDK: a bug check callback, except that the system stops after it.
 */
void lookaside_set_violation_hook(lookaside_violation_hook hook);

/**
 * Makes pool allocations of verified lists fail, as they do when memory runs out. The same ones fail in each run:
 * whether the nth does is a function of the seed and n. They are counted over all verified lists, from this call on.
 *
 * Parameters:
 * - `resources`: which ones; not needed after the call. NULL ends the simulation.
 *
 * Returns, and then nothing has changed unless the call succeeded:
 * - `LOOKASIDE_STATUS_SUCCESS`: the next allocation is number 1.
 * - `LOOKASIDE_STATUS_INVALID_PARAMETER`: `struct_size` is not that of this version, `share` is above a million, the
 *   schedule is too long or names a 0, or it is NULL and has a length.
 *
 * Memory and threads: any number of threads at once; the last one holds. With several threads at work, which of them
 * gets the nth allocation is theirs to settle. `LOOKASIDE_VERIFY_FAIL` in the environment does the same when the first
 * verified list is made: `share=60000,seed=42,skip=100,tag=Irps,schedule=3,7,9`, in any combination.
 *
 * WDK: Driver Verifier's low resources simulation.
 */
lookaside_status lookaside_simulate_low_resources(const struct lookaside_low_resources *resources);

/**
 * Reports a violation, with bug check 0xC4 and parameter 0xCC, if an active list is in memory that is about to be
 * freed: for programs that free memory by other means than this library's.
 *
 * Parameters:
 * - `start`: the beginning of the memory; it is not read.
 * - `size`: how many bytes.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: there is none.
 * - `LOOKASIDE_STATUS_DEVICE_BUSY`: there is one, and the violation hook returned.
 *
 * Memory and threads: any number of threads at once. It takes time in proportion to the number of lists.
 *
 * WDK: Driver Verifier's check of freed pool.
 */
lookaside_status lookaside_verify_range(const void *start,
                                        size_t size);

/**
 * Reports accesses to freed blocks of the special pool, and beside its blocks, by one line on standard error before
 * the signal (`SIGSEGV` or `SIGBUS`) takes its course: the handler that was installed until now, or the default
 * action. `LOOKASIDE_VERIFY=1` in the environment does this with the first list.
 *
 * Parameters: none.
 *
 * Returns:
 * - `LOOKASIDE_STATUS_SUCCESS`: the handlers are installed, by this call or an earlier one. A program that installs
 *   its own afterwards replaces them.
 * - `LOOKASIDE_STATUS_NOT_SUPPORTED`: the system refused them.
 *
 * Memory and threads: as `sigaction`.
 *
 * WDK: bug checks 0xCC and 0xCD, which name the block.
 */
lookaside_status lookaside_verify_faults(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* The library asserts the same numbers. */
#if !defined(__LP64__)
#define LOOKASIDE_ASSERT_LAYOUT(type, size, alignment)
#elif defined(__cplusplus)
#define LOOKASIDE_ASSERT_LAYOUT(type, size, alignment)                                             \
    static_assert(sizeof(type) == (size) && alignof(type) == (alignment), #type)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define LOOKASIDE_ASSERT_LAYOUT(type, size, alignment)                                             \
    _Static_assert(sizeof(type) == (size) && _Alignof(type) == (alignment), #type)
#else
#define LOOKASIDE_ASSERT_LAYOUT(type, size, alignment)                                             \
    typedef char type##_has_the_size_of_the_library[sizeof(type) == (size) ? 1 : -1]
#endif
LOOKASIDE_ASSERT_LAYOUT(lookaside_list, 64, 16);
LOOKASIDE_ASSERT_LAYOUT(lookaside_parameters, 112, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_counters, 80, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_statistics, 312, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_slist_header, 16, 16);
LOOKASIDE_ASSERT_LAYOUT(lookaside_slist_entry, 16, 16);
LOOKASIDE_ASSERT_LAYOUT(lookaside_violation, 56, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_small_pool, 6400, 16);
LOOKASIDE_ASSERT_LAYOUT(lookaside_small_pool_parameters, 40, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_small_list_statistics, 120, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_tag_usage, 32, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_pool_usage, 80, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_low_resources, 48, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_cache, 128, 8);
LOOKASIDE_ASSERT_LAYOUT(lookaside_list_info, 368, 8);
#undef LOOKASIDE_ASSERT_LAYOUT

/* The parameters of a list of paged blocks of this size, with the defaults for everything else. In C more fields may
 * follow, as in LOOKASIDE_PARAMETERS(sizeof(struct packet), .name = "packets"); another pool_type is set afterwards.
 * Where lookaside_inline.h is included too, such a list is one that its calls serve. */
#if defined(__cplusplus)
#define LOOKASIDE_PARAMETERS(size)                                                                 \
    {sizeof(lookaside_parameters), LOOKASIDE_CAST(size_t, size), 0, nullptr, 0,                    \
     LOOKASIDE_POOL_PAGED, 0, 0, 0, 0, 0, LOOKASIDE_PARAMETERS_INLINE_ABI, nullptr, nullptr,       \
     nullptr, nullptr, nullptr, 0, 0, 0, nullptr}
#else
#define LOOKASIDE_PARAMETERS(...)                                                                  \
    {.struct_size = sizeof(lookaside_parameters), .pool_type = LOOKASIDE_POOL_PAGED,               \
     .inline_abi = LOOKASIDE_PARAMETERS_INLINE_ABI, .size = __VA_ARGS__}
#endif
#define LOOKASIDE_PARAMETERS_INLINE_ABI 0

/* Names a list without a name by the place of the call, such as "packets.c:42". In parentheses, as in
 * (lookaside_list_initialize)(list, parameters), it is the function. Variadic for the commas of compound literals. */
#define LOOKASIDE_TEXT_OF(value) #value
#define LOOKASIDE_PLACE(file, line) file ":" LOOKASIDE_TEXT_OF(line)
#define lookaside_list_initialize(...)                                                             \
    lookaside_list_initialize_at(LOOKASIDE_PLACE(__FILE__, __LINE__), __VA_ARGS__)

#endif /* LOOKASIDE_H */
