/* What lookaside_inline.h promises. "inlined CASE" prints what tests/c_abi/inlined.rs expects.
 *
 * Compiles as C11 and as C++17, beside inlined_other.c. With SLOW its sections take a microsecond longer, so that they
 * are interrupted often. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SLOW
#ifdef __aarch64__
#define LOOKASIDE_INLINE_PAUSE ".rept 32\n\tisb\n\t.endr\n\t"
#else
#define LOOKASIDE_INLINE_PAUSE ".rept 32\n\tpause\n\t.endr\n\t"
#endif
#define OPERATIONS 1000000
#else
#define OPERATIONS 4000000
#endif
#include "inlined_other.h"

enum { PAIRS = 10000, HELD = 48, THREADS = 8 };

static lookaside_list list;

static void fail(const char *what)
{
    puts(what);
    exit(1);
}

#define CHECK(condition) ((condition) ? (void)0 : fail(#condition))

static lookaside_parameters usual(uint16_t inline_abi)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.name = "inlined";
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    parameters.inline_abi = inline_abi;
    return parameters;
}

static void make(uint16_t inline_abi)
{
    lookaside_parameters parameters = usual(inline_abi);
    CHECK(lookaside_list_initialize(&list, &parameters) == LOOKASIDE_STATUS_SUCCESS);
}

/* The list has seen this number of pairs, by whatever way; and not a block is out. */
static void check_pairs(uint64_t pairs)
{
    lookaside_statistics statistics;
    statistics.struct_size = sizeof statistics;
    CHECK(lookaside_list_statistics(&list, &statistics) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(statistics.list.total_allocates == pairs);
    CHECK(statistics.list.total_frees == pairs);
    CHECK(statistics.outstanding == 0);
    CHECK(statistics.pool_allocates - statistics.pool_frees == statistics.list.current_depth);
}

static void end(void)
{
    CHECK(lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS);
}

static inline __attribute__((__always_inline__)) unsigned inlined_pairs(unsigned pairs)
{
    unsigned done = 0;
    for (unsigned pair = 0; pair < pairs; pair++) {
        char *block = (char *)lookaside_list_allocate_inline(&list);
        if (block != NULL) {
            memset(block, 1, 64);
            done++;
        }
        lookaside_list_free_inline(&list, block);
    }
    return done;
}

/* Compilers gather functions like this one, and what they take for unlikely, in sections of their own. */
static __attribute__((__cold__, __noinline__)) unsigned cold_pairs(unsigned pairs)
{
    return inlined_pairs(pairs);
}

/* And programs may name the section. */
static __attribute__((__section__(".text.unlikely"), __noinline__)) unsigned gathered_pairs(unsigned pairs)
{
    return inlined_pairs(pairs);
}

/* How many of the calls in these pairs went to the library. The first one finds an empty list. */
static void tell_calls(uint16_t inline_abi)
{
    make(inline_abi);
    CHECK(inlined_pairs(1) == 1);
    calls = 0;
    CHECK(inlined_pairs(PAIRS) == PAIRS);
    printf("%u of %u\n", calls, 2 * PAIRS);
    check_pairs(PAIRS + 1);
    end();
}

/* Blocks come last in, first out, whichever way they go; and each call counts once. */
static void mixed(void)
{
    void *inlined, *called;
    make(LOOKASIDE_INLINE_ABI);
    inlined = lookaside_list_allocate_inline(&list);
    called = lookaside_list_allocate(&list);
    CHECK(inlined != NULL && called != NULL && inlined != called);
    CHECK(((uintptr_t)inlined & 15) == 0 && ((uintptr_t)called & 15) == 0);
    lookaside_list_free(&list, inlined);
    lookaside_list_free_inline(&list, called);
    CHECK(lookaside_list_allocate(&list) == called);
    CHECK(lookaside_list_allocate_inline(&list) == inlined);
    lookaside_list_free_inline(&list, inlined);
    lookaside_list_free(&list, called);
    lookaside_list_free_inline(&list, NULL);
    check_pairs(4);
    end();
}

/* More blocks than a processor list keeps, so that inlined calls find it empty and full. */
static void misses(void)
{
    static void *blocks[2000];
    const unsigned count = sizeof blocks / sizeof *blocks;
    make(LOOKASIDE_INLINE_ABI);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned index = 0; index < count; index++) {
            blocks[index] = lookaside_list_allocate_inline(&list);
            CHECK(blocks[index] != NULL);
            memset(blocks[index], (int)index, 64);
        }
        for (unsigned index = 0; index < count; index++) {
            CHECK(*(unsigned char *)blocks[index] == (unsigned char)index);
            lookaside_list_free_inline(&list, blocks[index]);
        }
    }
    check_pairs((uint64_t)5 * count);
    end();
}

