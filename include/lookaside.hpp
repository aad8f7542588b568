/* lookaside.hpp - lookaside lists in C++17: containers, unique pointers and classes whose objects are blocks of lists.
 *
 * allocator<T>        for containers: each node from the list of its size, everything else from operator new
 * pooled<T>           a base that gives a class operator new and delete
 * list, list_of<T>    a list that lives as long as the object, and unique pointers to objects in its blocks
 * run<N>, cache<N>    many blocks at once, and a cache that one thread holds
 * memory_resource     for std::pmr, over a small pool
 *
 * Hits are inlined by lookaside_inline.h and lookaside_cache.h. It works without exceptions, where what would throw
 * ends the program by std::abort, and without RTTI. Calls are safe for any number of threads unless they say otherwise.
 * allocator and pooled use lookaside_process_list: so those of every shared object of a program are equal, and no
 * destructor can come too late for them. docs/cpp.md has programs.
 */
#ifndef LOOKASIDE_HPP
#define LOOKASIDE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#if defined(__has_include)
#if __has_include(<memory_resource>)
#include <memory_resource>
#endif
#endif

#include "lookaside_cache.h"
#include "lookaside_inline.h"

namespace lookaside {

/// Says why a list, a cache or a memory resource could not be made.
class error : public std::exception {
public:
    explicit error(lookaside_status status) noexcept : status_(status) {}
    /// Returns one of LOOKASIDE_STATUS_...
    lookaside_status status() const noexcept { return status_; }
    /// Returns the status by name.
    const char *what() const noexcept override { return lookaside_status_string(status_); }

private:
    lookaside_status status_;
};

namespace detail {

template <class Exception> [[noreturn]] void fail(const Exception &exception)
{
#if defined(__cpp_exceptions)
    throw exception;
#else
    static_cast<void>(exception);
    std::abort();
#endif
}

[[noreturn]] __attribute__((__noinline__, __cold__)) inline void fail_to_allocate() { fail(std::bad_alloc()); }

inline void *need(void *block)
{
    if (__builtin_expect(block == nullptr, 0)) {
        fail_to_allocate();
    }
    return block;
}

inline void need(lookaside_status status)
{
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        fail(error(status));
    }
}

constexpr std::size_t least_alignment = 16;

/// Whether there is a list for blocks of this kind.
constexpr bool has_list(std::size_t size, std::size_t alignment) noexcept
{
    return size <= LOOKASIDE_PROCESS_LIST_SIZE && alignment <= LOOKASIDE_PROCESS_LIST_ALIGNMENT;
}

/// Takes a block of a list that there may be no memory for.
inline void *allocate_from(lookaside_list *list) noexcept
{
    return list == nullptr ? nullptr : lookaside_list_allocate(list);
}

/// The list of what has asked for none yet. It is all zeroes, which no inlined call finds a block in.
__attribute__((__visibility__("hidden"))) inline lookaside_list no_list{};

/// The blocks of the process's list for this kind, which is known after the first call. Each shared object has a
/// pointer of its own to the one list, so that it is reached without a detour.
template <std::size_t Size, std::size_t Alignment> class process_blocks {
public:
    /// Takes a block. Throws std::bad_alloc.
    static void *allocate()
    {
#if LOOKASIDE_INLINED
        const lookaside_list *const list = known.load(std::memory_order_acquire);
        void *const block = lookaside_inline_take(list, lookaside_inline_area_in(list));
        if (__builtin_expect(block != nullptr, 1)) {
            return block;
        }
#endif
        return allocate_by_call();
    }

    static void free(void *block) noexcept
    {
#if LOOKASIDE_INLINED
        const lookaside_list *const list = known.load(std::memory_order_acquire);
        if (__builtin_expect(lookaside_inline_give(list, lookaside_inline_area_in(list), block), 1)) {
            return;
        }
#endif
        free_by_call(block);
    }

private:
    // What is not inlined is one call without a choice before it: then compilers inline the rest.
    __attribute__((__noinline__, __cold__)) static void *allocate_by_call() { return need(allocate_from(find())); }

    __attribute__((__noinline__, __cold__)) static void free_by_call(void *block) noexcept
    {
        lookaside_list_free(find(), block);
    }

    /// The list; nullptr where there is no memory for it.
    static lookaside_list *find() noexcept
    {
        lookaside_list *list = known.load(std::memory_order_acquire);
        if (list == &no_list) {
            list = lookaside_process_list(Size, Alignment);
            if (list != nullptr) {
                known.store(list, std::memory_order_release);
            }
        }
        return list;
    }

    /// Release and acquire: who finds the list has to find what is in it.
    __attribute__((__visibility__("hidden"))) static inline std::atomic<lookaside_list *> known{&no_list};
};

constexpr std::size_t alignment_of_blocks(std::size_t alignment) noexcept
{
    return alignment < least_alignment ? least_alignment : alignment;
}

constexpr std::size_t size_of_blocks(std::size_t size, std::size_t alignment) noexcept
{
    const std::size_t unit = alignment_of_blocks(alignment);
    return (size + unit - 1) / unit * unit;
}

/// Blocks for a T each. Types of nearly the same size share the pointer too.
template <class T>
using blocks_for = process_blocks<size_of_blocks(sizeof(T), alignof(T)), alignment_of_blocks(alignof(T))>;

/// operator new and delete for these bytes.
inline void *allocate_upstream(std::size_t bytes, std::size_t alignment)
{
    return alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__ ? ::operator new(bytes, std::align_val_t(alignment))
                                                        : ::operator new(bytes);
}

inline void free_upstream(void *block, std::size_t alignment) noexcept
{
    if (alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
        ::operator delete(block, std::align_val_t(alignment));
    } else {
        ::operator delete(block);
    }
}

/// A block that goes back to its list unless it is taken, such as when a constructor throws.
class held_block {
public:
    held_block(lookaside_list *list, void *block) noexcept : list_(list), block_(block) {}
    held_block(const held_block &) = delete;
    held_block &operator=(const held_block &) = delete;
    ~held_block()
    {
        if (block_ != nullptr) {
            lookaside_list_free_inline(list_, block_);
        }
    }
    void *get() const noexcept { return block_; }
    void *take() noexcept { return std::exchange(block_, nullptr); }

private:
    lookaside_list *list_;
    void *block_;
};

/// What a list without a name is named by, as in C: "packets.cpp:42".
class place {
public:
    place(const char *file, int line) noexcept
    {
        const char *const slash = std::strrchr(file, '/');
        const char *const name = slash == nullptr ? file : slash + 1;
        const std::size_t length = std::strlen(name), most = sizeof text_ - 12;
        char *end = text_ + (length < most ? length : most);
        std::memcpy(text_, name, static_cast<std::size_t>(end - text_));
        *end++ = ':';
        int digits = 1;
        for (int rest = line; rest >= 10; rest /= 10) {
            digits++;
        }
        end += digits;
        *end = '\0';
        for (int rest = line; digits > 0; rest /= 10, digits--) {
            *--end = static_cast<char>('0' + rest % 10);
        }
    }
    const char *get() const noexcept { return text_; }

private:
    char text_[48];
};

} // namespace detail

