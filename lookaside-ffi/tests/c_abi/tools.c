/* Programs for the tools that watch memory: a right one, and faults in blocks from each way to get one. */
#include "lookaside.h"
#include "lookaside_cache.h"
#include "lookaside_wdm.h"
#ifdef INLINE
#include "lookaside_inline.h"
#define list_allocate lookaside_list_allocate_inline
#define list_free lookaside_list_free_inline
#else
#define list_allocate lookaside_list_allocate
#define list_free lookaside_list_free
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A function with a frame of its own. */
#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noipa))
#endif
#define SIZE 64
#define TAG LOOKASIDE_TAG('T', 'o', 'o', 'l')
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(2);                                                                               \
        }                                                                                          \
    } while (0)

static lookaside_list paged, other;
static PAGED_LOOKASIDE_LIST wdk_list;
static lookaside_slist_header slist;
static lookaside_small_pool small_pool;
static void *cache_slots[16];
static lookaside_cache cache;
static __thread volatile int sink;

static void make_with(lookaside_list *list, uint32_t pool_type, uint32_t flags,
                      void *(*allocate)(lookaside_pool_type, size_t, lookaside_tag), void (*give)(void *))
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = SIZE;
    parameters.pool_type = pool_type;
    parameters.flags = flags;
    parameters.allocate = allocate;
    parameters.free = give;
    CHECK(lookaside_list_initialize(list, &parameters) == LOOKASIDE_STATUS_SUCCESS);
}

static void make(lookaside_list *list, uint32_t pool_type, uint32_t flags)
{
    make_with(list, pool_type, flags, NULL, NULL);
}

/* A way to get a block and to give it back; each on a line of its own, so that a stack shows which. */
typedef struct {
    const char *name;
    char *(*take)(void);
    void (*give)(char *block);
} way;

#define TAKE(name, expression)                                                                     \
    static APART char *take_##name(void)                                       \
    {                                                                                              \
        void *block = NULL;                                                                        \
        expression;                                                                                \
        CHECK(block != NULL);                                                                      \
        return (char *)block;                                                                      \
    }
#define GIVE(name, statement)                                                                      \
    static APART void give_##name(char *block)                                 \
    {                                                                                              \
        void *blocks[1] = {block};                                                                 \
        (void)blocks;                                                                              \
        statement;                                                                                 \
        sink++;                                                                                    \
    }

TAKE(list, block = list_allocate(&paged))
GIVE(list, list_free(&paged, block))
TAKE(run, CHECK(lookaside_list_allocate_many(&paged, &block, 1) == 1))
GIVE(run, lookaside_list_free_many(&paged, blocks, 1))
TAKE(cache, block = lookaside_cache_allocate(&cache))
GIVE(cache, lookaside_cache_free(&cache, block))
TAKE(tagged, block = lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, SIZE, TAG))
GIVE(tagged, lookaside_pool_free(block, TAG))
TAKE(large, block = lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, 5000, TAG))
GIVE(large, lookaside_pool_free(block, TAG))
TAKE(small, block = lookaside_small_pool_allocate_bare(&small_pool, LOOKASIDE_POOL_PAGED, SIZE))
GIVE(small, lookaside_small_pool_free_bare(&small_pool, LOOKASIDE_POOL_PAGED, block, SIZE))
TAKE(nonpaged, block = list_allocate(&other))
GIVE(nonpaged, list_free(&other, block))

TAKE(wdk_list, block = ExAllocateFromPagedLookasideList(&wdk_list))
GIVE(wdk_list, ExFreeToPagedLookasideList(&wdk_list, block))
TAKE(wdk_pool, block = ExAllocatePoolWithTag(PagedPool, SIZE, TAG))
GIVE(wdk_pool, ExFreePoolWithTag(block, TAG))

/* Blocks of the program's own that wait in an S-list. */
TAKE(slist, block = lookaside_slist_pop(&slist); if (!block) block = aligned_alloc(16, SIZE))
GIVE(slist, lookaside_slist_push(&slist, (lookaside_slist_entry *)(void *)block))

static void *routine(lookaside_pool_type type, size_t size, lookaside_tag tag)
{
    (void)type, (void)tag;
    return malloc(size);
}

static const way WAYS[] = {
    {"list", take_list, give_list},       {"run", take_run, give_run},
    {"cache", take_cache, give_cache},    {"tagged", take_tagged, give_tagged},
    {"large", take_large, give_large},    {"small pool", take_small, give_small},
    {"nonpaged", take_nonpaged, give_nonpaged}, {"session", take_nonpaged, give_nonpaged},
    {"arenas", take_nonpaged, give_nonpaged},   {"special", take_nonpaged, give_nonpaged},
    {"callbacks", take_nonpaged, give_nonpaged}, {"wdk list", take_wdk_list, give_wdk_list},
    {"wdk pool", take_wdk_pool, give_wdk_pool}, {"slist", take_slist, give_slist},
};

static void begin(const char *name)
{
    make(&paged, LOOKASIDE_POOL_PAGED, 0);
    if (!strcmp(name, "session"))
        make(&other, LOOKASIDE_POOL_PAGED_SESSION, 0);
    else if (!strcmp(name, "arenas"))
        make(&other, LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_PAGED_ARENAS);
    else if (!strcmp(name, "special"))
        make(&other, LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_SPECIAL_POOL);
    else if (!strcmp(name, "callbacks"))
        make_with(&other, LOOKASIDE_POOL_PAGED, 0, routine, free);
    else
        make(&other, LOOKASIDE_POOL_NON_PAGED, LOOKASIDE_FLAG_BEST_EFFORT_LOCK);
    CHECK(lookaside_cache_initialize(&cache, &paged, cache_slots, 16) == LOOKASIDE_STATUS_SUCCESS);
    ExInitializePagedLookasideList(&wdk_list, NULL, NULL, 0, SIZE, TAG, 0);
    lookaside_small_pool_parameters of_pool;
    memset(&of_pool, 0, sizeof of_pool);
    of_pool.struct_size = sizeof of_pool;
    of_pool.generation = LOOKASIDE_GENERATION_5_2_X64;
    CHECK(lookaside_small_pool_initialize(&small_pool, &of_pool) == LOOKASIDE_STATUS_SUCCESS);
}

