// A B+-tree of 64-bit keys (R. Bayer, E. McCreight, "Organization and maintenance of large ordered indices", 1972), whose
// nodes are freed when they are empty and not merged before (T. Johnson, D. Shasha, "B-trees with inserts and deletes: why
// free-at-empty is better than merge-at-half", 1993). It is used as an index by time: keys come in nearly in their order,
// and leave in the order in which they came, so that nodes fill and empty all the time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>

template <template <class> class Allocator> class BTree {
    // A node fills 256 bytes, less what a malloc keeps beside it.
    static constexpr unsigned capacity = 14;

    struct Node {
        unsigned count; // Keys. An inner node has one child more.
        bool leaf;
        std::array<std::uint64_t, capacity> keys;
        union {
            std::array<std::uint64_t, capacity> values;
            std::array<Node *, capacity + 1> children; // Child i has the keys below key i, and from key i - 1 on.
        };

        unsigned below(std::uint64_t key) const // Keys less than this one.
        {
            return unsigned(std::lower_bound(keys.begin(), keys.begin() + count, key) - keys.begin());
        }
        unsigned child_of(std::uint64_t key) const
        {
            return unsigned(std::upper_bound(keys.begin(), keys.begin() + count, key) - keys.begin());
        }
    };
    using Traits = std::allocator_traits<Allocator<Node>>;

    // A node that a full one was split into, and the first key that is in it or below it.
    struct Split {
        std::uint64_t key;
        Node *right;
    };

public:
    BTree() : root(make(true)) {}
    BTree(const BTree &) = delete;
    BTree &operator=(const BTree &) = delete;
    ~BTree() { clear(root); }

    std::uint64_t size() const { return elements; }

    void insert(std::uint64_t key, std::uint64_t value)
    {
        const Split split = insert_below(root, key, value);
        if (split.right != nullptr) {
            Node *top = make(false);
            top->count = 1;
            top->keys[0] = split.key;
            top->children[0] = root;
            top->children[1] = split.right;
            root = top;
        }
        elements++;
    }

    // The value of a key, or 0.
    std::uint64_t find(std::uint64_t key) const
    {
        const Node *node = root;
        while (!node->leaf) {
            node = node->children[node->child_of(key)];
        }
        const unsigned place = node->below(key);
        return place < node->count && node->keys[place] == key ? node->values[place] : 0;
    }

    // Takes a key out; returns its value, or 0 if it was not there.
    std::uint64_t erase(std::uint64_t key)
    {
        std::uint64_t value = 0;
        if (erase_below(root, key, value) && !root->leaf) {
            free(root);
            root = make(true);
        }
        while (!root->leaf && root->count == 0) {
            free(std::exchange(root, root->children[0]));
        }
        elements -= value != 0;
        return value;
    }

private:
    Node *make(bool leaf)
    {
        Node *node = Traits::allocate(allocator, 1);
        node->count = 0;
        node->leaf = leaf;
        return node;
    }

    void free(Node *node) { Traits::deallocate(allocator, node, 1); }

    void clear(Node *node)
    {
        if (!node->leaf) {
            std::for_each(node->children.begin(), node->children.begin() + node->count + 1,
                          [this](Node *child) { clear(child); });
        }
        free(node);
    }

    template <class Items, class Item> static void put(Items &items, unsigned place, unsigned count, Item item)
    {
        std::copy_backward(items.begin() + place, items.begin() + count, items.begin() + count + 1);
        items[place] = item;
    }

    template <class Items> static void take(Items &items, unsigned place, unsigned count)
    {
        std::copy(items.begin() + place + 1, items.begin() + count, items.begin() + place);
    }

    Split insert_below(Node *node, std::uint64_t key, std::uint64_t value)
    {
        if (node->leaf) {
            Split split{0, nullptr};
            if (node->count == capacity) {
                split = split_leaf(node);
                node = key < split.key ? node : split.right;
            }
            const unsigned place = node->below(key);
            put(node->keys, place, node->count, key);
            put(node->values, place, node->count, value);
            node->count++;
            return split;
        }
        const Split below = insert_below(node->children[node->child_of(key)], key, value);
        Split split{0, nullptr};
        if (below.right != nullptr) {
            if (node->count == capacity) {
                split = split_inner(node);
                node = below.key < split.key ? node : split.right;
            }
            const unsigned place = node->child_of(below.key);
            put(node->keys, place, node->count, below.key);
            put(node->children, place + 1, node->count + 1, below.right);
            node->count++;
        }
        return split;
    }

    Split split_leaf(Node *node)
    {
        constexpr unsigned half = capacity / 2;
        Node *right = make(true);
        right->count = capacity - half;
        std::copy(node->keys.begin() + half, node->keys.end(), right->keys.begin());
        std::copy(node->values.begin() + half, node->values.end(), right->values.begin());
        node->count = half;
        return {right->keys[0], right};
    }

    // The key in the middle goes up.
    Split split_inner(Node *node)
    {
        constexpr unsigned half = capacity / 2;
        Node *right = make(false);
        right->count = capacity - half - 1;
        std::copy(node->keys.begin() + half + 1, node->keys.end(), right->keys.begin());
        std::copy(node->children.begin() + half + 1, node->children.end(), right->children.begin());
        node->count = half;
        return {node->keys[half], right};
    }

    // Returns whether nothing is left in the node, or below it.
    bool erase_below(Node *node, std::uint64_t key, std::uint64_t &value)
    {
        if (node->leaf) {
            const unsigned place = node->below(key);
            if (place < node->count && node->keys[place] == key) {
                value = node->values[place];
                take(node->keys, place, node->count);
                take(node->values, place, node->count);
                node->count--;
            }
            return node->count == 0;
        }
        const unsigned place = node->child_of(key);
        if (!erase_below(node->children[place], key, value)) {
            return false;
        }
        free(node->children[place]);
        if (node->count == 0) {
            return true;
        }
        take(node->keys, place == 0 ? 0 : place - 1, node->count);
        take(node->children, place, node->count + 1);
        node->count--;
        return false;
    }

    Allocator<Node> allocator;
    Node *root;
    std::uint64_t elements = 0;
};
