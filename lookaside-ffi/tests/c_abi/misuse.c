/* One misuse of the library per run: "misuse CASE" says what the calls answered, unless the library ends it.
 *
 * tests/misuse.rs knows every case and what it must come to. It compiles as C11 and as C++17.
 */
/* For setenv. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lookaside.h"

/* A list that a case may make, one that nobody ever makes, and memory with anything in it. */
static lookaside_list list, zeroed, garbage;

static union {
    lookaside_list aligned;
    char bytes[2 * sizeof(lookaside_list)];
} room;

static lookaside_list *misaligned(void)
{
    return (lookaside_list *)(void *)(room.bytes + 8);
}

static void tell(lookaside_status status)
{
    puts(lookaside_status_string(status));
}

static void tell_pointer(const void *pointer)
{
    puts(pointer == NULL ? "NULL" : "not NULL");
}

static lookaside_parameters usual(void)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.name = "misuse";
    parameters.tag = LOOKASIDE_TAG('T', 'e', 's', 't');
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    return parameters;
}

static void make(void)
{
    lookaside_parameters parameters = usual();
    if (lookaside_list_initialize(&list, &parameters) != LOOKASIDE_STATUS_SUCCESS) {
        puts("no list");
        exit(2);
    }
}

static void *take(void)
{
    void *block = lookaside_list_allocate(&list);
    if (block == NULL) {
        puts("no block");
        exit(2);
    }
    return block;
}

static void make_and_delete(void)
{
    make();
    if (lookaside_list_delete(&list) != LOOKASIDE_STATUS_SUCCESS) {
        puts("not deleted");
        exit(2);
    }
}

/* Initialises with changed parameters, tells the status, and whether the object was left as it was. */
static void tell_initialize(const lookaside_parameters *parameters)
{
    lookaside_list before = list;
    lookaside_status status = lookaside_list_initialize(&list, parameters);
    tell(status);
    if (status != LOOKASIDE_STATUS_SUCCESS && memcmp(&before, &list, sizeof list) != 0) {
        puts("and changed the object");
    }
}

/* What every call answers that looks for the list before anything else. */
static void tell_all_calls(lookaside_list *other)
{
    size_t filled = 99;
    lookaside_statistics statistics;
    memset(&statistics, 0, sizeof statistics);
    statistics.struct_size = sizeof statistics;
    tell(lookaside_list_flush(other));
    tell(lookaside_list_trim(other));
    tell(lookaside_list_prefill(other, 1, &filled));
    tell(lookaside_list_statistics(other, &statistics));
    tell(lookaside_list_delete(other));
    tell_pointer(lookaside_list_context(other));
    tell_pointer(lookaside_list_try_allocate(other));
    puts(filled == 99 ? "filled untouched" : "filled written");
}

static void *plain_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)tag;
    return malloc(size);
}

static void plain_free(void *block)
{
    free(block);
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

static void *deleting_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag, lookaside_list *own)
{
    tell(lookaside_list_delete(own));
    return plain_allocate(pool_type, size, tag);
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
            tell(lookaside_list_delete(&own));
        }
    }
};
static Global global;
#endif

#ifdef __cplusplus
static void *throwing_allocate(lookaside_pool_type, size_t, lookaside_tag)
{
    throw 1;
}
#endif

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

static void tell_pool_violation(const lookaside_violation *violation)
{
    printf("0x%X/0x%X %s, %s\n", (unsigned)violation->code, (unsigned)violation->parameter,
           violation->list == NULL && violation->block != NULL ? "block" : "wrong",
           violation->tag == GOOD ? "Good" : "no tag");
}

