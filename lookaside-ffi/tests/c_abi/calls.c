/* What a call may not do to the thread that makes it: change errno, or end it at a cancellation point that is none of
 * the program's. Every function is called by a thread whose cancellation is pending.
 *
 * calls plain | refused | callback: `refused` has the system refuse what the library can do without. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lookaside.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const char *volatile name = "the beginning";
static const char *volatile of = "";
static atomic_int done, bad;

/* A value that no call sets. */
#define ERRNO 7777

static void check(void)
{
    int now = errno;
    if (now != ERRNO) {
        fprintf(stderr, "%s%s: errno became %d\n", name, of, now);
        bad = 1;
    }
}

#define CALL(call) (name = #call, errno = ERRNO, (void)(call), check())

/* Lists over every pool, and what all of them do. */

static const struct kind {
    const char *name;
    size_t size;
    lookaside_pool_type pool_type;
    lookaside_flags flags;
    lookaside_topology topology;
    int blocks;
} kinds[] = {
    {" of a pair", 64, LOOKASIDE_POOL_PAGED, 0, LOOKASIDE_TOPOLOGY_PAIR, 600},
    {" of a general list", 64, LOOKASIDE_POOL_PAGED, 0, LOOKASIDE_TOPOLOGY_GENERAL, 600},
    {" of a single list", 64, LOOKASIDE_POOL_PAGED, 0, LOOKASIDE_TOPOLOGY_SINGLE, 600},
    {" of large blocks", 200000, LOOKASIDE_POOL_PAGED, 0, LOOKASIDE_TOPOLOGY_PAIR, 300},
    {" of arenas", 600, LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_PAGED_ARENAS, LOOKASIDE_TOPOLOGY_PAIR, 6000},
    {" of best effort", 600, LOOKASIDE_POOL_NON_PAGED, LOOKASIDE_FLAG_BEST_EFFORT_LOCK, LOOKASIDE_TOPOLOGY_PAIR, 6000},
    {" of locked memory", 600, LOOKASIDE_POOL_NON_PAGED, 0, LOOKASIDE_TOPOLOGY_PAIR, 6000},
    {" of the session", 600, LOOKASIDE_POOL_PAGED_SESSION, 0, LOOKASIDE_TOPOLOGY_PAIR, 6000},
    {" of the special pool", 600, LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_SPECIAL_POOL, LOOKASIDE_TOPOLOGY_PAIR, 600},
    {" of the verifier", 600, LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_VERIFY, LOOKASIDE_TOPOLOGY_PAIR, 6000},
};

static void *blocks[6000];
static char text[100000];

static lookaside_status initialize(lookaside_list *list, const struct kind *kind)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = kind->size;
    parameters.pool_type = kind->pool_type;
    parameters.flags = kind->flags;
    parameters.topology = kind->topology;
    parameters.name = kind->name + 4;
    return lookaside_list_initialize(list, &parameters);
}

static void caches(lookaside_list *list)
{
    lookaside_cache cache;
    void *room[16], *block;
    CALL(lookaside_cache_initialize(&cache, list, room, LENGTH(room)));
    CALL(block = lookaside_cache_allocate(&cache));
    CALL(lookaside_cache_free(&cache, block));
    lookaside_counters counters;
    CALL(lookaside_cache_counters(&cache, &counters));
    CALL(lookaside_cache_flush(&cache));
    CALL(lookaside_cache_delete(&cache));
}

static void lists(const struct kind *kind)
{
    static lookaside_list list;
    of = kind->name;
    memset(&list, 0, sizeof list);
    lookaside_status status;
    CALL(status = initialize(&list, kind));
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        /* Memory that cannot be locked. */
        return;
    }
    int got = 0;
    do {
        CALL(blocks[got] = lookaside_list_allocate(&list));
    } while (blocks[got] && ++got < kind->blocks);
    for (int i = 0; i < got; i++) {
        CALL(lookaside_list_free(&list, blocks[i]));
    }
    size_t count;
    CALL(count = lookaside_list_allocate_many(&list, blocks, 40));
    CALL(lookaside_list_free_many(&list, blocks, count));
    CALL(lookaside_list_prefill(&list, 50, NULL));
    CALL(blocks[0] = lookaside_list_try_allocate(&list));
    if (blocks[0]) {
        CALL(lookaside_list_free_to_processor(&list, blocks[0], 0));
    }
    if (!(kind->flags & LOOKASIDE_FLAG_VERIFY)) {
        caches(&list);
    }
    lookaside_statistics statistics;
    statistics.struct_size = sizeof statistics;
    CALL(lookaside_list_statistics(&list, &statistics));
    static lookaside_list_info info;
    uint64_t cursor = 0;
    info.struct_size = sizeof info;
    CALL(lookaside_next_list(&cursor, &info));
    CALL(lookaside_report(&list, text, sizeof text, NULL));
    CALL(lookaside_list_context(&list));
    CALL(lookaside_adjust_depth());
    CALL(lookaside_set_limit(UINT64_MAX));
    CALL(lookaside_trim_on_pressure(1));
    CALL(lookaside_list_release(&list, 7));
    CALL(lookaside_list_trim(&list));
    CALL(lookaside_list_flush(&list));
    CALL(lookaside_list_delete(&list));
    of = "";
}

