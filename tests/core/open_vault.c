#define _GNU_SOURCE
#include "open_vault.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "bundles.h"
#include "harness.h"
#include "iotpsk.h"

static char directory[64];
int32_t vault;

static void remove_directory(void)
{
    DIR *open = opendir(directory);
    for (struct dirent *entry = open == NULL ? NULL : readdir(open); entry != NULL; entry = readdir(open)) {
        (void) unlinkat(dirfd(open), entry->d_name, 0);
    }
    if (open != NULL) (void) closedir(open);
    (void) rmdir(directory);
}

void open_vault(void)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    (void) strcpy(directory, "/tmp/iotpsk-vault-XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    (void) atexit(remove_directory);
    vault = iotpsk_vault_open(directory);
    CHECK(vault > 0);
    recipe.plain_identity = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, iotpsk_vault_import(vault, 0, encoded.data, (int32_t) encoded.length));
}
