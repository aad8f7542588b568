/* Uses the macros of the WDK's names that expand to more than a word: strict compilers see what they expand to as the
 * program's own code. header.rs includes a header before this, and compiles it. */

typedef struct _STRICT {
    ULONG Number;
    LIST_ENTRY Link;
    UCHAR Tail[24];
} STRICT;

FORCEINLINE ULONG strict_inline(ULONG number);
FORCEINLINE ULONG strict_inline(ULONG number)
{
    return number + 1;
}

DECLSPEC_CACHEALIGN static NPAGED_LOOKASIDE_LIST strict_list;
DECLSPEC_ALIGN(32) static UCHAR strict_bytes[64];

static SIZE_T strict_fields(STRICT *object, const VOID *address)
{
    PLIST_ENTRY link = &object->Link;
    SIZE_T sum = RTL_SIZEOF_THROUGH_FIELD(STRICT, Link) + FIELD_SIZE(STRICT, Tail) + RTL_FIELD_SIZE(STRICT, Number);
    UNREFERENCED_PARAMETER(address);
    PAGED_CODE();
    sum += RTL_NUMBER_OF(object->Tail) + ARRAYSIZE(strict_bytes) + LOOKASIDE_MINIMUM_BLOCK_SIZE;
    sum += FIELD_OFFSET(STRICT, Tail) > 0 && ARGUMENT_PRESENT(address);
    return sum + (CONTAINING_RECORD(link, STRICT, Link) == object && RTL_CONTAINS_FIELD(object, sizeof *object, Link));
}

static NTSTATUS strict_statuses(NTSTATUS status)
{
    switch (status) {
    case STATUS_SUCCESS:
    case STATUS_TIMEOUT:
        return STATUS_OBJECT_NAME_EXISTS;
    case STATUS_BUFFER_OVERFLOW:
        return STATUS_NOT_FOUND;
    default:
        return NT_SUCCESS(status) || NT_INFORMATION(status) || NT_WARNING(status) || NT_ERROR(status) ? STATUS_PENDING
                                                                                                     : STATUS_CANCELLED;
    }
}

static SIZE_T strict_memory(STRICT *object)
{
    RtlZeroMemory(object, sizeof *object);
    RtlFillMemory(object->Tail, sizeof object->Tail, 7);
    RtlCopyMemory(strict_bytes, object->Tail, sizeof object->Tail);
    RtlMoveMemory(strict_bytes + 1, strict_bytes, sizeof strict_bytes - 1);
    return strict_bytes[1];
}

#if defined(LOOKASIDE_WDM_EXTRAS_H)
C_ASSERT(PAGE_SIZE == 1 << PAGE_SHIFT);

static WCHAR strict_text[] = {'a', 'b', UNICODE_NULL};
static const UNICODE_STRING strict_string = RTL_CONSTANT_STRING(strict_text);

static SIZE_T strict_addresses(STRICT *object, const STRICT *constant)
{
    PVOID address = PAGE_ALIGN(object->Tail);
    SIZE_T sum = BYTE_OFFSET(object) + BYTES_TO_PAGES(sizeof *object) + ROUND_TO_PAGES(object->Number);
    sum += ALIGN_DOWN_BY(object->Number, 8) + ALIGN_UP_BY(object->Number, 8);
    sum += ALIGN_DOWN(object->Number, ULONG64) + ALIGN_UP(object->Number, ULONG64) + PtrOffset(constant, object);
    sum += ALIGN_UP_BY(constant, 16) - ALIGN_DOWN_BY(constant, 16);
    sum += ALIGN_DOWN_POINTER_BY(object, 16) == ALIGN_UP_POINTER_BY(address, 16);
    return sum + (RTL_PTR_ADD(object, 8) == RTL_PTR_SUBTRACT(address, 8U) || Add2Ptr(object, 8) == address);
}

static SIZE_T strict_extras(STRICT *object)
{
    DECLARE_UNICODE_STRING_SIZE(name, 4);
    static LONG number;
    static const GUID guid = {1, 2, 3, {4}};
    SIZE_T sum = RtlCompareMemory(object, strict_bytes, sizeof strict_bytes);
    RtlInitUnicodeString(&name, strict_text);
    ASSERT(number == 0);
    KdPrint(("%wZ", &name));
    KdPrintEx((DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL | DPFLTR_MASK, "%ld", number));
    NT_ASSERTMSG("zero", InterlockedIncrement(&number) == 1);
    RtlSecureZeroMemory(strict_bytes, sizeof strict_bytes);
    RtlCopyBytes(strict_bytes, object, sizeof *object);
    RtlZeroBytes(strict_bytes, 8);
    RtlFillBytes(strict_bytes, 8, 1);
    YieldProcessor();
    sum += RtlEqualMemory(object, strict_bytes, 8) && IsEqualGUID(&guid, &guid) && NT_VERIFY(number < MAXLONG);
    sum += name.Length <= UNICODE_STRING_MAX_BYTES && RtlEqualUnicodeString(&strict_string, &name, TRUE);
    return sum + strict_addresses(object, object);
}
#else
static SIZE_T strict_extras(STRICT *object)
{
    return object->Number;
}
#endif

int main(void)
{
    STRICT object;
    SIZE_T sum = strict_memory(&object) + strict_fields(&object, &object) + strict_inline(object.Number);
    ExInitializeNPagedLookasideList(&strict_list, NULL, NULL, POOL_NX_ALLOCATION, sizeof(STRICT), 'a', 0);
    ExFreeToNPagedLookasideList(&strict_list, ExAllocateFromNPagedLookasideList(&strict_list));
    ExDeleteNPagedLookasideList(&strict_list);
    return strict_statuses(STATUS_SUCCESS) == STATUS_SUCCESS && sum + strict_extras(&object) == 0;
}
