/* lookaside_wdm.h - the WDK's lookaside, pool, S-list and LIST_ENTRY calls, over lookaside.h.
 *
 * Code that was written against wdm.h compiles with this header and runs in user mode, in C99 and C++11 or later,
 * linked to the same library. docs/compat.md says of every call what tests it, and where it differs from Windows on
 * purpose. lookaside_wdm_extras.h has what surrounds such code: Interlocked..., spin locks, ASSERT, strings.
 * docs/porting.md has the steps from a driver's source to a program.
 *
 * Before the header is included, these may be defined:
 *   LOOKASIDE_WDM_TOPOLOGY   what lists are made of: LOOKASIDE_TOPOLOGY_PAIR (default), or _GENERAL, Windows' own shape
 *   LOOKASIDE_WDM_BATCH      blocks that move at once in a pair: 0 (default) is the library's choice, 1 is Windows' way
 *   LOOKASIDE_WDM_TUNING     when depths change: LOOKASIDE_TUNING_DEFAULT (default), _WINDOWS, _MANUAL
 *   LOOKASIDE_WDM_FLAGS      LOOKASIDE_FLAG_... of every list, such as LOOKASIDE_FLAG_VERIFY
 *   LOOKASIDE_WDM_STRICT_LOCK  nonpaged lists are refused where their memory cannot be locked. Without it they take
 *                            memory that is resident and not locked, and their report says so
 *   LOOKASIDE_WDM_RAISE(s)   what raises a status: must not return (default: see lookaside_wdm_raise_hook)
 *   LOOKASIDE_INLINE         allocates and frees that find a block, or room, are compiled into the program: see
 *                            lookaside_inline.h
 *   LOOKASIDE_WDM_NO_TYPES   the program has the basic types (ULONG, PVOID, NTSTATUS, LIST_ENTRY, ...) from elsewhere:
 *                            lookaside_wdm_types.h lists which it needs
 * They may differ from one translation unit to the next: the unit that initialises a list decides.
 */
#ifndef LOOKASIDE_WDM_H
#define LOOKASIDE_WDM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookaside.h"

#ifdef LOOKASIDE_INLINE
#include "lookaside_inline.h"
#define LOOKASIDE_WDM_INLINE_ABI LOOKASIDE_INLINE_ABI
#define LOOKASIDE_WDM_LIST_ALLOCATE lookaside_list_allocate_inline
#define LOOKASIDE_WDM_LIST_FREE lookaside_list_free_inline
#else
#define LOOKASIDE_WDM_INLINE_ABI 0
#define LOOKASIDE_WDM_LIST_ALLOCATE lookaside_list_allocate
#define LOOKASIDE_WDM_LIST_FREE lookaside_list_free
#endif

#ifndef LOOKASIDE_WDM_TOPOLOGY
#define LOOKASIDE_WDM_TOPOLOGY LOOKASIDE_TOPOLOGY_PAIR
#endif
#ifndef LOOKASIDE_WDM_BATCH
#define LOOKASIDE_WDM_BATCH 0
#endif
#ifndef LOOKASIDE_WDM_TUNING
#define LOOKASIDE_WDM_TUNING LOOKASIDE_TUNING_DEFAULT
#endif
#ifndef LOOKASIDE_WDM_FLAGS
#define LOOKASIDE_WDM_FLAGS 0
#endif
#ifdef LOOKASIDE_WDM_STRICT_LOCK
#define LOOKASIDE_WDM_LOCK 0
#else
#define LOOKASIDE_WDM_LOCK LOOKASIDE_FLAG_BEST_EFFORT_LOCK
#endif

#include "lookaside_wdm_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raising. No frame of the library is ever left by a raise: where its callbacks run, it waits for the call's end. */

/* What raises a status, for all translation units: NULL writes one line and aborts. It may throw a C++ exception or
 * longjmp; if it returns, the program aborts. */
