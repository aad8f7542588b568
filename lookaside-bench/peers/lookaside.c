/* Lists of liblookaside.so, which has been loaded before this. A round calls the library's functions themselves, as a C
 * program does: there is none between. */

#include "list.h"

const char *lookaside_peer_make(const char *shape, size_t size, struct peer *peer)
{
    (void)shape;
    const char *reason = make_list(size, peer);
    if (reason == NULL) {
        peer->allocate = (void *(*)(void *))lookaside_list_allocate;
        peer->free = (void (*)(void *, void *))lookaside_list_free;
        peer->allocate_many = (size_t(*)(void *, void **, size_t))lookaside_list_allocate_many;
        peer->free_many = (void (*)(void *, void *const *, size_t))lookaside_list_free_many;
    }
    return reason;
}
