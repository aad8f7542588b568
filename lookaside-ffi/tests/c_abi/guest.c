/* What the library leaves alone in the process that it is linked into. "guest CASE" says OK, or which line is not so.
 *
 * tests/c_abi/guest.rs builds it shared, static, without a shared library at all, and as a static-pie.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lookaside.h"

#define CHECK(condition) check((condition), #condition, __LINE__)

static int failures;

static void check(int holds, const char *condition, int line)
{
    if (!holds) {
        printf("line %d: not so: %s\n", line, condition);
        failures++;
    }
}

static lookaside_list list;

/* More blocks than an idle list keeps, which is four for each processor that it was used on, and four that they share. */
#define FEW 100

static void make(lookaside_tuning tuning)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    parameters.tuning = tuning;
    CHECK(lookaside_list_initialize(&list, &parameters) == LOOKASIDE_STATUS_SUCCESS);
}

/* A burst that leaves a thousand blocks in the list, and a single pair of calls, which hits if the list has a block. */
static void burst(void)
{
    static void *blocks[3000];
    for (int i = 0; i < 3000; i++) {
        blocks[i] = lookaside_list_allocate(&list);
    }
    for (int i = 0; i < 3000; i++) {
        lookaside_list_free(&list, blocks[i]);
    }
}

static void pair(void)
{
    lookaside_list_free(&list, lookaside_list_allocate(&list));
}

static uint64_t kept(void)
{
    lookaside_statistics statistics;
    statistics.struct_size = sizeof statistics;
    CHECK(lookaside_list_statistics(&list, &statistics) == LOOKASIDE_STATUS_SUCCESS);
    return statistics.list.current_depth;
}

