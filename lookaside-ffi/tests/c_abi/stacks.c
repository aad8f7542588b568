/* Every call of the library on a small stack, the first of the process too: "stacks CASE BYTES". The stack has a page
 * below it that no one may touch. Prints how many of the bytes were used; an idle thread's start takes some of them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lookaside.h"
#include "lookaside_cache.h"

enum { PAGE = 4096, PAINT = 0x5a, BLOCKS = 64 };
#define TAG LOOKASIDE_TAG('s', 't', 'a', 'k')
#define NEED(status) need(status, #status)
#define COUNT(array) (sizeof array / sizeof *array)

static const struct kind {
    const char *name;
    lookaside_pool_type pool_type;
    lookaside_flags flags;
    lookaside_topology topology;
} kinds[] = {
    {"paged", LOOKASIDE_POOL_PAGED, 0, LOOKASIDE_TOPOLOGY_PAIR},
    {"general", LOOKASIDE_POOL_PAGED, 0, LOOKASIDE_TOPOLOGY_GENERAL},
    {"single", LOOKASIDE_POOL_PAGED, 0, LOOKASIDE_TOPOLOGY_SINGLE},
    {"arenas", LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_PAGED_ARENAS, LOOKASIDE_TOPOLOGY_PAIR},
    {"nonpaged", LOOKASIDE_POOL_NON_PAGED, LOOKASIDE_FLAG_BEST_EFFORT_LOCK, LOOKASIDE_TOPOLOGY_PAIR},
    {"session", LOOKASIDE_POOL_PAGED_SESSION, 0, LOOKASIDE_TOPOLOGY_PAIR},
    {"special", LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_SPECIAL_POOL, LOOKASIDE_TOPOLOGY_PAIR},
    {"verified", LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_VERIFY, LOOKASIDE_TOPOLOGY_PAIR},
    {"verified special", LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_VERIFY | LOOKASIDE_FLAG_SPECIAL_POOL,
     LOOKASIDE_TOPOLOGY_PAIR},
};

/* Not on the small stack, since these are the program's. */
static lookaside_list list, other;
static void *blocks[BLOCKS];
static char text[65536];
static lookaside_statistics statistics;
static lookaside_small_pool small;
static lookaside_pp_table table;
static const char *wanted;

static void need(lookaside_status status, const char *what)
{
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        fprintf(stderr, "%s: %s\n", what, lookaside_status_string(status));
        exit(1);
    }
}

static void make(lookaside_list *made, const struct kind *kind, lookaside_list *shared)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 200;
    parameters.tag = TAG;
    parameters.name = "small";
    parameters.pool_type = kind->pool_type;
    parameters.flags = kind->flags;
    parameters.topology = kind->topology;
    parameters.shared = shared;
    if (shared == NULL)
        NEED(lookaside_list_initialize(made, &parameters));
    else
        NEED(lookaside_list_initialize_at("stacks.c:1", made, &parameters));
}

static void use_list(lookaside_list *used)
{
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < BLOCKS; i++)
            blocks[i] = lookaside_list_allocate(used);
        for (int i = 0; i < BLOCKS; i++)
            lookaside_list_free(used, blocks[i]);
    }
    size_t count = lookaside_list_allocate_many(used, blocks, BLOCKS);
    lookaside_list_free_many(used, blocks, count);
    lookaside_list_free(used, lookaside_list_try_allocate(used));
    lookaside_list_prefill(used, 500, NULL);
    if ((blocks[0] = lookaside_list_allocate(used)) != NULL)
        lookaside_list_free_to_processor(used, blocks[0], 0);
    lookaside_list_release(used, 10);
    NEED(lookaside_list_trim(used));
    NEED(lookaside_list_flush(used));
    statistics.struct_size = sizeof statistics;
    NEED(lookaside_list_statistics(used, &statistics));
    static lookaside_list_info info;
    uint64_t cursor = 0;
    info.struct_size = sizeof info;
    NEED(lookaside_next_list(&cursor, &info));
    NEED(lookaside_report(used, text, sizeof text, NULL));
}

