/* seeds DIRECTORY: writes the first inputs of the fuzzers, from sessions with mbedTLS's own servers in the world of fuzzing.h:
 * DIRECTORY/tls, dtls, saved, rekey, bundle, vault, queue. */
#include <string.h>
#include <sys/stat.h>

#include "../bundles.h"
#include "../dtls_server.h"
#include "../harness.h"
#include "../tls_server.h"
#include "fuzzing.h"

#define SEED_MAX 8192u

typedef struct seed {
    size_t length;
    uint8_t data[SEED_MAX];
} seed;

static const char *root;
static int written;

static void add(seed *to, const void *data, size_t length)
{
    CHECK(to->length + length <= sizeof to->data);
    if (length > 0) memcpy(to->data + to->length, data, length);
    to->length += length;
}

static void add_byte(seed *to, unsigned value)
{
    const uint8_t byte = (uint8_t) value;
    add(to, &byte, 1);
}

static void add_sized(seed *to, const void *data, size_t length)
{
    add_byte(to, (unsigned) (length >> 8));
    add_byte(to, (unsigned) length);
    add(to, data, length);
}

static void save(const seed *from, const char *target)
{
    char path[512];
    (void) snprintf(path, sizeof path, "%s/%s", root, target);
    (void) mkdir(path, 0700);
    (void) snprintf(path, sizeof path, "%s/%s/seed-%03d", root, target, written++);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQUAL(from->length, fwrite(from->data, 1, from->length, file));
    (void) fclose(file);
}

static tls_server tls;
static dtls_server dtls;

/* TLS ------------------------------------------------------------------------------------------------------------------ */

static void carry_tls(psk_core *core, seed *stream)
{
    uint8_t data[4096];
    for (int32_t length; (length = psk_core_drain(core, data, sizeof data)) > 0;) {
        fuzz_side = SERVER;
        tls_server_receive(&tls, data, (size_t) length);
        fuzz_side = DEVICE;
    }
    for (size_t length; (length = tls_server_drain(&tls, data, 64)) > 0;) {
        add(stream, data, length);
        for (size_t fed = 0; fed < length;) {
            fed += (size_t) psk_core_feed(core, data + fed, length - fed);
            (void) psk_core_step(core);
        }
    }
}

/* A session that asks once, ended by the server; what came from it is appended. Returns the length of a ticket it got. */
static int32_t tls_session(uint8_t flags, int suite, unsigned tickets, const seed *ticket, seed *out, uint8_t *got)
{
    const psk_bundle bundle = fuzz_bundle();
    const tls_server_settings settings = { .identity = bundle.tls13_identity.data, .identity_length = bundle.tls13_identity.length,
                                           .key_first = 1, .psk_ke = 1, .tickets = tickets, .suite = suite };
    uint8_t text[600];
    fuzz_reset();
    fuzz_side = SERVER;
    tls_server_start(&tls, &settings);
    fuzz_side = DEVICE;
    psk_core *core = fuzz_open_tls(flags);
    if (ticket != NULL) CHECK_EQUAL(0, psk_core_offer_ticket(core, ticket->data, ticket->length));
    for (int round = 0; psk_core_step(core) > 0; round++) {
        CHECK(round < 20);
        carry_tls(core, out);
    }
    carry_tls(core, out);
    CHECK_EQUAL(PSK_CORE_DONE, psk_core_step(core));
    CHECK_EQUAL(ticket != NULL, psk_core_info(core, PSK_CORE_INFO_RESUMED));
    CHECK_EQUAL(9, psk_core_write(core, (const uint8_t *) "telemetry", 9));
    carry_tls(core, out);
    int32_t read;
    do { read = psk_core_read(core, text, sizeof text); } while (read > 0);
    CHECK_EQUAL(0, read);
    fuzz_side = SERVER;
    CHECK_EQUAL(0, mbedtls_ssl_close_notify(&tls.ssl));
    carry_tls(core, out);
    const int32_t length = psk_core_take_ticket(core, got, PSK_TICKET_MAX);
    psk_core_free(core);
    tls_server_stop(&tls);
    return length;
}

static seed begin(uint8_t flags, const seed *ticket)
{
    seed fresh = { .length = 0 };
    add_byte(&fresh, flags);
    if ((flags & TLS_TICKET) != 0) add_sized(&fresh, ticket->data, ticket->length);
    return fresh;
}

