/* A table of routes, as a network filter keeps one: a binary trie whose nodes and routes come from two lookaside lists.
 * The longest prefix that matches an address decides.
 *
 * It fills the table, looks addresses up, replaces and removes routes, and shows that nodes that lead nowhere go back
 * to their list.
 */
#include <stdio.h>

#include "lookaside_wdm_extras.h"

#define DbgPrint printf
#define ADDRESS(a, b, c, d) ((ULONG)(a) << 24 | (ULONG)(b) << 16 | (ULONG)(c) << 8 | (ULONG)(d))

typedef struct _ROUTE {
    LIST_ENTRY Link; /* In the order in which they were added. */
    ULONG Prefix;
    UCHAR Length;
    PCSTR Gateway;
} ROUTE, *PROUTE;

typedef struct _NODE {
    struct _NODE *Parent;
    struct _NODE *Child[2];
    PROUTE Route;
} NODE, *PNODE;

typedef struct _ROUTE_TABLE {
    NPAGED_LOOKASIDE_LIST Nodes;
    NPAGED_LOOKASIDE_LIST Routes;
    LIST_ENTRY All;
    PNODE Root;
    ULONG NodeCount;
} ROUTE_TABLE, *PROUTE_TABLE;

FORCEINLINE ULONG BitOf(_In_ ULONG Address, _In_ UCHAR Depth)
{
    NT_ASSERT(Depth < 32);
    return Address >> (31 - Depth) & 1;
}

_Must_inspect_result_ static PNODE NewNode(_Inout_ PROUTE_TABLE Table, _In_opt_ PNODE Parent)
{
    PNODE node = ExAllocateFromNPagedLookasideList(&Table->Nodes);
    if (node != NULL) {
        RtlZeroMemory(node, sizeof *node);
        node->Parent = Parent;
        Table->NodeCount++;
    }
    return node;
}

/* Gives back a node that leads nowhere, and those above it that then do the same. The root stays. */
static VOID PruneNodes(_Inout_ PROUTE_TABLE Table, _In_ PNODE Node)
{
    while (Node != Table->Root && Node->Route == NULL && Node->Child[0] == NULL && Node->Child[1] == NULL) {
        PNODE parent = Node->Parent;
        parent->Child[parent->Child[1] == Node] = NULL;
        ExFreeToNPagedLookasideList(&Table->Nodes, Node);
        Table->NodeCount--;
        Node = parent;
    }
}

