/* Servers that do not want the device, or are not the one it looks for: each time an error that names the cause, and the next attempt
 * works. mbedTLS's own TLS 1.3 server is the other end. */
#include <string.h>

#include "bundles.h"
#include "harness.h"
#include "psk_core.h"
#include "tls_server.h"

static tls_server server;
static bytes encoded;

static psk_core *new_core(int32_t record_size, uint32_t options)
{
    bundle_recipe recipe = usual_bundle;
    psk_bundle bundle;
    psk_core *core;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_TLS13, record_size, options));
    return core;
}

/* A server for this recipe's device, fleet and key. */
static void start(const bundle_recipe *recipe, int psk_ke)
{
    static bytes identity;
    recipe_identity(recipe, &identity);
    const tls_server_settings settings = { .identity = identity.data, .identity_length = identity.length, .key_first = recipe->key_first,
                                           .psk_ke = psk_ke };
    tls_server_start(&server, &settings);
}

static int32_t handshake(psk_core *core)
{
    uint8_t data[2048];
    int32_t result = PSK_CORE_WANTS_INPUT, length;
    for (int round = 0; result > 0; round++) {
        CHECK(round < 100);
        result = psk_core_step(core);
        while ((length = psk_core_drain(core, data, sizeof data)) > 0) tls_server_receive(&server, data, (size_t) length);
        while (result > 0 && (length = (int32_t) tls_server_drain(&server, data, 64)) > 0) {
            for (int32_t fed = 0; fed < length && result > 0;) {
                fed += psk_core_feed(core, data + fed, (size_t) (length - fed));
                result = psk_core_step(core);
            }
        }
    }
    while ((length = psk_core_drain(core, data, sizeof data)) > 0) tls_server_receive(&server, data, (size_t) length);
    return result;
}

/* mbedTLS has several alerts for a hello that offers nothing it can use. */
static int is_refusal(int32_t result)
{
    return result == PSK_CORE_ERR_UNKNOWN_IDENTITY || result == PSK_CORE_ERR_NO_COMMON || result == PSK_CORE_ERR_ALERT;
}

/* The end of a handshake with such a server; then one with the right server. */
static int32_t outcome(const bundle_recipe *recipe, int psk_ke, uint32_t options)
{
    start(recipe, psk_ke);
    psk_core *core = new_core(0, options);
    const int32_t result = handshake(core);
    CHECK_EQUAL(result, psk_core_step(core));
    psk_core_free(core);
    tls_server_stop(&server);
    start(&usual_bundle, 0);
    core = new_core(0, 0);
    CHECK_EQUAL(0, handshake(core));
    psk_core_free(core);
    tls_server_stop(&server);
    return result;
}

TEST(server_with_another_key_refuses)
{
    bundle_recipe recipe = usual_bundle;
    recipe.key_first = 7;
    CHECK_EQUAL(PSK_CORE_ERR_REFUSED, outcome(&recipe, 0, 0));
}

TEST(server_with_another_name_or_of_another_device_does_not_know_the_identity)
{
    bundle_recipe recipe = usual_bundle;
    recipe.server_id = "another-plant";
    CHECK(is_refusal(outcome(&recipe, 0, 0)));
    recipe = usual_bundle;
    recipe.device_id = "sensor-2";
    CHECK(is_refusal(outcome(&recipe, 0, 0)));
    recipe = usual_bundle;
    recipe.external_identity = "sensor-1~2";
    CHECK(is_refusal(outcome(&recipe, 0, 0)));
}

TEST(server_that_wants_diffie_hellman_has_nothing_in_common_with_psk_ke)
{
    CHECK(is_refusal(outcome(&usual_bundle, 0, PSK_CORE_OPTION_PSK_KE)));
    CHECK_EQUAL(0, outcome(&usual_bundle, 1, PSK_CORE_OPTION_PSK_KE));
}

static int has_a_name(int32_t error)
{
    return strcmp(psk_core_error_name(error), psk_core_error_name(-9999)) != 0;
}

TEST(every_alert_has_a_named_error_before_and_after_the_handshake)
{
    for (int connected = 0; connected < 2; connected++) {
        for (int alert = 1; alert < 256; alert++) {
            uint8_t data[2048], text[16];
            psk_core *core = new_core(0, PSK_CORE_OPTION_PSK_KE);
            int32_t result = 0, length;
            start(&usual_bundle, 1);
            if (connected) {
                CHECK_EQUAL(0, handshake(core));
                (void) mbedtls_ssl_send_alert_message(&server.ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, (unsigned char) alert);
                while ((length = (int32_t) tls_server_drain(&server, data, 64)) > 0) CHECK_EQUAL(length, psk_core_feed(core, data, (size_t) length));
                result = psk_core_read(core, text, sizeof text);
            } else {
                const uint8_t record[] = { 21, 3, 3, 0, 2, 2, (uint8_t) alert };
                while (psk_core_step(core) == PSK_CORE_WANTS_DRAIN) CHECK(psk_core_drain(core, data, sizeof data) > 0);
                while (psk_core_drain(core, data, sizeof data) > 0) { }
                CHECK_EQUAL(sizeof record, psk_core_feed(core, record, sizeof record));
                result = psk_core_step(core);
            }
            CHECK(result < 0 && has_a_name(result) && result != PSK_CORE_ERR_MEMORY && result != PSK_CORE_ERR_INTERNAL);
            CHECK_EQUAL(alert, psk_core_info(core, PSK_CORE_INFO_LAST_ALERT));
            CHECK_EQUAL(0, psk_core_drain(core, data, sizeof data));    /* RFC 8446 s6.2: it is not answered */
            psk_core_free(core);
            tls_server_stop(&server);
        }
    }
}

/* Ours is told 512, and a server that forgets its promise sends a little more. */
TEST(record_larger_than_promised_ends_the_session)
{
    static const uint8_t text[512];
    uint8_t data[2048], read[600];
    int32_t length;
    psk_core *core = new_core(500, PSK_CORE_OPTION_PSK_KE);
    start(&usual_bundle, 1);
    CHECK_EQUAL(0, handshake(core));
    /* With the content type 499 bytes are the most (RFC 8449 s4). */
    server.ssl.MBEDTLS_PRIVATE(session)->MBEDTLS_PRIVATE(record_size_limit) = 600;
    CHECK_EQUAL(499, tls_server_send(&server, text, 499));
    while ((length = (int32_t) tls_server_drain(&server, data, 32)) > 0) {
        CHECK_EQUAL(length, psk_core_feed(core, data, (size_t) length));
        const int32_t got = psk_core_read(core, read, sizeof read);
        CHECK(got == 0 || got == 499);
    }
    CHECK_EQUAL(500, tls_server_send(&server, text, 500));
    int32_t result = 0;
    while (result >= 0 && (length = (int32_t) tls_server_drain(&server, data, 32)) > 0) {
        CHECK_EQUAL(length, psk_core_feed(core, data, (size_t) length));
        result = psk_core_read(core, read, sizeof read);
    }
    CHECK_EQUAL(PSK_CORE_ERR_RECORD_SIZE, result);
    CHECK(psk_core_drain(core, data, sizeof data) > 0);                 /* record_overflow */
    psk_core_free(core);
    tls_server_stop(&server);
}
