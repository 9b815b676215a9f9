#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "iotpsk.h"
#include "open_vault.h"
#include "peer.h"

#define KEY "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define THREADS 4

TEST(handles_that_are_not_open_are_refused)
{
    uint8_t data[8];
    static const int32_t wrong[] = { 0, -1, 1, 0x7fffffff, (int32_t) 0x80000000 };
    open_vault();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_open(wrong[i], 0, 0x0304, 0, 0));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_vault_erase(wrong[i], 0));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_vault_import(wrong[i], 0, data, 1));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_vault_describe(wrong[i], 0, data, 1));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_vault_close(wrong[i]));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_step(wrong[i]));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_close(wrong[i]));
    }
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_step(vault));               /* of the other kind */
    const int32_t session = iotpsk_open(vault, 0, 0x0304, 0, 0);
    CHECK(session > 0);
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_vault_close(session));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, iotpsk_feed(session, data, -1));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, iotpsk_drain(session, NULL, 5));
    CHECK_EQUAL(0, iotpsk_close(session));
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
}

TEST(handle_of_a_closed_session_stays_closed)
{
    open_vault();
    const int32_t first = iotpsk_open(vault, 0, 0x0304, 0, 0);
    CHECK(first > 0);
    CHECK_EQUAL(0, iotpsk_close(first));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_close(first));
    for (int i = 0; i < 100; i++) {
        const int32_t next = iotpsk_open(vault, 0, 0x0304, 0, 0);
        CHECK(next > 0 && next != first);
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_step(first));
        CHECK(iotpsk_step(next) > 0);
        CHECK_EQUAL(0, iotpsk_close(next));
    }
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
}

TEST(hundreds_of_sessions_are_open_at_once)
{
    int32_t sessions[300];
    open_vault();
    for (size_t i = 0; i < 300; i++) {
        sessions[i] = iotpsk_open(vault, 0, 0x0304, 0, 0);
        CHECK(sessions[i] > 0);
        CHECK(iotpsk_step(sessions[i]) > 0);
    }
    for (size_t i = 0; i < 300; i++) CHECK_EQUAL(0, iotpsk_close(sessions[i]));
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
}

TEST(open_says_why_a_slot_is_of_no_use)
{
    open_vault();
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, iotpsk_open(vault, 1, 0x0304, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, iotpsk_open(vault, -1, 0x0304, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, iotpsk_open(vault, 0, 0xfefd, 0, 0));
    CHECK_EQUAL(0, iotpsk_vault_erase(vault, 0));
    CHECK_EQUAL(PSK_CORE_ERR_NO_CREDENTIAL, iotpsk_open(vault, 0, 0x0304, 0, 0));
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
    CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_open(vault, 0, 0x0304, 0, 0));
}

TEST(every_error_has_a_name_of_its_own)
{
    for (int32_t code = -1; code > -130; code--) {
        const char *name = iotpsk_error_name(code);
        CHECK(name != NULL && name[0] != '\0');
        for (int32_t other = -1; other > code; other--) {
            const char *other_name = iotpsk_error_name(other);
            if (strcmp(name, "unknown error") == 0) continue;
            CHECK(strcmp(name, other_name) != 0);
        }
    }
    CHECK(strcmp(iotpsk_error_name(0), "success") == 0);
}

/* The names lie one behind the other: a gap too few or too many would shift those behind it. */
TEST(every_error_is_called_what_it_is)
{
    static const struct { int32_t code; const char *name; } names[] = {
        { PSK_CORE_ERR_ARGUMENT, "argument" }, { PSK_CORE_ERR_HANDLE, "handle" }, { PSK_CORE_ERR_MEMORY, "memory" },
        { PSK_CORE_ERR_RANDOM, "random" }, { PSK_CORE_ERR_NOT_CONNECTED, "not connected" }, { PSK_CORE_ERR_UNSUPPORTED, "unsupported" },
        { PSK_CORE_ERR_BUFFER, "buffer" }, { PSK_CORE_ERR_INTERNAL, "internal" }, { -9, "unknown error" },
        { PSK_CORE_ERR_NO_CREDENTIAL, "no credential" }, { PSK_CORE_ERR_VAULT_CORRUPT, "vault corrupt" }, { PSK_CORE_ERR_VAULT_IO, "vault:" },
        { PSK_CORE_ERR_VAULT_FULL, "vault full" }, { PSK_CORE_ERR_NO_ASSOCIATION, "no association" }, { -15, "unknown error" },
        { -19, "unknown error" }, { PSK_CORE_ERR_CLOSED, "closed" }, { PSK_CORE_ERR_REFUSED, "refused" },
        { PSK_CORE_ERR_UNKNOWN_IDENTITY, "unknown identity" }, { PSK_CORE_ERR_NO_COMMON, "no common parameters" },
        { PSK_CORE_ERR_VERSION, "version" }, { PSK_CORE_ERR_SERVER_FAULT, "server fault" }, { PSK_CORE_ERR_ALERT, "alert" },
        { PSK_CORE_ERR_PROTOCOL, "protocol" }, { PSK_CORE_ERR_BAD_RECORD, "bad record" }, { PSK_CORE_ERR_RECORD_SIZE, "record size" },
        { PSK_CORE_ERR_KEY_UPDATE, "key update" }, { PSK_CORE_ERR_TIMEOUT, "no answer" }, { PSK_CORE_ERR_TOO_LONG, "too long" },
        { -33, "unknown error" }, { -39, "unknown error" }, { PSK_CORE_ERR_TEST_IMPORT, "self test: keys of TLS" },
        { PSK_CORE_ERR_TEST_BINDER, "self test: binder" }, { PSK_CORE_ERR_TEST_PRF, "self test: keys of DTLS" },
        { PSK_CORE_ERR_TEST_AEAD, "self test: a cipher" }, { PSK_CORE_ERR_TEST_SESSION_KEY, "self test: the key of a session" },
        { -45, "unknown error" }, { -50, "unknown error" }, { PSK_CORE_ERR_REKEY_CURRENT, "rekey current" },
        { PSK_CORE_ERR_REKEY_TOO_SOON, "rekey too soon" }, { PSK_CORE_ERR_REKEY_COMPROMISED, "rekey compromised" },
        { PSK_CORE_ERR_REKEY_UNFIT, "rekey unfit" }, { PSK_CORE_ERR_REKEY_LATER, "rekey later" }, { PSK_CORE_ERR_REKEY_REQUEST, "rekey request" },
        { -57, "unknown error" }, { -59, "unknown error" }, { PSK_CORE_ERR_NO_REKEYING, "no rekeying" }, { PSK_CORE_ERR_REKEY_FOREIGN, "rekey foreign" },
        { -62, "unknown error" }, { -99, "unknown error" }, { PSK_CORE_ERR_BUNDLE, "bundle:" }, { PSK_CORE_ERR_BUNDLE - 1, "bundle field 1:" },
        { PSK_CORE_ERR_BUNDLE - 13, "bundle field 13:" }, { PSK_CORE_ERR_BUNDLE - 14, "unknown error" }, { INT32_MIN, "unknown error" }, { 7, "success" }
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CHECK(strncmp(iotpsk_error_name(names[i].code), names[i].name, strlen(names[i].name)) == 0);
    }
}

