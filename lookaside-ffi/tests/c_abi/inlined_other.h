/* What inlined.c and inlined_other.c have in common: an inline function of C++ that both have a copy of. */
#include "lookaside.h"

/* The calls of the library that inlined calls end in, while there is one thread. */
static unsigned calls;

static inline void *counted_allocate(lookaside_list *list)
{
    calls++;
    return lookaside_list_allocate(list);
}

static inline void counted_free(lookaside_list *list, void *block)
{
    calls++;
    lookaside_list_free(list, block);
}

#define lookaside_list_allocate counted_allocate
#define lookaside_list_free counted_free
#include "lookaside_inline.h"
#undef lookaside_list_allocate
#undef lookaside_list_free

#ifdef __cplusplus
extern "C" {
#endif
/* The same number of pairs, in the other unit; returns how many of them did well. */
unsigned other_pairs(lookaside_list *list, unsigned pairs);
#ifdef __cplusplus
}

/* The linker keeps one copy of a template's function; what the sections of the other wrote has to go with it. */
template <typename Number> __attribute__((noinline)) Number template_pairs(lookaside_list *list, Number pairs)
{
    Number done = 0;
    for (Number pair = 0; pair < pairs; pair++) {
        void *block = lookaside_list_allocate_inline(list);
        done += block != NULL;
        lookaside_list_free_inline(list, block);
    }
    return done;
}
#endif
