/* lookaside_wdm_links.h - the WDK's S-lists and linked lists, for lookaside_wdm.h, which includes it. */
#ifndef LOOKASIDE_WDM_LINKS_H
#define LOOKASIDE_WDM_LINKS_H

#include "lookaside_wdm.h"
#include "lookaside_wdm_spin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* S-lists. The spin locks that some of their calls name are not needed and not used, as in Windows on 64-bit systems. */

static inline VOID InitializeSListHead(PSLIST_HEADER ListHead)
{
    lookaside_wdm_check(lookaside_slist_initialize(LOOKASIDE_WDM_POINTER(lookaside_slist_header, ListHead)));
}

static inline VOID ExInitializeSListHead(PSLIST_HEADER ListHead)
{
    InitializeSListHead(ListHead);
}

static inline PSLIST_ENTRY InterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    lookaside_slist_entry *before = lookaside_slist_push(LOOKASIDE_WDM_POINTER(lookaside_slist_header, ListHead),
                                                         LOOKASIDE_WDM_POINTER(lookaside_slist_entry, ListEntry));
    return LOOKASIDE_WDM_POINTER(SLIST_ENTRY, before);
}

static inline PSLIST_ENTRY InterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    lookaside_slist_entry *entry = lookaside_slist_pop(LOOKASIDE_WDM_POINTER(lookaside_slist_header, ListHead));
    return LOOKASIDE_WDM_POINTER(SLIST_ENTRY, entry);
}

static inline PSLIST_ENTRY InterlockedFlushSList(PSLIST_HEADER ListHead)
{
    lookaside_slist_entry *first = lookaside_slist_flush(LOOKASIDE_WDM_POINTER(lookaside_slist_header, ListHead));
    return LOOKASIDE_WDM_POINTER(SLIST_ENTRY, first);
}

static inline PSLIST_ENTRY InterlockedPushListSListEx(PSLIST_HEADER ListHead, PSLIST_ENTRY List, PSLIST_ENTRY ListEnd,
                                                      ULONG Count)
{
    lookaside_slist_entry *before = lookaside_slist_push_list(LOOKASIDE_WDM_POINTER(lookaside_slist_header, ListHead),
                                                              LOOKASIDE_WDM_POINTER(lookaside_slist_entry, List),
                                                              LOOKASIDE_WDM_POINTER(lookaside_slist_entry, ListEnd),
                                                              Count);
    return LOOKASIDE_WDM_POINTER(SLIST_ENTRY, before);
}

static inline PSLIST_ENTRY RtlInterlockedPushListSListEx(PSLIST_HEADER ListHead, PSLIST_ENTRY List,
                                                         PSLIST_ENTRY ListEnd, ULONG Count)
{
    return InterlockedPushListSListEx(ListHead, List, ListEnd, Count);
}

static inline PSLIST_ENTRY InterlockedPushListSList(PSLIST_HEADER ListHead, PSLIST_ENTRY List, PSLIST_ENTRY ListEnd,
                                                    ULONG Count)
{
    return InterlockedPushListSListEx(ListHead, List, ListEnd, Count);
}

static inline PSLIST_ENTRY RtlInterlockedPushListSList(PSLIST_HEADER ListHead, PSLIST_ENTRY List, PSLIST_ENTRY ListEnd,
                                                       ULONG Count)
{
    return InterlockedPushListSListEx(ListHead, List, ListEnd, Count);
}

static inline VOID RtlInitializeSListHead(PSLIST_HEADER ListHead)
{
    InitializeSListHead(ListHead);
}

static inline PSLIST_ENTRY RtlInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    return InterlockedPushEntrySList(ListHead, ListEntry);
}

static inline PSLIST_ENTRY RtlInterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    return InterlockedPopEntrySList(ListHead);
}

static inline PSLIST_ENTRY RtlInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    return InterlockedFlushSList(ListHead);
}

static inline const lookaside_slist_header *lookaside_wdm_header(const SLIST_HEADER *head)
{
    return LOOKASIDE_CAST(const lookaside_slist_header *, LOOKASIDE_CAST(const void *, head));
}

static inline USHORT QueryDepthSList(const SLIST_HEADER *ListHead)
{
    return lookaside_slist_depth(lookaside_wdm_header(ListHead));
}

static inline USHORT ExQueryDepthSList(const SLIST_HEADER *ListHead)
{
    return QueryDepthSList(ListHead);
}

static inline USHORT RtlQueryDepthSList(const SLIST_HEADER *ListHead)
{
    return QueryDepthSList(ListHead);
}

static inline PSLIST_ENTRY FirstEntrySList(const SLIST_HEADER *ListHead)
{
    lookaside_slist_entry *first = lookaside_slist_first(lookaside_wdm_header(ListHead));
    return LOOKASIDE_WDM_POINTER(SLIST_ENTRY, first);
}

static inline PSLIST_ENTRY RtlFirstEntrySList(const SLIST_HEADER *ListHead)
{
    return FirstEntrySList(ListHead);
}

static inline PSLIST_ENTRY ExInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    (void)Lock;
    return InterlockedPushEntrySList(ListHead, ListEntry);
}

static inline PSLIST_ENTRY ExInterlockedPopEntrySList(PSLIST_HEADER ListHead, PKSPIN_LOCK Lock)
{
    (void)Lock;
    return InterlockedPopEntrySList(ListHead);
}

