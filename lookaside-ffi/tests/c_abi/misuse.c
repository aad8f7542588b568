/* Misuse of lists: objects that are none, parameters that none can have, blocks and callbacks. */
#include "misuse.h"

/* What every call returns that looks for the list before anything else. */
static void show_all_calls(lookaside_list *other)
{
    size_t filled = 99;
    lookaside_statistics statistics;
    memset(&statistics, 0, sizeof statistics);
    statistics.struct_size = sizeof statistics;
    show(lookaside_list_flush(other));
    show(lookaside_list_trim(other));
    show(lookaside_list_prefill(other, 1, &filled));
    show(lookaside_list_statistics(other, &statistics));
    show(lookaside_list_delete(other));
    tell_pointer(lookaside_list_context(other));
    tell_pointer(lookaside_list_try_allocate(other));
    puts(filled == 99 ? "filled untouched" : "filled written");
}

/* Lists that are none. */

static void objects(const char *name)
{
    CASE("every call, null list") show_all_calls(NULL);
    CASE("every call, misaligned list") show_all_calls(misaligned());
    CASE("every call, zeroed list") show_all_calls(&zeroed);
    CASE("every call, garbage") show_all_calls(&garbage);
    CASE("every call, deleted list")
    {
        make_and_delete();
        show_all_calls(&list);
    }
    CASE("allocate, null list") tell_pointer(lookaside_list_allocate(NULL));
    CASE("allocate, misaligned list") tell_pointer(lookaside_list_allocate(misaligned()));
    CASE("allocate, zeroed list") tell_pointer(lookaside_list_allocate(&zeroed));
    CASE("allocate, deleted list")
    {
        make_and_delete();
        tell_pointer(lookaside_list_allocate(&list));
    }
    CASE("initialize, null list") show(lookaside_list_initialize(NULL, &changed));
    CASE("initialize, misaligned list") show(lookaside_list_initialize(misaligned(), &changed));
    CASE("initialize, garbage")
    {
        show(lookaside_list_initialize(&garbage, &changed));
        show(lookaside_list_delete(&garbage));
    }
    CASE("initialize, deleted list")
    {
        make_and_delete();
        tell_initialize(&changed);
        show(lookaside_list_delete(&list));
    }
    CASE("initialize twice")
    {
        lookaside_statistics statistics;
        make();
        void *block = take();
        changed.size = 32;
        tell_initialize(&changed);
        statistics.struct_size = sizeof statistics;
        show(lookaside_list_statistics(&list, &statistics));
        printf("size %u, %u out\n", (unsigned)statistics.size, (unsigned)statistics.outstanding);
        lookaside_list_free(&list, block);
        show(lookaside_list_delete(&list));
    }
    CASE("copy of a list, original deleted")
    {
        make();
        lookaside_list copy = list;
        show(lookaside_list_delete(&list));
        show(lookaside_list_delete(&copy));
    }
}

static void *ex_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag, lookaside_list *own)
{
    (void)own;
    return plain_allocate(pool_type, size, tag);
}

static void ex_free(void *block, lookaside_list *own)
{
    (void)own;
    free(block);
}

/* Parameters that no list can have. */