/// Returns the parameters of a list of paged blocks that inlined calls serve. Other fields may be set afterwards.
inline lookaside_parameters parameters(std::size_t size, const char *name = nullptr) noexcept
{
    lookaside_parameters made = LOOKASIDE_PARAMETERS(size);
    made.name = name;
    return made;
}

/// Returns the same for blocks that hold a T each.
template <class T> lookaside_parameters parameters_of(const char *name = nullptr) noexcept
{
    lookaside_parameters made = parameters(sizeof(T), name);
    made.alignment = detail::alignment_of_blocks(alignof(T));
    return made;
}

/// A list, which lives as long as this object. Its blocks have to be back before that. A list without a name is named
/// by the place where it is made.
class list {
public:
    /// Makes a list of paged blocks of this many bytes, at multiples of 16. Throws error.
    explicit list(std::size_t size, const char *name = nullptr, const char *file = __builtin_FILE(),
                  int line = __builtin_LINE())
        : list(lookaside::parameters(size, name), file, line)
    {
    }
    /// Makes a list by parameters. Throws error.
    explicit list(const lookaside_parameters &parameters, const char *file = __builtin_FILE(),
                  int line = __builtin_LINE())
        : list(std::nothrow, parameters, file, line)
    {
        detail::need(status_);
    }
    /// Makes a list by parameters, or none: see status(). Then there are no blocks, and the verifier reports who asks.
    list(std::nothrow_t, const lookaside_parameters &parameters, const char *file = __builtin_FILE(),
         int line = __builtin_LINE()) noexcept
        : status_(lookaside_list_initialize_at(detail::place(file, line).get(), &object_, &parameters)),
          size_(parameters.size), alignment_(parameters.alignment == 0 ? detail::least_alignment : parameters.alignment)
    {
    }
    list(const list &) = delete;
    list &operator=(const list &) = delete;
    ~list()
    {
        if (status_ == LOOKASIDE_STATUS_SUCCESS) {
            lookaside_list_delete(&object_);
        }
    }

