/* Session tickets, psk_ke and KeyUpdate, with OpenSSL as the server (plain external PSKs: the core of "ext binder"). */
#include <string.h>
#include <unistd.h>

#include "bundles.h"
#include "harness.h"
#include "peer.h"

#define IDENTITY "sensor-1~1"
#define KEY "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static const char *const reversing[] = { "-rev", NULL };

typedef struct ticket {
    uint8_t data[PSK_TICKET_MAX];
    size_t length;
} ticket;

static psk_core *new_core(uint32_t options)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    psk_bundle bundle;
    psk_core *core;
    recipe.plain_identity = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, options));
    return core;
}

/* Connects, exchanges a line, and gives what ticket came with it. Returns whether the session was resumed. */
static int32_t connect_once(const peer *server, uint32_t options, const ticket *offered, ticket *taken)
{
    wire open;
    char answer[8];
    wire_open(&open, new_core(options), server);
    if (offered != NULL) CHECK_EQUAL(0, psk_core_offer_ticket(open.core, offered->data, offered->length));
    CHECK_EQUAL(offered != NULL, psk_core_info(open.core, PSK_CORE_INFO_TICKET_OFFERED));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_info(open.core, PSK_CORE_INFO_RESUMED));
    CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
    CHECK_EQUAL(0, wire_write(&open, "abc\n", 4));
    CHECK_EQUAL(0, wire_read(&open, answer, 4));
    CHECK(memcmp(answer, "cba\n", 4) == 0);
    const int32_t resumed = psk_core_info(open.core, PSK_CORE_INFO_RESUMED);
    CHECK_EQUAL((options & PSK_CORE_OPTION_PSK_KE) == 0, psk_core_info(open.core, PSK_CORE_INFO_KEY_EXCHANGE));
    if (taken != NULL) {
        const int32_t length = psk_core_take_ticket(open.core, taken->data, sizeof taken->data);
        CHECK(length >= 0);
        taken->length = (size_t) length;
        CHECK_EQUAL(0, psk_core_take_ticket(open.core, taken->data + length, sizeof taken->data - (size_t) length));
    }
    wire_close(&open);
    return resumed;
}

TEST(ticket_resumes_a_session_and_the_next_ticket_the_next)
{
    peer server = { 0 };
    ticket tickets[3];
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    CHECK_EQUAL(0, connect_once(&server, 0, NULL, &tickets[0]));
    CHECK(tickets[0].length > 0);
    CHECK_EQUAL(1, connect_once(&server, 0, &tickets[0], &tickets[1]));
    CHECK(tickets[1].length > 0);
    CHECK_EQUAL(1, connect_once(&server, 0, &tickets[1], NULL));
    peer_stop(&server);
}

TEST(ticket_that_the_server_does_not_know_costs_nothing)
{
    peer server = { 0 };
    ticket of_another;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    CHECK_EQUAL(0, connect_once(&server, 0, NULL, &of_another));
    peer_stop(&server);
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    CHECK_EQUAL(0, connect_once(&server, 0, &of_another, NULL));        /* by the external key, in the same handshake */
    peer_stop(&server);
}

TEST(ticket_is_dropped_by_a_session_that_wants_none)
{
    peer server = { 0 };
    ticket taken;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    CHECK_EQUAL(0, connect_once(&server, PSK_CORE_OPTION_NO_TICKETS, NULL, &taken));
    CHECK_EQUAL(0, taken.length);
    CHECK_EQUAL(0, connect_once(&server, 0, NULL, &taken));
    psk_core *core = new_core(PSK_CORE_OPTION_NO_TICKETS);
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_offer_ticket(core, taken.data, taken.length));
    psk_core_free(core);
    peer_stop(&server);
}

TEST(ticket_serves_only_sessions_of_its_key_exchange_mode)
{
    static const char *const arguments[] = { "-rev", "-allow_no_dhe_kex", NULL };
    peer server = { 0 };
    ticket taken;
    peer_start_openssl(&server, IDENTITY, KEY, arguments);
    CHECK_EQUAL(0, connect_once(&server, PSK_CORE_OPTION_PSK_KE, NULL, &taken));
    psk_core *core = new_core(0);
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_offer_ticket(core, taken.data, taken.length));
    CHECK_EQUAL(0, psk_core_info(core, PSK_CORE_INFO_TICKET_OFFERED));
    psk_core_free(core);
    CHECK_EQUAL(1, connect_once(&server, PSK_CORE_OPTION_PSK_KE, &taken, NULL));
    peer_stop(&server);
}

