/* Prints the names of lists that were made in several ways; each line of the output says which line made the list. */
#include "lookaside_wdm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lookaside_list unnamed, empty, named, elsewhere, plain, bytes, sliced;
static PAGED_LOOKASIDE_LIST wdm;

static void need(lookaside_status status)
{
    if (status != LOOKASIDE_STATUS_SUCCESS) {
        fprintf(stderr, "%s\n", lookaside_status_string(status));
        exit(1);
    }
}

/* The name that the list's report begins with, up to its address. */
static void print(int line, const lookaside_list *list)
{
    static char report[4096];
    need(lookaside_report(list, report, sizeof report, NULL));
    printf("%d: %.*s\n", line, (int)strcspn(report, "\n"), report);
}

int main(void)
{
    lookaside_parameters parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.struct_size = sizeof parameters;
    parameters.size = 64;
    parameters.pool_type = LOOKASIDE_POOL_PAGED;

    need(lookaside_list_initialize(&unnamed, &parameters));
    print(__LINE__ - 1, &unnamed);
    parameters.name = "";
    need(lookaside_list_initialize(&empty, &parameters));
    print(__LINE__ - 1, &empty);
    parameters.name = "requests";
    need(lookaside_list_initialize(&named, &parameters));
    print(0, &named);
    parameters.name = NULL;
    need(lookaside_list_initialize_at("a/folder/packets.c:42", &elsewhere, &parameters));
    print(0, &elsewhere);
    need((lookaside_list_initialize)(&plain, &parameters));
    print(0, &plain);
    need(lookaside_list_initialize_at("no UTF-8 \xff", &bytes, &parameters));
    print(0, &bytes);
#ifdef __cplusplus
    need(::lookaside_list_initialize(&sliced, &parameters));
#else
    need(lookaside_list_initialize(&sliced, &(lookaside_parameters){
        .struct_size = sizeof(lookaside_parameters), .size = 64, .pool_type = LOOKASIDE_POOL_PAGED}));
#endif
    print(0, &sliced);
    ExInitializePagedLookasideList(&wdm, NULL, NULL, 0, 64, 'emaN', 0);
    print(0, &wdm.L.List);
    return 0;
}
