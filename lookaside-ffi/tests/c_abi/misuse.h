/* The frame of misuse.c and its kin: one misuse of the library per run. "misuse CASE" prints what the calls returned,
 * unless the library ends it.
 *
 * tests/c_abi/misuse.rs knows every case and what it must come to. All of them compile as C11 and as C++17.
 */
#ifndef MISUSE_H
#define MISUSE_H

/* For setenv. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lookaside.h"

/* A list that a case may make, one that is never made, and memory with anything in it. */
static lookaside_list list, zeroed, garbage;

static union {
    lookaside_list aligned;
    char bytes[2 * sizeof(lookaside_list)];
} room;

/* What a list is made from, for a case to change. */
static lookaside_parameters changed;

static inline lookaside_list *misaligned(void)
{
    return (lookaside_list *)(void *)(room.bytes + 8);
}

static inline void show(lookaside_status status)
{
    puts(lookaside_status_string(status));
}

static inline void tell_pointer(const void *pointer)
{
    puts(pointer == NULL ? "NULL" : "not NULL");
}

static inline lookaside_parameters usual(void)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.name = "misuse";
    parameters.tag = LOOKASIDE_TAG('T', 'e', 's', 't');
    parameters.pool_type = LOOKASIDE_POOL_PAGED;
    return parameters;
}

static inline void make(void)
{
    lookaside_parameters parameters = usual();
    if (lookaside_list_initialize(&list, &parameters) != LOOKASIDE_STATUS_SUCCESS) {
        puts("no list");
        exit(2);
    }
}

static inline void *take(void)
{
    void *block = lookaside_list_allocate(&list);
    if (block == NULL) {
        puts("no block");
        exit(2);
    }
    return block;
}

static inline void make_and_delete(void)
{
    make();
    if (lookaside_list_delete(&list) != LOOKASIDE_STATUS_SUCCESS) {
        puts("not deleted");
        exit(2);
    }
}

/* Initialises with changed parameters, shows the status, and whether the object was left as it was. */
static inline void tell_initialize(const lookaside_parameters *parameters)
{
    lookaside_list before = list;
    lookaside_status status = lookaside_list_initialize(&list, parameters);
    show(status);
    if (status != LOOKASIDE_STATUS_SUCCESS && memcmp(&before, &list, sizeof list) != 0) {
        puts("and changed the object");
    }
}

static inline void *plain_allocate(lookaside_pool_type pool_type, size_t size, lookaside_tag tag)
{
    (void)pool_type;
    (void)tag;
    return malloc(size);
}

static inline void plain_free(void *block)
{
    free(block);
}

/* Runs what follows if it is the case of this name. */
#define CASE(words) if (strcmp(name, words) == 0 && ++found)
static int found;

/* The cases of the program. */
static void cases(const char *name);

int main(int count, char **arguments)
{
    const char *name = count == 2 ? arguments[1] : "";
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    setvbuf(stdout, NULL, _IONBF, 0);
    changed = usual();
    memset(&zeroed, 0, sizeof zeroed);
    memset(&garbage, 0xA5, sizeof garbage);
    memset(&list, 0x5A, sizeof list);
    cases(name);
    if (!found) {
        printf("no case is called \"%s\"\n", name);
        return 2;
    }
    return 0;
}

#endif
