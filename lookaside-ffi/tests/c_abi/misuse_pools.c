/* Misuse of pools: of what lists take from them, of small pools and of tagged blocks. */
#include "misuse.h"

/* Two frees of one block, each of which reaches the pool. */
static void free_twice(const lookaside_parameters *parameters)
{
    tell_initialize(parameters);
    void *block = take();
    lookaside_list_free(&list, block);
    lookaside_list_flush(&list);
    lookaside_list_free(&list, block);
    lookaside_list_flush(&list);
}

/* Pools that check what comes back. */

static void pools(const char *name)
{
    CASE("paged pool, block freed twice")
    {
        tell_initialize(&changed);
        void *block = take();
        lookaside_list_free(&list, block);
        lookaside_list_free(&list, block);
        lookaside_list_flush(&list);
    }
    CASE("paged pool, block freed again after its slab was given back")
    {
        free_twice(&changed);
    }
    CASE("paged pool, block of malloc")
    {
        tell_initialize(&changed);
        lookaside_list_free(&list, malloc(64));
        show(lookaside_list_flush(&list));
    }
    CASE("paged pool, block of another list")
    {
        static lookaside_list other;
        tell_initialize(&changed);
        lookaside_list_initialize(&other, &changed);
        lookaside_list_free(&list, lookaside_list_allocate(&other));
        show(lookaside_list_flush(&list));
    }
    CASE("paged pool, middle of a block")
    {
        tell_initialize(&changed);
        lookaside_list_free(&list, (char *)take() + 16);
        show(lookaside_list_flush(&list));
    }
    CASE("paged pool, block freed twice, found by delete")
    {
        tell_initialize(&changed);
        void *block = take();
        lookaside_list_free(&list, block);
        lookaside_list_free(&list, block);
        show(lookaside_list_delete(&list));
    }
    CASE("nonpaged pool, block freed twice")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        tell_initialize(&changed);
        void *block = take();
        lookaside_list_free(&list, block);
        lookaside_list_free(&list, block);
        lookaside_list_flush(&list);
    }
    CASE("nonpaged pool, block freed again after its slab was given back")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        free_twice(&changed);
    }
    CASE("nonpaged pool, block of malloc")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        tell_initialize(&changed);
        lookaside_list_free(&list, malloc(64));
        show(lookaside_list_flush(&list));
    }
    CASE("session pool, block freed twice")
    {
        changed.pool_type = LOOKASIDE_POOL_PAGED_SESSION;
        free_twice(&changed);
    }
    CASE("special pool, block freed twice")
    {
        changed.flags = LOOKASIDE_FLAG_SPECIAL_POOL;
        free_twice(&changed);
    }
    CASE("special pool, write behind an odd block")
    {
        changed.flags = LOOKASIDE_FLAG_SPECIAL_POOL;
        changed.size = 63;
        tell_initialize(&changed);
        char *block = (char *)take();
        block[63] = 0;
        lookaside_list_free(&list, block);
    }
    CASE("special pool, write before a block")
    {
        changed.flags = LOOKASIDE_FLAG_SPECIAL_POOL;
        tell_initialize(&changed);
        char *block = (char *)take();
        block[-1] = 0;
        lookaside_list_free(&list, block);
    }
}

/* A small pool, and tagged blocks. */
static lookaside_small_pool small;

#define GOOD LOOKASIDE_TAG('G', 'o', 'o', 'd')
#define EVIL LOOKASIDE_TAG('E', 'v', 'i', 'l')

static lookaside_small_pool_parameters usual_small_pool(void)
{
    lookaside_small_pool_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.generation = LOOKASIDE_GENERATION_6_0_X64;
    return parameters;
}

static void make_small_pool(void)
{
    lookaside_small_pool_parameters parameters = usual_small_pool();
    if (lookaside_small_pool_initialize(&small, &parameters) != LOOKASIDE_STATUS_SUCCESS) {
        puts("no small pool");
        exit(2);
    }
}

static void *tagged(size_t size)
{
    void *block = lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, size, GOOD);
    if (block == NULL) {
        puts("no block");
        exit(2);
    }
    return block;
}

static char *bare(size_t size)
{
    return (char *)lookaside_small_pool_allocate_bare(&small, LOOKASIDE_POOL_PAGED, size);
}

static void tell_pool_violation(const lookaside_violation *violation)
{
    printf("0x%X/0x%X %s, %s\n", (unsigned)violation->code, (unsigned)violation->parameter,
           violation->list == NULL && violation->block != NULL ? "block" : "wrong",
           violation->tag == GOOD ? "Good" : "no tag");
}

/* What every call returns that looks for the small pool before anything else. */
static void show_all_small_pool_calls(lookaside_small_pool *other)
{
    lookaside_small_list_statistics statistics;
    memset(&statistics, 0, sizeof statistics);
    statistics.struct_size = sizeof statistics;
    show(lookaside_small_pool_prepare(other, LOOKASIDE_POOL_PAGED));
    show(lookaside_small_pool_flush(other));
    show(lookaside_small_pool_delete(other));
    if (other != NULL) {
        show(lookaside_small_pool_statistics(other, LOOKASIDE_POOL_PAGED, 0, &statistics));
    }
    tell_pointer(lookaside_small_pool_allocate(other, LOOKASIDE_POOL_PAGED, 16, GOOD));
    tell_pointer(lookaside_small_pool_allocate_bare(other, LOOKASIDE_POOL_PAGED, 16));
    printf("%d\n", (int)lookaside_small_pool_size(other, NULL));
}

