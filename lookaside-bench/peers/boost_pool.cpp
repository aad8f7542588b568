// Boost.Pool: "boost-pool" is boost::pool, which one thread owns; "boost-singleton-pool" is boost::singleton_pool, the
// library's pool for threads, a boost::pool behind a mutex. The size of the latter's blocks is part of its type.

#include <cstring>
#include <mutex>
#include <new>

#include <boost/pool/pool.hpp>
#include <boost/pool/singleton_pool.hpp>
#include <boost/version.hpp>

#include "peer.h"

namespace {

using Pool = boost::pool<boost::default_user_allocator_malloc_free>;

const char *make_pool(std::size_t size, peer &peer)
{
    peer.pool = new (std::nothrow) Pool(size);
    if (peer.pool == nullptr) {
        return "there is no memory";
    }
    peer.allocate = [](void *pool) { return static_cast<Pool *>(pool)->malloc(); };
    peer.free = [](void *pool, void *block) { static_cast<Pool *>(pool)->free(block); };
    peer.destroy = [](void *pool) { delete static_cast<Pool *>(pool); };
    return nullptr;
}

struct Tag;

template <std::size_t Size>
using Singleton = boost::singleton_pool<Tag, Size, boost::default_user_allocator_malloc_free, std::mutex>;

// The pool of the smallest power of two that holds `size`.
template <std::size_t Size = 16>
const char *make_singleton(std::size_t size, peer &peer)
{
    if constexpr (Size > 4096) {
        return "the blocks are too large";
    } else {
        if (size > Size) {
            return make_singleton<2 * Size>(size, peer);
        }
        peer.allocate = [](void *) { return Singleton<Size>::malloc(); };
        peer.free = [](void *, void *block) { Singleton<Size>::free(block); };
        // It lives as long as the process, and others may use it.
        peer.destroy = [](void *) {};
        return nullptr;
    }
}

} // namespace

const char *lookaside_peer_make(const char *shape, size_t size, peer *peer)
{
    *peer = {};
    // Blocks follow each other, so that their size decides about their alignment.
    size = (size + 15) / 16 * 16;
    return std::strcmp(shape, "boost-pool") == 0 ? make_pool(size, *peer) : make_singleton(size, *peer);
}

const char *lookaside_peer_version()
{
    return "Boost.Pool " BOOST_LIB_VERSION;
}