static void reports(void)
{
    static lookaside_pool_usage usage;
    static lookaside_tag_usage rows[16];
    make(&list, &kinds[0], NULL);
    use_list(&list);
    NEED(lookaside_report(NULL, text, sizeof text, NULL));
    NEED(lookaside_pool_report(text, sizeof text, NULL));
    usage.struct_size = sizeof usage;
    NEED(lookaside_pool_statistics(LOOKASIDE_POOL_KIND_HEAP, &usage));
    NEED(lookaside_tag_report(LOOKASIDE_TAG_ORDER_TAG, text, sizeof text, NULL));
    lookaside_tags(LOOKASIDE_TAG_ORDER_TAG, rows, COUNT(rows), NULL);
    lookaside_set_limit(0);
    lookaside_trim_on_pressure(1);
    lookaside_adjust_depth();
    lookaside_set_limit(UINT64_MAX);
    lookaside_start_balance_thread();
    lookaside_list *const shared = lookaside_process_list(200, 0);
    if (shared == NULL)
        exit(1);
    lookaside_list_free(shared, lookaside_list_allocate(shared));
    if (lookaside_list_context(&list) != NULL || lookaside_version() == NULL || lookaside_engine() == NULL)
        exit(1);
    NEED(lookaside_list_delete(&list));
}

static void callers_cache(void)
{
    static lookaside_cache cache;
    static void *room[BLOCKS];
    make(&list, &kinds[0], NULL);
    NEED(lookaside_cache_initialize(&cache, &list, room, BLOCKS));
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = lookaside_cache_allocate(&cache);
    for (int i = 0; i < BLOCKS; i++)
        lookaside_cache_free(&cache, blocks[i]);
    static lookaside_counters counters;
    lookaside_cache_counters(&cache, &counters);
    NEED(lookaside_cache_flush(&cache));
    NEED(lookaside_cache_delete(&cache));
    NEED(lookaside_list_delete(&list));
}

static void pairs(void)
{
    make(&other, &kinds[1], NULL);
    make(&list, &kinds[0], &other);
    use_list(&list);
    if (lookaside_pp_number(LOOKASIDE_PP_MDL, LOOKASIDE_KERNEL_6_1) != 3)
        exit(1);
    NEED(lookaside_pp_set(&table, 0, &list, &other));
    lookaside_pp_free(&table, 0, lookaside_pp_allocate(&table, 0), 0);
    NEED(lookaside_list_delete(&list));
    NEED(lookaside_list_delete(&other));
}

static void pools(void)
{
    const lookaside_pool_type types[] = {LOOKASIDE_POOL_PAGED, LOOKASIDE_POOL_NON_PAGED, LOOKASIDE_POOL_PAGED_SESSION};
    for (size_t type = 0; type < COUNT(types); type++) {
        for (size_t size = 1; size < 10000; size *= 3) {
            void *block = lookaside_pool_allocate(types[type], size, TAG);
            lookaside_pool_free(block, TAG);
            block = lookaside_pool_allocate(types[type], size, TAG);
            if (block != NULL)
                lookaside_pool_free_sized(block, lookaside_pool_size(block), TAG);
            block = lookaside_pool_allocate_aligned(types[type], size, 4096, TAG);
            block = lookaside_pool_reallocate(types[type], block, size * 2, TAG);
            lookaside_pool_free(block, TAG);
        }
    }
    lookaside_small_pool_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.generation = LOOKASIDE_GENERATION_5_2_X64;
    NEED(lookaside_small_pool_initialize(&small, &parameters));
    NEED(lookaside_small_pool_prepare(&small, LOOKASIDE_POOL_PAGED));
    void *block = lookaside_small_pool_allocate(&small, LOOKASIDE_POOL_PAGED, 40, TAG);
    lookaside_small_pool_free_sized(&small, block, 40, TAG);
    block = lookaside_small_pool_allocate(&small, LOOKASIDE_POOL_PAGED, 40, TAG);
    if (lookaside_small_pool_size(&small, block) != 40)
        exit(1);
    lookaside_small_pool_free(&small, block, TAG);
    block = lookaside_small_pool_allocate_aligned(&small, LOOKASIDE_POOL_PAGED, 40, 64, TAG);
    block = lookaside_small_pool_reallocate(&small, LOOKASIDE_POOL_PAGED, block, 4096, TAG);
    lookaside_small_pool_free(&small, block, TAG);
    block = lookaside_small_pool_allocate_bare(&small, LOOKASIDE_POOL_PAGED, 40);
    lookaside_small_pool_free_bare(&small, LOOKASIDE_POOL_PAGED, block, 40);
    static lookaside_small_list_statistics of_list;
    of_list.struct_size = sizeof of_list;
    NEED(lookaside_small_pool_statistics(&small, LOOKASIDE_POOL_PAGED, 0, &of_list));
    NEED(lookaside_small_pool_flush(&small));
    NEED(lookaside_small_pool_delete(&small));
}

