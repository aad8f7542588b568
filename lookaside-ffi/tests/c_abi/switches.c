/* First lists of a process, made by several threads at once. With an argument the environment is taken away first. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lookaside.h"

enum { THREADS = 4 };

static pthread_barrier_t together;

static void *make(void *unused)
{
    static _Thread_local lookaside_list list;
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    pthread_barrier_wait(&together);
    errno = 77;
    if (lookaside_list_initialize(&list, &parameters) != LOOKASIDE_STATUS_SUCCESS || errno != 77 ||
        lookaside_list_delete(&list) != LOOKASIDE_STATUS_SUCCESS)
        exit(1);
    return unused;
}

int main(int count, char **arguments)
{
    (void)arguments;
    pthread_t threads[THREADS];
    if (count > 1)
        clearenv();
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, make, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
