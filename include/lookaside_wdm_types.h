/* lookaside_wdm_types.h - the WDK's types and constants, for lookaside_wdm.h, which includes it.
 *
 * Every macro has a guard of its own: what the program defined before is kept. Types cannot be tested for. Where
 * LOOKASIDE_WDM_NO_TYPES is defined, the program must have declared these, with the sizes of 64-bit Windows:
 *   VOID PVOID UCHAR BOOLEAN USHORT LONG ULONG ULONG64 ULONGLONG SIZE_T NTSTATUS KSPIN_LOCK PKSPIN_LOCK
 *   LIST_ENTRY PLIST_ENTRY SINGLE_LIST_ENTRY PSINGLE_LIST_ENTRY
 */
#ifndef LOOKASIDE_WDM_TYPES_H
#define LOOKASIDE_WDM_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lookaside.h"
#include "lookaside_wdm_sal.h"
#include "lookaside_wdm_status.h"

/* Casts that neither language warns of. LOOKASIDE_CAST is a static one: of a number, or an address without type. Macros
 * whose arguments are the program's, addresses or numbers, const or not, need all that C's cast does. In C++ the
 * notation of a call does the same by definition, and is not the old style. */
#ifdef __cplusplus
extern "C++" {
template <class Type> using lookaside_wdm_type = Type;
}
#define LOOKASIDE_WDM_CAST(type, value) (::lookaside_wdm_type<type>(value))
#else
#define LOOKASIDE_WDM_CAST(type, value) ((type)(value))
#endif
/* What is at an address as another type, whatever the alignments of the two. */
#define LOOKASIDE_WDM_POINTER(type, address) LOOKASIDE_CAST(type *, LOOKASIDE_CAST(void *, address))

/* Conventions. */

#ifndef NTAPI
#define NTAPI
#endif
#ifndef NTKERNELAPI
#define NTKERNELAPI
#endif
#ifndef NTSYSAPI
#define NTSYSAPI
#endif
#ifndef EXTERN_C
#ifdef __cplusplus
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#endif
#endif
#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#ifndef CONST
#define CONST const
#endif
#ifndef UNALIGNED
#define UNALIGNED
#endif
#ifndef __cdecl
#define __cdecl
#endif
#ifndef __stdcall
#define __stdcall
#endif
#ifndef __fastcall
#define __fastcall
#endif

/* In C an inline function without `static` has to be defined once more in one translation unit, and may not use static
 * ones. In the WDK neither holds, and sources have it with `static` and without. So in C the macro begins with a
 * declaration that takes a `static` before it and has no effect, and then says `static` itself. It has to come before
 * the function's type. */
#ifdef __cplusplus
#define LOOKASIDE_WDM_INLINE inline
#else
__attribute__((unused)) static void lookaside_wdm_inline(void) {}
#define LOOKASIDE_WDM_INLINE                                                                       \
    __attribute__((unused)) void lookaside_wdm_inline(void);                                       \
    static inline
#endif
#ifndef FORCEINLINE
#define FORCEINLINE LOOKASIDE_WDM_INLINE
#endif
#ifndef __forceinline
#define __forceinline LOOKASIDE_WDM_INLINE
#endif