    /// Returns what making it came to.
    lookaside_status status() const noexcept { return status_; }
    explicit operator bool() const noexcept { return status_ == LOOKASIDE_STATUS_SUCCESS; }
    /// Returns the list, for the calls of lookaside.h.
    lookaside_list *get() noexcept { return &object_; }
    /// Returns the bytes of a block.
    std::size_t size() const noexcept { return size_; }
    /// Returns what every block's address is a multiple of.
    std::size_t alignment() const noexcept { return alignment_; }

    /// Takes a block. Throws std::bad_alloc. O(1) unless the pool is asked.
    [[nodiscard]] void *allocate() { return detail::need(allocate(std::nothrow)); }
    /// Takes a block; nullptr when the pool has none left.
    [[nodiscard]] void *allocate(std::nothrow_t) noexcept { return lookaside_list_allocate_inline(&object_); }
    /// Gives a block back; nullptr has no effect. O(1) unless it goes to the pool.
    void free(void *block) noexcept { lookaside_list_free_inline(&object_, block); }

    /// Takes up to this many blocks at once; returns how many are in the array. O(count).
    [[nodiscard]] std::size_t allocate_many(void **blocks, std::size_t count) noexcept
    {
        return lookaside_list_allocate_many(&object_, blocks, count);
    }
    /// Gives blocks back at once. O(count).
    void free_many(void *const *blocks, std::size_t count) noexcept
    {
        lookaside_list_free_many(&object_, blocks, count);
    }

    /// Takes up to this many blocks from the pool into the list; returns how many came in. O(count).
    std::size_t prefill(std::size_t blocks) noexcept
    {
        std::size_t filled = 0;
        lookaside_list_prefill(&object_, blocks, &filled);
        return filled;
    }
    /// Gives every block that the list keeps back to the pool. O(blocks).
    void flush() noexcept { lookaside_list_flush(&object_); }
    /// Gives back what it keeps beyond its depth. O(blocks).
    void trim() noexcept { lookaside_list_trim(&object_); }
    /// Returns what it has done; all 0 where there is no list.
    lookaside_statistics statistics() const noexcept
    {
        lookaside_statistics seen{};
        seen.struct_size = sizeof seen;
        lookaside_list_statistics(&object_, &seen);
        return seen;
    }

private:
    lookaside_list object_{};
    lookaside_status status_;
    std::size_t size_;
    std::size_t alignment_;
};

/// Ends an object and gives its block back to the list that it came from.
template <class T> class deleter {
public:
    constexpr deleter() noexcept = default;
    explicit deleter(lookaside_list *list) noexcept : list_(list) {}
    void operator()(T *object) const noexcept
    {
        object->~T();
        lookaside_list_free_inline(list_, const_cast<std::remove_cv_t<T> *>(object));
    }

private:
    lookaside_list *list_ = nullptr;
};

/// Owns an object in a block of a list, which has to live longer.
template <class T> using unique_ptr = std::unique_ptr<T, deleter<T>>;

namespace detail {

/// Makes an object in a block, which goes back if the constructor throws; none where there is no block.
template <class T, class... Arguments>
unique_ptr<T> construct(lookaside_list *list, void *block, Arguments &&...arguments)
{
    static_assert(!std::is_array_v<T>, "a block holds one object");
    if (block == nullptr) {
        return unique_ptr<T>();
    }
    held_block held(list, block);
    T *object;
    if constexpr (std::is_constructible_v<T, Arguments...>) {
        object = ::new (held.get()) T(std::forward<Arguments>(arguments)...);
    } else {
        object = ::new (held.get()) T{std::forward<Arguments>(arguments)...};
    }
    held.take();
    return unique_ptr<T>(object, deleter<T>(list));
}

template <class T> bool fits(const list &blocks) noexcept
{
    return sizeof(T) <= blocks.size() && alignof(T) <= blocks.alignment();
}

} // namespace detail

