/* Misuse of the calls for several blocks at once. */
#include "misuse.h"

enum { COUNT = 4 };

static void *blocks[COUNT];

/* Room for pointers at an odd address. */
static union {
    void *aligned[COUNT + 1];
    char bytes[(COUNT + 1) * sizeof(void *)];
} crooked;

static void **misaligned_array(void)
{
    return (void **)(void *)(crooked.bytes + 1);
}

static void take_all(void)
{
    if (lookaside_list_allocate_many(&list, blocks, COUNT) != COUNT) {
        puts("no blocks");
        exit(2);
    }
}

static void tell_count(size_t count)
{
    printf("%u\n", (unsigned)count);
}

static lookaside_statistics statistics(void)
{
    lookaside_statistics statistics;
    statistics.struct_size = sizeof statistics;
    if (lookaside_list_statistics(&list, &statistics) != LOOKASIDE_STATUS_SUCCESS) {
        puts("no statistics");
        exit(2);
    }
    return statistics;
}

static void tell_allocates(void)
{
    lookaside_statistics seen = statistics();
    printf("%u allocates, %u out\n", (unsigned)seen.list.total_allocates, (unsigned)seen.outstanding);
}

static void tell_frees(void)
{
    lookaside_statistics seen = statistics();
    printf("%u frees, %u out\n", (unsigned)seen.list.total_frees, (unsigned)seen.outstanding);
}

static void *no_memory(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)size;
    (void)tag;
    return NULL;
}

static void tell_violation(const lookaside_violation *violation)
{
    printf("0x%X/0x%X\n", (unsigned)violation->code, (unsigned)violation->parameter);
}

static void allocates(const char *name)
{
    CASE("allocate many, null list") tell_count(lookaside_list_allocate_many(NULL, blocks, COUNT));
    CASE("allocate many, misaligned list") tell_count(lookaside_list_allocate_many(misaligned(), blocks, COUNT));
    CASE("allocate many, zeroed list") tell_count(lookaside_list_allocate_many(&zeroed, blocks, COUNT));
    CASE("allocate many, deleted list")
    {
        make_and_delete();
        tell_count(lookaside_list_allocate_many(&list, blocks, COUNT));
    }
    CASE("allocate many, null array")
    {
        make();
        tell_count(lookaside_list_allocate_many(&list, NULL, COUNT));
        tell_allocates();
    }
    CASE("allocate many, misaligned array")
    {
        make();
        tell_count(lookaside_list_allocate_many(&list, misaligned_array(), COUNT));
        tell_allocates();
    }
    CASE("allocate many, more than memory has room for")
    {
        make();
        tell_count(lookaside_list_allocate_many(&list, blocks, SIZE_MAX));
        tell_count(lookaside_list_allocate_many(&list, blocks, SIZE_MAX / 16 + 1));
        tell_allocates();
    }
    CASE("allocate many, none")
    {
        make();
        tell_count(lookaside_list_allocate_many(&list, blocks, 0));
        puts(blocks[0] == NULL ? "untouched" : "written");
    }
    CASE("allocate many, callback has no memory")
    {
        changed.allocate = no_memory;
        tell_initialize(&changed);
        tell_count(lookaside_list_allocate_many(&list, blocks, COUNT));
        tell_allocates();
    }
}

static void frees(const char *name)
{
    CASE("free many, null array")
    {
        make();
        lookaside_list_free_many(&list, NULL, COUNT);
        lookaside_list_free_many(NULL, NULL, COUNT);
        puts("no effect");
    }
    CASE("free many, more than memory has room for")
    {
        make();
        take_all();
        lookaside_list_free_many(&list, blocks, SIZE_MAX);
        tell_frees();
    }
    CASE("free many, none")
    {
        make();
        lookaside_list_free_many(&list, blocks, 0);
        lookaside_list_free_many(NULL, blocks, 0);
        puts("no effect");
    }
    CASE("free many, null blocks among others")
    {
        make();
        take_all();
        void *some[] = {NULL, blocks[0], NULL, blocks[1], blocks[2], NULL, blocks[3], NULL};
        lookaside_list_free_many(&list, some, 8);
        tell_frees();
    }
    CASE("free many, misaligned array")
    {
        make();
        take_all();
        memcpy(misaligned_array(), blocks, sizeof blocks);
        lookaside_list_free_many(&list, misaligned_array(), COUNT);
        tell_frees();
    }
    CASE("free many, null list") blocks[0] = &room, lookaside_list_free_many(NULL, blocks, 1);
    CASE("free many, misaligned list") blocks[0] = &room, lookaside_list_free_many(misaligned(), blocks, 1);
    CASE("free many, zeroed list") blocks[0] = &room, lookaside_list_free_many(&zeroed, blocks, 1);
    CASE("free many, deleted list")
    {
        make_and_delete();
        blocks[0] = &room;
        lookaside_list_free_many(&list, blocks, 1);
    }
    CASE("free many, misaligned block")
    {
        make();
        take_all();
        blocks[2] = (char *)blocks[2] + 8;
        lookaside_list_free_many(&list, blocks, COUNT);
    }
    CASE("free many, misaligned block, and a hook that returns")
    {
        lookaside_set_violation_hook(tell_violation);
        make();
        take_all();
        blocks[2] = (char *)blocks[2] + 8;
        lookaside_list_free_many(&list, blocks, COUNT);
        tell_frees();
    }
    CASE("free many, draining list")
    {
        make();
        take_all();
        show(lookaside_list_delete(&list));
        tell_count(lookaside_list_allocate_many(&list, blocks, 0));
        lookaside_list_free_many(&list, blocks, COUNT - 1);
        show(lookaside_list_initialize(&list, &changed));
        lookaside_list_free_many(&list, blocks + COUNT - 1, 1);
        show(lookaside_list_initialize(&list, &changed));
    }
}

static void verified(const char *name)
{
    CASE("verified: a block twice in a run")
    {
        changed.flags = LOOKASIDE_FLAG_VERIFY;
        tell_initialize(&changed);
        take_all();
        blocks[2] = blocks[1];
        lookaside_list_free_many(&list, blocks, COUNT);
    }
    CASE("verified: a run is whole")
    {
        changed.flags = LOOKASIDE_FLAG_VERIFY;
        tell_initialize(&changed);
        take_all();
        lookaside_list_free_many(&list, blocks, COUNT);
        tell_frees();
        show(lookaside_list_delete(&list));
    }
}

static void cases(const char *name)
{
    allocates(name);
    frees(name);
    verified(name);
}
