// foonathan/memory: "foonathan" is memory_pool<node_pool>, which one thread owns; "foonathan-mutex" is the same behind the
// library's own thread_safe_allocator with a std::mutex.

#include <cstring>
#include <exception>
#include <mutex>
#include <new>

#include <foonathan/memory/allocator_storage.hpp>
#include <foonathan/memory/config.hpp>
#include <foonathan/memory/memory_pool.hpp>
#include <foonathan/memory/namespace_alias.hpp>
#include <foonathan/memory/threading.hpp>

#include "peer.h"

namespace {

using Pool = memory::memory_pool<memory::node_pool>;

// Nodes in the first piece of memory that a pool takes; the pieces after it double.
constexpr std::size_t nodes = 256;

Pool pool_of(std::size_t size)
{
    return Pool(size, Pool::min_block_size(size, nodes));
}

struct Owned {
    explicit Owned(std::size_t size) : pool(pool_of(size)) {}

    void *allocate() { return pool.allocate_node(); }
    void free(void *block) { pool.deallocate_node(block); }
    std::uint64_t kept() { return pool.capacity_left() / pool.node_size(); }

    Pool pool;
};

struct Locked {
    explicit Locked(std::size_t size) : pool(pool_of(size)), size(size) {}

    void *allocate() { return pool.allocate_node(size, 16); }
    void free(void *block) { pool.deallocate_node(block, size, 16); }
    std::uint64_t kept() { return pool.lock()->capacity_left() / size; }

    memory::thread_safe_allocator<Pool, std::mutex> pool;
    std::size_t size;
};

template <class Kind>
const char *make(std::size_t size, peer &peer)
{
    peer.pool = new (std::nothrow) Kind(size);
    if (peer.pool == nullptr) {
        return "there is no memory";
    }
    peer.allocate = [](void *pool) { return static_cast<Kind *>(pool)->allocate(); };
    peer.free = [](void *pool, void *block) { static_cast<Kind *>(pool)->free(block); };
    peer.kept = [](void *pool) { return static_cast<Kind *>(pool)->kept(); };
    peer.destroy = [](void *pool) { delete static_cast<Kind *>(pool); };
    return nullptr;
}

} // namespace

const char *lookaside_peer_make(const char *shape, size_t size, peer *peer)
{
    *peer = {};
    // A node's alignment follows from its size.
    size = (size + 15) / 16 * 16;
    try {
        return std::strcmp(shape, "foonathan") == 0 ? make<Owned>(size, *peer) : make<Locked>(size, *peer);
    } catch (const std::exception &) {
        return "there is no memory";
    }
}

#define TEXT_LATER(number) #number
#define TEXT(number) TEXT_LATER(number)

const char *lookaside_peer_version()
{
    return "foonathan/memory " TEXT(FOONATHAN_MEMORY_VERSION_MAJOR) "." TEXT(FOONATHAN_MEMORY_VERSION_MINOR) "." TEXT(
        FOONATHAN_MEMORY_VERSION_PATCH);
}
