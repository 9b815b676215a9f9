#define _GNU_SOURCE
#include "directory.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

char directory[64];

static void remove_directory(void)
{
    DIR *open = opendir(directory);
    for (struct dirent *entry = open == NULL ? NULL : readdir(open); entry != NULL; entry = readdir(open)) {
        (void) unlinkat(dirfd(open), entry->d_name, 0);
    }
    if (open != NULL) (void) closedir(open);
    (void) rmdir(directory);
}

void make_directory(void)
{
    (void) strcpy(directory, "/tmp/iotpsk-vault-XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    (void) atexit(remove_directory);
}
