/* What is reported of lists, pools and tags: into buffers that are too short, into none, and of what is none. */
#include "misuse.h"

#define GOOD LOOKASIDE_TAG('G', 'o', 'o', 'd')

static void cases(const char *name)
{
    CASE("statistics, null") make(), show(lookaside_list_statistics(&list, NULL));
    CASE("statistics, struct_size wrong")
    {
        lookaside_statistics statistics;
        make();
        memset(&statistics, 0xEE, sizeof statistics);
        statistics.struct_size = sizeof statistics - 8;
        show(lookaside_list_statistics(&list, &statistics));
        puts(statistics.outstanding == 0xEEEEEEEEEEEEEEEE ? "untouched" : "written");
    }
    CASE("report, null buffer")
    {
        size_t needed = 0;
        make();
        show(lookaside_report(&list, NULL, 100, &needed));
        puts(needed > 100 ? "length returned" : "no length");
        show(lookaside_report(&list, NULL, 0, NULL));
    }
    CASE("report, short buffers")
    {
        char whole[4096], part[4096];
        size_t needed = 0, again = 0;
        make();
        show(lookaside_report(&list, whole, sizeof whole, &needed));
        puts(needed == strlen(whole) + 1 ? "length right" : "length wrong");
        for (size_t capacity = 0; capacity <= needed; capacity++) {
            memset(part, 0x7F, sizeof part);
            lookaside_status status = lookaside_report(&list, part, capacity, &again);
            int fits = capacity == needed;
            if (status != (fits ? LOOKASIDE_STATUS_SUCCESS : LOOKASIDE_STATUS_BUFFER_OVERFLOW) || again != needed ||
                (capacity > 0 && (strlen(part) != capacity - 1 || memcmp(part, whole, capacity - 1) != 0)) ||
                part[capacity] != 0x7F) {
                printf("wrong with %u bytes\n", (unsigned)capacity);
            }
        }
    }
    CASE("report of a list that is none")
    {
        char text[100] = "kept";
        size_t needed = 7;
        show(lookaside_report(misaligned(), text, sizeof text, &needed));
        show(lookaside_report(&zeroed, text, sizeof text, &needed));
        make_and_delete();
        show(lookaside_report(&list, text, sizeof text, &needed));
        printf("%s, %u\n", text, (unsigned)needed);
    }
    CASE("pool statistics, null, no such pool, struct_size wrong")
    {
        lookaside_pool_usage usage;
        memset(&usage, 0x7F, sizeof usage);
        show(lookaside_pool_statistics(LOOKASIDE_POOL_KIND_HEAP, NULL));
        show(lookaside_pool_statistics(LOOKASIDE_POOL_KIND_HEAP, &usage));
        usage.struct_size = sizeof usage;
        show(lookaside_pool_statistics(7, &usage));
        puts(usage.used == UINT64_C(0x7F7F7F7F7F7F7F7F) ? "untouched" : "changed");
        show(lookaside_pool_statistics(LOOKASIDE_POOL_KIND_HEAP, &usage));
        printf("%u used\n", (unsigned)usage.used);
    }
    CASE("pool report, null and short buffers")
    {
        char text[4096];
        size_t needed = 0;
        show(lookaside_pool_report(NULL, 7, &needed));
        show(lookaside_pool_report(text, 10, NULL));
        puts(text);
        show(lookaside_pool_report(text, sizeof text, &needed));
        puts(needed == strlen(text) + 1 && strstr(text, "RLIMIT_MEMLOCK") ? "whole" : "not whole");
    }
    CASE("tags, buffers")
    {
        lookaside_tag_usage rows[4];
        size_t needed = 99, again = 99;
        char text[200];
        lookaside_pool_free(lookaside_pool_allocate(LOOKASIDE_POOL_PAGED, 100, GOOD), GOOD);
        show(lookaside_tags(2, rows, 4, &needed));
        show(lookaside_tag_report(2, text, sizeof text, &needed));
        printf("%d\n", (int)needed);
        show(lookaside_tags(LOOKASIDE_TAG_ORDER_TAG, NULL, 4, &needed));
        show(lookaside_tags(LOOKASIDE_TAG_ORDER_TAG, NULL, 0, &again));
        printf("%d %d\n", (int)needed, (int)again);
        show(lookaside_tags(LOOKASIDE_TAG_ORDER_BYTES, rows, 4, NULL));
        printf("%d %d %d %d\n", rows[0].tag == GOOD, (int)rows[0].allocates, (int)rows[0].frees, (int)rows[0].bytes);
        show(lookaside_tag_report(LOOKASIDE_TAG_ORDER_TAG, text, 10, &needed));
        puts(text);
        show(lookaside_tag_report(LOOKASIDE_TAG_ORDER_TAG, text, needed, NULL));
        puts(strstr(text, "Good Paged") != NULL && strlen(text) == needed - 1 ? "whole" : text);
    }
    CASE("status string of any value") puts(lookaside_status_string(12345));
    CASE("another version of the header")
    {
        char version[40];
        snprintf(version, sizeof version, "%d.%d.%d", LOOKASIDE_VERSION_MAJOR, LOOKASIDE_VERSION_MINOR,
                 LOOKASIDE_VERSION_PATCH);
        puts(strcmp(version, lookaside_version()) == 0 ? "none" : lookaside_version());
    }
}
