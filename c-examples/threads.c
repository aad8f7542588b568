/* Two threads on one list: a producer allocates and fills blocks, a consumer checks and frees them.
 *
 * The two hand the blocks over through a ring under a lock; the list itself needs none. At the end the list's
 * statistics must add up.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lookaside.h"

enum { MESSAGES = 200000, RING = 256 };

struct message {
    uint64_t number;
    uint64_t square;
};

static lookaside_list list;

static struct message *ring[RING];
static size_t sent, received;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

static void send_message(struct message *message)
{
    pthread_mutex_lock(&lock);
    while (sent - received == RING) {
        pthread_cond_wait(&moved, &lock);
    }
    ring[sent++ % RING] = message;
    pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
}

static struct message *receive_message(void)
{
    pthread_mutex_lock(&lock);
    while (sent == received) {
        pthread_cond_wait(&moved, &lock);
    }
    struct message *message = ring[received++ % RING];
    pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
    return message;
}

static void *produce(void *unused)
{
    for (uint64_t number = 0; number < MESSAGES; number++) {
        struct message *message = lookaside_list_allocate(&list);
        if (message == NULL) {
            puts("no block to be had");
            exit(EXIT_FAILURE);
        }
        message->number = number;
        message->square = number * number;
        send_message(message);
    }
    return unused;
}

static void *consume(void *wrong)
{
    for (uint64_t number = 0; number < MESSAGES; number++) {
        struct message *message = receive_message();
        if (message->number != number || message->square != number * number) {
            ++*(uint64_t *)wrong;
        }
        lookaside_list_free(&list, message);
    }
    return NULL;
}

/* Whether a list keeps the blocks that came less those that went. Batches move blocks between its two levels. */
static int adds_up(const lookaside_counters *c, uint64_t by_batches)
{
    uint64_t came = c->total_frees - c->free_misses + c->added + by_batches;
    uint64_t went = c->total_allocates - c->allocate_misses + c->removed;
    return came - went == c->current_depth;
}

int main(void)
{
    lookaside_parameters parameters = {
        .struct_size = sizeof parameters,
        .size = sizeof(struct message),
        .name = "messages",
        .tag = LOOKASIDE_TAG('M', 's', 'g', 's'),
        .pool_type = LOOKASIDE_POOL_PAGED,
    };
    lookaside_status status = lookaside_list_initialize(&list, &parameters);
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        printf("no list: %s\n", lookaside_status_string(status));
        return EXIT_FAILURE;
    }

    pthread_t producer, consumer;
    uint64_t wrong = 0;
    if (pthread_create(&producer, NULL, produce, NULL) != 0 || pthread_create(&consumer, NULL, consume, &wrong) != 0) {
        puts("no threads");
        return EXIT_FAILURE;
    }
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    printf("%d messages, %" PRIu64 " of them wrong\n", MESSAGES, wrong);

    lookaside_statistics statistics = {.struct_size = sizeof statistics};
    status = lookaside_list_statistics(&list, &statistics);
    int well = status == LOOKASIDE_STATUS_SUCCESS && wrong == 0;
    printf("allocates %" PRIu64 ", frees %" PRIu64 ", blocks out %" PRIu64 "\n", statistics.list.total_allocates,
           statistics.list.total_frees, statistics.outstanding);
    well &= statistics.outstanding == 0;

    /* To the processor lists come the refilled blocks, to the shared list the spilled ones. */
    const lookaside_counters *processor = &statistics.processor, *shared = &statistics.shared;
    struct {
        const char *name;
        int sound;
    } checks[] = {
        {"whole list", adds_up(&statistics.list, 0)},
        {"processor lists", adds_up(processor, processor->refilled - processor->spilled)},
        {"shared list", adds_up(shared, shared->spilled - shared->refilled)},
        {"pool", statistics.pool_allocates - statistics.pool_frees == statistics.list.current_depth},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        printf("%s: %s\n", checks[i].name, checks[i].sound ? "adds up" : "DOES NOT ADD UP");
        well &= checks[i].sound;
    }

    status = lookaside_list_delete(&list);
    printf("deleted: %s\n", lookaside_status_string(status));
    well &= status == LOOKASIDE_STATUS_SUCCESS;
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
