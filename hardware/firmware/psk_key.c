#include "psk_key.h"

#include "psk_error.h"

int32_t psk_key_error(psa_status_t status)
{
    if (status == PSA_SUCCESS) return 0;
    return status == PSA_ERROR_INSUFFICIENT_MEMORY ? PSK_CORE_ERR_MEMORY : PSK_CORE_ERR_INTERNAL;
}

int32_t psk_key_import(psa_key_type_t type, psa_key_usage_t usage, psa_algorithm_t algorithm, const uint8_t *key, size_t length, mbedtls_svc_key_id_t *id)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, type);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, algorithm);
    return psk_key_error(psa_import_key(&attributes, key, length, id));
}
