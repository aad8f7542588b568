/* The receive side of a network driver: packets from an Ex list of depth 1,024, whose routines find their adapter
 * around the list and count for it, and an S-list through which the interrupt side hands packets to the other.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "lookaside_wdm.h"

#define PACKET_TAG LOOKASIDE_TAG('P', 'a', 'c', 'k')
#define PACKET_COUNT 100000

typedef struct _PACKET {
    SLIST_ENTRY Link;
    ULONG Sequence;
    ULONG Length;
    UCHAR Data[224];
} PACKET, *PPACKET;

typedef struct _ADAPTER {
    LOOKASIDE_LIST_EX Packets;
    SLIST_HEADER Received;
    _Atomic ULONG FromPool;
    _Atomic ULONG ToPool;
} ADAPTER, *PADAPTER;

static PVOID NTAPI AllocatePacket(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag, PLOOKASIDE_LIST_EX Lookaside)
{
    PADAPTER adapter = CONTAINING_RECORD(Lookaside, ADAPTER, Packets);
    PVOID packet = ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
    if (packet != NULL) {
        adapter->FromPool++;
    }
    return packet;
}

static VOID NTAPI FreePacket(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside)
{
    CONTAINING_RECORD(Lookaside, ADAPTER, Packets)->ToPool++;
    ExFreePoolWithTag(Buffer, PACKET_TAG);
}

/* The interrupt side: fills packets, and hands each over without a lock. */
static void *Receive(void *Context)
{
    PADAPTER adapter = Context;
    ULONG sequence;
    for (sequence = 0; sequence < PACKET_COUNT; sequence++) {
        PPACKET packet = ExAllocateFromLookasideListEx(&adapter->Packets);
        while (packet == NULL) {
            sched_yield();
            packet = ExAllocateFromLookasideListEx(&adapter->Packets);
        }
        packet->Sequence = sequence;
        packet->Length = 64 + sequence % 160;
        memset(packet->Data, (int)(sequence & 0xFF), packet->Length);
        InterlockedPushEntrySList(&adapter->Received, &packet->Link);
    }
    return NULL;
}

/* What was received since the last time, the oldest packet first. */
static PSLIST_ENTRY TakeReceived(PADAPTER Adapter)
{
    PSLIST_ENTRY newest = InterlockedFlushSList(&Adapter->Received);
    PSLIST_ENTRY oldest = NULL;
    while (newest != NULL) {
        PSLIST_ENTRY next = newest->Next;
        newest->Next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

int main(void)
{
    static ADAPTER adapter;
    GENERAL_LOOKASIDE list;
    ULONG expected = 0, damaged = 0;
    ULONGLONG bytes = 0;
    pthread_t receiver;
    NTSTATUS status;

    InitializeSListHead(&adapter.Received);
    status = ExInitializeLookasideListEx(&adapter.Packets, AllocatePacket, FreePacket, NonPagedPoolNx, 0,
                                         sizeof(PACKET), PACKET_TAG, EX_MAXIMUM_LOOKASIDE_DEPTH_LIMIT);
    if (!NT_SUCCESS(status)) {
        printf("no list: 0x%08X\n", (unsigned)status);
        return EXIT_FAILURE;
    }
    if (pthread_create(&receiver, NULL, Receive, &adapter) != 0) {
        return EXIT_FAILURE;
    }
    while (expected < PACKET_COUNT) {
        PSLIST_ENTRY entry = TakeReceived(&adapter);
        if (entry == NULL) {
            sched_yield();
        }
        while (entry != NULL) {
            PPACKET packet = CONTAINING_RECORD(entry, PACKET, Link);
            entry = entry->Next;
            damaged += packet->Sequence != expected || packet->Data[packet->Length - 1] != (expected & 0xFF);
            bytes += packet->Length;
            expected++;
            ExFreeToLookasideListEx(&adapter.Packets, packet);
        }
    }
    pthread_join(receiver, NULL);

    printf("%u packets of %llu bytes in all, %u out of order or damaged\n", expected, bytes, damaged);
    if (!NT_SUCCESS(LookasideQueryGeneral(&adapter.Packets.L, &list))) {
        return EXIT_FAILURE;
    }
    printf("taken %u, given back %u, maximum depth %u\n", list.TotalAllocates, list.TotalFrees, list.MaximumDepth);
    printf("the pool gave one packet for each miss: %s\n", list.AllocateMisses == adapter.FromPool ? "yes" : "no");
    ExFlushLookasideListEx(&adapter.Packets);
    ExDeleteLookasideListEx(&adapter.Packets);
    printf("and all went back to it: %s\n", adapter.FromPool == adapter.ToPool ? "yes" : "no");
    return damaged == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
