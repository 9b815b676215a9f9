#define _GNU_SOURCE
#include "open_vault.h"

#include <string.h>
#include <unistd.h>

#include "bundles.h"
#include "directory.h"
#include "harness.h"
#include "iotpsk.h"

int32_t vault;

void open_vault(void)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    make_directory();
    vault = iotpsk_vault_open(directory);
    CHECK(vault > 0);
    recipe.plain_identity = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, iotpsk_vault_import(vault, 0, encoded.data, (int32_t) encoded.length));
}
