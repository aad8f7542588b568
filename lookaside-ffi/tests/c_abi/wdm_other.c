/* The second translation unit of wdm.c, in the other of the two languages, with a raise of its own and nonpaged lists that
 * insist on locked memory. */
#include <stdint.h>

#ifdef __cplusplus
extern "C"
#else
extern
#endif
    void main_raise(int32_t status);
#define LOOKASIDE_WDM_RAISE(status) main_raise(status)
#define LOOKASIDE_WDM_STRICT_LOCK
#include "wdm_other.h"

PVOID other_take(PPAGED_LOOKASIDE_LIST list)
{
    return ExAllocateFromPagedLookasideList(list);
}

void other_give(PPAGED_LOOKASIDE_LIST list, PVOID block)
{
    ExFreeToPagedLookasideList(list, block);
}

LOOKASIDE_WDM_RAISE_HOOK *other_hook(void)
{
    return &lookaside_wdm_raise_hook;
}

VOID other_returns(NTSTATUS status)
{
    (void)status;
}

void other_lists(void)
{
    static LOOKASIDE_LIST_EX list;
    if (ExInitializeLookasideListEx(&list, NULL, NULL, PagedPool, 0, 64, 0, 0) != STATUS_SUCCESS) {
        abort();
    }
    ExFreeToLookasideListEx(&list, ExAllocateFromLookasideListEx(&list));
    ExDeleteLookasideListEx(&list);
}

NTSTATUS other_strict_ex(PLOOKASIDE_LIST_EX list)
{
    return ExInitializeLookasideListEx(list, NULL, NULL, NonPagedPoolNx, 0, 264, 0, 1024);
}

void other_strict(PNPAGED_LOOKASIDE_LIST list)
{
    ExInitializeNPagedLookasideList(list, NULL, NULL, POOL_NX_ALLOCATION, 264, 0, 0);
}
