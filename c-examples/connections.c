/* A table of connections, as a firewall keeps one: hashed, each bucket with a spin lock, the connections from an Ex list
 * whose routines count what they take of the pool for the table around it.
 *
 * Connections are found or made, used while they are referenced, and pruned when they were idle for too long. A prune
 * that removed many gives the list's blocks back to the pool as well.
 */
#include <stdio.h>

#include "lookaside_wdm_extras.h"

#define DbgPrint printf
#define BUCKETS 16
#define MAXIMUM_IDLE 3

typedef struct _CONNECTION {
    LIST_ENTRY Link; /* In its bucket, the last used first. */
    ULONG Local, Remote;
    USHORT LocalPort, RemotePort;
    LONG volatile References; /* One is the table's. */
    ULONG LastUsed;
    LONG64 volatile Bytes;
} CONNECTION, *PCONNECTION;

typedef struct _BUCKET {
    DECLSPEC_CACHEALIGN KSPIN_LOCK Lock;
    LIST_ENTRY Head;
} BUCKET, *PBUCKET;

typedef struct _CONNECTION_TABLE {
    DECLSPEC_CACHEALIGN LOOKASIDE_LIST_EX List;
    LONG volatile Count;
    LONG volatile Blocks; /* What the list holds of the pool, in use or not. */
    ULONG Now;
    BUCKET Buckets[BUCKETS];
} CONNECTION_TABLE, *PCONNECTION_TABLE;

static PVOID NTAPI AllocateConnection(_In_ POOL_TYPE Type, _In_ SIZE_T Size, _In_ ULONG Tag,
                                      _Inout_ PLOOKASIDE_LIST_EX List)
{
    PCONNECTION_TABLE table = CONTAINING_RECORD(List, CONNECTION_TABLE, List);
    PVOID block = ExAllocatePoolWithTag(Type, Size, Tag);
    if (block != NULL) {
        InterlockedIncrement(&table->Blocks);
    }
    return block;
}

static VOID NTAPI FreeConnection(_In_ PVOID Block, _Inout_ PLOOKASIDE_LIST_EX List)
{
    PCONNECTION_TABLE table = CONTAINING_RECORD(List, CONNECTION_TABLE, List);
    InterlockedDecrement(&table->Blocks);
    ExFreePool(Block);
}

static NTSTATUS InitializeConnections(_Out_ PCONNECTION_TABLE Table)
{
    ULONG at;
    RtlZeroMemory(Table, sizeof *Table);
    for (at = 0; at < BUCKETS; at++) {
        KeInitializeSpinLock(&Table->Buckets[at].Lock);
        InitializeListHead(&Table->Buckets[at].Head);
    }
    return ExInitializeLookasideListEx(&Table->List, AllocateConnection, FreeConnection, NonPagedPoolNx, 0,
                                       sizeof(CONNECTION), LOOKASIDE_TAG('C', 'o', 'n', 'n'), 0);
}

FORCEINLINE PBUCKET BucketOf(_In_ PCONNECTION_TABLE Table, ULONG Local, USHORT LocalPort, ULONG Remote,
                             USHORT RemotePort)
{
    const ULONG mixed = (Local ^ Remote * 31u ^ (ULONG)LocalPort << 16 ^ RemotePort) * 0x9E3779B1u;
    return &Table->Buckets[mixed >> 28];
}

_Requires_lock_held_(Bucket->Lock)
static PCONNECTION FindInBucket(_In_ PBUCKET Bucket, ULONG Local, USHORT LocalPort, ULONG Remote, USHORT RemotePort)
{
    PLIST_ENTRY entry;
    for (entry = Bucket->Head.Flink; entry != &Bucket->Head; entry = entry->Flink) {
        PCONNECTION found = CONTAINING_RECORD(entry, CONNECTION, Link);
        if (found->Local == Local && found->LocalPort == LocalPort && found->Remote == Remote &&
            found->RemotePort == RemotePort) {
            return found;
        }
    }
    return NULL;
}

