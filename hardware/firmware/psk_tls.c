/* What is particular to TLS, above all to TLS 1.3. */
#include "psk_session.h"

uint16_t psk_core_announced_limit(mbedtls_ssl_context *ssl);

static const int suites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_AES_128_CCM_SHA256, MBEDTLS_TLS1_3_AES_128_CCM_8_SHA256, 0
};
/* What else a server speaks is nothing to a session that fetches a key. */
static const char *rekey_protocols[] = { "iotpsk-rekey/1", NULL };
static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE };

/* Others may use this mbedTLS too: what is no session of the core announces what the build can take. */
uint16_t psk_core_announced_limit(mbedtls_ssl_context *ssl)
{
    if (ssl->MBEDTLS_PRIVATE(f_send) != psk_core_send_bytes) return MBEDTLS_SSL_IN_CONTENT_LEN;
    return (uint16_t) ((const psk_core *) mbedtls_ssl_get_user_data_p(ssl))->record_limit;
}

int psk_tls_configure(psk_core *core)
{
    if (PSK_IN_SESSION_MODE(core)) return psk_tls12_configure(core);
    mbedtls_ssl_config *config = &core->config;
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, (core->options & PSK_CORE_OPTION_PSK_KE) != 0
                                                          ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK
                                                          : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config, (core->options & PSK_CORE_OPTION_NO_TICKETS) == 0);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_groups(config, groups);
    return (core->options & PSK_CORE_OPTION_REKEY) == 0 ? 0 : mbedtls_ssl_conf_alpn_protocols(config, rekey_protocols);
}
