#include "vault.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <string.h>

#include "psk_error.h"

/* A sealed record: "PSKV", format 1, kind, length of the content (big endian), content, SHA-256 of all that. */
#define DIGEST_LENGTH 32u

enum { KIND_BUNDLE = 0, KIND_ASSOCIATION = 1 };

static const uint8_t magic[] = { 'P', 'S', 'K', 'V', 1 };

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

/* Seals the content that lies between header and digest, and writes it all. */
static int32_t write_record(const psk_vault *vault, int32_t place, uint8_t kind, uint8_t *record, size_t length)
{
    memcpy(record, magic, sizeof magic);
    record[5] = kind;
    record[6] = (uint8_t) (length >> 8);
    record[7] = (uint8_t) length;
    const int32_t result = digest(record, PSK_VAULT_HEADER + length, record + PSK_VAULT_HEADER + length);
    return result < 0 ? result : vault->store->write(vault->context, place, record, PSK_VAULT_OVERHEAD + length);
}

/* Reads and verifies; returns the length of the content, which begins at PSK_VAULT_HEADER. */
static int32_t read_record(const psk_vault *vault, int32_t place, uint8_t kind, uint8_t *record, size_t size)
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

/* Not even a record that is damaged stays: only what is not there needs no erasing. */
static int32_t erase_association(const psk_vault *vault, int32_t slot)
{
    uint8_t record[1];
    size_t length;
    const int32_t place = PSK_VAULT_ASSOCIATIONS + slot;
    if (vault->store->read(vault->context, place, record, sizeof record, &length) == PSK_CORE_ERR_NO_CREDENTIAL) return 0;
    const int32_t result = vault->store->erase(vault->context, place);
    return result < 0 ? result : 0;
}

int32_t psk_vault_import(const psk_vault *vault, int32_t slot, const uint8_t *bundle, size_t length)
{
    psk_bundle parsed;
    int32_t result = check(vault, slot);
    if (result == 0) result = psk_bundle_parse(&parsed, bundle, length);
    if (result == 0) result = erase_association(vault, slot);
    if (result < 0) return result;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_OVERHEAD + length);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    memcpy(record + PSK_VAULT_HEADER, bundle, length);
    result = write_record(vault, slot, KIND_BUNDLE, record, length);
    mbedtls_platform_zeroize(record, PSK_VAULT_OVERHEAD + length);
    mbedtls_free(record);
    return result;
}

int32_t psk_vault_load(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, psk_bundle *bundle)
{
    int32_t result = check(vault, slot);
    if (result == 0) result = read_record(vault, slot, KIND_BUNDLE, record, size);
    return result < 0 ? result : psk_bundle_parse(bundle, record + PSK_VAULT_HEADER, (size_t) result);
}

int32_t psk_vault_describe(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size)
{
    psk_bundle bundle;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_RECORD_MAX);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    int32_t result = psk_vault_load(vault, slot, record, PSK_VAULT_RECORD_MAX, &bundle);
    if (result == 0) {
        const size_t length = (size_t) record[6] << 8 | record[7];
        result = psk_bundle_describe(record + PSK_VAULT_HEADER, length, out, size);
    }
    mbedtls_platform_zeroize(record, PSK_VAULT_RECORD_MAX);
    mbedtls_free(record);
    return result;
}

int32_t psk_vault_erase(const psk_vault *vault, int32_t slot)
{
    int32_t result = check(vault, slot);
    if (result == 0) result = erase_association(vault, slot);
    if (result == 0) result = vault->store->erase(vault->context, slot);
    return result < 0 ? result : 0;
}

int32_t psk_vault_keep_association(const psk_vault *vault, int32_t slot, uint8_t *record, size_t length)
{
    if (record == NULL || length == 0 || length > PSK_BUNDLE_MAX) return PSK_CORE_ERR_ARGUMENT;
    const int32_t result = check(vault, slot);
    return result < 0 ? result : write_record(vault, PSK_VAULT_ASSOCIATIONS + slot, KIND_ASSOCIATION, record, length);
}

int32_t psk_vault_take_association(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size)
{
    const int32_t place = PSK_VAULT_ASSOCIATIONS + slot;
    int32_t result = out == NULL ? PSK_CORE_ERR_ARGUMENT : check(vault, slot);
    if (result < 0) return result;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_RECORD_MAX);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    result = read_record(vault, place, KIND_ASSOCIATION, record, PSK_VAULT_RECORD_MAX);
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
