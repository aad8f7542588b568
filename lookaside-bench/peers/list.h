/* A pair list as C makes it, by LOOKASIDE_PARAMETERS: for calls that are inlined where lookaside_inline.h was included. */

#ifndef LOOKASIDE_PEER_LIST_H
#define LOOKASIDE_PEER_LIST_H

#include <stdlib.h>
#include <string.h>

#include "lookaside.h"
#include "peer.h"

static uint64_t kept_by_list(void *list)
{
    lookaside_statistics statistics = {.struct_size = sizeof statistics};
    lookaside_list_statistics(list, &statistics);
    return statistics.processor.current_depth + statistics.shared.current_depth;
}

static void destroy_list(void *list)
{
    lookaside_list_delete(list);
    free(list);
}

/* Fills in a pool over a new list but for its calls, and returns NULL; or returns why there is none. */
static const char *make_list(size_t size, struct peer *peer)
{
    const lookaside_parameters parameters = LOOKASIDE_PARAMETERS(size, .name = "compare");
    lookaside_list *list = aligned_alloc(_Alignof(lookaside_list), sizeof *list);
    if (list == NULL) {
        return "there is no memory";
    }
    memset(list, 0, sizeof *list);
    if (lookaside_list_initialize(list, &parameters) != LOOKASIDE_STATUS_SUCCESS) {
        free(list);
        return "the list cannot be initialised";
    }
    *peer = (struct peer){.pool = list, .kept = kept_by_list, .destroy = destroy_list};
    return NULL;
}

#endif
