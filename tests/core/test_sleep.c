/* A device that saves its association, sleeps, and goes on in a new session; mbedTLS's own server is the other end. */
#include <string.h>

#include "bundles.h"
#include "harness.h"
#include "lossy.h"

static lossy air;
static dtls_server server;
static bytes encoded;
static uint64_t highest;            /* epoch and sequence number of the newest record of the device */

static const dtls_server_settings usual_server = { .identity = "sensor-1~1", .key_first = 1, .connection_id = 6 };

/* RFC 6347 s4.1.2.1: a number used twice under one key would be a nonce used twice. */
static void check_numbers(const lossy *way, int to_server, const uint8_t *data, size_t length)
{
    (void) way;
    if (!to_server) return;
    for (size_t at = 0; at < length;) {
        const size_t header = data[at] == MBEDTLS_SSL_MSG_CID ? 13 + usual_server.connection_id : 13;
        uint64_t number = 0;
        for (size_t i = 3; i < 11; i++) number = number << 8 | data[at + i];
        CHECK(number > highest || highest == 0);
        highest = number;
        at += header + ((size_t) data[at + header - 2] << 8 | data[at + header - 1]);
    }
}

static psk_bundle usual(uint8_t key_first)
{
    bundle_recipe recipe = usual_bundle;
    psk_bundle bundle;
    recipe.with_tls12 = 1;
    recipe.key_first = key_first;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    return bundle;
}

static void connect_device(uint32_t options)
{
    const psk_bundle bundle = usual(1);
    dtls_server_start(&server, &usual_server);
    memset(&air, 0, sizeof air);
    highest = 0;
    air.server = &server;
    air.watch = check_numbers;
    CHECK_EQUAL(0, psk_core_open(&air.core, &bundle, PSK_CORE_DTLS12, 512, options));
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
}

static size_t fall_asleep(uint8_t *saved, size_t size)
{
    const int32_t length = psk_core_save(air.core, saved, size);
    CHECK(length > 60 && (size_t) length <= size);
    psk_core_free(air.core);
    air.core = NULL;
    return (size_t) length;
}

static void wake_up(const uint8_t *saved, size_t length, uint32_t options)
{
    CHECK_EQUAL(0, psk_core_load(&air.core, saved, length, 512, options));
    air.first_type = 0;
}

TEST(sleep_ends_with_a_datagram_of_data_and_no_handshake)
{
    uint8_t saved[PSK_ASSOCIATION_MAX];
    connect_device(PSK_CORE_OPTION_CONNECTION_ID);
    for (int night = 0; night < 20; night++) {
        const unsigned sent = air.to_server, answered = air.to_device;
        const size_t length = fall_asleep(saved, sizeof saved);
        wake_up(saved, length, PSK_CORE_OPTION_CONNECTION_ID);
        CHECK_EQUAL(PSK_CORE_DONE, psk_core_step(air.core));
        CHECK_EQUAL(1, psk_core_info(air.core, PSK_CORE_INFO_RESUMED));
        CHECK_EQUAL(6, psk_core_info(air.core, PSK_CORE_INFO_CONNECTION_ID));
        CHECK_EQUAL(0xc0a8, psk_core_info(air.core, PSK_CORE_INFO_SUITE));
        CHECK_EQUAL(0, psk_core_info(air.core, PSK_CORE_INFO_HANDSHAKE_SENT));
        CHECK_EQUAL(-1, psk_core_deadline(air.core));
        CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
        CHECK_EQUAL(MBEDTLS_SSL_MSG_CID, air.first_type);               /* tls12_cid: RFC 9146 s4 */
        CHECK_EQUAL(sent + 1, air.to_server);
        CHECK_EQUAL(answered + 1, air.to_device);
    }
    CHECK_EQUAL(1, server.handshakes);
    CHECK_EQUAL(21, server.messages);
    psk_core_free(air.core);
    dtls_server_stop(&server);
}