/* Both processes of a fork go on. */
static void forked(void)
{
    int status;
    pid_t child;
    make(LOOKASIDE_INLINE_ABI);
    CHECK(inlined_pairs(100) == 100);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(3600); /* a child that hangs is killed */
    }
    CHECK(inlined_pairs(PAIRS) == PAIRS);
    check_pairs(PAIRS + 100);
    end();
    if (child == 0) {
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(!WIFSIGNALED(status) || WTERMSIG(status) != SIGALRM); /* it hung */
    CHECK(status == 0);
}

/* Threads that are moved and interrupted, beside one that empties the list again and again. A block's first word is the
 * number of the thread that holds it. */

static uint64_t operations;
static uint64_t pairs_done;
static int working;
static pthread_t threads[THREADS];
static cpu_set_t allowed;

static void *new_block(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type, (void)tag;
    return calloc(1, size);
}

static void interrupted(int signal)
{
    (void)signal;
}

static void move_to(unsigned number)
{
    const unsigned count = (unsigned)CPU_COUNT(&allowed);
    unsigned seen = 0;
    for (unsigned processor = 0; processor < CPU_SETSIZE; processor++) {
        if (CPU_ISSET(processor, &allowed) && seen++ == number % count) {
            cpu_set_t only;
            CPU_ZERO(&only);
            CPU_SET(processor, &only);
            sched_setaffinity(0, sizeof only, &only);
        }
    }
}

static void give_back(uint64_t *block, uint64_t thread)
{
    CHECK(__atomic_exchange_n(block, 0, __ATOMIC_RELAXED) == thread);
    lookaside_list_free_inline(&list, block);
}

