/* What a list costs a program that has all its memory locked, now and later: "locked KIND" prints by how many KiB its
 * resident memory grows for the first list of the kind, and for blocks of it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "lookaside.h"

enum { BLOCKS = 64, SIZE = 256 };
#define TAG LOOKASIDE_TAG('l', 'o', 'c', 'k')

static const struct {
    const char *name;
    lookaside_pool_type pool_type;
    lookaside_flags flags;
} kinds[] = {
    {"paged", LOOKASIDE_POOL_PAGED, 0},
    {"arenas", LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_PAGED_ARENAS},
    {"nonpaged", LOOKASIDE_POOL_NON_PAGED, 0},
    {"session", LOOKASIDE_POOL_PAGED_SESSION, 0},
    {"special", LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_SPECIAL_POOL},
    {"verified", LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_VERIFY},
};

static long kib_of(const char *what)
{
    char line[256];
    long found = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, what, strlen(what)) == 0)
            found = atol(line + strlen(what));
    if (status != NULL)
        fclose(status);
    return found;
}

static int use_list(const char *kind)
{
    static lookaside_list list;
    static void *blocks[BLOCKS];
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = SIZE;
    parameters.tag = TAG;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, kind) == 0) {
            parameters.pool_type = kinds[i].pool_type;
            parameters.flags = kinds[i].flags;
        }
    }
    lookaside_status status = lookaside_list_initialize(&list, &parameters);
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        fprintf(stderr, "%s: %s\n", kind, lookaside_status_string(status));
        return 0;
    }
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = lookaside_list_allocate(&list);
        if (blocks[i] == NULL)
            return 0;
        memset(blocks[i], i, SIZE);
    }
    long after = kib_of("VmRSS:");
    for (int i = 0; i < BLOCKS; i++)
        lookaside_list_free(&list, blocks[i]);
    lookaside_list_delete(&list);
    return (int)after;
}

static int use_pool(void)
{
    void *block = lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, 100, TAG);
    long after = kib_of("VmRSS:");
    lookaside_pool_free(block, TAG);
    return (int)after;
}

int main(int count, char **arguments)
{
    if (count < 2)
        return 1;
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        puts("SKIP");
        return 0;
    }
    kib_of("VmRSS:");
    long before = kib_of("VmRSS:");
    int after = strcmp(arguments[1], "pool") == 0 ? use_pool() : use_list(arguments[1]);
    if (after == 0)
        return 1;
    printf("%ld\n", after - before);
    return 0;
}
