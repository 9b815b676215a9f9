/* Keys in PSA, for as long as they are used. */
#ifndef PSK_KEY_H
#define PSK_KEY_H

#include <psa/crypto.h>

/* 0, PSK_CORE_ERR_MEMORY (or no place for a key any more) or PSK_CORE_ERR_INTERNAL. */
int32_t psk_key_error(psa_status_t status);
int32_t psk_key_import(psa_key_type_t type, psa_key_usage_t usage, psa_algorithm_t algorithm, const uint8_t *key, size_t length,
                       mbedtls_svc_key_id_t *id);

#endif
