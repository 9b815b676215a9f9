/* DTLS 1.2 sessions with mbedTLS's own server in the same process, on links that lose, double and reorder. */
#include <string.h>

#include "bundles.h"
#include "harness.h"
#include "lossy.h"

#define IDENTITY "sensor-1~1"

static lossy air;
static dtls_server server;
static bytes encoded;

static const dtls_server_settings usual_server = { .identity = IDENTITY, .key_first = 1, .connection_id = 6 };

static psk_bundle usual(void)
{
    bundle_recipe recipe = usual_bundle;
    psk_bundle bundle;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    return bundle;
}

static psk_core *new_core(uint32_t options)
{
    const psk_bundle bundle = usual();
    psk_core *core;
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_DTLS12, 512, options));
    return core;
}

static void start(const dtls_server_settings *settings, uint32_t options, uint32_t seed)
{
    dtls_server_start(&server, settings);
    memset(&air, 0, sizeof air);
    air.server = &server;
    air.random = seed;
    air.core = new_core(options);
}

static void stop(void)
{
    psk_core_free(air.core);
    dtls_server_stop(&server);
}

TEST(dtls_handshake_agrees_on_ccm8_connection_id_and_fragment_length)
{
    start(&usual_server, PSK_CORE_OPTION_CONNECTION_ID, 1);
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(0xfefd, psk_core_info(air.core, PSK_CORE_INFO_VERSION));
    CHECK_EQUAL(0xc0a8, psk_core_info(air.core, PSK_CORE_INFO_SUITE));
    CHECK_EQUAL(6, psk_core_info(air.core, PSK_CORE_INFO_CONNECTION_ID));
    CHECK_EQUAL(512, psk_core_info(air.core, PSK_CORE_INFO_MESSAGE_MAX));
    CHECK_EQUAL(0, psk_core_info(air.core, PSK_CORE_INFO_RESUMED));
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
    CHECK_EQUAL(0, lossy_ask(&air, "x", 1));
    CHECK_EQUAL(-1, psk_core_deadline(air.core));
    stop();
}

TEST(dtls_session_asks_for_no_connection_id_unless_it_should)
{
    start(&usual_server, 0, 1);
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(0, psk_core_info(air.core, PSK_CORE_INFO_CONNECTION_ID));
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
    stop();
}

TEST(dtls_session_without_extended_master_secret_is_refused)
{
    dtls_server_settings settings = usual_server;
    settings.without_extended_master_secret = 1;
    start(&settings, 0, 1);
    CHECK_EQUAL(PSK_CORE_ERR_NO_COMMON, lossy_handshake(&air));
    while (lossy_next(&air)) { }
    CHECK(server.failure != 0);                                         /* it was told */
    CHECK_EQUAL(0, server.handshakes);
    stop();
}

TEST(dtls_session_with_a_wrong_key_or_identity_fails)
{
    dtls_server_settings settings = usual_server;
    settings.key_first = 2;
    start(&settings, 0, 1);
    CHECK_EQUAL(PSK_CORE_ERR_TIMEOUT, lossy_handshake(&air));           /* a DTLS server is silent about what it cannot decrypt */
    CHECK_EQUAL(0, server.handshakes);
    stop();
    settings = usual_server;
    settings.identity = "sensor-2~1";
    start(&settings, 0, 1);
    CHECK_EQUAL(PSK_CORE_ERR_UNKNOWN_IDENTITY, lossy_handshake(&air));
    stop();
}

TEST(dtls_session_key_is_made_of_the_randoms_that_both_sides_see)
{
    static const struct { uint32_t options; size_t randoms; int32_t expected; } cases[] = {
        { PSK_CORE_OPTION_SESSION_KEY, 32, 0 },
        { PSK_CORE_OPTION_SESSION_KEY | PSK_CORE_OPTION_SHORT_RANDOMS, 28, 0 },
        { PSK_CORE_OPTION_SESSION_KEY, 28, PSK_CORE_ERR_TIMEOUT },
        { PSK_CORE_OPTION_SESSION_KEY, 0, PSK_CORE_ERR_TIMEOUT },
        { 0, 32, PSK_CORE_ERR_TIMEOUT }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dtls_server_settings settings = usual_server;
        settings.randoms = cases[i].randoms;
        start(&settings, cases[i].options | PSK_CORE_OPTION_CONNECTION_ID, 1);
        CHECK_EQUAL(cases[i].expected, lossy_handshake(&air));
        if (cases[i].expected == 0) CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
        stop();
    }
    for (uint32_t seed = 1; seed <= 50; seed++) {                       /* also when the flights are repeated */
        dtls_server_settings settings = usual_server;
        settings.randoms = 32;
        start(&settings, PSK_CORE_OPTION_SESSION_KEY, seed);
        air.loss = 20;
        air.duplicates = 20;
        air.delay = 1500;
        CHECK_EQUAL(0, psk_core_set_first_timeout(air.core, 1000));
        const int32_t result = lossy_handshake(&air);
        CHECK(result == 0 || result == PSK_CORE_ERR_TIMEOUT);
        if (result == 0) CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 40));
        stop();
    }
}