/// Makes an object in a block of a list. Throws std::bad_alloc, error (LOOKASIDE_STATUS_INVALID_PARAMETER) where the
/// list's blocks are too small for it, and what the constructor throws; the block goes back then.
template <class T, class... Arguments> [[nodiscard]] unique_ptr<T> make_unique(list &blocks, Arguments &&...arguments)
{
    if (!detail::fits<T>(blocks)) {
        detail::fail(error(LOOKASIDE_STATUS_INVALID_PARAMETER));
    }
    return detail::construct<T>(blocks.get(), blocks.allocate(), std::forward<Arguments>(arguments)...);
}

/// Does the same, but returns an empty pointer where there is no block, or none that is large enough.
template <class T, class... Arguments>
[[nodiscard]] unique_ptr<T> make_unique(std::nothrow_t, list &blocks, Arguments &&...arguments)
{
    void *const block = detail::fits<T>(blocks) ? blocks.allocate(std::nothrow) : nullptr;
    return detail::construct<T>(blocks.get(), block, std::forward<Arguments>(arguments)...);
}

/// A list whose blocks hold a T each.
template <class T> class list_of : public list {
public:
    /// Makes it of paged blocks. Throws error.
    explicit list_of(const char *name = nullptr, const char *file = __builtin_FILE(), int line = __builtin_LINE())
        : list(parameters_of<T>(name), file, line)
    {
    }
    /// Makes an object. Throws std::bad_alloc and what the constructor throws; the block goes back then.
    template <class... Arguments> [[nodiscard]] unique_ptr<T> make_unique(Arguments &&...arguments)
    {
        return detail::construct<T>(get(), allocate(), std::forward<Arguments>(arguments)...);
    }
    /// Makes an object; returns an empty pointer where there is no block.
    template <class... Arguments>
    [[nodiscard]] unique_ptr<T> make_unique_nothrow(Arguments &&...arguments)
    {
        return detail::construct<T>(get(), allocate(std::nothrow), std::forward<Arguments>(arguments)...);
    }
};

/// Up to Capacity blocks of a list, taken or collected, which move to and fro at once. One thread at a time.
template <std::size_t Capacity> class run {
public:
    /// Begins with none; give() collects some.
    explicit run(list &blocks) noexcept : list_(blocks.get()) {}
    /// Takes up to this many, at most Capacity. O(count).
    run(list &blocks, std::size_t count) noexcept : list_(blocks.get())
    {
        size_ = lookaside_list_allocate_many(list_, blocks_, count < Capacity ? count : Capacity);
    }
    run(const run &) = delete;
    run &operator=(const run &) = delete;
    /// Gives back those that it has.
    ~run() { flush(); }

    /// Returns how many blocks it has.
    std::size_t size() const noexcept { return size_; }
    /// Hands out a block, nullptr when it has none.
    [[nodiscard]] void *take() noexcept { return size_ == 0 ? nullptr : blocks_[--size_]; }
    /// Collects a block of the list; all go back when it is full.
    void give(void *block) noexcept
    {
        if (size_ == Capacity) {
            flush();
        }
        blocks_[size_++] = block;
    }
    /// Gives back those that it has. O(blocks).
    void flush() noexcept { lookaside_list_free_many(list_, blocks_, std::exchange(size_, 0)); }

private:
    static_assert(Capacity != 0, "a run has room for a block");
    lookaside_list *list_;
    std::size_t size_ = 0;
    void *blocks_[Capacity];
};

/// A cache before a list, for the hot loop of one thread at a time: see lookaside_cache_initialize.
template <std::size_t Capacity = 64> class cache {
public:
    /// Makes it empty. Throws error.
    explicit cache(list &blocks) : cache(blocks.get()) {}
    /// Makes it before a list of lookaside.h. Throws error.
    explicit cache(lookaside_list *list)
    {
        detail::need(lookaside_cache_initialize(&object_, list, blocks_, Capacity));
    }
    cache(const cache &) = delete;
    cache &operator=(const cache &) = delete;
    /// Gives back what it has. The list has to be there.
    ~cache() { lookaside_cache_delete(&object_); }

    /// Takes a block. Throws std::bad_alloc.
    [[nodiscard]] void *allocate() { return detail::need(allocate(std::nothrow)); }
    /// Takes a block; nullptr when the pool has none left.
    [[nodiscard]] void *allocate(std::nothrow_t) noexcept { return lookaside_cache_allocate_inline(&object_); }
    /// Gives back a block of the list; nullptr has no effect.
    void free(void *block) noexcept { lookaside_cache_free_inline(&object_, block); }
    /// Gives every block that it has back to the list. O(blocks).
    void flush() noexcept { lookaside_cache_flush(&object_); }
    /// Returns what it served by itself.
    lookaside_counters counters() noexcept
    {
        lookaside_counters seen{};
        lookaside_cache_counters(&object_, &seen);
        return seen;
    }

private:
    static_assert(Capacity != 0 && Capacity <= 65535, "lookaside_cache_initialize has these limits");
    lookaside_cache object_{};
    void *blocks_[Capacity];
};

