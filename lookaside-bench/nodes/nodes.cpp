// Containers of nodes under several allocators: see nodes.h. Built once with -DFOONATHAN for foonathan/memory alone,
// which is a library of its own, and once without it for all others. The calls of lists are those of lookaside.hpp, as in
// every program; liblookaside.so has been loaded before this.

#include <cstring>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "allocators.hpp"
#include "btree.hpp"

#ifdef FOONATHAN
#include <foonathan/memory/memory_pool.hpp>
#include <mutex>
#else
// As in a program: the command never unloads what this becomes a part of.
#define LOOKASIDE_INLINE_STAYS
#include "lookaside.hpp"
#if __has_include(<boost/pool/pool_alloc.hpp>)
#include <boost/pool/pool_alloc.hpp>
#define BOOST 1
#endif
#endif

const nodes_host *host;

struct nodes {
    virtual ~nodes() = default;
    virtual std::uint64_t run(std::uint64_t changes) = 0;
    virtual std::uint64_t size() const = 0;

    // Marsaglia's xorshift.
    std::uint64_t random()
    {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        return state;
    }

private:
    std::uint64_t state = 0x9E3779B97F4A7C15;
};

namespace {

// An index of the last 4,096 events by time. A change brings an event, forgets the oldest, and finds any.
template <template <class> class Allocator> struct Index final : nodes {
    static constexpr std::size_t events = 4096;

    std::uint64_t run(std::uint64_t changes) override
    {
        std::uint64_t sum = 0;
        for (std::uint64_t change = 0; change < changes; change++) {
            std::uint64_t &oldest = keys[now % events];
            if (oldest != 0) {
                sum += tree.erase(oldest);
            }
            now++;
            // Events are reported up to 64 ticks late; the lower half makes the key its own.
            oldest = (now + random() % 64) << 32 | (now & 0xFFFFFFFF);
            tree.insert(oldest, now);
            sum += tree.find(keys[random() % events]);
        }
        return sum;
    }

    std::uint64_t size() const override { return tree.size(); }

    BTree<Allocator> tree;
    std::vector<std::uint64_t> keys = std::vector<std::uint64_t>(events);
    std::uint64_t now = 0;
};

// Sessions in the order of their use, as java.util.LinkedHashMap keeps them in access order when its documentation's
// removeEldestEntry bounds it: a hash map that leads into a linked list, with a node in both for each of up to 4,096. A
// change is one use of a session, of which a quarter is known.
template <template <class> class Allocator> struct Sessions final : nodes {
    static constexpr std::uint64_t most = 4096;

    struct Session {
        std::uint64_t key, uses;
        char about[32];
    };
    using List = std::list<Session, Allocator<Session>>;
    using Place = typename List::iterator;
    using Pair = std::pair<const std::uint64_t, Place>;
    using Map = std::unordered_map<std::uint64_t, Place, std::hash<std::uint64_t>, std::equal_to<std::uint64_t>,
                                   Allocator<Pair>>;

    Sessions() { places.reserve(most); }

    std::uint64_t run(std::uint64_t changes) override
    {
        std::uint64_t sum = 0;
        for (std::uint64_t change = 0; change < changes; change++) {
            const std::uint64_t key = random() % (4 * most);
            const auto found = places.find(key);
            if (found != places.end()) {
                sessions.splice(sessions.begin(), sessions, found->second);
                sum += ++found->second->uses;
                continue;
            }
            if (sessions.size() == most) {
                sum += sessions.back().uses;
                places.erase(sessions.back().key);
                sessions.pop_back();
            }
            sessions.push_front(Session{key, 1, {}});
            places.emplace(key, sessions.begin());
        }
        return sum;
    }

    std::uint64_t size() const override { return sessions.size(); }

    List sessions;
    Map places;
};

// A queue of 64 numbers. A change is one more at its end, and one less at its front.
template <template <class> class Allocator> struct Queue final : nodes {
    static constexpr std::uint64_t most = 64;

    Queue() : numbers(most, 1) {}

    std::uint64_t run(std::uint64_t changes) override
    {
        std::uint64_t sum = 0;
        for (std::uint64_t change = 0; change < changes; change++) {
            numbers.push_back(change);
            sum += numbers.front();
            numbers.pop_front();
        }
        return sum;
    }

    std::uint64_t size() const override { return numbers.size(); }

    std::list<std::uint64_t, Allocator<std::uint64_t>> numbers;
};

// A map or a set of 1,024 random keys. A change takes one of them out, and puts another in.
template <class Container> struct Keys final : nodes {
    static constexpr std::uint64_t most = 1024;

    Keys()
    {
        for (std::uint64_t &key : keys) {
            put(key = random());
        }
    }

    std::uint64_t run(std::uint64_t changes) override
    {
        std::uint64_t sum = 0;
        for (std::uint64_t change = 0; change < changes; change++) {
            std::uint64_t &key = keys[random() % most];
            sum += container.erase(key);
            put(key = random());
        }
        return sum;
    }

    std::uint64_t size() const override { return container.size(); }

private:
    void put(std::uint64_t key)
    {
        if constexpr (std::is_same_v<typename Container::value_type, std::uint64_t>) {
            container.insert(key);
        } else {
            container.emplace(key, key);
        }
    }

    Container container;
    std::vector<std::uint64_t> keys = std::vector<std::uint64_t>(most);
};

template <template <class> class Allocator> nodes *make(const char *container)
{
    using Key = std::uint64_t;
    using Pairs = Allocator<std::pair<const Key, Key>>;
    const auto is = [container](const char *name) { return std::strcmp(container, name) == 0; };
    if (is("btree")) {
        return new Index<Allocator>;
    }
    if (is("list")) {
        return new Queue<Allocator>;
    }
    if (is("map")) {
        return new Keys<std::map<Key, Key, std::less<Key>, Pairs>>;
    }
    if (is("set")) {
        return new Keys<std::set<Key, std::less<Key>, Allocator<Key>>>;
    }
    if (is("unordered-map")) {
        return new Keys<std::unordered_map<Key, Key, std::hash<Key>, std::equal_to<Key>, Pairs>>;
    }
    return new Sessions<Allocator>;
}

#ifdef FOONATHAN
// A pool for each size of node, which one thread owns, as the library's own containers have one. The first takes room for
// 256 nodes; it doubles from there.
template <std::size_t Size> struct FoonathanSource {
    using Pool = foonathan::memory::memory_pool<foonathan::memory::node_pool>;
    static constexpr std::size_t size = (Size + 15) / 16 * 16;

    static void *allocate()
    {
        if (__builtin_expect(pool == nullptr, 0)) {
            pool = new Pool(size, Pool::min_block_size(size, 256));
        }
        return pool->allocate_node();
    }
    static void free(void *block) { pool->deallocate_node(block); }

    static inline Pool *pool = nullptr;
};
template <class T> using FoonathanAllocator = NodeAllocator<T, FoonathanSource>;

// The same for threads that share it, as the library's thread_safe_allocator has it.
template <std::size_t Size> struct FoonathanMutexSource {
    static void *allocate()
    {
        const std::lock_guard<std::mutex> lock(mutex);
        return FoonathanSource<Size>::allocate();
    }
    static void free(void *block)
    {
        const std::lock_guard<std::mutex> lock(mutex);
        FoonathanSource<Size>::free(block);
    }

    static inline std::mutex mutex;
};
template <class T> using FoonathanMutexAllocator = NodeAllocator<T, FoonathanMutexSource>;
#elif defined(__cpp_lib_memory_resource)
// Containers over a resource, which is there as long as they are: the default one, where polymorphic allocators that are
// given none have their memory from.
template <class Resource> nodes *make_over(const char *container)
{
    static Resource resource;
    std::pmr::set_default_resource(&resource);
    return make<std::pmr::polymorphic_allocator>(container);
}
#endif

#ifdef BOOST
// As it comes, safe for threads by a mutex; and without, as its documentation has it for programs of one thread.
template <class T> using BoostAllocator = boost::fast_pool_allocator<T>;
template <class T>
using BoostUnsyncAllocator =
    boost::fast_pool_allocator<T, boost::default_user_allocator_new_delete, boost::details::pool::null_mutex>;
#endif

} // namespace

