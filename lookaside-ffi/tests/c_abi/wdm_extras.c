/* What surrounds lists in driver sources: lookaside_wdm_extras.h. */
#define DBG 1
#include "wdm_frame.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "lookaside_wdm_extras.h"

/* Numbers. */

static void interlocked(void)
{
    LONG volatile number = 5;
    LONG64 volatile large = 5;
    SHORT volatile small = 5;
    CHAR volatile tiny = 6;
    PVOID volatile pointer = NULL;
    CHECK(InterlockedIncrement(&number) == 6 && InterlockedDecrement(&number) == 5);
    CHECK(InterlockedAdd(&number, 4) == 9 && InterlockedExchangeAdd(&number, 1) == 9 && number == 10);
    CHECK(InterlockedExchange(&number, 7) == 10 && number == 7);
    CHECK(InterlockedCompareExchange(&number, 1, 8) == 7 && number == 7);
    CHECK(InterlockedCompareExchange(&number, 12, 7) == 7 && number == 12);
    CHECK(InterlockedAnd(&number, 6) == 12 && InterlockedOr(&number, 3) == 4 && InterlockedXor(&number, 1) == 7);
    CHECK(InterlockedIncrementAcquire(&number) == 7 && InterlockedDecrementRelease(&number) == 6);
    CHECK(InterlockedCompareExchangeNoFence(&number, 0, 6) == 6);
    CHECK(InterlockedCompareExchangeRelease(&number, -1, 0) == 0 && InterlockedIncrementNoFence(&number) == 0);
    CHECK(!InterlockedBitTestAndSet(&number, 31) && InterlockedBitTestAndSet(&number, 31) && number == (LONG)0x80000000);
    CHECK(InterlockedBitTestAndReset(&number, 31) && !InterlockedBitTestAndReset(&number, 31) && number == 0);
    WriteRelease(&number, 3);
    CHECK(ReadAcquire(&number) == 3 && ReadNoFence(&number) == 3);

    CHECK(InterlockedIncrement64(&large) == 6 && InterlockedDecrementRelease64(&large) == 5);
    CHECK(InterlockedExchange64(&large, 0x100000000) == 5 && InterlockedAdd64(&large, 1) == 0x100000001);
    CHECK(InterlockedCompareExchange64(&large, 3, 0x100000001) == 0x100000001);
    CHECK(InterlockedOr64(&large, 8) == 3 && InterlockedAnd64Acquire(&large, 9) == 11 && large == 9);
    WriteNoFence64(&large, 1);
    CHECK(ReadAcquire64(&large) == 1);

    CHECK(InterlockedIncrement16(&small) == 6 && InterlockedCompareExchange16(&small, 2, 6) == 6 && small == 2);
    CHECK(InterlockedExchange8(&tiny, 9) == 6 && InterlockedOr8(&tiny, 6) == 9 && tiny == 15);
    CHECK(InterlockedExchangePointer(&pointer, &got) == NULL);
    CHECK(InterlockedCompareExchangePointer(&pointer, NULL, &got) == (PVOID)&got && ReadPointerAcquire(&pointer) == NULL);
    KeMemoryBarrier();
}

/* Locks: the IRQL that they leave, and that they keep threads apart. */

static KSPIN_LOCK lock;
static EX_SPIN_LOCK shared;
static FAST_MUTEX mutex;