/// An allocator for containers. A single object comes from the process's list for its size, for types of up to 32 KiB
/// with an alignment of up to 4,096 bytes; arrays, such as the table of a hash map, come from operator new. All
/// allocators are equal.
template <class T> class allocator {
public:
    using value_type = T;
    using propagate_on_container_move_assignment = std::true_type;
    using is_always_equal = std::true_type;

    constexpr allocator() noexcept = default;
    template <class U> constexpr allocator(const allocator<U> &) noexcept {}

    /// Allocates room for objects. Throws std::bad_alloc and std::bad_array_new_length.
    [[nodiscard]] T *allocate(std::size_t count)
    {
        if constexpr (detail::has_list(sizeof(T), alignof(T))) {
            if (__builtin_expect(count == 1, 1)) {
                return static_cast<T *>(detail::blocks_for<T>::allocate());
            }
        }
        if (count > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(T)) {
            detail::fail(std::bad_array_new_length());
        }
        return static_cast<T *>(detail::allocate_upstream(count * sizeof(T), alignof(T)));
    }

    /// Frees what allocate gave for this count.
    void deallocate(T *objects, std::size_t count) noexcept
    {
        if constexpr (detail::has_list(sizeof(T), alignof(T))) {
            if (__builtin_expect(count == 1, 1)) {
                detail::blocks_for<T>::free(objects);
                return;
            }
        }
        detail::free_upstream(objects, alignof(T));
    }
};

template <class T, class U> constexpr bool operator==(const allocator<T> &, const allocator<U> &) noexcept
{
    return true;
}

template <class T, class U> constexpr bool operator!=(const allocator<T> &, const allocator<U> &) noexcept
{
    return false;
}

/// A base of T, as in "struct packet : lookaside::pooled<packet>", that gives it operator new and delete: objects come
/// from the process's list for their size, those of derived classes as well (by virtual destructors). Objects with an
/// alignment above 16, arrays, and what is larger than 32 KiB come from the global operator new. new may throw
/// std::bad_alloc. There is no new (std::nothrow): what frees the block when a constructor throws would not know its
/// size.
template <class T> class pooled {
public:
    static void *operator new(std::size_t size)
    {
        if constexpr (has_blocks()) {
            if (size == sizeof(T)) {
                return detail::blocks_for<T>::allocate();
            }
        }
        return new_of_another_size(size);
    }
    static void operator delete(void *object, std::size_t size) noexcept
    {
        if constexpr (has_blocks()) {
            if (size == sizeof(T)) {
                detail::blocks_for<T>::free(object);
                return;
            }
        }
        delete_of_another_size(object, size);
    }

    // These two know no size when a constructor throws.
    static void *operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
    static void operator delete(void *block, std::align_val_t alignment) noexcept
    {
        ::operator delete(block, alignment);
    }
    static void *operator new(std::size_t, void *place) noexcept { return place; }
    static void operator delete(void *, void *) noexcept {}
    static void *operator new(std::size_t, const std::nothrow_t &) = delete;
    static void *operator new(std::size_t, std::align_val_t, const std::nothrow_t &) = delete;

protected:
    pooled() = default;
    pooled(const pooled &) = default;
    pooled &operator=(const pooled &) = default;
    ~pooled() = default;

private:
    static constexpr bool has_blocks() noexcept
    {
        return detail::has_list(sizeof(T), alignof(T)) && alignof(T) <= detail::least_alignment;
    }

    /// Those of derived classes, and what has no list.
    static void *new_of_another_size(std::size_t size)
    {
        if (!detail::has_list(size, detail::least_alignment)) {
            return ::operator new(size);
        }
        return detail::need(detail::allocate_from(lookaside_process_list(size, detail::least_alignment)));
    }
    static void delete_of_another_size(void *object, std::size_t size) noexcept
    {
        if (!detail::has_list(size, detail::least_alignment)) {
            ::operator delete(object);
        } else if (object != nullptr) {
            lookaside_list_free(lookaside_process_list(size, detail::least_alignment), object);
        }
    }
};