/* The calls that are not of one list. */

static void pairs(void)
{
    static lookaside_list p, l;
    static lookaside_pp_table table;
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    CALL(initialize(&l, &kinds[1]));
    parameters.shared = &l;
    CALL(lookaside_list_initialize_at("calls.c:1", &p, &parameters));
    CALL(lookaside_pp_number(LOOKASIDE_PP_MDL, LOOKASIDE_KERNEL_6_1));
    CALL(lookaside_pp_set(&table, 3, &p, &l));
    CALL(blocks[0] = lookaside_pp_allocate(&table, 3));
    CALL(lookaside_pp_free(&table, 3, blocks[0], 0));
    CALL(lookaside_list_delete(&p));
    CALL(lookaside_list_delete(&l));
}

static void pools(void)
{
    static const lookaside_pool_type types[] = {LOOKASIDE_POOL_PAGED, LOOKASIDE_POOL_NON_PAGED};
    static const size_t sizes[] = {100, 5000, 1 << 22};
    static lookaside_small_pool pool;
    void *block;
    CALL(lookaside_small_pool_initialize(&pool, NULL));
    for (size_t type = 0; type < LENGTH(types); type++) {
        CALL(lookaside_small_pool_prepare(&pool, types[type]));
        for (size_t i = 0; i < LENGTH(sizes); i++) {
            size_t size = sizes[i];
            CALL(block = lookaside_pool_allocate(types[type], size, 1));
            if (block) {
                CALL(lookaside_pool_size(block));
                CALL(lookaside_pool_free(block, 1));
            }
            CALL(block = lookaside_pool_allocate(types[type], size, 1));
            if (block) {
                CALL(lookaside_pool_free_sized(block, size, 1));
            }
            CALL(block = lookaside_small_pool_allocate(&pool, types[type], size, 1));
            if (block) {
                CALL(lookaside_small_pool_size(&pool, block));
                CALL(lookaside_small_pool_free(&pool, block, 1));
            }
            CALL(block = lookaside_small_pool_allocate(&pool, types[type], size, 1));
            if (block) {
                CALL(lookaside_small_pool_free_sized(&pool, block, size, 1));
            }
            CALL(block = lookaside_pool_allocate_aligned(types[type], size, 4096, 1));
            CALL(block = lookaside_pool_reallocate(types[type], block, size / 2, 1));
            CALL(lookaside_pool_free(block, 1));
            CALL(block = lookaside_small_pool_allocate_aligned(&pool, types[type], size, 64, 1));
            CALL(block = lookaside_small_pool_reallocate(&pool, types[type], block, size / 2, 1));
            CALL(lookaside_small_pool_free(&pool, block, 1));
            CALL(block = lookaside_small_pool_allocate_bare(&pool, types[type], size));
            if (block) {
                CALL(lookaside_small_pool_free_bare(&pool, types[type], block, size));
            }
        }
    }
    lookaside_small_list_statistics statistics;
    statistics.struct_size = sizeof statistics;
    CALL(lookaside_small_pool_statistics(&pool, LOOKASIDE_POOL_PAGED, 0, &statistics));
    CALL(lookaside_small_pool_flush(&pool));
    CALL(lookaside_small_pool_delete(&pool));
    for (lookaside_pool_kind kind = 0; kind <= LOOKASIDE_POOL_KIND_SLABS; kind++) {
        lookaside_pool_usage usage;
        usage.struct_size = sizeof usage;
        CALL(lookaside_pool_statistics(kind, &usage));
    }
}

static void slists(void)
{
    static lookaside_slist_header header;
    static lookaside_slist_entry entries[3];
    CALL(lookaside_slist_initialize(&header));
    CALL(lookaside_slist_push(&header, &entries[0]));
    entries[1].next = &entries[2];
    CALL(lookaside_slist_push_list(&header, &entries[1], &entries[2], 2));
    CALL(lookaside_slist_depth(&header));
    CALL(lookaside_slist_first(&header));
    CALL(lookaside_slist_pop(&header));
    CALL(lookaside_slist_flush(&header));
}

static void hook(const lookaside_violation *violation)
{
    (void)violation;
    /* A cancellation point of the program's, within a call. */
    pthread_testcancel();
}

