/* A list of a C program that includes lookaside_inline.h, and the loops of workloads in which its calls are inlined.
 *
 * The loops do what those in src/workloads do. For the other workloads there are functions: one call more than a C
 * program has. */

#include "lookaside_inline.h"
#include "list.h"

enum { BATCH = 128, PLACES = 512 };

const char *inlined_make(const char *shape, size_t size, struct peer *peer);
void inlined_pair(lookaside_list *list, uint64_t pairs);
void inlined_batch(lookaside_list *list, uint64_t pairs);
void inlined_random(lookaside_list *list, void **places, uint64_t *random, uint64_t pairs);

/* Writes to a block that was just handed out, where the compiler cannot see what it is. */
static inline void *touch(void *block)
{
    __asm__ __volatile__("" : "+r"(block) : : "memory");
    *(volatile uint64_t *)block = 1;
    return block;
}

static void *allocate(void *list)
{
    return lookaside_list_allocate_inline(list);
}

static void release(void *list, void *block)
{
    lookaside_list_free_inline(list, block);
}

static size_t allocate_many(void *list, void **out, size_t count)
{
    for (size_t filled = 0; filled < count; filled++) {
        out[filled] = lookaside_list_allocate_inline(list);
        if (out[filled] == NULL) {
            return filled;
        }
    }
    return count;
}

static void free_many(void *list, void *const *blocks, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        lookaside_list_free_inline(list, blocks[index]);
    }
}

const char *inlined_make(const char *shape, size_t size, struct peer *peer)
{
    (void)shape;
    const char *reason = make_list(size, peer);
    if (reason == NULL) {
        peer->allocate = allocate;
        peer->free = release;
        peer->allocate_many = allocate_many;
        peer->free_many = free_many;
    }
    return reason;
}

/* One block out, and in again. */
void inlined_pair(lookaside_list *list, uint64_t pairs)
{
    for (uint64_t pair = 0; pair < pairs; pair++) {
        lookaside_list_free_inline(list, touch(lookaside_list_allocate_inline(list)));
    }
}

/* 128 blocks out, then all in, the oldest first. */
void inlined_batch(lookaside_list *list, uint64_t pairs)
{
    void *blocks[BATCH];
    for (uint64_t batch = 0; batch < (pairs + BATCH - 1) / BATCH; batch++) {
        for (int index = 0; index < BATCH; index++) {
            blocks[index] = touch(lookaside_list_allocate_inline(list));
        }
        for (int index = 0; index < BATCH; index++) {
            lookaside_list_free_inline(list, blocks[index]);
        }
    }
}

/* Allocates and frees in no order, by Marsaglia's xorshift, in 512 places. */
void inlined_random(lookaside_list *list, void **places, uint64_t *random, uint64_t pairs)
{
    uint64_t number = *random;
    for (uint64_t operation = 0; operation < 2 * pairs; operation++) {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        void **place = &places[(number >> 32) % PLACES];
        if (*place == NULL) {
            *place = touch(lookaside_list_allocate_inline(list));
        } else {
            lookaside_list_free_inline(list, *place);
            *place = NULL;
        }
    }
    *random = number;
}
