// lookaside.hpp: "containers" runs every case, of which each counts the blocks that it took and gave back. With the
// path of a shared object that was made of this file by -DOBJECT, it also hands containers to that.
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

#include "lookaside.hpp"

#if __has_include(<boost/container/list.hpp>) && __has_include(<boost/unordered_map.hpp>)
#include <boost/container/list.hpp>
#include <boost/container/map.hpp>
#include <boost/container/slist.hpp>
#include <boost/unordered_map.hpp>
#define BOOST 1
#endif

#ifdef ABSEIL
#include <absl/container/btree_map.h>
#include <absl/container/node_hash_map.h>
#include <absl/container/node_hash_set.h>
#endif

using numbers = std::list<int, lookaside::allocator<int>>;

#ifdef OBJECT

extern "C" __attribute__((visibility("default"))) void grow_and_shrink(numbers *list)
{
    list->pop_front();
    list->push_back(1);
}

#else

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "containers.cpp:%d: %s: %s\n", __LINE__, running, #condition);                        \
            std::exit(1);                                                                                              \
        }                                                                                                              \
    } while (0)

namespace {

const char *running = "";

struct traffic {
    std::uint64_t allocates = 0, frees = 0, outstanding = 0;
};

// Of all lists of the process.
traffic traffic_now()
{
    traffic sum;
    lookaside_list *last = nullptr;
    for (std::size_t size = 16; size <= LOOKASIDE_PROCESS_LIST_SIZE; size += size < 1024 ? 16 : 256) {
        lookaside_list *const list = lookaside_process_list(size, 0);
        CHECK(list != nullptr);
        if (list == std::exchange(last, list)) {
            continue;
        }
        lookaside_statistics statistics{};
        statistics.struct_size = sizeof statistics;
        CHECK(lookaside_list_statistics(list, &statistics) == LOOKASIDE_STATUS_SUCCESS);
        sum.allocates += statistics.list.total_allocates;
        sum.frees += statistics.list.total_frees;
        sum.outstanding += statistics.outstanding;
    }
    return sum;
}

// Runs a case that takes this number of blocks, or at least this number, from lists of the process. All come back.
enum class count { exactly, at_least };
template <class Case> void counted(const char *name, std::uint64_t blocks, Case run, count how = count::exactly)
{
    running = name;
    const traffic before = traffic_now();
    run();
    const traffic after = traffic_now();
    const std::uint64_t taken = after.allocates - before.allocates;
    CHECK(how == count::exactly ? taken == blocks : taken >= blocks);
    CHECK(after.frees - before.frees == taken && after.outstanding == 0);
}

bool is_aligned(const void *address, std::size_t alignment)
{
    return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

constexpr int SOME = 1000;
template <class T> using allocator = lookaside::allocator<T>;
template <class K, class V> using pairs = allocator<std::pair<const K, V>>;

void standard_containers()
{
    counted("list", 3 * SOME, [] {
        numbers one(SOME, 7), other(one);
        numbers moved(std::move(one));
        moved.splice(moved.begin(), other);
        CHECK(moved.size() == 2 * SOME);
        moved.remove(7);
        moved.assign(SOME, 8);
        swap(moved, other);
        CHECK(other.size() == SOME && moved.empty());
    });
    counted("map", SOME, [] {
        std::map<int, std::string, std::less<>, pairs<int, std::string>> map;
        for (int key = 0; key < SOME; key++) {
            map.emplace(key, std::to_string(key));
        }
        for (int key = 0; key < SOME; key += 2) {
            map.erase(key);
        }
        CHECK(map.size() == SOME / 2 && map[1] == "1");
        auto node = map.extract(3);
        node.key() = 4;
        map.insert(std::move(node));
        CHECK(map.at(4) == "3");
    });
    counted("set", SOME, [] {
        std::set<long, std::less<>, allocator<long>> set;
        for (long key = 0; key < SOME; key++) {
            set.insert(key * 7 % SOME);
        }
        CHECK(set.size() == SOME);
    });
    // Its table is operator new's.
    counted("unordered_map", SOME, [] {
        std::unordered_map<int, int, std::hash<int>, std::equal_to<int>, pairs<int, int>> map;
        for (int key = 0; key < SOME; key++) {
            map[key] = key;
        }
        map.rehash(10 * SOME);
        CHECK(map.size() == SOME && map[999] == 999);
    });
    counted("arrays", 0, [] {
        std::vector<int, allocator<int>> vector(2, 1);
        vector.resize(SOME);
        CHECK(vector.size() == SOME);
    });
    counted("an array of one", 1, [] { std::vector<int, allocator<int>> vector(1, 1); });
    counted("shared_ptr", SOME, [] {
        std::vector<std::shared_ptr<int>> owners;
        std::vector<std::weak_ptr<int>> watchers;
        for (int number = 0; number < SOME; number++) {
            owners.push_back(std::allocate_shared<int>(allocator<int>(), number));
            watchers.push_back(owners.back());
        }
        owners.clear();
        CHECK(watchers[0].expired());
    });
}

void allocators()
{
    running = "allocators";
    static_assert(std::is_empty_v<allocator<int>> && std::allocator_traits<allocator<int>>::is_always_equal::value);
    const allocator<int> ints;
    const allocator<long> longs(ints);
    const std::allocator_traits<allocator<int>>::rebind_alloc<long> rebound(ints);
    CHECK(ints == longs && !(longs != rebound));
    CHECK(std::allocator_traits<allocator<void>>::rebind_alloc<int>() == ints);
    counted("another copy", 1, [] {
        allocator<long> first, second;
        second.deallocate(first.allocate(1), 1);
    });
}

struct alignas(64) wide {
    char bytes[100];
};
struct alignas(8192) wider {
    char byte;
};
struct large {
    char bytes[40000];
};

template <class T> void in_a_list(std::uint64_t blocks)
{
    counted("alignment", blocks, [] {
        std::list<T, allocator<T>> list(20);
        for (T &element : list) {
            CHECK(is_aligned(&element, alignof(T)));
            std::memset(static_cast<void *>(&element), 1, sizeof element);
        }
        std::vector<T, allocator<T>> vector(3);
        CHECK(is_aligned(vector.data(), alignof(T)));
    });
}

void alignments()
{
    in_a_list<char>(20);
    in_a_list<long double>(20);
    in_a_list<wide>(20);
    in_a_list<wider>(0);
    in_a_list<large>(0);
}

struct shape : lookaside::pooled<shape> {
    shape() = default;
    virtual ~shape() = default;
    int edges = 3;
};
struct solid : shape {
    double volume[20] = {};
};
struct alignas(128) solid_of_its_own_line : shape {};
struct alignas(64) lanes : lookaside::pooled<lanes> {
    float parts[16];
};
struct huge : lookaside::pooled<huge> {
    char bytes[100000];
};

void classes()
{
    counted("pooled", 2, [] {
        std::unique_ptr<shape> one(new shape), other(new solid), lonely(new solid_of_its_own_line);
        CHECK(one->edges == 3 && is_aligned(lonely.get(), 128));
        std::unique_ptr<lanes> numbers_in_it(new lanes);
        CHECK(is_aligned(numbers_in_it.get(), 64));
        delete static_cast<shape *>(nullptr);
    });
    counted("pooled, not from lists", 0, [] {
        delete new huge;
        delete[] new shape[3];
        alignas(shape) char room[sizeof(shape)];
        (new (room) shape)->~shape();
    });
}

struct member_of_itself : lookaside::pooled<member_of_itself> {
    shape first; // Bases of two kinds take no room.
};
static_assert(sizeof(member_of_itself) == sizeof(shape));

lookaside_statistics statistics_of(const lookaside::list &list) { return list.statistics(); }

struct packet {
    int length, number;
};

void lists()
{
    running = "list";
    lookaside::list packets(64);
    const int line = __LINE__ - 1;
    char report[2048], name[64];
    CHECK(lookaside_report(packets.get(), report, sizeof report, nullptr) == LOOKASIDE_STATUS_SUCCESS);
    std::snprintf(name, sizeof name, "\"containers.cpp:%d\"", line);
    CHECK(std::strstr(report, name) != nullptr && packets && packets.status() == LOOKASIDE_STATUS_SUCCESS);
    {
        auto one = lookaside::make_unique<packet>(packets, 4, 2);
        CHECK(one->length == 4 && one->number == 2);
        auto other = lookaside::make_unique<const packet>(std::nothrow, packets, packet{5, 3});
        CHECK(other->length == 5 && statistics_of(packets).outstanding == 2);
        lookaside::unique_ptr<packet> taken = std::move(one);
        taken.reset();
        CHECK(statistics_of(packets).outstanding == 1);
        CHECK(!lookaside::make_unique<large>(std::nothrow, packets));
        CHECK(!lookaside::make_unique<wide>(std::nothrow, packets));
    }
    void *blocks[10];
    CHECK(packets.allocate_many(blocks, 10) == 10 && statistics_of(packets).outstanding == 10);
    packets.free_many(blocks, 10);
    packets.free(packets.allocate());
    packets.free(nullptr);
    packets.trim();
    packets.flush();
    CHECK(statistics_of(packets).outstanding == 0 && statistics_of(packets).list.current_depth == 0);

    lookaside_parameters parameters = lookaside::parameters(48, "by parameters");
    parameters.maximum_depth = 60000;
    lookaside::list none(std::nothrow, parameters);
    CHECK(!none && none.status() == LOOKASIDE_STATUS_INVALID_PARAMETER);
    CHECK(none.statistics().list.total_allocates == 0);
    const char *const verify = std::getenv("LOOKASIDE_VERIFY"); // Which would report it.
    CHECK((verify != nullptr && *verify == '1') || none.allocate(std::nothrow) == nullptr);
    parameters.maximum_depth = 16;
    lookaside::list some(parameters);
    CHECK(some.size() == 48 && some.alignment() == 16);

    lookaside::list_of<wide> wides("wides");
    auto object = wides.make_unique();
    CHECK(is_aligned(object.get(), 64) && wides.make_unique_nothrow());
    CHECK(statistics_of(wides).outstanding == 1);
}

void runs_and_caches()
{
    running = "runs and caches";
    lookaside::list list(64);
    {
        lookaside::run<32> taken(list, 20), given(list);
        CHECK(taken.size() == 20 && given.size() == 0);
        while (void *block = taken.take()) {
            given.give(block);
        }
        for (int block = 0; block < 40; block++) {
            given.give(list.allocate());
        }
        CHECK(statistics_of(list).outstanding == given.size());
        lookaside::run<4> few(list, 100);
        CHECK(few.size() == 4);
    }
    CHECK(statistics_of(list).outstanding == 0);
    {
        lookaside::cache<16> cache(list);
        for (int round = 0; round < 100; round++) {
            void *const one = cache.allocate(), *const other = cache.allocate(std::nothrow);
            cache.free(one);
            cache.free(other);
        }
        const lookaside_counters counters = cache.counters();
        CHECK(counters.total_allocates == 200 || counters.depth == 0);
        cache.flush();
        cache.free(list.allocate());
    }
    CHECK(statistics_of(list).outstanding == 0);
}

// What is asked of it is counted.
class upstream final : public std::pmr::memory_resource {
public:
    int taken = 0, out = 0;

private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        taken++, out++;
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t alignment) override
    {
        out--;
        std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override { return this == &other; }
};

std::uint64_t held_by(lookaside::memory_resource &resource)
{
    std::uint64_t held = 0;
    for (std::size_t number = 0; number < 32; number++) {
        lookaside_small_list_statistics list{};
        list.struct_size = sizeof list;
        CHECK(lookaside_small_pool_statistics(resource.get(), LOOKASIDE_POOL_PAGED, number, &list) ==
              LOOKASIDE_STATUS_SUCCESS);
        // Over the heap there are no processor lists.
        const lookaside_hit_counters &front = list.processor.total_allocates != 0 ? list.processor : list.shared;
        held += front.total_allocates - front.total_frees;
    }
    return held;
}

void memory_resources()
{
    running = "memory_resource";
    upstream behind;
    lookaside::memory_resource resource(&behind, "pmr"), other;
    CHECK(resource.is_equal(resource) && !resource.is_equal(other) && resource.upstream_resource() == &behind);
    CHECK(other.upstream_resource() == std::pmr::get_default_resource());
    {
        std::pmr::vector<std::pmr::string> strings(&resource);
        std::pmr::map<int, std::pmr::string> map(&resource);
        std::pmr::unordered_map<int, int> table(&resource);
        std::pmr::list<wide> list(3, &resource);
        for (int number = 0; number < SOME; number++) {
            strings.emplace_back(std::size_t(number), 'x');
            map.emplace(number, "a text that is longer than what a string holds by itself");
            table[number] = number;
        }
        CHECK(strings.back().size() == SOME - 1 && is_aligned(&list.back(), 64));
        CHECK(held_by(resource) >= 3 * SOME && behind.out > 3 && held_by(other) == 0);
        strings.erase(strings.begin(), strings.begin() + 10);
    }
    CHECK(held_by(resource) == 0 && behind.out == 0);
    const int taken = behind.taken;
    resource.deallocate(resource.allocate(512, 16), 512, 16);
    CHECK(behind.taken == taken);
    resource.deallocate(resource.allocate(513, 16), 513, 16);
    resource.deallocate(resource.allocate(8, 32), 8, 32);
    CHECK(behind.taken == taken + 2);
    resource.flush();
}

// Nodes that one thread takes and another gives back.
void threads()
{
    counted("threads", 2 * 50 * SOME, [] {
        const auto pass = [] {
            for (int round = 0; round < 50; round++) {
                numbers made(SOME, round);
                std::thread([gone = std::move(made)]() mutable { gone.clear(); }).join();
            }
        };
        std::thread one(pass), other(pass);
        one.join();
        other.join();
    });
}

#if defined(__cpp_exceptions)
struct refuses : lookaside::pooled<refuses> {
    explicit refuses(int) { throw 7; }
    char bytes[40];
};
struct alignas(64) refuses_in_line : lookaside::pooled<refuses_in_line> {
    refuses_in_line() { throw 7; }
};

template <class Exception, class Call> bool throws(Call call)
{
    try {
        call();
    } catch (const Exception &) {
        return true;
    }
    return false;
}

void exceptions()
{
    counted("a constructor that throws", 1, [] {
        CHECK(throws<int>([] { return new refuses(1); }) && throws<int>([] { return new refuses_in_line; }));
    });
    running = "exceptions";
    lookaside::list list(64);
    lookaside::list_of<refuses> refusing;
    CHECK(throws<int>([&] { return lookaside::make_unique<refuses>(list, 1); }));
    CHECK(throws<int>([&] { return lookaside::make_unique<refuses>(std::nothrow, list, 1); }));
    CHECK(throws<int>([&] { return refusing.make_unique(1); }));
    CHECK(statistics_of(list).list.total_frees == 2 && statistics_of(list).outstanding == 0);
    CHECK(statistics_of(refusing).list.total_frees == 1 && statistics_of(refusing).outstanding == 0);
    CHECK(throws<lookaside::error>([&] { return lookaside::make_unique<large>(list); }));
    CHECK(throws<std::bad_array_new_length>([] { return allocator<int>().allocate(~std::size_t(0)); }));
    CHECK(throws<std::bad_alloc>([] { return allocator<large>().allocate(~std::size_t(0) / sizeof(large)); }));
    try {
        lookaside::list none(0);
        CHECK(none.size() != 0);
    } catch (const lookaside::error &error) {
        CHECK(error.status() == LOOKASIDE_STATUS_INVALID_PARAMETER);
        CHECK(std::strcmp(error.what(), "STATUS_INVALID_PARAMETER") == 0);
    }
}
#endif

void boost_containers()
{
#ifdef BOOST
    counted("boost::container", 3 * SOME, [] {
        boost::container::list<int, allocator<int>> list(SOME, 7);
        boost::container::slist<int, allocator<int>> slist(SOME, 7);
        boost::container::map<int, int, std::less<int>, pairs<int, int>> map;
        for (int key = 0; key < SOME; key++) {
            map.emplace(key, key);
        }
        list.remove(7);
        CHECK(list.empty() && slist.size() == SOME && map.size() == SOME);
    });
    counted("boost::unordered_map", SOME, [] {
        boost::unordered_map<int, int, boost::hash<int>, std::equal_to<int>, pairs<int, int>> map;
        for (int key = 0; key < SOME; key++) {
            map[key] = key;
        }
        map.erase(3);
        CHECK(map.size() == SOME - 1);
    }, count::at_least);
#else
    std::puts("SKIP: the headers of Boost are not installed");
#endif
}

void abseil_containers()
{
#ifdef ABSEIL
    counted("absl::node_hash_map", SOME, [] {
        absl::node_hash_map<int, std::string, absl::Hash<int>, std::equal_to<int>, pairs<int, std::string>> map;
        for (int key = 0; key < SOME; key++) {
            map.emplace(key, std::to_string(key));
        }
        const std::string *const place = &map.at(7);
        map.rehash(10 * SOME);
        CHECK(&map.at(7) == place && map.erase(3) == 1 && map.size() == SOME - 1);
        auto moved = std::move(map);
        CHECK(moved.at(999) == "999");
    });
    counted("absl::node_hash_set", 2 * SOME, [] {
        absl::node_hash_set<long, absl::Hash<long>, std::equal_to<long>, allocator<long>> set;
        for (long key = 0; key < SOME; key++) {
            set.insert(key);
        }
        const auto copy = set;
        set.clear();
        CHECK(copy.size() == SOME && copy.contains(999) && !set.contains(999));
    });
    // Asks for its nodes as arrays of words.
    counted("absl::btree_map", 0, [] {
        absl::btree_map<int, int, std::less<int>, pairs<int, int>> map;
        for (int key = 0; key < SOME; key++) {
            map.emplace(key, key);
        }
        CHECK(map.erase(3) == 1 && map.size() == SOME - 1);
    });
#else
    std::puts("SKIP: pkg-config does not know Abseil's containers");
#endif
}

// The object has a pointer of its own to the same list.
void objects(const char *path)
{
    running = "a shared object";
    void *const object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(object != nullptr);
    void *const symbol = dlsym(object, "grow_and_shrink");
    CHECK(symbol != nullptr);
    const auto grow_and_shrink = reinterpret_cast<void (*)(numbers *)>(symbol);
    counted("a shared object", 4, [&] {
        numbers list(3, 1);
        grow_and_shrink(&list);
        CHECK(list.size() == 3);
    });
    CHECK(dlclose(object) == 0);
}

// Ends after everything, and before the library's own lists, which no destructor deletes.
numbers forgotten;

} // namespace

int main(int count, char **arguments)
{
    forgotten.clear();
    standard_containers();
    allocators();
    alignments();
    classes();
    lists();
    runs_and_caches();
    memory_resources();
    threads();
#if defined(__cpp_exceptions)
    exceptions();
#endif
    boost_containers();
    abseil_containers();
    if (count > 1) {
        objects(arguments[1]);
    }
    forgotten.push_back(1);
}

#endif
