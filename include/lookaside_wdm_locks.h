/* lookaside_wdm_locks.h - the WDK's spin locks, fast mutexes and IRQL, for lookaside_wdm_extras.h, which includes it.
 *
 * An IRQL is a number of the thread, which the calls set and return. Nothing depends on it and nothing checks it. All
 * locks here are those of lookaside_wdm_spin.h, whatever their name: a thread that waits long sleeps. */
#ifndef LOOKASIDE_WDM_LOCKS_H
#define LOOKASIDE_WDM_LOCKS_H

#include "lookaside_wdm.h"

#ifdef __cplusplus
extern "C" {
#elif defined(__linux__) && !defined(__USE_GNU)
/* sched.h has it only where all of GNU's C library was asked for, which glibc says by that name. */
extern int sched_getcpu(void);
#endif

/* IRQL. */

#ifndef PASSIVE_LEVEL
#define PASSIVE_LEVEL 0
#endif
#ifndef APC_LEVEL
#define APC_LEVEL 1
#endif
#ifndef DISPATCH_LEVEL
#define DISPATCH_LEVEL 2
#endif
#ifndef HIGH_LEVEL
#define HIGH_LEVEL 15
#endif

__attribute__((weak)) __thread KIRQL lookaside_wdm_irql;

static inline KIRQL KeGetCurrentIrql(VOID)
{
    return lookaside_wdm_irql;
}

static inline VOID KeLowerIrql(KIRQL NewIrql)
{
    lookaside_wdm_irql = NewIrql;
}

static inline VOID KeRaiseIrql(KIRQL NewIrql, KIRQL *OldIrql)
{
    *OldIrql = lookaside_wdm_irql;
    lookaside_wdm_irql = NewIrql;
}

static inline KIRQL KeRaiseIrqlToDpcLevel(VOID)
{
    KIRQL before;
    KeRaiseIrql(DISPATCH_LEVEL, &before);
    return before;
}

/* Spin locks. */

static inline VOID KeInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
    *SpinLock = 0;
}

static inline VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    lookaside_wdm_lock(SpinLock);
}

static inline VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    lookaside_wdm_unlock(SpinLock);
}

static inline BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    return lookaside_wdm_try_lock(SpinLock);
}

/* Returns whether no one holds the lock at this moment. */
static inline BOOLEAN KeTestSpinLock(PKSPIN_LOCK SpinLock)
{
    /* Acquire pairs with the Release in lookaside_wdm_unlock: who finds it free sees what its last holder did. */
    const lookaside_wdm_word *word = LOOKASIDE_CAST(const lookaside_wdm_word *, LOOKASIDE_CAST(const void *, SpinLock));
    return LOOKASIDE_CAST(BOOLEAN, __atomic_load_n(word, __ATOMIC_ACQUIRE) == LOOKASIDE_WDM_FREE);
}

static inline KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    const KIRQL before = KeRaiseIrqlToDpcLevel();
    lookaside_wdm_lock(SpinLock);
    return before;
}

static inline VOID KeAcquireSpinLock(PKSPIN_LOCK SpinLock, KIRQL *OldIrql)
{
    *OldIrql = KeAcquireSpinLockRaiseToDpc(SpinLock);
}

static inline VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    lookaside_wdm_unlock(SpinLock);
    KeLowerIrql(NewIrql);
}

/* Queued spin locks: the handle keeps the lock and the IRQL. There is no queue. */

typedef struct _KSPIN_LOCK_QUEUE {
    struct _KSPIN_LOCK_QUEUE *Next;
    PKSPIN_LOCK Lock;
} KSPIN_LOCK_QUEUE, *PKSPIN_LOCK_QUEUE;

typedef struct _KLOCK_QUEUE_HANDLE {
    KSPIN_LOCK_QUEUE LockQueue;
    KIRQL OldIrql;
} KLOCK_QUEUE_HANDLE, *PKLOCK_QUEUE_HANDLE;

static inline VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    LockHandle->LockQueue.Next = NULL;
    LockHandle->LockQueue.Lock = SpinLock;
    LockHandle->OldIrql = KeAcquireSpinLockRaiseToDpc(SpinLock);
}

static inline VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    KeReleaseSpinLock(LockHandle->LockQueue.Lock, LockHandle->OldIrql);
}

/* Spin locks of one writer or several readers: the number of readers, or that a writer holds it, and whether a thread
 * sleeps. While one does, new readers wait too, so that a writer gets its turn. */

typedef LONG EX_SPIN_LOCK, *PEX_SPIN_LOCK;
#define LOOKASIDE_WDM_WRITER 0x80000000u
#define LOOKASIDE_WDM_SLEEPERS 0x40000000u

