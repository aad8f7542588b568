/* Included before a test program: its calls of allocate and free become those of lookaside_inline.h, and its lists are
 * made for them. */
#include "lookaside_inline.h"

static inline __attribute__((__always_inline__)) lookaside_status
initialize_for_inlined(const char *place, lookaside_list *list, const lookaside_parameters *parameters)
{
    lookaside_parameters changed;
    if (parameters == NULL || parameters->inline_abi != 0) {
        return lookaside_list_initialize_at(place, list, parameters);
    }
    changed = *parameters;
    changed.inline_abi = LOOKASIDE_INLINE_ABI;
    return lookaside_list_initialize_at(place, list, &changed);
}

#undef lookaside_list_initialize
#define lookaside_list_initialize(...)                                                             \
    initialize_for_inlined(LOOKASIDE_PLACE(__FILE__, __LINE__), __VA_ARGS__)
#define lookaside_list_allocate lookaside_list_allocate_inline
#define lookaside_list_free lookaside_list_free_inline
