/* A list through lookaside_wdm.h, as ported code has it. Compiled once for each shape of lists, whose name is SHAPE. */

#include <stdlib.h>

#include "lookaside_wdm.h"
#include "peer.h"

#define JOIN_LATER(shape, name) wdm_##shape##_##name
#define JOIN(shape, name) JOIN_LATER(shape, name)
#define MAKE JOIN(SHAPE, make)

const char *MAKE(const char *shape, size_t size, struct peer *peer);

static void *allocate(void *list)
{
    return ExAllocateFromLookasideListEx(list);
}

static void release(void *list, void *block)
{
    ExFreeToLookasideListEx(list, block);
}

/* The free blocks that the list keeps. */
static uint64_t kept(void *list)
{
    lookaside_statistics statistics = {.struct_size = sizeof statistics};
    lookaside_list_statistics(&((LOOKASIDE_LIST_EX *)list)->L.List, &statistics);
    return statistics.processor.current_depth + statistics.shared.current_depth;
}

static void destroy(void *list)
{
    ExDeleteLookasideListEx(list);
    free(list);
}

/* Fills in a pool over a new list and returns NULL; or returns why there is none. */
const char *MAKE(const char *shape, size_t size, struct peer *peer)
{
    (void)shape;
    LOOKASIDE_LIST_EX *list = aligned_alloc(_Alignof(LOOKASIDE_LIST_EX), sizeof *list);
    if (list == NULL || !NT_SUCCESS(ExInitializeLookasideListEx(list, NULL, NULL, PagedPool, 0, size, LOOKASIDE_TAG('C', 'o', 'm', 'p'), 0))) {
        free(list);
        return "the list cannot be initialised";
    }
    *peer = (struct peer){.pool = list, .allocate = allocate, .free = release, .kept = kept, .destroy = destroy};
    return NULL;
}
