/* Uses all of psk_core, so that what the linker keeps is what a firmware needs of it and of mbedTLS. Is linked, never run. */
#include <string.h>

#include <psa/crypto.h>

#include "psk_core.h"

static uint8_t buffer[1024];

static int32_t read_place(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    (void) context, (void) slot;
    memset(record, 1, size);
    *length = size;
    return 0;
}

static int32_t write_place(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    (void) context, (void) slot;
    memcpy(buffer, record, length < sizeof buffer ? length : sizeof buffer);
    return 0;
}

static int32_t erase_place(void *context, int32_t slot)
{
    (void) context, (void) slot;
    return 1;
}

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *out, size_t size, size_t *length)
{
    (void) context;
    for (size_t i = 0; i < size; i++) out[i] = *(volatile uint8_t *) 0x10000000;
    *length = size;
    return PSA_SUCCESS;
}

static int32_t use_vault(const psk_vault *vault)
{
    return psk_vault_import(vault, 0, buffer, sizeof buffer) + psk_vault_describe(vault, 0, buffer, sizeof buffer) + psk_vault_erase(vault, 0);
}

static int32_t use_session(psk_core *core, const psk_vault *vault)
{
    int32_t sum = psk_core_set_first_timeout(core, 1000) + psk_core_tick(core, 1) + psk_core_deadline(core);
    sum += psk_core_offer_ticket(core, buffer, sizeof buffer) + psk_core_take_ticket(core, buffer, sizeof buffer);
    sum += psk_core_feed(core, buffer, sizeof buffer) + psk_core_step(core) + psk_core_drain(core, buffer, sizeof buffer);
    sum += psk_core_write(core, buffer, sizeof buffer) + psk_core_read(core, buffer, sizeof buffer) + psk_core_close_notify(core);
    sum += psk_core_info(core, buffer[0]) + psk_core_rekey(core, vault, 0) + psk_core_settle_slot(core, vault, 0);
    sum += psk_core_save_slot(core, vault, 0);
    psk_core_free(core);
    return sum;
}

int main(void)
{
    static const psk_vault_store store = { read_place, write_place, erase_place };
    const psk_vault vault = { &store, NULL };
    psk_core *core = NULL;
    int32_t sum = psk_core_selftest() + use_vault(&vault);
    sum += psk_core_open_slot(&core, &vault, 0, PSK_CORE_TLS13, 0, buffer[1]) + use_session(core, &vault);
    sum += psk_core_load_slot(&core, &vault, 0, 0, buffer[2]) + use_session(core, &vault);
    return psk_core_error_name(sum)[0];
}
