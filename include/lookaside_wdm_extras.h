/* lookaside_wdm_extras.h - what surrounds lookaside lists in driver sources: memory, arithmetic, ASSERT, and by the headers
 * that it includes Interlocked..., spin locks, fast mutexes, IRQL, counted strings and DbgPrint.
 *
 * Optional: lookaside_wdm.h does not include it. Each of those headers may be included alone. There is no I/O manager,
 * no memory manager, no object manager and no registry; docs/compat.md lists what drivers use and is not here.
 *
 * As in the WDK, ASSERT and its kin test where DBG is defined as other than 0, and compile to nothing elsewhere. A test
 * that fails writes a line to standard error and ends the program.
 *
 * With LOOKASIDE_WDM_NO_TYPES it needs all types that lookaside_wdm_types.h declares without it. Macros that the program
 * defined before are kept. In C++, min and max are not defined: std::min and std::max would not
 * be callable.
 */
#ifndef LOOKASIDE_WDM_EXTRAS_H
#define LOOKASIDE_WDM_EXTRAS_H

#include "lookaside_wdm.h"
#include "lookaside_wdm_interlocked.h"
#include "lookaside_wdm_locks.h"
#include "lookaside_wdm_print.h"
#include "lookaside_wdm_strings.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Memory. */

/* Returns how many bytes at the beginning are equal. */
static inline SIZE_T lookaside_wdm_compare(const VOID *one, const VOID *two, SIZE_T length)
{
    SIZE_T at = 0;
    while (at < length && LOOKASIDE_CAST(const UCHAR *, one)[at] == LOOKASIDE_CAST(const UCHAR *, two)[at]) {
        at++;
    }
    return at;
}

/* Fills with zeroes, also where the compiler finds that no one reads them. */
static inline PVOID lookaside_wdm_erase(PVOID memory, SIZE_T length)
{
    memset(memory, 0, length);
    __asm__ volatile("" : : "r"(memory) : "memory");
    return memory;
}

#ifndef RtlCompareMemory
#define RtlCompareMemory(one, two, length) lookaside_wdm_compare((one), (two), (length))
#endif
#ifndef RtlEqualMemory
#define RtlEqualMemory(one, two, length) (memcmp((one), (two), (length)) == 0)
#endif
#ifndef RtlSecureZeroMemory
#define RtlSecureZeroMemory(memory, length) lookaside_wdm_erase((memory), (length))
#endif
#ifndef RtlCopyBytes
#define RtlCopyBytes RtlCopyMemory
#endif
#ifndef RtlZeroBytes
#define RtlZeroBytes RtlZeroMemory
#endif
#ifndef RtlFillBytes
#define RtlFillBytes RtlFillMemory
#endif

/* Addresses and sizes. Alignments are powers of two. */

#ifndef PAGE_SIZE
#define PAGE_SIZE 0x1000
#endif
#ifndef PAGE_SHIFT
#define PAGE_SHIFT 12
#endif
#ifndef PAGE_ALIGN
#define PAGE_ALIGN(address)                                                                        \
    LOOKASIDE_WDM_CAST(PVOID, LOOKASIDE_WDM_CAST(ULONG_PTR, address) & ~(LOOKASIDE_CAST(ULONG_PTR, PAGE_SIZE) - 1))
#endif
#ifndef BYTE_OFFSET
#define BYTE_OFFSET(address)                                                                       \
    LOOKASIDE_CAST(ULONG, LOOKASIDE_WDM_CAST(ULONG_PTR, address) & (LOOKASIDE_CAST(ULONG_PTR, PAGE_SIZE) - 1))
#endif
#ifndef BYTES_TO_PAGES
#define BYTES_TO_PAGES(size) ((LOOKASIDE_WDM_CAST(ULONG_PTR, size) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#endif
#ifndef ROUND_TO_PAGES
#define ROUND_TO_PAGES(size)                                                                       \
    ((LOOKASIDE_WDM_CAST(ULONG_PTR, size) + PAGE_SIZE - 1) & ~(LOOKASIDE_CAST(ULONG_PTR, PAGE_SIZE) - 1))
#endif
#ifndef ALIGN_DOWN_BY
#define ALIGN_DOWN_BY(length, alignment)                                                           \
    (LOOKASIDE_WDM_CAST(ULONG_PTR, length) & ~(LOOKASIDE_CAST(ULONG_PTR, alignment) - 1))
#endif
#ifndef ALIGN_UP_BY
#define ALIGN_UP_BY(length, alignment)                                                             \
    ((LOOKASIDE_WDM_CAST(ULONG_PTR, length) + (alignment)-1) & ~(LOOKASIDE_CAST(ULONG_PTR, alignment) - 1))
