/* What the contenders in C and C++ have in common: each is a shared library of its own, which exports these functions
 * and is loaded by the rounds that need it. */

#ifndef LOOKASIDE_PEER_H
#define LOOKASIDE_PEER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A pool of blocks of one size, with its calls. */
struct peer {
    void *pool;
    /* A block, or NULL where the pool has a fixed number of blocks and all are out. */
    void *(*allocate)(void *pool);
    void (*free)(void *pool, void *block);
    /* Returns how many there are: all that are asked for or none. NULL for pools that have no such calls. */
    size_t (*allocate_many)(void *pool, void **blocks, size_t count);
    void (*free_many)(void *pool, void *const *blocks, size_t count);
    /* The free blocks that the pool keeps. NULL for pools that do not know. */
    uint64_t (*kept)(void *pool);
    /* May be NULL. */
    void (*destroy)(void *pool);
};

/* Makes a pool of this shape, for blocks of this size, and returns NULL; or returns why there is none. */
const char *lookaside_peer_make(const char *shape, size_t size, struct peer *peer);

/* For libraries that have to be started before any pool is made; the others have no such function. Returns NULL, or why
 * it cannot be. Making a pool starts the library too. */
const char *lookaside_peer_start(void);

/* The version that the library was built with. */
const char *lookaside_peer_version(void);

#ifdef __cplusplus
}
#endif

#endif
