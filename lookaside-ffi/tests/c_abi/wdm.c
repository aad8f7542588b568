/* The lists of lookaside_wdm.h. */
#include "wdm_frame.h"
#include "wdm_other.h"

/* Lists of each kind, as the bodies of raised_by reach them. */

static NPAGED_LOOKASIDE_LIST npaged;
static PAGED_LOOKASIDE_LIST paged, other;
static LOOKASIDE_LIST_EX ex;

/* Callbacks that say what they were called with. */

static struct {
    unsigned allocates, frees;
    POOL_TYPE type;
    SIZE_T size;
    ULONG tag;
    PVOID list;
} last;

static PVOID remember_allocate(POOL_TYPE type, SIZE_T size, ULONG tag, PVOID list)
{
    last.allocates++;
    last.type = type;
    last.size = size;
    last.tag = tag;
    last.list = list;
    return malloc(size < 16 ? 16 : size);
}

static PVOID NTAPI my_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    return remember_allocate(type, size, tag, NULL);
}

static PVOID NTAPI my_allocate_ex(POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX list)
{
    return remember_allocate(type, size, tag, list);
}

static VOID NTAPI my_free(PVOID block)
{
    last.frees++;
    free(block);
}

static VOID NTAPI my_free_ex(PVOID block, PLOOKASIDE_LIST_EX list)
{
    last.list = list;
    my_free(block);
}

static PVOID NTAPI pool_allocate_ex(POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX list)
{
    (void)list;
    return ExAllocatePoolWithTag(type, size, tag);
}

static PVOID NTAPI pool_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    last.allocates++;
    return ExAllocatePoolWithTag(type, size, tag);
}

static VOID NTAPI pool_free(PVOID block)
{
    last.frees++;
    ExFreePool(block);
}

static PVOID NTAPI deleting_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    (void)type, (void)tag;
    ExDeletePagedLookasideList(&paged);
    return malloc(size);
}

static PVOID NTAPI raising_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    (void)type, (void)size, (void)tag;
    ExRaiseStatus(STATUS_UNSUCCESSFUL);
}

/* What raises in Windows and gives NULL here; then another way. */
static PVOID NTAPI stubborn_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    PVOID block = ExAllocatePoolWithTag((POOL_TYPE)(type | POOL_RAISE_IF_ALLOCATION_FAILURE), TOO_LARGE, tag);
    return block != NULL ? block : malloc(size);
}

/* The same, with a list that has callbacks of its own in between. */
static PVOID NTAPI failing_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    PVOID block = ExAllocatePoolWithTag((POOL_TYPE)(type | POOL_RAISE_IF_ALLOCATION_FAILURE), TOO_LARGE, tag);
    (void)size;
    ExInitializePagedLookasideList(&other, my_allocate, my_free, 0, 64, TAG, 0);
    ExFreeToPagedLookasideList(&other, ExAllocateFromPagedLookasideList(&other));
    ExDeletePagedLookasideList(&other);
    return block;
}

static PVOID NTAPI null_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    (void)type, (void)size, (void)tag;
    return NULL;
}

static GENERAL_LOOKASIDE picture(const LOOKASIDE_WDM_LIST *list)
{
    GENERAL_LOOKASIDE general;
    memset(&general, 0xEE, sizeof general);
    CHECK(LookasideQueryGeneral(list, &general) == STATUS_SUCCESS);
    return general;
}

/* The state after initialisation. */
static void check_state(const LOOKASIDE_WDM_LIST *list, ULONG type, ULONG size, ULONG tag, USHORT maximum)
{
    GENERAL_LOOKASIDE general = picture(list);
    SYSTEM_LOOKASIDE_INFORMATION information;
    memset(&information, 0xEE, sizeof information);
    CHECK(general.Depth == 4 && general.MaximumDepth == maximum);
    CHECK(general.TotalAllocates == 0 && general.AllocateMisses == 0);
    CHECK(general.TotalFrees == 0 && general.FreeMisses == 0);
    CHECK(general.LastTotalAllocates == 0 && general.LastAllocateMisses == 0);
    CHECK(general.ListHead.HeaderX64.Depth == 0 && general.ListHead.HeaderX64.NextEntry == 0);
    CHECK((ULONG)general.Type == type && general.Size == size && general.Tag == tag);
    CHECK(list->Type == type && list->Size == size && list->Tag == tag);
    CHECK(LookasideQueryInformation(list, &information) == STATUS_SUCCESS);
    CHECK(information.CurrentDepth == 0 && information.MaximumDepth == 4);
    CHECK(information.Type == (type & 1) && information.Size == size && information.Tag == tag);
}

