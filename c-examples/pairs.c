/* Two clients of one device, as the kernel's own pairs: each has its processor lists, and they share one list behind
 * them. A block goes back to the processor that it came from, which its first word remembers.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>

#include "lookaside.h"

enum { PACKETS = 6 };

typedef struct packet {
    uint32_t processor;
    char bytes[60];
} packet;

static lookaside_list shared, reader, writer;
static lookaside_pp_table table;

static int make(lookaside_list *list, const char *name, lookaside_topology topology, lookaside_list *behind)
{
    lookaside_parameters parameters = {
        .struct_size = sizeof parameters,
        .size = sizeof(packet),
        .name = name,
        .tag = LOOKASIDE_TAG('I', 'r', 'p', 's'),
        .pool_type = LOOKASIDE_POOL_PAGED,
        .topology = topology,
        .tuning = LOOKASIDE_TUNING_MANUAL,
        .initial_depth = 2,
        .batch = 1,
        .shared = behind,
    };
    return lookaside_list_initialize(list, &parameters) == LOOKASIDE_STATUS_SUCCESS;
}

static packet *take(uint32_t number)
{
    packet *taken = lookaside_pp_allocate(&table, number);
    if (taken != NULL) {
        taken->processor = (uint32_t)sched_getcpu();
    }
    return taken;
}

static void print_counts(const char *when)
{
    lookaside_statistics statistics = {.struct_size = sizeof statistics};
    lookaside_list_statistics(&shared, &statistics);
    printf("%s: the shared list saw %d allocates, %d misses, %d frees, and keeps %d blocks\n", when,
           (int)statistics.list.total_allocates, (int)statistics.list.allocate_misses,
           (int)statistics.list.total_frees, (int)statistics.list.current_depth);
}

int main(void)
{
    uint32_t small = (uint32_t)lookaside_pp_number(LOOKASIDE_PP_SMALL_IRP, LOOKASIDE_KERNEL_6_1);
    uint32_t large = (uint32_t)lookaside_pp_number(LOOKASIDE_PP_LARGE_IRP, LOOKASIDE_KERNEL_6_1);
    packet *packets[PACKETS];

    /* On one processor, so that the numbers below are the same everywhere. */
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);

    if (!make(&shared, "shared", LOOKASIDE_TOPOLOGY_GENERAL, NULL) ||
        !make(&reader, "reader", LOOKASIDE_TOPOLOGY_PAIR, &shared) ||
        !make(&writer, "writer", LOOKASIDE_TOPOLOGY_PAIR, &shared) ||
        lookaside_pp_set(&table, small, &reader, &shared) != LOOKASIDE_STATUS_SUCCESS ||
        lookaside_pp_set(&table, large, &writer, &shared) != LOOKASIDE_STATUS_SUCCESS) {
        return 1;
    }
    for (int i = 0; i < PACKETS; i++) {
        packets[i] = take(small);
        if (packets[i] == NULL) {
            return 1;
        }
    }
    print_counts("after 6 reads");
    for (int i = 0; i < PACKETS; i++) {
        lookaside_pp_free(&table, small, packets[i], packets[i]->processor);
    }
    print_counts("after they ended");
    for (int i = 0; i < 2; i++) {
        packets[i] = take(large);
    }
    print_counts("after 2 writes");
    for (int i = 0; i < 2; i++) {
        lookaside_pp_free(&table, large, packets[i], LOOKASIDE_CURRENT_PROCESSOR);
    }
    printf("delete of the shared list first: %s\n", lookaside_status_string(lookaside_list_delete(&shared)));
    lookaside_list_delete(&reader);
    lookaside_list_delete(&writer);
    printf("and last: %s\n", lookaside_status_string(lookaside_list_delete(&shared)));
    return 0;
}
