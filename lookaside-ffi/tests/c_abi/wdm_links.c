/* The S-lists and linked lists of lookaside_wdm.h. */
#include "wdm_frame.h"

#include <pthread.h>

/* S-lists. */

static SLIST_HEADER head;
static SLIST_ENTRY entries[65536];
static union {
    SLIST_HEADER aligned;
    char bytes[2 * sizeof(SLIST_HEADER)];
} room;
static void initialize_null(void) { InitializeSListHead(NULL); }
static void initialize_misaligned(void) { InitializeSListHead((PSLIST_HEADER)(void *)(room.bytes + 8)); }

static void slists(void)
{
    KSPIN_LOCK lock = 0;
    unsigned at;
    InitializeSListHead(&head);
    CHECK(head.Alignment == 0 && head.Region == 0);
    CHECK(InterlockedPopEntrySList(&head) == NULL && InterlockedFlushSList(&head) == NULL);
    CHECK(FirstEntrySList(&head) == NULL && QueryDepthSList(&head) == 0);
    CHECK(InterlockedPushEntrySList(&head, &entries[0]) == NULL);
    CHECK(InterlockedPushEntrySList(&head, &entries[1]) == &entries[0]);
    CHECK(FirstEntrySList(&head) == &entries[1] && RtlFirstEntrySList(&head) == &entries[1]);
    CHECK(QueryDepthSList(&head) == 2 && ExQueryDepthSList(&head) == 2);
    CHECK(head.HeaderX64.Depth == 2 && head.HeaderX64.Sequence == 2 && head.HeaderX64.Reserved == 0);
    CHECK((uintptr_t)head.HeaderX64.NextEntry << 4 == (uintptr_t)&entries[1]);
    CHECK(InterlockedPopEntrySList(&head) == &entries[1]);
    entries[2].Next = &entries[3];
    CHECK(InterlockedPushListSListEx(&head, &entries[2], &entries[3], 2) == &entries[0]);
    entries[4].Next = &entries[5];
    CHECK(RtlInterlockedPushListSListEx(&head, &entries[4], &entries[5], 2) == &entries[2]);
    CHECK(QueryDepthSList(&head) == 5);
    CHECK(InterlockedFlushSList(&head) == &entries[4]);
    CHECK(entries[4].Next == &entries[5] && entries[5].Next == &entries[2] && entries[2].Next == &entries[3]);
    CHECK(entries[3].Next == &entries[0] && entries[0].Next == NULL && QueryDepthSList(&head) == 0);

    ExInitializeSListHead(&head);
    CHECK(ExInterlockedPushEntrySList(&head, &entries[0], &lock) == NULL);
    CHECK(ExInterlockedPushEntrySList(&head, &entries[1], &lock) == &entries[0]);
    CHECK(ExInterlockedPopEntrySList(&head, &lock) == &entries[1]);
    CHECK(ExInterlockedFlushSList(&head) == &entries[0] && ExInterlockedPopEntrySList(&head, &lock) == NULL);

    RtlInitializeSListHead(&head);
    CHECK(RtlInterlockedPushEntrySList(&head, &entries[0]) == NULL);
    entries[2].Next = &entries[3];
    CHECK(InterlockedPushListSList(&head, &entries[2], &entries[3], 2) == &entries[0]);
    entries[4].Next = &entries[5];
    CHECK(RtlInterlockedPushListSList(&head, &entries[4], &entries[5], 2) == &entries[2]);
    CHECK(RtlQueryDepthSList(&head) == 5 && RtlInterlockedPopEntrySList(&head) == &entries[4]);
    CHECK(RtlInterlockedFlushSList(&head) == &entries[5] && RtlQueryDepthSList(&head) == 0);

    for (at = 0; at < 65536; at++) {
        InterlockedPushEntrySList(&head, &entries[at]);
    }
    CHECK(QueryDepthSList(&head) == 0 && FirstEntrySList(&head) == &entries[65535]);
    CHECK(InterlockedPopEntrySList(&head) == &entries[65535] && QueryDepthSList(&head) == 65535);
    CHECK(raised_by(initialize_misaligned) == STATUS_DATATYPE_MISALIGNMENT);
    CHECK(raised_by(initialize_null) == STATUS_INVALID_PARAMETER);
}

/* Linked lists. */

#ifdef __cplusplus
/* Classes that hold lists are rarely plain structures, which is all that offsetof is for. */
class Holder {
public:
    virtual ~Holder() {}
    static Holder *of(PLOOKASIDE_LIST_EX list) { return CONTAINING_RECORD(list, Holder, list_); }
    PLOOKASIDE_LIST_EX list() { return &list_; }

private:
    LOOKASIDE_LIST_EX list_;
};
#endif

