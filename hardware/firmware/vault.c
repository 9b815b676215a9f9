#include "vault.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <string.h>

#include "psk_error.h"

/* A sealed record: "PSKV", format 1, 0, length of the bundle (big endian), bundle, SHA-256 of all that. */
#define HEADER_LENGTH 8u
#define DIGEST_LENGTH 32u

static const uint8_t magic[] = { 'P', 'S', 'K', 'V', 1, 0 };

static int32_t check(const psk_vault *vault, int32_t slot)
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

int32_t psk_vault_import(const psk_vault *vault, int32_t slot, const uint8_t *bundle, size_t length)
{
    psk_bundle parsed;
    int32_t result = check(vault, slot);
    if (result == 0) result = psk_bundle_parse(&parsed, bundle, length);
    if (result < 0) return result;

    const size_t size = HEADER_LENGTH + length + DIGEST_LENGTH;
    uint8_t *record = mbedtls_calloc(1, size);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    memcpy(record, magic, sizeof magic);
    record[6] = (uint8_t) (length >> 8);
    record[7] = (uint8_t) length;
    memcpy(record + HEADER_LENGTH, bundle, length);
    result = digest(record, HEADER_LENGTH + length, record + HEADER_LENGTH + length);
    if (result == 0) result = vault->store->write(vault->context, slot, record, size);
    mbedtls_platform_zeroize(record, size);
    mbedtls_free(record);
    return result;
}

int32_t psk_vault_load(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, psk_bundle *bundle)
{
    uint8_t expected[DIGEST_LENGTH];
    size_t length = 0;
    int32_t result = check(vault, slot);
    if (result == 0) result = vault->store->read(vault->context, slot, record, size, &length);
    if (result < 0) return result;
    if (length < PSK_VAULT_OVERHEAD || memcmp(record, magic, sizeof magic) != 0
        || ((size_t) record[6] << 8 | record[7]) != length - PSK_VAULT_OVERHEAD) return PSK_CORE_ERR_VAULT_CORRUPT;
    result = digest(record, length - DIGEST_LENGTH, expected);
    if (result < 0) return result;
    if (memcmp(expected, record + length - DIGEST_LENGTH, DIGEST_LENGTH) != 0) return PSK_CORE_ERR_VAULT_CORRUPT;
    return psk_bundle_parse(bundle, record + HEADER_LENGTH, length - PSK_VAULT_OVERHEAD);
}

int32_t psk_vault_describe(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size)
{
    psk_bundle bundle;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_RECORD_MAX);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    int32_t result = psk_vault_load(vault, slot, record, PSK_VAULT_RECORD_MAX, &bundle);
    if (result == 0) {
        const size_t length = (size_t) record[6] << 8 | record[7];
        result = psk_bundle_describe(record + HEADER_LENGTH, length, out, size);
    }
    mbedtls_platform_zeroize(record, PSK_VAULT_RECORD_MAX);
    mbedtls_free(record);
    return result;
}

int32_t psk_vault_erase(const psk_vault *vault, int32_t slot)
{
    const int32_t result = check(vault, slot);
    return result < 0 ? result : vault->store->erase(vault->context, slot);
}
