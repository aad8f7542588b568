/* The classic driver, in the WDK's names: a paged lookaside list of structures that a doubly linked list keeps track
 * of.
 *
 * It creates both lists, adds two entries and removes one, five times over, removes the rest, prints the report, and
 * deletes the lookaside list. As drivers of its kind do, it then declines to stay loaded.
 */
#include <stdio.h>

#include "lookaside_wdm.h"

#define DbgPrint printf

/* What the driver keeps a number of. The link stands inside, so the entry is found around it. */
typedef struct _SOME_STRUCTURE {
    ULONG SomeField1;
    ULONG SomeField2;
    LIST_ENTRY ListEntry;
    ULONG SomeFieldX;
} SOME_STRUCTURE, *PSOME_STRUCTURE;

static PPAGED_LOOKASIDE_LIST PagedLookasideList;
static LIST_ENTRY ListHead;
static ULONG Index;

static VOID AddEntry(VOID)
{
    PSOME_STRUCTURE entry = ExAllocateFromPagedLookasideList(PagedLookasideList);
    if (entry == NULL) {
        DbgPrint("  no block to be had\n");
        return;
    }
    DbgPrint("  + block %p taken\n", (PVOID)entry);
    RtlZeroMemory(entry, sizeof *entry);
    entry->SomeField1 = ++Index;
    entry->SomeFieldX = ~entry->SomeField1;
    InsertHeadList(&ListHead, &entry->ListEntry);
    DbgPrint("  + entry %u linked in\n", entry->SomeField1);
}

static VOID RemoveEntry(VOID)
{
    PSOME_STRUCTURE entry;
    if (IsListEmpty(&ListHead)) {
        DbgPrint("  no entry left to remove\n");
        return;
    }
    entry = CONTAINING_RECORD(RemoveHeadList(&ListHead), SOME_STRUCTURE, ListEntry);
    if (entry->SomeFieldX != ~entry->SomeField1) {
        DbgPrint("  entry %u was overwritten\n", entry->SomeField1);
    }
    DbgPrint("  - entry %u unlinked\n", entry->SomeField1);
    ExFreeToPagedLookasideList(PagedLookasideList, entry);
    DbgPrint("  - block %p given back\n", (PVOID)entry);
}

/* What a debugger would print. */
static VOID PrintReport(VOID)
{
    char text[2048];
    lookaside_status status = lookaside_report(&PagedLookasideList->L.List, text, sizeof text, NULL);
    DbgPrint("%s", status == LOOKASIDE_STATUS_SUCCESS ? text : lookaside_status_string(status));
}

static NTSTATUS DriverEntry(PVOID DriverObject, PVOID RegistryPath)
{
    ULONG round;
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);

    DbgPrint("driver: start\n");
    PagedLookasideList = ExAllocatePool(NonPagedPool, sizeof *PagedLookasideList);
    if (PagedLookasideList == NULL) {
        DbgPrint("driver: no memory for the list object\n");
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    /* Windows needs no zeroes here, nor does the library; Valgrind likes them. */
    RtlZeroMemory(PagedLookasideList, sizeof *PagedLookasideList);
    DbgPrint("driver: list object at %p\n", (PVOID)PagedLookasideList);
    ExInitializePagedLookasideList(PagedLookasideList, NULL, NULL, 0, sizeof(SOME_STRUCTURE),
                                   LOOKASIDE_TAG('W', 'a', 's', 'm'), 0);
    DbgPrint("driver: lookaside list of %zu-byte blocks ready\n", sizeof(SOME_STRUCTURE));
    InitializeListHead(&ListHead);
    DbgPrint("driver: doubly linked list ready, and empty\n");

    for (round = 1; round <= 5; round++) {
        DbgPrint("round %u: two in, one out\n", round);
        AddEntry();
        AddEntry();
        RemoveEntry();
    }
    DbgPrint("end: everything out\n");
    while (!IsListEmpty(&ListHead)) {
        RemoveEntry();
    }
    DbgPrint("driver: doubly linked list empty again\n");

    PrintReport();

    ExDeletePagedLookasideList(PagedLookasideList);
    DbgPrint("driver: lookaside list deleted\n");
    ExFreePool(PagedLookasideList);
    DbgPrint("driver: list object at %p released\n", (PVOID)PagedLookasideList);
    DbgPrint("driver: stop\n");
    return STATUS_DEVICE_CONFIGURATION_ERROR;
}

int main(void)
{
    NTSTATUS status = DriverEntry(NULL, NULL);
    printf("the driver returned 0x%08X\n", (unsigned)status);
    return status != STATUS_DEVICE_CONFIGURATION_ERROR;
}