static void small_pools(const char *name)
{
    CASE("every call, null small pool") show_all_small_pool_calls(NULL);
    CASE("every call, misaligned small pool") show_all_small_pool_calls((lookaside_small_pool *)((char *)&small + 8));
    CASE("every call, zeroed small pool") show_all_small_pool_calls(&small);
    CASE("every call, small pool of garbage")
    {
        memset(&small, 0xA5, sizeof small);
        show_all_small_pool_calls(&small);
    }
    CASE("every call, deleted small pool")
    {
        make_small_pool();
        show(lookaside_small_pool_delete(&small));
        show_all_small_pool_calls(&small);
    }
    CASE("small pool parameters that cannot be")
    {
        lookaside_small_pool_parameters small_usual = usual_small_pool(), other = small_usual;
        show(lookaside_small_pool_initialize(NULL, &small_usual));
        show(lookaside_small_pool_initialize(&small, NULL));
        show(lookaside_small_pool_initialize((lookaside_small_pool *)((char *)&small + 8), &small_usual));
        other.struct_size -= 8;
        show(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.generation = 5;
        show(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.tuning = 3;
        show(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.maximum_depth = 16385;
        show(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.flags = LOOKASIDE_FLAG_VERIFY;
        show(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.name = "\xFF";
        show(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.reserved[2] = 1;
        show(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.inline_abi = LOOKASIDE_INLINE_ABI - 1;
        show(lookaside_small_pool_initialize(&small, &other));
        show(lookaside_small_pool_initialize(&small, &small_usual));
        show(lookaside_small_pool_initialize(&small, &small_usual));
        show(lookaside_small_pool_prepare(&small, 0x21));
        show(lookaside_small_pool_prepare(&small, 3));
        show(lookaside_small_pool_prepare(&small, LOOKASIDE_POOL_PAGED));
        show(lookaside_small_pool_delete(&small));
    }
    CASE("pool blocks that cannot be")
    {
        make_small_pool();
        tell_pointer(lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, (size_t)-1, GOOD));
        tell_pointer(lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, (size_t)-1 / 2, GOOD));
        tell_pointer(lookaside_pool_allocate(3, 16, GOOD));
        tell_pointer(lookaside_pool_allocate(0x400, 16, GOOD));
        tell_pointer(lookaside_small_pool_allocate(&small, 0xFFFFFFFF, 16, GOOD));
        tell_pointer(lookaside_small_pool_allocate_bare(&small, 5, 16));
        tell_pointer(lookaside_small_pool_allocate_bare(&small, 1, (size_t)-1));
    }
    CASE("pool alignments that no block can have")
    {
        make_small_pool();
        tell_pointer(lookaside_pool_allocate_aligned(LOOKASIDE_POOL_PAGED, 16, 0, GOOD));
        tell_pointer(lookaside_pool_allocate_aligned(LOOKASIDE_POOL_PAGED, 16, 48, GOOD));
        tell_pointer(lookaside_pool_allocate_aligned(LOOKASIDE_POOL_PAGED, 16, 1 << 17, GOOD));
        tell_pointer(lookaside_small_pool_allocate_aligned(&small, LOOKASIDE_POOL_PAGED, (size_t)-1, 4096, GOOD));
    }
    CASE("pool reallocate, wrong tag") tell_pointer(lookaside_pool_reallocate(LOOKASIDE_POOL_PAGED, tagged(100), 9, EVIL));
    CASE("pool reallocate, freed block")
    {
        void *block = tagged(5000);
        lookaside_pool_free(block, GOOD);
        tell_pointer(lookaside_pool_reallocate(LOOKASIDE_POOL_PAGED, block, 9, GOOD));
    }
    CASE("small pool reallocate, zeroed pool")
        tell_pointer(lookaside_small_pool_reallocate(&small, LOOKASIDE_POOL_PAGED, room.bytes, 9, GOOD));
    CASE("pool blocks of no bytes")
    {
        make_small_pool();
        void *block = lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, 0, GOOD);
        void *other = lookaside_small_pool_allocate_bare(&small, LOOKASIDE_POOL_PAGED, 0);
        printf("%d %d\n", (int)lookaside_pool_size(block), other != NULL);
        lookaside_pool_free_sized(block, 0, GOOD);
        lookaside_small_pool_free_bare(&small, LOOKASIDE_POOL_PAGED, other, 0);
        show(lookaside_small_pool_delete(&small));
    }
    CASE("pool free, null block")
    {
        lookaside_pool_free(NULL, GOOD);
        lookaside_pool_free_sized(NULL, 5, GOOD);
        lookaside_small_pool_free(NULL, NULL, GOOD);
        lookaside_small_pool_free_bare(&small, 77, NULL, 5);
        printf("%d\n", (int)lookaside_pool_size(NULL));
    }
    CASE("pool free, wrong tag") lookaside_pool_free(tagged(100), EVIL);
    CASE("pool free, wrong tag of a large block") lookaside_pool_free(tagged(10000), EVIL);
    CASE("pool free, wrong size") lookaside_pool_free_sized(tagged(100), 101, GOOD);
    CASE("pool free twice")
    {
        void *block = tagged(100);
        lookaside_pool_free(block, 0);
        lookaside_pool_free(block, GOOD);
    }
    CASE("pool free twice, whole pages")
    {
        void *block = tagged(8192);
        lookaside_pool_free(block, GOOD);
        lookaside_pool_free(block, GOOD);
    }
    CASE("pool free, second page of a block") lookaside_pool_free((char *)tagged(8192) + 4096, GOOD);
    CASE("pool free, foreign block") lookaside_pool_free(room.bytes + 64, 0);
    CASE("pool free, misaligned block") lookaside_pool_free((char *)tagged(100) + 8, GOOD);
    CASE("pool free, header overwritten")
    {
        char *block = (char *)tagged(100);
        memset(block - 4, 0, 4);
        lookaside_pool_free(block, GOOD);
    }
    CASE("pool size of a freed block")
    {
        void *block = tagged(100);
        lookaside_pool_free(block, GOOD);
        lookaside_pool_size(block);
    }
    CASE("pool free, block of a list")
    {
        changed.size = 200;
        lookaside_list_initialize(&list, &changed);
        char *block = (char *)take();
        memset(block, 0, 200);
        lookaside_pool_free(block + 16, 0);
    }
    CASE("small pool free, block of another pool")
    {
        make_small_pool();
        lookaside_small_pool_free(&small, tagged(100), GOOD);
    }
    CASE("small pool free, null pool") lookaside_small_pool_free(NULL, tagged(100), GOOD);
    CASE("small pool free, zeroed pool") lookaside_small_pool_free(&small, tagged(100), GOOD);
    CASE("small pool free bare, misaligned block")
    {
        make_small_pool();
        lookaside_small_pool_free_bare(&small, LOOKASIDE_POOL_PAGED, bare(100) + 4, 100);
    }
    CASE("small pool free bare, no such pool type")
    {
        make_small_pool();
        lookaside_small_pool_free_bare(&small, 0x21, bare(100), 100);
    }
    CASE("small pool free bare, no such size")
    {
        make_small_pool();
        lookaside_small_pool_free_bare(&small, LOOKASIDE_POOL_PAGED, bare(100), SIZE_MAX);
    }
    CASE("small pool free bare, null pool") lookaside_small_pool_free_bare(NULL, 1, room.bytes, 5);
    CASE("small pool free sized, wrong size")
    {
        make_small_pool();
        lookaside_small_pool_free_sized(&small, lookaside_small_pool_allocate(&small, 1, 100, GOOD), 99, GOOD);
    }
    CASE("small pool size, zeroed pool") lookaside_small_pool_size(&small, room.bytes);
    CASE("small pool statistics that cannot be")
    {
        lookaside_small_list_statistics statistics;
        memset(&statistics, 0x7F, sizeof statistics);
        show(lookaside_small_pool_statistics(NULL, LOOKASIDE_POOL_PAGED, 0, NULL));
        show(lookaside_small_pool_statistics(NULL, LOOKASIDE_POOL_PAGED, 0, &statistics));
        statistics.struct_size = sizeof statistics;
        show(lookaside_small_pool_statistics(NULL, LOOKASIDE_POOL_PAGED, 32, &statistics));
        show(lookaside_small_pool_statistics(NULL, 0x21, 0, &statistics));
        puts(statistics.block_size == 0x7F7F7F7F7F7F7F7F ? "untouched" : "written");
        show(lookaside_small_pool_statistics(NULL, LOOKASIDE_POOL_PAGED, 31, &statistics));
        printf("%d\n", (int)statistics.block_size);
    }
    CASE("small pool deleted with a block out")
    {
        make_small_pool();
        void *block = lookaside_small_pool_allocate(&small, LOOKASIDE_POOL_PAGED, 100, GOOD);
        show(lookaside_small_pool_delete(&small));
        memset(block, 1, 100);
        lookaside_small_pool_free(&small, block, GOOD);
        lookaside_small_pool_free(&small, lookaside_small_pool_allocate(&small, 1, 100, GOOD), GOOD);
        show(lookaside_small_pool_delete(&small));
    }
    CASE("pool misuse, hook that returns")
    {
        lookaside_set_violation_hook(tell_pool_violation);
        void *block = tagged(100);
        lookaside_pool_free(block, EVIL);
        lookaside_pool_free_sized(block, 1, GOOD);
        lookaside_pool_free(room.bytes + 64, GOOD);
        lookaside_pool_free(block, GOOD);
        lookaside_pool_free(block, GOOD);
        printf("%d\n", (int)lookaside_pool_size(block));
    }
}

static void cases(const char *name)
{
    pools(name);
    small_pools(name);
}
