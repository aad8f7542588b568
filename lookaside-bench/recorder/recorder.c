/*
 * The preload library behind `lookaside record`: it is in front of the C heap of the program under record
 * and logs every call that takes or gives back a block. src/trace/raw_log.rs reads the log; the two share the
 * layout of `struct log` and `struct event`.
 *
 * The log is one file without a name, made by `lookaside record` and mapped here. Its cursor is atomic, so that the
 * number of an event is both its place and its rank among the events of all threads. A free is logged before the heap
 * gets the block and an allocation after the heap gave it: when an address goes from one thread to another, its free has
 * the smaller number. A reallocation does both, hence two events.
 *
 * Only the first process that opens the log is recorded, and goes on when it execs another program: one event says that
 * its memory is a new one. A child by fork loses `recording`, whose page is wiped there, and enters its name into the
 * log's table of children. A child by vfork or posix_spawn does so when it execs, if what it execs loads this library.
 *
 * Nothing here allocates, and an event is one atomic add and three stores.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define LOG_MAGIC UINT64_C(0x31474f4c4152544b) /* "KTRALOG1" */
#define FIRST_EVENT 65536                      /* offset of the events in the log */
#define CHILDREN 3200                          /* what the table of children has room for */

enum operation { ALLOCATE = 1, FREE = 2, REALLOCATE_BEGIN = 3, REALLOCATE_END = 4, EXEC = 5 };

struct event {
    _Atomic uint32_t operation; /* stored last: 0 says that the event was never finished */
    uint32_t thread;            /* from 1, in the order of first events */
    uint64_t size;              /* as asked for; 0 for FREE, REALLOCATE_BEGIN and EXEC */
    uint64_t address;           /* the block; for REALLOCATE_BEGIN the old one, for REALLOCATE_END the new one or 0 */
};

struct process {
    _Atomic uint32_t id; /* 0 for an entry that is not used */
    char name[16];       /* as ps shows it, ends with a zero */
};

struct log {
    uint64_t magic;
    uint64_t capacity;         /* events that the file has room for */
    _Atomic uint64_t cursor;   /* events begun; goes on counting past the capacity */
    _Atomic uint32_t threads;  /* thread numbers given out */
    _Atomic uint32_t children; /* entries of the table begun; goes on counting past its end */
    struct process recorded;
    struct process child[CHILDREN];
};

_Static_assert(sizeof(struct event) == 24, "raw_log.rs reads events of 24 bytes");
_Static_assert(sizeof(struct process) == 20, "raw_log.rs reads processes of 20 bytes");
_Static_assert(offsetof(struct log, recorded) == 32, "raw_log.rs reads the recorded process at byte 32");
_Static_assert(sizeof(struct log) <= FIRST_EVENT, "the header ends before the events begin");

static void *(*real_malloc)(size_t);
static void (*real_free)(void *);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static int (*real_posix_memalign)(void **, size_t, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);
static void *(*real_memalign)(size_t, size_t);

/* Points to the one word of a page that fork wipes in the child; that word points to the log while we record. */
static _Atomic(struct log *) *recording;

/* The same log, for children by fork. */
static struct log *shared_log;

static __thread uint32_t thread_number;

/* ---- the heap behind us ---- */

/*
 * dlsym may allocate while we still look for the allocator. Such calls get memory from this buffer, which is never
 * given back; each block is behind 16 bytes that hold its size.
 */
static _Alignas(16) unsigned char bootstrap[16384];
static size_t bootstrap_used;
static __thread int resolving;

static void *bootstrap_allocate(size_t size)
{
    size_t room = sizeof bootstrap - bootstrap_used;
    if (size > room || ((size + 15) & ~(size_t)15) + 16 > room)
        return NULL;
    unsigned char *block = bootstrap + bootstrap_used + 16;
    memcpy(block - 16, &size, sizeof size);
    bootstrap_used += ((size + 15) & ~(size_t)15) + 16;
    return block;
}

static int is_bootstrap(const void *block)
{
    return (uintptr_t)block - (uintptr_t)bootstrap < sizeof bootstrap;
}