/* PoolType, Flags, Size and Depth, and what they come to. */
static const struct {
    ULONG type, flags, size, depth;
    NTSTATUS status;
    ULONG stored_type, stored_size, maximum;
} VECTORS[] = {
    {0, 0, 64, 0, STATUS_SUCCESS, 0, 64, 256},
    {512, 1, 64, 0, STATUS_SUCCESS, 0x210, 64, 256},
    {1, 1, 64, 0, STATUS_SUCCESS, 0x11, 64, 256},
    {1, 2, 64, 0, STATUS_SUCCESS, 0x09, 64, 256},
    {0, 0, 0, 0, STATUS_SUCCESS, 0, 8, 256},
    {0, 0, 3, 0, STATUS_SUCCESS, 0, 8, 256},
    {5, 0, 64, 0, STATUS_SUCCESS, 5, 64, 256},
    {2, 0, 64, 0, STATUS_SUCCESS, 2, 64, 256},
    {0, 3, 64, 0, STATUS_INVALID_PARAMETER_5, 0, 0, 0},
    {0, 4, 64, 0, STATUS_INVALID_PARAMETER_5, 0, 0, 0},
    {3, 0, 64, 0, STATUS_INVALID_PARAMETER_4, 0, 0, 0},
    {7, 0, 64, 0, STATUS_INVALID_PARAMETER_4, 0, 0, 0},
    {0x23, 0, 64, 0, STATUS_INVALID_PARAMETER_4, 0, 0, 0},
    {0x10, 0, 64, 0, STATUS_INVALID_PARAMETER_4, 0, 0, 0},
    {0x08, 0, 64, 0, STATUS_INVALID_PARAMETER_4, 0, 0, 0},
    {0x400, 0, 64, 0, STATUS_INVALID_PARAMETER_4, 0, 0, 0},
    {0, 0, 64, 1, STATUS_INVALID_PARAMETER_8, 0, 0, 0},
    {0, 0, 64, 255, STATUS_INVALID_PARAMETER_8, 0, 0, 0},
    {0, 0, 64, 1025, STATUS_INVALID_PARAMETER_8, 0, 0, 0},
    {0, 0, 64, 256, STATUS_SUCCESS, 0, 64, 256},
    {0, 0, 64, 1024, STATUS_SUCCESS, 0, 64, 1024},
    {3, 3, 64, 1, STATUS_INVALID_PARAMETER_8, 0, 0, 0},
    {3, 3, 64, 0, STATUS_INVALID_PARAMETER_5, 0, 0, 0},
};

static void vectors_with(PALLOCATE_FUNCTION_EX allocate, PFREE_FUNCTION_EX free_block)
{
    unsigned at;
    for (at = 0; at < sizeof VECTORS / sizeof *VECTORS; at++) {
        LOOKASIDE_LIST_EX before;
        NTSTATUS status;
        memset(&ex, 0x5A, sizeof ex);
        before = ex;
        status = ExInitializeLookasideListEx(&ex, allocate, free_block, (POOL_TYPE)VECTORS[at].type, VECTORS[at].flags,
                                             VECTORS[at].size, TAG, (USHORT)VECTORS[at].depth);
        if (status != VECTORS[at].status) {
            printf("vector %u: 0x%08X\n", at, (unsigned)status);
            failures++;
        } else if (status != STATUS_SUCCESS) {
            CHECK(memcmp(&before, &ex, sizeof ex) == 0);
        } else {
            PVOID block;
            check_state(&ex.L, VECTORS[at].stored_type, VECTORS[at].stored_size, TAG, (USHORT)VECTORS[at].maximum);
            block = ExAllocateFromLookasideListEx(&ex);
            CHECK(block != NULL);
            memset(block, 0xEE, VECTORS[at].stored_size);
            ExFreeToLookasideListEx(&ex, block);
            ExDeleteLookasideListEx(&ex);
        }
    }
}