static void *work(void *argument)
{
    const uint64_t thread = (uint64_t)(uintptr_t)argument;
    uint64_t random = thread * 0x9E3779B97F4A7C15u, pairs = 0;
    uint64_t *held[HELD];
    unsigned count = 0;
    for (uint64_t operation = 0; operation < operations; operation++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        if (operation % 2048 == 0) {
            move_to((unsigned)(random >> 20));
        }
        if (count == 0 || (count < HELD && (random & 1) != 0)) {
            uint64_t *block = (uint64_t *)lookaside_list_allocate_inline(&list);
            CHECK(block != NULL && __atomic_exchange_n(block, thread, __ATOMIC_RELAXED) == 0);
            held[count++] = block;
            pairs++;
        } else {
            const unsigned place = (unsigned)(random >> 8) % count;
            give_back(held[place], thread);
            held[place] = held[--count];
        }
    }
    while (count != 0) {
        give_back(held[--count], thread);
    }
    __atomic_add_fetch(&pairs_done, pairs, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&working, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void disturbed(void)
{
    const char *soak = getenv("LOOKASIDE_TEST_OPERATIONS");
    lookaside_parameters parameters = usual(LOOKASIDE_INLINE_ABI);
    struct sigaction action;
    uint64_t turns = 0;
    operations = (soak != NULL ? strtoull(soak, NULL, 10) : OPERATIONS) / THREADS;
    parameters.allocate = new_block;
    parameters.free = free;
    CHECK(lookaside_list_initialize(&list, &parameters) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupted;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);

    working = THREADS;
    for (uintptr_t thread = 0; thread < THREADS; thread++) {
        CHECK(pthread_create(&threads[thread], NULL, work, (void *)(thread + 1)) == 0);
    }
    /* None of them is joined yet, so signals reach no one else. */
    while (__atomic_load_n(&working, __ATOMIC_ACQUIRE) != 0) {
        pthread_kill(threads[turns % THREADS], SIGUSR1);
        if (turns % 64 == 0) {
            CHECK((turns % 128 == 0 ? lookaside_list_flush(&list) : lookaside_list_trim(&list)) ==
                  LOOKASIDE_STATUS_SUCCESS);
            lookaside_adjust_depth();
        }
        turns++;
    }
    for (unsigned thread = 0; thread < THREADS; thread++) {
        CHECK(pthread_join(threads[thread], NULL) == 0);
    }
    check_pairs(pairs_done);
    end();
}

/* A library with inlined calls is loaded, used and unloaded. The signal makes the kernel look where the thread's last
 * section was. */
static void unloaded(const char *path)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupted;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    make(LOOKASIDE_INLINE_ABI);
    for (unsigned turn = 0; turn < 3; turn++) {
        void *library = dlopen(path, RTLD_NOW);
        CHECK(library != NULL);
        unsigned (*pairs)(lookaside_list *, unsigned) =
            (unsigned (*)(lookaside_list *, unsigned))(uintptr_t)dlsym(library, "other_pairs");
        /* The last section of the first turn had a block and room, that of the others, of a deleted list, nothing. */
        CHECK(pairs(&list, turn == 0 ? PAIRS : 1) == (turn == 0 ? PAIRS : 0));
        CHECK(dlclose(library) == 0);
        CHECK(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL);
        CHECK(raise(SIGUSR1) == 0);
        if (turn == 0) {
            check_pairs(PAIRS);
            end();
        }
    }
}

/* The sections of this program, those of the library that it is linked with statically among them. */

struct descriptor {
    uint32_t version, flags;
    uint64_t start, length, abort_address;
} __attribute__((aligned(32)));

#if LOOKASIDE_INLINED
#ifdef __cplusplus
extern "C" {
#endif
/* The linker's, around a section whose name is one of C; and the program's first and last byte. */
extern const struct descriptor __start___rseq_cs[], __stop___rseq_cs[];
extern const char __executable_start[], _end[];
#ifdef __cplusplus
}
#endif
#endif

static void tell_sections(void)
{
#if LOOKASIDE_INLINED
    for (const struct descriptor *each = __start___rseq_cs; each != __stop___rseq_cs; each++) {
        uint32_t signature;
        memcpy(&signature, (const void *)(uintptr_t)(each->abort_address - 4), sizeof signature);
        CHECK(each->version == 0 && each->flags == 0);
        CHECK(each->start >= (uintptr_t)__executable_start && each->start < (uintptr_t)_end);
        CHECK(each->length >= 2 && each->length < 512);
        CHECK(each->abort_address - each->start >= each->length);
        CHECK(signature == LOOKASIDE_INLINE_SIGNED);
    }
    printf("%u\n", (unsigned)(__stop___rseq_cs - __start___rseq_cs));
#else
    puts("0");
#endif
}

int main(int count, char **arguments)
{
    const char *name = count >= 2 ? arguments[1] : "";
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(name, "a list made for it") == 0) {
        tell_calls(LOOKASIDE_INLINE_ABI);
    } else if (strcmp(name, "a list not made for it") == 0) {
        tell_calls(0);
    } else if (strcmp(name, "mixed") == 0) {
        mixed();
    } else if (strcmp(name, "misses") == 0) {
        misses();
    } else if (strcmp(name, "cold") == 0) {
        make(LOOKASIDE_INLINE_ABI);
        CHECK(cold_pairs(PAIRS) == PAIRS && gathered_pairs(PAIRS) == PAIRS);
        check_pairs(2 * PAIRS);
        end();
    } else if (strcmp(name, "fork") == 0) {
        forked();
    } else if (strcmp(name, "disturbed") == 0) {
        disturbed();
    } else if (strcmp(name, "two units") == 0) {
        make(LOOKASIDE_INLINE_ABI);
        CHECK(other_pairs(&list, PAIRS) == PAIRS && inlined_pairs(PAIRS) == PAIRS);
#ifdef __cplusplus
        CHECK(template_pairs<unsigned>(&list, PAIRS) == PAIRS);
        check_pairs(3 * PAIRS);
#else
        check_pairs(2 * PAIRS);
#endif
        end();
    } else if (strcmp(name, "unloaded") == 0 && count == 3) {
        unloaded(arguments[2]);
    } else if (strcmp(name, "sections") == 0) {
        tell_sections();
    } else {
        puts("no such case");
        return 2;
    }
    return 0;
}