/* Records that no server of mbedTLS sends, behind a good session without its farewell. */
static void tls_oddities(const seed *session)
{
    static const uint8_t key_update[] = { 23, 3, 3, 0, 22, 24, 0, 0, 1, 0, 22 };
    static const uint8_t alert[] = { 23, 3, 3, 0, 19, 2, 80, 21 }, empty[] = { 23, 3, 3, 0, 17, 23 }, certificate[] = { 23, 3, 3, 0, 21, 13, 0, 0, 0, 22 };
    static const struct { const uint8_t *data; size_t length; } odd[] = {
        { key_update, sizeof key_update }, { alert, sizeof alert }, { empty, sizeof empty }, { certificate, sizeof certificate }
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        static const uint8_t tag[16];
        seed next = *session;
        next.length -= 24;                      /* the farewell: header, alert, type, tag */
        add(&next, odd[i].data, odd[i].length);
        add(&next, tag, sizeof tag);
        save(&next, "tls");
    }
}

/* The ServerHello of a session turned into a HelloRetryRequest (RFC 8446 s4.1.3) with a cookie. */
static void tls_retry(const seed *session)
{
    static const uint8_t magic[] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                     0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };
    static const uint8_t tail[] = { 0x13, 1, 0, 0, 20, 0, 43, 0, 2, 3, 4, 0, 44, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
    const uint8_t *hello = session->data + 1;
    seed next = begin(session->data[0], NULL);
    const size_t id = hello[5 + 4 + 2 + 32], length = 4 + 2 + 32 + 1 + id + sizeof tail;
    const uint8_t head[] = { 22, 3, 3, 0, (uint8_t) length, 2, 0, 0, (uint8_t) (length - 4), 3, 3 };
    add(&next, head, sizeof head);
    add(&next, magic, sizeof magic);
    add(&next, hello + 5 + 4 + 2 + 32, 1 + id);
    add(&next, tail, sizeof tail);
    add(&next, session->data + 1, session->length - 1);
    save(&next, "tls");
}

static void tls_seeds(void)
{
    static const int suites[] = { MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_AES_128_CCM_SHA256, MBEDTLS_TLS1_3_AES_128_CCM_8_SHA256 };
    for (unsigned mode = 0; mode < 2; mode++) {
        const uint8_t flags = (uint8_t) ((mode ? TLS_PSK_KE : 0) | TLS_WRITES);
        seed ticket = { .length = 0 };
        for (size_t i = 0; i < 3; i++) {
            seed next = begin((uint8_t) (flags | (i == 1 ? TLS_BYTEWISE : 0) | i << 6), NULL);
            ticket.length = (size_t) tls_session(flags, suites[i], (unsigned) i, NULL, &next, ticket.data);
            save(&next, "tls");
            fuzz_tls(next.data, next.length);
            CHECK_EQUAL(READ, fuzz_reached);
            if (i == 0) tls_oddities(&next);
            if (i == 0) tls_retry(&next);
        }
        CHECK(ticket.length > 100);
        seed resumed = begin((uint8_t) (flags | TLS_TICKET), &ticket);
        (void) tls_session(flags, suites[2], 1, &ticket, &resumed, ticket.data);
        save(&resumed, "tls");
        fuzz_tls(resumed.data, resumed.length);
        CHECK_EQUAL(READ, fuzz_reached);
    }
}

/* DTLS ----------------------------------------------------------------------------------------------------------------- */

static void event(seed *to, unsigned kind)
{
    add_byte(to, kind);
}

static void carry_dtls(psk_core *core, seed *events)
{
    uint8_t data[4096], text[4096];
    for (int32_t length; (length = psk_core_drain(core, data, sizeof data)) > 0;) {
        fuzz_side = SERVER;
        dtls_server_receive(&dtls, data, (size_t) length);
        fuzz_side = DEVICE;
    }
    for (size_t length; (length = dtls_server_drain(&dtls, data, sizeof data)) > 0;) {
        event(events, EVENT_DATAGRAM);
        add_sized(events, data, length);
        CHECK_EQUAL(length, psk_core_feed(core, data, length));
        if (psk_core_step(core) == PSK_CORE_DONE) (void) psk_core_read(core, text, sizeof text);
    }
}