/* Takes the lock, for a writer if `blocked_by` is everything and for a reader if it is what only readers wait for. */
__attribute__((unused)) static void lookaside_wdm_lock_shared(PEX_SPIN_LOCK lock, uint32_t blocked_by, uint32_t add)
{
    lookaside_wdm_word *word = LOOKASIDE_WDM_POINTER(lookaside_wdm_word, lock);
    unsigned spins = 0;
    for (;;) {
        uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);
        if ((seen & blocked_by) == 0) {
            /* Acquire pairs with the Release in lookaside_wdm_unlock_shared. */
            if (__atomic_compare_exchange_n(word, &seen, seen + add, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
                return;
            }
        } else if (spins < LOOKASIDE_WDM_SPINS) {
            spins++;
            lookaside_wdm_pause();
        } else if ((seen & LOOKASIDE_WDM_SLEEPERS) != 0 ||
                   __atomic_compare_exchange_n(word, &seen, seen | LOOKASIDE_WDM_SLEEPERS, 0, __ATOMIC_RELAXED,
                                               __ATOMIC_RELAXED)) {
            lookaside_wdm_sleep(word, seen | LOOKASIDE_WDM_SLEEPERS);
        }
    }
}

__attribute__((unused)) static void lookaside_wdm_unlock_shared(PEX_SPIN_LOCK lock, uint32_t subtract)
{
    lookaside_wdm_word *word = LOOKASIDE_WDM_POINTER(lookaside_wdm_word, lock);
    /* Release pairs with the Acquire of the next holder. */
    uint32_t left = __atomic_sub_fetch(word, subtract, __ATOMIC_RELEASE);
    /* The last one wakes all; who comes first meanwhile finds the word as it left it, and wakes in its turn. */
    if (left == LOOKASIDE_WDM_SLEEPERS &&
        __atomic_compare_exchange_n(word, &left, 0, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        lookaside_wdm_wake(word, INT_MAX);
    }
}

static inline VOID ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    lookaside_wdm_lock_shared(SpinLock, ~LOOKASIDE_WDM_SLEEPERS, LOOKASIDE_WDM_WRITER);
}

static inline VOID ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    lookaside_wdm_unlock_shared(SpinLock, LOOKASIDE_WDM_WRITER);
}

static inline VOID ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    lookaside_wdm_lock_shared(SpinLock, LOOKASIDE_WDM_WRITER | LOOKASIDE_WDM_SLEEPERS, 1);
}

static inline VOID ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    lookaside_wdm_unlock_shared(SpinLock, 1);
}

static inline KIRQL ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    const KIRQL before = KeRaiseIrqlToDpcLevel();
    ExAcquireSpinLockExclusiveAtDpcLevel(SpinLock);
    return before;
}

static inline VOID ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ExReleaseSpinLockExclusiveFromDpcLevel(SpinLock);
    KeLowerIrql(OldIrql);
}

static inline KIRQL ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock)
{
    const KIRQL before = KeRaiseIrqlToDpcLevel();
    ExAcquireSpinLockSharedAtDpcLevel(SpinLock);
    return before;
}

static inline VOID ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ExReleaseSpinLockSharedFromDpcLevel(SpinLock);
    KeLowerIrql(OldIrql);
}

/* Fast mutexes. */

typedef struct _FAST_MUTEX {
    KSPIN_LOCK Lock;
    KIRQL OldIrql;
} FAST_MUTEX, *PFAST_MUTEX;

static inline VOID ExInitializeFastMutex(PFAST_MUTEX FastMutex)
{
    KeInitializeSpinLock(&FastMutex->Lock);
    FastMutex->OldIrql = PASSIVE_LEVEL;
}

static inline VOID ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL before;
    KeRaiseIrql(APC_LEVEL, &before);
    lookaside_wdm_lock(&FastMutex->Lock);
    FastMutex->OldIrql = before;
}

static inline BOOLEAN ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    const BOOLEAN taken = lookaside_wdm_try_lock(&FastMutex->Lock);
    if (taken) {
        KeRaiseIrql(APC_LEVEL, &FastMutex->OldIrql);
    }
    return taken;
}

static inline VOID ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    const KIRQL before = FastMutex->OldIrql;
    lookaside_wdm_unlock(&FastMutex->Lock);
    KeLowerIrql(before);
}

/* Processors. */

/* Returns where the thread runs at this moment. */
static inline ULONG KeGetCurrentProcessorNumber(VOID)
{
#ifdef __linux__
    const int processor = sched_getcpu();
    return processor < 0 ? 0 : LOOKASIDE_CAST(ULONG, processor);
#else
    return 0;
#endif
}

static inline VOID KeMemoryBarrier(VOID)
{
    __sync_synchronize();
}

#ifndef YieldProcessor
#define YieldProcessor() lookaside_wdm_pause()
#endif

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_LOCKS_H */
