#define _GNU_SOURCE
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundles.h"
#include "harness.h"
#include "peer.h"

/* These tests speak with servers that know plain external PSKs only, so the core is built with "ext binder". */
#define IDENTITY "sensor-1~1"
#define KEY "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static const char *const reversing[] = { "-rev", NULL };

static psk_core *new_core(uint8_t key_first, int32_t record_size)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    psk_bundle bundle;
    psk_core *core;
    recipe.plain_identity = 1;
    recipe.key_first = key_first;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_TLS13, record_size, 0));
    return core;
}

static void check_answer(wire *open, const char *line, const char *expected)
{
    char answer[64];
    CHECK_EQUAL(0, wire_write(open, line, strlen(line)));
    CHECK_EQUAL(0, wire_read(open, answer, strlen(expected)));
    CHECK(memcmp(answer, expected, strlen(expected)) == 0);
}

TEST(session_exchanges_data_with_openssl)
{
    peer server = { 0 };
    wire open;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    wire_open(&open, new_core(1, 0), &server);
    CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
    check_answer(&open, "telemetry\n", "yrtemelet\n");
    check_answer(&open, "more\n", "erom\n");
    CHECK_EQUAL(0x0304, psk_core_info(open.core, PSK_CORE_INFO_VERSION));
    CHECK_EQUAL(0x1301, psk_core_info(open.core, PSK_CORE_INFO_SUITE));
    CHECK_EQUAL(1, psk_core_info(open.core, PSK_CORE_INFO_KEY_EXCHANGE));
    CHECK_EQUAL(0, psk_core_info(open.core, PSK_CORE_INFO_IMPORTED));
    CHECK(psk_core_info(open.core, PSK_CORE_INFO_HANDSHAKE_SENT) > 200);
    CHECK(psk_core_info(open.core, PSK_CORE_INFO_HANDSHAKE_RECEIVED) > 200);
    CHECK(psk_core_info(open.core, PSK_CORE_INFO_LAST_ALERT) < 0);
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_info(open.core, 99));
    wire_close(&open);
    peer_stop(&server);
}

TEST(session_works_byte_by_byte)
{
    peer server = { 0 };
    wire open;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    wire_open(&open, new_core(1, 0), &server);
    open.chunk = 1;
    CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
    check_answer(&open, "telemetry\n", "yrtemelet\n");
    wire_close(&open);
    peer_stop(&server);
}

TEST(session_uses_ccm_where_the_server_wants_it)
{
    static const char *const suites[] = { "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256" };
    for (int i = 0; i < 2; i++) {
        const char *const arguments[] = { "-rev", "-ciphersuites", suites[i], "-cipher", "ALL:@SECLEVEL=0", NULL };
        peer server = { 0 };
        wire open;
        peer_start_openssl(&server, IDENTITY, KEY, arguments);
        wire_open(&open, new_core(1, 0), &server);
        CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
        CHECK_EQUAL(0x1304 + i, psk_core_info(open.core, PSK_CORE_INFO_SUITE));
        check_answer(&open, "telemetry\n", "yrtemelet\n");
        wire_close(&open);
        peer_stop(&server);
    }
}

TEST(session_with_a_wrong_key_is_refused)
{
    peer server = { 0 };
    wire open;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    wire_open(&open, new_core(2, 0), &server);
    const int32_t result = wire_handshake(&open);
    CHECK_EQUAL(PSK_CORE_ERR_ALERT, result);                        /* OpenSSL says illegal_parameter */
    CHECK_EQUAL(47, psk_core_info(open.core, PSK_CORE_INFO_LAST_ALERT));
    CHECK_EQUAL(result, psk_core_step(open.core));
    CHECK_EQUAL(result, psk_core_write(open.core, (const uint8_t *) "x", 1));
    CHECK_EQUAL(result, psk_core_feed(open.core, (const uint8_t *) "x", 1));
    wire_close(&open);
    peer_stop(&server);
}

TEST(session_with_a_server_of_tls12_only_fails_by_version)
{
    static const char *const arguments[] = { "-no_tls1_3", "-rev", NULL };
    peer server = { 0 };
    wire open;
    char accept_at[32];
    peer_choose_port(&server);
    (void) snprintf(accept_at, sizeof accept_at, "127.0.0.1:%d", server.port);
    const char *const command[] = { "openssl", "s_server", "-accept", accept_at, "-nocert", "-psk", KEY, arguments[0], arguments[1], NULL };
    peer_start(&server, command);
    wire_open(&open, new_core(1, 0), &server);
    CHECK_EQUAL(PSK_CORE_ERR_VERSION, wire_handshake(&open));
    wire_close(&open);
    peer_stop(&server);
}