static void locks(void)
{
    KLOCK_QUEUE_HANDLE handle;
    KIRQL before = 9, between;
    lock = 1;
    KeInitializeSpinLock(&lock);
    ExInitializeFastMutex(&mutex);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && KeTestSpinLock(&lock));
    KeAcquireSpinLock(&lock, &before);
    CHECK(before == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    CHECK(!KeTestSpinLock(&lock) && !KeTryToAcquireSpinLockAtDpcLevel(&lock));
    KeReleaseSpinLock(&lock, before);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && KeTestSpinLock(&lock) && lock == 0);

    KeRaiseIrql(APC_LEVEL, &before);
    between = KeAcquireSpinLockRaiseToDpc(&lock);
    CHECK(before == PASSIVE_LEVEL && between == APC_LEVEL);
    KeReleaseSpinLock(&lock, between);
    CHECK(KeRaiseIrqlToDpcLevel() == APC_LEVEL && KeTryToAcquireSpinLockAtDpcLevel(&lock));
    KeReleaseSpinLockFromDpcLevel(&lock);
    KeAcquireSpinLockAtDpcLevel(&lock);
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
    KeReleaseSpinLockFromDpcLevel(&lock);
    KeLowerIrql(before);

    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL && !KeTestSpinLock(&lock));
    KeReleaseInStackQueuedSpinLock(&handle);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && KeTestSpinLock(&lock));

    before = ExAcquireSpinLockShared(&shared);
    ExAcquireSpinLockSharedAtDpcLevel(&shared);
    CHECK(before == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    ExReleaseSpinLockSharedFromDpcLevel(&shared);
    ExReleaseSpinLockShared(&shared, before);
    before = ExAcquireSpinLockExclusive(&shared);
    ExReleaseSpinLockExclusive(&shared, before);
    CHECK(shared == 0 && KeGetCurrentIrql() == PASSIVE_LEVEL);

    ExAcquireFastMutex(&mutex);
    CHECK(KeGetCurrentIrql() == APC_LEVEL && !ExTryToAcquireFastMutex(&mutex));
    ExReleaseFastMutex(&mutex);
    CHECK(ExTryToAcquireFastMutex(&mutex) && KeGetCurrentIrql() == APC_LEVEL);
    ExReleaseFastMutex(&mutex);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL && KeGetCurrentProcessorNumber() < 65536);
}

/* Few: beside much work each yield is a turn of the scheduler. */
enum { THREADS = 4, ROUNDS = 400 };
/* Each is changed under one of the locks alone, by two steps that a thread without the lock comes between. */
static struct {
    LONG volatile number, twice;
} guarded[4];

static void change(int at)
{
    const LONG number = guarded[at].number;
    CHECK(guarded[at].twice == 2 * number);
    guarded[at].number = number + 1;
    if (number % 16 == 0) {
        sched_yield();
    }
    guarded[at].twice = 2 * (number + 1);
}

/* For readers: no one changes anything meanwhile. */
static void check_unchanged(int round)
{
    const LONG number = guarded[2].number;
    CHECK(guarded[2].twice == 2 * number);
    if (round % 16 == 1) {
        sched_yield();
    }
    CHECK(guarded[2].number == number);
}

static void *change_all(void *unused)
{
    KLOCK_QUEUE_HANDLE handle;
    KIRQL before;
    int round;
    (void)unused;
    errno = 77;
    for (round = 0; round < ROUNDS; round++) {
        KeAcquireSpinLock(&lock, &before);
        change(0);
        KeReleaseSpinLock(&lock, before);
        KeAcquireInStackQueuedSpinLock(&lock, &handle);
        change(0);
        KeReleaseInStackQueuedSpinLock(&handle);
        ExAcquireFastMutex(&mutex);
        change(1);
        ExReleaseFastMutex(&mutex);
        if (round % 4 == 0) {
            before = ExAcquireSpinLockExclusive(&shared);
            change(2);
            ExReleaseSpinLockExclusive(&shared, before);
        } else {
            before = ExAcquireSpinLockShared(&shared);
            check_unchanged(round);
            ExReleaseSpinLockShared(&shared, before);
        }
    }
    CHECK(errno == 77 && KeGetCurrentIrql() == PASSIVE_LEVEL);
    return NULL;
}

