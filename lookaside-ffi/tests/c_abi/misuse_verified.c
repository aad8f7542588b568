/* Verified lists: what each misuse is reported as, correct programs, and allocations that fail on purpose. */
#include "misuse.h"

/* Has every list verified that is made from here on: before the first. */
static void verify(void)
{
    setenv("LOOKASIDE_VERIFY", "1", 1);
}

static lookaside_list other_list;

static void make_other(void)
{
    lookaside_parameters parameters = usual();
    parameters.name = "other";
    parameters.tag = LOOKASIDE_TAG('O', 't', 'h', 'r');
    if (lookaside_list_initialize(&other_list, &parameters) != LOOKASIDE_STATUS_SUCCESS) {
        puts("no other list");
        exit(2);
    }
}

static void *same_block(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)size;
    (void)tag;
    return &room;
}

static void keep_block(void *block)
{
    (void)block;
}

/* What each misuse is reported as. */

static void misuses(const char *name)
{
    CASE("verified: block freed twice")
    {
        verify();
        make();
        void *block = take();
        lookaside_list_free(&list, block);
        lookaside_list_free(&list, block);
    }
    CASE("verified by its own flag: block freed twice")
    {
        changed.flags = LOOKASIDE_FLAG_VERIFY;
        tell_initialize(&changed);
        void *block = take();
        lookaside_list_free(&list, block);
        lookaside_list_free(&list, block);
    }
    CASE("verified: block of another list")
    {
        verify();
        make();
        make_other();
        lookaside_list_free(&other_list, take());
    }
    CASE("verified: address that was never allocated")
    {
        verify();
        make();
        lookaside_list_free(&list, &room);
    }
    CASE("verified: block of malloc")
    {
        verify();
        make();
        lookaside_list_free(&list, malloc(64));
    }
    CASE("verified: address within a block")
    {
        verify();
        make();
        lookaside_list_free(&list, (char *)take() + 16);
    }
    CASE("verified: write behind the end")
    {
        verify();
        make();
        char *block = (char *)take();
        memset(block, 0, 65);
        lookaside_list_free(&list, block);
    }
    CASE("verified: write before the beginning")
    {
        verify();
        make();
        char *block = (char *)take();
        block[-4] = 0;
        lookaside_list_free(&list, block);
    }
    CASE("verified: write after the free")
    {
        verify();
        make();
        char *block = (char *)take();
        lookaside_list_free(&list, block);
        block[8] = 0;
        show(lookaside_list_delete(&list));
    }
    CASE("verified: write after the free, reported at the end")
    {
        verify();
        make();
        char *block = (char *)take();
        lookaside_list_free(&list, block);
        block[8] = 0;
        puts("end");
    }
    CASE("verified: list deleted before its blocks")
    {
        verify();
        make();
        take();
        lookaside_list_delete(&list);
    }
    CASE("verified: list not deleted")
    {
        verify();
        make();
        take();
        puts("end");
    }
    CASE("verified: block freed twice to a pair that shares a list")
    {
        lookaside_parameters parameters = usual();
        verify();
        parameters.topology = LOOKASIDE_TOPOLOGY_GENERAL;
        show(lookaside_list_initialize(&list, &parameters));
        changed.shared = &list;
        show(lookaside_list_initialize(&other_list, &changed));
        void *block = lookaside_list_allocate(&other_list);
        lookaside_list_free(&list, block);
        lookaside_list_free(&other_list, block);
    }
    CASE("verified: live list initialised")
    {
        verify();
        make();
        tell_initialize(&changed);
    }
    CASE("verified: zeroed list deleted")
    {
        verify();
        show(lookaside_list_delete(&zeroed));
    }
    CASE("verified: list deleted twice")
    {
        verify();
        make_and_delete();
        show(lookaside_list_delete(&list));
    }
    CASE("verified: allocate from a zeroed list")
    {
        verify();
        tell_pointer(lookaside_list_allocate(&zeroed));
    }
    CASE("verified: allocate from a deleted list")
    {
        verify();
        make_and_delete();
        tell_pointer(lookaside_list_allocate(&list));
    }
    CASE("verified: free of a block with a list in it")
    {
        verify();
        make();
        lookaside_list *inner = (lookaside_list *)take();
        changed.name = "inner";
        show(lookaside_list_initialize(inner, &changed));
        lookaside_list_free(&list, inner);
    }
    CASE("verified: memory with a list in it")
    {
        make();
        show(lookaside_verify_range(&room, sizeof room));
        show(lookaside_verify_range(&list, sizeof list));
    }
    CASE("verified: blocks that are too small for the WDK")
    {
        verify();
        changed.flags = LOOKASIDE_FLAG_WDK;
        changed.size = 8;
        tell_initialize(&changed);
        show(lookaside_list_delete(&list));
        changed.size = 7;
        tell_initialize(&changed);
    }
    CASE("verified: callback gives a block twice")
    {
        verify();
        changed.allocate = same_block;
        changed.free = keep_block;
        tell_initialize(&changed);
        take();
        take();
    }
}

