/* Uses what a device with certificates uses of mbedTLS. Is linked, never run. */
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>

static uint8_t buffer[1024];

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *out, size_t size, size_t *length)
{
    (void) context;
    for (size_t i = 0; i < size; i++) out[i] = *(volatile uint8_t *) 0x10000000;
    *length = size;
    return PSA_SUCCESS;
}

static int transport(void *context, unsigned char *data, size_t length)
{
    (void) context, (void) data;
    return (int) length;
}

static int send_bytes(void *context, const unsigned char *data, size_t length)
{
    (void) context, (void) data;
    return (int) length;
}

static void set_timer(void *context, uint32_t intermediate, uint32_t final)
{
    (void) context, (void) intermediate, (void) final;
}

static int get_timer(void *context)
{
    return context != NULL;
}

int main(void)
{
    static mbedtls_ssl_context ssl;
    static mbedtls_ssl_config config;
    static mbedtls_x509_crt authority;
    (void) psa_crypto_init();
    (void) mbedtls_x509_crt_parse_der_nocopy(&authority, buffer, sizeof buffer);
    (void) mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, buffer[0], MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_ca_chain(&config, &authority, NULL);
    (void) mbedtls_ssl_setup(&ssl, &config);
    (void) mbedtls_ssl_set_hostname(&ssl, (const char *) buffer);
    mbedtls_ssl_set_bio(&ssl, NULL, send_bytes, transport, NULL);
    mbedtls_ssl_set_timer_cb(&ssl, NULL, set_timer, get_timer);
    int result = mbedtls_ssl_handshake(&ssl);
    result += mbedtls_ssl_write(&ssl, buffer, sizeof buffer) + mbedtls_ssl_read(&ssl, buffer, sizeof buffer) + mbedtls_ssl_close_notify(&ssl);
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&authority);
    return result;
}