static void threads_under_locks(void)
{
    pthread_t threads[THREADS];
    int at;
    ExInitializeFastMutex(&mutex);
    for (at = 0; at < THREADS; at++) {
        CHECK(pthread_create(&threads[at], NULL, change_all, NULL) == 0);
    }
    for (at = 0; at < THREADS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    CHECK(guarded[0].number == 2 * THREADS * ROUNDS && guarded[1].number == THREADS * ROUNDS);
    CHECK(guarded[2].number == THREADS * ROUNDS / 4);
    CHECK(lock == 0 && mutex.Lock == 0 && shared == 0);
}

/* Memory, sizes and addresses. */

struct fields {
    ULONG first;
    USHORT second;
    UCHAR third[3];
};

C_ASSERT(sizeof(WCHAR) == 2 && sizeof(GUID) == 16 && sizeof(LARGE_INTEGER) == 8);
C_ASSERT(sizeof(UNICODE_STRING) == 16 && sizeof(HANDLE) == 8 && sizeof(BOOL) == 4);
C_ASSERT(FIELD_SIZE(struct fields, third) == 3 && RTL_NUMBER_OF(guarded) == 4 && ARRAYSIZE(guarded) == 4);
C_ASSERT(MEMORY_ALLOCATION_ALIGNMENT == 16 && MAXULONG == 0xFFFFFFFF && MAXUSHORT == 65535 && MAXLONG == 0x7FFFFFFF);

static void memory(void)
{
    static DECLSPEC_CACHEALIGN char one[64];
    static __declspec(align(64)) char two[64];
    static const GUID id = {1, 2, 3, {4, 5}}, other = {1, 2, 3, {4, 6}};
    struct fields fields;
    LARGE_INTEGER integer;
    ULARGE_INTEGER positive;
    CHECK((ULONG_PTR)one % 64 == 0 && (ULONG_PTR)two % 64 == 0);
    RtlFillMemory(one, 64, 7);
    RtlCopyMemory(two, one, 64);
    CHECK(RtlCompareMemory(one, two, 64) == 64 && RtlEqualMemory(one, two, 64));
    two[40] = 0;
    CHECK(RtlCompareMemory(one, two, 64) == 40 && !RtlEqualMemory(one, two, 64) && RtlCompareMemory(one, two, 0) == 0);
    RtlMoveMemory(one + 1, one, 63);
    RtlSecureZeroMemory(one, 64);
    RtlZeroMemory(two, 64);
    CHECK(RtlEqualMemory(one, two, 64) && one[1] == 0);
    integer.QuadPart = -2;
    CHECK(integer.LowPart == 0xFFFFFFFE && integer.HighPart == -1 && integer.u.HighPart == -1);
    positive.QuadPart = 0x100000002;
    CHECK(positive.LowPart == 2 && positive.HighPart == 1);
    CHECK(RTL_CONTAINS_FIELD(&fields, 6, second) && !RTL_CONTAINS_FIELD(&fields, 6, third));
    CHECK(RTL_SIZEOF_THROUGH_FIELD(struct fields, second) == 6 && FIELD_OFFSET(struct fields, third) == 6);
    CHECK(ALIGN_UP_BY(65, 64) == 128 && ALIGN_UP_BY(64, 64) == 64 && ALIGN_DOWN_BY(127, 64) == 64);
    CHECK(ALIGN_UP(9, ULONG) == 12 && ALIGN_DOWN(9, ULONG) == 8 && ALIGN_UP_POINTER_BY(one + 1, 64) == one + 64);
    CHECK(PAGE_ALIGN((PVOID)0x12345) == (PVOID)0x12000 && BYTE_OFFSET((PVOID)0x12345) == 0x345);
    CHECK(BYTES_TO_PAGES(1) == 1 && BYTES_TO_PAGES(4097) == 2 && ROUND_TO_PAGES(1) == 4096);
    CHECK(RTL_PTR_ADD(one, 3) == one + 3 && RTL_PTR_SUBTRACT(one + 3, 3) == one && Add2Ptr(one, 5) == one + 5);
    CHECK(PtrOffset(one, one + 9) == 9);
    CHECK(IsEqualGUID(&id, &id) && !IsEqualGUID(&id, &other));
    CHECK(NT_ERROR(STATUS_NOT_FOUND) && NT_WARNING(STATUS_BUFFER_OVERFLOW) && NT_INFORMATION(STATUS_OBJECT_NAME_EXISTS));
    CHECK(NT_SUCCESS(STATUS_TIMEOUT) && !NT_SUCCESS(STATUS_BUFFER_OVERFLOW) && !NT_ERROR(STATUS_BUFFER_OVERFLOW));
#ifndef __cplusplus
    CHECK(min(3, 2) == 2 && max(3, 2) == 3);
#endif
}

/* Strings. */

static const UNICODE_STRING constant = RTL_CONSTANT_STRING(u"\\Device\\Pool");
static const ANSI_STRING narrow = RTL_CONSTANT_STRING("pool");

static void strings(void)
{
    DECLARE_CONST_UNICODE_STRING(lower, u"\\dEVICE\\p\u00f6\u00f7l");
    DECLARE_CONST_UNICODE_STRING(upper, u"\\Device\\P\u00d6\u00f7L");
    DECLARE_UNICODE_STRING_SIZE(room, 10);
    UNICODE_STRING string, empty;
    RtlInitUnicodeString(&string, u"\\Device");
    RtlInitUnicodeString(&empty, NULL);
    CHECK(string.Length == 14 && string.MaximumLength == 16 && empty.Length == 0 && empty.Buffer == NULL);
    CHECK(constant.Length == 24 && constant.MaximumLength == 26 && narrow.Length == 4 && narrow.MaximumLength == 5);
    CHECK(RtlPrefixUnicodeString(&string, &constant, FALSE) && !RtlPrefixUnicodeString(&constant, &string, FALSE));
    CHECK(!RtlPrefixUnicodeString(&string, &lower, FALSE) && RtlPrefixUnicodeString(&string, &lower, TRUE));
    CHECK(RtlEqualUnicodeString(&lower, &upper, TRUE) && !RtlEqualUnicodeString(&lower, &upper, FALSE));
    CHECK(RtlCompareUnicodeString(&string, &constant, FALSE) < 0 && RtlCompareUnicodeString(&lower, &upper, FALSE) > 0);
    CHECK(RtlUpcaseUnicodeChar(0xFF) == 0x178 && RtlUpcaseUnicodeChar('1') == '1');

    CHECK(room.Length == 0 && room.MaximumLength == 20);
    CHECK(RtlAppendUnicodeToString(&room, u"\\Devices") == STATUS_SUCCESS && room.Length == 16 && room.Buffer[8] == 0);
    CHECK(RtlAppendUnicodeStringToString(&room, &string) == STATUS_BUFFER_TOO_SMALL && room.Length == 16);
    RtlCopyUnicodeString(&room, &constant);
    CHECK(room.Length == 20 && RtlPrefixUnicodeString(&room, &constant, FALSE));
    RtlCopyUnicodeString(&room, NULL);
    CHECK(room.Length == 0 && room.Buffer[0] == 0);
    RtlInitEmptyUnicodeString(&room, room_buffer, 2);
    CHECK(room.Length == 0 && room.MaximumLength == 2 && RtlAppendUnicodeStringToString(&room, &empty) == STATUS_SUCCESS);
}

/* Printing. Standard error is a pipe while `print` runs. */

static char printed[2048];

static void print_and_read(void (*print)(void))
{
    int ends[2];
    const int before = dup(2);
    ssize_t length;
    CHECK(before >= 0 && pipe(ends) == 0 && dup2(ends[1], 2) == 2);
    print();
    CHECK(dup2(before, 2) == 2 && close(ends[1]) == 0 && close(before) == 0);
    length = read(ends[0], printed, sizeof printed - 1);
    printed[length < 0 ? 0 : length] = '\0';
    close(ends[0]);
}

static void print_numbers(void)
{
    /* Numbers that are 32 bits wide here and have an `l` in the WDK's formats are followed by others. */
    CHECK(DbgPrint("%ld %lu 0x%08lX %d|", (LONG)-5, (ULONG)0xFFFFFFFF, (ULONG)0xBEEF, 6) == STATUS_SUCCESS);
    DbgPrint("%I64d %lld %I64x %Iu %zu|", (LONGLONG)-7, (LONGLONG)8, (ULONGLONG)1 << 40, (SIZE_T)9, sizeof(ULONG));
    DbgPrint("%hx %hhu %5d %-5d %05d %+d %#x %.3d %*d %.*d|", -1, 258, 10, 11, 12, 13, 14, 15, 4, 16, 3, 17);
    DbgPrint("%p %c %C %hC 100%% %.1f|", (PVOID)0xABCD, 'c', u'\u00e9', 'h', 0.5);
}

static void print_texts(void)
{
    DECLARE_CONST_UNICODE_STRING(name, u"\\Device\\\u00d6\U0001F600z");
    const UNICODE_STRING part = {4, 4, name.Buffer + 1};
    const WCHAR half[] = {0xD83D, 'x', 0};
    CHECK(DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_ERROR_LEVEL, "%wZ %wZ %Z|", &name, &part, &narrow) == STATUS_SUCCESS);
    DbgPrint("%s %hs %hS %ws %ls %S %S|", "s", "hs", "hS", u"ws", u"ls", u"S", half);
    DbgPrint("%10s %-4ws %.2s %.2S %.*s|", "ten", u"ws", "cut", u"\u00e9\u00ea\u00eb", 1, "cut");
    DbgPrint("%s %S %wZ|", (PCSTR)NULL, (PCWSTR)NULL, (PUNICODE_STRING)NULL);
    DbgPrint("%y %5n %");
}

