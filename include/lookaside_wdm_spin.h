/* lookaside_wdm_spin.h - what the WDK's locks are made of here, for lookaside_wdm_links.h and lookaside_wdm_locks.h, which
 * include it.
 *
 * In the kernel a holder of a spin lock cannot be interrupted by a thread. In a program it can, so a thread that waits
 * looks some times and then sleeps in the kernel until the lock is released: the holder runs, whatever their priorities
 * are. As in the kernel, a thread that asks for a lock that it holds waits for ever. */
#ifndef LOOKASIDE_WDM_SPIN_H
#define LOOKASIDE_WDM_SPIN_H

#include <errno.h>
#include <limits.h>
#include <sched.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "lookaside_wdm_types.h"

#ifdef __cplusplus
extern "C" {
#elif defined(__linux__) && !defined(__USE_MISC)
/* unistd.h has it only where the compiler was not asked for strict C, which glibc says by that name. */
extern long syscall(long number, ...);
#endif

/* The part of a lock that threads sleep on. Zero is a free lock. */
typedef uint32_t __attribute__((may_alias)) lookaside_wdm_word;
#define LOOKASIDE_WDM_FREE 0u
#define LOOKASIDE_WDM_HELD 1u
/* Held, and another thread may sleep. */
#define LOOKASIDE_WDM_AWAITED 2u
/* How often a thread looks before it sleeps. */
#define LOOKASIDE_WDM_SPINS 100

static inline void lookaside_wdm_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

/* Sleeps while the word has this value, and leaves errno alone. */
__attribute__((unused)) static void lookaside_wdm_sleep(lookaside_wdm_word *word, uint32_t value)
{
#ifdef __linux__
    const int before = errno;
    syscall(SYS_futex, word, 128 /* FUTEX_WAIT_PRIVATE */, value, NULL, NULL, 0);
    errno = before;
#else
    (void)word, (void)value;
    sched_yield();
#endif
}

__attribute__((unused)) static void lookaside_wdm_wake(lookaside_wdm_word *word, int threads)
{
#ifdef __linux__
    const int before = errno;
    syscall(SYS_futex, word, 129 /* FUTEX_WAKE_PRIVATE */, threads, NULL, NULL, 0);
    errno = before;
#else
    (void)word, (void)threads;
#endif
}

static inline BOOLEAN lookaside_wdm_try_lock(PKSPIN_LOCK lock)
{
    lookaside_wdm_word *word = LOOKASIDE_WDM_POINTER(lookaside_wdm_word, lock);
    uint32_t expected = LOOKASIDE_WDM_FREE;
    /* Acquire pairs with the Release in lookaside_wdm_unlock. */
    return LOOKASIDE_CAST(BOOLEAN, __atomic_compare_exchange_n(word, &expected, LOOKASIDE_WDM_HELD, 0, __ATOMIC_ACQUIRE,
                                                               __ATOMIC_RELAXED));
}

__attribute__((unused)) static void lookaside_wdm_wait(PKSPIN_LOCK lock)
{
    lookaside_wdm_word *word = LOOKASIDE_WDM_POINTER(lookaside_wdm_word, lock);
    unsigned spins;
    for (spins = 0; spins < LOOKASIDE_WDM_SPINS; spins++) {
        /* Relaxed: a hint whether trying is worth it. */
        if (__atomic_load_n(word, __ATOMIC_RELAXED) == LOOKASIDE_WDM_FREE && lookaside_wdm_try_lock(lock)) {
            return;
        }
        lookaside_wdm_pause();
    }
    /* From here the lock is held as awaited, since others may still sleep. Acquire as in lookaside_wdm_try_lock. */
    while (__atomic_exchange_n(word, LOOKASIDE_WDM_AWAITED, __ATOMIC_ACQUIRE) != LOOKASIDE_WDM_FREE) {
        lookaside_wdm_sleep(word, LOOKASIDE_WDM_AWAITED);
    }
}

static inline void lookaside_wdm_lock(PKSPIN_LOCK lock)
{
    if (!lookaside_wdm_try_lock(lock)) {
        lookaside_wdm_wait(lock);
    }
}

static inline void lookaside_wdm_unlock(PKSPIN_LOCK lock)
{
    lookaside_wdm_word *word = LOOKASIDE_WDM_POINTER(lookaside_wdm_word, lock);
    /* Release pairs with the Acquire of the next holder. */
    if (__atomic_exchange_n(word, LOOKASIDE_WDM_FREE, __ATOMIC_RELEASE) == LOOKASIDE_WDM_AWAITED) {
        lookaside_wdm_wake(word, 1);
    }
}

#ifdef __cplusplus
}
#endif

#endif /* LOOKASIDE_WDM_SPIN_H */