/* Initialise and delete, with what may be passed: as drivers do it, and as the tests of other systems. */
static void states(void)
{
    static const ULONG FLAGS[] = {0, POOL_NX_ALLOCATION, POOL_RAISE_IF_ALLOCATION_FAILURE,
                                  POOL_NX_ALLOCATION | POOL_RAISE_IF_ALLOCATION_FAILURE};
    static const USHORT DEPTHS[] = {0, 20, 65535};
    static const SIZE_T SIZES[] = {1, 8, 40, 4096};
    static const ULONG TAGS[] = {0, TAG, 0xFFFFFFFF};
    unsigned flag, depth, size, tag;
    for (flag = 0; flag < 4; flag++) {
        for (depth = 0; depth < 3; depth++) {
            for (size = 0; size < 4; size++) {
                for (tag = 0; tag < 3; tag++) {
                    ExInitializeNPagedLookasideList(&npaged, my_allocate, my_free, FLAGS[flag], SIZES[size], TAGS[tag],
                                                    DEPTHS[depth]);
                    check_state(&npaged.L, FLAGS[flag], (ULONG)SIZES[size], TAGS[tag], 256);
                    CHECK(npaged.L.Allocate == my_allocate && npaged.L.Free == my_free);
                    ExDeleteNPagedLookasideList(&npaged);
                    ExInitializePagedLookasideList(&paged, NULL, NULL, FLAGS[flag], SIZES[size], TAGS[tag],
                                                   DEPTHS[depth]);
                    check_state(&paged.L, FLAGS[flag] | 1, (ULONG)SIZES[size], TAGS[tag], 256);
                    ExDeletePagedLookasideList(&paged);
                }
            }
        }
    }
    ExInitializePagedLookasideList(&paged, NULL, NULL, 0, 0, TAG, 0);
    check_state(&paged.L, 1, 0, TAG, 256);
    ExFreeToPagedLookasideList(&paged, ExAllocateFromPagedLookasideList(&paged));
    ExDeletePagedLookasideList(&paged);
}

/* All three kinds over their own pools. */
static void default_pools(void)
{
    PVOID block;
    ExInitializeNPagedLookasideList(&npaged, NULL, NULL, POOL_NX_ALLOCATION, 200, TAG, 0);
    check_state(&npaged.L, 0x200, 200, TAG, 256);
    block = ExAllocateFromNPagedLookasideList(&npaged);
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    memset(block, 1, 200);
    ExFreeToNPagedLookasideList(&npaged, block);
    ExDeleteNPagedLookasideList(&npaged);
    ExInitializePagedLookasideList(&paged, NULL, NULL, 0, 200, TAG, 0);
    block = ExAllocateFromPagedLookasideList(&paged);
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    memset(block, 1, 200);
    ExFreeToPagedLookasideList(&paged, block);
    ExDeletePagedLookasideList(&paged);
    vectors_with(NULL, NULL);
}

/* Total allocates, allocate misses, total frees, free misses and current depth. */
static int counts(const LOOKASIDE_WDM_LIST *list, ULONG ta, ULONG am, ULONG tf, ULONG fm, ULONG current)
{
    GENERAL_LOOKASIDE general = picture(list);
    if (general.TotalAllocates != ta || general.AllocateMisses != am || general.TotalFrees != tf ||
        general.FreeMisses != fm || general.ListHead.HeaderX64.Depth != current) {
        printf("TA%u AM%u TF%u FM%u cur%u\n", general.TotalAllocates, general.AllocateMisses, general.TotalFrees,
               general.FreeMisses, (unsigned)general.ListHead.HeaderX64.Depth);
        return 0;
    }
    return 1;
}

/* The counts of a list of Windows' own shape; a pair block by block keeps four blocks more, in its shared list. */
static void block_by_block(void)
{
    const unsigned more = LOOKASIDE_WDM_TOPOLOGY == LOOKASIDE_TOPOLOGY_GENERAL ? 0 : 4;
    PVOID blocks[10];
    unsigned at;
    ExInitializePagedLookasideList(&paged, my_allocate, my_free, 0, 64, TAG, 0);
    memset(&last, 0, sizeof last);
    for (at = 0; at < 6 + more; at++) {
        blocks[at] = ExAllocateFromPagedLookasideList(&paged);
    }
    CHECK(counts(&paged.L, 6 + more, 6 + more, 0, 0, 0));
    CHECK(last.allocates == 6 + more && last.frees == 0);
    for (at = 0; at < 6 + more; at++) {
        ExFreeToPagedLookasideList(&paged, blocks[at]);
    }
    CHECK(counts(&paged.L, 6 + more, 6 + more, 6 + more, 2, 4 + more));
    CHECK(last.frees == 2);
    for (at = 0; at < 5 + more; at++) {
        blocks[at] = ExAllocateFromPagedLookasideList(&paged);
    }
    CHECK(counts(&paged.L, 11 + 2 * more, 7 + more, 6 + more, 2, 0));
    CHECK(last.allocates == 7 + more);
    for (at = 0; at < 5 + more; at++) {
        ExFreeToPagedLookasideList(&paged, blocks[at]);
    }
    ExDeletePagedLookasideList(&paged);
    CHECK(last.allocates == last.frees);
}

