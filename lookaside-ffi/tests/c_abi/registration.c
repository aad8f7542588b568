/* A program that registers threads for rseq itself, under no name that a library could find: as one with Google's
 * tcmalloc linked statically does. "registration LIBRARY WHO THREAD" loads the library and makes the first list in a
 * thread, "first" or "other", which it registers after that, and prints the engine. WHO has registered the first thread
 * before: "program", or "no one"; then it registers no other either. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lookaside.h"

#ifdef __aarch64__
#define SIGNATURE 0xd428bc00
#else
#define SIGNATURE 0x53053053
#endif

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "registration.c:%d: %s (%s)\n", __LINE__, #condition, strerror(errno));                  \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define FIND(function) __typeof__(&function) my_##function = (__typeof__(&function))dlsym(library, #function)

static const char *path;
static int registers;

static void register_thread(void)
{
    static _Thread_local struct {
        _Alignas(32) unsigned words[8];
    } area = {{0, -1u}};
    if (registers)
        CHECK(syscall(SYS_rseq, &area, sizeof area, 0, SIGNATURE) == 0);
}

static void use_list(void)
{
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    FIND(lookaside_list_initialize);
    FIND(lookaside_list_allocate);
    FIND(lookaside_list_free);
    FIND(lookaside_list_delete);
    FIND(lookaside_engine);
    static lookaside_list list;
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    CHECK(my_lookaside_list_initialize(&list, &parameters) == LOOKASIDE_STATUS_SUCCESS);
    for (int call = 0; call < 1000; call++) {
        void *const block = my_lookaside_list_allocate(&list);
        CHECK(block != NULL);
        my_lookaside_list_free(&list, block);
    }
    CHECK(my_lookaside_list_delete(&list) == LOOKASIDE_STATUS_SUCCESS);
    puts(my_lookaside_engine());
}

static void *other_thread(void *unused)
{
    use_list();
    register_thread();
    return unused;
}

int main(int count, char **words)
{
    CHECK(count == 4);
    path = words[1];
    if (syscall(SYS_rseq, NULL, 0, 0, 0) != 0 && errno == ENOSYS) {
        puts("SKIP");
        return 0;
    }
    registers = strcmp(words[2], "program") == 0;
    register_thread();
    if (strcmp(words[3], "first") == 0)
        use_list();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