#if defined(__cpp_lib_memory_resource)

/// A memory resource over a small pool of its own: requests of up to 512 bytes with an alignment of up to 16 come from
/// its lists, others from another resource. Any number of threads may use it, as std::pmr::synchronized_pool_resource.
/// Everything has to be deallocated before it ends.
class memory_resource : public std::pmr::memory_resource {
public:
    /// Makes it before the default resource. Throws error.
    memory_resource() : memory_resource(std::pmr::get_default_resource()) {}
    /// Makes it before this resource, which has to live longer. Throws error.
    explicit memory_resource(std::pmr::memory_resource *upstream, const char *name = nullptr) : upstream_(upstream)
    {
        lookaside_small_pool_parameters parameters{};
        parameters.struct_size = sizeof parameters;
        parameters.name = name;
        parameters.generation = LOOKASIDE_GENERATION_5_2_X64;
        parameters.inline_abi = LOOKASIDE_PARAMETERS_INLINE_ABI;
        detail::need(lookaside_small_pool_initialize(&pool_, &parameters));
    }
    memory_resource(const memory_resource &) = delete;
    memory_resource &operator=(const memory_resource &) = delete;
    ~memory_resource() override { lookaside_small_pool_delete(&pool_); }

    /// Returns the resource behind it.
    std::pmr::memory_resource *upstream_resource() const noexcept { return upstream_; }
    /// Returns the pool, for the calls of lookaside.h.
    lookaside_small_pool *get() noexcept { return &pool_; }
    /// Gives every block that its lists keep back to the system's heap. O(blocks).
    void flush() noexcept { lookaside_small_pool_flush(&pool_); }

private:
    /// Blocks of the pool's lists have multiples of this. Requests of 0 bytes are not small.
    static constexpr std::size_t unit = 16;
    static bool is_small(std::size_t bytes, std::size_t alignment) noexcept
    {
        return bytes - 1 < 32 * unit && alignment <= detail::least_alignment;
    }

#if LOOKASIDE_INLINED
    /// The list for a small request, with the distance to the thread's area: 0 until the list is made.
    const lookaside_list *list_for(std::size_t bytes, std::int64_t *area) noexcept
    {
        const char *const lists = LOOKASIDE_INLINE_BYTES(&pool_) + LOOKASIDE_INLINE_PAGED_LISTS;
        const char *const list = lists + (bytes - 1) / unit * sizeof(lookaside_list);
        // Acquire: who finds the distance has to find what else is in the list.
        const void *const word = list + LOOKASIDE_INLINE_AREA;
        *area = __atomic_load_n(static_cast<const lookaside_inline_i32 *>(word), __ATOMIC_ACQUIRE);
        return static_cast<const lookaside_list *>(static_cast<const void *>(list));
    }
#endif

    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        if (!is_small(bytes, alignment)) {
            return upstream_->allocate(bytes, alignment);
        }
#if LOOKASIDE_INLINED
        std::int64_t area;
        const lookaside_list *const list = list_for(bytes, &area);
        void *const taken = lookaside_inline_take(list, area);
        if (__builtin_expect(taken != nullptr, 1)) {
            return taken;
        }
#endif
        return detail::need(lookaside_small_pool_allocate_bare(&pool_, LOOKASIDE_POOL_PAGED, bytes));
    }

    void do_deallocate(void *block, std::size_t bytes, std::size_t alignment) override
    {
        if (!is_small(bytes, alignment)) {
            upstream_->deallocate(block, bytes, alignment);
            return;
        }
#if LOOKASIDE_INLINED
        std::int64_t area;
        const lookaside_list *const list = list_for(bytes, &area);
        if (__builtin_expect(lookaside_inline_give(list, area, block), 1)) {
            return;
        }
#endif
        lookaside_small_pool_free_bare(&pool_, LOOKASIDE_POOL_PAGED, block, bytes);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override { return this == &other; }

    lookaside_small_pool pool_{};
    std::pmr::memory_resource *upstream_;
};

#endif // __cpp_lib_memory_resource

} // namespace lookaside

#endif // LOOKASIDE_HPP
