// Allocators for nodes. Each is stateless, and asks its source for one node at a time; what is more than one (the table of
// a hash map) is operator new's, but for those whose own allocator says otherwise.
#pragma once

#include <cstddef>
#include <new>

#include "nodes.h"

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