/* Threads of this process, and of those the library's. */
static int threads(int *scanning)
{
    int all = 0;
    DIR *tasks = opendir("/proc/self/task");
    *scanning = 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char path[300], name[32] = "";
        if (task->d_name[0] == '.') {
            continue;
        }
        all++;
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        /* A thread that has not run yet has no name of its own. */
        if (file != NULL && fgets(name, sizeof name, file) != NULL) {
            *scanning += strcmp(name, "lookaside-scan\n") == 0;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    closedir(tasks);
    return all;
}

/* Whether the library's thread is there; one that was just started gets the time to say its name. */
static int has_scanning_thread(void)
{
    int scanning = 0, others = 0;
    for (int look = 0; look < 200 && !scanning; look++) {
        others = threads(&scanning) - scanning;
        if (!scanning && others == 1) {
            return 0;
        }
        usleep(5000);
    }
    return scanning == 1;
}

static int report_says(const char *words)
{
    static char text[20000];
    lookaside_report(NULL, text, sizeof text, NULL);
    return strstr(text, words) != NULL;
}

static void *wait_for_ever(void *unused)
{
    for (;;) {
        pause();
    }
    return unused;
}

static void start_thread(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
}

static int ends_well(pid_t child)
{
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The child's checks; what fails there is printed there. */
static void end_child(void)
{
    fflush(stdout);
    _exit(failures != 0);
}

static void single(void)
{
    make(LOOKASIDE_TUNING_DEFAULT);
    burst();
    CHECK(__libc_single_threaded);
    CHECK(!has_scanning_thread());
    CHECK(report_says("Scanned by: calls (the process has one thread)"));
    const pid_t child = fork();
    if (child == 0) {
        alarm(3600);
        burst();
        CHECK(__libc_single_threaded);
        CHECK(report_says("Scanned by: calls (the process has one thread)"));
        CHECK(lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS);
        end_child();
    }
    CHECK(ends_well(child));
    lookaside_adjust_depth();
    CHECK(lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(__libc_single_threaded);
    CHECK(report_says("Scanned by: no one"));
}

/* Idle blocks are given back by calls that miss: each second one of another list, which takes and keeps a block. */
static void calls_scan(void)
{
    static lookaside_list missing;
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    make(LOOKASIDE_TUNING_DEFAULT);
    CHECK(lookaside_list_initialize(&missing, &parameters) == LOOKASIDE_STATUS_SUCCESS);
    burst();
    CHECK(kept() > FEW);
    for (int second = 0; second < 60 && kept() > FEW; second++) {
        sleep(1);
        CHECK(lookaside_list_allocate(&missing) != NULL);
    }
    CHECK(kept() <= FEW);
    CHECK(__libc_single_threaded);
}

static void threads_later(void)
{
    make(LOOKASIDE_TUNING_DEFAULT);
    pair();
    CHECK(!has_scanning_thread());
    start_thread();
    burst();
    CHECK(report_says("Scanned by: thread"));
    CHECK(has_scanning_thread());
    CHECK(lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS);
    int scanning;
    CHECK(threads(&scanning) == 2 && scanning == 0);
}

/* A library that starts a thread when it is loaded: its name is in the environment. */
static void library(void)
{
    make(LOOKASIDE_TUNING_DEFAULT);
    pair();
    CHECK(!has_scanning_thread());
    CHECK(dlopen(getenv("LIBRARY"), RTLD_NOW) != NULL);
    burst();
    CHECK(report_says("Scanned by: thread"));
    CHECK(has_scanning_thread());
}

/* What the program was before makes no difference to the one that it becomes. */
static void exec(void)
{
    start_thread();
    make(LOOKASIDE_TUNING_DEFAULT);
    burst();
    execl("/proc/self/exe", "guest", "single", (char *)NULL);
    CHECK(!"exec succeeds");
}

static void manual(void)
{
    start_thread();
    make(LOOKASIDE_TUNING_MANUAL);
    burst();
    CHECK(report_says("Scanned by: no one"));
    int scanning;
    CHECK(threads(&scanning) == 2);
    CHECK(lookaside_start_balance_thread() == LOOKASIDE_STATUS_SUCCESS);
    CHECK(report_says("Scanned by: thread"));
    CHECK(has_scanning_thread());
}

static void asked(void)
{
    CHECK(lookaside_start_balance_thread() == LOOKASIDE_STATUS_SUCCESS);
    CHECK(!has_scanning_thread());
    make(LOOKASIDE_TUNING_DEFAULT);
    CHECK(report_says("Scanned by: thread"));
    CHECK(has_scanning_thread());
    CHECK(lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS);
    CHECK(!has_scanning_thread());
    make(LOOKASIDE_TUNING_MANUAL);
    CHECK(has_scanning_thread());
}

/* No memory for a stack. */
static void refused(void)
{
    make(LOOKASIDE_TUNING_DEFAULT);
    start_thread();
    const struct rlimit none = {1, RLIM_INFINITY};
    struct rlimit before;
    CHECK(getrlimit(RLIMIT_AS, &before) == 0 && setrlimit(RLIMIT_AS, &none) == 0);
    CHECK(lookaside_start_balance_thread() == LOOKASIDE_STATUS_INSUFFICIENT_RESOURCES);
    CHECK(report_says("Scanned by: calls (a thread could not be started: error "));
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    for (int second = 0; second < 60 && !report_says("Scanned by: thread"); second++) {
        sleep(1);
    }
    CHECK(report_says("Scanned by: thread"));
}

/* A child whose calls are all hits gives back what it does not need. */
static void child_hits(void)
{
    start_thread();
    make(LOOKASIDE_TUNING_DEFAULT);
    burst();
    CHECK(report_says("Scanned by: thread"));
    CHECK(kept() > FEW);
    const pid_t child = fork();
    if (child == 0) {
        alarm(3600);
        pair();
        CHECK(has_scanning_thread());
        /* Each look is one of the library's calls, but no miss. */
        for (int second = 0; second < 60 && kept() > FEW; second++) {
            sleep(1);
        }
        CHECK(kept() <= FEW);
        end_child();
    }
    CHECK(ends_well(child));
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {
        {"single", single},         {"exec", exec},   {"calls scan", calls_scan}, {"threads later", threads_later},
        {"library", library},       {"manual", manual}, {"asked", asked},         {"refused", refused},
        {"child hits", child_hits},
    };
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(arguments[1], cases[i].name) == 0) {
            cases[i].run();
            if (failures == 0) {
                puts("OK");
            }
            return failures != 0;
        }
    }
    return 2;
}
