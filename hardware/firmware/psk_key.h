/* Keys in PSA, for as long as the session. */
#ifndef PSK_KEY_H
#define PSK_KEY_H

#include <mbedtls/ssl.h>
#include <psa/crypto.h>

psa_status_t psk_key_import(psa_key_type_t type, psa_key_usage_t usage, psa_algorithm_t algorithm, const uint8_t *key, size_t length,
                            mbedtls_svc_key_id_t *id);
/* mbedTLS's error for one of PSA; 0 for success. */
int psk_key_result(psa_status_t status);

#endif