/* Depths of 2 and 2, which the WDK's calls cannot ask for. */
static void pair_of_two_and_two(void)
{
    static lookaside_list list;
    lookaside_parameters parameters;
    lookaside_statistics statistics;
    PVOID blocks[6];
    unsigned at;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    parameters.initial_depth = 2;
    parameters.batch = 1;
    parameters.tuning = LOOKASIDE_TUNING_MANUAL;
    statistics.struct_size = sizeof statistics;
    CHECK(lookaside_list_initialize(&list, &parameters) == LOOKASIDE_STATUS_SUCCESS);
    for (at = 0; at < 6; at++) {
        blocks[at] = lookaside_list_allocate(&list);
    }
    for (at = 0; at < 6; at++) {
        lookaside_list_free(&list, blocks[at]);
    }
    CHECK(lookaside_list_statistics(&list, &statistics) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(statistics.processor.total_frees == 6 && statistics.processor.free_misses == 4);
    CHECK(statistics.shared.total_frees == 4 && statistics.shared.free_misses == 2 && statistics.pool_frees == 2);
    CHECK(statistics.processor.current_depth == 2 && statistics.shared.current_depth == 2);
    for (at = 0; at < 5; at++) {
        blocks[at] = lookaside_list_allocate(&list);
    }
    CHECK(lookaside_list_statistics(&list, &statistics) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(statistics.processor.total_allocates == 11 && statistics.processor.allocate_misses == 9);
    CHECK(statistics.shared.total_allocates == 9 && statistics.shared.allocate_misses == 7);
    for (at = 0; at < 5; at++) {
        lookaside_list_free(&list, blocks[at]);
    }
    CHECK(lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS);
}

static void last_in_first_out(void)
{
    PVOID blocks[4];
    unsigned at;
    CHECK(ExInitializeLookasideListEx(&ex, my_allocate_ex, my_free_ex, PagedPool, 0, 48, TAG, 0) == STATUS_SUCCESS);
    for (at = 0; at < 4; at++) {
        blocks[at] = ExAllocateFromLookasideListEx(&ex);
    }
    for (at = 0; at < 4; at++) {
        ExFreeToLookasideListEx(&ex, blocks[at]);
    }
    for (at = 4; at-- > 0;) {
        CHECK(ExAllocateFromLookasideListEx(&ex) == blocks[at]);
    }
    for (at = 0; at < 4; at++) {
        ExFreeToLookasideListEx(&ex, blocks[at]);
    }
    ExDeleteLookasideListEx(&ex);
}

/* Callbacks get the type with its flags, the size as it is stored, the tag, and the list where they ask for it. */
static void callbacks(void)
{
    PVOID block;
    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&ex, my_allocate_ex, my_free_ex, NonPagedPoolNx,
                                                 EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL, 3, TAG, 0)));
    block = ExAllocateFromLookasideListEx(&ex);
    CHECK((ULONG)last.type == 0x210 && last.size == 8 && last.tag == TAG && last.list == &ex);
    last.list = NULL;
    ExFreeToLookasideListEx(&ex, block);
    ExFlushLookasideListEx(&ex);
    CHECK(last.list == &ex && last.frees == 1);
    ExDeleteLookasideListEx(&ex);

    ExInitializeNPagedLookasideList(&npaged, my_allocate, my_free, POOL_NX_ALLOCATION, 3, TAG, 0);
    block = ExAllocateFromNPagedLookasideList(&npaged);
    CHECK((ULONG)last.type == 0x200 && last.size == 3 && last.tag == TAG);
    ExFreeToNPagedLookasideList(&npaged, block);
    ExDeleteNPagedLookasideList(&npaged);

    ExInitializePagedLookasideList(&paged, my_allocate, my_free, POOL_NX_ALLOCATION, 0, TAG, 0);
    block = ExAllocateFromPagedLookasideList(&paged);
    CHECK((ULONG)last.type == 0x201 && last.size == 0 && last.tag == TAG);
    ExFreeToPagedLookasideList(&paged, block);
    ExDeletePagedLookasideList(&paged);
    CHECK(last.allocates == 3 && last.frees == 3);
}