#endif
#ifndef ALIGN_DOWN
#define ALIGN_DOWN(length, type) ALIGN_DOWN_BY(length, sizeof(type))
#endif
#ifndef ALIGN_UP
#define ALIGN_UP(length, type) ALIGN_UP_BY(length, sizeof(type))
#endif
#ifndef ALIGN_DOWN_POINTER_BY
#define ALIGN_DOWN_POINTER_BY(address, alignment) LOOKASIDE_WDM_CAST(PVOID, ALIGN_DOWN_BY(address, alignment))
#endif
#ifndef ALIGN_UP_POINTER_BY
#define ALIGN_UP_POINTER_BY(address, alignment) LOOKASIDE_WDM_CAST(PVOID, ALIGN_UP_BY(address, alignment))
#endif
#ifndef RTL_PTR_ADD
#define RTL_PTR_ADD(address, bytes)                                                                \
    LOOKASIDE_WDM_CAST(PVOID, LOOKASIDE_WDM_CAST(ULONG_PTR, address) + LOOKASIDE_WDM_CAST(ULONG_PTR, bytes))
#endif
#ifndef RTL_PTR_SUBTRACT
#define RTL_PTR_SUBTRACT(address, bytes)                                                           \
    LOOKASIDE_WDM_CAST(PVOID, LOOKASIDE_WDM_CAST(ULONG_PTR, address) - LOOKASIDE_WDM_CAST(ULONG_PTR, bytes))
#endif
#ifndef Add2Ptr
#define Add2Ptr(address, bytes) LOOKASIDE_CAST(PVOID, LOOKASIDE_WDM_CAST(PUCHAR, address) + (bytes))
#endif
#ifndef PtrOffset
#define PtrOffset(base, address)                                                                   \
    LOOKASIDE_CAST(ULONG, LOOKASIDE_WDM_CAST(ULONG_PTR, address) - LOOKASIDE_WDM_CAST(ULONG_PTR, base))
#endif
#ifndef MAXUCHAR
#define MAXUCHAR 0xFF
#endif
#ifndef MAXUSHORT
#define MAXUSHORT 0xFFFF
#endif
#ifndef MAXLONG
#define MAXLONG 0x7FFFFFFF
#endif
#ifndef MAXULONG
#define MAXULONG 0xFFFFFFFF
#endif
#ifndef MAXLONGLONG
#define MAXLONGLONG 0x7FFFFFFFFFFFFFFFLL
#endif
#ifndef MAXULONGLONG
#define MAXULONGLONG 0xFFFFFFFFFFFFFFFFULL
#endif
#if !defined(__cplusplus) && !defined(NOMINMAX)
#ifndef min
#define min(one, two) ((one) < (two) ? (one) : (two))
#endif
#ifndef max
#define max(one, two) ((one) > (two) ? (one) : (two))
#endif
#endif
#ifndef IsEqualGUID
#define IsEqualGUID(one, two) (memcmp((one), (two), sizeof(GUID)) == 0)
#endif

/* Assertions. */

#ifndef C_ASSERT
#if defined(__cplusplus)
#define C_ASSERT(condition) static_assert(condition, #condition)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define C_ASSERT(condition) _Static_assert(condition, #condition)
#else
#define C_ASSERT(condition) extern char lookaside_wdm_c_assert[(condition) ? 1 : -1]
#endif
#endif

__attribute__((noreturn, unused)) static void lookaside_wdm_not_so(const char *message, const char *condition,
                                                                   const char *file, int line)
{
    fprintf(stderr, "lookaside: %s:%d: not so: %s%s%s\n", file, line, condition, *message == '\0' ? "" : ": ", message);
    abort();
}
/* So that a verification may be a statement as well as a value. */
static inline BOOLEAN lookaside_wdm_verified(int holds)
{
    return LOOKASIDE_CAST(BOOLEAN, holds);
}
#define LOOKASIDE_WDM_NOT_SO(message, condition) lookaside_wdm_not_so(message, condition, __FILE__, __LINE__)
#if defined(DBG) && DBG
#define LOOKASIDE_WDM_ASSERTION(message, condition)                                                \
    ((condition) ? (void)0 : LOOKASIDE_WDM_NOT_SO(message, #condition))
#define LOOKASIDE_WDM_VERIFICATION(message, condition)                                             \
    lookaside_wdm_verified((condition) ? TRUE : (LOOKASIDE_WDM_NOT_SO(message, #condition), FALSE))
#else
#define LOOKASIDE_WDM_ASSERTION(message, condition) ((void)0)
#define LOOKASIDE_WDM_VERIFICATION(message, condition) lookaside_wdm_verified((condition) ? TRUE : FALSE)
#endif
#ifndef ASSERT
#define ASSERT(condition) LOOKASIDE_WDM_ASSERTION("", condition)
#endif
#ifndef ASSERTMSG
#define ASSERTMSG(message, condition) LOOKASIDE_WDM_ASSERTION(message, condition)
#endif
#ifndef NT_ASSERT
#define NT_ASSERT(condition) LOOKASIDE_WDM_ASSERTION("", condition)
#endif
#ifndef NT_ASSERTMSG
#define NT_ASSERTMSG(message, condition) LOOKASIDE_WDM_ASSERTION(message, condition)
#endif
#ifndef NT_VERIFY
#define NT_VERIFY(condition) LOOKASIDE_WDM_VERIFICATION("", condition)
#endif
#ifndef NT_VERIFYMSG
#define NT_VERIFYMSG(message, condition) LOOKASIDE_WDM_VERIFICATION(message, condition)
#endif

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_EXTRAS_H */