/* Takes blocks, writes all of each, and gives them back in another order. */
static void use_correctly(lookaside_list *own, size_t size)
{
    enum { COUNT = 100 };
    char *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = (char *)lookaside_list_allocate(own);
        memset(blocks[i], i, size);
    }
    for (int i = 0; i < COUNT; i++) {
        char *block = blocks[i * 7 % COUNT];
        if (block[0] != i * 7 % COUNT || block[size - 1] != i * 7 % COUNT) {
            puts("a block was overwritten");
        }
        lookaside_list_free(own, block);
    }
}

#ifdef __cplusplus
/* A list that goes when the program ends, after handlers of atexit. */
struct Global {
    lookaside_list own;
    bool made = false;
    ~Global()
    {
        if (made) {
            show(lookaside_list_delete(&own));
        }
    }
};
static Global global;
#endif

/* Correct programs, which hear nothing. */

static void correct(const char *name)
{
    CASE("verified: no misuse")
    {
        verify();
        make();
        use_correctly(&list, 64);
        use_correctly(&list, 64);
        lookaside_list_free(&list, NULL);
        show(lookaside_verify_range(&room, sizeof room));
        show(lookaside_list_delete(&list));
        tell_initialize(&changed);
        show(lookaside_list_delete(&list));
        changed.allocate = plain_allocate;
        changed.free = plain_free;
        tell_initialize(&changed);
        use_correctly(&list, 64);
        show(lookaside_list_delete(&list));
        changed.free = NULL;
        tell_initialize(&changed);
        use_correctly(&list, 64);
        show(lookaside_list_delete(&list));
    }
    CASE("verified: every size and alignment")
    {
        verify();
        for (changed.size = 1; changed.size < 300; changed.size += 13) {
            for (changed.alignment = 8; changed.alignment <= 65536; changed.alignment *= 4) {
                if (lookaside_list_initialize(&list, &changed) != LOOKASIDE_STATUS_SUCCESS) {
                    puts("no list");
                }
                use_correctly(&list, changed.size);
                if (lookaside_list_delete(&list) != LOOKASIDE_STATUS_SUCCESS) {
                    puts("not deleted");
                }
            }
        }
    }
    CASE("verified: list deleted at the very end")
    {
        verify();
#ifdef __cplusplus
        show(lookaside_list_initialize(&global.own, &changed));
        use_correctly(&global.own, 64);
        global.made = true;
#else
        make();
        use_correctly(&list, 64);
        show(LOOKASIDE_STATUS_SUCCESS);
        show(lookaside_list_delete(&list));
#endif
    }
}

/* Allocations that fail on purpose. */

static void failures(const char *name)
{
    CASE("failures on purpose, by the environment")
    {
        verify();
        setenv("LOOKASIDE_VERIFY_FAIL", "schedule=2,4", 1);
        make();
        for (int i = 0; i < 5; i++) {
            void *block = lookaside_list_allocate(&list);
            tell_pointer(block);
            lookaside_list_free(&list, block);
        }
        show(lookaside_list_delete(&list));
    }
    CASE("failures on purpose, by a call")
    {
        lookaside_low_resources resources;
        const uint64_t schedule[] = {1, 3};
        memset(&resources, 0, sizeof resources);
        show(lookaside_simulate_low_resources(&resources));
        resources.struct_size = sizeof resources;
        resources.share = 1000001;
        show(lookaside_simulate_low_resources(&resources));
        resources.share = 0;
        resources.schedule_length = 2;
        show(lookaside_simulate_low_resources(&resources));
        resources.schedule = schedule;
        resources.tag = changed.tag;
        changed.flags = LOOKASIDE_FLAG_VERIFY;
        tell_initialize(&changed);
        show(lookaside_simulate_low_resources(&resources));
        for (int i = 0; i < 4; i++) {
            void *block = lookaside_list_allocate(&list);
            tell_pointer(block);
            lookaside_list_free(&list, block);
        }
        show(lookaside_simulate_low_resources(NULL));
        show(lookaside_list_delete(&list));
    }
}

static void cases(const char *name)
{
    misuses(name);
    correct(name);
    failures(name);
}
