/* A tracker of pool memory, as drivers have one for their debug builds: wrappers that count blocks and bytes by tag, for
 * the pool calls and, as the routines of lookaside lists, for lists.
 *
 * Three users take and free through it. The table at the end names who did not free everything.
 */
#include <stdio.h>

#include "lookaside_wdm_extras.h"

#define DbgPrint printf
#define TRACKED_TAGS 8
#define TAG_NAME LOOKASIDE_TAG('N', 'a', 'm', 'e')
#define TAG_WORK LOOKASIDE_TAG('W', 'o', 'r', 'k')
#define TAG_LEAK LOOKASIDE_TAG('L', 'e', 'a', 'k')

typedef struct _TRACKED_TAG {
    LONG volatile Tag; /* 0 for a place that no tag has yet. */
    LONG volatile Allocations, Frees, Failures;
    LONG64 volatile Bytes, Peak;
} TRACKED_TAG, *PTRACKED_TAG;

static TRACKED_TAG Tracked[TRACKED_TAGS];
static PAGED_LOOKASIDE_LIST WorkItems;

/* The place of a tag, which is taken by the first that asks for it; NULL when all places have tags. */
_Ret_maybenull_ static PTRACKED_TAG FindTag(_In_ ULONG Tag)
{
    ULONG at;
    for (at = 0; at < TRACKED_TAGS; at++) {
        const LONG before = InterlockedCompareExchange(&Tracked[at].Tag, (LONG)Tag, 0);
        if (before == 0 || before == (LONG)Tag) {
            return &Tracked[at];
        }
    }
    return NULL;
}

static VOID CountAllocation(_In_ ULONG Tag, _In_opt_ PVOID Block)
{
    PTRACKED_TAG tracked = FindTag(Tag);
    BOOLEAN charged;
    LONG64 bytes, peak;
    if (tracked == NULL) {
        return;
    }
    if (Block == NULL) {
        InterlockedIncrement(&tracked->Failures);
        return;
    }
    InterlockedIncrement(&tracked->Allocations);
    bytes = InterlockedAdd64(&tracked->Bytes, (LONG64)ExQueryPoolBlockSize(Block, &charged));
    peak = ReadNoFence64(&tracked->Peak);
    while (bytes > peak) {
        const LONG64 seen = InterlockedCompareExchange64(&tracked->Peak, bytes, peak);
        if (seen == peak) {
            break;
        }
        peak = seen;
    }
}

static VOID CountFree(_In_ ULONG Tag, _In_ PVOID Block)
{
    PTRACKED_TAG tracked = FindTag(Tag);
    BOOLEAN charged;
    if (tracked != NULL) {
        InterlockedIncrement(&tracked->Frees);
        InterlockedAdd64(&tracked->Bytes, -(LONG64)ExQueryPoolBlockSize(Block, &charged));
    }
}

_Must_inspect_result_ _Ret_maybenull_ __drv_allocatesMem(Mem)
static PVOID TrackedAllocate(_In_ POOL_FLAGS Flags, _In_ SIZE_T Size, _In_ ULONG Tag)
{
    PVOID block = ExAllocatePool2(Flags, Size, Tag);
    CountAllocation(Tag, block);
    return block;
}

static VOID TrackedFree(_Pre_notnull_ __drv_freesMem(Mem) PVOID Block, _In_ ULONG Tag)
{
    CountFree(Tag, Block);
    ExFreePoolWithTag(Block, Tag);
}

/* The same for a list: its routines run when it has no block, or no room. */

static PVOID NTAPI TrackedListAllocate(_In_ POOL_TYPE Type, _In_ SIZE_T Size, _In_ ULONG Tag)
{
    PVOID block = ExAllocatePoolWithTag(Type, Size, Tag);
    CountAllocation(Tag, block);
    return block;
}

static VOID NTAPI WorkListFree(_In_ PVOID Block)
{
    CountFree(TAG_WORK, Block);
    ExFreePoolWithTag(Block, TAG_WORK);
}

/* Returns how many tags have blocks out. */
static ULONG ShowTracked(VOID)
{
    ULONG at, leaking = 0;
    DbgPrint("tag   allocations  frees  failures  bytes   peak\n");
    for (at = 0; at < TRACKED_TAGS && Tracked[at].Tag != 0; at++) {
        const TRACKED_TAG *tracked = &Tracked[at];
        const ULONG tag = (ULONG)tracked->Tag;
        DbgPrint("%c%c%c%c %12d %6d %9d %6lld %6lld%s\n", (int)(tag & 255), (int)(tag >> 8 & 255),
                 (int)(tag >> 16 & 255), (int)(tag >> 24), tracked->Allocations, tracked->Frees, tracked->Failures,
                 tracked->Bytes, tracked->Peak, tracked->Bytes != 0 ? "  not all was freed" : "");
        leaking += tracked->Bytes != 0;
    }
    return leaking;
}

int main(void)
{
    PVOID names[10], items[4], leak;
    ULONG at, round;
    for (at = 0; at < 10; at++) {
        names[at] = TrackedAllocate(POOL_FLAG_PAGED, 20 + 10 * (SIZE_T)at, TAG_NAME);
    }
    if (TrackedAllocate(POOL_FLAG_PAGED | POOL_FLAG_NON_PAGED, 20, TAG_NAME) != NULL) {
        return 1;
    }
    for (at = 0; at < 10; at++) {
        if (names[at] != NULL) {
            TrackedFree(names[at], TAG_NAME);
        }
    }

    ExInitializePagedLookasideList(&WorkItems, TrackedListAllocate, WorkListFree, 0, 200, TAG_WORK, 0);
    for (round = 0; round < 3; round++) {
        for (at = 0; at < 4; at++) {
            items[at] = ExAllocateFromPagedLookasideList(&WorkItems);
        }
        for (at = 0; at < 4; at++) {
            ExFreeToPagedLookasideList(&WorkItems, items[at]);
        }
    }
    DbgPrint("The list took %d blocks of the pool for 12 allocations.\n", FindTag(TAG_WORK)->Allocations);
    ExDeletePagedLookasideList(&WorkItems);

    leak = TrackedAllocate(POOL_FLAG_NON_PAGED, 64, TAG_LEAK);
    DbgPrint("Before the end:\n");
    if (ShowTracked() != 1 || leak == NULL) {
        return 1;
    }
    TrackedFree(leak, TAG_LEAK);
    DbgPrint("At the end:\n");
    return ShowTracked() != 0;
}
