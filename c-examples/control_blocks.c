/* The control blocks of a file system: one list for each kind, made once for all volumes, and small inline routines
 * around them that the rest of the file system calls.
 *
 * The lists raise when there is no memory, so callers do not check; a short name comes from a list of its own, and a
 * long one falls back to the pool. The depths that are passed are from old times: Windows ignores them, and so does the
 * library.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lookaside_wdm.h"

#define TAG_FCB LOOKASIDE_TAG('F', 'c', 'b', ' ')
#define TAG_CCB LOOKASIDE_TAG('C', 'c', 'b', ' ')
#define TAG_EVENT LOOKASIDE_TAG('E', 'v', 'n', 't')
#define TAG_NAME LOOKASIDE_TAG('N', 'a', 'm', 'e')

#define FCB_DEPTH 4
#define CCB_DEPTH 8
#define EVENT_DEPTH 6
#define SHORT_NAME 32

typedef struct _EVENT {
    ULONG Signalled;
    ULONG Waiters;
} EVENT, *PEVENT;

/* An open file: as long as it has handles. */
typedef struct _FCB {
    LIST_ENTRY Link;
    LIST_ENTRY Handles;
    PEVENT Idle; /* In nonpaged memory: it is waited on at any level. */
    char *Name;
    SIZE_T NameLength;
} FCB, *PFCB;

/* One handle of an open file. */
typedef struct _CCB {
    LIST_ENTRY Link;
    PFCB File;
    ULONG Number;
} CCB, *PCCB;

static struct {
    PAGED_LOOKASIDE_LIST FcbList;
    PAGED_LOOKASIDE_LIST CcbList;
    NPAGED_LOOKASIDE_LIST EventList;
    PAGED_LOOKASIDE_LIST NameList;
    LIST_ENTRY Files;
    ULONG Handles;
} FsData;

static inline PFCB FsAllocateFcb(VOID) { return ExAllocateFromPagedLookasideList(&FsData.FcbList); }
static inline VOID FsFreeFcb(PFCB Fcb) { ExFreeToPagedLookasideList(&FsData.FcbList, Fcb); }
static inline PCCB FsAllocateCcb(VOID) { return ExAllocateFromPagedLookasideList(&FsData.CcbList); }
static inline VOID FsFreeCcb(PCCB Ccb) { ExFreeToPagedLookasideList(&FsData.CcbList, Ccb); }
static inline PEVENT FsAllocateEvent(VOID) { return ExAllocateFromNPagedLookasideList(&FsData.EventList); }
static inline VOID FsFreeEvent(PEVENT Event) { ExFreeToNPagedLookasideList(&FsData.EventList, Event); }

static inline char *FsAllocateName(SIZE_T Length)
{
    return Length <= SHORT_NAME
               ? ExAllocateFromPagedLookasideList(&FsData.NameList)
               : ExAllocatePoolWithTag((POOL_TYPE)(PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE), Length, TAG_NAME);
}

static inline VOID FsFreeName(char *Name, SIZE_T Length)
{
    if (Length <= SHORT_NAME) {
        ExFreeToPagedLookasideList(&FsData.NameList, Name);
    } else {
        ExFreePoolWithTag(Name, TAG_NAME);
    }
}

static VOID FsInitialize(VOID)
{
    const ULONG flags = POOL_NX_ALLOCATION | POOL_RAISE_IF_ALLOCATION_FAILURE;
    ExInitializePagedLookasideList(&FsData.FcbList, NULL, NULL, flags, sizeof(FCB), TAG_FCB, FCB_DEPTH);
    ExInitializePagedLookasideList(&FsData.CcbList, NULL, NULL, flags, sizeof(CCB), TAG_CCB, CCB_DEPTH);
    ExInitializeNPagedLookasideList(&FsData.EventList, NULL, NULL, flags, sizeof(EVENT), TAG_EVENT, EVENT_DEPTH);
    ExInitializePagedLookasideList(&FsData.NameList, NULL, NULL, flags, SHORT_NAME, TAG_NAME, 0);
    InitializeListHead(&FsData.Files);
}

static VOID FsUninitialize(VOID)
{
    ExDeletePagedLookasideList(&FsData.NameList);
    ExDeleteNPagedLookasideList(&FsData.EventList);
    ExDeletePagedLookasideList(&FsData.CcbList);
    ExDeletePagedLookasideList(&FsData.FcbList);
}

static PFCB FsFindFile(const char *Name)
{
    PLIST_ENTRY link;
    for (link = FsData.Files.Flink; link != &FsData.Files; link = link->Flink) {
        PFCB file = CONTAINING_RECORD(link, FCB, Link);
        if (strcmp(file->Name, Name) == 0) {
            return file;
        }
    }
    return NULL;
}

static PCCB FsOpen(const char *Name)
{
    PFCB file = FsFindFile(Name);
    PCCB handle = FsAllocateCcb();
    if (file == NULL) {
        file = FsAllocateFcb();
        RtlZeroMemory(file, sizeof *file);
        file->NameLength = strlen(Name) + 1;
        file->Name = FsAllocateName(file->NameLength);
        RtlCopyMemory(file->Name, Name, file->NameLength);
        file->Idle = FsAllocateEvent();
        file->Idle->Signalled = FALSE;
        file->Idle->Waiters = 0;
        InitializeListHead(&file->Handles);
        InsertTailList(&FsData.Files, &file->Link);
    }
    handle->File = file;
    handle->Number = ++FsData.Handles;
    InsertTailList(&file->Handles, &handle->Link);
    return handle;
}

static VOID FsClose(PCCB Handle)
{
    PFCB file = Handle->File;
    const BOOLEAN last = RemoveEntryList(&Handle->Link);
    FsFreeCcb(Handle);
    if (last) {
        printf("  %s has no handle left\n", file->Name);
        RemoveEntryList(&file->Link);
        FsFreeEvent(file->Idle);
        FsFreeName(file->Name, file->NameLength);
        FsFreeFcb(file);
    }
}

static VOID Show(const char *Kind, const LOOKASIDE_WDM_LIST *List)
{
    SYSTEM_LOOKASIDE_INFORMATION list;
    if (NT_SUCCESS(LookasideQueryInformation(List, &list))) {
        printf("  %s, type 0x%03X: %u taken, %u new, %u back\n", Kind, List->Type, list.TotalAllocates,
               list.AllocateMisses, list.TotalFrees);
    }
}

int main(void)
{
    static const char *const NAMES[] = {"\\boot.ini", "\\pagefile.sys", "\\docs\\a name that is too long for the list"};
    PCCB handles[6];
    ULONG round, at;

    FsInitialize();
    for (round = 1; round <= 3; round++) {
        printf("round %u\n", round);
        for (at = 0; at < 6; at++) {
            handles[at] = FsOpen(NAMES[at % 3]);
        }
        for (at = 0; at < 6; at++) {
            FsClose(handles[at]);
        }
    }
    puts("lists");
    Show("files", &FsData.FcbList.L);
    Show("handles", &FsData.CcbList.L);
    Show("events", &FsData.EventList.L);
    Show("names", &FsData.NameList.L);
    FsUninitialize();
    puts("gone");
    return EXIT_SUCCESS;
}
