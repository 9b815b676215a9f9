/* A device that fetches its next credential; mbedTLS's own TLS 1.3 server is the gateway, which answers what the test wants. */
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <string.h>

#include "bundles.h"
#include "harness.h"
#include "memory_vault.h"
#include "psk_core.h"
#include "psk_session.h"

/* The gateway. */
static struct {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    psk_queue in, out;
    uint8_t in_buffer[8192], out_buffer[8192], answer[PSK_BUNDLE_MAX + 16], heard[PSK_BUNDLE_MAX];
    size_t answer_length, told, heard_length, chunk;
    int closes_after;               /* closes without having told everything */
} gateway;

static psk_core limits;

static int send_bytes(void *context, const unsigned char *data, size_t length)
{
    (void) context;
    const size_t taken = psk_queue_put(&gateway.out, data, length);
    return taken == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : (int) taken;
}

static int receive_bytes(void *context, unsigned char *data, size_t size)
{
    (void) context;
    const size_t given = psk_queue_get(&gateway.in, data, size);
    return given == 0 ? MBEDTLS_ERR_SSL_WANT_READ : (int) given;
}

static bundle_recipe recipe_of(uint8_t key_first, const char *external)
{
    bundle_recipe recipe = usual_bundle;
    recipe.key_first = key_first;
    recipe.external_identity = external;
    recipe.with_tls12 = 1;
    return recipe;
}