static void parameters(const char *name)
{
    CASE("null parameters") tell_initialize(NULL);
    CASE("struct_size 0") changed.struct_size = 0, tell_initialize(&changed);
    CASE("struct_size too small") changed.struct_size -= 8, tell_initialize(&changed);
    CASE("struct_size too large") changed.struct_size += 8, tell_initialize(&changed);
    CASE("another version of inlined code") changed.inline_abi = LOOKASIDE_INLINE_ABI + 1, tell_initialize(&changed);
    CASE("size 0") changed.size = 0, tell_initialize(&changed);
    CASE("size 1") changed.size = 1, tell_initialize(&changed);
    CASE("size 2^63") changed.size = (size_t)1 << 63, tell_initialize(&changed);
    CASE("size 2^64 - 1") changed.size = SIZE_MAX, tell_initialize(&changed);
    CASE("size 2^64 - 16") changed.size = SIZE_MAX - 15, tell_initialize(&changed);
    CASE("size 2^63 - 1") changed.size = SIZE_MAX >> 1, tell_initialize(&changed);
    CASE("alignment 3") changed.alignment = 3, tell_initialize(&changed);
    CASE("alignment 48") changed.alignment = 48, tell_initialize(&changed);
    CASE("alignment 2^63") changed.alignment = (size_t)1 << 63, tell_initialize(&changed);
    CASE("alignment 8") changed.alignment = 8, tell_initialize(&changed);
    CASE("alignment 4096")
    {
        changed.alignment = 4096;
        tell_initialize(&changed);
        puts((uintptr_t)take() % 4096 == 0 ? "aligned" : "not aligned");
    }
    CASE("pool type 3") changed.pool_type = 3, tell_initialize(&changed);
    CASE("pool type 0x401") changed.pool_type = 0x401, tell_initialize(&changed);
    CASE("pool type 0xFFFFFFFF") changed.pool_type = UINT32_MAX, tell_initialize(&changed);
    CASE("nonpaged pool")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        tell_initialize(&changed);
        lookaside_list_free(&list, take());
        show(lookaside_list_delete(&list));
    }
    CASE("nonpaged NX pool")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED_NX;
        tell_initialize(&changed);
        lookaside_list_free(&list, take());
        show(lookaside_list_delete(&list));
    }
    CASE("nonpaged pool, one callback")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        changed.free = plain_free;
        tell_initialize(&changed);
        show(lookaside_list_delete(&list));
    }
    CASE("nonpaged pool, both callbacks")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        changed.allocate = plain_allocate;
        changed.free_ex = ex_free;
        tell_initialize(&changed);
        lookaside_list_free(&list, take());
        show(lookaside_list_delete(&list));
    }
    CASE("paged pool, one callback")
    {
        changed.allocate = plain_allocate;
        tell_initialize(&changed);
        lookaside_list_free(&list, take());
        show(lookaside_list_delete(&list));
    }
    CASE("tuning 3") changed.tuning = 3, tell_initialize(&changed);
    CASE("topology 3") changed.topology = 3, tell_initialize(&changed);
    CASE("session pool, verified")
    {
        changed.pool_type = LOOKASIDE_POOL_PAGED_SESSION;
        changed.flags = LOOKASIDE_FLAG_VERIFY;
        tell_initialize(&changed);
    }
    CASE("name not UTF-8") changed.name = "na\xEFve", tell_initialize(&changed);
    CASE("no name") changed.name = NULL, tell_initialize(&changed);
    CASE("both allocate callbacks")
    {
        changed.allocate = plain_allocate;
        changed.allocate_ex = ex_allocate;
        tell_initialize(&changed);
    }
    CASE("both free callbacks")
    {
        changed.free = plain_free;
        changed.free_ex = ex_free;
        tell_initialize(&changed);
    }
    CASE("initial depth above the maximum")
    {
        changed.maximum_depth = 8;
        changed.initial_depth = 9;
        tell_initialize(&changed);
    }
    CASE("maximum depth 65535") changed.maximum_depth = 65535, tell_initialize(&changed);
    CASE("batch 65535") changed.batch = 65535, tell_initialize(&changed);
    CASE("reserved not 0") changed.reserved = 1, tell_initialize(&changed);
    CASE("unknown flag") changed.flags = 0x40, tell_initialize(&changed);
}

static void *deleting_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag, lookaside_list *own)
{
    show(lookaside_list_delete(own));
    return plain_allocate(pool_type, size, tag);
}

/* Delete, and what comes after. */

