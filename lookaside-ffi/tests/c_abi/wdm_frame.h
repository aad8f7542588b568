/* The frame of wdm.c and its kin: what lookaside_wdm.h promises, against what is known of Windows. "wdm CASE" says
 * OK, or which line is not so.
 *
 * tests/c_abi/wdm.rs builds them as C and as C++, for each topology, beside wdm_other.c, and knows how each case ends.
 */
#ifndef WDM_FRAME_H
#define WDM_FRAME_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lookaside_wdm.h"

#define TAG LOOKASIDE_TAG('T', 'e', 's', 't')
#define CHECK(condition) check((condition), #condition, __LINE__)

static int failures;

static void check(int holds, const char *condition, int line)
{
    if (!holds) {
        printf("line %d: not so: %s\n", line, condition);
        failures++;
    }
}

/* Raising: from here to where `raised_by` was called, by an exception or by longjmp. */

#ifndef __cplusplus
static jmp_buf back;
#endif
static NTSTATUS raised;
static int raised_elsewhere;

static VOID raise_back(NTSTATUS status)
{
    raised = status;
#ifdef __cplusplus
    throw status;
#else
    longjmp(back, 1);
#endif
}

#ifdef __cplusplus
extern "C"
#endif
    void main_raise(int32_t status);
void main_raise(int32_t status)
{
    raised_elsewhere = 1;
    raise_back(status);
}

static inline NTSTATUS raised_by(void (*body)(void))
{
    raised = STATUS_SUCCESS;
    lookaside_wdm_raise_hook = raise_back;
#ifdef __cplusplus
    try {
        body();
    } catch (NTSTATUS status) {
        return status;
    }
#else
    if (setjmp(back) == 0) {
        body();
        return STATUS_SUCCESS;
    }
#endif
    return raised;
}

/* From here, nothing larger than a gigabyte can be had. */
static inline void forbid_large_blocks(void)
{
    struct rlimit limit = {(rlim_t)1 << 30, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &limit);
}
#define TOO_LARGE 0xF0000000u

/* From here, no memory can be locked. */
static inline void forbid_locks(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_MEMLOCK, &none);
    if (geteuid() == 0) {
        setuid(65534);
    }
}

/* What a body that must raise got instead. */
static PVOID got;

/* Runs what follows if it is the case of this name. */
#define CASE(words) if (strcmp(name, words) == 0 && ++found)
static int found;

/* The cases of the program. */
static void cases(const char *name);

int main(int count, char **arguments)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    setvbuf(stdout, NULL, _IONBF, 0);
    got = NULL;
    cases(count == 2 ? arguments[1] : "");
    if (!found) {
        puts("no such case");
        return 2;
    }
    puts(failures == 0 ? "OK" : "not OK");
    return failures != 0;
}

#endif
