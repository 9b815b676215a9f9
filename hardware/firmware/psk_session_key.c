/* Session mode: the server's key K of the device lies in a TPM that gives nothing but HMACs of it, so each session has a PSK of its
 * own, HMAC-SHA256(K, "pre master secret", client random, server random). Possible in (D)TLS 1.2 alone, where the PSK is wanted
 * after the ServerHello. Not a standard, and without forward secrecy. */
#include <mbedtls/platform_util.h>
#include <string.h>

#include "psk_key.h"
#include "psk_peek.h"
#include "psk_session.h"

#define HMAC_LENGTH 32u

static const uint8_t label[] = { 'p', 'r', 'e', ' ', 'm', 'a', 's', 't', 'e', 'r', ' ', 's', 'e', 'c', 'r', 'e', 't' };

int32_t psk_session_key_derive(const uint8_t *key, const uint8_t *randoms, size_t skipped, uint8_t *psk)
{
    uint8_t message[sizeof label + 2 * (size_t) PSK_BUNDLE_RANDOM];
    const psa_algorithm_t algorithm = PSA_ALG_HMAC(PSA_ALG_SHA_256);
    mbedtls_svc_key_id_t id = MBEDTLS_SVC_KEY_ID_INIT;
    size_t length = sizeof label, written;
    memcpy(message, label, sizeof label);
    for (size_t i = 0; i < 2 * (size_t) PSK_BUNDLE_RANDOM; i++) {
        if (i % PSK_BUNDLE_RANDOM >= skipped) message[length++] = randoms[i];
    }
    int32_t result = psk_key_import(PSA_KEY_TYPE_HMAC, PSA_KEY_USAGE_SIGN_MESSAGE, algorithm, key, PSK_BUNDLE_KEY_LENGTH, &id);
    if (result == 0) result = psk_key_error(psa_mac_compute(id, algorithm, message, length, psk, HMAC_LENGTH, &written));
    (void) psa_destroy_key(id);
    return result;
}

int32_t psk_session_key_use(psk_core *core)
{
    uint8_t psk[HMAC_LENGTH];
    /* The device's key is where mbedTLS keeps a PSK: it offers PSK suites only with some. That of the handshake goes before it. */
    uint8_t *key = core->config.MBEDTLS_PRIVATE(psk);
    const size_t skipped = (core->options & PSK_CORE_OPTION_SHORT_RANDOMS) != 0 ? PSK_BUNDLE_TIME : 0;
    int32_t result = psk_session_key_derive(key, psk_peek_randoms(&core->ssl), skipped, psk);
    if (result == 0) {
        const int set = mbedtls_ssl_set_hs_psk(&core->ssl, psk, sizeof psk);
        if (set != 0) result = psk_core_error_of(set, PSK_CORE_ERR_INTERNAL);
    }
    mbedtls_platform_zeroize(psk, sizeof psk);
    mbedtls_platform_zeroize(key, PSK_BUNDLE_KEY_LENGTH);
    core->session_key_waits = 0;
    return result;
}