nodes *nodes_make(const char *container, const char *allocator, const nodes_host *with)
{
    const auto is = [allocator](const char *name) { return std::strcmp(allocator, name) == 0; };
    host = with;
#ifdef FOONATHAN
    if (is("foonathan")) {
        return make<FoonathanAllocator>(container);
    }
    return is("foonathan-mutex") ? make<FoonathanMutexAllocator>(container) : nullptr;
#else
#ifdef BOOST
    if (is("boost-fast-pool")) {
        return make<BoostAllocator>(container);
    }
    if (is("boost-fast-pool-unsync")) {
        return make<BoostUnsyncAllocator>(container);
    }
#endif
#ifdef __cpp_lib_memory_resource
    if (is("pmr-sync")) {
        return make_over<std::pmr::synchronized_pool_resource>(container);
    }
    if (is("pmr-unsync")) {
        return make_over<std::pmr::unsynchronized_pool_resource>(container);
    }
    if (is("lookaside-pmr")) {
        return make_over<lookaside::memory_resource>(container);
    }
#endif
    if (is("jemalloc")) {
        return make<JemallocAllocator>(container);
    }
    if (is("mimalloc")) {
        return make<MimallocAllocator>(container);
    }
    if (is("lookaside") || is("lookaside-slots")) {
        return make<lookaside::allocator>(container);
    }
    return is("glibc") ? make<std::allocator>(container) : nullptr;
#endif
}

uint64_t nodes_run(nodes *nodes, uint64_t changes, uint64_t *size)
{
    const uint64_t sum = nodes->run(changes);
    *size = nodes->size();
    return sum;
}