static NTSTATUS InitializeTable(_Out_ PROUTE_TABLE Table)
{
    RtlZeroMemory(Table, sizeof *Table);
    ExInitializeNPagedLookasideList(&Table->Nodes, NULL, NULL, POOL_NX_ALLOCATION, sizeof(NODE),
                                    LOOKASIDE_TAG('R', 't', 'N', 'd'), 0);
    ExInitializeNPagedLookasideList(&Table->Routes, NULL, NULL, POOL_NX_ALLOCATION, sizeof(ROUTE),
                                    LOOKASIDE_TAG('R', 't', 'e', ' '), 0);
    InitializeListHead(&Table->All);
    Table->Root = NewNode(Table, NULL);
    return Table->Root == NULL ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/* The node of a prefix, if the trie has it. */
static PNODE FindNode(_In_ PROUTE_TABLE Table, _In_ ULONG Prefix, _In_ UCHAR Length)
{
    PNODE node = Table->Root;
    UCHAR depth;
    for (depth = 0; node != NULL && depth < Length; depth++) {
        node = node->Child[BitOf(Prefix, depth)];
    }
    return node;
}

static NTSTATUS AddRoute(_Inout_ PROUTE_TABLE Table, _In_ ULONG Prefix, _In_ UCHAR Length, _In_ PCSTR Gateway)
{
    PNODE node = Table->Root;
    PROUTE route;
    UCHAR depth;
    if (Length > 32) {
        return STATUS_INVALID_PARAMETER_3;
    }
    for (depth = 0; depth < Length; depth++) {
        PNODE *child = &node->Child[BitOf(Prefix, depth)];
        if (*child == NULL && (*child = NewNode(Table, node)) == NULL) {
            PruneNodes(Table, node);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        node = *child;
    }
    if (node->Route != NULL) {
        node->Route->Gateway = Gateway;
        return STATUS_OBJECT_NAME_EXISTS;
    }
    route = ExAllocateFromNPagedLookasideList(&Table->Routes);
    if (route == NULL) {
        PruneNodes(Table, node);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    route->Prefix = Prefix;
    route->Length = Length;
    route->Gateway = Gateway;
    InsertTailList(&Table->All, &route->Link);
    node->Route = route;
    return STATUS_SUCCESS;
}

static NTSTATUS RemoveRoute(_Inout_ PROUTE_TABLE Table, _In_ ULONG Prefix, _In_ UCHAR Length)
{
    PNODE node = FindNode(Table, Prefix, Length);
    if (node == NULL || node->Route == NULL) {
        return STATUS_NOT_FOUND;
    }
    RemoveEntryList(&node->Route->Link);
    ExFreeToNPagedLookasideList(&Table->Routes, node->Route);
    node->Route = NULL;
    PruneNodes(Table, node);
    return STATUS_SUCCESS;
}

/* The route of the longest prefix that the address begins with, or NULL. */
_Ret_maybenull_ static PROUTE LookUp(_In_ PROUTE_TABLE Table, _In_ ULONG Address)
{
    PROUTE best = NULL;
    PNODE node = Table->Root;
    UCHAR depth = 0;
    while (node != NULL) {
        best = node->Route != NULL ? node->Route : best;
        node = depth == 32 ? NULL : node->Child[BitOf(Address, depth)];
        depth++;
    }
    return best;
}

static VOID DeleteTable(_Inout_ PROUTE_TABLE Table)
{
    while (!IsListEmpty(&Table->All)) {
        PROUTE route = CONTAINING_RECORD(Table->All.Flink, ROUTE, Link);
        NT_VERIFY(NT_SUCCESS(RemoveRoute(Table, route->Prefix, route->Length)));
    }
    DbgPrint("%u node left: the root\n", Table->NodeCount);
    ExFreeToNPagedLookasideList(&Table->Nodes, Table->Root);
    ExDeleteNPagedLookasideList(&Table->Nodes);
    ExDeleteNPagedLookasideList(&Table->Routes);
}

static VOID ShowAddress(_In_ PCSTR What, _In_ ULONG Address)
{
    DbgPrint("%s%u.%u.%u.%u", What, Address >> 24, Address >> 16 & 255, Address >> 8 & 255, Address & 255);
}

static VOID ShowLookUp(_In_ PROUTE_TABLE Table, _In_ ULONG Address)
{
    PROUTE route = LookUp(Table, Address);
    ShowAddress("  ", Address);
    if (route == NULL) {
        DbgPrint(": no route\n");
    } else {
        ShowAddress(": by ", route->Prefix);
        DbgPrint("/%u to %s\n", route->Length, route->Gateway);
    }
}

int main(void)
{
    static const struct {
        ULONG Prefix;
        UCHAR Length;
        PCSTR Gateway;
    } ROUTES[] = {
        {ADDRESS(10, 0, 0, 0), 8, "backbone"},     {ADDRESS(10, 1, 0, 0), 16, "floor 1"},
        {ADDRESS(10, 1, 2, 0), 24, "laboratory"},  {ADDRESS(10, 1, 2, 3), 32, "printer"},
        {ADDRESS(192, 168, 0, 0), 16, "workshop"}, {ADDRESS(10, 1, 0, 0), 16, "floor 1, new router"},
    };
    static const ULONG ADDRESSES[] = {
        ADDRESS(10, 9, 9, 9), ADDRESS(10, 1, 9, 9),    ADDRESS(10, 1, 2, 9),
        ADDRESS(10, 1, 2, 3), ADDRESS(192, 168, 7, 7), ADDRESS(11, 0, 0, 1),
    };
    static ROUTE_TABLE table;
    GENERAL_LOOKASIDE nodes;
    ULONG at;
    if (!NT_SUCCESS(InitializeTable(&table))) {
        return 1;
    }
    for (at = 0; at < RTL_NUMBER_OF(ROUTES); at++) {
        NTSTATUS status = AddRoute(&table, ROUTES[at].Prefix, ROUTES[at].Length, ROUTES[at].Gateway);
        ShowAddress("", ROUTES[at].Prefix);
        DbgPrint("/%u added: 0x%08X, %u nodes\n", ROUTES[at].Length, (ULONG)status, table.NodeCount);
    }
    DbgPrint("a prefix of 33 bits: 0x%08X\n", (ULONG)AddRoute(&table, 0, 33, "nowhere"));
    for (at = 0; at < RTL_NUMBER_OF(ADDRESSES); at++) {
        ShowLookUp(&table, ADDRESSES[at]);
    }
    DbgPrint("laboratory removed: 0x%08X, ", (ULONG)RemoveRoute(&table, ADDRESS(10, 1, 2, 0), 24));
    DbgPrint("again: 0x%08X, %u nodes\n", (ULONG)RemoveRoute(&table, ADDRESS(10, 1, 2, 0), 24), table.NodeCount);
    DbgPrint("printer removed: 0x%08X, ", (ULONG)RemoveRoute(&table, ADDRESS(10, 1, 2, 3), 32));
    DbgPrint("%u nodes\n", table.NodeCount);
    DbgPrint("a default route: 0x%08X\n", (ULONG)AddRoute(&table, 0, 0, "provider"));
    for (at = 0; at < RTL_NUMBER_OF(ADDRESSES); at++) {
        ShowLookUp(&table, ADDRESSES[at]);
    }
    LookasideQueryGeneral(&table.Nodes.L, &nodes);
    DbgPrint("the list of nodes: %u out, %u were ever asked for\n", nodes.TotalAllocates - nodes.TotalFrees,
             nodes.TotalAllocates);
    DeleteTable(&table);
    return 0;
}
