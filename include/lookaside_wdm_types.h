/* lookaside_wdm_types.h - the WDK's types, constants and statuses, for lookaside_wdm.h, which includes it. */
#ifndef LOOKASIDE_WDM_TYPES_H
#define LOOKASIDE_WDM_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lookaside.h"

/* Annotations and conventions, which mean nothing here. */

#ifndef NTAPI
#define NTAPI
#endif
#ifndef NTKERNELAPI
#define NTKERNELAPI
#endif
#ifndef FORCEINLINE
#define FORCEINLINE static inline
#endif
#ifndef _In_
#define _In_
#define _In_opt_
#define _In_reads_bytes_(size)
#define _Out_
#define _Out_opt_
#define _Inout_
#define _Inout_opt_
#define _Outptr_
#define _Reserved_
#endif
#ifndef _Use_decl_annotations_
#define _Use_decl_annotations_
#define _Must_inspect_result_
#define _Function_class_(name)
#define _IRQL_requires_max_(irql)
#define _IRQL_requires_same_
#endif
#ifndef IN
#define IN
#define OUT
#define OPTIONAL
#endif
#ifndef PAGED_CODE
#define PAGED_CODE() ((void)0)
#endif
#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif

/* Basic types. */

#ifndef LOOKASIDE_WDM_NO_TYPES
typedef void VOID, *PVOID;
typedef char CHAR, *PCHAR;
typedef unsigned char UCHAR, *PUCHAR;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef int16_t SHORT, *PSHORT;
typedef uint16_t USHORT, *PUSHORT;
typedef int32_t LONG, *PLONG;
typedef uint32_t ULONG, *PULONG;
typedef long long LONGLONG, LONG64;
typedef unsigned long long ULONGLONG, ULONG64, *PULONGLONG, *PULONG64;
typedef intptr_t LONG_PTR;
typedef uintptr_t ULONG_PTR, *PULONG_PTR;
typedef size_t SIZE_T, *PSIZE_T;
typedef LONG NTSTATUS;
typedef UCHAR KIRQL;
typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;

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
    ((type *)(void *)((char *)(address) - ((char *)&((type *)0x10000)->field - (char *)0x10000)))
#else
#define CONTAINING_RECORD(address, type, field) ((type *)(void *)((char *)(address)-offsetof(type, field)))
#endif
#endif
#ifndef FIELD_OFFSET
#define FIELD_OFFSET(type, field) ((LONG)offsetof(type, field))
#endif
#ifndef RTL_SIZEOF_THROUGH_FIELD
#define RTL_SIZEOF_THROUGH_FIELD(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#endif
#ifndef RtlZeroMemory
#define RtlZeroMemory(destination, length) memset((destination), 0, (length))
#define RtlFillMemory(destination, length, fill) memset((destination), (fill), (length))
#define RtlCopyMemory(destination, source, length) memcpy((destination), (source), (length))
#define RtlMoveMemory(destination, source, length) memmove((destination), (source), (length))
#endif

/* Statuses. */

#ifndef NT_SUCCESS
#define NT_SUCCESS(status) ((NTSTATUS)(status) >= 0)
#endif
#ifndef STATUS_SUCCESS
#define STATUS_SUCCESS ((NTSTATUS)0x00000000)
#endif
#ifndef STATUS_PENDING
#define STATUS_PENDING ((NTSTATUS)0x00000103)
#endif
#ifndef STATUS_DATATYPE_MISALIGNMENT
#define STATUS_DATATYPE_MISALIGNMENT ((NTSTATUS)0x80000002)
#endif
#ifndef STATUS_DEVICE_BUSY
#define STATUS_DEVICE_BUSY ((NTSTATUS)0x80000011)
#endif
#ifndef STATUS_UNSUCCESSFUL
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001)
#endif
#ifndef STATUS_INVALID_HANDLE
#define STATUS_INVALID_HANDLE ((NTSTATUS)0xC0000008)
#endif
#ifndef STATUS_INVALID_PARAMETER
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#endif
#ifndef STATUS_NO_MEMORY
#define STATUS_NO_MEMORY ((NTSTATUS)0xC0000017)
#endif
#ifndef STATUS_DELETE_PENDING
#define STATUS_DELETE_PENDING ((NTSTATUS)0xC0000056)
#endif
#ifndef STATUS_INTEGER_OVERFLOW
#define STATUS_INTEGER_OVERFLOW ((NTSTATUS)0xC0000095)
#endif
#ifndef STATUS_INSUFFICIENT_RESOURCES
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#endif
#ifndef STATUS_WORKING_SET_QUOTA
#define STATUS_WORKING_SET_QUOTA ((NTSTATUS)0xC00000A1)
#endif
#ifndef STATUS_NOT_SUPPORTED
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)
#endif
#ifndef STATUS_INVALID_PARAMETER_4
#define STATUS_INVALID_PARAMETER_4 ((NTSTATUS)0xC00000F2)
#endif
#ifndef STATUS_INVALID_PARAMETER_5
#define STATUS_INVALID_PARAMETER_5 ((NTSTATUS)0xC00000F3)
#endif
#ifndef STATUS_INVALID_PARAMETER_8
#define STATUS_INVALID_PARAMETER_8 ((NTSTATUS)0xC00000F6)
#endif
#ifndef STATUS_DEVICE_CONFIGURATION_ERROR
#define STATUS_DEVICE_CONFIGURATION_ERROR ((NTSTATUS)0xC0000182)
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

#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 8
#define POOL_RAISE_IF_ALLOCATION_FAILURE 16
#define POOL_COLD_ALLOCATION 256
#define POOL_NX_ALLOCATION 512

typedef ULONG64 POOL_FLAGS;
#define POOL_FLAG_USE_QUOTA 0x1ULL
#define POOL_FLAG_UNINITIALIZED 0x2ULL
#define POOL_FLAG_SESSION 0x4ULL
#define POOL_FLAG_CACHE_ALIGNED 0x8ULL
#define POOL_FLAG_RAISE_ON_FAILURE 0x20ULL
#define POOL_FLAG_NON_PAGED 0x40ULL
#define POOL_FLAG_NON_PAGED_EXECUTE 0x80ULL
#define POOL_FLAG_PAGED 0x100ULL
#define POOL_FLAG_REQUIRED_END 0x80000000ULL
#define POOL_FLAG_OPTIONAL_START 0x100000000ULL
#define POOL_FLAG_SPECIAL_POOL 0x100000000ULL

#define EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL 1
#define EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE 2
#define EX_MAXIMUM_LOOKASIDE_DEPTH_BASE 256
#define EX_MAXIMUM_LOOKASIDE_DEPTH_LIMIT 1024

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

#define LOOKASIDE_MINIMUM_BLOCK_SIZE RTL_SIZEOF_THROUGH_FIELD(SLIST_ENTRY, Next)

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
LOOKASIDE_WDM_ASSERT(information, sizeof(SYSTEM_LOOKASIDE_INFORMATION) == 0x20);

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_TYPES_H */
