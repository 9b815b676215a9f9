/* A re-keying session whose gateway is the input. */
#include <string.h>

#include "../bundles.h"
#include "fuzzing.h"

static uint8_t records[3][PSK_VAULT_RECORD_MAX];
static size_t lengths[3];

static int32_t read_place(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    const int at = slot / PSK_VAULT_SLOTS;
    (void) context;
    if (lengths[at] == 0) return PSK_CORE_ERR_NO_CREDENTIAL;
    if (lengths[at] > size) return PSK_CORE_ERR_VAULT_CORRUPT;
    memcpy(record, records[at], lengths[at]);
    *length = lengths[at];
    return 0;
}

static int32_t write_place(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    const int at = slot / PSK_VAULT_SLOTS;
    (void) context;
    MUST(length <= sizeof records[at]);
    memcpy(records[at], record, length);
    lengths[at] = length;
    return 0;
}

static int32_t erase_place(void *context, int32_t slot)
{
    const int at = slot / PSK_VAULT_SLOTS;
    const int32_t existed = lengths[at] > 0;
    (void) context;
    lengths[at] = 0;
    return existed;
}

static const psk_vault_store store = { read_place, write_place, erase_place };
const psk_vault fuzz_store = { &store, NULL };

psk_core *fuzz_open_rekey(void)
{
    psk_core *core = NULL;
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    memset(lengths, 0, sizeof lengths);
    MUST(psk_vault_import(&fuzz_store, 0, encoded.data, encoded.length) == 0);
    MUST(psk_core_open_slot(&core, &fuzz_store, 0, PSK_CORE_TLS13, 0, PSK_CORE_OPTION_REKEY) == 0);
    return core;
}

static int32_t work(psk_core *core)
{
    int32_t result = fuzz_step(core);
    if (result != PSK_CORE_DONE) return result;
    do {
        result = psk_core_rekey(core, &fuzz_store, 0);
        fuzz_drain(core);
    } while (result == PSK_CORE_WANTS_DRAIN);
    return result;
}

void fuzz_rekey(const uint8_t *data, size_t size)
{
    input in = { data, size };
    uint8_t record[PSK_VAULT_RECORD_MAX];
    psk_bundle bundle;
    psk_vault_turn turn;
    fuzz_reset();
    psk_core *core = fuzz_open_rekey();
    int32_t result = work(core);
    while (result == PSK_CORE_WANTS_INPUT && in.left > 0) {
        const int32_t taken = psk_core_feed(core, in.at, in.left);
        MUST(taken >= 0);
        (void) take(&in, (size_t) taken);
        result = work(core);
        if (taken == 0) break;
    }
    MUST(psk_core_read(core, record, sizeof record) < 0 && psk_core_write(core, record, 1) < 0);
    psk_core_free(core);
    /* Whatever was said: the slot has its credential, and a successor only if all of it came. */
    MUST(psk_vault_load(&fuzz_store, 0, record, sizeof record, &bundle) == 0 && bundle.tls13_key.data[0] == 1);
    MUST(psk_vault_choose(&fuzz_store, 0, record, &bundle, &turn) == 0);
    MUST((turn.which == PSK_VAULT_NEW) == (result == PSK_CORE_DONE));
    if (result == PSK_CORE_DONE) fuzz_reached = READ;
}