static void linked_lists(void)
{
    struct record {
        ULONG number;
        LIST_ENTRY link;
    } records[6];
    LIST_ENTRY ring;
    SINGLE_LIST_ENTRY single = {NULL}, links[2];
    unsigned at;
    for (at = 0; at < 6; at++) {
        records[at].number = at;
    }
    InitializeListHead(&ring);
    CHECK(IsListEmpty(&ring) && RemoveHeadList(&ring) == &ring && RemoveTailList(&ring) == &ring);
    InsertHeadList(&ring, &records[1].link);
    InsertHeadList(&ring, &records[0].link);
    InsertTailList(&ring, &records[2].link);
    CHECK(!IsListEmpty(&ring));
    for (at = 0; at < 3; at++) {
        PLIST_ENTRY entry = RemoveHeadList(&ring);
        CHECK(CONTAINING_RECORD(entry, struct record, link)->number == at);
        InsertTailList(&ring, entry);
    }
    CHECK(RemoveTailList(&ring) == &records[2].link);
    CHECK(RemoveEntryList(&records[0].link) == FALSE && RemoveEntryList(&records[1].link) == TRUE);
    CHECK(IsListEmpty(&ring));

    InsertTailList(&ring, &records[0].link);
    InitializeListHead(&records[1].link);
    InsertTailList(&records[1].link, &records[2].link);
    AppendTailList(&ring, &records[1].link);
    for (at = 0; at < 3; at++) {
        CHECK(RemoveHeadList(&ring) == &records[at].link);
    }
    CHECK(IsListEmpty(&ring));

    CHECK(PopEntryList(&single) == NULL);
    PushEntryList(&single, &links[0]);
    PushEntryList(&single, &links[1]);
    CHECK(PopEntryList(&single) == &links[1] && PopEntryList(&single) == &links[0] && PopEntryList(&single) == NULL);
#ifdef __cplusplus
    static Holder holder;
    CHECK(Holder::of(holder.list()) == &holder);
#endif
}

/* Lists under a spin lock, which two threads use at once. */

enum { LOCKED_ENTRIES = 64, LOCKED_ROUNDS = 20000 };
static LIST_ENTRY locked_ring, locked_links[LOCKED_ENTRIES];
static SINGLE_LIST_ENTRY locked_stack, locked_singles[LOCKED_ENTRIES];
static KSPIN_LOCK locked;

static void *move_entries(void *unused)
{
    int round;
    (void)unused;
    for (round = 0; round < LOCKED_ROUNDS; round++) {
        PLIST_ENTRY entry = ExInterlockedRemoveHeadList(&locked_ring, &locked);
        PSINGLE_LIST_ENTRY single = ExInterlockedPopEntryList(&locked_stack, &locked);
        if (entry != NULL) {
            if (round % 2 == 0) {
                ExInterlockedInsertHeadList(&locked_ring, entry, &locked);
            } else {
                ExInterlockedInsertTailList(&locked_ring, entry, &locked);
            }
        }
        if (single != NULL) {
            ExInterlockedPushEntryList(&locked_stack, single, &locked);
        }
    }
    return NULL;
}

static void locked_lists(void)
{
    pthread_t other;
    int at, count = 0, singles = 0;
    InitializeListHead(&locked_ring);
    CHECK(ExInterlockedRemoveHeadList(&locked_ring, &locked) == NULL);
    CHECK(ExInterlockedPopEntryList(&locked_stack, &locked) == NULL);
    CHECK(ExInterlockedInsertTailList(&locked_ring, &locked_links[1], &locked) == NULL);
    CHECK(ExInterlockedInsertHeadList(&locked_ring, &locked_links[0], &locked) == &locked_links[1]);
    CHECK(ExInterlockedInsertTailList(&locked_ring, &locked_links[2], &locked) == &locked_links[1]);
    CHECK(ExInterlockedPushEntryList(&locked_stack, &locked_singles[0], &locked) == NULL);
    CHECK(ExInterlockedPushEntryList(&locked_stack, &locked_singles[1], &locked) == &locked_singles[0]);
    for (at = 3; at < LOCKED_ENTRIES; at++) {
        InsertTailList(&locked_ring, &locked_links[at]);
    }
    CHECK(pthread_create(&other, NULL, move_entries, NULL) == 0);
    move_entries(NULL);
    CHECK(pthread_join(other, NULL) == 0 && locked == 0);
    while (ExInterlockedRemoveHeadList(&locked_ring, &locked) != NULL) {
        count++;
    }
    while (ExInterlockedPopEntryList(&locked_stack, &locked) != NULL) {
        singles++;
    }
    CHECK(count == LOCKED_ENTRIES && singles == 2);
}

static LIST_ENTRY corrupt_ring, corrupt_entry;
static void make_corrupt(void)
{
    InitializeListHead(&corrupt_ring);
    InsertHeadList(&corrupt_ring, &corrupt_entry);
    corrupt_entry.Blink = &corrupt_entry;
}

static void cases(const char *name)
{
    CASE("slists") slists();
    CASE("linked lists") linked_lists();
    CASE("locked lists") locked_lists();

    /* Those that end the process. */

    CASE("push of a misaligned entry")
    {
        InterlockedPushEntrySList(&room.aligned, (PSLIST_ENTRY)(void *)((char *)&entries[0] + 8));
    }
    CASE("push of a null entry") InterlockedPushEntrySList(&room.aligned, NULL);
    CASE("pop from a misaligned list") InterlockedPopEntrySList((PSLIST_HEADER)(void *)(room.bytes + 8));
    CASE("pop from a null list") InterlockedPopEntrySList(NULL);
    CASE("corrupt entry, removed") make_corrupt(), RemoveEntryList(&corrupt_entry);
    CASE("corrupt entry, head removed") make_corrupt(), RemoveHeadList(&corrupt_ring);
    CASE("corrupt entry, tail removed")
    {
        make_corrupt();
        corrupt_entry.Flink = &corrupt_entry;
        RemoveTailList(&corrupt_ring);
    }
    CASE("corrupt ring, head inserted") make_corrupt(), InsertHeadList(&corrupt_ring, &corrupt_entry);
    CASE("corrupt ring, tail inserted") make_corrupt(), InsertTailList(&corrupt_ring, &corrupt_entry);
    CASE("corrupt ring, appended") make_corrupt(), AppendTailList(&corrupt_ring, &corrupt_entry);
}