static void ask_dtls(psk_core *core, seed *events)
{
    static const uint8_t text[48];
    event(events, EVENT_WRITE);
    add_byte(events, sizeof text / 16);
    CHECK_EQUAL(sizeof text, psk_core_write(core, text, sizeof text));
    carry_dtls(core, events);
}

/* A handshake, a message, sleep, another message, and the end. saved: what the device slept with, and the datagrams after. */
static void dtls_session(uint8_t flags, const dtls_server_settings *settings, seed *events, seed *saved)
{
    uint8_t association[PSK_ASSOCIATION_MAX];
    psk_core *core;
    fuzz_reset();
    fuzz_side = SERVER;
    dtls_server_start(&dtls, settings);
    fuzz_side = DEVICE;
    CHECK_EQUAL(0, fuzz_open_dtls(&core, flags, NULL, 0));
    for (int round = 0; psk_core_step(core) > 0; round++) {
        CHECK(round < 20);
        carry_dtls(core, events);
    }
    ask_dtls(core, events);
    const int32_t length = psk_core_save(core, association, sizeof association);
    CHECK(length > 0);
    psk_core_free(core);
    event(events, EVENT_SLEEP);
    CHECK_EQUAL(0, fuzz_open_dtls(&core, flags, association, (size_t) length));
    add_byte(saved, (unsigned) flags | DTLS_LOAD);
    add_sized(saved, association, (size_t) length);
    const size_t until = events->length;
    ask_dtls(core, events);
    fuzz_side = SERVER;
    CHECK_EQUAL(0, mbedtls_ssl_close_notify(&dtls.ssl));
    carry_dtls(core, events);
    event(events, EVENT_CLOSE);
    add(saved, events->data + until, events->length - until);
    psk_core_free(core);
    dtls_server_stop(&dtls);
}

/* Each flight of a session delayed until the timer has run out once. */
static seed delayed(const seed *events)
{
    seed next = { .length = 0 };
    input in = { events->data + 1, events->length - 1 };
    add_byte(&next, events->data[0]);
    while (in.left > 0) {
        const uint8_t kind = take_byte(&in);
        if (kind == EVENT_DATAGRAM) {
            event(&next, EVENT_TICK);
            add_byte(&next, 10000 >> 8);
            add_byte(&next, 10000 & 255);
        }
        event(&next, kind);
        if (kind == EVENT_WRITE) add_byte(&next, take_byte(&in));
        if (kind != EVENT_DATAGRAM) continue;
        const size_t length = take_length(&in);
        add_sized(&next, take(&in, length), length);
    }
    return next;
}

static void dtls_seeds(void)
{
    static const struct { uint8_t flags; dtls_server_settings settings; } sessions[] = {
        { 0, { .identity = "sensor-1~1", .key_first = 1 } },
        { DTLS_CID, { .identity = "sensor-1~1", .key_first = 1, .connection_id = 6 } },
        { DTLS_CID | 2 << 6, { .identity = "sensor-1~1", .key_first = 1, .connection_id = 16 } },
        { DTLS_SESSION_KEY | 1 << 6, { .identity = "sensor-1~1", .key_first = 1, .randoms = 32 } }
    };
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        seed events = { .length = 0 }, saved = { .length = 0 };
        add_byte(&events, sessions[i].flags);
        dtls_session(sessions[i].flags, &sessions[i].settings, &events, &saved);
        save(&events, "dtls");
        save(&saved, "saved");
        const seed late = delayed(&events);
        save(&late, "dtls");
        fuzz_dtls(events.data, events.length);
        CHECK_EQUAL(READ, fuzz_reached);
        fuzz_dtls(late.data, late.length);
        CHECK_EQUAL(READ, fuzz_reached);
        fuzz_dtls(saved.data, saved.length);
        CHECK_EQUAL(READ, fuzz_reached);
        seed record = { .length = 0 };
        const size_t length = (size_t) saved.data[1] << 8 | saved.data[2];
        const uint8_t head[] = { 'P', 'S', 'K', 'V', 1, 1, (uint8_t) (length >> 8), (uint8_t) length };
        static const uint8_t digest[32];
        bytes encoded;
        bundle_recipe recipe = usual_bundle;
        recipe.with_tls12 = 1;
        make_bundle(&recipe, &encoded);
        const uint8_t bundle_head[] = { 'P', 'S', 'K', 'V', 1, 0, (uint8_t) (encoded.length >> 8), (uint8_t) encoded.length };
        add_byte(&record, (unsigned) (encoded.length + 40) >> 8);
        add_byte(&record, (unsigned) (encoded.length + 40));
        add(&record, bundle_head, sizeof bundle_head);
        add(&record, encoded.data, encoded.length);
        add(&record, digest, sizeof digest);
        /* The successor's record: refusals, predecessor's digest, bundle. */
        recipe.key_first = 9;
        make_bundle(&recipe, &encoded);
        const size_t content = 1 + sizeof digest + encoded.length;
        const uint8_t successor_head[] = { 'P', 'S', 'K', 'V', 1, 2, (uint8_t) (content >> 8), (uint8_t) content, (uint8_t) i };
        add_byte(&record, (unsigned) (content + 40) >> 8);
        add_byte(&record, (unsigned) (content + 40));
        add(&record, successor_head, sizeof successor_head);
        add(&record, digest, sizeof digest);
        add(&record, encoded.data, encoded.length);
        add(&record, digest, sizeof digest);
        add(&record, head, sizeof head);
        add(&record, saved.data + 3, length);
        add(&record, digest, sizeof digest);
        save(&record, "vault");
    }
}

