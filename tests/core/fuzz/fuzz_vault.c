/* A vault that holds anything at all under right digests (all of them are zeros here): the records of the credential and of its
 * successor behind their lengths, then the association's. */
#include <psa/crypto.h>
#include <string.h>

#include "fuzzing.h"

typedef struct places {
    const uint8_t *record[3];           /* as the store counts: credential, association, successor */
    size_t length[3];
} places;

psa_status_t __wrap_psa_hash_compute(psa_algorithm_t alg, const uint8_t *data, size_t length, uint8_t *out, size_t size, size_t *written);

psa_status_t __wrap_psa_hash_compute(psa_algorithm_t alg, const uint8_t *data, size_t length, uint8_t *out, size_t size, size_t *written)
{
    (void) alg, (void) data, (void) length;
    memset(out, 0, size);
    *written = size;
    return PSA_SUCCESS;
}

static int32_t read_place(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    const places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    if (all->record[at] == NULL) return PSK_CORE_ERR_NO_CREDENTIAL;
    if (all->length[at] > size) return PSK_CORE_ERR_VAULT_CORRUPT;
    *length = all->length[at];
    memcpy(record, all->record[at], *length);
    return 0;
}

static int32_t write_place(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    places *all = context;
    (void) record;
    MUST(slot >= 0 && slot < 3 * PSK_VAULT_SLOTS && length <= PSK_VAULT_RECORD_MAX);
    all->record[slot / PSK_VAULT_SLOTS] = NULL;
    return 0;
}

static int32_t erase_place(void *context, int32_t slot)
{
    places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    const int32_t existed = all->record[at] != NULL;
    all->record[at] = NULL;
    return existed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const psk_vault_store store = { read_place, write_place, erase_place };
    input in = { data, size };
    places held = { .length = { 0, 0, 0 } };
    const psk_vault vault = { &store, &held };
    uint8_t record[PSK_VAULT_RECORD_MAX], out[PSK_BUNDLE_MAX];
    psk_core *core = NULL;
    psk_bundle bundle;
    if (size == 0) return 0;
    fuzz_reset();
    held.length[0] = take_length(&in);
    held.record[0] = take(&in, held.length[0]);
    held.length[2] = take_length(&in);
    held.record[2] = take(&in, held.length[2]);
    held.length[1] = in.left;
    held.record[1] = in.at;
    const int32_t loaded = psk_vault_load(&vault, 0, record, sizeof record, &bundle);
    const int32_t described = psk_vault_describe(&vault, 0, out, sizeof out);
    MUST(loaded <= 0);
    const int32_t opened = psk_core_open_slot(&core, &vault, 0, PSK_CORE_TLS13, 0, 0);
    MUST((described > 0) == (opened == 0));             /* both of the credential whose turn it is */
    if (opened == 0) (void) psk_core_settle_slot(core, &vault, 0);
    psk_core_free(core);
    core = NULL;
    psk_vault_turn turn;
    if (psk_vault_choose(&vault, 0, record, &bundle, &turn) == 0) {
        (void) psk_vault_settle(&vault, 0, &turn, data[0] & 1, record);
    }
    /* Whatever it was, it is given once. */
    const int32_t woken = psk_core_load_slot(&core, &vault, 0, 512, PSK_CORE_OPTION_CONNECTION_ID);
    MUST(woken <= 0 && (woken == 0) == (core != NULL));
    psk_core_free(core);
    core = NULL;
    if (loaded == 0) MUST(held.record[1] == NULL || woken == PSK_CORE_ERR_MEMORY || held.record[0] == NULL);
    MUST(psk_vault_import(&vault, 1, data, size) <= 0);
    return 0;
}
