/* lookaside_wdm_pools.h - the WDK's pool calls, for lookaside_wdm.h, which includes it. */
#ifndef LOOKASIDE_WDM_POOLS_H
#define LOOKASIDE_WDM_POOLS_H

#include "lookaside_wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    PVOID block = lookaside_pool_allocate(LOOKASIDE_CAST(lookaside_pool_type, PoolType), NumberOfBytes, Tag);
    if (block == NULL && (LOOKASIDE_CAST(ULONG, PoolType) & POOL_RAISE_IF_ALLOCATION_FAILURE) != 0) {
        lookaside_wdm_fail(STATUS_INSUFFICIENT_RESOURCES);
    }
    return block;
}

static inline PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, LOOKASIDE_TAG('N', 'o', 'n', 'e'));
}

static inline PVOID ExAllocatePoolUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

static inline PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    PVOID block = ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
    return block == NULL ? NULL : memset(block, 0, NumberOfBytes);
}

/* The pool type that flags of ExAllocatePool2 ask for; DontUseThisType when they make no sense. */
static inline POOL_TYPE lookaside_wdm_pool_type(POOL_FLAGS flags)
{
    const POOL_FLAGS pools = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED;
    const POOL_FLAGS known = pools | POOL_FLAG_USE_QUOTA | POOL_FLAG_UNINITIALIZED | POOL_FLAG_SESSION |
                             POOL_FLAG_CACHE_ALIGNED | POOL_FLAG_RAISE_ON_FAILURE;
    const POOL_FLAGS pool = flags & pools;
    ULONG type;
    if ((flags & (POOL_FLAG_OPTIONAL_START - 1) & ~known) != 0 || pool == 0 || (pool & (pool - 1)) != 0) {
        return DontUseThisType;
    }
    type = pool == POOL_FLAG_PAGED ? PagedPool : pool == POOL_FLAG_NON_PAGED ? NonPagedPoolNx : NonPagedPool;
    type |= (flags & POOL_FLAG_SESSION) != 0 ? LOOKASIDE_CAST(ULONG, NonPagedPoolSession) : 0;
    type |= (flags & POOL_FLAG_CACHE_ALIGNED) != 0 ? LOOKASIDE_CAST(ULONG, NonPagedPoolCacheAligned) : 0;
    return LOOKASIDE_CAST(POOL_TYPE, type);
}

static inline PVOID ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    const POOL_TYPE type = lookaside_wdm_pool_type(Flags);
    const BOOLEAN valid = type != DontUseThisType && Tag != 0;
    PVOID block = valid ? lookaside_pool_allocate(LOOKASIDE_CAST(lookaside_pool_type, type), NumberOfBytes, Tag) : NULL;
    if (block == NULL && (Flags & POOL_FLAG_RAISE_ON_FAILURE) != 0) {
        lookaside_wdm_fail(valid ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER);
    }
    return block == NULL || (Flags & POOL_FLAG_UNINITIALIZED) != 0 ? block : memset(block, 0, NumberOfBytes);
}

/* Returns whether the pools can do what extended parameters ask for, or may do without. A priority and a node are wishes,
 * which have no effect; there is no secure pool. */
static inline BOOLEAN lookaside_wdm_can_do(PCPOOL_EXTENDED_PARAMETER parameters, ULONG count)
{
    ULONG at;
    for (at = 0; at < count; at++) {
        const BOOLEAN wish = parameters[at].Type == PoolExtendedParameterPriority ||
                             parameters[at].Type == PoolExtendedParameterNumaNode;
        if (!wish && !parameters[at].Optional) {
            return FALSE;
        }
    }
    return TRUE;
}

static inline PVOID ExAllocatePool3(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag,
                                    PCPOOL_EXTENDED_PARAMETER ExtendedParameters, ULONG ExtendedParametersCount)
{
    if (lookaside_wdm_can_do(ExtendedParameters, ExtendedParametersCount)) {
        return ExAllocatePool2(Flags, NumberOfBytes, Tag);
    }
    if ((Flags & POOL_FLAG_RAISE_ON_FAILURE) != 0) {
        lookaside_wdm_fail(STATUS_INVALID_PARAMETER);
    }
    return NULL;
}

static inline PVOID ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                                  EX_POOL_PRIORITY Priority)
{
    (void)Priority;
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

static inline PVOID ExAllocatePoolPriorityUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                                        EX_POOL_PRIORITY Priority)
{
    return ExAllocatePoolWithTagPriority(PoolType, NumberOfBytes, Tag, Priority);
}

static inline PVOID ExAllocatePoolPriorityZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                               EX_POOL_PRIORITY Priority)
{
    (void)Priority;
    return ExAllocatePoolZero(PoolType, NumberOfBytes, Tag);
}

/* Quotas are not charged; what the calls for them do without memory is as in Windows: they raise, unless the type has
 * POOL_QUOTA_FAIL_INSTEAD_OF_RAISE. */
static inline PVOID ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    PVOID block = lookaside_pool_allocate(LOOKASIDE_CAST(lookaside_pool_type, PoolType), NumberOfBytes, Tag);
    if (block == NULL && (LOOKASIDE_CAST(ULONG, PoolType) & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) == 0) {
        lookaside_wdm_fail(STATUS_INSUFFICIENT_RESOURCES);
    }
    return block;
}

static inline PVOID ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    return ExAllocatePoolWithQuotaTag(PoolType, NumberOfBytes, LOOKASIDE_TAG('N', 'o', 'n', 'e'));
}

static inline PVOID ExAllocatePoolQuotaUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return ExAllocatePoolWithQuotaTag(PoolType, NumberOfBytes, Tag);
}

static inline PVOID ExAllocatePoolQuotaZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    PVOID block = ExAllocatePoolWithQuotaTag(PoolType, NumberOfBytes, Tag);
    return block == NULL ? NULL : memset(block, 0, NumberOfBytes);
}

static inline VOID ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    lookaside_pool_free(P, Tag);
}

static inline VOID ExFreePool(PVOID P)
{
    lookaside_pool_free(P, 0);
}

static inline VOID ExFreePool2(PVOID P, ULONG Tag, PCPOOL_EXTENDED_PARAMETER ExtendedParameters,
                               ULONG ExtendedParametersCount)
{
    (void)ExtendedParameters, (void)ExtendedParametersCount;
    lookaside_pool_free(P, Tag);
}

/* Returns the bytes that the block was asked for with. */
static inline SIZE_T ExQueryPoolBlockSize(PVOID PoolBlock, BOOLEAN *QuotaCharged)
{
    *QuotaCharged = FALSE;
    return lookaside_pool_size(PoolBlock);
}

/* No memory here can be executed, whatever the type says, so there is nothing to opt into. */
static inline VOID ExInitializeDriverRuntime(ULONG RuntimeFlags)
{
    (void)RuntimeFlags;
}

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_POOLS_H */