typedef VOID (*LOOKASIDE_WDM_RAISE_HOOK)(NTSTATUS Status);
__attribute__((weak)) LOOKASIDE_WDM_RAISE_HOOK lookaside_wdm_raise_hook;

/* Of each thread: how many callbacks of lists it is in, and what the innermost would have raised; 0 and 0 outside. */
struct lookaside_wdm_thread_state {
    unsigned callbacks;
    NTSTATUS raised;
};
__attribute__((weak)) __thread struct lookaside_wdm_thread_state lookaside_wdm_thread;

#ifndef LOOKASIDE_WDM_RAISE
#define LOOKASIDE_WDM_RAISE(status)                                                                \
    do {                                                                                           \
        if (lookaside_wdm_raise_hook != NULL) {                                                    \
            lookaside_wdm_raise_hook(status);                                                      \
        }                                                                                          \
    } while (0)
#endif

/* What may be done about a status that a list's call raises, for the line of one that no hook took. */
__attribute__((unused)) static const char *lookaside_wdm_remedy(NTSTATUS status)
{
    return status == STATUS_WORKING_SET_QUOTA
               ? ": nonpaged memory cannot be locked; raise the limit (ulimit -l), grant CAP_IPC_LOCK, or compile without "
                 "LOOKASIDE_WDM_STRICT_LOCK"
               : "";
}

/* Raises a status: never returns. In a callback of a list it cannot, and ends the program. */
__attribute__((noreturn, unused)) static void ExRaiseStatus(NTSTATUS Status)
{
    const char *where = lookaside_wdm_thread.callbacks != 0 ? " in a callback of a list" : "";
    if (*where == '\0') {
        LOOKASIDE_WDM_RAISE(Status);
    }
    fprintf(stderr, "lookaside: raised %s (0x%08X)%s%s\n",
            lookaside_status_string(LOOKASIDE_CAST(lookaside_status, Status)), LOOKASIDE_CAST(unsigned, Status), where,
            lookaside_wdm_remedy(Status));
    abort();
}

/* Ends the program at once; nothing is raised. */
__attribute__((noreturn, unused)) static void RtlFailFast(ULONG Code)
{
    fprintf(stderr, "lookaside: fail fast, code %u\n", LOOKASIDE_CAST(unsigned, Code));
    abort();
}

/* Raises, or in a callback remembers the status for the end of the list's call. */
__attribute__((unused)) static void lookaside_wdm_fail(NTSTATUS status)
{
    if (lookaside_wdm_thread.callbacks == 0) {
        ExRaiseStatus(status);
    }
    lookaside_wdm_thread.raised = status;
}

/* Raises what a call that returns nothing could not do. */
__attribute__((unused)) static void lookaside_wdm_check(lookaside_status status)
{
    if (!NT_SUCCESS(LOOKASIDE_CAST(NTSTATUS, status))) {
        ExRaiseStatus(LOOKASIDE_CAST(NTSTATUS, status));
    }
}

/* Callbacks: the library's types lead here, so that no function is called by another type than its own. Where only one
 * callback was given, the other is the pool's routine, as in Windows: the two have to fit. */

/* Before a callback: returns what a callback around it would have raised. */
static inline NTSTATUS lookaside_wdm_enter(void)
{
    const NTSTATUS before = lookaside_wdm_thread.raised;
    lookaside_wdm_thread.raised = STATUS_SUCCESS;
    lookaside_wdm_thread.callbacks++;
    return before;
}

/* Behind it: one that did its work anyway raises nothing. */
static inline void lookaside_wdm_leave(NTSTATUS before, int done)
{
    lookaside_wdm_thread.callbacks--;
    if (done || lookaside_wdm_thread.raised == STATUS_SUCCESS) {
        lookaside_wdm_thread.raised = before;
    }
}

