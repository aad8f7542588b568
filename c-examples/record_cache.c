/* A log of events as a file-system filter keeps one: fixed-size records from a nonpaged list, a queue of those that
 * wait for a reader, a limit on how many there may be, and a count of the events that were dropped because of it.
 *
 * The code that sees an event must never wait and never fail, so an event without a record is only counted.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lookaside_wdm.h"

#define RECORD_TAG LOOKASIDE_TAG('R', 'e', 'c', 'd')
#define RECORD_LIMIT 8
#define NAME_LENGTH 40

typedef struct _RECORD {
    LIST_ENTRY Link;
    ULONG Sequence;
    ULONG Operation;
    char Name[NAME_LENGTH];
} RECORD, *PRECORD;

/* A driver guards the queue by a spin lock, a program by a mutex. */
typedef struct _RECORD_CACHE {
    NPAGED_LOOKASIDE_LIST Records;
    pthread_mutex_t Lock;
    LIST_ENTRY Queue;
    ULONG Waiting;
    ULONG Sequence;
    ULONG Dropped;
} RECORD_CACHE, *PRECORD_CACHE;

static VOID CacheInitialize(PRECORD_CACHE Cache)
{
    pthread_mutex_init(&Cache->Lock, NULL);
    InitializeListHead(&Cache->Queue);
    Cache->Waiting = Cache->Sequence = Cache->Dropped = 0;
    ExInitializeNPagedLookasideList(&Cache->Records, NULL, NULL, POOL_NX_ALLOCATION, sizeof(RECORD), RECORD_TAG, 0);
}

static VOID CacheLog(PRECORD_CACHE Cache, ULONG Operation, const char *Name)
{
    PRECORD record = NULL;
    pthread_mutex_lock(&Cache->Lock);
    Cache->Sequence++;
    if (Cache->Waiting < RECORD_LIMIT) {
        record = ExAllocateFromNPagedLookasideList(&Cache->Records);
    }
    if (record == NULL) {
        Cache->Dropped++;
    } else {
        record->Sequence = Cache->Sequence;
        record->Operation = Operation;
        snprintf(record->Name, sizeof record->Name, "%s", Name);
        InsertTailList(&Cache->Queue, &record->Link);
        Cache->Waiting++;
    }
    pthread_mutex_unlock(&Cache->Lock);
}

/* Hands up to Most records to the reader, and returns how many. */
static ULONG CacheRead(PRECORD_CACHE Cache, ULONG Most)
{
    ULONG count = 0;
    while (count < Most) {
        PLIST_ENTRY entry = NULL;
        PRECORD record;
        pthread_mutex_lock(&Cache->Lock);
        if (!IsListEmpty(&Cache->Queue)) {
            entry = RemoveHeadList(&Cache->Queue);
            Cache->Waiting--;
        }
        pthread_mutex_unlock(&Cache->Lock);
        if (entry == NULL) {
            break;
        }
        record = CONTAINING_RECORD(entry, RECORD, Link);
        printf("  %2u: operation %u on %s\n", record->Sequence, record->Operation, record->Name);
        ExFreeToNPagedLookasideList(&Cache->Records, record);
        count++;
    }
    return count;
}

static VOID CacheDelete(PRECORD_CACHE Cache)
{
    while (!IsListEmpty(&Cache->Queue)) {
        ExFreeToNPagedLookasideList(&Cache->Records, CONTAINING_RECORD(RemoveHeadList(&Cache->Queue), RECORD, Link));
    }
    ExDeleteNPagedLookasideList(&Cache->Records);
    pthread_mutex_destroy(&Cache->Lock);
}

int main(void)
{
    static RECORD_CACHE cache;
    GENERAL_LOOKASIDE list;
    char name[NAME_LENGTH];
    ULONG event;

    CacheInitialize(&cache);
    for (event = 0; event < 6; event++) {
        snprintf(name, sizeof name, "\\Device\\Volume1\\file%u", event);
        CacheLog(&cache, event % 3, name);
    }
    puts("six events, four of them read:");
    CacheRead(&cache, 4);
    for (event = 6; event < 16; event++) {
        snprintf(name, sizeof name, "\\Device\\Volume1\\file%u", event);
        CacheLog(&cache, event % 3, name);
    }
    printf("ten more, of which %u were dropped; what waits:\n", cache.Dropped);
    CacheRead(&cache, 100);
    CacheLog(&cache, 9, "\\Device\\Volume1\\last");

    if (!NT_SUCCESS(LookasideQueryGeneral(&cache.Records.L, &list))) {
        return EXIT_FAILURE;
    }
    printf("records: %u taken, %u of them new, %u given back\n", list.TotalAllocates, list.AllocateMisses,
           list.TotalFrees);
    CacheDelete(&cache);
    puts("gone, with the record that was not read");
    return EXIT_SUCCESS;
}
