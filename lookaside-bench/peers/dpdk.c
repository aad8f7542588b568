/* DPDK's rte_mempool, in a process without hardware, huge pages or privileges.
 *
 * "dpdk" has the cache that a mempool keeps for each of DPDK's threads. A thread registers with DPDK at its first call,
 * since others have no such cache, and leaves when it ends. "dpdk-user-cache" gives each thread a cache that it owns, as
 * threads have one that do not register. */

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "peer.h"

/* A mempool has all its blocks from the start, and memory is compared too. So it has what the largest burst needs
 * (65,536, with what caches hold meanwhile), and more where many processors have threads that hold blocks; but never
 * more bytes than that. */
#define BLOCKS_OF_BURST ((1u << 16) + 4 * CACHE)
#define BLOCKS_OF_PROCESSOR 20480u
#define MOST_BYTES ((size_t)1 << 27)
/* What EAL may take for them, their headers and the rest. */
#define MEGABYTES "512"

/* As large as DPDK allows; its own performance test takes the same. */
#define CACHE RTE_MEMPOOL_CACHE_MAX_SIZE

/* DPDK's start and the making of mempools are one thread's at a time. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t registered;
static pthread_key_t owning;

/* The cache of each of DPDK's threads. */

static struct rte_mempool_cache *registered_cache(struct rte_mempool *pool)
{
    if (rte_thread_register() != 0) {
        rte_panic("DPDK has no room for another thread: %s\n", rte_strerror(rte_errno));
    }
    pthread_setspecific(registered, pool);
    return rte_mempool_default_cache(pool, rte_lcore_id());
}

static void unregister(void *pool)
{
    (void)pool;
    rte_thread_unregister();
}

/* Without the case of a new thread this is what rte_mempool_get and rte_mempool_put do. */
static inline struct rte_mempool_cache *core_cache(struct rte_mempool *pool)
{
    struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());
    return likely(cache != NULL) ? cache : registered_cache(pool);
}

static inline struct rte_mempool *core_pool(void *pool)
{
    return pool;
}

static uint64_t core_kept(void *pool)
{
    return rte_mempool_avail_count(pool);
}

static void core_destroy(void *pool)
{
    rte_mempool_free(pool);
}

/* A cache that its thread owns. */

/* The number of mempools that can have a cache in a thread at once; more of them take the places of each other. */
#define PLACES 64

/* A mempool as such threads see it. It is never freed, so that a thread knows whether its cache is of this one. */
struct shared {
    struct rte_mempool *pool;
    unsigned place;
    bool gone;
};

struct owned {
    struct shared *of;
    struct rte_mempool_cache *cache;
};

static __thread struct owned own[PLACES];

static void give_back(struct owned *owned)
{
    if (owned->of == NULL) {
        return;
    }
    if (!owned->of->gone) {
        rte_mempool_cache_flush(owned->cache, owned->of->pool);
    }
    rte_mempool_cache_free(owned->cache);
    owned->of = NULL;
}

static void give_all_back(void *places)
{
    for (struct owned *owned = places; owned < (struct owned *)places + PLACES; owned++) {
        give_back(owned);
    }
}

static struct rte_mempool_cache *new_cache(struct shared *shared)
{
    struct owned *owned = &own[shared->place];
    give_back(owned);
    owned->cache = rte_mempool_cache_create(CACHE, SOCKET_ID_ANY);
    if (owned->cache == NULL) {
        rte_panic("DPDK has no memory for a cache: %s\n", rte_strerror(rte_errno));
    }
    owned->of = shared;
    pthread_setspecific(owning, own);
    return owned->cache;
}

static inline struct rte_mempool_cache *own_cache(struct shared *shared)
{
    struct owned *owned = &own[shared->place];
    return likely(owned->of == shared) ? owned->cache : new_cache(shared);
}

static inline struct rte_mempool *own_pool(void *shared)
{
    return ((struct shared *)shared)->pool;
}

/* Without what caches of other threads hold that have not ended. */
static uint64_t own_kept(void *shared)
{
    struct owned *owned = &own[((struct shared *)shared)->place];
    return rte_mempool_avail_count(own_pool(shared)) + (owned->of == shared ? owned->cache->len : 0);
}

static void own_destroy(void *shared)
{
    ((struct shared *)shared)->gone = true;
    rte_mempool_free(own_pool(shared));
}