static inline void *lookaside_wdm_allocate(lookaside_pool_type type, size_t size, lookaside_tag tag,
                                           lookaside_list *list)
{
    LOOKASIDE_WDM_LIST *self = LOOKASIDE_WDM_POINTER(LOOKASIDE_WDM_LIST, list);
    NTSTATUS before;
    void *block;
    (void)type, (void)size, (void)tag;
    if (self->Allocate == NULL) {
        return lookaside_pool_allocate(self->Type, self->Size, self->Tag);
    }
    before = lookaside_wdm_enter();
    block = self->Allocate(LOOKASIDE_CAST(POOL_TYPE, self->Type), self->Size, self->Tag);
    lookaside_wdm_leave(before, block != NULL);
    return block;
}

static inline void lookaside_wdm_free(void *block, lookaside_list *list)
{
    LOOKASIDE_WDM_LIST *self = LOOKASIDE_WDM_POINTER(LOOKASIDE_WDM_LIST, list);
    NTSTATUS before;
    if (self->Free == NULL) {
        lookaside_pool_free(block, 0);
        return;
    }
    before = lookaside_wdm_enter();
    self->Free(block);
    lookaside_wdm_leave(before, TRUE);
}

static inline void *lookaside_wdm_allocate_ex(lookaside_pool_type type, size_t size, lookaside_tag tag,
                                              lookaside_list *list)
{
    LOOKASIDE_LIST_EX *self = LOOKASIDE_WDM_POINTER(LOOKASIDE_LIST_EX, list);
    NTSTATUS before;
    void *block;
    if (self->L.AllocateEx == NULL) {
        return lookaside_wdm_allocate(type, size, tag, list);
    }
    before = lookaside_wdm_enter();
    block = self->L.AllocateEx(LOOKASIDE_CAST(POOL_TYPE, self->L.Type), self->L.Size, self->L.Tag, self);
    lookaside_wdm_leave(before, block != NULL);
    return block;
}

static inline void lookaside_wdm_free_ex(void *block, lookaside_list *list)
{
    LOOKASIDE_LIST_EX *self = LOOKASIDE_WDM_POINTER(LOOKASIDE_LIST_EX, list);
    NTSTATUS before;
    if (self->L.FreeEx == NULL) {
        lookaside_wdm_free(block, list);
        return;
    }
    before = lookaside_wdm_enter();
    self->L.FreeEx(block, self);
    lookaside_wdm_leave(before, TRUE);
}

/* Lists of all three kinds. */

/* Makes the library's list. The fields around it are set only when that succeeded; no callback runs before. */
static inline lookaside_status lookaside_wdm_initialize(LOOKASIDE_WDM_LIST *self,
                                                        lookaside_allocate_function_ex allocate,
                                                        lookaside_free_function_ex free_block, ULONG type, SIZE_T size,
                                                        ULONG tag, USHORT maximum_depth)
{
    lookaside_parameters parameters;
    lookaside_status status;
    if (size > UINT32_MAX) {
        return LOOKASIDE_STATUS_INTEGER_OVERFLOW;
    }
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = size == 0 ? 1 : size;
    parameters.alignment = allocate != NULL ? 16 : 0; /* Callbacks are not asked for whole cache lines. */
    parameters.tag = tag;
    parameters.pool_type = type;
    parameters.tuning = LOOKASIDE_WDM_TUNING;
    parameters.topology = LOOKASIDE_WDM_TOPOLOGY;
    parameters.batch = LOOKASIDE_WDM_BATCH;
    parameters.inline_abi = LOOKASIDE_WDM_INLINE_ABI;
    parameters.maximum_depth = maximum_depth;
    parameters.flags = LOOKASIDE_FLAG_WDK | LOOKASIDE_WDM_LOCK | LOOKASIDE_WDM_FLAGS;
    parameters.allocate_ex = allocate;
    parameters.free_ex = free_block;
    /* The function: this line would name no list, and each has a tag. */
    status = (lookaside_list_initialize)(&self->List, &parameters);
    if (status == LOOKASIDE_STATUS_SUCCESS) {
        self->Allocate = NULL;
        self->Free = NULL;
        self->Type = type;
        self->Tag = tag;
        self->Size = LOOKASIDE_CAST(ULONG, size);
        self->Reserved = 0;
    }
    return status;
}

