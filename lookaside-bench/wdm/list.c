/* A list through lookaside_wdm.h, as ported code has it. Compiled once for each shape of lists, whose name is SHAPE. */

#include <stdlib.h>

#include "lookaside_wdm.h"

#define JOIN_LATER(shape, name) wdm_##shape##_##name
#define JOIN(shape, name) JOIN_LATER(shape, name)
#define NAME(name) JOIN(SHAPE, name)

LOOKASIDE_LIST_EX *NAME(make)(size_t size);
void *NAME(allocate)(LOOKASIDE_LIST_EX *list);
void NAME(free)(LOOKASIDE_LIST_EX *list, void *block);
uint64_t NAME(kept)(LOOKASIDE_LIST_EX *list);
uint64_t NAME(kept_shared)(LOOKASIDE_LIST_EX *list);
void NAME(delete)(LOOKASIDE_LIST_EX *list);

/* Returns NULL if no list can be made. */
LOOKASIDE_LIST_EX *NAME(make)(size_t size)
{
    LOOKASIDE_LIST_EX *list = aligned_alloc(_Alignof(LOOKASIDE_LIST_EX), sizeof *list);
    if (list != NULL && !NT_SUCCESS(ExInitializeLookasideListEx(list, NULL, NULL, PagedPool, 0, size, LOOKASIDE_TAG('C', 'o', 'm', 'p'), 0))) {
        free(list);
        list = NULL;
    }
    return list;
}

void *NAME(allocate)(LOOKASIDE_LIST_EX *list)
{
    return ExAllocateFromLookasideListEx(list);
}

void NAME(free)(LOOKASIDE_LIST_EX *list, void *block)
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
uint64_t NAME(kept)(LOOKASIDE_LIST_EX *list)
{
    return statistics_of(list).processor.current_depth + NAME(kept_shared)(list);
}

/* Those of them that are not in the lists of processors. */
uint64_t NAME(kept_shared)(LOOKASIDE_LIST_EX *list)
{
    return statistics_of(list).shared.current_depth;
}

void NAME(delete)(LOOKASIDE_LIST_EX *list)
{
    ExDeleteLookasideListEx(list);
    free(list);
}
