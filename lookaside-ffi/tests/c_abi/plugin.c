/* A plug-in with a list of its own. With INLINED its calls are inlined. */
#ifdef INLINED
#include "lookaside_inline.h"
#define ALLOCATE lookaside_list_allocate_inline
#define FREE lookaside_list_free_inline
#define ABI LOOKASIDE_INLINE_ABI
#else
#include "lookaside.h"
#define ALLOCATE lookaside_list_allocate
#define FREE lookaside_list_free
#define ABI 0
#endif
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
int begin(void);
int touch(void);
int end(void);
#ifdef __cplusplus
}
#endif

static lookaside_list list;

int begin(void)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    parameters.inline_abi = ABI;
    return lookaside_list_initialize(&list, &parameters) == LOOKASIDE_STATUS_SUCCESS;
}

int touch(void)
{
    for (int i = 0; i < 4; i++) {
        void *block = ALLOCATE(&list);
        if (block == NULL)
            return 0;
        FREE(&list, block);
    }
    return 1;
}

int end(void)
{
    return lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS;
}