TEST(ticket_that_is_damaged_is_refused_or_of_no_use)
{
    /* psk_ke, because its hellos take the least time. */
    static const char *const arguments[] = { "-rev", "-allow_no_dhe_kex", NULL };
    peer server = { 0 };
    ticket taken;
    int offered = 0;
    peer_start_openssl(&server, IDENTITY, KEY, arguments);
    CHECK_EQUAL(0, connect_once(&server, PSK_CORE_OPTION_PSK_KE, NULL, &taken));
    for (size_t at = 0; at < taken.length; at++) {
        psk_core *core = new_core(PSK_CORE_OPTION_PSK_KE);
        taken.data[at] ^= 0x55;
        int32_t result = psk_core_offer_ticket(core, taken.data, taken.length);
        CHECK(result == 0 || result == PSK_CORE_ERR_UNSUPPORTED);
        offered += result == 0;
        uint8_t out[2048];
        while ((result = psk_core_step(core)) == PSK_CORE_WANTS_DRAIN) CHECK(psk_core_drain(core, out, sizeof out) > 0);
        CHECK_EQUAL(PSK_CORE_WANTS_INPUT, result);
        psk_core_free(core);
        core = new_core(PSK_CORE_OPTION_PSK_KE);
        CHECK(psk_core_offer_ticket(core, taken.data, at) < 0);         /* cut short */
        psk_core_free(core);
        taken.data[at] ^= 0x55;
    }
    CHECK(offered > 32);                                                /* the key and the ticket say nothing to the device */
    peer_stop(&server);
}

TEST(ticket_is_not_offered_after_the_hello)
{
    peer server = { 0 };
    ticket taken;
    uint8_t out[2048];
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    CHECK_EQUAL(0, connect_once(&server, 0, NULL, &taken));
    psk_core *core = new_core(0);
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_offer_ticket(core, NULL, 4));
    while (psk_core_step(core) == PSK_CORE_WANTS_DRAIN) CHECK(psk_core_drain(core, out, sizeof out) > 0);
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_offer_ticket(core, taken.data, taken.length));
    psk_core_free(core);
    peer_stop(&server);
}

TEST(ticket_of_tls_is_not_offered_in_dtls)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    psk_bundle bundle;
    psk_core *core = NULL;
    peer server = { 0 };
    ticket taken;
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    CHECK_EQUAL(0, connect_once(&server, 0, NULL, &taken));
    recipe.plain_identity = 1;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_DTLS12, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_offer_ticket(core, taken.data, taken.length));
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, psk_core_step(core));
    psk_core_free(core);
    peer_stop(&server);
}

TEST(psk_ke_needs_a_server_that_allows_it)
{
    static const char *const arguments[] = { "-rev", "-allow_no_dhe_kex", NULL };
    peer server = { 0 };
    wire open;
    peer_start_openssl(&server, IDENTITY, KEY, arguments);
    CHECK_EQUAL(0, connect_once(&server, PSK_CORE_OPTION_PSK_KE, NULL, NULL));
    peer_stop(&server);
    peer_start_openssl(&server, IDENTITY, KEY, reversing);
    wire_open(&open, new_core(PSK_CORE_OPTION_PSK_KE), &server);
    const int32_t result = wire_handshake(&open);
    CHECK(result == PSK_CORE_ERR_NO_COMMON || result == PSK_CORE_ERR_ALERT);
    wire_close(&open);
    peer_stop(&server);
}

TEST(key_update_of_the_server_is_a_named_error)
{
    static const char *const arguments[] = { NULL };
    static const char *const commands[] = { "k\n", "K\n" };             /* without and with a request for the device's own */
    for (int i = 0; i < 2; i++) {
        peer server = { 0 };
        wire open;
        char answer[4];
        peer_start_openssl(&server, IDENTITY, KEY, arguments);
        wire_open(&open, new_core(0), &server);
        CHECK_EQUAL(PSK_CORE_DONE, wire_handshake(&open));
        CHECK_EQUAL(2, write(server.input, commands[i], 2));
        CHECK_EQUAL(PSK_CORE_ERR_KEY_UPDATE, wire_read(&open, answer, sizeof answer));
        CHECK_EQUAL(PSK_CORE_ERR_KEY_UPDATE, psk_core_read(open.core, (uint8_t *) answer, 1));
        wire_close(&open);
        peer_stop(&server);
    }
}
