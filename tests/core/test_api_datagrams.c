/* The flat API with DTLS sessions. */
#include <sys/socket.h>
#include <unistd.h>

#include "bundles.h"
#include "harness.h"
#include "iotpsk.h"
#include "open_vault.h"
#include "peer.h"

#define KEY "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static void flush(int32_t session, int connection)
{
    uint8_t out[2048];
    for (int32_t length = iotpsk_drain(session, out, sizeof out); length > 0; length = iotpsk_drain(session, out, sizeof out)) {
        CHECK_EQUAL(length, send(connection, out, (size_t) length, MSG_NOSIGNAL));
    }
}

static int32_t open_datagrams(void)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    recipe.plain_identity = 1;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, iotpsk_vault_import(vault, 1, encoded.data, (int32_t) encoded.length));
    const int32_t session = iotpsk_open(vault, 1, 0xfefd, 0, PSK_CORE_OPTION_CONNECTION_ID);
    CHECK(session > 0);
    return session;
}

TEST(datagram_sessions_tell_when_they_are_due)
{
    uint8_t out[2048];
    open_vault();
    const int32_t session = open_datagrams();
    CHECK_EQUAL(0, iotpsk_set_first_timeout(session, 500));
    CHECK_EQUAL(0, iotpsk_tick(session, -3));                           /* a clock may have any value */
    CHECK_EQUAL(-1, iotpsk_deadline(session));
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, iotpsk_step(session));
    const int32_t length = iotpsk_drain(session, out, sizeof out);
    CHECK(length > 13 && out[0] == 22);
    CHECK_EQUAL(500, iotpsk_deadline(session));
    CHECK_EQUAL(0, iotpsk_tick(session, 497));
    CHECK_EQUAL(0, iotpsk_deadline(session));
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, iotpsk_step(session));
    CHECK_EQUAL(length, iotpsk_drain(session, out, sizeof out));
    CHECK_EQUAL(1000, iotpsk_deadline(session));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, iotpsk_save(session));
    CHECK_EQUAL(0, iotpsk_close(session));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_tick(session, 0));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_deadline(session));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_save(session));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_set_first_timeout(session, 500));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, iotpsk_load(vault, 1, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, iotpsk_load(vault, 2, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_load(session, 1, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, iotpsk_load(vault, 1, 0, -1));
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
}

/* Sends and receives until the session is connected. */
static void connect_datagrams(int32_t session, int connection)
{
    uint8_t data[2048];
    for (int32_t result = iotpsk_step(session); result != 0; result = iotpsk_step(session)) {
        CHECK(result > 0);
        flush(session, connection);
        const ssize_t got = recv(connection, data, sizeof data, 0);
        CHECK(got > 0);
        CHECK_EQUAL(got, iotpsk_feed(session, data, (int32_t) got));
    }
    flush(session, connection);
}

TEST(association_is_saved_only_beside_the_credential_it_was_made_with)
{
    static const char *const arguments[] = { "-cipher", "PSK-AES128-GCM-SHA256", NULL };
    peer server = { 0 };
    open_vault();
    peer_start_openssl_dtls(&server, "sensor-1~1", KEY, arguments);
    for (int replaced = 1; replaced >= 0; replaced--) {
        const int32_t session = open_datagrams();
        const int connection = peer_connect(&server);
        connect_datagrams(session, connection);
        if (replaced) CHECK_EQUAL(0, iotpsk_close(open_datagrams()));   /* imports the credential anew */
        CHECK_EQUAL(0, iotpsk_vault_erase(vault, 0));                   /* another slot is none of its business */
        CHECK_EQUAL(replaced ? PSK_CORE_ERR_HANDLE : 0, iotpsk_save(session));
        CHECK_EQUAL(replaced, iotpsk_write(session, (const uint8_t *) "x", 1) == 1);
        (void) iotpsk_close_notify(session);
        flush(session, connection);
        CHECK_EQUAL(0, iotpsk_close(session));
        (void) close(connection);
    }
    const int32_t loaded = iotpsk_load(vault, 1, 0, PSK_CORE_OPTION_CONNECTION_ID);
    CHECK(loaded > 0);
    CHECK_EQUAL(1, iotpsk_info(loaded, PSK_CORE_INFO_RESUMED));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, iotpsk_load(vault, 1, 0, PSK_CORE_OPTION_CONNECTION_ID));
    CHECK_EQUAL(0, iotpsk_save(loaded));
    CHECK_EQUAL(0, iotpsk_close(loaded));
    CHECK_EQUAL(0, iotpsk_vault_erase(vault, 1));
    CHECK_EQUAL(PSK_CORE_ERR_NO_ASSOCIATION, iotpsk_load(vault, 1, 0, 0));
    peer_stop(&server);
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
}
