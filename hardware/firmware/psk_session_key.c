/* Session mode: the server's key K of the device lies in a TPM that gives nothing but HMACs of it, so each session has a PSK of its
 * own, HMAC-SHA256(K, "pre master secret", client random, server random). Possible in (D)TLS 1.2 alone, where the PSK is wanted
 * after the ServerHello. Not a standard, and without forward secrecy. */
#include <mbedtls/platform_util.h>
#include <string.h>

#include "psk_key.h"
#include "psk_peek.h"
#include "psk_session.h"

#define RANDOM_LENGTH ((size_t) 32)
#define TIME_LENGTH 4u              /* gmt_unix_time, RFC 5246 s7.4.1.2 */
#define HMAC_LENGTH 32u

static const uint8_t label[] = { 'p', 'r', 'e', ' ', 'm', 'a', 's', 't', 'e', 'r', ' ', 's', 'e', 'c', 'r', 'e', 't' };

/* mbedTLS offers PSK suites only with some key: this one is never used, as that of the handshake goes before. */
int psk_session_key_keep(psk_core *core, const psk_bundle *credential)
{
    static const unsigned char placeholder = 0;
    memcpy(core->session_key, credential->tls12_key.data, sizeof core->session_key);
    core->session_key_waits = 1;
    return mbedtls_ssl_conf_psk(&core->config, &placeholder, sizeof placeholder, credential->tls12_identity.data,
                                credential->tls12_identity.length);
}

int psk_session_key_derive(const uint8_t *key, const uint8_t *randoms, size_t skipped, uint8_t *psk)
{
    uint8_t message[sizeof label + 2 * RANDOM_LENGTH];
    const size_t each = RANDOM_LENGTH - skipped;
    const psa_algorithm_t algorithm = PSA_ALG_HMAC(PSA_ALG_SHA_256);
    mbedtls_svc_key_id_t id = MBEDTLS_SVC_KEY_ID_INIT;
    size_t written;
    memcpy(message, label, sizeof label);
    memcpy(message + sizeof label, randoms + skipped, each);
    memcpy(message + sizeof label + each, randoms + RANDOM_LENGTH + skipped, each);
    psa_status_t status = psk_key_import(PSA_KEY_TYPE_HMAC, PSA_KEY_USAGE_SIGN_MESSAGE, algorithm, key, PSK_BUNDLE_KEY_LENGTH, &id);
    if (status == PSA_SUCCESS) status = psa_mac_compute(id, algorithm, message, sizeof label + 2 * each, psk, HMAC_LENGTH, &written);
    (void) psa_destroy_key(id);
    return psk_key_result(status);
}

int psk_session_key_use(psk_core *core)
{
    uint8_t psk[HMAC_LENGTH];
    const unsigned char *randoms = psk_peek_randoms(&core->ssl);
    if (randoms == NULL) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    int result = psk_session_key_derive(core->session_key, randoms, (core->options & PSK_CORE_OPTION_SHORT_RANDOMS) != 0 ? TIME_LENGTH : 0, psk);
    if (result == 0) result = mbedtls_ssl_set_hs_psk(&core->ssl, psk, sizeof psk);
    mbedtls_platform_zeroize(psk, sizeof psk);
    mbedtls_platform_zeroize(core->session_key, sizeof core->session_key);
    core->session_key_waits = 0;
    return result;
}