static void process_lists(void)
{
    static lookaside_list *list;
    CALL(list = lookaside_process_list(40, 8));
    if (list != NULL) {
        CALL(blocks[0] = lookaside_list_allocate(list));
        CALL(lookaside_list_free(list, blocks[0]));
    }
}

static void reports(void)
{
    lookaside_tag_usage rows[8];
    CALL(lookaside_tags(LOOKASIDE_TAG_ORDER_BYTES, rows, LENGTH(rows), NULL));
    CALL(lookaside_tag_report(LOOKASIDE_TAG_ORDER_TAG, text, sizeof text, NULL));
    CALL(lookaside_report(NULL, text, sizeof text, NULL));
    CALL(lookaside_pool_report(text, sizeof text, NULL));
    CALL(lookaside_status_string(LOOKASIDE_STATUS_PENDING));
    CALL(lookaside_version());
    CALL(lookaside_engine());
    CALL(lookaside_verify_range(text, sizeof text));
    CALL(lookaside_verify_faults());
    CALL(lookaside_simulate_low_resources(NULL));
    CALL(lookaside_start_balance_thread());
    static lookaside_list none;
    CALL(lookaside_set_violation_hook(hook));
    CALL(lookaside_list_free(&none, text));
    CALL(lookaside_set_violation_hook(NULL));
}

static void *every_call(void *unused)
{
    (void)unused;
    pthread_cancel(pthread_self());
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        lists(&kinds[i]);
    }
    pairs();
    pools();
    slists();
    process_lists();
    reports();
    done = 1;
    pthread_testcancel();
    return NULL;
}

/* Callbacks with cancellation points. */

static void *allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)tag;
    pthread_testcancel();
    return malloc(size);
}

static void release(void *block)
{
    pthread_testcancel();
    free(block);
}

static void *allocate_ex(lookaside_pool_type pool_type, size_t size, lookaside_tag tag, lookaside_list *list)
{
    (void)list;
    return allocate(pool_type, size, tag);
}

static void release_ex(void *block, lookaside_list *list)
{
    (void)list;
    release(block);
}

static void *callbacks(void *unused)
{
    (void)unused;
    pthread_cancel(pthread_self());
    for (int ex = 0; ex < 2; ex++) {
        static lookaside_list list;
        lookaside_parameters parameters;
        memset(&parameters, 0, sizeof parameters);
        parameters.struct_size = sizeof parameters;
        parameters.size = 64;
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        if (ex) {
            parameters.allocate_ex = allocate_ex;
            parameters.free_ex = release_ex;
        } else {
            parameters.allocate = allocate;
            parameters.free = release;
        }
        name = "lists with callbacks";
        if (lookaside_list_initialize(&list, &parameters)) {
            return NULL;
        }
        for (int i = 0; i < 600; i++) {
            blocks[i] = lookaside_list_allocate(&list);
        }
        for (int i = 0; i < 600; i++) {
            lookaside_list_free(&list, blocks[i]);
        }
        lookaside_list_flush(&list);
        lookaside_list_delete(&list);
    }
    done = 1;
    pthread_testcancel();
    return NULL;
}

/* Has these calls fail, as a sandbox may: the library can do without. The engine trylock never makes the last one, for
 * which the process is ended. */
static void refuse(int trylock)
{
    static const unsigned refused[] = {SYS_madvise, SYS_mlock,   SYS_mlock2,           SYS_getrandom, SYS_openat,
                                       SYS_sysinfo, SYS_sched_getaffinity, SYS_prlimit64, SYS_membarrier};
    struct sock_filter filter[2 * LENGTH(refused) + 2], *next = filter;
    *next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < LENGTH(refused); i++) {
        *next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i], 0, 1);
        unsigned ends = trylock && refused[i] == SYS_membarrier;
        *next++ =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ends ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM);
    }
    *next++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)(next - filter), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("SKIP: no filter for system calls");
        exit(0);
    }
}

int main(int count, char **words)
{
    const char *mode = count > 1 ? words[1] : "plain";
    /* Little memory may be locked, and only a privileged user might lock more. */
    struct rlimit limit = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_MEMLOCK, &limit);
    if (geteuid() == 0 && setuid(65534)) {
        perror("SKIP: root cannot become somebody else");
        return 0;
    }
    if (!strcmp(mode, "refused")) {
        const char *engine = getenv("LOOKASIDE_ENGINE");
        refuse(engine != NULL && !strcmp(engine, "trylock"));
    }
    int by_callback = !strcmp(mode, "callback");
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, by_callback ? callbacks : every_call, NULL) || pthread_join(thread, &result)) {
        return 2;
    }
    if (!done) {
        fprintf(stderr, "%s%s: the thread ended in it\n", name, of);
        return 1;
    }
    if (result != PTHREAD_CANCELED) {
        fprintf(stderr, "the thread was not cancelled afterwards\n");
        return 1;
    }
    return bad;
}