TEST(dtls_retransmissions_come_when_they_are_due_and_end)
{
    static const struct { int32_t first; int32_t waits[8]; } schedules[] = {
        { 0, { 9000, 18000, 36000, 60000, -1 } }, { 1000, { 1000, 2000, 4000, 8000, 16000, 32000, 60000, -1 } }, { 60000, { 60000, -1 } }
    };
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        uint8_t out[2048];
        uint32_t now = UINT32_MAX - 5000;                               /* the clock wraps around on the way */
        psk_core *core = new_core(0);
        if (schedules[i].first != 0) CHECK_EQUAL(0, psk_core_set_first_timeout(core, schedules[i].first));
        CHECK_EQUAL(0, psk_core_tick(core, now));
        CHECK_EQUAL(-1, psk_core_deadline(core));
        for (const int32_t *wait = schedules[i].waits; *wait > 0; wait++) {
            CHECK_EQUAL(PSK_CORE_WANTS_INPUT, psk_core_step(core));
            CHECK(psk_core_drain(core, out, sizeof out) > 0);
            CHECK_EQUAL(0, psk_core_drain(core, out, sizeof out));
            CHECK_EQUAL(*wait, psk_core_deadline(core));
            CHECK_EQUAL(0, psk_core_tick(core, now + (uint32_t) *wait - 1));
            CHECK_EQUAL(1, psk_core_deadline(core));
            CHECK_EQUAL(PSK_CORE_WANTS_INPUT, psk_core_step(core));
            CHECK_EQUAL(0, psk_core_drain(core, out, sizeof out));
            now += (uint32_t) *wait;
            CHECK_EQUAL(0, psk_core_tick(core, now));
            CHECK_EQUAL(0, psk_core_deadline(core));
        }
        CHECK_EQUAL(PSK_CORE_ERR_TIMEOUT, psk_core_step(core));
        CHECK_EQUAL(0, psk_core_drain(core, out, sizeof out));          /* nobody is there to be told */
        CHECK_EQUAL(-1, psk_core_deadline(core));
        psk_core_free(core);
    }
}

TEST(dtls_first_timeout_has_its_range_and_its_time)
{
    psk_core *core = new_core(0);
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_set_first_timeout(core, 99));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_set_first_timeout(core, 60001));
    CHECK_EQUAL(0, psk_core_set_first_timeout(core, 100));
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, psk_core_step(core));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_set_first_timeout(core, 100));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_tick(NULL, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_deadline(NULL));
    psk_core_free(core);
}

TEST(dtls_handshake_survives_loss_doubling_and_reordering_or_ends_by_its_timer)
{
    unsigned connected = 0, failed = 0;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        start(&usual_server, PSK_CORE_OPTION_CONNECTION_ID, seed);
        air.loss = 20;
        air.duplicates = 10;
        air.delay = 1500;
        CHECK_EQUAL(0, psk_core_set_first_timeout(air.core, 1000));
        const int32_t result = lossy_handshake(&air);
        if (result == 0) {
            connected++;
            CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 40));
        } else {
            failed++;
            CHECK_EQUAL(PSK_CORE_ERR_TIMEOUT, result);
            CHECK(air.now >= 123000);
        }
        stop();
    }
    CHECK(connected >= 195);
    CHECK_EQUAL(200, connected + failed);
}