TEST(session_ended_by_the_server_reads_what_came_before)
{
    static const uint8_t line[] = "CLOSE\n";
    char answer[16];
    peer server = { 0 };
    wire open;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    wire_open(&open, new_core(1, 0), &server);
    CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
    check_answer(&open, "last\n", "tsal\n");
    CHECK_EQUAL(0, wire_write(&open, line, sizeof line - 1));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, wire_read(&open, answer, 1));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_read(open.core, (uint8_t *) answer, 1));
    CHECK_EQUAL(PSK_CORE_DONE, psk_core_close_notify(open.core));
    CHECK_EQUAL(0, wire_flush(&open));
    wire_close(&open);
    peer_stop(&server);
}

TEST(session_writes_nothing_after_its_close_notify)
{
    peer server = { 0 };
    wire open;
    char answer[1];
    uint8_t out[64];
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    wire_open(&open, new_core(1, 0), &server);
    CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
    CHECK_EQUAL(PSK_CORE_DONE, psk_core_close_notify(open.core));
    CHECK_EQUAL(PSK_CORE_DONE, psk_core_close_notify(open.core));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_write(open.core, out, 1));
    CHECK_EQUAL(0, wire_flush(&open));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, wire_read(&open, answer, 1));      /* the server's close_notify answers it */
    wire_close(&open);
    peer_stop(&server);
}

TEST(session_cuts_long_writes_into_records_that_fit)
{
    static uint8_t text[20000], answer[20000];
    peer server = { 0 };
    wire open;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    wire_open(&open, new_core(1, 0), &server);
    CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t) (i % 50 == 49 ? '\n' : 'a' + i % 25);
    CHECK_EQUAL(0, psk_core_write(open.core, text, 0));
    int32_t taken = 0, total = 0;
    do {
        taken = psk_core_write(open.core, text + total, sizeof text - (size_t) total);
        CHECK(taken >= 0 && taken <= MBEDTLS_SSL_OUT_CONTENT_LEN);
        total += taken;
    } while (taken > 0);                                                /* nobody drains: the queue fills up */
    CHECK(total > 0 && total < 20000);
    CHECK_EQUAL(0, wire_flush(&open));
    CHECK_EQUAL(0, wire_write(&open, text + total, sizeof text - (size_t) total));
    CHECK_EQUAL(0, wire_read(&open, answer, sizeof answer));
    for (size_t line = 0; line < sizeof text; line += 50) {
        for (size_t i = 0; i < 49; i++) CHECK_EQUAL(text[line + 48 - i], answer[line + i]);
    }
    wire_close(&open);
    peer_stop(&server);
}

static void write_password_file(const char *path)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fprintf(file, "%s:%s\n", IDENTITY, KEY) > 0);
    (void) fclose(file);
}

static char passwords[] = "/tmp/iotpsk-psk-XXXXXX";

static void remove_passwords(void)
{
    (void) unlink(passwords);
}

TEST(session_makes_gnutls_keep_to_its_record_size_limit)
{
    static const int32_t limits[] = { 64, 512, 1024, MBEDTLS_SSL_IN_CONTENT_LEN };
    static uint8_t text[6000], answer[6000];
    peer server = { 0 };
    CHECK(mkstemp(passwords) >= 0);
    (void) atexit(remove_passwords);
    write_password_file(passwords);
    peer_choose_port(&server);
    const char *const command[] = { "gnutls-serv", "--echo", "--quiet", "--port", server.port_text, "--pskpasswd", passwords, "--priority",
                                    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+PSK:%ALLOW_SMALL_RECORDS", NULL };
    peer_start(&server, command);
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t) (i % 1000 == 999 ? '\n' : 'a' + i % 26);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        wire open;
        wire_open(&open, new_core(1, limits[i]), &server);
        CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
        open.largest_record = 0;
        for (size_t done = 0; done < sizeof text; done += 1000) {
            CHECK_EQUAL(0, wire_write(&open, text + done, 1000));
            CHECK_EQUAL(0, wire_read(&open, answer + done, 1000));
        }
        CHECK(memcmp(text, answer, sizeof text) == 0);
        CHECK(open.largest_record <= (size_t) limits[i] + 16);          /* with the tag */
        if (limits[i] < 1000 && limits[i] <= MBEDTLS_SSL_IN_CONTENT_LEN) CHECK(open.largest_record > (size_t) limits[i]);
        wire_close(&open);
    }
    peer_stop(&server);
}

TEST(session_ends_when_a_record_is_larger_than_its_buffer)
{
    static const char *const arguments[] = { NULL };
    static uint8_t text[9000], answer[9000];
    peer server = { 0 };
    wire open;
    peer_start_openssl(&server, IDENTITY, KEY, arguments);              /* knows no record size limit */
    wire_open(&open, new_core(1, 0), &server);
    CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
    memset(text, 'x', sizeof text);
    CHECK_EQUAL(sizeof text, write(server.input, text, sizeof text));
    CHECK_EQUAL(PSK_CORE_ERR_RECORD_SIZE, wire_read(&open, answer, sizeof answer));
    CHECK(psk_core_read(open.core, answer, 1) == PSK_CORE_ERR_RECORD_SIZE);
    wire_close(&open);
    peer_stop(&server);
}
