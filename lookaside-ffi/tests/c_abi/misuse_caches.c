/* Misuse of caches before a list, and that their calls do the same inlined. */
#include "misuse.h"

#include "lookaside_cache.h"

enum { CAPACITY = 16 };

static lookaside_cache cache, none;
static void *array[CAPACITY];

static union {
    lookaside_cache aligned;
    char bytes[2 * sizeof(lookaside_cache)];
} cache_room;

static lookaside_cache *misaligned_cache(void)
{
    return (lookaside_cache *)(void *)(cache_room.bytes + 4);
}

static void make_cache(void)
{
    make();
    if (lookaside_cache_initialize(&cache, &list, array, CAPACITY) != LOOKASIDE_STATUS_SUCCESS) {
        puts("no cache");
        exit(2);
    }
}

static void make_verified(void)
{
    changed.flags = LOOKASIDE_FLAG_VERIFY;
    if (lookaside_list_initialize(&list, &changed) != LOOKASIDE_STATUS_SUCCESS ||
        lookaside_cache_initialize(&cache, &list, array, CAPACITY) != LOOKASIDE_STATUS_SUCCESS) {
        puts("no cache");
        exit(2);
    }
}

static void make_and_delete_cache(void)
{
    make_cache();
    if (lookaside_cache_delete(&cache) != LOOKASIDE_STATUS_SUCCESS) {
        puts("not deleted");
        exit(2);
    }
}

static void *take_from_cache(void)
{
    void *block = lookaside_cache_allocate(&cache);
    if (block == NULL) {
        puts("no block");
        exit(2);
    }
    return block;
}

static void show_all_calls(lookaside_cache *other)
{
    lookaside_counters counters, before;
    memset(&counters, 0x7F, sizeof counters);
    before = counters;
    tell_pointer(lookaside_cache_allocate(other));
    show(lookaside_cache_flush(other));
    show(lookaside_cache_delete(other));
    show(lookaside_cache_counters(other, &counters));
    puts(memcmp(&before, &counters, sizeof counters) == 0 ? "untouched" : "written");
}

static void *no_memory(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)size;
    (void)tag;
    return NULL;
}

static void objects(const char *name)
{
    CASE("cache: every call, null cache") show_all_calls(NULL);
    CASE("cache: every call, misaligned cache") show_all_calls(misaligned_cache());
    CASE("cache: every call, zeroed cache") show_all_calls(&none);
    CASE("cache: every call, deleted cache")
    {
        make_and_delete_cache();
        show_all_calls(&cache);
    }
    CASE("cache: inlined calls, zeroed cache")
    {
        tell_pointer(lookaside_cache_allocate_inline(&none));
        lookaside_cache_free_inline(&none, NULL);
        puts("no effect");
    }
    CASE("cache: initialize, what cannot be")
    {
        lookaside_cache before;
        make();
        memset(&cache, 0x33, sizeof cache);
        before = cache;
        show(lookaside_cache_initialize(NULL, &list, array, CAPACITY));
        show(lookaside_cache_initialize(&cache, NULL, array, CAPACITY));
        show(lookaside_cache_initialize(&cache, &list, NULL, CAPACITY));
        show(lookaside_cache_initialize(&cache, &list, array, 0));
        show(lookaside_cache_initialize(&cache, &list, array, 65536));
        show(lookaside_cache_initialize(misaligned_cache(), &list, array, CAPACITY));
        show(lookaside_cache_initialize(&cache, misaligned(), array, CAPACITY));
        show(lookaside_cache_initialize(&cache, &list, (void **)(void *)((char *)array + 4), CAPACITY - 1));
        show(lookaside_cache_initialize(&cache, &zeroed, array, CAPACITY));
        lookaside_list_delete(&list);
        show(lookaside_cache_initialize(&cache, &list, array, CAPACITY));
        puts(memcmp(&before, &cache, sizeof cache) == 0 ? "untouched" : "written");
    }
    CASE("cache: counters, null")
    {
        make_cache();
        show(lookaside_cache_counters(&cache, NULL));
    }
}

