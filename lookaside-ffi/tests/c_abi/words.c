/* The sections of lookaside_inline.h in a library, for tests/c_abi/sequences.rs. */
#include "lookaside_inline.h"

#include <stddef.h>

void *inlined_allocate(lookaside_list *list)
{
    return lookaside_list_allocate_inline(list);
}

void inlined_free(lookaside_list *list, void *block)
{
    lookaside_list_free_inline(list, block);
}

#if LOOKASIDE_INLINED
/* The linker sets these around a section whose name is a C identifier. */
extern const char first[] __asm__("__start___rseq_cs") __attribute__((__visibility__("hidden")));
extern const char end[] __asm__("__stop___rseq_cs") __attribute__((__visibility__("hidden")));

const char *first_section(void)
{
    return first;
}

size_t bytes_of_sections(void)
{
    return (size_t)(end - first);
}
#endif
