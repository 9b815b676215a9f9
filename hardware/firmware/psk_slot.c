/* Sessions of a vault slot. */
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>

#include "psk_memory.h"
#include "psk_session.h"

/* Whose turn it is in a slot. */
typedef struct psk_loan {
    psk_vault_turn turn;
    psk_bundle credential;
    uint8_t record[PSK_VAULT_RECORD_MAX];
} psk_loan;

/* For psk_memory_free; NULL without memory. */
static psk_loan *borrow(const psk_vault *vault, int32_t slot, int32_t *result)
{
    psk_loan *lent = mbedtls_calloc(1, sizeof *lent);
    *result = lent == NULL ? PSK_CORE_ERR_MEMORY : psk_vault_choose(vault, slot, lent->record, &lent->credential, &lent->turn);
    return lent;
}

int32_t psk_vault_describe(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size)
{
    int32_t result;
    psk_loan *lent = borrow(vault, slot, &result);
    if (result == 0) result = psk_bundle_describe(lent->record + lent->turn.begin, lent->turn.length, out, size);
    psk_memory_free(lent, sizeof *lent);
    return result;
}

/* What a session may need of memory later it gets now. */
static int32_t equip(psk_core *core, const psk_loan *lent)
{
    if ((core->options & PSK_CORE_OPTION_REKEY) == 0) return 0;
    core->rekey = mbedtls_calloc(1, sizeof *core->rekey);
    if (core->rekey == NULL) return PSK_CORE_ERR_MEMORY;
    core->rekey->turn = lent->turn;
    return psk_rekey_prepare(core->rekey, &lent->credential, lent->record + lent->turn.begin, lent->turn.length);
}

int32_t psk_core_open_slot(psk_core **core, const psk_vault *vault, int32_t slot, int32_t protocol, int32_t record_size,
                           uint32_t options)
{
    int32_t result;
    psk_loan *lent = borrow(vault, slot, &result);
    if (result == 0) result = psk_core_open(core, &lent->credential, protocol, record_size, options);
    if (result == 0) {
        psk_core *fresh = *core;
        result = equip(fresh, lent);
        if (result < 0) {
            psk_core_free(fresh);
            *core = NULL;
        } else if (lent->turn.which != PSK_VAULT_ONLY) {
            /* It keeps the loan, without the credential. */
            mbedtls_platform_zeroize(&lent->credential, sizeof *lent - offsetof(psk_loan, credential));
            fresh->info[PSK_CORE_INFO_TRIAL] = 1;
            fresh->settling = lent;
            return 0;
        }
    }
    psk_memory_free(lent, sizeof *lent);
    return result;
}

static void forget(psk_core *core)
{
    psk_memory_free(core->settling, sizeof *core->settling);
    core->settling = NULL;
}

void psk_slot_free(psk_core *core)
{
    forget(core);
    psk_memory_free(core->rekey, sizeof *core->rekey);
}

/* A server that does not know a key says so, in DTLS 1.2 by silence. Nobody authenticates that. */
static int is_refusal(const psk_core *core)
{
    return core->failure == PSK_CORE_ERR_REFUSED || core->failure == PSK_CORE_ERR_UNKNOWN_IDENTITY
        || (core->failure == PSK_CORE_ERR_TIMEOUT && core->datagrams);
}

int32_t psk_core_settle_slot(psk_core *core, const psk_vault *vault, int32_t slot)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    /* A ticket proves the key that it came with, not the slot's. */
    if (core->settling == NULL || core->info[PSK_CORE_INFO_RESUMED] || !(core->connected || is_refusal(core))) return 0;
    psk_vault_turn *turn = core->rekey != NULL ? &core->rekey->turn : &core->settling->turn;
    const int32_t result = psk_vault_settle(vault, slot, turn, (int) core->connected, core->settling->record);
    forget(core);
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
    uint8_t record[PSK_ASSOCIATION_MAX + PSK_VAULT_OVERHEAD];
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    *core = NULL;
    int32_t result = psk_vault_take_association(vault, slot, record, sizeof record);
    if (result > 0) result = psk_core_load(core, record + PSK_VAULT_HEADER, (size_t) result, record_size, options);
    mbedtls_platform_zeroize(record, sizeof record);
    return result;
}