#define CALLS(kind)                                                                                  \
    static void *kind##_allocate(void *pool)                                                         \
    {                                                                                                \
        void *block;                                                                                 \
        int status = rte_mempool_generic_get(kind##_pool(pool), &block, 1, kind##_cache(pool));      \
        return likely(status == 0) ? block : NULL;                                                   \
    }                                                                                                \
                                                                                                     \
    static void kind##_free(void *pool, void *block)                                                 \
    {                                                                                                \
        rte_mempool_generic_put(kind##_pool(pool), &block, 1, kind##_cache(pool));                   \
    }                                                                                                \
                                                                                                     \
    static size_t kind##_allocate_many(void *pool, void **blocks, size_t count)                      \
    {                                                                                                \
        int status = rte_mempool_generic_get(kind##_pool(pool), blocks, (unsigned)count, kind##_cache(pool)); \
        return likely(status == 0) ? count : 0;                                                      \
    }                                                                                                \
                                                                                                     \
    static void kind##_free_many(void *pool, void *const *blocks, size_t count)                      \
    {                                                                                                \
        rte_mempool_generic_put(kind##_pool(pool), blocks, (unsigned)count, kind##_cache(pool));     \
    }

CALLS(core)
CALLS(own)

/* Starts DPDK on the processor where this thread is, and leaves the thread free to run where it could run before. */
static const char *start(void)
{
    static bool started;
    if (started) {
        return NULL;
    }
    char lcores[32];
    snprintf(lcores, sizeof lcores, "0@%d", sched_getcpu());
    char *arguments[] = {
        "lookaside", "--no-huge", "-m", MEGABYTES, "--no-shconf", "--no-pci", "--no-telemetry", "--file-prefix", "lookaside",
        "--lcores", lcores, "--log-level", "*:critical", NULL,
    };
    cpu_set_t allowed;
    bool known = pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed) == 0;
    int status = rte_eal_init(sizeof arguments / sizeof *arguments - 1, arguments);
    if (known) {
        pthread_setaffinity_np(pthread_self(), sizeof allowed, &allowed);
    }
    if (status < 0) {
        return rte_strerror(rte_errno);
    }
    if (pthread_key_create(&registered, unregister) != 0 || pthread_key_create(&owning, give_all_back) != 0) {
        return "the process has no thread-specific data left";
    }
    started = true;
    return NULL;
}

static struct rte_mempool *make_pool(size_t size)
{
    static unsigned made;
    char name[RTE_MEMPOOL_NAMESIZE];
    snprintf(name, sizeof name, "lookaside-%u", made++);
    size_t blocks = (size_t)sysconf(_SC_NPROCESSORS_ONLN) * BLOCKS_OF_PROCESSOR;
    blocks = blocks < BLOCKS_OF_BURST ? BLOCKS_OF_BURST : blocks;
    blocks = blocks < MOST_BYTES / size ? blocks : MOST_BYTES / size - 1;
    return rte_mempool_create(name, (unsigned)blocks, (unsigned)size, CACHE, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
}

static const char *make(bool owned, size_t size, struct peer *peer)
{
    const char *reason = start();
    if (reason != NULL) {
        return reason;
    }
    struct rte_mempool *pool = make_pool(size);
    if (pool == NULL) {
        return rte_strerror(rte_errno);
    }
    if (!owned) {
        *peer = (struct peer){pool, core_allocate, core_free, core_allocate_many, core_free_many, core_kept, core_destroy};
        return NULL;
    }
    struct shared *shared = malloc(sizeof *shared);
    if (shared == NULL) {
        rte_mempool_free(pool);
        return "there is no memory";
    }
    static unsigned made;
    *shared = (struct shared){pool, made++ % PLACES, false};
    *peer = (struct peer){shared, own_allocate, own_free, own_allocate_many, own_free_many, own_kept, own_destroy};
    return NULL;
}

const char *lookaside_peer_start(void)
{
    pthread_mutex_lock(&making);
    const char *reason = start();
    pthread_mutex_unlock(&making);
    return reason;
}

const char *lookaside_peer_make(const char *shape, size_t size, struct peer *peer)
{
    pthread_mutex_lock(&making);
    const char *reason = make(strcmp(shape, "dpdk-user-cache") == 0, size, peer);
    pthread_mutex_unlock(&making);
    return reason;
}

const char *lookaside_peer_version(void)
{
    return rte_version();
}
