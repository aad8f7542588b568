/* Misuses whose violations name lines of this file: tests/places.rs compares them with the comments "case: what". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookaside.h"

static lookaside_list list;
static lookaside_parameters parameters;
static const char *name;

static void tell(const lookaside_violation *violation)
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

int main(void)
{
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.name = "places";
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    parameters.flags = LOOKASIDE_FLAG_VERIFY;
    lookaside_set_violation_hook(tell);
    lookaside_list_initialize(&list, &parameters); /* initialised: initialised */
    twice();
    overrun();
    initialised();
    deleted();
    return 0;
}
