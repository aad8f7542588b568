/* Misuses whose violations name lines of this file: tests/places.rs compares them with the comments "case: what". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookaside.h"

static lookaside_list list;
static lookaside_parameters parameters;
static const char *name;

static void show(const lookaside_violation *violation)
{
    printf("%s: %s\n", name, violation->line);
}

static void twice(void)
{
    name = "twice";
    void *block = lookaside_list_allocate(&list); /* twice: allocated */
    lookaside_list_free(&list, block); /* twice: freed */
    lookaside_list_free(&list, block); /* twice: freed again */
    puts("");
}

/* Two calls in a line that is called in turn, and one in a loop. */
static void *taken(void)
{
    char *block = (char *)lookaside_list_allocate(&list); /* overrun: allocated */
    block[64] = 1;
    return block;
}

static void overrun(void)
{
    name = "overrun";
    for (int i = 0; i < 2; i++) {
        void *block = taken();
        lookaside_list_free_to_processor(&list, block, 0); /* overrun: freed */
    }
    puts("");
}

static void initialised(void)
{
    name = "initialised";
    lookaside_list_initialize(&list, &parameters); /* initialised: again */
    puts("");
}

static void deleted(void)
{
    name = "deleted";
    void *block = lookaside_list_allocate(&list); /* deleted: allocated */
    lookaside_list_delete(&list); /* deleted: is deleted */
    lookaside_list_free(&list, block);
    puts("");
}

/* What the heap is asked for while the library works: nothing, or a heap made of lists would call itself. */
#ifdef __cplusplus
extern "C" {
#endif
extern void *__libc_malloc(size_t size);
static int calls_of_malloc;

void *malloc(size_t size)
{
    calls_of_malloc++;
    return __libc_malloc(size);
}
#ifdef __cplusplus
}
#endif

static char blocks[4][64];
static int next_block;

static void *block_of_ours(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)size;
    (void)tag;
    return blocks[next_block++];
}

static void forget_block(void *block)
{
    (void)block;
}

static char line[1100];

static void copy_line(const lookaside_violation *violation)
{
    strcpy(line, violation->line);
}

static void quiet(void)
{
    lookaside_list own;
    memset(&own, 0, sizeof own);
    parameters.allocate = block_of_ours;
    parameters.free = forget_block;
    lookaside_list_initialize(&own, &parameters);
    name = "quiet";
    lookaside_set_violation_hook(copy_line);
    int before = calls_of_malloc;
    void *block = lookaside_list_allocate(&own); /* quiet: allocated */
    lookaside_list_free(&own, block); /* quiet: freed */
    lookaside_list_free(&own, block); /* quiet: freed again */
    int after = calls_of_malloc;
    printf("%s: %s\n", name, line);
    printf("%d calls of malloc\n", after - before);
    lookaside_list_delete(&own);
}

int main(void)
{
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.name = "places";
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    parameters.flags = LOOKASIDE_FLAG_VERIFY;
    lookaside_set_violation_hook(show);
    lookaside_list_initialize(&list, &parameters); /* initialised: initialised */
    twice();
    overrun();
    initialised();
    deleted();
    quiet();
    return 0;
}