static void blocks(const char *name)
{
    CASE("cache: free, null block")
    {
        make_cache();
        lookaside_cache_free(&cache, NULL);
        lookaside_cache_free_inline(&cache, NULL);
        lookaside_cache_free(&none, NULL);
        lookaside_cache_free(NULL, NULL);
        puts("no effect");
    }
    CASE("cache: free, null cache") lookaside_cache_free(NULL, &room);
    CASE("cache: free, misaligned cache") lookaside_cache_free(misaligned_cache(), &room);
    CASE("cache: free, zeroed cache") lookaside_cache_free(&none, &room);
    CASE("cache: free inlined, deleted cache")
    {
        make_and_delete_cache();
        lookaside_cache_free_inline(&cache, &room);
    }
    CASE("cache: free, misaligned block")
    {
        make_cache();
        lookaside_cache_free(&cache, (char *)take_from_cache() + 8);
    }
    CASE("cache: free inlined, misaligned block")
    {
        make_cache();
        lookaside_cache_free_inline(&cache, (char *)take_from_cache() + 8);
    }
    CASE("cache: list deleted before it")
    {
        make_cache();
        void *block = take_from_cache();
        show(lookaside_list_delete(&list));
        void *other = lookaside_cache_allocate_inline(&cache);
        tell_pointer(other);
        lookaside_cache_free(&cache, block);
        lookaside_cache_free(&cache, other);
        show(lookaside_list_initialize(&list, &changed));
        show(lookaside_cache_delete(&cache));
        show(lookaside_list_initialize(&list, &changed));
        show(lookaside_list_delete(&list));
    }
    CASE("cache: callback has no memory")
    {
        lookaside_counters counters;
        changed.allocate = no_memory;
        tell_initialize(&changed);
        lookaside_cache_initialize(&cache, &list, array, CAPACITY);
        tell_pointer(lookaside_cache_allocate(&cache));
        lookaside_cache_counters(&cache, &counters);
        printf("%u allocates, %u misses\n", (unsigned)counters.total_allocates, (unsigned)counters.allocate_misses);
    }
}

/* Fifty blocks out and back, twice; each call by itself, inlined, or both in turn. */
static void use(int called, int inlined)
{
    void *held[50];
    lookaside_counters counters;
    int turn = 0;
    lookaside_cache_initialize(&cache, &list, array, CAPACITY);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 50; i++) {
            int call = called && (!inlined || turn++ % 2 == 0);
            held[i] = call ? lookaside_cache_allocate(&cache) : lookaside_cache_allocate_inline(&cache);
            memset(held[i], i, 64);
        }
        for (int i = 0; i < 50; i++) {
            int call = called && (!inlined || turn++ % 2 == 0);
            if (((unsigned char *)held[i])[63] != i) {
                puts("a block was given twice");
            }
            if (call) {
                lookaside_cache_free(&cache, held[i]);
            } else {
                lookaside_cache_free_inline(&cache, held[i]);
            }
        }
    }
    lookaside_cache_counters(&cache, &counters);
    printf("%u allocates, %u hits, %u frees, %u in the cache\n", (unsigned)counters.total_allocates,
           (unsigned)(counters.total_allocates - counters.allocate_misses), (unsigned)counters.total_frees,
           (unsigned)counters.current_depth);
    lookaside_cache_delete(&cache);
}

static void alike(const char *name)
{
    CASE("cache: called and inlined alike")
    {
        lookaside_statistics statistics;
        make();
        use(1, 0);
        use(0, 1);
        use(1, 1);
        statistics.struct_size = sizeof statistics;
        lookaside_list_statistics(&list, &statistics);
        printf("%u out\n", (unsigned)statistics.outstanding);
    }
}

static void verified(const char *name)
{
    CASE("cache, verified: block freed twice")
    {
        make_verified();
        void *block = take_from_cache();
        lookaside_cache_free(&cache, block);
        lookaside_cache_free(&cache, block);
    }
    CASE("cache, verified: block freed twice, inlined")
    {
        make_verified();
        void *block = lookaside_cache_allocate_inline(&cache);
        lookaside_cache_free_inline(&cache, block);
        lookaside_cache_free_inline(&cache, block);
    }
}

static void cases(const char *name)
{
    objects(name);
    blocks(name);
    alike(name);
    verified(name);
}
