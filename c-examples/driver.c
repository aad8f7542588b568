/* The classic driver: a paged lookaside list of structures that a doubly linked list keeps track of.
 *
 * It creates both lists, adds two entries and removes one, five times over, removes the rest, prints the report, and
 * deletes the lookaside list.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookaside.h"

/* A doubly linked list: a head and links that are all alike, in a ring. */
struct link {
    struct link *next;
    struct link *previous;
};

static void ring_initialize(struct link *head)
{
    head->next = head->previous = head;
}

static int ring_is_empty(const struct link *head)
{
    return head->next == head;
}

static void ring_insert_first(struct link *head, struct link *link)
{
    link->next = head->next;
    link->previous = head;
    head->next->previous = link;
    head->next = link;
}

static struct link *ring_remove_first(struct link *head)
{
    struct link *first = head->next;
    head->next = first->next;
    first->next->previous = head;
    return first;
}

/* What the driver keeps a number of. The link stands inside, so the entry is found around it. */
struct entry {
    uint32_t number;
    uint32_t flags;
    struct link link;
    uint32_t checksum;
};

#define ENTRY_OF(address) ((struct entry *)((char *)(address) - offsetof(struct entry, link)))

static lookaside_list *blocks;
static struct link entries;
static uint32_t last_number;

static void add_entry(void)
{
    struct entry *entry = lookaside_list_allocate(blocks);
    if (entry == NULL) {
        puts("  no block to be had");
        return;
    }
    printf("  + block %p taken\n", (void *)entry);
    memset(entry, 0, sizeof *entry);
    entry->number = ++last_number;
    entry->checksum = ~entry->number;
    ring_insert_first(&entries, &entry->link);
    printf("  + entry %u linked in\n", (unsigned)entry->number);
}

static void remove_entry(void)
{
    if (ring_is_empty(&entries)) {
        puts("  no entry left to remove");
        return;
    }
    struct entry *entry = ENTRY_OF(ring_remove_first(&entries));
    if (entry->checksum != ~entry->number) {
        printf("  entry %u was overwritten\n", (unsigned)entry->number);
    }
    printf("  - entry %u unlinked\n", (unsigned)entry->number);
    lookaside_list_free(blocks, entry);
    printf("  - block %p given back\n", (void *)entry);
}

static void print_report(const lookaside_list *list)
{
    char text[2048];
    lookaside_status status = lookaside_report(list, text, sizeof text, NULL);
    if (status == LOOKASIDE_STATUS_SUCCESS) {
        fputs(text, stdout);
    } else {
        printf("no report: %s\n", lookaside_status_string(status));
    }
}

int main(void)
{
    puts("driver: start");
    blocks = aligned_alloc(_Alignof(lookaside_list), sizeof *blocks);
    if (blocks == NULL) {
        puts("driver: no memory for the list object");
        return EXIT_FAILURE;
    }
    memset(blocks, 0, sizeof *blocks);
    printf("driver: list object at %p\n", (void *)blocks);

    lookaside_parameters parameters = {
        .struct_size = sizeof parameters,
        .size = sizeof(struct entry),
        .name = "driver!Blocks",
        .tag = LOOKASIDE_TAG('D', 'e', 'm', 'o'),
        .pool_type = LOOKASIDE_POOL_PAGED,
    };
    lookaside_status status = lookaside_list_initialize(blocks, &parameters);
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        printf("driver: no list: %s\n", lookaside_status_string(status));
        free(blocks);
        return EXIT_FAILURE;
    }
    printf("driver: lookaside list of %zu-byte blocks ready\n", sizeof(struct entry));
    ring_initialize(&entries);
    puts("driver: doubly linked list ready, and empty");

    for (int round = 1; round <= 5; round++) {
        printf("round %d: two in, one out\n", round);
        add_entry();
        add_entry();
        remove_entry();
    }
    puts("end: everything out");
    while (!ring_is_empty(&entries)) {
        remove_entry();
    }
    puts("driver: doubly linked list empty again");

    print_report(blocks);

    status = lookaside_list_delete(blocks);
    printf("driver: lookaside list deleted: %s\n", lookaside_status_string(status));
    memset(blocks, 0, sizeof *blocks);
    printf("driver: list object at %p released\n", (void *)blocks);
    free(blocks);
    puts("driver: stop");
    return status == LOOKASIDE_STATUS_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
