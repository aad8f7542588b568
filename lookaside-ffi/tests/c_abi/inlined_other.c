/* A second translation unit for inlined.c, built in the same language. */
#include "inlined_other.h"

unsigned other_pairs(lookaside_list *list, unsigned pairs)
{
#ifdef __cplusplus
    return template_pairs(list, pairs);
#else
    unsigned done = 0;
    for (unsigned pair = 0; pair < pairs; pair++) {
        void *block = lookaside_list_allocate_inline(list);
        done += block != NULL;
        lookaside_list_free_inline(list, block);
    }
    return done;
#endif
}