/* What every call answers that looks for the small pool before anything else. */
static void tell_all_small_pool_calls(lookaside_small_pool *other)
{
    lookaside_small_list_statistics statistics;
    memset(&statistics, 0, sizeof statistics);
    statistics.struct_size = sizeof statistics;
    tell(lookaside_small_pool_prepare(other, LOOKASIDE_POOL_PAGED));
    tell(lookaside_small_pool_flush(other));
    tell(lookaside_small_pool_delete(other));
    if (other != NULL) {
        tell(lookaside_small_pool_statistics(other, LOOKASIDE_POOL_PAGED, 0, &statistics));
    }
    tell_pointer(lookaside_small_pool_allocate(other, LOOKASIDE_POOL_PAGED, 16, GOOD));
    tell_pointer(lookaside_small_pool_allocate_bare(other, LOOKASIDE_POOL_PAGED, 16));
    printf("%d\n", (int)lookaside_small_pool_size(other, NULL));
}

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

#define CASE(words) if (strcmp(name, words) == 0 && ++found)

int main(int count, char **arguments)
{
    const char *name = count == 2 ? arguments[1] : "";
    int found = 0;
    lookaside_parameters changed = usual();
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    setvbuf(stdout, NULL, _IONBF, 0);
    memset(&garbage, 0xA5, sizeof garbage);
    memset(&list, 0x5A, sizeof list);

    /* Lists that are none. */

    CASE("every call, null list") tell_all_calls(NULL);
    CASE("every call, misaligned list") tell_all_calls(misaligned());
    CASE("every call, zeroed list") tell_all_calls(&zeroed);
    CASE("every call, garbage") tell_all_calls(&garbage);
    CASE("every call, deleted list")
    {
        make_and_delete();
        tell_all_calls(&list);
    }
    CASE("allocate, null list") tell_pointer(lookaside_list_allocate(NULL));
    CASE("allocate, misaligned list") tell_pointer(lookaside_list_allocate(misaligned()));
    CASE("allocate, zeroed list") tell_pointer(lookaside_list_allocate(&zeroed));
    CASE("allocate, deleted list")
    {
        make_and_delete();
        tell_pointer(lookaside_list_allocate(&list));
    }
    CASE("initialize, null list") tell(lookaside_list_initialize(NULL, &changed));
    CASE("initialize, misaligned list") tell(lookaside_list_initialize(misaligned(), &changed));
    CASE("initialize, garbage")
    {
        tell(lookaside_list_initialize(&garbage, &changed));
        tell(lookaside_list_delete(&garbage));
    }
    CASE("initialize, deleted list")
    {
        make_and_delete();
        tell_initialize(&changed);
        tell(lookaside_list_delete(&list));
    }
    CASE("initialize twice")
    {
        lookaside_statistics statistics;
        make();
        void *block = take();
        changed.size = 32;
        tell_initialize(&changed);
        statistics.struct_size = sizeof statistics;
        tell(lookaside_list_statistics(&list, &statistics));
        printf("size %u, %u out\n", (unsigned)statistics.size, (unsigned)statistics.outstanding);
        lookaside_list_free(&list, block);
        tell(lookaside_list_delete(&list));
    }
    CASE("copy of a list, original deleted")
    {
        make();
        lookaside_list copy = list;
        tell(lookaside_list_delete(&list));
        tell(lookaside_list_delete(&copy));
    }

    /* Pools that check what comes back. */

    CASE("nonpaged pool, block freed twice")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        free_twice(&changed);
    }
    CASE("nonpaged pool, block of malloc")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        tell_initialize(&changed);
        lookaside_list_free(&list, malloc(64));
        tell(lookaside_list_flush(&list));
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
    CASE("pool statistics, null, no such pool, struct_size wrong")
    {
        lookaside_pool_usage usage;
        memset(&usage, 0x7F, sizeof usage);
        tell(lookaside_pool_statistics(LOOKASIDE_POOL_KIND_HEAP, NULL));
        tell(lookaside_pool_statistics(LOOKASIDE_POOL_KIND_HEAP, &usage));
        usage.struct_size = sizeof usage;
        tell(lookaside_pool_statistics(6, &usage));
        puts(usage.used == UINT64_C(0x7F7F7F7F7F7F7F7F) ? "untouched" : "changed");
        tell(lookaside_pool_statistics(LOOKASIDE_POOL_KIND_HEAP, &usage));
        printf("%u used\n", (unsigned)usage.used);
    }
    CASE("pool report, null and short buffers")
    {
        char text[4096];
        size_t needed = 0;
        tell(lookaside_pool_report(NULL, 7, &needed));
        tell(lookaside_pool_report(text, 10, NULL));
        puts(text);
        tell(lookaside_pool_report(text, sizeof text, &needed));
        puts(needed == strlen(text) + 1 && strstr(text, "RLIMIT_MEMLOCK") ? "whole" : "not whole");
    }

    /* Parameters that no list can have. */

    CASE("null parameters") tell_initialize(NULL);
    CASE("struct_size 0") changed.struct_size = 0, tell_initialize(&changed);
    CASE("struct_size too small") changed.struct_size -= 8, tell_initialize(&changed);
    CASE("struct_size too large") changed.struct_size += 8, tell_initialize(&changed);
    CASE("reserved not 0") changed.reserved = 1, tell_initialize(&changed);
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
        tell(lookaside_list_delete(&list));
    }
    CASE("nonpaged NX pool")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED_NX;
        tell_initialize(&changed);
        lookaside_list_free(&list, take());
        tell(lookaside_list_delete(&list));
    }
    CASE("nonpaged pool, one callback")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        changed.free = plain_free;
        tell_initialize(&changed);
        tell(lookaside_list_delete(&list));
    }
    CASE("nonpaged pool, both callbacks")
    {
        changed.pool_type = LOOKASIDE_POOL_NON_PAGED;
        changed.allocate = plain_allocate;
        changed.free_ex = ex_free;
        tell_initialize(&changed);
        lookaside_list_free(&list, take());
        tell(lookaside_list_delete(&list));
    }
    CASE("paged pool, one callback")
    {
        changed.allocate = plain_allocate;
        tell_initialize(&changed);
        lookaside_list_free(&list, take());
        tell(lookaside_list_delete(&list));
    }
    CASE("tuning 3") changed.tuning = 3, tell_initialize(&changed);
    CASE("topology 3") changed.topology = 3, tell_initialize(&changed);
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

    /* Delete, and what comes after. */

    CASE("delete, blocks outstanding")
    {
        make();
        char *first = (char *)take();
        char *second = (char *)take();
        tell(lookaside_list_delete(&list));
        memset(first, 1, 64);
        memset(second, 2, 64);
        tell_pointer(lookaside_list_allocate(&list));
        tell(lookaside_list_delete(&list));
        lookaside_list_free(&list, first);
        puts("first freed");
        lookaside_list_free(&list, second);
        puts("second freed");
        tell(lookaside_list_delete(&list));
        tell(lookaside_list_initialize(&list, &changed));
    }
    CASE("initialize, draining list")
    {
        make();
        void *block = take();
        tell(lookaside_list_delete(&list));
        tell_initialize(&changed);
        lookaside_list_free(&list, block);
        tell_initialize(&changed);
    }
    CASE("free after a draining list ended")
    {
        make();
        void *block = take();
        tell(lookaside_list_delete(&list));
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

    /* Blocks that are none. */

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

    /* Callbacks that fail. */

    CASE("callback has no memory")
    {
        lookaside_statistics statistics;
        changed.allocate = no_memory;
        tell_initialize(&changed);
        tell_pointer(lookaside_list_allocate(&list));
        statistics.struct_size = sizeof statistics;
        tell(lookaside_list_statistics(&list, &statistics));
        printf("%u failures, %u out\n", (unsigned)statistics.pool_failures, (unsigned)statistics.outstanding);
    }
    CASE("callback has no memory for prefill")
    {
        size_t filled = 99;
        changed.allocate = no_memory;
        tell_initialize(&changed);
        tell(lookaside_list_prefill(&list, 4, &filled));
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

    /* Buffers. */

    CASE("statistics, null") make(), tell(lookaside_list_statistics(&list, NULL));
    CASE("statistics, struct_size wrong")
    {
        lookaside_statistics statistics;
        make();
        memset(&statistics, 0xEE, sizeof statistics);
        statistics.struct_size = sizeof statistics - 8;
        tell(lookaside_list_statistics(&list, &statistics));
        puts(statistics.outstanding == 0xEEEEEEEEEEEEEEEE ? "untouched" : "written");
    }
    CASE("report, null buffer")
    {
        size_t needed = 0;
        make();
        tell(lookaside_report(&list, NULL, 100, &needed));
        puts(needed > 100 ? "length told" : "no length");
        tell(lookaside_report(&list, NULL, 0, NULL));
    }
    CASE("report, short buffers")
    {
        char whole[4096], part[4096];
        size_t needed = 0, again = 0;
        make();
        tell(lookaside_report(&list, whole, sizeof whole, &needed));
        puts(needed == strlen(whole) + 1 ? "length right" : "length wrong");
        for (size_t capacity = 0; capacity <= needed; capacity++) {
            memset(part, 0x7F, sizeof part);
            lookaside_status status = lookaside_report(&list, part, capacity, &again);
            int fits = capacity == needed;
            if (status != (fits ? LOOKASIDE_STATUS_SUCCESS : LOOKASIDE_STATUS_BUFFER_OVERFLOW) || again != needed ||
                (capacity > 0 && (strlen(part) != capacity - 1 || memcmp(part, whole, capacity - 1) != 0)) ||
                part[capacity] != 0x7F) {
                printf("wrong with %u bytes\n", (unsigned)capacity);
            }
        }
    }
    CASE("report of a list that is none")
    {
        char text[100] = "kept";
        size_t needed = 7;
        tell(lookaside_report(misaligned(), text, sizeof text, &needed));
        tell(lookaside_report(&zeroed, text, sizeof text, &needed));
        make_and_delete();
        tell(lookaside_report(&list, text, sizeof text, &needed));
        printf("%s, %u\n", text, (unsigned)needed);
    }
    CASE("a shared list that cannot be")
    {
        lookaside_parameters parameters = usual();
        make();
        parameters.shared = &list;
        tell(lookaside_list_initialize(&garbage, &parameters));
        parameters.shared = &zeroed;
        tell(lookaside_list_initialize(&garbage, &parameters));
        parameters.shared = misaligned();
        tell(lookaside_list_initialize(&garbage, &parameters));
    }
    CASE("reserved2 not 0") changed.reserved2 = 1, tell_initialize(&changed);
    CASE("unknown flag") changed.flags = 0x40, tell_initialize(&changed);
    CASE("slots that cannot be")
    {
        static lookaside_pp_table table;
        make();
        tell(lookaside_pp_set(NULL, 0, &list, &list));
        tell(lookaside_pp_set(&table, 16, &list, &list));
        tell(lookaside_pp_set(&table, 0, &list, &list));
        tell(lookaside_pp_set(&table, 0, &zeroed, &list));
        tell(lookaside_pp_set(&table, 0, &list, misaligned()));
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
    CASE("status string of any value") puts(lookaside_status_string(12345));
    CASE("another version of the header")
    {
        char version[40];
        snprintf(version, sizeof version, "%d.%d.%d", LOOKASIDE_VERSION_MAJOR, LOOKASIDE_VERSION_MINOR,
                 LOOKASIDE_VERSION_PATCH);
        puts(strcmp(version, lookaside_version()) == 0 ? "none" : lookaside_version());
    }

    /* A hook that returns, so that the misuse has no effect. */

    CASE("hook that returns")
    {
        lookaside_set_violation_hook(tell_violation);
        make();
        char *block = (char *)take();
        lookaside_list_free(&list, block + 8);
        lookaside_list_free(NULL, block);
        lookaside_list_free(&zeroed, block);
        lookaside_list_free(&list, block);
        tell(lookaside_list_delete(&list));
        lookaside_list_free(&list, block);
        changed.allocate = misaligned_block;
        tell_initialize(&changed);
        tell_pointer(lookaside_list_allocate(&list));
        tell(lookaside_list_delete(&list));
    }
    CASE("hook taken away")
    {
        lookaside_set_violation_hook(tell_violation);
        lookaside_set_violation_hook(NULL);
        lookaside_list_free(NULL, &room);
    }

    /* Small pools and the usage by tag. */

    CASE("every call, null small pool") tell_all_small_pool_calls(NULL);
    CASE("every call, misaligned small pool") tell_all_small_pool_calls((lookaside_small_pool *)((char *)&small + 8));
    CASE("every call, zeroed small pool") tell_all_small_pool_calls(&small);
    CASE("every call, small pool of garbage")
    {
        memset(&small, 0xA5, sizeof small);
        tell_all_small_pool_calls(&small);
    }
    CASE("every call, deleted small pool")
    {
        make_small_pool();
        tell(lookaside_small_pool_delete(&small));
        tell_all_small_pool_calls(&small);
    }
    CASE("small pool parameters that cannot be")
    {
        lookaside_small_pool_parameters small_usual = usual_small_pool(), other = small_usual;
        tell(lookaside_small_pool_initialize(NULL, &small_usual));
        tell(lookaside_small_pool_initialize(&small, NULL));
        tell(lookaside_small_pool_initialize((lookaside_small_pool *)((char *)&small + 8), &small_usual));
        other.struct_size -= 8;
        tell(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.generation = 5;
        tell(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.tuning = 3;
        tell(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.maximum_depth = 16385;
        tell(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.flags = LOOKASIDE_FLAG_VERIFY;
        tell(lookaside_small_pool_initialize(&small, &other));
        other = small_usual, other.name = "\xFF";
        tell(lookaside_small_pool_initialize(&small, &other));
        tell(lookaside_small_pool_initialize(&small, &small_usual));
        tell(lookaside_small_pool_initialize(&small, &small_usual));
        tell(lookaside_small_pool_prepare(&small, 0x21));
        tell(lookaside_small_pool_prepare(&small, 3));
        tell(lookaside_small_pool_prepare(&small, LOOKASIDE_POOL_PAGED));
        tell(lookaside_small_pool_delete(&small));
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
    CASE("pool blocks of no bytes")
    {
        make_small_pool();
        void *block = lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, 0, GOOD);
        void *other = lookaside_small_pool_allocate_bare(&small, LOOKASIDE_POOL_PAGED, 0);
        printf("%d %d\n", (int)lookaside_pool_size(block), other != NULL);
        lookaside_pool_free_sized(block, 0, GOOD);
        lookaside_small_pool_free_bare(&small, LOOKASIDE_POOL_PAGED, other, 0);
        tell(lookaside_small_pool_delete(&small));
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
        lookaside_small_pool_free_bare(
            &small, LOOKASIDE_POOL_PAGED,
            (char *)lookaside_small_pool_allocate_bare(&small, LOOKASIDE_POOL_PAGED, 100) + 4, 100);
    }
    CASE("small pool deleted with a block out")
    {
        make_small_pool();
        void *block = lookaside_small_pool_allocate(&small, LOOKASIDE_POOL_PAGED, 100, GOOD);
        tell(lookaside_small_pool_delete(&small));
        memset(block, 1, 100);
        lookaside_small_pool_free(&small, block, GOOD);
        lookaside_small_pool_free(&small, lookaside_small_pool_allocate(&small, 1, 100, GOOD), GOOD);
        tell(lookaside_small_pool_delete(&small));
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
    CASE("tags, buffers")
    {
        lookaside_tag_usage rows[4];
        size_t needed = 99, again = 99;
        char text[200];
        lookaside_pool_free(tagged(100), GOOD);
        tell(lookaside_tags(2, rows, 4, &needed));
        tell(lookaside_tag_report(2, text, sizeof text, &needed));
        printf("%d\n", (int)needed);
        tell(lookaside_tags(LOOKASIDE_TAG_ORDER_TAG, NULL, 4, &needed));
        tell(lookaside_tags(LOOKASIDE_TAG_ORDER_TAG, NULL, 0, &again));
        printf("%d %d\n", (int)needed, (int)again);
        tell(lookaside_tags(LOOKASIDE_TAG_ORDER_BYTES, rows, 4, NULL));
        printf("%d %d %d %d\n", rows[0].tag == GOOD, (int)rows[0].allocates, (int)rows[0].frees, (int)rows[0].bytes);
        tell(lookaside_tag_report(LOOKASIDE_TAG_ORDER_TAG, text, 10, &needed));
        puts(text);
        tell(lookaside_tag_report(LOOKASIDE_TAG_ORDER_TAG, text, needed, NULL));
        puts(strstr(text, "Good Paged") != NULL && strlen(text) == needed - 1 ? "whole" : text);
    }

    /* Verified lists: what each misuse is told as. */

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
        tell(lookaside_list_delete(&list));
    }
    CASE("verified: write after the free, told at the end")
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
    CASE("verified: live list initialised")
    {
        verify();
        make();
        tell_initialize(&changed);
    }
    CASE("verified: zeroed list deleted")
    {
        verify();
        tell(lookaside_list_delete(&zeroed));
    }
    CASE("verified: list deleted twice")
    {
        verify();
        make_and_delete();
        tell(lookaside_list_delete(&list));
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
        tell(lookaside_list_initialize(inner, &changed));
        lookaside_list_free(&list, inner);
    }
    CASE("verified: memory with a list in it")
    {
        make();
        tell(lookaside_verify_range(&room, sizeof room));
        tell(lookaside_verify_range(&list, sizeof list));
    }
    CASE("verified: blocks that are too small for the WDK")
    {
        verify();
        changed.flags = LOOKASIDE_FLAG_WDK;
        changed.size = 8;
        tell_initialize(&changed);
        tell(lookaside_list_delete(&list));
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

    /* Correct programs, which hear nothing. */

    CASE("verified: no misuse")
    {
        verify();
        make();
        use_correctly(&list, 64);
        use_correctly(&list, 64);
        lookaside_list_free(&list, NULL);
        tell(lookaside_verify_range(&room, sizeof room));
        tell(lookaside_list_delete(&list));
        tell_initialize(&changed);
        tell(lookaside_list_delete(&list));
        changed.allocate = plain_allocate;
        changed.free = plain_free;
        tell_initialize(&changed);
        use_correctly(&list, 64);
        tell(lookaside_list_delete(&list));
        changed.free = NULL;
        tell_initialize(&changed);
        use_correctly(&list, 64);
        tell(lookaside_list_delete(&list));
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
        tell(lookaside_list_initialize(&global.own, &changed));
        use_correctly(&global.own, 64);
        global.made = true;
#else
        make();
        use_correctly(&list, 64);
        tell(LOOKASIDE_STATUS_SUCCESS);
        tell(lookaside_list_delete(&list));
#endif
    }

    /* Allocations that fail on purpose. */

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
        tell(lookaside_list_delete(&list));
    }
    CASE("failures on purpose, by a call")
    {
        lookaside_low_resources resources;
        const uint64_t schedule[] = {1, 3};
        memset(&resources, 0, sizeof resources);
        tell(lookaside_simulate_low_resources(&resources));
        resources.struct_size = sizeof resources;
        resources.share = 1000001;
        tell(lookaside_simulate_low_resources(&resources));
        resources.share = 0;
        resources.schedule_length = 2;
        tell(lookaside_simulate_low_resources(&resources));
        resources.schedule = schedule;
        resources.tag = changed.tag;
        changed.flags = LOOKASIDE_FLAG_VERIFY;
        tell_initialize(&changed);
        tell(lookaside_simulate_low_resources(&resources));
        for (int i = 0; i < 4; i++) {
            void *block = lookaside_list_allocate(&list);
            tell_pointer(block);
            lookaside_list_free(&list, block);
        }
        tell(lookaside_simulate_low_resources(NULL));
        tell(lookaside_list_delete(&list));
    }
    CASE("failures on purpose, not understood")
    {
        verify();
        setenv("LOOKASIDE_VERIFY_FAIL", "share=6%", 1);
        make();
    }

    if (!found) {
        printf("no case is called \"%s\"\n", name);
        return 2;
    }
    return 0;
}
