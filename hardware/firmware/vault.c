#include "vault.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <string.h>

#include "psk_error.h"
#include "vault_record.h"

#define DIGEST_LENGTH PSK_VAULT_DIGEST

static const uint8_t magic[] = { 'P', 'S', 'K', 'V', 1 };

int32_t psk_vault_check(const psk_vault *vault, int32_t slot)
{
    if (vault == NULL || vault->store == NULL || slot < 0 || slot >= PSK_VAULT_SLOTS) return PSK_CORE_ERR_ARGUMENT;
    return psa_crypto_init() == PSA_SUCCESS ? 0 : PSK_CORE_ERR_INTERNAL;
}

static int32_t digest(const uint8_t *data, size_t length, uint8_t *out)
{
    size_t written;
    return psa_hash_compute(PSA_ALG_SHA_256, data, length, out, DIGEST_LENGTH, &written) == PSA_SUCCESS
               ? 0 : PSK_CORE_ERR_INTERNAL;
}

int32_t psk_vault_write_record(const psk_vault *vault, int32_t place, uint8_t kind, uint8_t *record, size_t length)
{
    memcpy(record, magic, sizeof magic);
    record[5] = kind;
    record[6] = (uint8_t) (length >> 8);
    record[7] = (uint8_t) length;
    const int32_t result = digest(record, PSK_VAULT_HEADER + length, record + PSK_VAULT_HEADER + length);
    return result < 0 ? result : vault->store->write(vault->context, place, record, PSK_VAULT_OVERHEAD + length);
}

int32_t psk_vault_read_record(const psk_vault *vault, int32_t place, uint8_t kind, uint8_t *record, size_t size)
{
    uint8_t expected[DIGEST_LENGTH];
    size_t length = 0;
    int32_t result = vault->store->read(vault->context, place, record, size, &length);
    if (result < 0) return result;
    if (length < PSK_VAULT_OVERHEAD || memcmp(record, magic, sizeof magic) != 0 || record[5] != kind
        || ((size_t) record[6] << 8 | record[7]) != length - PSK_VAULT_OVERHEAD) return PSK_CORE_ERR_VAULT_CORRUPT;
    result = digest(record, length - DIGEST_LENGTH, expected);
    if (result < 0) return result;
    if (memcmp(expected, record + length - DIGEST_LENGTH, DIGEST_LENGTH) != 0) return PSK_CORE_ERR_VAULT_CORRUPT;
    return (int32_t) (length - PSK_VAULT_OVERHEAD);
}

int32_t psk_vault_drop(const psk_vault *vault, int32_t place)
{
    uint8_t record[1];
    size_t length;
    if (vault->store->read(vault->context, place, record, sizeof record, &length) == PSK_CORE_ERR_NO_CREDENTIAL) return 0;
    const int32_t result = vault->store->erase(vault->context, place);
    return result < 0 ? result : 0;
}

int32_t psk_vault_import(const psk_vault *vault, int32_t slot, const uint8_t *bundle, size_t length)
{
    psk_bundle parsed;
    int32_t result = psk_vault_check(vault, slot);
    if (result == 0) result = psk_bundle_parse(&parsed, bundle, length);
    if (result == 0) result = psk_vault_drop(vault, PSK_VAULT_ASSOCIATIONS + slot);
    if (result < 0) return result;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_OVERHEAD + length);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    memcpy(record + PSK_VAULT_HEADER, bundle, length);
    result = psk_vault_write_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, length);
    mbedtls_platform_zeroize(record, PSK_VAULT_OVERHEAD + length);
    mbedtls_free(record);
    /* Of the record before, so it counts no longer unless that was the same. */
    return result < 0 ? result : psk_vault_drop(vault, PSK_VAULT_SUCCESSORS + slot);
}

int32_t psk_vault_load(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, psk_bundle *bundle)
{
    int32_t result = psk_vault_check(vault, slot);
    if (result == 0) result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, size);
    return result < 0 ? result : psk_bundle_parse(bundle, record + PSK_VAULT_HEADER, (size_t) result);
}

int32_t psk_vault_describe(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size)
{
    psk_bundle bundle;
    psk_vault_turn turn;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_RECORD_MAX);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    int32_t result = psk_vault_choose(vault, slot, record, PSK_VAULT_RECORD_MAX, &bundle, &turn);
    if (result == 0) result = psk_bundle_describe(record + turn.begin, turn.length, out, size);
    mbedtls_platform_zeroize(record, PSK_VAULT_RECORD_MAX);
    mbedtls_free(record);
    return result;
}

int32_t psk_vault_erase(const psk_vault *vault, int32_t slot)
{
    int32_t result = psk_vault_check(vault, slot);
    if (result == 0) result = psk_vault_drop(vault, PSK_VAULT_ASSOCIATIONS + slot);
    if (result == 0) result = psk_vault_drop(vault, PSK_VAULT_SUCCESSORS + slot);
    if (result == 0) result = vault->store->erase(vault->context, slot);
    return result < 0 ? result : 0;
}

int32_t psk_vault_keep_association(const psk_vault *vault, int32_t slot, uint8_t *record, size_t length)
{
    if (record == NULL || length == 0 || length > PSK_BUNDLE_MAX) return PSK_CORE_ERR_ARGUMENT;
    const int32_t result = psk_vault_check(vault, slot);
    return result < 0 ? result : psk_vault_write_record(vault, PSK_VAULT_ASSOCIATIONS + slot, PSK_VAULT_KIND_ASSOCIATION, record, length);
}

int32_t psk_vault_take_association(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size)
{
    const int32_t place = PSK_VAULT_ASSOCIATIONS + slot;
    int32_t result = out == NULL ? PSK_CORE_ERR_ARGUMENT : psk_vault_check(vault, slot);
    if (result < 0) return result;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_RECORD_MAX);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    result = psk_vault_read_record(vault, place, PSK_VAULT_KIND_ASSOCIATION, record, PSK_VAULT_RECORD_MAX);
    if (result != PSK_CORE_ERR_NO_CREDENTIAL) {
        const int32_t erased = vault->store->erase(vault->context, place);
        if (erased < 0) result = erased;
        else if (erased == 0) result = PSK_CORE_ERR_NO_ASSOCIATION;         /* somebody else was faster, and has it */
    }
    if (result > 0 && (size_t) result > size) result = PSK_CORE_ERR_BUFFER;
    if (result > 0) memcpy(out, record + PSK_VAULT_HEADER, (size_t) result);
    else if (result == 0 || result == PSK_CORE_ERR_NO_CREDENTIAL || result == PSK_CORE_ERR_VAULT_CORRUPT) result = PSK_CORE_ERR_NO_ASSOCIATION;
    mbedtls_platform_zeroize(record, PSK_VAULT_RECORD_MAX);
    mbedtls_free(record);
    return result;
}
