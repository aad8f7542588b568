/* The report: what every list of the program does, in the shape of the kernel debugger's !lookaside.
 *
 * Three lists with different traffic; the report of all of them, into a buffer that is too short first, and of one
 * alone; then a scan by hand, after which the busy list may keep more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lookaside.h"

enum { LISTS = 3, MOST = 64 };

static lookaside_list lists[LISTS];

/* Takes `together` blocks and frees them again, `rounds` times. */
static void use(lookaside_list *list, int together, int rounds)
{
    void *blocks[MOST];
    while (rounds-- > 0) {
        for (int i = 0; i < together; i++) {
            blocks[i] = lookaside_list_allocate(list);
        }
        for (int i = 0; i < together; i++) {
            lookaside_list_free(list, blocks[i]);
        }
    }
}

static void print_depth(const char *when)
{
    lookaside_statistics statistics = {.struct_size = sizeof statistics};
    if (lookaside_list_statistics(&lists[1], &statistics) == LOOKASIDE_STATUS_SUCCESS) {
        printf("%s: the busy list may keep %s\n", when, statistics.list.depth > 8 ? "more than 8 blocks" : "few blocks");
    }
}

int main(void)
{
    static const struct {
        const char *name;
        size_t size;
        lookaside_tag tag;
    } kinds[LISTS] = {
        {"report!Quiet", 148, LOOKASIDE_TAG('Q', 'u', 'i', 't')},
        {"report!Busy", 472, LOOKASIDE_TAG('B', 'u', 's', 'y')},
        {"report!Unused", 96, LOOKASIDE_TAG('N', 'o', 'n', 'e')},
    };
    for (int i = 0; i < LISTS; i++) {
        lookaside_parameters parameters = {
            .struct_size = sizeof parameters,
            .size = kinds[i].size,
            .name = kinds[i].name,
            .tag = kinds[i].tag,
            .pool_type = LOOKASIDE_POOL_PAGED,
            .tuning = LOOKASIDE_TUNING_MANUAL,
            .topology = LOOKASIDE_TOPOLOGY_GENERAL,
        };
        lookaside_status status = lookaside_list_initialize(&lists[i], &parameters);
        if (status != LOOKASIDE_STATUS_SUCCESS) {
            printf("%s: no list: %s\n", kinds[i].name, lookaside_status_string(status));
            return EXIT_FAILURE;
        }
    }

    use(&lists[0], 2, 20);
    use(&lists[1], MOST, 20);

    /* The length first, as for any text of unknown length; a buffer that is too short holds the beginning. */
    size_t needed = 0;
    lookaside_status status = lookaside_report(NULL, NULL, 0, &needed);
    printf("no buffer: %s, %s\n", lookaside_status_string(status), needed > 100 ? "a length" : "no length");
    char beginning[28];
    status = lookaside_report(NULL, beginning, sizeof beginning, NULL);
    printf("short buffer: %s, \"%s\"\n", lookaside_status_string(status), beginning);

    char *text = malloc(needed);
    if (text == NULL) {
        return EXIT_FAILURE;
    }
    status = lookaside_report(NULL, text, needed, &needed);
    printf("right buffer: %s\n\n%s", lookaside_status_string(status), text);
    status = lookaside_report(&lists[0], text, needed, NULL);
    printf("\none list: %s\n\n%s", lookaside_status_string(status), text);
    free(text);

    puts("");
    print_depth("before the scan");
    lookaside_adjust_depth();
    print_depth("after the scan");

    for (int i = 0; i < LISTS; i++) {
        lookaside_list_delete(&lists[i]);
    }
    return EXIT_SUCCESS;
}