/* One callback alone: the other is the pool's routine, so the two work on the same blocks. */
static void one_callback(void)
{
    PVOID block;
    ExInitializePagedLookasideList(&paged, pool_allocate, NULL, 0, 64, TAG, 0);
    block = ExAllocateFromPagedLookasideList(&paged);
    CHECK(last.allocates == 1);
    CHECK(lookaside_pool_size(block) == 64);
    ExFreeToPagedLookasideList(&paged, block);
    ExDeletePagedLookasideList(&paged);

    ExInitializePagedLookasideList(&paged, NULL, pool_free, 0, 64, TAG, 0);
    ExFreeToPagedLookasideList(&paged, ExAllocateFromPagedLookasideList(&paged));
    ExDeletePagedLookasideList(&paged);
    CHECK(last.allocates == 1 && last.frees == 1);

    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&ex, pool_allocate_ex, NULL, PagedPool, 0, 64, TAG, 0)));
    ExFreeToLookasideListEx(&ex, ExAllocateFromLookasideListEx(&ex));
    ExDeleteLookasideListEx(&ex);
    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&ex, NULL, my_free_ex, PagedPool, 0, 64, TAG, 0)));
    ExDeleteLookasideListEx(&ex);
}

/* A flush empties the list and leaves its counters and its depth. */
static void flush(void)
{
    GENERAL_LOOKASIDE before, after;
    PVOID blocks[4];
    unsigned at;
    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&ex, my_allocate_ex, my_free_ex, PagedPool, 0, 64, TAG, 1024)));
    for (at = 0; at < 4; at++) {
        blocks[at] = ExAllocateFromLookasideListEx(&ex);
    }
    for (at = 0; at < 4; at++) {
        ExFreeToLookasideListEx(&ex, blocks[at]);
    }
    before = picture(&ex.L);
    CHECK(before.ListHead.HeaderX64.Depth == 4 && last.frees == 0);
    ExFlushLookasideListEx(&ex);
    after = picture(&ex.L);
    CHECK(after.ListHead.HeaderX64.Depth == 0 && last.frees == 4);
    CHECK(after.Depth == before.Depth && after.MaximumDepth == 1024);
    CHECK(after.TotalAllocates == 4 && after.AllocateMisses == 4 && after.TotalFrees == 4 && after.FreeMisses == 0);
    ExFreeToLookasideListEx(&ex, ExAllocateFromLookasideListEx(&ex));
    ExDeleteLookasideListEx(&ex);
    CHECK(last.allocates == last.frees);
}

static void adjust(void)
{
    PVOID blocks[90];
    unsigned at;
    ExInitializePagedLookasideList(&paged, NULL, NULL, 0, 64, TAG, 0);
    for (at = 0; at < 90; at++) {
        blocks[at] = ExAllocateFromPagedLookasideList(&paged);
    }
    /* Windows' schedule visits a list with every third call. */
    for (at = 0; at < 3 && picture(&paged.L).Depth <= 8; at++) {
        ExAdjustLookasideDepth();
    }
    CHECK(picture(&paged.L).Depth > 8);
    for (at = 0; at < 90; at++) {
        ExFreeToPagedLookasideList(&paged, blocks[at]);
    }
    ExDeletePagedLookasideList(&paged);
}

/* Raising. */

static void take_npaged(void) { got = ExAllocateFromNPagedLookasideList(&npaged); }
static void take_paged(void) { got = ExAllocateFromPagedLookasideList(&paged); }
static void take_ex(void) { got = ExAllocateFromLookasideListEx(&ex); }
static void take_other(void) { got = other_take(&paged); }

