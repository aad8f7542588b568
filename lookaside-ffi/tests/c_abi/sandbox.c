/* A program that uses lists, and then forbids itself every system call but those that it is given:
 *
 *     sandbox CASE SECONDS CALL...
 *
 * In the sandbox it works, idles, reports, flushes, makes one more list and deletes it. CASE says more: "one thread",
 * "threads", "thread starts" (the library's, in the sandbox), or "deletes all" (which ends the library's thread). */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "lookaside.h"

enum { THREADS = 3, BLOCKS = 300, ROUNDS = 500, CALLS = 64 };

static const struct call {
    const char *name;
    unsigned number;
} known[] = {
    {"brk", __NR_brk},
    {"close", __NR_close},
    {"clone3", __NR_clone3},
    {"clock_gettime", __NR_clock_gettime},
    {"exit", __NR_exit},
    {"futex", __NR_futex},
    {"getcpu", __NR_getcpu},
    {"getpid", __NR_getpid},
    {"getrandom", __NR_getrandom},
    {"gettid", __NR_gettid},
    {"madvise", __NR_madvise},
    {"membarrier", __NR_membarrier},
    {"mlock", __NR_mlock},
    {"mmap", __NR_mmap},
    {"mprotect", __NR_mprotect},
    {"munlock", __NR_munlock},
    {"munmap", __NR_munmap},
    {"openat", __NR_openat},
    {"prctl", __NR_prctl},
    {"prlimit64", __NR_prlimit64},
    {"read", __NR_read},
    {"restart_syscall", __NR_restart_syscall},
    {"rseq", __NR_rseq},
    {"rt_sigaction", __NR_rt_sigaction},
    {"rt_sigprocmask", __NR_rt_sigprocmask},
    {"sched_get_priority_max", __NR_sched_get_priority_max},
    {"sched_get_priority_min", __NR_sched_get_priority_min},
    {"sched_setscheduler", __NR_sched_setscheduler},
    {"sched_yield", __NR_sched_yield},
    {"set_robust_list", __NR_set_robust_list},
    {"tgkill", __NR_tgkill},
    /* What this program needs for itself. */
    {"write", __NR_write},
    {"exit_group", __NR_exit_group},
    {"rt_sigreturn", __NR_rt_sigreturn},
    {"clock_nanosleep", __NR_clock_nanosleep},
};

static lookaside_list paged, arenas, nonpaged;
static pthread_barrier_t start, end;

static void need(lookaside_status status, const char *what)
{
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        fprintf(stderr, "%s: %s\n", what, lookaside_status_string(status));
        _exit(1);
    }
}

static void make(lookaside_list *list, lookaside_pool_type pool_type, lookaside_flags flags)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 200;
    parameters.pool_type = pool_type;
    parameters.flags = flags;
    need(lookaside_list_initialize(list, &parameters), "initialize");
}

static void use_list(lookaside_list *list, void **blocks, int count)
{
    for (int i = 0; i < count; i++) {
        blocks[i] = lookaside_list_allocate(list);
        if (blocks[i] != NULL)
            memset(blocks[i], i, 200);
    }
    for (int i = 0; i < count; i++)
        lookaside_list_free(list, blocks[i]);
}

static void *work(void *argument)
{
    void *blocks[BLOCKS];
    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS; round++) {
        use_list(&paged, blocks, round % 10 == 0 ? BLOCKS : 8);
        use_list(&arenas, blocks, round % 10 == 0 ? BLOCKS : 8);
        use_list(&nonpaged, blocks, round % 10 == 0 ? BLOCKS : 8);
        if (round % 100 == 0) {
            need(lookaside_list_flush(&paged), "flush");
            need(lookaside_list_trim(&arenas), "trim");
        }
    }
    pthread_barrier_wait(&end);
    /* The program's threads stay to its end, since starting and ending them takes other calls. */
    for (;;) {
        struct timespec long_time = {1000, 0};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL);
    }
    return argument;
}

static void forbidden(int number, siginfo_t *what, void *context)
{
    char line[100];
    (void)number, (void)context;
    int length = snprintf(line, sizeof line, "forbidden: system call %d\n", what->si_syscall);
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) > 0)
        _exit(2);
    _exit(3);
}

static void lock_down(char **names, int count)
{
    struct sock_filter filter[2 * CALLS + 2];
    size_t length = 0;
    int own = 4;
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int wanted = i + (size_t)own >= sizeof known / sizeof *known;
        for (int name = 0; name < count; name++)
            if (strcmp(names[name], known[i].name) == 0)
                wanted = 1;
        if (!wanted)
            continue;
        filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, known[i].number, 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    for (int name = 0; name < count; name++) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(names[name], known[i].name) != 0)
            i++;
        if (i == sizeof known / sizeof *known) {
            fprintf(stderr, "unknown call: %s\n", names[name]);
            _exit(1);
        }
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    struct sock_fprog program = {(unsigned short)length, filter};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = forbidden;
    action.sa_flags = SA_SIGINFO;
    if (sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
        puts("SKIP");
        exit(0);
    }
}

static void idle(double seconds)
{
    static void *blocks[8];
    struct timespec part = {0, 100 * 1000 * 1000};
    for (int i = 0; i < seconds * 10; i++) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &part, NULL);
        use_list(&paged, blocks, i % 8);
    }
    for (int i = 0; i < seconds; i++) {
        struct timespec second = {1, 0};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &second, NULL);
    }
}

int main(int count, char **arguments)
{
    static void *blocks[BLOCKS];
    static char text[65536];
    static lookaside_list another;
    if (count < 3)
        return 1;
    int starts = strcmp(arguments[1], "thread starts") == 0;
    int threads = starts || strcmp(arguments[1], "one thread") == 0 ? 0 : THREADS;
    pthread_barrier_init(&start, NULL, THREADS + 1);
    pthread_barrier_init(&end, NULL, THREADS + 1);
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            return 1;
    }
    make(&paged, LOOKASIDE_POOL_PAGED, 0);
    make(&arenas, LOOKASIDE_POOL_PAGED, LOOKASIDE_FLAG_PAGED_ARENAS);
    make(&nonpaged, LOOKASIDE_POOL_NON_PAGED, LOOKASIDE_FLAG_BEST_EFFORT_LOCK);
    use_list(&paged, blocks, 1);
    use_list(&arenas, blocks, 1);
    use_list(&nonpaged, blocks, 1);
    lock_down(arguments + 3, count - 3);
    if (starts)
        need(lookaside_start_balance_thread(), "start");
    if (threads != 0) {
        pthread_barrier_wait(&start);
        pthread_barrier_wait(&end);
    }
    for (int round = 0; round < 100; round++) {
        use_list(&paged, blocks, BLOCKS);
        use_list(&arenas, blocks, BLOCKS);
        use_list(&nonpaged, blocks, BLOCKS);
    }
    idle(atof(arguments[2]));
    need(lookaside_report(NULL, text, sizeof text, NULL), "report");
    need(lookaside_pool_report(text, sizeof text, NULL), "pool report");
    make(&another, LOOKASIDE_POOL_PAGED, 0);
    use_list(&another, blocks, BLOCKS);
    need(lookaside_list_prefill(&another, 100, NULL), "prefill");
    need(lookaside_list_flush(&another), "flush");
    need(lookaside_list_delete(&another), "delete");
    if (strcmp(arguments[1], "deletes all") == 0) {
        need(lookaside_list_delete(&paged), "delete");
        need(lookaside_list_delete(&arenas), "delete");
        need(lookaside_list_delete(&nonpaged), "delete");
    }
    _exit(write(STDOUT_FILENO, "unharmed\n", 9) != 9);
}