static inline void lookaside_wdm_initialize_plain(LOOKASIDE_WDM_LIST *self, PALLOCATE_FUNCTION allocate,
                                                  PFREE_FUNCTION free_block, ULONG type, SIZE_T size, ULONG tag)
{
    const BOOLEAN called = allocate != NULL || free_block != NULL;
    lookaside_wdm_check(lookaside_wdm_initialize(self, called ? lookaside_wdm_allocate : NULL,
                                                 called ? lookaside_wdm_free : NULL, type, size, tag, 0));
    self->Allocate = allocate;
    self->Free = free_block;
}

/* The result when there is no block: NULL, or a raise if the list was asked for one. */
static inline PVOID lookaside_wdm_no_block(const LOOKASIDE_WDM_LIST *self)
{
    NTSTATUS status = STATUS_SUCCESS;
    if (self != NULL && self->Allocate != NULL) {
        status = lookaside_wdm_thread.raised;
        lookaside_wdm_thread.raised = STATUS_SUCCESS;
    } else if (self != NULL && (self->Type & POOL_RAISE_IF_ALLOCATION_FAILURE) != 0) {
        status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (status != STATUS_SUCCESS) {
        lookaside_wdm_fail(status);
    }
    return NULL;
}

static inline PVOID lookaside_wdm_take(LOOKASIDE_WDM_LIST *self)
{
    PVOID block = LOOKASIDE_WDM_LIST_ALLOCATE(&self->List);
    return block != NULL ? block : lookaside_wdm_no_block(self);
}

static inline VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                                   PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag,
                                                   USHORT Depth)
{
    (void)Depth;
    lookaside_wdm_initialize_plain(&Lookaside->L, Allocate, Free, Flags, Size, Tag);
}

static inline PVOID ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    return lookaside_wdm_take(&Lookaside->L);
}

static inline VOID ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry)
{
    LOOKASIDE_WDM_LIST_FREE(&Lookaside->L.List, Entry);
}

static inline VOID ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    lookaside_wdm_check(lookaside_list_delete(&Lookaside->L.List));
}

static inline VOID ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                                  PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag,
                                                  USHORT Depth)
{
    (void)Depth;
    lookaside_wdm_initialize_plain(&Lookaside->L, Allocate, Free, Flags | PagedPool, Size, Tag);
}

static inline PVOID ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    return lookaside_wdm_take(&Lookaside->L);
}

static inline VOID ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry)
{
    LOOKASIDE_WDM_LIST_FREE(&Lookaside->L.List, Entry);
}

static inline VOID ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    lookaside_wdm_check(lookaside_list_delete(&Lookaside->L.List));
}

/* Checks Depth, Flags and PoolType in this order, as Windows does; then what the library checks. */
static inline NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate,
                                                   PFREE_FUNCTION_EX Free, POOL_TYPE PoolType, ULONG Flags, SIZE_T Size,
                                                   ULONG Tag, USHORT Depth)
{
    const BOOLEAN called = Allocate != NULL || Free != NULL;
    ULONG type = LOOKASIDE_CAST(ULONG, PoolType);
    lookaside_status status;
    if (Depth != 0 && (Depth < EX_MAXIMUM_LOOKASIDE_DEPTH_BASE || Depth > EX_MAXIMUM_LOOKASIDE_DEPTH_LIMIT)) {
        return STATUS_INVALID_PARAMETER_8;
    }
    if (Flags > EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE) {
        return STATUS_INVALID_PARAMETER_5;
    }
    if ((type & 0xFFFFFC18u) != 0 || (type & 3) == 3) {
        return STATUS_INVALID_PARAMETER_4;
    }
    type |= Flags == EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL   ? POOL_RAISE_IF_ALLOCATION_FAILURE
            : Flags == EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE ? POOL_QUOTA_FAIL_INSTEAD_OF_RAISE
                                                                : 0;
    status = lookaside_wdm_initialize(&Lookaside->L, called ? lookaside_wdm_allocate_ex : NULL,
                                      called ? lookaside_wdm_free_ex : NULL, type,
                                      Size < LOOKASIDE_MINIMUM_BLOCK_SIZE ? LOOKASIDE_MINIMUM_BLOCK_SIZE : Size, Tag,
                                      Depth);
    if (status == LOOKASIDE_STATUS_SUCCESS) {
        Lookaside->L.AllocateEx = Allocate;
        Lookaside->L.FreeEx = Free;
    }
    return LOOKASIDE_CAST(NTSTATUS, status);
}