/* The first call comes from the loader, before there is a second thread. */
static void resolve(void)
{
    resolving = 1;
    *(void **)&real_free = dlsym(RTLD_NEXT, "free");
    *(void **)&real_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    *(void **)&real_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    *(void **)&real_memalign = dlsym(RTLD_NEXT, "memalign");
    *(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
    resolving = 0;
}

static inline void ensure_resolved(void)
{
    if (__builtin_expect(real_malloc == NULL, 0))
        resolve();
}

/* ---- the log ---- */

static void record(enum operation operation, size_t size, const void *address)
{
    if (recording == NULL)
        return;
    struct log *log = atomic_load_explicit(recording, memory_order_relaxed);
    if (log == NULL)
        return;
    if (thread_number == 0)
        thread_number = atomic_fetch_add(&log->threads, 1) + 1;
    uint64_t number = atomic_fetch_add(&log->cursor, 1);
    if (number >= log->capacity)
        return;
    struct event *event = (struct event *)((unsigned char *)log + FIRST_EVENT) + number;
    event->thread = thread_number;
    event->size = size;
    event->address = (uintptr_t)address;
    atomic_store_explicit(&event->operation, operation, memory_order_release);
}

/* The entry of the calling process among the children, which exec only gives another name. */
static struct process *child_entry(struct log *log, uint32_t self)
{
    uint32_t known = atomic_load(&log->children);
    for (uint32_t i = 0; i < known && i < CHILDREN; i++)
        if (atomic_load(&log->child[i].id) == self)
            return &log->child[i];
    uint32_t next = atomic_fetch_add(&log->children, 1);
    return next < CHILDREN ? &log->child[next] : NULL;
}

static void name_process(struct process *process)
{
    (void)prctl(PR_GET_NAME, process->name);
}

static void note_child(struct log *log)
{
    uint32_t self = (uint32_t)getpid();
    struct process *entry = child_entry(log, self);
    if (entry == NULL)
        return;
    name_process(entry);
    atomic_store(&entry->id, self);
}

/* Runs in every child by fork. */
static void in_child(void)
{
    note_child(shared_log);
}

/* The log, if `path` leads to one. */
static struct log *map_log(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return NULL;
    struct stat status;
    struct log *log = MAP_FAILED;
    if (fstat(file, &status) == 0 && status.st_size >= FIRST_EVENT)
        log = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (log == MAP_FAILED)
        return NULL;
    uint64_t room = ((uint64_t)status.st_size - FIRST_EVENT) / sizeof(struct event);
    if (log->magic == LOG_MAGIC && log->capacity <= room)
        return log;
    munmap(log, (size_t)status.st_size);
    return NULL;
}

static void start_recording(struct log *log, int after_exec)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *word = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (word == MAP_FAILED || madvise(word, page, MADV_WIPEONFORK) != 0)
        return;
    recording = word;
    atomic_store(recording, log);
    name_process(&log->recorded);
    if (after_exec)
        record(EXEC, 0, NULL);
}

__attribute__((constructor)) static void start(void)
{
    int saved = errno;
    ensure_resolved();
    const char *path = secure_getenv("LOOKASIDE_RECORD_LOG");
    struct log *log = path ? map_log(path) : NULL;
    if (log != NULL) {
        shared_log = log;
        (void)pthread_atfork(NULL, NULL, in_child);
        uint32_t self = (uint32_t)getpid(), claimed = 0;
        if (atomic_compare_exchange_strong(&log->recorded.id, &claimed, self))
            start_recording(log, 0);
        else if (claimed == self)
            start_recording(log, 1);
        else
            note_child(log);
    }
    errno = saved;
}

/* ---- what the program calls ---- */

EXPORT void *malloc(size_t size)
{
    if (resolving)
        return bootstrap_allocate(size);
    ensure_resolved();
    void *block = real_malloc(size);
    if (block != NULL)
        record(ALLOCATE, size, block);
    return block;
}

EXPORT void free(void *block)
{
    if (block == NULL || is_bootstrap(block))
        return;
    ensure_resolved();
    record(FREE, 0, block);
    real_free(block);
}

EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (resolving)
        return __builtin_mul_overflow(count, size, &bytes) ? NULL : bootstrap_allocate(bytes);
    ensure_resolved();
    void *block = real_calloc(count, size);
    if (block != NULL)
        record(ALLOCATE, count * size, block);
    return block;
}

EXPORT void *realloc(void *old, size_t size)
{
    if (old == NULL)
        return malloc(size);
    if (is_bootstrap(old)) {
        void *block = malloc(size);
        size_t kept;
        memcpy(&kept, (unsigned char *)old - 16, sizeof kept);
        return block == NULL ? NULL : memcpy(block, old, kept < size ? kept : size);
    }
    ensure_resolved();
    record(REALLOCATE_BEGIN, 0, old);
    void *block = real_realloc(old, size);
    record(REALLOCATE_END, size, block);
    return block;
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    ensure_resolved();
    int result = real_posix_memalign(block, alignment, size);
    if (result == 0)
        record(ALLOCATE, size, *block);
    return result;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    ensure_resolved();
    void *block = real_aligned_alloc(alignment, size);
    if (block != NULL)
        record(ALLOCATE, size, block);
    return block;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    ensure_resolved();
    void *block = real_memalign(alignment, size);
    if (block != NULL)
        record(ALLOCATE, size, block);
    return block;
}