/* Re-keying -------------------------------------------------------------------------------------------------------------- */

/* The gateway answers with this code, and a bundle of the next epoch behind code 0. */
static void rekey_session(unsigned code, seed *out)
{
    static const char *protocols[] = { "iotpsk-rekey/1", NULL };
    const psk_bundle bundle = fuzz_bundle();
    const tls_server_settings settings = { .identity = bundle.tls13_identity.data, .identity_length = bundle.tls13_identity.length,
                                           .key_first = 1, .protocols = protocols };
    bundle_recipe next = usual_bundle;
    seed answer = { .length = 0 };
    bytes encoded;
    uint8_t request[2048];
    next.key_first = 9;
    next.epoch = 2;
    next.with_tls12 = 1;
    make_bundle(&next, &encoded);
    add_byte(&answer, code);
    add_sized(&answer, encoded.data, code == 0 ? encoded.length : 0);
    fuzz_reset();
    fuzz_side = SERVER;
    tls_server_start(&tls, &settings);
    fuzz_side = DEVICE;
    psk_core *core = fuzz_open_rekey();
    for (int round = 0; psk_core_step(core) > 0; round++) {
        CHECK(round < 20);
        carry_tls(core, out);
    }
    carry_tls(core, out);
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, psk_core_rekey(core, &fuzz_store, 0));
    CHECK(psk_core_drain(core, request, sizeof request) > 0);
    psk_core_free(core);
    fuzz_side = SERVER;
    CHECK_EQUAL(answer.length, tls_server_send(&tls, answer.data, answer.length));
    for (size_t length; (length = tls_server_drain(&tls, request, sizeof request)) > 0;) add(out, request, length);
    tls_server_stop(&tls);
}

static void rekey_seeds(void)
{
    for (unsigned code = 0; code < 3; code++) {
        seed next = { .length = 0 };
        rekey_session(code, &next);
        save(&next, "rekey");
        fuzz_rekey(next.data, next.length);
        CHECK_EQUAL(code == 0 ? READ : CONNECTED, fuzz_reached);
    }
}

static void small_seeds(void)
{
    for (int i = 0; i < 4; i++) {
        bundle_recipe recipe = usual_bundle;
        bytes encoded;
        seed next = { .length = 0 };
        recipe.with_tls12 = i & 1;
        if (i > 1) recipe.record_size = 512;
        make_bundle(&recipe, &encoded);
        add(&next, encoded.data, encoded.length);
        save(&next, "bundle");
    }
    static const uint8_t datagram[] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4, 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 2, 0, 1, 9, 22, 0xfe };
    seed next = { .length = 0 };
    add(&next, datagram, sizeof datagram);
    save(&next, "queue");
}

TEST(seeds)
{
    root = getenv("SEEDS");
    CHECK(root != NULL);
    (void) mkdir(root, 0700);
    tls_seeds();
    dtls_seeds();
    rekey_seeds();
    small_seeds();
    (void) printf("%d seeds\n", written);
}
