/* Callbacks: blocks from a source of the program's own.
 *
 * Plain callbacks know the pool type, the size and the tag. The Ex form also gets the list, and finds more through it:
 * around the list, when the list is in a larger structure, or in the context that the list was initialised with.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "lookaside.h"

enum { ROUNDS = 3, TOGETHER = 8 };

/* Takes and frees blocks, some at once, so that the list both asks for blocks and gives some back. */
static void use(lookaside_list *list)
{
    void *blocks[TOGETHER];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < TOGETHER; i++) {
            blocks[i] = lookaside_list_allocate(list);
        }
        for (int i = 0; i < TOGETHER; i++) {
            lookaside_list_free(list, blocks[i]);
        }
    }
}

/* Deletes a list, and returns whether its source got back every block that it gave. */
static int finish(const char *kind, lookaside_list *list, const size_t *given, const size_t *taken)
{
    size_t asked = *given;
    lookaside_status status = lookaside_list_delete(list);
    printf("%s: %d allocates, of which the source served %zu; after delete (%s) it has %s back\n", kind,
           ROUNDS * TOGETHER, asked, lookaside_status_string(status), *given == *taken ? "all" : "NOT all");
    return status == LOOKASIDE_STATUS_SUCCESS && *given == *taken && asked < ROUNDS * TOGETHER;
}

static int initialize(lookaside_list *list, const lookaside_parameters *parameters)
{
    lookaside_status status = lookaside_list_initialize(list, parameters);
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        printf("%s: no list: %s\n", parameters->name, lookaside_status_string(status));
    }
    return status == LOOKASIDE_STATUS_SUCCESS;
}

/* 1. Plain callbacks: what they count has to be global. */

static size_t plain_given, plain_taken;

static void *plain_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    if (plain_given++ == 0) {
        printf("plain: first asked for %zu bytes, pool type %u, tag %c%c%c%c\n", size, (unsigned)pool_type,
               (char)tag, (char)(tag >> 8), (char)(tag >> 16), (char)(tag >> 24));
    }
    return malloc(size);
}

static void plain_free(void *block)
{
    plain_taken++;
    free(block);
}

static int plain(void)
{
    lookaside_list list = {0};
    lookaside_parameters parameters = {
        .struct_size = sizeof parameters,
        .size = 100,
        .name = "plain",
        .tag = LOOKASIDE_TAG('P', 'l', 'a', 'n'),
        .pool_type = LOOKASIDE_POOL_PAGED,
        .allocate = plain_allocate,
        .free = plain_free,
    };
    if (!initialize(&list, &parameters)) {
        return 0;
    }
    use(&list);
    return finish("plain", &list, &plain_given, &plain_taken);
}

/* 2. Ex callbacks that find their source around the list: the list is a member of it. */

struct source {
    size_t given;
    lookaside_list list;
    size_t taken;
};

#define SOURCE_OF(address) ((struct source *)((char *)(address) - offsetof(struct source, list)))

static void *around_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag, lookaside_list *list)
{
    (void)pool_type;
    (void)tag;
    SOURCE_OF(list)->given++;
    return malloc(size);
}

static void around_free(void *block, lookaside_list *list)
{
    SOURCE_OF(list)->taken++;
    free(block);
}

static int around(void)
{
    struct source source = {0};
    lookaside_parameters parameters = {
        .struct_size = sizeof parameters,
        .size = 100,
        .name = "around",
        .pool_type = LOOKASIDE_POOL_PAGED,
        .allocate_ex = around_allocate,
        .free_ex = around_free,
    };
    if (!initialize(&source.list, &parameters)) {
        return 0;
    }
    use(&source.list);
    return finish("around", &source.list, &source.given, &source.taken);
}

/* 3. Ex callbacks that ask the list for its context: one source may serve several lists. */

struct counts {
    size_t given;
    size_t taken;
};

static void *context_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag, lookaside_list *list)
{
    (void)pool_type;
    (void)tag;
    ((struct counts *)lookaside_list_context(list))->given++;
    return malloc(size);
}

static void context_free(void *block, lookaside_list *list)
{
    ((struct counts *)lookaside_list_context(list))->taken++;
    free(block);
}

static int context(void)
{
    struct counts counts = {0};
    lookaside_list list = {0};
    lookaside_parameters parameters = {
        .struct_size = sizeof parameters,
        .size = 100,
        .name = "context",
        .pool_type = LOOKASIDE_POOL_PAGED,
        .allocate_ex = context_allocate,
        .free_ex = context_free,
        .context = &counts,
    };
    if (!initialize(&list, &parameters)) {
        return 0;
    }
    use(&list);
    return finish("context", &list, &counts.given, &counts.taken);
}

int main(void)
{
    int well = plain();
    well &= around();
    well &= context();
    puts(well ? "all is well" : "something is wrong");
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
