/* The pool calls of lookaside_wdm.h. */
#include "wdm_frame.h"

static int is_zero(const void *block, size_t size)
{
    const UCHAR *bytes = (const UCHAR *)block;
    while (size > 0 && bytes[size - 1] == 0) {
        size--;
    }
    return size == 0;
}

static void take_pool(void)
{
    got = ExAllocatePoolWithTag((POOL_TYPE)(PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE), TOO_LARGE, TAG);
}
static void take_pool2(void) { got = ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_RAISE_ON_FAILURE, TOO_LARGE, TAG); }
static void take_no_pool2(void) { got = ExAllocatePool2(POOL_FLAG_RAISE_ON_FAILURE, 64, TAG); }

static void pools(void)
{
    static const SIZE_T SIZES[] = {0, 1, 100, 496, 497, 5000};
    static const POOL_TYPE TYPES[] = {PagedPool, NonPagedPool, NonPagedPoolNx, PagedPoolCacheAligned};
    unsigned size, type;
    for (size = 0; size < 6; size++) {
        for (type = 0; type < 4; type++) {
            PVOID block = ExAllocatePoolWithTag(TYPES[type], SIZES[size], TAG);
            CHECK(block != NULL && (uintptr_t)block % (TYPES[type] == PagedPoolCacheAligned ? 64 : 16) == 0);
            memset(block, 0xEE, SIZES[size]);
            ExFreePoolWithTag(block, TAG);
            block = ExAllocatePool(TYPES[type], SIZES[size]);
            memset(block, 0xEE, SIZES[size]);
            ExFreePoolWithTag(block, LOOKASIDE_TAG('N', 'o', 'n', 'e'));
            block = ExAllocatePoolUninitialized(TYPES[type], SIZES[size], TAG);
            memset(block, 0xEE, SIZES[size]);
            ExFreePool(block);
            block = ExAllocatePoolZero(TYPES[type], SIZES[size], TAG);
            CHECK(is_zero(block, SIZES[size]));
            ExFreePoolWithTag(block, TAG);
        }
    }
}

static void pool2(void)
{
    static const POOL_FLAGS INVALID[] = {
        0, POOL_FLAG_PAGED | POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED | 0x10, POOL_FLAG_PAGED | 0x200,
        POOL_FLAG_PAGED | 0x400, POOL_FLAG_PAGED | POOL_FLAG_REQUIRED_END, POOL_FLAG_SPECIAL_POOL,
        POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED,
    };
    static const POOL_FLAGS VALID[] = {
        POOL_FLAG_PAGED, POOL_FLAG_NON_PAGED, POOL_FLAG_NON_PAGED_EXECUTE, POOL_FLAG_PAGED | POOL_FLAG_USE_QUOTA,
        POOL_FLAG_PAGED | POOL_FLAG_CACHE_ALIGNED, POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED,
        POOL_FLAG_PAGED | POOL_FLAG_SPECIAL_POOL, POOL_FLAG_PAGED | 0x8000000000000000ULL,
    };
    unsigned at;
    PVOID block;
    for (at = 0; at < 8; at++) {
        CHECK(ExAllocatePool2(INVALID[at], 64, TAG) == NULL);
        block = ExAllocatePool2(VALID[at], 300, TAG);
        CHECK(block != NULL && is_zero(block, 300));
        memset(block, 0xEE, 300);
        ExFreePoolWithTag(block, TAG);
        block = ExAllocatePool2(VALID[at] | POOL_FLAG_UNINITIALIZED, 300, TAG);
        CHECK(block != NULL);
        ExFreePool(block);
    }
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED, 64, 0) == NULL);
    forbid_large_blocks();
    CHECK(ExAllocatePool2(POOL_FLAG_PAGED, TOO_LARGE, TAG) == NULL);
    CHECK(ExAllocatePoolWithTag(PagedPool, TOO_LARGE, TAG) == NULL);
    CHECK(ExAllocatePoolZero(PagedPool, TOO_LARGE, TAG) == NULL);
    CHECK(raised_by(take_pool) == STATUS_INSUFFICIENT_RESOURCES);
    CHECK(raised_by(take_pool2) == STATUS_INSUFFICIENT_RESOURCES);
    CHECK(raised_by(take_no_pool2) == STATUS_INVALID_PARAMETER);
}