TEST(sleep_works_without_a_connection_id_as_long_as_the_address_stays)
{
    uint8_t saved[PSK_ASSOCIATION_MAX];
    connect_device(0);
    wake_up(saved, fall_asleep(saved, sizeof saved), 0);
    CHECK_EQUAL(0, psk_core_info(air.core, PSK_CORE_INFO_CONNECTION_ID));
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
    CHECK_EQUAL(MBEDTLS_SSL_MSG_APPLICATION_DATA, air.first_type);
    CHECK_EQUAL(1, server.handshakes);
    psk_core_free(air.core);
    dtls_server_stop(&server);
}

TEST(sleep_keeps_the_window_against_repeated_messages)
{
    uint8_t saved[PSK_ASSOCIATION_MAX], datagram[2048], answer[64];
    connect_device(PSK_CORE_OPTION_CONNECTION_ID);
    CHECK_EQUAL(1, psk_core_write(air.core, (const uint8_t *) "x", 1));
    int32_t length = psk_core_drain(air.core, datagram, sizeof datagram);
    dtls_server_receive(&server, datagram, (size_t) length);
    const size_t answered = dtls_server_drain(&server, datagram, sizeof datagram);
    CHECK_EQUAL(answered, psk_core_feed(air.core, datagram, answered));
    CHECK_EQUAL(1, psk_core_read(air.core, answer, sizeof answer));
    wake_up(saved, fall_asleep(saved, sizeof saved), PSK_CORE_OPTION_CONNECTION_ID);
    CHECK_EQUAL(answered, psk_core_feed(air.core, datagram, answered));
    CHECK_EQUAL(0, psk_core_read(air.core, answer, sizeof answer));
    psk_core_free(air.core);
    dtls_server_stop(&server);
}

TEST(saved_session_is_over)
{
    uint8_t saved[PSK_ASSOCIATION_MAX], data[64] = { 0 };
    connect_device(PSK_CORE_OPTION_CONNECTION_ID);
    CHECK_EQUAL(PSK_CORE_ERR_BUFFER, psk_core_save(air.core, saved, 60));
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));                    /* nothing was given away: it goes on */
    const unsigned sent = air.to_server;
    CHECK(psk_core_save(air.core, saved, sizeof saved) > 0);
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_save(air.core, saved, sizeof saved));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_write(air.core, data, 1));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_read(air.core, data, sizeof data));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_step(air.core));
    (void) psk_core_close_notify(air.core);
    CHECK_EQUAL(0, psk_core_drain(air.core, data, sizeof data));        /* not even a farewell: its number is the next one's */
    CHECK_EQUAL(sent, air.to_server);
    psk_core_free(air.core);
    dtls_server_stop(&server);
}

TEST(save_needs_a_connected_dtls_session_with_nothing_under_way)
{
    uint8_t saved[PSK_ASSOCIATION_MAX];
    psk_core *core;
    psk_bundle bundle = usual(1);
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_DTLS12, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_save(core, saved, sizeof saved));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_save(core, NULL, 0));
    psk_core_free(core);
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_save(core, saved, sizeof saved));
    psk_core_free(core);
    connect_device(0);
    CHECK_EQUAL(PSK_CORE_DONE, psk_core_close_notify(air.core));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_save(air.core, saved, sizeof saved));
    psk_core_free(air.core);
    dtls_server_stop(&server);
}

TEST(load_refuses_what_is_no_association)
{
    uint8_t saved[PSK_ASSOCIATION_MAX];
    psk_core *core = NULL;
    connect_device(PSK_CORE_OPTION_CONNECTION_ID);
    const size_t length = fall_asleep(saved, sizeof saved);
    dtls_server_stop(&server);
    for (size_t cut = 0; cut < length; cut++) {
        CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, psk_core_load(&core, saved, cut, 0, 0));
        CHECK(core == NULL);
    }
    saved[0] ^= 1;                                                      /* of another version of mbedTLS */
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, psk_core_load(&core, saved, length, 0, 0));
    saved[0] ^= 1;
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_load(&core, NULL, length, 0, 0));
}
