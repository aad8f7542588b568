/* lookaside_wdm_interlocked.h - the WDK's Interlocked... calls, for lookaside_wdm_extras.h, which includes it.
 *
 * A call without Acquire, Release or NoFence in its name is a full barrier. */
#ifndef LOOKASIDE_WDM_INTERLOCKED_H
#define LOOKASIDE_WDM_INTERLOCKED_H

#include "lookaside_wdm_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Behind a full call. A locked instruction of x86 is a full barrier; elsewhere a sequentially consistent one lets an
 * earlier store pass a later load. */
#if defined(__x86_64__) || defined(__i386__)
#define LOOKASIDE_WDM_FULL() ((void)0)
#else
#define LOOKASIDE_WDM_FULL() __sync_synchronize()
#endif
#define LOOKASIDE_WDM_PART() ((void)0)

/* One call: `operation` is an atomic one of the compiler, in this `order`, and gives what the call returns. */
#define LOOKASIDE_WDM_INTERLOCKED(name, type, parameters, memory_order, barrier, operation)        \
    static inline type name parameters                                                             \
    {                                                                                              \
        enum { order = memory_order, failure = order == __ATOMIC_RELEASE ? __ATOMIC_RELAXED : order }; \
        const type result = LOOKASIDE_CAST(type, (operation));                                     \
        barrier();                                                                                 \
        return result;                                                                             \
    }

/* The four calls of a name. Of 64 bits, the names of some end with the number, and those of others with the order. */
#define LOOKASIDE_WDM_INTERLOCKED_FOUR(name, inner, outer, type, parameters, operation)            \
    LOOKASIDE_WDM_INTERLOCKED(name##inner##outer, type, parameters, __ATOMIC_SEQ_CST, LOOKASIDE_WDM_FULL, operation) \
    LOOKASIDE_WDM_INTERLOCKED(name##inner##Acquire##outer, type, parameters, __ATOMIC_ACQUIRE, LOOKASIDE_WDM_PART, \
                              operation)                                                           \
    LOOKASIDE_WDM_INTERLOCKED(name##inner##Release##outer, type, parameters, __ATOMIC_RELEASE, LOOKASIDE_WDM_PART, \
                              operation)                                                           \
    LOOKASIDE_WDM_INTERLOCKED(name##inner##NoFence##outer, type, parameters, __ATOMIC_RELAXED, LOOKASIDE_WDM_PART, \
                              operation)

/* Those of all numbers: what a compare and exchange found is in Comparand, whether it exchanged or not. */
#define LOOKASIDE_WDM_EXCHANGE __atomic_exchange_n(Target, Value, order)
#define LOOKASIDE_WDM_COMPARE_EXCHANGE                                                             \
    (__atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, order, failure), Comparand)
#define LOOKASIDE_WDM_INTERLOCKED_NUMBERS(inner, outer, type)                                      \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedIncrement, , outer, type, (type volatile *Addend),   \
                                   __atomic_add_fetch(Addend, 1, order))                           \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedDecrement, , outer, type, (type volatile *Addend),   \
                                   __atomic_sub_fetch(Addend, 1, order))                           \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedAdd, , outer, type, (type volatile *Addend, type Value), \
                                   __atomic_add_fetch(Addend, Value, order))                       \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedExchangeAdd, , outer, type, (type volatile *Addend, type Value), \
                                   __atomic_fetch_add(Addend, Value, order))                       \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedExchange, , outer, type, (type volatile *Target, type Value), \
                                   LOOKASIDE_WDM_EXCHANGE)                                         \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedCompareExchange, , outer, type,                      \
                                   (type volatile *Destination, type Exchange, type Comparand),    \
                                   LOOKASIDE_WDM_COMPARE_EXCHANGE)                                 \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedAnd, inner, , type, (type volatile *Destination, type Value), \
                                   __atomic_fetch_and(Destination, Value, order))                  \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedOr, inner, , type, (type volatile *Destination, type Value), \
                                   __atomic_fetch_or(Destination, Value, order))                   \
    LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedXor, inner, , type, (type volatile *Destination, type Value), \
                                   __atomic_fetch_xor(Destination, Value, order))

LOOKASIDE_WDM_INTERLOCKED_NUMBERS(, , LONG)
LOOKASIDE_WDM_INTERLOCKED_NUMBERS(64, 64, LONG64)
LOOKASIDE_WDM_INTERLOCKED_NUMBERS(16, 16, SHORT)

LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedExchangePointer, , , PVOID, (PVOID volatile *Target, PVOID Value),
                               LOOKASIDE_WDM_EXCHANGE)
LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedCompareExchangePointer, , , PVOID,
                               (PVOID volatile *Destination, PVOID Exchange, PVOID Comparand),
                               LOOKASIDE_WDM_COMPARE_EXCHANGE)

LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedExchange, 8, , CHAR, (CHAR volatile *Target, CHAR Value),
                               LOOKASIDE_WDM_EXCHANGE)
LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedAnd, 8, , CHAR, (CHAR volatile *Destination, CHAR Value),
                               __atomic_fetch_and(Destination, Value, order))
LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedOr, 8, , CHAR, (CHAR volatile *Destination, CHAR Value),
                               __atomic_fetch_or(Destination, Value, order))
LOOKASIDE_WDM_INTERLOCKED_FOUR(InterlockedXor, 8, , CHAR, (CHAR volatile *Destination, CHAR Value),
                               __atomic_fetch_xor(Destination, Value, order))

/* Bits, counted from the lowest: what the bit was before. */
LOOKASIDE_WDM_INTERLOCKED(InterlockedBitTestAndSet, BOOLEAN, (LONG volatile *Base, LONG Bit), __ATOMIC_SEQ_CST,
                          LOOKASIDE_WDM_FULL,
                          (__atomic_fetch_or(Base, LOOKASIDE_CAST(LONG, 1u << (Bit & 31)), order) >> (Bit & 31) & 1))
LOOKASIDE_WDM_INTERLOCKED(InterlockedBitTestAndReset, BOOLEAN, (LONG volatile *Base, LONG Bit), __ATOMIC_SEQ_CST,
                          LOOKASIDE_WDM_FULL,
                          (__atomic_fetch_and(Base, ~LOOKASIDE_CAST(LONG, 1u << (Bit & 31)), order) >> (Bit & 31) & 1))

/* Plain reads and writes that are whole, and ordered as they say. */
#define LOOKASIDE_WDM_READ_AND_WRITE(infix, outer, type)                                           \
    static inline type Read##infix##Acquire##outer(type const volatile *Source)                    \
    {                                                                                              \
        return __atomic_load_n(Source, __ATOMIC_ACQUIRE);                                          \
    }                                                                                              \
    static inline type Read##infix##NoFence##outer(type const volatile *Source)                    \
    {                                                                                              \
        return __atomic_load_n(Source, __ATOMIC_RELAXED);                                          \
    }                                                                                              \
    static inline void Write##infix##Release##outer(type volatile *Destination, type Value)        \
    {                                                                                              \
        __atomic_store_n(Destination, Value, __ATOMIC_RELEASE);                                    \
    }                                                                                              \
    static inline void Write##infix##NoFence##outer(type volatile *Destination, type Value)        \
    {                                                                                              \
        __atomic_store_n(Destination, Value, __ATOMIC_RELAXED);                                    \
    }

LOOKASIDE_WDM_READ_AND_WRITE(, , LONG)
LOOKASIDE_WDM_READ_AND_WRITE(, 64, LONG64)
LOOKASIDE_WDM_READ_AND_WRITE(Pointer, , PVOID)

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_INTERLOCKED_H */