static void print_long(void)
{
    static char text[600];
    memset(text, 'x', sizeof text - 1);
    DbgPrint("%s%s", text, text);
}

static void print_where_checked(void)
{
    KdPrint(("checked %d", 1));
    KdPrintEx((DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, " %d", 2));
}

static void prints(void)
{
    print_and_read(print_numbers);
    CHECK(strcmp(printed, "-5 4294967295 0x0000BEEF 6|-7 8 10000000000 9 4|"
                          "ffff 2    10 11    00012 +13 0xe 015   16 017|"
                          "000000000000ABCD c \xc3\xa9 h 100% 0.5|") == 0);
    print_and_read(print_texts);
    CHECK(strcmp(printed, "\\Device\\\xc3\x96\xf0\x9f\x98\x80z De pool|s hs hS ws ls S \xef\xbf\xbdx|"
                          "       ten ws   cu \xc3\xa9\xc3\xaa c|(null) (null) (null)|%y %5n %") == 0);
    print_and_read(print_long);
    CHECK(strlen(printed) == 512 && strspn(printed, "x") == 512);
    print_and_read(print_where_checked);
    CHECK(strcmp(printed, "checked 1 2") == 0);
}

/* Inline functions as the WDK's sources write them, in C and in C++. */

FORCEINLINE ULONG add_one(ULONG number);
FORCEINLINE
_Must_inspect_result_
ULONG add_one(_In_ ULONG number)
{
    static ULONG calls;
    calls++;
    return number + 1;
}
static FORCEINLINE ULONG add_two(ULONG number) { return add_one(add_one(number)); }
static __forceinline PVOID __cdecl take(SIZE_T size) { return ExAllocatePoolWithTag(PagedPool, size, TAG); }
EXTERN_C __declspec(noinline) ULONG __stdcall add_three(ULONG number);
DECLSPEC_NOINLINE ULONG add_three(ULONG number) { return add_two(add_one(number)); }
#ifdef __cplusplus
struct Number {
    ULONG value;
    FORCEINLINE ULONG next() const { return add_one(value); }
};
#endif

static void inline_functions(void)
{
    ULONG (*function)(ULONG) = add_one;
    PVOID block = take(20);
    CHECK(block != NULL && function(1) == 2 && add_two(1) == 3 && add_three(1) == 4);
    ExFreePoolWithTag(block, TAG);
#ifdef __cplusplus
    CHECK(Number{6}.next() == 7);
#endif
}

static void cases(const char *name)
{
    CASE("interlocked") interlocked();
    CASE("locks") locks();
    CASE("threads under locks") threads_under_locks();
    CASE("memory") memory();
    CASE("strings") strings();
    CASE("inline functions") inline_functions();
    CASE("prints") prints();
    CASE("assertions")
    {
        ASSERT(found);
        ASSERTMSG("found", found);
        NT_ASSERT(found);
        NT_ASSERTMSG("found", found);
        CHECK(NT_VERIFY(found) && NT_VERIFYMSG("found", found));
    }

    /* Those that end the process. */

#line 1000 "driver.c"
    CASE("assertion that fails") ASSERT(found == 2);
    CASE("verification that fails, with a message") CHECK(NT_VERIFYMSG("two were asked for", found == 2));
}