#ifndef __declspec
#define __declspec(what) LOOKASIDE_WDM_DECLSPEC_##what
#define LOOKASIDE_WDM_DECLSPEC_align(bytes) __attribute__((aligned(bytes)))
#define LOOKASIDE_WDM_DECLSPEC_deprecated __attribute__((deprecated))
#define LOOKASIDE_WDM_DECLSPEC_dllexport __attribute__((visibility("default")))
#define LOOKASIDE_WDM_DECLSPEC_dllimport
#define LOOKASIDE_WDM_DECLSPEC_noinline __attribute__((noinline))
#define LOOKASIDE_WDM_DECLSPEC_noreturn __attribute__((noreturn))
#define LOOKASIDE_WDM_DECLSPEC_nothrow __attribute__((nothrow))
#define LOOKASIDE_WDM_DECLSPEC_novtable
#define LOOKASIDE_WDM_DECLSPEC_restrict __attribute__((malloc))
#define LOOKASIDE_WDM_DECLSPEC_selectany __attribute__((weak))
#define LOOKASIDE_WDM_DECLSPEC_thread __thread
#endif
#ifndef DECLSPEC_ALIGN
#define DECLSPEC_ALIGN(bytes) __attribute__((aligned(bytes)))
#endif
#ifndef SYSTEM_CACHE_ALIGNMENT_SIZE
#define SYSTEM_CACHE_ALIGNMENT_SIZE 64
#endif
#ifndef DECLSPEC_CACHEALIGN
#define DECLSPEC_CACHEALIGN DECLSPEC_ALIGN(SYSTEM_CACHE_ALIGNMENT_SIZE)
#endif
#ifndef LOOKASIDE_ALIGN
#define LOOKASIDE_ALIGN DECLSPEC_CACHEALIGN
#endif
#ifndef DECLSPEC_NOINLINE
#define DECLSPEC_NOINLINE __attribute__((noinline))
#endif
#ifndef DECLSPEC_NORETURN
#define DECLSPEC_NORETURN __attribute__((noreturn))
#endif
#ifndef DECLSPEC_SELECTANY
#define DECLSPEC_SELECTANY __attribute__((weak))
#endif
#ifndef PAGED_CODE
#define PAGED_CODE() ((void)0)
#endif
#ifndef ARGUMENT_PRESENT
#define ARGUMENT_PRESENT(argument) ((argument) != NULL)
#endif
#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif

/* Basic types. */

#ifndef __int64
#define __int64 long long
#endif

#ifndef LOOKASIDE_WDM_NO_TYPES
typedef void VOID, *PVOID;
typedef char CHAR, *PCHAR, *PSTR;
typedef const char *PCSTR;
typedef unsigned char UCHAR, *PUCHAR, BYTE, *PBYTE;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef int16_t SHORT, *PSHORT;
typedef uint16_t USHORT, *PUSHORT, WORD, *PWORD;
typedef int INT, *PINT, BOOL, *PBOOL;
typedef unsigned UINT, *PUINT;
typedef int32_t LONG, *PLONG;
typedef uint32_t ULONG, *PULONG, DWORD, *PDWORD;
typedef long long LONGLONG, *PLONGLONG, LONG64, *PLONG64;
typedef unsigned long long ULONGLONG, *PULONGLONG, ULONG64, *PULONG64;
typedef int8_t INT8, *PINT8;
typedef int16_t INT16, *PINT16;
typedef int32_t INT32, *PINT32;
typedef long long INT64, *PINT64;
typedef uint8_t UINT8, *PUINT8;
typedef uint16_t UINT16, *PUINT16;
typedef uint32_t UINT32, *PUINT32;
typedef unsigned long long UINT64, *PUINT64;
typedef intptr_t LONG_PTR, *PLONG_PTR, INT_PTR, *PINT_PTR;
typedef uintptr_t ULONG_PTR, *PULONG_PTR, UINT_PTR, *PUINT_PTR;
typedef size_t SIZE_T, *PSIZE_T;
typedef PVOID HANDLE, *PHANDLE;
typedef LONG NTSTATUS, *PNTSTATUS;
typedef UCHAR KIRQL, *PKIRQL;
typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;

/* Characters of 16 bits, as u"..." has them: L"..." only under -fshort-wchar. */
#if defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#elif defined(__cplusplus)
typedef char16_t WCHAR;
#else
typedef uint16_t WCHAR;
#endif
typedef WCHAR *PWCHAR, *PWCH, *PWSTR;
typedef const WCHAR *PCWSTR, *PCWCH;

typedef struct _GUID {
    ULONG Data1;
    USHORT Data2;
    USHORT Data3;
    UCHAR Data4[8];
} GUID, *PGUID;

