#include "tls_server.h"

#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <string.h>

#include "harness.h"

#define LIFETIME 3600u

static int send_bytes(void *context, const unsigned char *data, size_t length)
{
    tls_server *server = context;
    const size_t taken = psk_queue_put(&server->out, data, length);
    return taken == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : (int) taken;
}

static int receive_bytes(void *context, unsigned char *data, size_t size)
{
    tls_server *server = context;
    const size_t given = psk_queue_get(&server->in, data, size);
    return given == 0 ? MBEDTLS_ERR_SSL_WANT_READ : (int) given;
}

static int write_ticket(void *context, const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end, size_t *length,
                        uint32_t *lifetime)
{
    (void) context;
    *lifetime = LIFETIME;
    return mbedtls_ssl_session_save(session, start, (size_t) (end - start), length);
}

static int parse_ticket(void *context, mbedtls_ssl_session *session, unsigned char *ticket, size_t length)
{
    (void) context;
    return mbedtls_ssl_session_load(session, ticket, length);
}

static void configure(tls_server *out, const tls_server_settings *settings)
{
    static int suites[2];
    uint8_t key[32];
    mbedtls_ssl_config *config = &out->config;
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t) (settings->key_first + i);
    CHECK_EQUAL(0, mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, settings->psk_ke ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ALL
                                                                       : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
    suites[0] = settings->suite;
    if (settings->suite != 0) mbedtls_ssl_conf_ciphersuites(config, suites);
    if (settings->protocols != NULL) CHECK_EQUAL(0, mbedtls_ssl_conf_alpn_protocols(config, settings->protocols));
    mbedtls_ssl_conf_new_session_tickets(config, (uint16_t) settings->tickets);
    mbedtls_ssl_conf_session_tickets_cb(config, write_ticket, parse_ticket, NULL);
    CHECK_EQUAL(0, mbedtls_ssl_conf_psk(config, key, sizeof key, settings->identity, settings->identity_length));
}

void tls_server_start(tls_server *out, const tls_server_settings *settings)
{
    memset(out, 0, sizeof *out);
    CHECK_EQUAL(PSA_SUCCESS, psa_crypto_init());
    psk_queue_init(&out->in, out->in_buffer, sizeof out->in_buffer, false);
    psk_queue_init(&out->out, out->out_buffer, sizeof out->out_buffer, false);
    mbedtls_ssl_init(&out->ssl);
    mbedtls_ssl_config_init(&out->config);
    out->is_mute = settings->is_mute;
    configure(out, settings);
    CHECK_EQUAL(0, mbedtls_ssl_setup(&out->ssl, &out->config));
    mbedtls_ssl_set_bio(&out->ssl, out, send_bytes, receive_bytes, NULL);
}

void tls_server_stop(tls_server *server)
{
    mbedtls_ssl_free(&server->ssl);
    mbedtls_ssl_config_free(&server->config);
}

static int echo(tls_server *server)
{
    uint8_t message[1024];
    const int length = mbedtls_ssl_read(&server->ssl, message, sizeof message);
    if (length <= 0) return length == 0 ? MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY : length;
    for (int i = 0; i < length / 2; i++) {
        const uint8_t left = message[i];
        message[i] = message[length - 1 - i];
        message[length - 1 - i] = left;
    }
    server->messages++;
    if (server->is_mute) return 0;
    return tls_server_send(server, message, (size_t) length) == (size_t) length ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

size_t tls_server_send(tls_server *server, const uint8_t *data, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const int taken = mbedtls_ssl_write(&server->ssl, data + done, length - done);
        if (taken <= 0) break;
        done += (size_t) taken;
    }
    return done;
}

void tls_server_receive(tls_server *server, const uint8_t *data, size_t length)
{
    int result = 0;
    CHECK_EQUAL(length, psk_queue_put(&server->in, data, length));
    while (result == 0 && server->failure == 0) {
        if (mbedtls_ssl_is_handshake_over(&server->ssl)) {
            result = echo(server);
        } else {
            result = mbedtls_ssl_handshake(&server->ssl);
            if (result == 0) server->handshakes++;
        }
    }
    if (result != MBEDTLS_ERR_SSL_WANT_READ && result != MBEDTLS_ERR_SSL_WANT_WRITE) server->failure = result;
}

size_t tls_server_drain(tls_server *server, uint8_t *data, size_t size)
{
    return psk_queue_get(&server->out, data, size);
}