static void slists(void)
{
    static lookaside_slist_header header;
    static lookaside_slist_entry entries[3];
    lookaside_slist_initialize(&header);
    lookaside_slist_push(&header, &entries[0]);
    entries[1].next = &entries[2];
    lookaside_slist_push_list(&header, &entries[1], &entries[2], 2);
    if (lookaside_slist_depth(&header) != 3 || lookaside_slist_first(&header) != lookaside_slist_pop(&header) ||
        lookaside_slist_flush(&header) == NULL)
        exit(1);
}

/* The child of a fork repairs what the parent's threads left. */
static void forks(void)
{
    int status;
    make(&list, &kinds[0], NULL);
    make(&other, &kinds[7], NULL);
    use_list(&list);
    use_list(&other);
    pid_t child = fork();
    if (child == 0) {
        use_list(&list);
        use_list(&other);
        NEED(lookaside_list_delete(&list));
        NEED(lookaside_list_delete(&other));
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        exit(1);
    NEED(lookaside_list_delete(&list));
    NEED(lookaside_list_delete(&other));
}

static int violations;

static void note(const lookaside_violation *violation)
{
    (void)violation;
    violations++;
}

static void misuse(void)
{
    lookaside_set_violation_hook(note);
    NEED(lookaside_verify_faults());
    NEED(lookaside_simulate_low_resources(NULL));
    make(&list, &kinds[7], NULL);
    char *block = (char *)lookaside_list_allocate(&list);
    block[200] ^= 1;
    lookaside_verify_range(block, 10);
    lookaside_list_free(&list, block);
    lookaside_list_free(&list, block);
    lookaside_list_free(&list, (void *)64);
    lookaside_list_delete(&list);
    if (violations < 3) {
        fprintf(stderr, "%d violations\n", violations);
        exit(1);
    }
}

static void end_of_the_program(void)
{
    make(&list, &kinds[7], NULL);
    lookaside_list_free(&list, (void *)64);
}

static void exits(void)
{
    make(&list, &kinds[0], NULL);
    use_list(&list);
    exit(0);
}

static void fault(void)
{
    NEED(lookaside_verify_faults());
    make(&list, &kinds[8], NULL);
    char *block = (char *)lookaside_list_allocate(&list);
    lookaside_list_free(&list, block);
    *block = 1;
}

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    {"reports", reports}, {"cache", callers_cache}, {"pairs", pairs},   {"pools", pools},
    {"slists", slists},   {"forks", forks},         {"misuse", misuse}, {"abort", end_of_the_program},
    {"exit", exits},      {"fault", fault},
};

static void *body(void *argument)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, wanted) == 0) {
            make(&list, &kinds[i], NULL);
            use_list(&list);
            NEED(lookaside_list_delete(&list));
            return argument;
        }
    }
    for (size_t i = 0; i < COUNT(groups); i++) {
        if (strcmp(groups[i].name, wanted) == 0) {
            groups[i].run();
            return argument;
        }
    }
    fprintf(stderr, "no case %s\n", wanted);
    exit(1);
}

int main(int count, char **arguments)
{
    if (count < 3)
        return 1;
    wanted = arguments[1];
    size_t bytes = (size_t)atol(arguments[2]), unused = 0;
    char *memory = (char *)mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *stack = memory + PAGE;
    pthread_attr_t attributes;
    pthread_t thread;
    memset(stack, PAINT, bytes);
    if (mprotect(memory, PAGE, PROT_NONE) != 0 || pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstack(&attributes, stack, bytes) != 0 ||
        pthread_create(&thread, &attributes, body, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        perror("a thread with a small stack");
        return 1;
    }
    while (unused < bytes && stack[unused] == PAINT)
        unused++;
    printf("%zu\n", bytes - unused);
    return 0;
}