TEST(dtls_message_that_is_too_long_is_refused_and_nothing_else_happens)
{
    static uint8_t text[513];
    uint8_t answer[512];
    start(&usual_server, PSK_CORE_OPTION_CONNECTION_ID, 1);
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_write(air.core, text, 1));
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(PSK_CORE_ERR_TOO_LONG, psk_core_write(air.core, text, sizeof text));
    CHECK_EQUAL(512, psk_core_write(air.core, text, 512));
    while (lossy_next(&air)) { }
    CHECK_EQUAL(PSK_CORE_ERR_BUFFER, psk_core_read(air.core, answer, 511));
    CHECK_EQUAL(512, psk_core_read(air.core, answer, sizeof answer));
    CHECK_EQUAL(0, psk_core_read(air.core, answer, sizeof answer));
    CHECK_EQUAL(0, psk_core_write(air.core, text, 0));
    stop();
}

TEST(dtls_datagram_stays_when_the_callers_buffer_is_too_small)
{
    uint8_t out[2048];
    psk_core *core = new_core(0);
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, psk_core_step(core));
    CHECK_EQUAL(PSK_CORE_ERR_BUFFER, psk_core_drain(core, out, 20));
    CHECK(psk_core_drain(core, out, sizeof out) > 50);
    CHECK_EQUAL(0, psk_core_drain(core, out, sizeof out));
    psk_core_free(core);
}

TEST(dtls_writes_wait_when_nobody_drains)
{
    static const uint8_t text[300];
    unsigned written = 0;
    start(&usual_server, PSK_CORE_OPTION_CONNECTION_ID, 1);
    CHECK_EQUAL(0, lossy_handshake(&air));
    while (psk_core_write(air.core, text, sizeof text) == sizeof text) CHECK(++written < 100);
    CHECK(written > 0);
    while (lossy_next(&air)) { }
    CHECK_EQUAL(written, server.messages);
    CHECK_EQUAL(sizeof text, psk_core_write(air.core, text, sizeof text));
    stop();
}

TEST(dtls_session_ends_in_order)
{
    uint8_t answer[64];
    start(&usual_server, 0, 1);
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(0, mbedtls_ssl_close_notify(&server.ssl));
    while (lossy_next(&air)) { }
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_read(air.core, answer, sizeof answer));
    stop();
    start(&usual_server, 0, 1);
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(PSK_CORE_DONE, psk_core_close_notify(air.core));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_write(air.core, answer, 1));
    while (lossy_next(&air)) { }
    CHECK_EQUAL(MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, server.failure);
    stop();
}

/* Records that look right up to their authentication, of every type, version and epoch, and a piece of one behind them. */
static size_t make_records(lossy *way, uint8_t *out, size_t size)
{
    static const uint8_t versions[][2] = { { 0xfe, 0xfd }, { 0xfe, 0xff }, { 3, 3 }, { 0xfe, 0xfc } };
    size_t length = 0;
    for (unsigned count = 1 + lossy_random(way, 3); count > 0; count--) {
        const size_t content = lossy_random(way, 60);
        if (length + 13 + content > size) break;
        for (size_t i = 0; i < 13 + content; i++) out[length + i] = (uint8_t) lossy_random(way, 256);
        out[length] = (uint8_t) (20 + lossy_random(way, 7));
        memcpy(out + length + 1, versions[lossy_random(way, 4)], 2);
        out[length + 3] = 0;
        out[length + 4] = (uint8_t) lossy_random(way, 3);
        memset(out + length + 5, 0, 5);
        out[length + 11] = 0;
        out[length + 12] = (uint8_t) content;
        length += 13 + content;
    }
    const size_t rest = lossy_random(way, 14);
    for (size_t i = 0; i < rest && length < size; i++) out[length++] = (uint8_t) lossy_random(way, 256);
    return length;
}

static void send_noise(lossy *way, const uint8_t *last, size_t length)
{
    uint8_t noise[2048];
    size_t size = 1 + lossy_random(way, 700);
    switch (lossy_random(way, 3)) {
    case 0:
        for (size_t i = 0; i < size; i++) noise[i] = (uint8_t) lossy_random(way, 256);
        break;
    case 1: size = make_records(way, noise, sizeof noise); break;
    default:                                                            /* the last datagram with a newer number, changed by one bit */
        size = length;
        memcpy(noise, last, length);
        noise[8] = (uint8_t) (1 + lossy_random(way, 255));
        noise[lossy_random(way, (uint32_t) length)] ^= (uint8_t) (1u << lossy_random(way, 8));
        break;
    }
    (void) psk_core_feed(way->core, noise, size);
}