static void flush(int32_t session, int connection)
{
    uint8_t out[2048];
    for (int32_t length = iotpsk_drain(session, out, sizeof out); length > 0; length = iotpsk_drain(session, out, sizeof out)) {
        CHECK_EQUAL(length, send(connection, out, (size_t) length, MSG_NOSIGNAL));
    }
}

static void receive(int32_t session, int connection)
{
    uint8_t in[100];
    const ssize_t got = recv(connection, in, sizeof in, 0);
    CHECK(got > 0);
    CHECK_EQUAL(got, iotpsk_feed(session, in, (int32_t) got));
}

static void *connect_often(void *of_server)
{
    const peer *server = of_server;
    for (int round = 0; round < 8; round++) {
        uint8_t answer[8];
        const int connection = peer_connect(server);
        const int32_t session = iotpsk_open(vault, 0, 0x0304, 0, 0);
        CHECK(session > 0);
        for (int32_t result = iotpsk_step(session); result != 0; result = iotpsk_step(session)) {
            CHECK(result > 0);
            flush(session, connection);
            if (result == PSK_CORE_WANTS_INPUT) receive(session, connection);
        }
        flush(session, connection);
        CHECK_EQUAL(4, iotpsk_write(session, (const uint8_t *) "abc\n", 4));
        flush(session, connection);
        int32_t got = 0;
        while ((got = iotpsk_read(session, answer, sizeof answer)) == 0) receive(session, connection);
        CHECK_EQUAL(4, got);
        CHECK(memcmp(answer, "cba\n", 4) == 0);
        CHECK_EQUAL(0, iotpsk_close_notify(session));
        flush(session, connection);
        CHECK_EQUAL(0, iotpsk_close(session));
        (void) close(connection);
    }
    return NULL;
}

TEST(sessions_of_several_threads_do_not_disturb_each_other)
{
    static const char *const reversing[] = { "-rev", NULL };
    pthread_t threads[THREADS];
    peer servers[THREADS] = { 0 };
    open_vault();
    for (int i = 0; i < THREADS; i++) peer_start_openssl(&servers[i], "sensor-1~1", KEY, reversing);
    for (int i = 0; i < THREADS; i++) CHECK_EQUAL(0, pthread_create(&threads[i], NULL, connect_often, &servers[i]));
    for (int i = 0; i < THREADS; i++) CHECK_EQUAL(0, pthread_join(threads[i], NULL));
    for (int i = 0; i < THREADS; i++) peer_stop(&servers[i]);
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
}

static void *steal(void *of_session)
{
    const int32_t session = *(const int32_t *) of_session;
    uint8_t out[64];
    for (int i = 0; i < 2000; i++) {
        (void) iotpsk_step(session);
        (void) iotpsk_drain(session, out, sizeof out);
        (void) iotpsk_feed(session, out, 1);
    }
    return NULL;
}

TEST(closing_a_session_that_other_threads_use_is_safe)
{
    open_vault();
    for (int round = 0; round < 10; round++) {
        pthread_t threads[THREADS];
        int32_t session = iotpsk_open(vault, 0, 0x0304, 0, 0);
        CHECK(session > 0);
        for (int i = 0; i < THREADS; i++) CHECK_EQUAL(0, pthread_create(&threads[i], NULL, steal, &session));
        (void) usleep(1000);
        CHECK_EQUAL(0, iotpsk_close(session));
        for (int i = 0; i < THREADS; i++) CHECK_EQUAL(0, pthread_join(threads[i], NULL));
        CHECK_EQUAL(PSK_CORE_ERR_HANDLE, iotpsk_step(session));
    }
    CHECK_EQUAL(0, iotpsk_vault_close(vault));
}
