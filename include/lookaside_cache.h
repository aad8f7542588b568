/* lookaside_cache.h - the hits of a lookaside_cache, inlined: an allocate and a free without a call.
 *
 * The cache must have been initialised, or be zeroed or deleted; apart from that each does what the call of lookaside.h
 * does, and makes that call for everything but a hit.
 */
#ifndef LOOKASIDE_CACHE_H
#define LOOKASIDE_CACHE_H

#include "lookaside.h"

#ifdef __cplusplus
extern "C" {
#endif

/* lookaside_cache_allocate. */
static inline void *lookaside_cache_allocate_inline(lookaside_cache *cache)
{
    uint64_t header = cache->header;
    uint64_t length = header & 0xFFFF;
    if (length == 0) {
        return lookaside_cache_allocate(cache);
    }
    cache->header = header + 0xFFFF; /* one hit more, one block less */
    return cache->blocks[length - 1];
}

/* lookaside_cache_free. */
static inline void lookaside_cache_free_inline(lookaside_cache *cache, void *block)
{
    uint64_t header = cache->header;
    uint64_t length = header & 0xFFFF;
    if (length >= cache->limit || block == NULL || (LOOKASIDE_ADDRESS(block) & cache->alignment_mask) != 0) {
        lookaside_cache_free(cache, block);
        return;
    }
    cache->blocks[length] = block;
    cache->header = header + 1;
}

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_CACHE_H */