static void raises(void)
{
    const ULONG raise = POOL_RAISE_IF_ALLOCATION_FAILURE;
    forbid_large_blocks();
    ExInitializePagedLookasideList(&paged, NULL, NULL, raise, TOO_LARGE, TAG, 0);
    CHECK(raised_by(take_paged) == STATUS_INSUFFICIENT_RESOURCES);
    CHECK(counts(&paged.L, 1, 1, 0, 0, 0));
    CHECK(raised_by(take_other) == STATUS_INSUFFICIENT_RESOURCES && raised_elsewhere);
    CHECK(counts(&paged.L, 2, 2, 0, 0, 0));
    ExDeletePagedLookasideList(&paged);

    got = &npaged;
    ExInitializePagedLookasideList(&paged, NULL, NULL, 0, TOO_LARGE, TAG, 0);
    CHECK(raised_by(take_paged) == STATUS_SUCCESS && got == NULL);
    ExDeletePagedLookasideList(&paged);

    ExInitializeNPagedLookasideList(&npaged, null_allocate, my_free, raise, 64, TAG, 0);
    got = &npaged;
    CHECK(raised_by(take_npaged) == STATUS_SUCCESS && got == NULL);
    ExDeleteNPagedLookasideList(&npaged);

    ExInitializeNPagedLookasideList(&npaged, pool_allocate, pool_free, raise, TOO_LARGE, TAG, 0);
    CHECK(raised_by(take_npaged) == STATUS_INSUFFICIENT_RESOURCES);
    CHECK(raised_by(take_npaged) == STATUS_INSUFFICIENT_RESOURCES);
    ExDeleteNPagedLookasideList(&npaged);

    /* A callback that finds another way has not failed, neither now nor for a later call that has no block. */
    ExInitializeNPagedLookasideList(&npaged, stubborn_allocate, my_free, 0, 64, TAG, 0);
    CHECK(raised_by(take_npaged) == STATUS_SUCCESS && got != NULL);
    ExFreeToNPagedLookasideList(&npaged, got);
    ExDeleteNPagedLookasideList(&npaged);
    CHECK(raised_by(take_npaged) == STATUS_SUCCESS && got == NULL);

    /* One that uses another list meanwhile has failed all the same. */
    ExInitializeNPagedLookasideList(&npaged, failing_allocate, my_free, 0, 64, TAG, 0);
    CHECK(raised_by(take_npaged) == STATUS_INSUFFICIENT_RESOURCES);
    ExDeleteNPagedLookasideList(&npaged);

    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&ex, NULL, NULL, PagedPool, EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL,
                                                 TOO_LARGE, TAG, 0)));
    CHECK(raised_by(take_ex) == STATUS_INSUFFICIENT_RESOURCES);
    ExDeleteLookasideListEx(&ex);
    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&ex, NULL, NULL, PagedPool, EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE,
                                                 TOO_LARGE, TAG, 0)));
    got = &npaged;
    CHECK(raised_by(take_ex) == STATUS_SUCCESS && got == NULL);
    ExDeleteLookasideListEx(&ex);
}

static void initialize_huge(void) { ExInitializePagedLookasideList(&paged, NULL, NULL, 0, (SIZE_T)1 << 32, TAG, 0); }
static void initialize_odd(void) { ExInitializeNPagedLookasideList(&npaged, my_allocate, my_free, 0x400, 64, TAG, 0); }
static void initialize_type_3(void) { ExInitializePagedLookasideList(&paged, NULL, NULL, 2, 64, TAG, 0); }
static void initialize_paged(void) { ExInitializePagedLookasideList(&paged, NULL, NULL, 0, 64, TAG, 0); }
static void delete_paged(void) { ExDeletePagedLookasideList(&paged); }
static void delete_npaged(void) { ExDeleteNPagedLookasideList(&npaged); }
static void flush_ex(void) { ExFlushLookasideListEx(&ex); }
static void delete_ex(void) { ExDeleteLookasideListEx(&ex); }

