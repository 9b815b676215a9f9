#include "harness.h"

#include <string.h>

static test *first;

void test_register(test *entry)
{
    entry->next = first;
    first = entry;
}

/* Runs the named test. Without a name: prints the names. */
int main(int count, char **arguments)
{
    int found = 0;
    for (const test *at = first; at != NULL; at = at->next) {
        if (count == 1) {
            (void) puts(at->name);
        } else if (strcmp(at->name, arguments[1]) == 0) {
            at->run();
            found = 1;
        }
    }
    if (count > 1 && !found) (void) fprintf(stderr, "there is no test %s\n", arguments[1]);
    return count == 1 || found ? EXIT_SUCCESS : EXIT_FAILURE;
}
