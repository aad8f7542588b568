// Allocators for nodes. Each is stateless, and asks its source for one node at a time; what is more than one (the table of
// a hash map) is operator new's, but for those whose own allocator says otherwise.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>

#include "nodes.h"

// As in a program: the command never unloads what this becomes a part of.
#define LOOKASIDE_INLINE_STAYS
#include "lookaside_inline.h"

extern const nodes_host *host;

// The frame of an allocator whose Source has static functions `allocate` and `free` for blocks of Size bytes.
template <class T, template <std::size_t> class Source> struct NodeAllocator {
    using value_type = T;
    template <class U> struct rebind {
        using other = NodeAllocator<U, Source>;
    };

    NodeAllocator() = default;
    template <class U> NodeAllocator(const NodeAllocator<U, Source> &) {}

    T *allocate(std::size_t count)
    {
        static_assert(alignof(T) <= 16, "all of these have at least this alignment");
        void *block = count == 1 ? Source<sizeof(T)>::allocate() : ::operator new(count * sizeof(T));
        if (block == nullptr) {
            throw std::bad_alloc();
        }
        return static_cast<T *>(block);
    }

    void deallocate(T *block, std::size_t count)
    {
        count == 1 ? Source<sizeof(T)>::free(block) : ::operator delete(block);
    }

    template <class U> bool operator==(const NodeAllocator<U, Source> &) const { return true; }
    template <class U> bool operator!=(const NodeAllocator<U, Source> &) const { return false; }
};

// A lookaside list for each size of node. It is zeroes until the first allocate, which finds that it is no list.
template <std::size_t Size> struct ListSource {
    static void *allocate()
    {
        void *block = lookaside_list_allocate_inline(&list);
        return __builtin_expect(block != nullptr, 1) ? block : first();
    }
    static void free(void *block) { lookaside_list_free_inline(&list, block); }

private:
    __attribute__((noinline)) static void *first()
    {
        lookaside_parameters parameters = {};
        parameters.struct_size = sizeof parameters;
        parameters.size = Size;
        parameters.name = "nodes";
        parameters.pool_type = LOOKASIDE_POOL_PAGED;
        parameters.inline_abi = LOOKASIDE_INLINE_ABI;
        host->list_initialize(&list, &parameters);
        return lookaside_list_allocate(&list);
    }

    static inline lookaside_list list = {};
};
template <class T> using ListAllocator = NodeAllocator<T, ListSource>;

template <std::size_t Size> struct JemallocSource {
    static void *allocate() { return host->jemalloc(Size); }
    static void free(void *block) { host->jemalloc_free(block, Size, 0); }
};
template <class T> using JemallocAllocator = NodeAllocator<T, JemallocSource>;

template <std::size_t Size> struct MimallocSource {
    static void *allocate()
    {
        static_assert(Size <= 1024, "mi_malloc_small takes no more");
        return host->mimalloc(Size);
    }
    static void free(void *block) { host->mimalloc_free(block); }
};
template <class T> using MimallocAllocator = NodeAllocator<T, MimallocSource>;