static void lives(const char *name)
{
    CASE("delete, blocks outstanding")
    {
        make();
        char *first = (char *)take();
        char *second = (char *)take();
        show(lookaside_list_delete(&list));
        memset(first, 1, 64);
        memset(second, 2, 64);
        tell_pointer(lookaside_list_allocate(&list));
        show(lookaside_list_delete(&list));
        lookaside_list_free(&list, first);
        puts("first freed");
        lookaside_list_free(&list, second);
        puts("second freed");
        show(lookaside_list_delete(&list));
        show(lookaside_list_initialize(&list, &changed));
    }
    CASE("initialize, draining list")
    {
        make();
        void *block = take();
        show(lookaside_list_delete(&list));
        tell_initialize(&changed);
        lookaside_list_free(&list, block);
        tell_initialize(&changed);
    }
    CASE("free after a draining list ended")
    {
        make();
        void *block = take();
        show(lookaside_list_delete(&list));
        lookaside_list_free(&list, block);
        puts("freed");
        lookaside_list_free(&list, &room);
    }
    CASE("delete in its own callback")
    {
        changed.allocate_ex = deleting_allocate;
        tell_initialize(&changed);
        tell_pointer(take());
    }
}

/* Blocks that are none. */

static void blocks(const char *name)
{
    CASE("free, null block")
    {
        make();
        lookaside_list_free(&list, NULL);
        puts("no effect");
    }
    CASE("free, misaligned block")
    {
        make();
        lookaside_list_free(&list, (char *)take() + 8);
    }
    CASE("free, null list") lookaside_list_free(NULL, &room);
    CASE("free, misaligned list") lookaside_list_free(misaligned(), &room);
    CASE("free, zeroed list") lookaside_list_free(&zeroed, &room);
    CASE("free, deleted list")
    {
        make_and_delete();
        lookaside_list_free(&list, &room);
    }
    CASE("free, null list and null block") lookaside_list_free(NULL, NULL);
    CASE("free, zeroed list and null block")
    {
        lookaside_list_free(&zeroed, NULL);
        puts("no effect");
    }
}

static void *no_memory(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)size;
    (void)tag;
    return NULL;
}

static void *misaligned_block(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)size;
    (void)tag;
    return room.bytes + 8;
}

#ifdef __cplusplus
static void *throwing_allocate(lookaside_pool_type, size_t, lookaside_tag)
{
    throw 1;
}
#endif

/* Callbacks that fail. */

static void callbacks(const char *name)
{
    CASE("callback has no memory")
    {
        lookaside_statistics statistics;
        changed.allocate = no_memory;
        tell_initialize(&changed);
        tell_pointer(lookaside_list_allocate(&list));
        statistics.struct_size = sizeof statistics;
        show(lookaside_list_statistics(&list, &statistics));
        printf("%u failures, %u out\n", (unsigned)statistics.pool_failures, (unsigned)statistics.outstanding);
    }
    CASE("callback has no memory for prefill")
    {
        size_t filled = 99;
        changed.allocate = no_memory;
        tell_initialize(&changed);
        show(lookaside_list_prefill(&list, 4, &filled));
        printf("%u filled\n", (unsigned)filled);
    }
    CASE("callback gives a misaligned block")
    {
        changed.allocate = misaligned_block;
        tell_initialize(&changed);
        take();
    }
#ifdef __cplusplus
    CASE("callback throws")
    {
        changed.allocate = throwing_allocate;
        tell_initialize(&changed);
        try {
            take();
        } catch (int) {
            puts("caught");
        }
    }
#endif
}

/* Pairs that share a list, and their table. */