/* What Windows leaves undefined has a defined result. */
static void misuse(void)
{
    LOOKASIDE_LIST_EX before = ex;
    CHECK(raised_by(initialize_huge) == STATUS_INTEGER_OVERFLOW);
    CHECK(raised_by(initialize_odd) == STATUS_INVALID_PARAMETER);
    CHECK(raised_by(initialize_type_3) == STATUS_INVALID_PARAMETER);
    CHECK(ExInitializeLookasideListEx(&ex, NULL, NULL, PagedPool, 0, (SIZE_T)1 << 32, TAG, 0) ==
          STATUS_INTEGER_OVERFLOW);
    CHECK(memcmp(&before, &ex, sizeof ex) == 0);
    CHECK(raised_by(delete_npaged) == STATUS_INVALID_HANDLE);
    CHECK(raised_by(flush_ex) == STATUS_INVALID_HANDLE);
    CHECK(raised_by(delete_ex) == STATUS_INVALID_HANDLE);
    initialize_paged();
    CHECK(raised_by(initialize_paged) == STATUS_DEVICE_BUSY);
    got = ExAllocateFromPagedLookasideList(&paged);
    CHECK(raised_by(delete_paged) == STATUS_SUCCESS);
    CHECK(raised_by(delete_paged) == STATUS_DELETE_PENDING);
    CHECK(ExAllocateFromPagedLookasideList(&paged) == NULL);
    ExFreeToPagedLookasideList(&paged, got);
    ExFreeToPagedLookasideList(&paged, NULL);
    initialize_paged();
    ExDeletePagedLookasideList(&paged);
}

static void initialize_strict(void) { other_strict(&npaged); }

/* Nonpaged lists whose memory cannot be locked: they work and say so, and where they insist on it they are refused. */
static void without_locks(void)
{
    static char report[4096];
    forbid_locks();
    ExInitializeNPagedLookasideList(&npaged, NULL, NULL, POOL_NX_ALLOCATION, 264, TAG, 0);
    got = ExAllocateFromNPagedLookasideList(&npaged);
    CHECK(got != NULL);
    memset(got, 0xEE, 264);
    CHECK(lookaside_report(&npaged.L.List, report, sizeof report, NULL) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(strstr(report, "\n    Locked         =         no  (see ulimit -l)\n") != NULL);
    ExFreeToNPagedLookasideList(&npaged, got);
    ExDeleteNPagedLookasideList(&npaged);
    CHECK(NT_SUCCESS(ExInitializeLookasideListEx(&ex, NULL, NULL, NonPagedPoolNx, 0, 264, TAG, 1024)));
    got = ExAllocateFromLookasideListEx(&ex);
    CHECK(got != NULL);
    ExFreeToLookasideListEx(&ex, got);
    ExDeleteLookasideListEx(&ex);

    CHECK(other_strict_ex(&ex) == STATUS_WORKING_SET_QUOTA);
    raised_elsewhere = 0;
    CHECK(raised_by(initialize_strict) == STATUS_WORKING_SET_QUOTA && raised_elsewhere);
}

static void cases(const char *name)
{
    CASE("vectors") vectors_with(my_allocate_ex, my_free_ex);
    CASE("states") states();
    CASE("default pools") default_pools();
    CASE("block by block") block_by_block();
    CASE("pair of two and two") pair_of_two_and_two();
    CASE("last in, first out") last_in_first_out();
    CASE("callbacks") callbacks();
    CASE("one callback") one_callback();
    CASE("flush") flush();
    CASE("adjust") adjust();
    CASE("raises") raises();
    CASE("misuse") misuse();
    CASE("without locks") without_locks();
    CASE("two translation units")
    {
        initialize_paged();
        CHECK(other_hook() == &lookaside_wdm_raise_hook);
        other_give(&paged, other_take(&paged));
        CHECK(counts(&paged.L, 1, 1, 1, 0, 1));
        other_lists();
        ExDeletePagedLookasideList(&paged);
    }

    /* Those that end the process. */

    CASE("raise without a hook") ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    CASE("raise of a status that the library does not know") ExRaiseStatus((NTSTATUS)0xC0000182);
    CASE("raise with a hook that returns")
    {
        lookaside_wdm_raise_hook = other_returns;
        ExRaiseStatus(STATUS_NO_MEMORY);
    }
    CASE("raise in a callback")
    {
        lookaside_wdm_raise_hook = raise_back;
        ExInitializePagedLookasideList(&paged, raising_allocate, my_free, 0, 64, TAG, 0);
        ExAllocateFromPagedLookasideList(&paged);
    }
    CASE("delete in a callback")
    {
        ExInitializePagedLookasideList(&paged, deleting_allocate, my_free, 0, 64, TAG, 0);
        ExAllocateFromPagedLookasideList(&paged);
    }
    CASE("raise of what has a remedy") ExRaiseStatus(STATUS_WORKING_SET_QUOTA);
    CASE("fail fast") RtlFailFast(FAST_FAIL_CORRUPT_LIST_ENTRY);
    CASE("initialize at a null pointer") ExInitializePagedLookasideList(NULL, NULL, NULL, 0, 64, TAG, 0);
}
