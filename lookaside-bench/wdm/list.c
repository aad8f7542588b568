/* A list through lookaside_wdm.h, as ported code has it. Compiled once for each shape of lists, whose name is SHAPE. */

#include <stdbool.h>
#include <stdlib.h>

#include "lookaside_wdm.h"
#include "peer.h"

#define JOIN_LATER(shape, name) wdm_##shape##_##name
#define JOIN(shape, name) JOIN_LATER(shape, name)
#define NAME(name) JOIN(SHAPE, name)

bool NAME(make)(size_t size, struct peer *peer);
uint64_t NAME(kept_shared)(void *list);

static void *allocate(void *list)
{
    return ExAllocateFromLookasideListEx(list);
}

static void release(void *list, void *block)
{
    ExFreeToLookasideListEx(list, block);
}

static lookaside_statistics statistics_of(LOOKASIDE_LIST_EX *list)
{
    lookaside_statistics statistics = {.struct_size = sizeof statistics};
    lookaside_list_statistics(&list->L.List, &statistics);
    return statistics;
}

/* The free blocks that the list keeps. */
static uint64_t kept(void *list)
{
    return statistics_of(list).processor.current_depth + NAME(kept_shared)(list);
}

/* Those of them that are not in the lists of processors. */
uint64_t NAME(kept_shared)(void *list)
{
    return statistics_of(list).shared.current_depth;
}

static void destroy(void *list)
{
    ExDeleteLookasideListEx(list);
    free(list);
}

/* Fills in a pool over a new list; returns false if none can be made. */
bool NAME(make)(size_t size, struct peer *peer)
{
    LOOKASIDE_LIST_EX *list = aligned_alloc(_Alignof(LOOKASIDE_LIST_EX), sizeof *list);
    if (list != NULL && !NT_SUCCESS(ExInitializeLookasideListEx(list, NULL, NULL, PagedPool, 0, size, LOOKASIDE_TAG('C', 'o', 'm', 'p'), 0))) {
        free(list);
        list = NULL;
    }
    *peer = (struct peer){.pool = list, .allocate = allocate, .free = release, .kept = kept, .destroy = destroy};
    return list != NULL;
}
