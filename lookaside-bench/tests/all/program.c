/* What tests/all/trace_record.rs records. Every size below is used nowhere else, not even by the C library. */
#define _GNU_SOURCE
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define TURNS 20000

static _Atomic(void *) slot;

/* Each block is freed by whichever thread comes next, so addresses travel between threads all the time. */
static void *exchange(void *number)
{
    for (int turn = 0; turn < TURNS; turn++)
        free(atomic_exchange(&slot, malloc(2001 + (size_t)(uintptr_t)number)));
    return NULL;
}

static void child_work(void)
{
    for (int i = 0; i < 100; i++)
        free(malloc(9999));
}

/* Says that it is ready, and ends with its input, or by the first signal. */
static int wait_for_a_signal(void)
{
    char byte;
    free(malloc(6161));
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}

static void ignore(int signal)
{
    (void)signal;
}

/* The same, but SIGINT leads to more work, and then to an end of its own. */
static int take_a_signal(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, &before);
    signal(SIGINT, ignore);
    puts("ready");
    fflush(stdout);
    if (ppoll(&input, 1, NULL, &before) != -1)
        return 0;
    free(malloc(6262));
    return 5;
}

/* Keeps a block, and goes on as another program. */
static int go_on(char *name)
{
    free(malloc(3131));
    if (malloc(3232) == NULL)
        return 1;
    execl("/proc/self/exe", name, "gone on", (char *)NULL);
    return 1;
}

static int one_of(char *name, const char *mode)
{
    if (strcmp(mode, "wait") == 0)
        return wait_for_a_signal();
    if (strcmp(mode, "take") == 0)
        return take_a_signal();
    if (strcmp(mode, "exec") == 0)
        return go_on(name);
    if (strcmp(mode, "gone on") == 0) {
        free(malloc(3333));
        return 7;
    }
    child_work();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return one_of(argv[0], argv[1]);

    volatile size_t huge = PTRDIFF_MAX;
    void *block = NULL;
    for (int i = 0; i < 3; i++)
        free(malloc(12345));
    free(calloc(7, 1111));
    free(NULL);

    block = realloc(realloc(NULL, 2222), 4444);
    if (realloc(block, huge) != NULL)
        return 1;
    free(block);

    if (posix_memalign(&block, 64, 3333) != 0)
        return 1;
    free(block);
    free(aligned_alloc(64, 6464));
    free(memalign(32, 5555));

    pid_t child = fork();
    if (child == 0) {
        alarm(3600); /* a child that hangs is killed */
        child_work();
        _exit(0);
    }
    waitpid(child, NULL, 0);
    child = fork();
    if (child == 0) {
        execl("/proc/self/exe", argv[0], "child", (char *)NULL);
        _exit(1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    if (status != 0)
        return 1;

    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, exchange, (void *)i) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    if (malloc(7777777) == NULL)
        return 1;
    return 3;
}