typedef union _LARGE_INTEGER {
    __extension__ struct {
        ULONG LowPart;
        LONG HighPart;
    };
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    __extension__ struct {
        ULONG LowPart;
        ULONG HighPart;
    };
    struct {
        ULONG LowPart;
        ULONG HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _UNICODE_STRING {
    USHORT Length; /* In bytes, as MaximumLength. */
    USHORT MaximumLength;
    PWCH Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

typedef struct _STRING {
    USHORT Length;
    USHORT MaximumLength;
    PCHAR Buffer;
} STRING, *PSTRING, ANSI_STRING, *PANSI_STRING;

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
    struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;
#endif


#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#ifndef CONTAINING_RECORD
#ifdef __cplusplus
/* offsetof draws a warning for classes with private fields or base classes. The address is any that is not null. */
#define CONTAINING_RECORD(address, type, field)                                                    \
    LOOKASIDE_WDM_CAST(type *, LOOKASIDE_WDM_CAST(char *, address) -                               \
                                   (LOOKASIDE_WDM_CAST(char *, &LOOKASIDE_WDM_CAST(type *, 0x10000)->field) - \
                                    LOOKASIDE_WDM_CAST(char *, 0x10000)))
#else
#define CONTAINING_RECORD(address, type, field) ((type *)(void *)((char *)(address)-offsetof(type, field)))
#endif
#endif
#ifndef FIELD_OFFSET
#define FIELD_OFFSET(type, field) LOOKASIDE_CAST(LONG, offsetof(type, field))
#endif
#ifndef RTL_SIZEOF_THROUGH_FIELD
#define RTL_SIZEOF_THROUGH_FIELD(type, field)                                              \
    (offsetof(type, field) + sizeof(LOOKASIDE_WDM_CAST(type *, 0)->field))
#endif
#ifndef FIELD_SIZE
#define FIELD_SIZE(type, field) (sizeof(LOOKASIDE_WDM_CAST(type *, 0)->field))
#endif
#ifndef RTL_FIELD_SIZE
#define RTL_FIELD_SIZE(type, field) FIELD_SIZE(type, field)
#endif
#ifndef RTL_CONTAINS_FIELD
#define RTL_CONTAINS_FIELD(object, size, field)                                                    \
    (LOOKASIDE_WDM_CAST(char *, &(object)->field) + sizeof((object)->field) <=                     \
     LOOKASIDE_WDM_CAST(char *, object) + (size))
#endif
#ifndef RTL_NUMBER_OF
#define RTL_NUMBER_OF(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef ARRAYSIZE
#define ARRAYSIZE(array) RTL_NUMBER_OF(array)
#endif
#ifndef MEMORY_ALLOCATION_ALIGNMENT
#define MEMORY_ALLOCATION_ALIGNMENT 16
#endif
#ifndef RtlZeroMemory
#define RtlZeroMemory(destination, length) memset((destination), 0, (length))
#endif
#ifndef RtlFillMemory
#define RtlFillMemory(destination, length, fill) memset((destination), (fill), (length))
#endif
#ifndef RtlCopyMemory
#define RtlCopyMemory(destination, source, length) memcpy((destination), (source), (length))
#endif
#ifndef RtlMoveMemory
#define RtlMoveMemory(destination, source, length) memmove((destination), (source), (length))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Pool types and flags. */

typedef enum _POOL_TYPE {
    NonPagedPool = 0,
    NonPagedPoolExecute = 0,
    PagedPool = 1,
    NonPagedPoolMustSucceed = 2,
    DontUseThisType = 3,
    NonPagedPoolCacheAligned = 4,
    PagedPoolCacheAligned = 5,
    NonPagedPoolCacheAlignedMustS = 6,
    MaxPoolType = 7,
    NonPagedPoolSession = 32,
    PagedPoolSession = 33,
    NonPagedPoolMustSucceedSession = 34,
    DontUseThisTypeSession = 35,
    NonPagedPoolCacheAlignedSession = 36,
    PagedPoolCacheAlignedSession = 37,
    NonPagedPoolCacheAlignedMustSSession = 38,
    NonPagedPoolNx = 512,
    NonPagedPoolNxCacheAligned = 516,
    NonPagedPoolSessionNx = 544
} POOL_TYPE;

#ifndef POOL_QUOTA_FAIL_INSTEAD_OF_RAISE
#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 8
#endif
#ifndef POOL_RAISE_IF_ALLOCATION_FAILURE
#define POOL_RAISE_IF_ALLOCATION_FAILURE 16
#endif
#ifndef POOL_COLD_ALLOCATION
#define POOL_COLD_ALLOCATION 256
#endif
#ifndef POOL_NX_ALLOCATION
#define POOL_NX_ALLOCATION 512
#endif

/* What ExInitializeDriverRuntime and POOL_NX_OPTIN ask for holds without them: no memory here can be executed. */
#ifndef DrvRtPoolNxOptIn
#define DrvRtPoolNxOptIn 0x00000001
#endif

typedef enum _EX_POOL_PRIORITY {
    LowPoolPriority = 0,
    LowPoolPrioritySpecialPoolOverrun = 8,
    LowPoolPrioritySpecialPoolUnderrun = 9,
    NormalPoolPriority = 16,
    NormalPoolPrioritySpecialPoolOverrun = 24,
    NormalPoolPrioritySpecialPoolUnderrun = 25,
    HighPoolPriority = 32,
    HighPoolPrioritySpecialPoolOverrun = 40,
    HighPoolPrioritySpecialPoolUnderrun = 41
} EX_POOL_PRIORITY;

typedef ULONG64 POOL_FLAGS;
#ifndef POOL_FLAG_USE_QUOTA
#define POOL_FLAG_USE_QUOTA 0x1ULL
#endif
#ifndef POOL_FLAG_UNINITIALIZED
#define POOL_FLAG_UNINITIALIZED 0x2ULL
#endif
#ifndef POOL_FLAG_SESSION
#define POOL_FLAG_SESSION 0x4ULL
#endif
#ifndef POOL_FLAG_CACHE_ALIGNED
#define POOL_FLAG_CACHE_ALIGNED 0x8ULL
#endif
#ifndef POOL_FLAG_RAISE_ON_FAILURE
#define POOL_FLAG_RAISE_ON_FAILURE 0x20ULL
#endif
#ifndef POOL_FLAG_NON_PAGED
#define POOL_FLAG_NON_PAGED 0x40ULL
#endif
#ifndef POOL_FLAG_NON_PAGED_EXECUTE
#define POOL_FLAG_NON_PAGED_EXECUTE 0x80ULL
#endif
#ifndef POOL_FLAG_PAGED
#define POOL_FLAG_PAGED 0x100ULL
#endif
#ifndef POOL_FLAG_REQUIRED_END
#define POOL_FLAG_REQUIRED_END 0x80000000ULL
#endif
#ifndef POOL_FLAG_OPTIONAL_START
#define POOL_FLAG_OPTIONAL_START 0x100000000ULL
#endif
#ifndef POOL_FLAG_SPECIAL_POOL
#define POOL_FLAG_SPECIAL_POOL 0x100000000ULL
#endif

/* What ExAllocatePool3 and ExFreePool2 take beside the flags. */

typedef enum _POOL_EXTENDED_PARAMETER_TYPE {
    PoolExtendedParameterInvalidType = 0,
    PoolExtendedParameterPriority,
    PoolExtendedParameterSecurePool,
    PoolExtendedParameterNumaNode,
    PoolExtendedParameterMax
} POOL_EXTENDED_PARAMETER_TYPE, *PPOOL_EXTENDED_PARAMETER_TYPE;

typedef ULONG POOL_NODE_REQUIREMENT;
struct _POOL_EXTENDED_PARAMS_SECURE_POOL;

__extension__ typedef struct _POOL_EXTENDED_PARAMETER {
    __extension__ struct {
        ULONG64 Type : 8;
        ULONG64 Optional : 1;
        ULONG64 Reserved : 55;
    };
    __extension__ union {
        ULONG64 Reserved2;
        PVOID Reserved3;
        EX_POOL_PRIORITY Priority;
        struct _POOL_EXTENDED_PARAMS_SECURE_POOL *SecurePoolParams;
        POOL_NODE_REQUIREMENT PreferredNode;
    };
} POOL_EXTENDED_PARAMETER, *PPOOL_EXTENDED_PARAMETER;
typedef const POOL_EXTENDED_PARAMETER *PCPOOL_EXTENDED_PARAMETER;

#ifndef EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL
#define EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL 1
#endif
#ifndef EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE
#define EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE 2
#endif
#ifndef EX_MAXIMUM_LOOKASIDE_DEPTH_BASE
#define EX_MAXIMUM_LOOKASIDE_DEPTH_BASE 256
#endif
#ifndef EX_MAXIMUM_LOOKASIDE_DEPTH_LIMIT
#define EX_MAXIMUM_LOOKASIDE_DEPTH_LIMIT 1024
#endif

/* S-lists. */

typedef struct LOOKASIDE_ALIGNED(16) _SLIST_ENTRY {
    struct _SLIST_ENTRY *Next;
} SLIST_ENTRY, *PSLIST_ENTRY;

typedef union LOOKASIDE_ALIGNED(16) _SLIST_HEADER {
    __extension__ struct {
        ULONGLONG Alignment;
        ULONGLONG Region;
    };
    __extension__ struct {
        ULONGLONG Depth : 16;
        ULONGLONG Sequence : 48;
        ULONGLONG Reserved : 4;
        ULONGLONG NextEntry : 60;
    } HeaderX64;
} SLIST_HEADER, *PSLIST_HEADER;

#ifndef LOOKASIDE_MINIMUM_BLOCK_SIZE
#define LOOKASIDE_MINIMUM_BLOCK_SIZE RTL_SIZEOF_THROUGH_FIELD(SLIST_ENTRY, Next)
#endif

/* Lists. The library's own list comes first, so a callback that gets the list finds the rest around it. */

struct _LOOKASIDE_LIST_EX;
typedef PVOID NTAPI ALLOCATE_FUNCTION(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
typedef VOID NTAPI FREE_FUNCTION(PVOID Buffer);
typedef PVOID NTAPI ALLOCATE_FUNCTION_EX(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                         struct _LOOKASIDE_LIST_EX *Lookaside);
typedef VOID NTAPI FREE_FUNCTION_EX(PVOID Buffer, struct _LOOKASIDE_LIST_EX *Lookaside);
typedef ALLOCATE_FUNCTION *PALLOCATE_FUNCTION;
typedef FREE_FUNCTION *PFREE_FUNCTION;
typedef ALLOCATE_FUNCTION_EX *PALLOCATE_FUNCTION_EX;
typedef FREE_FUNCTION_EX *PFREE_FUNCTION_EX;

/* What all three kinds of list have in common, under the name that it has in Windows: L. The callbacks are as given. */
typedef struct LOOKASIDE_ALIGNED(16) _LOOKASIDE_WDM_LIST {
    lookaside_list List;
    __extension__ union {
        PALLOCATE_FUNCTION Allocate;
        PALLOCATE_FUNCTION_EX AllocateEx;
    };
    __extension__ union {
        PFREE_FUNCTION Free;
        PFREE_FUNCTION_EX FreeEx;
    };
    ULONG Type;
    ULONG Tag;
    ULONG Size;
    ULONG Reserved;
} LOOKASIDE_WDM_LIST, *PLOOKASIDE_WDM_LIST;

typedef struct LOOKASIDE_ALIGNED(16) _LOOKASIDE_LIST_EX {
    LOOKASIDE_WDM_LIST L;
} LOOKASIDE_LIST_EX, *PLOOKASIDE_LIST_EX;

typedef struct LOOKASIDE_ALIGNED(16) _NPAGED_LOOKASIDE_LIST {
    LOOKASIDE_WDM_LIST L;
    UCHAR Reserved[0x20];
} NPAGED_LOOKASIDE_LIST, *PNPAGED_LOOKASIDE_LIST;

typedef struct LOOKASIDE_ALIGNED(16) _PAGED_LOOKASIDE_LIST {
    LOOKASIDE_WDM_LIST L;
    UCHAR Reserved[0x20];
} PAGED_LOOKASIDE_LIST, *PPAGED_LOOKASIDE_LIST;

/* Windows' own structures: here a picture of a list, which LookasideQueryGeneral and LookasideQueryInformation take. */

#define LOOKASIDE_WDM_GENERAL_FIELDS                                                               \
    SLIST_HEADER ListHead;                                                                         \
    USHORT Depth;                                                                                  \
    USHORT MaximumDepth;                                                                           \
    ULONG TotalAllocates;                                                                          \
    __extension__ union {                                                                          \
        ULONG AllocateMisses;                                                                      \
        ULONG AllocateHits;                                                                        \
    };                                                                                             \
    ULONG TotalFrees;                                                                              \
    __extension__ union {                                                                          \
        ULONG FreeMisses;                                                                          \
        ULONG FreeHits;                                                                            \
    };                                                                                             \
    POOL_TYPE Type;                                                                                \
    ULONG Tag;                                                                                     \
    ULONG Size;                                                                                    \
    __extension__ union {                                                                          \
        PALLOCATE_FUNCTION Allocate;                                                               \
        PALLOCATE_FUNCTION_EX AllocateEx;                                                          \
    };                                                                                             \
    __extension__ union {                                                                          \
        PFREE_FUNCTION Free;                                                                       \
        PFREE_FUNCTION_EX FreeEx;                                                                  \
    };                                                                                             \
    LIST_ENTRY ListEntry;                                                                          \
    ULONG LastTotalAllocates;                                                                      \
    __extension__ union {                                                                          \
        ULONG LastAllocateMisses;                                                                  \
        ULONG LastAllocateHits;                                                                    \
    };                                                                                             \
    ULONG Future[2]

typedef struct LOOKASIDE_ALIGNED(64) _GENERAL_LOOKASIDE {
    LOOKASIDE_WDM_GENERAL_FIELDS;
} GENERAL_LOOKASIDE, *PGENERAL_LOOKASIDE;

typedef struct LOOKASIDE_ALIGNED(16) _GENERAL_LOOKASIDE_POOL {
    LOOKASIDE_WDM_GENERAL_FIELDS;
} GENERAL_LOOKASIDE_POOL, *PGENERAL_LOOKASIDE_POOL;

typedef struct _SYSTEM_LOOKASIDE_INFORMATION {
    USHORT CurrentDepth;
    USHORT MaximumDepth; /* The list's depth, as in Windows. */
    ULONG TotalAllocates;
    ULONG AllocateMisses;
    ULONG TotalFrees;
    ULONG FreeMisses;
    ULONG Type; /* NonPagedPool or PagedPool. */
    ULONG Tag;
    ULONG Size;
} SYSTEM_LOOKASIDE_INFORMATION, *PSYSTEM_LOOKASIDE_INFORMATION;

#if defined(__cplusplus)
#define LOOKASIDE_WDM_ASSERT(name, condition) static_assert(condition, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define LOOKASIDE_WDM_ASSERT(name, condition) _Static_assert(condition, #name)
#else
#define LOOKASIDE_WDM_ASSERT(name, condition) typedef char lookaside_wdm_assert_##name[(condition) ? 1 : -1]
#endif
LOOKASIDE_WDM_ASSERT(npaged, sizeof(NPAGED_LOOKASIDE_LIST) == 0x80 && offsetof(NPAGED_LOOKASIDE_LIST, L) == 0);
LOOKASIDE_WDM_ASSERT(paged, sizeof(PAGED_LOOKASIDE_LIST) == 0x80 && offsetof(PAGED_LOOKASIDE_LIST, L) == 0);
LOOKASIDE_WDM_ASSERT(ex, sizeof(LOOKASIDE_LIST_EX) == 0x60 && offsetof(LOOKASIDE_LIST_EX, L) == 0);
LOOKASIDE_WDM_ASSERT(list_first, offsetof(LOOKASIDE_WDM_LIST, List) == 0);
LOOKASIDE_WDM_ASSERT(slist, sizeof(SLIST_HEADER) == 16 && sizeof(SLIST_ENTRY) == 16);
LOOKASIDE_WDM_ASSERT(general, sizeof(GENERAL_LOOKASIDE) == 0x80 && sizeof(GENERAL_LOOKASIDE_POOL) == 0x60);
LOOKASIDE_WDM_ASSERT(depth, offsetof(GENERAL_LOOKASIDE, Depth) == 0x10);
LOOKASIDE_WDM_ASSERT(total, offsetof(GENERAL_LOOKASIDE, TotalAllocates) == 0x14);
LOOKASIDE_WDM_ASSERT(misses, offsetof(GENERAL_LOOKASIDE, FreeMisses) == 0x20);
LOOKASIDE_WDM_ASSERT(type, offsetof(GENERAL_LOOKASIDE, Type) == 0x24);
LOOKASIDE_WDM_ASSERT(size, offsetof(GENERAL_LOOKASIDE, Size) == 0x2C);
LOOKASIDE_WDM_ASSERT(allocate, offsetof(GENERAL_LOOKASIDE, Allocate) == 0x30);
LOOKASIDE_WDM_ASSERT(entry, offsetof(GENERAL_LOOKASIDE, ListEntry) == 0x40);
LOOKASIDE_WDM_ASSERT(last, offsetof(GENERAL_LOOKASIDE, LastTotalAllocates) == 0x50);
LOOKASIDE_WDM_ASSERT(future, offsetof(GENERAL_LOOKASIDE, Future) == 0x58);
LOOKASIDE_WDM_ASSERT(parameter, sizeof(POOL_EXTENDED_PARAMETER) == 16);
LOOKASIDE_WDM_ASSERT(information, sizeof(SYSTEM_LOOKASIDE_INFORMATION) == 0x20);

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_TYPES_H */