static uint8_t last_data[2048];
static size_t last_length;

static void remember(const lossy *way, int to_server, const uint8_t *data, size_t length)
{
    (void) way;
    if (to_server) return;
    memcpy(last_data, data, length);
    last_length = length;
}

TEST(dtls_session_is_deaf_to_noise)
{
    uint8_t answer[600];
    start(&usual_server, PSK_CORE_OPTION_CONNECTION_ID, 7);
    air.watch = remember;
    CHECK_EQUAL(0, lossy_handshake(&air));
    for (int round = 0; round < 20000; round++) {
        if (round % 1000 == 0) CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
        send_noise(&air, last_data, last_length);
        CHECK_EQUAL(0, psk_core_read(air.core, answer, sizeof answer));
        CHECK_EQUAL(0, psk_core_drain(air.core, answer, sizeof answer));
    }
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
    stop();
}

TEST(dtls_message_that_is_repeated_is_read_once)
{
    uint8_t answer[64];
    start(&usual_server, 0, 1);
    air.watch = remember;
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(last_length, psk_core_feed(air.core, last_data, last_length));
        CHECK_EQUAL(0, psk_core_read(air.core, answer, sizeof answer));
    }
    stop();
}

TEST(dtls_datagram_that_no_queue_could_hold_is_dropped)
{
    static uint8_t huge[60000];
    start(&usual_server, 0, 1);
    CHECK_EQUAL(0, lossy_handshake(&air));
    CHECK_EQUAL(sizeof huge, psk_core_feed(air.core, huge, sizeof huge));
    CHECK_EQUAL(0, psk_core_read(air.core, huge, sizeof huge));
    CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
    stop();
}

TEST(dtls_handshake_is_deaf_to_noise_and_never_connects_by_it)
{
    unsigned connected = 0;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        uint8_t noise[600];
        start(&usual_server, PSK_CORE_OPTION_CONNECTION_ID, seed);
        air.watch = remember;
        CHECK_EQUAL(0, psk_core_set_first_timeout(air.core, 1000));
        last_length = 0;
        int32_t result = PSK_CORE_WANTS_INPUT;
        for (int events = 0; result > 0; events++) {
            CHECK(events < 2000);
            const size_t size = 1 + lossy_random(&air, sizeof noise);
            for (size_t i = 0; i < size; i++) noise[i] = (uint8_t) lossy_random(&air, 256);
            (void) psk_core_feed(air.core, noise, size);
            result = psk_core_step(air.core);
            if (result > 0) CHECK(lossy_next(&air));
        }
        CHECK_EQUAL(PSK_CORE_DONE, result);
        connected++;
        CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
        stop();
    }
    CHECK_EQUAL(60, connected);
}

TEST(dtls_handshake_with_changed_datagrams_never_connects_wrongly)
{
    for (uint32_t seed = 1; seed <= 400; seed++) {
        uint8_t datagram[2048];
        start(&usual_server, PSK_CORE_OPTION_CONNECTION_ID, seed);
        CHECK_EQUAL(0, psk_core_set_first_timeout(air.core, 1000));
        const unsigned which = lossy_random(&air, 4);
        int32_t result = PSK_CORE_WANTS_INPUT;
        for (unsigned count = 0; result > 0 && count < 8; count++) {
            result = psk_core_step(air.core);
            for (int32_t length; (length = psk_core_drain(air.core, datagram, sizeof datagram)) > 0;) dtls_server_receive(&server, datagram, (size_t) length);
            for (size_t length; (length = dtls_server_drain(&server, datagram, sizeof datagram)) > 0;) {
                for (unsigned flips = count == which ? 1 + lossy_random(&air, 3) : 0; flips > 0; flips--) {
                    datagram[lossy_random(&air, (uint32_t) length)] ^= (uint8_t) (1u << lossy_random(&air, 8));
                }
                (void) psk_core_feed(air.core, datagram, length);
            }
        }
        /* Connected means that both ends agree: then data passes, unless the server still waits for what was lost. */
        if (result == PSK_CORE_DONE && dtls_server_is_connected(&server) && server.failure == 0) CHECK_EQUAL(0, lossy_ask(&air, "telemetry", 1));
        stop();
    }
}