static void take_quota(void) { got = ExAllocatePoolWithQuota(PagedPool, TOO_LARGE); }
static void take_secure(void)
{
    POOL_EXTENDED_PARAMETER secure;
    memset(&secure, 0, sizeof secure);
    secure.Type = PoolExtendedParameterSecurePool;
    got = ExAllocatePool3(POOL_FLAG_PAGED | POOL_FLAG_RAISE_ON_FAILURE, 64, TAG, &secure, 1);
}

static void pool3(void)
{
    POOL_EXTENDED_PARAMETER parameters[3];
    BOOLEAN charged = TRUE;
    PVOID block;
    memset(parameters, 0, sizeof parameters);
    parameters[0].Type = PoolExtendedParameterPriority;
    parameters[0].Priority = HighPoolPriority;
    parameters[1].Type = PoolExtendedParameterNumaNode;
    parameters[1].PreferredNode = 0;
    parameters[2].Type = PoolExtendedParameterSecurePool;
    CHECK(ExAllocatePool3(POOL_FLAG_PAGED, 300, TAG, parameters, 3) == NULL);
    CHECK(raised_by(take_secure) == STATUS_INVALID_PARAMETER);
    parameters[2].Optional = 1;
    block = ExAllocatePool3(POOL_FLAG_PAGED, 300, TAG, parameters, 3);
    CHECK(block != NULL && is_zero(block, 300));
    CHECK(ExQueryPoolBlockSize(block, &charged) == 300 && !charged);
    ExFreePool2(block, TAG, NULL, 0);
    block = ExAllocatePool3(POOL_FLAG_NON_PAGED, 5000, TAG, NULL, 0);
    CHECK(block != NULL && ExQueryPoolBlockSize(block, &charged) == 5000);
    ExFreePool2(block, TAG, parameters, 3);
}

/* Quotas and priorities, which change nothing but what a call does without memory. */
static void quotas(void)
{
    const POOL_TYPE no_raise = (POOL_TYPE)(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
    PVOID blocks[7];
    unsigned at;
    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    blocks[0] = ExAllocatePoolQuotaZero(PagedPool, 64, TAG);
    blocks[1] = ExAllocatePoolPriorityZero(PagedPool, 64, TAG, LowPoolPriority);
    CHECK(is_zero(blocks[0], 64) && is_zero(blocks[1], 64));
    blocks[2] = ExAllocatePoolWithQuotaTag(NonPagedPool, 64, TAG);
    blocks[3] = ExAllocatePoolQuotaUninitialized(NonPagedPoolNx, 64, TAG);
    blocks[4] = ExAllocatePoolWithTagPriority(NonPagedPoolNx, 64, TAG, NormalPoolPriority);
    blocks[5] = ExAllocatePoolPriorityUninitialized(PagedPool, 64, TAG, HighPoolPriority);
    blocks[6] = ExAllocatePoolWithQuotaTag(no_raise, 64, TAG);
    for (at = 0; at < 7; at++) {
        CHECK(blocks[at] != NULL);
        ExFreePoolWithTag(blocks[at], TAG);
    }
    forbid_large_blocks();
    CHECK(raised_by(take_quota) == STATUS_INSUFFICIENT_RESOURCES);
    CHECK(ExAllocatePoolWithQuotaTag(no_raise, TOO_LARGE, TAG) == NULL);
    CHECK(ExAllocatePoolQuotaZero(no_raise, TOO_LARGE, TAG) == NULL);
    CHECK(ExAllocatePoolPriorityZero(PagedPool, TOO_LARGE, TAG, LowPoolPriority) == NULL);
}

static void cases(const char *name)
{
    CASE("pools") pools();
    CASE("pool2") pool2();
    CASE("pool3") pool3();
    CASE("quotas") quotas();
}