static inline PSLIST_ENTRY ExInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    return InterlockedFlushSList(ListHead);
}

/* Doubly and singly linked lists. Nothing locks them. A doubly linked list whose links do not lead back ends the
 * program, before it is written to. */

static inline void lookaside_wdm_check_link(const LIST_ENTRY *entry)
{
    if (entry->Flink->Blink != entry || entry->Blink->Flink != entry) {
        fprintf(stderr, "lookaside: LIST_ENTRY %p is corrupt: its neighbours do not lead back to it\n",
                LOOKASIDE_CAST(const void *, entry));
        abort();
    }
}

static inline VOID InitializeListHead(PLIST_ENTRY ListHead)
{
    ListHead->Flink = ListHead->Blink = ListHead;
}

static inline BOOLEAN IsListEmpty(const LIST_ENTRY *ListHead)
{
    return LOOKASIDE_CAST(BOOLEAN, ListHead->Flink == ListHead);
}

/* Takes an entry out, and returns whether its list is empty now. */
static inline BOOLEAN RemoveEntryList(PLIST_ENTRY Entry)
{
    PLIST_ENTRY next = Entry->Flink;
    PLIST_ENTRY previous = Entry->Blink;
    lookaside_wdm_check_link(Entry);
    previous->Flink = next;
    next->Blink = previous;
    return LOOKASIDE_CAST(BOOLEAN, next == previous);
}

/* From an empty list, this gives the head. */
static inline PLIST_ENTRY RemoveHeadList(PLIST_ENTRY ListHead)
{
    PLIST_ENTRY entry = ListHead->Flink;
    lookaside_wdm_check_link(ListHead);
    RemoveEntryList(entry);
    return entry;
}

/* From an empty list, this gives the head. */
static inline PLIST_ENTRY RemoveTailList(PLIST_ENTRY ListHead)
{
    PLIST_ENTRY entry = ListHead->Blink;
    lookaside_wdm_check_link(ListHead);
    RemoveEntryList(entry);
    return entry;
}

static inline VOID InsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY Entry)
{
    lookaside_wdm_check_link(ListHead);
    Entry->Flink = ListHead->Flink;
    Entry->Blink = ListHead;
    ListHead->Flink->Blink = Entry;
    ListHead->Flink = Entry;
}

static inline VOID InsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY Entry)
{
    lookaside_wdm_check_link(ListHead);
    Entry->Flink = ListHead;
    Entry->Blink = ListHead->Blink;
    ListHead->Blink->Flink = Entry;
    ListHead->Blink = Entry;
}

/* Puts a ring of entries without a head, such as ListToAppend leads to, behind the last entry. */
static inline VOID AppendTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListToAppend)
{
    PLIST_ENTRY last = ListHead->Blink;
    PLIST_ENTRY end = ListToAppend->Blink;
    lookaside_wdm_check_link(ListHead);
    lookaside_wdm_check_link(ListToAppend);
    last->Flink = ListToAppend;
    ListToAppend->Blink = last;
    end->Flink = ListHead;
    ListHead->Blink = end;
}

static inline VOID PushEntryList(PSINGLE_LIST_ENTRY ListHead, PSINGLE_LIST_ENTRY Entry)
{
    Entry->Next = ListHead->Next;
    ListHead->Next = Entry;
}

static inline PSINGLE_LIST_ENTRY PopEntryList(PSINGLE_LIST_ENTRY ListHead)
{
    PSINGLE_LIST_ENTRY entry = ListHead->Next;
    if (entry != NULL) {
        ListHead->Next = entry->Next;
    }
    return entry;
}

/* The same under a spin lock. Inserts return the entry that was first (or last) before, removes the entry: NULL where
 * there was none. */

static inline PLIST_ENTRY ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    PLIST_ENTRY before;
    lookaside_wdm_lock(Lock);
    before = ListHead->Flink;
    InsertHeadList(ListHead, ListEntry);
    lookaside_wdm_unlock(Lock);
    return before == ListHead ? NULL : before;
}

static inline PLIST_ENTRY ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    PLIST_ENTRY before;
    lookaside_wdm_lock(Lock);
    before = ListHead->Blink;
    InsertTailList(ListHead, ListEntry);
    lookaside_wdm_unlock(Lock);
    return before == ListHead ? NULL : before;
}

static inline PLIST_ENTRY ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    PLIST_ENTRY entry;
    lookaside_wdm_lock(Lock);
    entry = RemoveHeadList(ListHead);
    lookaside_wdm_unlock(Lock);
    return entry == ListHead ? NULL : entry;
}

static inline PSINGLE_LIST_ENTRY ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead, PSINGLE_LIST_ENTRY ListEntry,
                                                            PKSPIN_LOCK Lock)
{
    PSINGLE_LIST_ENTRY before;
    lookaside_wdm_lock(Lock);
    before = ListHead->Next;
    PushEntryList(ListHead, ListEntry);
    lookaside_wdm_unlock(Lock);
    return before;
}

static inline PSINGLE_LIST_ENTRY ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    PSINGLE_LIST_ENTRY entry;
    lookaside_wdm_lock(Lock);
    entry = PopEntryList(ListHead);
    lookaside_wdm_unlock(Lock);
    return entry;
}

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_LINKS_H */
