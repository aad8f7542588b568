/* A program that loads a plug-in, uses it from threads that live on, and unloads it:
 *
 *     plugin_host PLUGIN LOADS [moved]
 *
 * The threads are interrupted by a signal after each unload, in code of the program's: then the kernel looks for the
 * mark of their last section. With "moved" the file and the working directory are others when the first list is made.
 * Prints whether the plug-in is still mapped at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 2 };

static int (*touch)(void);
static atomic_int round_number, touched, interrupted;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, dlerror());
    exit(1);
}

static void note(int signal)
{
    (void)signal;
    interrupted++;
}

static void *live_on(void *argument)
{
    for (int seen = 0;;) {
        int now = round_number;
        if (now < 0)
            return argument;
        if (now != seen) {
            seen = now;
            if (!touch())
                fail("touch");
            touched++;
        }
        sched_yield();
    }
}

static int (*look_up(void *plugin, const char *name))(void)
{
    void *found = dlsym(plugin, name);
    if (found == NULL)
        fail(name);
    int (*function)(void);
    memcpy(&function, &found, sizeof function);
    return function;
}

static int is_mapped(const char *name)
{
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        found |= strstr(line, name) != NULL;
    if (maps != NULL)
        fclose(maps);
    return found;
}

/* A child that ends well: what the plug-in had registered for forks is gone with it, or there. */
static void fork_once(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        fail("fork");
}

int main(int count, char **arguments)
{
    int loads = atoi(arguments[2]);
    pthread_t threads[THREADS];
    signal(SIGUSR1, note);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, live_on, NULL);
    for (int load = 1; load <= loads; load++) {
        void *plugin = dlopen(arguments[1], RTLD_NOW);
        if (plugin == NULL)
            fail(arguments[1]);
        if (load == 1 && count > 3 && (unlink(arguments[1]) != 0 || chdir("/") != 0))
            fail("moved");
        errno = 77;
        if (!look_up(plugin, "begin")() || errno != 77)
            fail("begin");
        touch = look_up(plugin, "touch");
        touched = 0;
        round_number = load;
        while (touched != THREADS)
            sched_yield();
        if (!look_up(plugin, "end")())
            fail("end");
        dlclose(plugin);
        interrupted = 0;
        for (int i = 0; i < THREADS; i++)
            pthread_kill(threads[i], SIGUSR1);
        while (interrupted != THREADS)
            sched_yield();
    }
    fork_once();
    round_number = -1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    puts(is_mapped(strrchr(arguments[1], '/')) ? "mapped" : "gone");
    return 0;
}