static void end(void)
{
    /* The program writes nothing to this one. */
    give_slist((char *)aligned_alloc(16, SIZE));
    lookaside_slist_entry *next, *entry = lookaside_slist_flush(&slist);
    for (; entry; entry = next) {
        next = entry->next;
        free(entry);
    }
    ExDeletePagedLookasideList(&wdk_list);
    CHECK(lookaside_cache_delete(&cache) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(lookaside_small_pool_delete(&small_pool) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(lookaside_list_delete(&other) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(lookaside_list_delete(&paged) == LOOKASIDE_STATUS_SUCCESS);
}

/* Blocks that pass from thread to thread under a lock. */
static pthread_mutex_t passing_lock = PTHREAD_MUTEX_INITIALIZER;
static char *passing[32];
static const way *passed;

static void *pass(void *unused)
{
    for (int turn = 0; turn < 100; turn++) {
        char *block = passed->take();
        memset(block, turn, SIZE);
        pthread_mutex_lock(&passing_lock);
        char **place = &passing[turn % 32], *taken = *place;
        *place = block;
        pthread_mutex_unlock(&passing_lock);
        if (taken) {
            for (int at = 0; at < SIZE; at++)
                sink += taken[at];
            passed->give(taken);
        }
    }
    return unused;
}

static void pass_blocks(const way *used)
{
    pthread_t threads[3];
    passed = used;
    /* A cache is one thread's. */
    int count = used->take == take_cache ? 1 : 3;
    for (int thread = 0; thread < count; thread++)
        CHECK(pthread_create(&threads[thread], NULL, pass, NULL) == 0);
    for (int thread = 0; thread < count; thread++)
        pthread_join(threads[thread], NULL);
    for (int place = 0; place < 32; place++) {
        if (passing[place])
            used->give(passing[place]);
        passing[place] = NULL;
    }
}

/* A block of the program's whose only pointer is in a block of a list. */
static APART void hold(char *block)
{
    void *held = malloc(100);
    memcpy(block, &held, sizeof held);
}

/* What is left on the stack may be a pointer to a block. */
static APART void scrub(void)
{
    volatile char bytes[16384];
    for (unsigned at = 0; at < sizeof bytes; at++)
        bytes[at] = 0;
}

/* What a right program does with a way. */
static void work(const way *used)
{
    begin(used->name);
    pass_blocks(used);
    static char *volatile holder;
    holder = used->take();
    hold(holder);
    scrub();
    lookaside_statistics statistics;
    statistics.struct_size = sizeof statistics;
    CHECK(lookaside_list_statistics(&paged, &statistics) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(statistics.list.total_allocates < 1000000);
    static char text[1 << 16];
    size_t needed;
    CHECK(lookaside_report(NULL, text, sizeof text, &needed) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(strlen(text) + 1 == needed);
    void *held;
    memcpy(&held, holder, sizeof held);
    free(held);
    used->give(holder);
    end();
}

static APART void use(char *block)
{
    sink++;
    block[20] = 1; /* USE */
    sink++;
}

/* On a thread that ends: what is left on the stack of one that lives may be the pointer, and the block not be missed. */
static void *lose(void *used)
{
    CHECK(((const way *)used)->take() != NULL);
    return NULL;
}

static void *write_at_once(void *block)
{
    ((char *)block)[8] += 1; /* RACE */
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    const char *fault = argv[1], *name = argv[2];
    const way *used = WAYS, *beyond = WAYS + sizeof WAYS / sizeof *WAYS;
    if (!strcmp(fault, "none")) {
        for (; used < beyond; used++)
            work(used);
        fprintf(stderr, "%s\n", lookaside_engine());
        /* A tool has to find what only a block leads to that is still out when the program ends. */
        static char *volatile kept;
        make(&other, LOOKASIDE_POOL_NON_PAGED, LOOKASIDE_FLAG_BEST_EFFORT_LOCK);
        kept = take_nonpaged();
        hold(kept);
        scrub();
        return 0;
    }
    if (!strcmp(fault, "engine")) {
        fprintf(stderr, "%s\n", lookaside_engine());
        return 0;
    }
    while (strcmp(used->name, name))
        CHECK(++used < beyond);
    begin(name);
    if (!strcmp(fault, "use")) {
        char *block = used->take();
        used->give(block); /* GIVEN */
        use(block);
    } else if (!strcmp(fault, "twice")) {
        char *block = used->take();
        used->give(block);
        used->give(block);
    } else if (!strcmp(fault, "beyond")) {
        char *block = used->take();
        use(block + SIZE - 20);
        used->give(block);
    } else if (!strcmp(fault, "lost")) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, lose, (void *)used) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    } else if (!strcmp(fault, "unset")) {
        char *block = used->take();
        if (block[5] == 3) /* UNSET */
            sink++;
        used->give(block);
    } else if (!strcmp(fault, "race")) {
        char *block = used->take();
        pthread_t threads[2];
        for (int thread = 0; thread < 2; thread++)
            CHECK(pthread_create(&threads[thread], NULL, write_at_once, block) == 0);
        for (int thread = 0; thread < 2; thread++)
            pthread_join(threads[thread], NULL);
        used->give(block);
    } else
        CHECK(0);
    return 0;
}
