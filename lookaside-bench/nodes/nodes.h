/* What the command (src/nodes.rs) and the node containers in C++ know of each other. */
#ifndef NODES_H
#define NODES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The mallocs that the command has, and hands on. */
struct nodes_host {
    void *(*jemalloc)(size_t size);
    /* With flags, which are 0. */
    void (*jemalloc_free)(void *block, size_t size, int flags);
    /* For sizes of up to 128 words. */
    void *(*mimalloc)(size_t size);
    void (*mimalloc_free)(void *block);
};

/* A container of this kind with its nodes from this allocator; NULL if there is no such here. There is one of
 * them in a process, which stays. */
struct nodes *nodes_make(const char *container, const char *allocator, const struct nodes_host *host);

/* Changes it this number of times; returns a sum over what was found in it, the same for every allocator, and how many
 * elements are in it. */
uint64_t nodes_run(struct nodes *nodes, uint64_t changes, uint64_t *size);

#ifdef __cplusplus
}
#endif
#endif
