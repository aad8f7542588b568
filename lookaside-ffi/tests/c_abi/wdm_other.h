/* What the two translation units of the test know of each other. */
#ifndef WDM_OTHER_H
#define WDM_OTHER_H

#include "lookaside_wdm.h"

#ifdef __cplusplus
extern "C" {
#endif
PVOID other_take(PPAGED_LOOKASIDE_LIST list);
void other_give(PPAGED_LOOKASIDE_LIST list, PVOID block);
LOOKASIDE_WDM_RAISE_HOOK *other_hook(void);
VOID other_returns(NTSTATUS status);
void other_lists(void);
NTSTATUS other_strict_ex(PLOOKASIDE_LIST_EX list);
void other_strict(PNPAGED_LOOKASIDE_LIST list);
#ifdef __cplusplus
}
#endif

#endif
