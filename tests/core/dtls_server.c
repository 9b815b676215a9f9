#include "dtls_server.h"

#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <string.h>

#include "harness.h"
#include "psk_peek.h"

#define ADDRESS "device"

static const int suites[] = {
    MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, MBEDTLS_TLS_PSK_WITH_AES_128_CCM, MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0
};

static int send_datagram(void *context, const unsigned char *data, size_t length)
{
    dtls_server *server = context;
    return psk_queue_put(&server->out, data, length) == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : (int) length;
}

static int receive_datagram(void *context, unsigned char *data, size_t size)
{
    dtls_server *server = context;
    const size_t length = psk_queue_get(&server->in, data, size);
    return length == 0 ? MBEDTLS_ERR_SSL_WANT_READ : (int) length;
}

static void set_timer(void *context, uint32_t intermediate, uint32_t final)
{
    dtls_server *server = context;
    server->timer_runs = final != 0;
    server->intermediate_at = server->now + intermediate;
    server->final_at = server->now + final;
}

static int get_timer(void *context)
{
    const dtls_server *server = context;
    if (!server->timer_runs) return -1;
    if ((int32_t) (server->now - server->final_at) >= 0) return 2;
    return (int32_t) (server->now - server->intermediate_at) >= 0;
}

/* What a gateway does with a TPM: the PSK of the session from its randoms (written down here a second time). */
static int make_session_key(void *context, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t length)
{
    const dtls_server *server = context;
    const unsigned char *randoms = psk_peek_randoms(ssl);
    uint8_t message[81] = "pre master secret", psk[32];
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t key;
    size_t written, skipped = 32 - server->randoms;
    (void) identity;
    (void) length;
    memcpy(message + 17, randoms + skipped, server->randoms);
    memcpy(message + 17 + server->randoms, randoms + 32 + skipped, server->randoms);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
    psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
    CHECK_EQUAL(PSA_SUCCESS, psa_import_key(&attributes, server->key, sizeof server->key, &key));
    CHECK_EQUAL(PSA_SUCCESS, psa_mac_compute(key, PSA_ALG_HMAC(PSA_ALG_SHA_256), message, 17 + 2 * server->randoms, psk, sizeof psk, &written));
    CHECK_EQUAL(PSA_SUCCESS, psa_destroy_key(key));
    return mbedtls_ssl_set_hs_psk(ssl, psk, sizeof psk);
}

void dtls_server_start(dtls_server *out, const dtls_server_settings *settings)
{
    static const uint8_t connection_id[16] = "0123456789abcdef";
    uint8_t key[32];
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t) (settings->key_first + i);
    CHECK_EQUAL(PSA_SUCCESS, psa_crypto_init());
    psk_queue_init(&out->in, out->in_buffer, sizeof out->in_buffer, true);
    psk_queue_init(&out->out, out->out_buffer, sizeof out->out_buffer, true);
    mbedtls_ssl_init(&out->ssl);
    mbedtls_ssl_config_init(&out->config);
    mbedtls_ssl_cookie_init(&out->cookies);
    CHECK_EQUAL(0, mbedtls_ssl_config_defaults(&out->config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&out->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_max_tls_version(&out->config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_ciphersuites(&out->config, suites);
    mbedtls_ssl_conf_handshake_timeout(&out->config, 1000, 60000);
    if (settings->without_extended_master_secret) mbedtls_ssl_conf_extended_master_secret(&out->config, MBEDTLS_SSL_EXTENDED_MS_DISABLED);
    CHECK_EQUAL(0, mbedtls_ssl_conf_psk(&out->config, key, sizeof key, (const uint8_t *) settings->identity, strlen(settings->identity)));
    memcpy(out->key, key, sizeof key);
    out->randoms = settings->randoms;
    if (settings->randoms > 0) mbedtls_ssl_conf_psk_cb(&out->config, make_session_key, out);
    CHECK_EQUAL(0, mbedtls_ssl_conf_cid(&out->config, settings->connection_id, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE));
    CHECK_EQUAL(0, mbedtls_ssl_cookie_setup(&out->cookies, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE));
    mbedtls_ssl_conf_dtls_cookies(&out->config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &out->cookies);
    CHECK_EQUAL(0, mbedtls_ssl_setup(&out->ssl, &out->config));
    mbedtls_ssl_set_timer_cb(&out->ssl, out, set_timer, get_timer);
    mbedtls_ssl_set_bio(&out->ssl, out, send_datagram, receive_datagram, NULL);
    CHECK_EQUAL(0, mbedtls_ssl_set_client_transport_id(&out->ssl, (const uint8_t *) ADDRESS, sizeof ADDRESS));
    if (settings->connection_id > 0) {
        CHECK_EQUAL(0, mbedtls_ssl_set_cid(&out->ssl, MBEDTLS_SSL_CID_ENABLED, connection_id, settings->connection_id));
    }
}

void dtls_server_stop(dtls_server *server)
{
    mbedtls_ssl_free(&server->ssl);
    mbedtls_ssl_config_free(&server->config);
    mbedtls_ssl_cookie_free(&server->cookies);
}

int dtls_server_is_connected(const dtls_server *server)
{
    return mbedtls_ssl_is_handshake_over((mbedtls_ssl_context *) (uintptr_t) &server->ssl);
}

static int echo(dtls_server *server)
{
    uint8_t message[4096];
    const int length = mbedtls_ssl_read(&server->ssl, message, sizeof message);
    if (length <= 0) return length;
    for (int i = 0; i < length / 2; i++) {
        const uint8_t left = message[i];
        message[i] = message[length - 1 - i];
        message[length - 1 - i] = left;
    }
    server->messages++;
    CHECK_EQUAL(length, mbedtls_ssl_write(&server->ssl, message, (size_t) length));
    return length;
}

static void work(dtls_server *server)
{
    int result = 0;
    while (result >= 0 && server->failure == 0) {
        if (dtls_server_is_connected(server)) {
            result = echo(server);
        } else {
            result = mbedtls_ssl_handshake(&server->ssl);
            if (result == 0) server->handshakes++;
        }
        if (result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
            CHECK_EQUAL(0, mbedtls_ssl_session_reset(&server->ssl));
            CHECK_EQUAL(0, mbedtls_ssl_set_client_transport_id(&server->ssl, (const uint8_t *) ADDRESS, sizeof ADDRESS));
            result = 0;
        }
    }
    if (result != MBEDTLS_ERR_SSL_WANT_READ && result != MBEDTLS_ERR_SSL_WANT_WRITE) server->failure = result;
}

void dtls_server_receive(dtls_server *server, const uint8_t *data, size_t length)
{
    (void) psk_queue_put(&server->in, data, length);
    work(server);
}

size_t dtls_server_drain(dtls_server *server, uint8_t *data, size_t size)
{
    return psk_queue_get(&server->out, data, size);
}

void dtls_server_tick(dtls_server *server, uint32_t now)
{
    server->now = now;
    if (get_timer(server) == 2) work(server);
}

int32_t dtls_server_deadline(const dtls_server *server)
{
    if (!server->timer_runs || server->failure != 0) return -1;
    const int32_t left = (int32_t) (server->final_at - server->now);
    return left < 0 ? 0 : left;
}
