#include "vault.h"

#include <mbedtls/platform.h>
#include <psa/crypto.h>
#include <string.h>

#include "psk_error.h"
#include "psk_memory.h"
#include "vault_record.h"

/* The place in the store, or why there is none. */
static int32_t place_of(const psk_vault *vault, int32_t slot, int32_t kind)
{
    if (vault == NULL || vault->store == NULL || slot < 0 || slot >= PSK_VAULT_SLOTS) return PSK_CORE_ERR_ARGUMENT;
    return kind * PSK_VAULT_SLOTS + slot;
}

__attribute__((noinline)) static void make_header(uint8_t *out, int32_t kind, size_t length)
{
    static const uint8_t magic[] = { 'P', 'S', 'K', 'V', 1 };
    memcpy(out, magic, sizeof magic);
    out[5] = (uint8_t) kind;
    out[6] = (uint8_t) (length >> 8);
    out[7] = (uint8_t) length;
}

int32_t psk_vault_digest(const uint8_t *data, size_t length, uint8_t *out)
{
    size_t written;
    return psa_crypto_init() == PSA_SUCCESS && psa_hash_compute(PSA_ALG_SHA_256, data, length, out, PSK_VAULT_DIGEST, &written) == PSA_SUCCESS
               ? 0 : PSK_CORE_ERR_INTERNAL;
}

int32_t psk_vault_write_record(const psk_vault *vault, int32_t slot, int32_t kind, uint8_t *record, size_t length)
{
    const int32_t place = place_of(vault, slot, kind);
    if (place < 0) return place;
    make_header(record, kind, length);
    length += PSK_VAULT_HEADER;
    const int32_t result = psk_vault_digest(record, length, record + length);
    return result < 0 ? result : vault->store->write(vault->context, place, record, length + PSK_VAULT_DIGEST);
}

int32_t psk_vault_read_record(const psk_vault *vault, int32_t slot, int32_t kind, uint8_t *record, size_t size)
{
    uint8_t expected[PSK_VAULT_DIGEST];
    size_t length = 0;
    int32_t result = place_of(vault, slot, kind);
    if (result >= 0) result = vault->store->read(vault->context, result, record, size, &length);
    if (result < 0) return result;
    if (length < PSK_VAULT_OVERHEAD) return PSK_CORE_ERR_VAULT_CORRUPT;
    length -= PSK_VAULT_OVERHEAD;
    make_header(expected, kind, length);
    if (memcmp(expected, record, PSK_VAULT_HEADER) != 0) return PSK_CORE_ERR_VAULT_CORRUPT;
    result = psk_vault_digest(record, PSK_VAULT_HEADER + length, expected);
    if (result < 0) return result;
    return memcmp(expected, record + PSK_VAULT_HEADER + length, sizeof expected) == 0 ? (int32_t) length : PSK_CORE_ERR_VAULT_CORRUPT;
}

/* 1, or 0 if there was none. */
static int32_t erase(const psk_vault *vault, int32_t slot, int32_t kind)
{
    const int32_t place = place_of(vault, slot, kind);
    return place < 0 ? place : vault->store->erase(vault->context, place);
}

int32_t psk_vault_drop(const psk_vault *vault, int32_t slot, int32_t kind)
{
    uint8_t some[1];
    if (psk_vault_read_record(vault, slot, kind, some, sizeof some) == PSK_CORE_ERR_NO_CREDENTIAL) return 0;
    const int32_t erased = erase(vault, slot, kind);
    return erased < 0 ? erased : 0;
}

int32_t psk_vault_import(const psk_vault *vault, int32_t slot, const uint8_t *bundle, size_t length)
{
    psk_bundle parsed;
    int32_t result = psk_bundle_parse(&parsed, bundle, length);
    if (result == 0) result = psk_vault_drop(vault, slot, PSK_VAULT_KIND_ASSOCIATION);
    if (result < 0) return result;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_OVERHEAD + length);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    memcpy(record + PSK_VAULT_HEADER, bundle, length);
    result = psk_vault_write_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, length);
    psk_memory_free(record, PSK_VAULT_OVERHEAD + length);
    /* Of the record before, so it counts no longer unless that was the same. */
    return result < 0 ? result : psk_vault_drop(vault, slot, PSK_VAULT_KIND_SUCCESSOR);
}

int32_t psk_vault_load(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, psk_bundle *bundle)
{
    const int32_t result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, size);
    return result < 0 ? result : psk_bundle_parse(bundle, record + PSK_VAULT_HEADER, (size_t) result);
}

int32_t psk_vault_erase(const psk_vault *vault, int32_t slot)
{
    int32_t result = 0;
    for (int32_t kind = PSK_VAULT_KIND_SUCCESSOR; kind >= PSK_VAULT_KIND_BUNDLE && result >= 0; kind--) result = erase(vault, slot, kind);
    return result < 0 ? result : 0;
}

int32_t psk_vault_keep_association(const psk_vault *vault, int32_t slot, uint8_t *record, size_t length)
{
    if (record == NULL || length - 1 >= PSK_BUNDLE_MAX) return PSK_CORE_ERR_ARGUMENT;
    return psk_vault_write_record(vault, slot, PSK_VAULT_KIND_ASSOCIATION, record, length);
}

int32_t psk_vault_take_association(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size)
{
    const int32_t result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_ASSOCIATION, record, size);
    const int32_t erased = result == PSK_CORE_ERR_NO_CREDENTIAL ? 0 : erase(vault, slot, PSK_VAULT_KIND_ASSOCIATION);
    if (erased < 0) return erased;
    /* erased 0: somebody else was faster, and has it. */
    return erased == 0 || result == 0 || result == PSK_CORE_ERR_VAULT_CORRUPT ? PSK_CORE_ERR_NO_ASSOCIATION : result;
}