static void pairs(const char *name)
{
    CASE("a shared list that cannot be")
    {
        lookaside_parameters parameters = usual();
        make();
        parameters.shared = &list;
        show(lookaside_list_initialize(&garbage, &parameters));
        parameters.shared = &zeroed;
        show(lookaside_list_initialize(&garbage, &parameters));
        parameters.shared = misaligned();
        show(lookaside_list_initialize(&garbage, &parameters));
        show(lookaside_list_delete(&list));
        parameters.shared = &list;
        show(lookaside_list_initialize(&garbage, &parameters));
    }
    CASE("a shared list, deleted before its pair")
    {
        lookaside_parameters parameters = usual();
        parameters.topology = LOOKASIDE_TOPOLOGY_GENERAL;
        show(lookaside_list_initialize(&list, &parameters));
        changed.shared = &list;
        show(lookaside_list_initialize(&garbage, &changed));
        void *block = lookaside_list_allocate(&garbage);
        show(lookaside_list_delete(&list));
        show(lookaside_list_delete(&garbage));
        lookaside_list_free(&list, block);
        show(lookaside_list_delete(&list));
    }
    CASE("slots that cannot be")
    {
        static lookaside_pp_table table;
        make();
        show(lookaside_pp_set(NULL, 0, &list, &list));
        show(lookaside_pp_set(&table, 16, &list, &list));
        show(lookaside_pp_set(&table, 0, &list, &list));
        show(lookaside_pp_set(&table, 0, &zeroed, &list));
        show(lookaside_pp_set(&table, 0, &list, misaligned()));
        tell_pointer(lookaside_pp_allocate(&table, 0));
        tell_pointer(lookaside_pp_allocate(&table, 16));
        tell_pointer(lookaside_pp_allocate(NULL, 0));
        lookaside_pp_free(&table, 0, NULL, 0);
        printf("%d %d\n", (int)lookaside_pp_number(9, LOOKASIDE_KERNEL_6_1), (int)lookaside_pp_number(0, 1));
    }
    CASE("free to an empty slot")
    {
        static lookaside_pp_table table;
        make();
        lookaside_pp_free(&table, 0, take(), 0);
    }
    CASE("free without a table") make(), lookaside_pp_free(NULL, 0, take(), 0);
    CASE("free to a processor, null list") lookaside_list_free_to_processor(NULL, room.bytes, 0);
    CASE("free to a processor, null block")
    {
        make();
        lookaside_list_free_to_processor(&list, NULL, 0);
    }
    CASE("free to a processor, misaligned block")
    {
        make();
        lookaside_list_free_to_processor(&list, (char *)take() + 8, 0);
    }
}

static void tell_violation(const lookaside_violation *violation)
{
    printf("0x%X/0x%X %s %s, %s%s%s\n", (unsigned)violation->code, (unsigned)violation->parameter,
           violation->list == &list ? "list" : violation->list == &zeroed ? "zeroed" : "none",
           violation->block == NULL ? "no block" : "block", violation->tag == usual().tag ? "Test" : "no tag",
           violation->name[0] == '\0' ? "" : " of ", violation->name);
    if (violation->struct_size != sizeof *violation || strstr(violation->line, "lookaside: 0xC4/") != violation->line) {
        puts("and is wrong");
    }
}

/* A hook that returns, so that the misuse has no effect. */

static void hooks(const char *name)
{
    CASE("hook that returns")
    {
        lookaside_set_violation_hook(tell_violation);
        make();
        char *block = (char *)take();
        lookaside_list_free(&list, block + 8);
        lookaside_list_free(NULL, block);
        lookaside_list_free(&zeroed, block);
        lookaside_list_free(&list, block);
        show(lookaside_list_delete(&list));
        lookaside_list_free(&list, block);
        changed.allocate = misaligned_block;
        tell_initialize(&changed);
        tell_pointer(lookaside_list_allocate(&list));
        show(lookaside_list_delete(&list));
    }
    CASE("hook taken away")
    {
        lookaside_set_violation_hook(tell_violation);
        lookaside_set_violation_hook(NULL);
        lookaside_list_free(NULL, &room);
    }
}

static void cases(const char *name)
{
    objects(name);
    parameters(name);
    lives(name);
    blocks(name);
    callbacks(name);
    pairs(name);
    hooks(name);
}