static void start_gateway(uint8_t key_first, const char *external, const char **protocols)
{
    const bundle_recipe recipe = recipe_of(key_first, external);
    uint8_t key[32];
    bytes identity = { .length = 0 };
    memset(&gateway, 0, sizeof gateway);
    recipe_key(&recipe, key);
    recipe_identity(&recipe, &identity);
    CHECK_EQUAL(PSA_SUCCESS, psa_crypto_init());
    psk_queue_init(&gateway.in, gateway.in_buffer, sizeof gateway.in_buffer, false);
    psk_queue_init(&gateway.out, gateway.out_buffer, sizeof gateway.out_buffer, false);
    mbedtls_ssl_init(&gateway.ssl);
    mbedtls_ssl_config_init(&gateway.config);
    CHECK_EQUAL(0, mbedtls_ssl_config_defaults(&gateway.config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(&gateway.config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_min_tls_version(&gateway.config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_tls13_key_exchange_modes(&gateway.config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
    CHECK_EQUAL(0, mbedtls_ssl_conf_psk(&gateway.config, key, sizeof key, identity.data, identity.length));
    if (protocols != NULL) CHECK_EQUAL(0, mbedtls_ssl_conf_alpn_protocols(&gateway.config, protocols));
    CHECK_EQUAL(0, mbedtls_ssl_setup(&gateway.ssl, &gateway.config));
    /* psk_core's mbedTLS asks whoever speaks TLS for the record size limit. */
    limits.record_limit = MBEDTLS_SSL_IN_CONTENT_LEN;
    mbedtls_ssl_set_user_data_p(&gateway.ssl, &limits);
    mbedtls_ssl_set_bio(&gateway.ssl, NULL, send_bytes, receive_bytes, NULL);
}

static void stop_gateway(void)
{
    mbedtls_ssl_free(&gateway.ssl);
    mbedtls_ssl_config_free(&gateway.config);
}

static void serve(void)
{
    if (!mbedtls_ssl_is_handshake_over(&gateway.ssl)) (void) mbedtls_ssl_handshake(&gateway.ssl);
    if (!mbedtls_ssl_is_handshake_over(&gateway.ssl)) return;
    const int heard = mbedtls_ssl_read(&gateway.ssl, gateway.heard + gateway.heard_length, sizeof gateway.heard - gateway.heard_length);
    if (heard > 0) gateway.heard_length += (size_t) heard;
    if (gateway.heard_length < 2 || gateway.heard_length < 2 + ((size_t) gateway.heard[0] << 8 | gateway.heard[1])) return;
    while (gateway.told < gateway.answer_length) {
        const size_t left = gateway.answer_length - gateway.told, piece = gateway.chunk != 0 && gateway.chunk < left ? gateway.chunk : left;
        const int told = mbedtls_ssl_write(&gateway.ssl, gateway.answer + gateway.told, piece);
        CHECK(told > 0);
        gateway.told += (size_t) told;
    }
    if (gateway.closes_after) (void) mbedtls_ssl_close_notify(&gateway.ssl);
}

static void answer(uint8_t code, const bytes *bundle)
{
    const size_t length = bundle == NULL ? 0 : bundle->length;
    gateway.answer[0] = code;
    gateway.answer[1] = (uint8_t) (length >> 8);
    gateway.answer[2] = (uint8_t) length;
    if (bundle != NULL) memcpy(gateway.answer + 3, bundle->data, length);
    gateway.answer_length = 3 + length;
}

/* Bytes of both sides, in small pieces. */
static void carry(psk_core *core)
{
    uint8_t data[1500];
    for (int32_t length = psk_core_drain(core, data, sizeof data); length > 0; length = psk_core_drain(core, data, sizeof data)) {
        CHECK_EQUAL(length, psk_queue_put(&gateway.in, data, (size_t) length));
    }
    serve();
    for (;;) {
        uint8_t piece[64];
        const size_t length = psk_queue_get(&gateway.out, piece, sizeof piece);
        size_t at = 0;
        while (at < length) {
            const int32_t taken = psk_core_feed(core, piece + at, length - at);
            if (taken < 0) return;
            if (taken == 0) {
                /* Its queue is full: it works first. The rest goes back to where it was. */
                uint8_t rest[sizeof gateway.out_buffer];
                memcpy(rest, piece + at, length - at);
                const size_t more = psk_queue_get(&gateway.out, rest + length - at, sizeof rest - (length - at));
                CHECK_EQUAL(more + length - at, psk_queue_put(&gateway.out, rest, more + length - at));
                return;
            }
            at += (size_t) taken;
        }
        if (length == 0) return;
    }
}

static int32_t connect_core(psk_core *core)
{
    for (int turns = 0; turns < 1000; turns++) {
        const int32_t result = psk_core_step(core);
        carry(core);
        if (result == PSK_CORE_DONE || result < 0) return result;
    }
    return PSK_CORE_ERR_TIMEOUT;
}

static int32_t fetch(psk_core *core)
{
    int32_t result = PSK_CORE_WANTS_INPUT;
    for (int turns = 0; turns < 1000 && (result == PSK_CORE_WANTS_INPUT || result == PSK_CORE_WANTS_DRAIN); turns++) {
        result = psk_core_rekey(core, &memory_vault, 0);
        carry(core);
    }
    return result;
}

static psk_core *open_session(uint32_t options)
{
    psk_core *core = NULL;
    CHECK_EQUAL(0, psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_TLS13, 512, options));
    return core;
}

static const char *ours[] = { "other/1", "iotpsk-rekey/1", NULL };
static const char *others[] = { "other/1", NULL };

static void import_usual(void)
{
    const bundle_recipe recipe = recipe_of(1, usual_bundle.external_identity);
    bytes encoded;
    memset(&kept, 0, sizeof kept);
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_vault_import(&memory_vault, 0, encoded.data, encoded.length));
}

static void newer_bundle(bytes *out)
{
    bundle_recipe recipe = recipe_of(2, "sensor-1~2");
    recipe.epoch = 2;
    make_bundle(&recipe, out);
}

/* A session that fetches, to its end. */
static int32_t rekey_with(uint8_t code, const bytes *bundle)
{
    start_gateway(1, usual_bundle.external_identity, ours);
    answer(code, bundle);
    psk_core *core = open_session(PSK_CORE_OPTION_REKEY);
    CHECK_EQUAL(0, connect_core(core));
    const int32_t result = fetch(core);
    CHECK_EQUAL(result, psk_core_rekey(core, &memory_vault, 0));
    psk_core_free(core);
    stop_gateway();
    return result;
}

/* A handshake with a gateway that knows this key alone. */
static int32_t connect_to(uint8_t key_first, const char *external)
{
    start_gateway(key_first, external, NULL);
    psk_core *core = open_session(PSK_CORE_OPTION_NO_TICKETS);
    const int32_t result = connect_core(core);
    CHECK_EQUAL(0, psk_core_settle_slot(core, &memory_vault, 0));
    CHECK_EQUAL(0, psk_core_settle_slot(core, &memory_vault, 0));
    psk_core_free(core);
    stop_gateway();
    return result;
}

TEST(rekey_brings_a_successor_that_the_next_session_tries_and_keeps)
{
    bytes newer;
    import_usual();
    newer_bundle(&newer);
    CHECK_EQUAL(PSK_CORE_DONE, rekey_with(0, &newer));
    CHECK(kept.length[0] > 0 && kept.length[2] > 0);
    CHECK_EQUAL(0, connect_to(2, "sensor-1~2"));
    CHECK_EQUAL(0, kept.length[2]);
    CHECK_EQUAL(PSK_CORE_ERR_REFUSED, connect_to(1, "sensor-1~2"));
    CHECK_EQUAL(0, connect_to(2, "sensor-1~2"));
}

TEST(rekey_to_a_key_that_no_server_takes_ends_with_the_old_one)
{
    bytes newer;
    import_usual();
    newer_bundle(&newer);
    CHECK_EQUAL(PSK_CORE_DONE, rekey_with(0, &newer));
    for (int i = 0; i < PSK_VAULT_REFUSALS; i++) CHECK_EQUAL(PSK_CORE_ERR_REFUSED, connect_to(9, "sensor-1~2"));
    CHECK(kept.length[2] > 0);
    CHECK_EQUAL(0, connect_to(1, "sensor-1~1"));
    CHECK_EQUAL(0, kept.length[2]);
}

TEST(rekey_asks_with_the_public_part_and_no_key)
{
    bytes newer;
    uint8_t described[PSK_BUNDLE_MAX], key[32];
    const bundle_recipe recipe = recipe_of(1, usual_bundle.external_identity);
    import_usual();
    newer_bundle(&newer);
    const int32_t length = psk_vault_describe(&memory_vault, 0, described, sizeof described);
    CHECK_EQUAL(PSK_CORE_DONE, rekey_with(0, &newer));
    CHECK_EQUAL(2 + length, gateway.heard_length);
    CHECK(memcmp(gateway.heard + 2, described, (size_t) length) == 0);
    recipe_key(&recipe, key);
    for (size_t at = 0; at + sizeof key <= gateway.heard_length; at++) CHECK(memcmp(gateway.heard + at, key, sizeof key) != 0);
}

TEST(rekey_answers_have_names)
{
    bytes newer;
    static const int32_t errors[] = { PSK_CORE_ERR_REKEY_CURRENT, PSK_CORE_ERR_REKEY_TOO_SOON, PSK_CORE_ERR_REKEY_COMPROMISED,
        PSK_CORE_ERR_REKEY_UNFIT, PSK_CORE_ERR_REKEY_LATER, PSK_CORE_ERR_REKEY_REQUEST, PSK_CORE_ERR_PROTOCOL, PSK_CORE_ERR_PROTOCOL };
    import_usual();
    newer_bundle(&newer);
    for (uint8_t code = 1; code <= 8; code++) {
        CHECK_EQUAL(errors[code - 1], rekey_with(code, NULL));
        CHECK(strstr(psk_core_error_name(errors[code - 1]), code <= 6 ? "rekey" : "protocol") != NULL);
    }
    CHECK_EQUAL(PSK_CORE_ERR_PROTOCOL, rekey_with(2, &newer));
    CHECK_EQUAL(PSK_CORE_ERR_PROTOCOL, rekey_with(0, NULL));
    CHECK_EQUAL(0, kept.length[2]);
    CHECK_EQUAL(0, connect_to(1, "sensor-1~1"));
}

TEST(rekey_takes_nothing_that_is_of_another_device_or_fleet_or_not_newer)
{
    bytes encoded;
    bundle_recipe recipe = recipe_of(2, "sensor-1~2");
    import_usual();
    recipe.epoch = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(PSK_CORE_ERR_REKEY_FOREIGN, rekey_with(0, &encoded));
    recipe.epoch = 2;
    recipe.device_id = "sensor-2";
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(PSK_CORE_ERR_REKEY_FOREIGN, rekey_with(0, &encoded));
    recipe.device_id = usual_bundle.device_id;
    recipe.server_id = "elsewhere";
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(PSK_CORE_ERR_REKEY_FOREIGN, rekey_with(0, &encoded));
    recipe.server_id = usual_bundle.server_id;
    recipe.without = 1u << 7;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 7, rekey_with(0, &encoded));
    CHECK_EQUAL(0, kept.length[2]);
}

TEST(rekey_answer_cut_short_at_any_byte_leaves_the_slot_alone)
{
    bytes newer;
    import_usual();
    newer_bundle(&newer);
    const size_t whole = newer.length + 3;
    for (size_t length = 0; length < whole; length += length < 8 || length > whole - 4 ? 1 : 29) {
        start_gateway(1, usual_bundle.external_identity, ours);
        answer(0, &newer);
        gateway.answer_length = length;
        gateway.closes_after = 1;
        psk_core *core = open_session(PSK_CORE_OPTION_REKEY);
        CHECK_EQUAL(0, connect_core(core));
        CHECK_EQUAL(PSK_CORE_ERR_CLOSED, fetch(core));
        CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_rekey(core, &memory_vault, 0));
        psk_core_free(core);
        stop_gateway();
        CHECK_EQUAL(0, kept.length[2]);
    }
    CHECK_EQUAL(0, connect_to(1, "sensor-1~1"));
}

TEST(rekey_answer_in_records_of_a_byte_is_put_together)
{
    bytes newer;
    import_usual();
    newer_bundle(&newer);
    start_gateway(1, usual_bundle.external_identity, ours);
    answer(0, &newer);
    gateway.chunk = 7;
    psk_core *core = open_session(PSK_CORE_OPTION_REKEY);
    CHECK_EQUAL(0, connect_core(core));
    CHECK_EQUAL(PSK_CORE_DONE, fetch(core));
    psk_core_free(core);
    stop_gateway();
    CHECK(kept.length[2] > 0);
}

TEST(rekey_asks_nothing_of_a_server_that_does_not_know_it)
{
    import_usual();
    start_gateway(1, usual_bundle.external_identity, NULL);
    psk_core *core = open_session(PSK_CORE_OPTION_REKEY);
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_rekey(core, &memory_vault, 0));
    CHECK_EQUAL(0, connect_core(core));
    CHECK_EQUAL(PSK_CORE_ERR_NO_REKEYING, fetch(core));
    CHECK_EQUAL(0, gateway.heard_length);
    psk_core_free(core);
    stop_gateway();

    start_gateway(1, usual_bundle.external_identity, others);
    core = open_session(PSK_CORE_OPTION_REKEY);
    CHECK(connect_core(core) < 0);
    CHECK(psk_core_rekey(core, &memory_vault, 0) < 0);
    psk_core_free(core);
    stop_gateway();
}

