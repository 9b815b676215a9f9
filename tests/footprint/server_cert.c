/* mbedTLS's own server with a certificate, for measure_cert.c. */
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <string.h>

#include "../core/harness.h"
#include "certificates.h"
#include "psk_queue.h"
#include "server.h"

#define TLS 0x0304

static mbedtls_ssl_context ssl;
static mbedtls_ssl_config config;
static mbedtls_x509_crt certificate;
static mbedtls_pk_context key;
static uint8_t in_buffer[8192], out_buffer[8192];
static psk_queue in, out;
static uint32_t timer_runs;

static int send_bytes(void *context, const unsigned char *data, size_t length)
{
    (void) context;
    return (int) psk_queue_put(&out, data, length);
}

static int receive_bytes(void *context, unsigned char *data, size_t size)
{
    (void) context;
    const size_t length = psk_queue_get(&in, data, size);
    return length == 0 ? MBEDTLS_ERR_SSL_WANT_READ : (int) length;
}

static void set_timer(void *context, uint32_t intermediate, uint32_t final)
{
    (void) context;
    (void) intermediate;
    timer_runs = final;
}

static int get_timer(void *context)
{
    (void) context;
    return timer_runs != 0 ? 0 : -1;
}

void server_start(int32_t protocol, int tickets)
{
    (void) tickets;
    psk_queue_init(&in, in_buffer, sizeof in_buffer, protocol != TLS);
    psk_queue_init(&out, out_buffer, sizeof out_buffer, protocol != TLS);
    CHECK_EQUAL(PSA_SUCCESS, psa_crypto_init());
    mbedtls_ssl_init(&ssl);
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
    CHECK_EQUAL(0, mbedtls_x509_crt_parse_der(&certificate, certificate_der, sizeof certificate_der));
    CHECK_EQUAL(0, mbedtls_pk_parse_key(&key, key_der, sizeof key_der, NULL, 0, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE));
    CHECK_EQUAL(0, mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER,
                                               protocol == TLS ? MBEDTLS_SSL_TRANSPORT_STREAM : MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (protocol != TLS) mbedtls_ssl_conf_max_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_dtls_cookies(&config, NULL, NULL, NULL);
    CHECK_EQUAL(0, mbedtls_ssl_conf_own_cert(&config, &certificate, &key));
    CHECK_EQUAL(0, mbedtls_ssl_setup(&ssl, &config));
    mbedtls_ssl_set_bio(&ssl, NULL, send_bytes, receive_bytes, NULL);
    mbedtls_ssl_set_timer_cb(&ssl, NULL, set_timer, get_timer);
}

void server_stop(int32_t protocol)
{
    (void) protocol;
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&certificate);
    mbedtls_pk_free(&key);
}

void server_receive(int32_t protocol, const uint8_t *data, size_t length)
{
    uint8_t message[256];
    int result;
    CHECK_EQUAL(length, psk_queue_put(&in, data, length));
    do {
        if (!mbedtls_ssl_is_handshake_over(&ssl)) {
            result = mbedtls_ssl_handshake(&ssl);
        } else {
            result = mbedtls_ssl_read(&ssl, message, sizeof message);
            if (result > 0) result = mbedtls_ssl_write(&ssl, message, (size_t) result) - result;
        }
    } while (result == 0);
    CHECK_EQUAL(MBEDTLS_ERR_SSL_WANT_READ, result);
}

size_t server_drain(int32_t protocol, uint8_t *data, size_t size)
{
    return psk_queue_get(&out, data, size);
}