static inline PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    return lookaside_wdm_take(&Lookaside->L);
}

static inline VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry)
{
    LOOKASIDE_WDM_LIST_FREE(&Lookaside->L.List, Entry);
}

static inline VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    lookaside_wdm_check(lookaside_list_flush(&Lookaside->L.List));
}

static inline VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    lookaside_wdm_check(lookaside_list_delete(&Lookaside->L.List));
}

static inline VOID ExAdjustLookasideDepth(VOID)
{
    lookaside_adjust_depth();
}

/* Takes a picture of a list, given as &Lookaside->L, in Windows' own structure; of what is no list, zeroes and a
 * status. The list is seen as one: its processor lists and its shared list together. What it does not have (ListHead's
 * entries, ListEntry, the Last... fields) is 0. */
static inline NTSTATUS LookasideQueryGeneral(const LOOKASIDE_WDM_LIST *L, PGENERAL_LOOKASIDE Information)
{
    lookaside_statistics statistics;
    lookaside_status status;
    memset(Information, 0, sizeof *Information);
    statistics.struct_size = sizeof statistics;
    status = lookaside_list_statistics(&L->List, &statistics);
    if (status == LOOKASIDE_STATUS_SUCCESS) {
        const lookaside_counters *list = &statistics.list;
        Information->ListHead.HeaderX64.Depth = list->current_depth & 0xFFFF;
        Information->Depth = LOOKASIDE_CAST(USHORT, list->depth < UINT16_MAX ? list->depth : UINT16_MAX);
        Information->MaximumDepth = LOOKASIDE_CAST(USHORT, statistics.maximum_depth);
        Information->TotalAllocates = LOOKASIDE_CAST(ULONG, list->total_allocates);
        Information->AllocateMisses = LOOKASIDE_CAST(ULONG, list->allocate_misses);
        Information->TotalFrees = LOOKASIDE_CAST(ULONG, list->total_frees);
        Information->FreeMisses = LOOKASIDE_CAST(ULONG, list->free_misses);
        Information->Type = LOOKASIDE_CAST(POOL_TYPE, L->Type);
        Information->Tag = L->Tag;
        Information->Size = L->Size;
        Information->Allocate = L->Allocate;
        Information->Free = L->Free;
    }
    return LOOKASIDE_CAST(NTSTATUS, status);
}

/* The same as one element of what Windows' system information of class 0x2D has. */
static inline NTSTATUS LookasideQueryInformation(const LOOKASIDE_WDM_LIST *L, PSYSTEM_LOOKASIDE_INFORMATION Information)
{
    GENERAL_LOOKASIDE general;
    NTSTATUS status = LookasideQueryGeneral(L, &general);
    Information->CurrentDepth = LOOKASIDE_CAST(USHORT, general.ListHead.HeaderX64.Depth);
    Information->MaximumDepth = general.Depth;
    Information->TotalAllocates = general.TotalAllocates;
    Information->AllocateMisses = general.AllocateMisses;
    Information->TotalFrees = general.TotalFrees;
    Information->FreeMisses = general.FreeMisses;
    Information->Type = LOOKASIDE_CAST(ULONG, general.Type) & PagedPool;
    Information->Tag = general.Tag;
    Information->Size = general.Size;
    return status;
}

#ifdef __cplusplus
}
#endif

#include "lookaside_wdm_links.h"
#include "lookaside_wdm_pools.h"

#endif /* LOOKASIDE_WDM_H */