/* The application can neither read what comes nor use the session for anything else. */
TEST(rekey_sessions_give_nothing_to_their_owner)
{
    uint8_t data[16] = { 0 };
    psk_core *core = NULL;
    import_usual();
    start_gateway(1, usual_bundle.external_identity, ours);
    core = open_session(PSK_CORE_OPTION_REKEY);
    CHECK_EQUAL(0, connect_core(core));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_read(core, data, sizeof data));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_write(core, data, sizeof data));
    psk_core_free(core);
    stop_gateway();

    start_gateway(1, usual_bundle.external_identity, ours);
    core = open_session(0);
    CHECK_EQUAL(0, connect_core(core));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_rekey(core, &memory_vault, 0));
    psk_core_free(core);
    stop_gateway();
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_TLS13, 0, PSK_CORE_OPTION_REKEY | PSK_CORE_OPTION_PSK_KE));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_DTLS12, 0, PSK_CORE_OPTION_REKEY));
}

TEST(rekey_that_the_vault_cannot_keep_says_so)
{
    bytes newer;
    import_usual();
    newer_bundle(&newer);
    kept.write_result = PSK_CORE_ERR_VAULT_FULL;
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_FULL, rekey_with(0, &newer));
    CHECK_EQUAL(0, connect_to(1, "sensor-1~1"));
    kept.write_result = 0;
    CHECK_EQUAL(PSK_CORE_DONE, rekey_with(0, &newer));

    /* Connected with the new key, but the vault cannot be written: the session is a good one, and the next tries again. */
    kept.write_result = PSK_CORE_ERR_VAULT_IO;
    start_gateway(2, "sensor-1~2", NULL);
    psk_core *core = open_session(0);
    CHECK_EQUAL(0, connect_core(core));
    CHECK_EQUAL(PSK_CORE_ERR_VAULT_IO, psk_core_settle_slot(core, &memory_vault, 0));
    psk_core_free(core);
    stop_gateway();
    kept.write_result = 0;
    CHECK_EQUAL(0, connect_to(2, "sensor-1~2"));
    CHECK_EQUAL(0, kept.length[2]);
}