/* The connection, which is made if it is not there, with a reference for the caller; NULL without memory. */
_Must_inspect_result_ static PCONNECTION ReferenceConnection(_Inout_ PCONNECTION_TABLE Table, ULONG Local,
                                                             USHORT LocalPort, ULONG Remote, USHORT RemotePort)
{
    PBUCKET bucket = BucketOf(Table, Local, LocalPort, Remote, RemotePort);
    PCONNECTION connection;
    KIRQL irql;
    KeAcquireSpinLock(&bucket->Lock, &irql);
    connection = FindInBucket(bucket, Local, LocalPort, Remote, RemotePort);
    if (connection != NULL) {
        RemoveEntryList(&connection->Link);
    } else if ((connection = ExAllocateFromLookasideListEx(&Table->List)) != NULL) {
        RtlZeroMemory(connection, sizeof *connection);
        connection->Local = Local;
        connection->LocalPort = LocalPort;
        connection->Remote = Remote;
        connection->RemotePort = RemotePort;
        connection->References = 1;
        InterlockedIncrement(&Table->Count);
    }
    if (connection != NULL) {
        InterlockedIncrement(&connection->References);
        connection->LastUsed = Table->Now;
        InsertHeadList(&bucket->Head, &connection->Link);
    }
    KeReleaseSpinLock(&bucket->Lock, irql);
    return connection;
}

static VOID DereferenceConnection(_Inout_ PCONNECTION_TABLE Table, _In_ PCONNECTION Connection)
{
    const LONG left = InterlockedDecrement(&Connection->References);
    NT_ASSERT(left >= 0);
    if (left == 0) {
        InterlockedDecrement(&Table->Count);
        ExFreeToLookasideListEx(&Table->List, Connection);
    }
}

/* Takes out of the table what was not used for longer than this; those that someone uses live until they are not. */
static ULONG PruneConnections(_Inout_ PCONNECTION_TABLE Table, _In_ ULONG MaximumIdle)
{
    ULONG at, pruned = 0;
    for (at = 0; at < BUCKETS; at++) {
        PBUCKET bucket = &Table->Buckets[at];
        LIST_ENTRY old;
        KIRQL irql;
        InitializeListHead(&old);
        KeAcquireSpinLock(&bucket->Lock, &irql);
        /* The last used is first, so the end is where to look. */
        while (!IsListEmpty(&bucket->Head)) {
            PCONNECTION last = CONTAINING_RECORD(bucket->Head.Blink, CONNECTION, Link);
            if (Table->Now - last->LastUsed <= MaximumIdle) {
                break;
            }
            RemoveEntryList(&last->Link);
            InsertTailList(&old, &last->Link);
        }
        KeReleaseSpinLock(&bucket->Lock, irql);
        for (; !IsListEmpty(&old); pruned++) {
            DereferenceConnection(Table, CONTAINING_RECORD(RemoveHeadList(&old), CONNECTION, Link));
        }
    }
    if (pruned > 32) {
        ExFlushLookasideListEx(&Table->List);
    }
    return pruned;
}

static VOID DeleteConnections(_Inout_ PCONNECTION_TABLE Table)
{
    Table->Now += 1;
    DbgPrint("the end: %u pruned", PruneConnections(Table, 0));
    ExDeleteLookasideListEx(&Table->List);
    DbgPrint(", %d connections and %d blocks left\n", Table->Count, Table->Blocks);
}

int main(void)
{
    static CONNECTION_TABLE table;
    PCONNECTION held = NULL;
    USHORT port;
    if (!NT_SUCCESS(InitializeConnections(&table))) {
        return 1;
    }
    for (table.Now = 1; table.Now <= 8; table.Now++) {
        /* A new client for each port, while one connection goes on and one is only held. */
        for (port = 0; port < 40; port++) {
            PCONNECTION connection =
                ReferenceConnection(&table, 0x0A000001, (USHORT)(1000 * table.Now + port), 0xC0A80001, 443);
            PCONNECTION busy = ReferenceConnection(&table, 0x0A000002, 22, 0xC0A80001, 22);
            if (connection == NULL || busy == NULL) {
                return 1;
            }
            InterlockedAdd64(&busy->Bytes, 100);
            InterlockedAdd64(&connection->Bytes, 1);
            DereferenceConnection(&table, busy);
            if (table.Now == 1 && port == 0) {
                held = connection;
            } else {
                DereferenceConnection(&table, connection);
            }
        }
        const ULONG pruned = PruneConnections(&table, MAXIMUM_IDLE);
        DbgPrint("round %u: %u pruned, %d connections\n", table.Now, pruned, table.Count);
    }
    DbgPrint("held since round 1: port %u, %lld byte\n", held->LocalPort, held->Bytes);
    DereferenceConnection(&table, held);
    held = ReferenceConnection(&table, 0x0A000002, 22, 0xC0A80001, 22);
    DbgPrint("busy: %lld bytes, IRQL %u\n", held->Bytes, KeGetCurrentIrql());
    DereferenceConnection(&table, held);
    DeleteConnections(&table);
    return table.Count != 0 || table.Blocks != 0;
}
