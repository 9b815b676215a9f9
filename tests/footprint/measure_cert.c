/* Sessions of a plain mbedTLS client that checks the certificate of its server, beside measure.c. */
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

#include "../core/harness.h"
#include "certificates.h"
#include "meter.h"
#include "psk_queue.h"
#include "server.h"

#define TLS 0x0304
#define MESSAGE 32u

static uint8_t in_buffer[8192], out_buffer[8192];
static psk_queue in, out;
static unsigned sent, received;
static int32_t protocol;
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

static void carry(void)
{
    static uint8_t data[8192];
    size_t length;
    while ((length = psk_queue_get(&out, data, sizeof data)) > 0) {
        sent += (unsigned) length;
        server_receive(protocol, data, length);
    }
    while ((length = server_drain(protocol, data, sizeof data)) > 0) {
        received += (unsigned) length;
        CHECK_EQUAL(length, psk_queue_put(&in, data, length));
    }
}

static void configure(mbedtls_ssl_config *config, mbedtls_x509_crt *authority)
{
    const mbedtls_ssl_protocol_version version = protocol == TLS ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
    static const int suites[] = { MBEDTLS_TLS1_3_AES_128_CCM_8_SHA256, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, 0 };
    static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE };
    CHECK_EQUAL(0, mbedtls_x509_crt_parse_der_nocopy(authority, authority_der, sizeof authority_der));
    CHECK_EQUAL(0, mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
                                               protocol == TLS ? MBEDTLS_SSL_TRANSPORT_STREAM : MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_min_tls_version(config, version);
    mbedtls_ssl_conf_max_tls_version(config, version);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_ca_chain(config, authority, NULL);
}

static void session(const char *name, int32_t which)
{
    static mbedtls_ssl_context ssl;
    static mbedtls_ssl_config config;
    static mbedtls_x509_crt authority;
    static uint8_t text[MESSAGE], answer[64];
    int result = MBEDTLS_ERR_SSL_WANT_READ;
    const uint32_t base = device.heap;
    protocol = which;
    sent = received = 0;
    psk_queue_init(&in, in_buffer, sizeof in_buffer, protocol != TLS);
    psk_queue_init(&out, out_buffer, sizeof out_buffer, protocol != TLS);
    server_start(protocol, 0);
    meter_reset();
    mbedtls_ssl_init(&ssl);
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&authority);
    MEASURE(configure(&config, &authority));
    MEASURE(result = mbedtls_ssl_setup(&ssl, &config));
    CHECK_EQUAL(0, result);
    CHECK_EQUAL(0, mbedtls_ssl_set_hostname(&ssl, "server"));
    mbedtls_ssl_set_bio(&ssl, NULL, send_bytes, receive_bytes, NULL);
    mbedtls_ssl_set_timer_cb(&ssl, NULL, set_timer, get_timer);
    for (int round = 0; round == 0 || result != 0; round++) {
        CHECK(round < 50);
        MEASURE(result = mbedtls_ssl_handshake(&ssl));
        CHECK(result == 0 || result == MBEDTLS_ERR_SSL_WANT_READ);
        carry();
    }
    const unsigned spent = (unsigned) device.instructions, to_server = sent, to_device = received;
    MEASURE(result = mbedtls_ssl_write(&ssl, text, sizeof text));
    CHECK_EQUAL(sizeof text, result);
    const unsigned write = (unsigned) device.instructions - spent;
    carry();
    MEASURE(result = mbedtls_ssl_read(&ssl, answer, sizeof answer));
    CHECK_EQUAL(sizeof text, result);
    const unsigned statics = (unsigned) (sizeof ssl + sizeof config + sizeof authority);
    (void) printf("mode=%s heap_peak=%u heap_idle=%u blocks=%u stack=%u handshake=%u sent=%u received=%u write=%u read=%u\n", name,
                  (unsigned) (device.heap_peak - base) + statics, (unsigned) (device.heap - base) + statics, (unsigned) device.blocks_peak,
                  (unsigned) device.stack_peak, spent, to_server, to_device, write, (unsigned) device.instructions - spent - write);
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&authority);
    server_stop(protocol);
}

int main(void)
{
    CHECK_EQUAL(PSA_SUCCESS, psa_crypto_init());
    session("tls13-ecdsa-certificate", TLS);
    session("dtls12-ecdsa-certificate", 0xfefd);
    return 0;
}
