/* DTLS 1.2 sessions with servers of other makes. */
#include <string.h>
#include <unistd.h>

#include "bundles.h"
#include "harness.h"
#include "udp.h"

#define IDENTITY "sensor-1~1"
#define KEY "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static psk_core *new_core(uint8_t key_first, int32_t record_size, uint32_t options)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    psk_bundle bundle;
    psk_core *core;
    recipe.with_tls12 = 1;
    recipe.key_first = key_first;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_DTLS12, record_size, options));
    return core;
}

static void exchange(peer *server, int32_t record_size, uint32_t options, int32_t suite)
{
    udp_wire open;
    char answer[64];
    udp_open(&open, new_core(1, record_size, options), server);
    CHECK_EQUAL(PSK_CORE_DONE, udp_handshake(&open));
    CHECK_EQUAL(0xfefd, psk_core_info(open.core, PSK_CORE_INFO_VERSION));
    CHECK_EQUAL(suite, psk_core_info(open.core, PSK_CORE_INFO_SUITE));
    CHECK_EQUAL((options & PSK_CORE_OPTION_ECDHE_PSK) != 0, psk_core_info(open.core, PSK_CORE_INFO_KEY_EXCHANGE));
    CHECK_EQUAL(0, psk_core_info(open.core, PSK_CORE_INFO_IMPORTED));
    CHECK(psk_core_info(open.core, PSK_CORE_INFO_HANDSHAKE_SENT) > 200);
    CHECK(psk_core_info(open.core, PSK_CORE_INFO_HANDSHAKE_RECEIVED) > 200);
    CHECK_EQUAL(-1, psk_core_deadline(open.core));
    CHECK_EQUAL(0, udp_write(&open, "telemetry\n", 10));
    peer_expect(server, "telemetry\n");
    CHECK_EQUAL(8, write(server->input, "command\n", 8));
    CHECK_EQUAL(8, udp_read(&open, answer, sizeof answer));
    CHECK(memcmp(answer, "command\n", 8) == 0);
    CHECK_EQUAL(PSK_CORE_DONE, psk_core_close_notify(open.core));
    udp_flush(&open);
    udp_close(&open);
}

TEST(dtls_session_exchanges_messages_with_openssl_in_every_suite)
{
    static const struct { const char *name; int32_t number; } suites[] = {
        { "PSK-AES128-CCM8:@SECLEVEL=0", 0xc0a8 }, { "PSK-AES128-CCM:@SECLEVEL=0", 0xc0a4 }, { "PSK-AES128-GCM-SHA256", 0x00a8 }
    };
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        const char *const arguments[] = { "-cipher", suites[i].name, NULL };
        peer server = { .heard = 1 };
        peer_start_openssl_dtls(&server, IDENTITY, KEY, arguments);
        exchange(&server, 0, 0, suites[i].number);
        peer_stop(&server);
    }
}

#ifdef PSK_CORE_ECDHE_PSK
TEST(dtls_session_with_ecdhe_psk_exchanges_messages_with_openssl)
{
    static const char *const arguments[] = { "-cipher", "ECDHE-PSK-CHACHA20-POLY1305", NULL };
    peer server = { .heard = 1 };
    peer_start_openssl_dtls(&server, IDENTITY, KEY, arguments);
    exchange(&server, 0, PSK_CORE_OPTION_ECDHE_PSK, 0xccac);
    peer_stop(&server);
}
#endif

TEST(dtls_session_without_a_common_suite_is_told)
{
    static const char *const arguments[] = { "-cipher", "PSK-AES256-GCM-SHA384", NULL };
    peer server = { 0 };
    udp_wire open;
    peer_start_openssl_dtls(&server, IDENTITY, KEY, arguments);
    udp_open(&open, new_core(1, 0, 0), &server);
    CHECK_EQUAL(PSK_CORE_ERR_NO_COMMON, udp_handshake(&open));
    udp_close(&open);
    peer_stop(&server);
}

static char passwords[] = "/tmp/iotpsk-psk-XXXXXX";

static void remove_passwords(void)
{
    (void) unlink(passwords);
}

TEST(dtls_session_makes_gnutls_keep_to_its_fragment_length)
{
    static const int32_t sizes[] = { 512, 1024 };
    static uint8_t text[200], answer[2048];
    peer server = { .datagrams = 1 };
    const int file = mkstemp(passwords);
    CHECK(file >= 0);
    (void) atexit(remove_passwords);
    CHECK_EQUAL(sizeof IDENTITY - 1 + 1 + sizeof KEY - 1, write(file, IDENTITY ":" KEY, sizeof IDENTITY - 1 + 1 + sizeof KEY - 1));
    (void) close(file);
    peer_choose_port(&server);
    const char *const command[] = { "gnutls-serv", "--udp", "--echo", "--quiet", "--port", server.port_text, "--pskpasswd", passwords, "--priority",
                                    "NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:+PSK:-CIPHER-ALL:+AES-128-CCM-8", NULL };
    peer_start(&server, command);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        udp_wire open;
        udp_open(&open, new_core(1, sizes[i], 0), &server);
        CHECK_EQUAL(PSK_CORE_DONE, udp_handshake(&open));
        CHECK_EQUAL(0xc0a8, psk_core_info(open.core, PSK_CORE_INFO_SUITE));
        CHECK_EQUAL(sizes[i] < MBEDTLS_SSL_IN_CONTENT_LEN ? sizes[i] : MBEDTLS_SSL_IN_CONTENT_LEN, psk_core_info(open.core, PSK_CORE_INFO_MESSAGE_MAX));
        memset(text, 'x', sizeof text);
        CHECK_EQUAL(0, udp_write(&open, text, sizeof text));
        CHECK_EQUAL(sizeof text, udp_read(&open, answer, sizeof answer));
        CHECK(memcmp(text, answer, sizeof text) == 0);
        CHECK_EQUAL(PSK_CORE_DONE, psk_core_close_notify(open.core));
        udp_flush(&open);
        udp_close(&open);
    }
    peer_stop(&server);
}
