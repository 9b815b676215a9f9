/* Sessions of a vault slot. */
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>

#include "psk_core.h"

typedef struct loan {
    psk_bundle credential;
    uint8_t record[PSK_VAULT_RECORD_MAX];
} loan;

static void give_back(loan *lent)
{
    mbedtls_platform_zeroize(lent, sizeof *lent);
    mbedtls_free(lent);
}

int32_t psk_core_open_slot(psk_core **core, const psk_vault *vault, int32_t slot, int32_t protocol, int32_t record_size,
                           uint32_t options)
{
    loan *lent = mbedtls_calloc(1, sizeof *lent);
    if (lent == NULL) return PSK_CORE_ERR_MEMORY;
    int32_t result = psk_vault_load(vault, slot, lent->record, sizeof lent->record, &lent->credential);
    if (result == 0) result = psk_core_open(core, &lent->credential, protocol, record_size, options);
    give_back(lent);
    return result;
}

int32_t psk_core_save_slot(psk_core *core, const psk_vault *vault, int32_t slot)
{
    uint8_t record[PSK_ASSOCIATION_MAX + PSK_VAULT_OVERHEAD];
    int32_t result = psk_core_save(core, record + PSK_VAULT_HEADER, PSK_ASSOCIATION_MAX);
    if (result > 0) result = psk_vault_keep_association(vault, slot, record, (size_t) result);
    mbedtls_platform_zeroize(record, sizeof record);
    return result;
}

int32_t psk_core_load_slot(psk_core **core, const psk_vault *vault, int32_t slot, int32_t record_size, uint32_t options)
{
    uint8_t saved[PSK_ASSOCIATION_MAX];
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    *core = NULL;
    loan *lent = mbedtls_calloc(1, sizeof *lent);
    if (lent == NULL) return PSK_CORE_ERR_MEMORY;
    int32_t result = psk_vault_load(vault, slot, lent->record, sizeof lent->record, &lent->credential);
    /* Taken last, when nothing but memory can still be missing. */
    const int32_t length = result < 0 ? result : psk_vault_take_association(vault, slot, saved, sizeof saved);
    result = length < 0 ? length : psk_core_load(core, &lent->credential, saved, (size_t) length, record_size, options);
    mbedtls_platform_zeroize(saved, sizeof saved);
    give_back(lent);
    return result;
}
