/* Sessions of psk_core on a bare rv32, with mbedTLS's own servers in the same image. Prints lines of NAME=VALUE, one for each mode. */
#include <stdio.h>
#include <string.h>

#include "../core/bundles.h"
#include "../core/harness.h"
#include "meter.h"
#include "psk_core.h"
#include "server.h"

#define MESSAGE 32u

typedef struct traffic {
    unsigned sent, received, datagrams_sent, datagrams_received;
} traffic;

static traffic wire;
static int32_t protocol;
static bytes encoded;

/* A vault in RAM that costs the device next to nothing. */
static uint8_t records[2][PSK_VAULT_RECORD_MAX];
static size_t lengths[2];

static int32_t read_place(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    const int at = slot >= PSK_VAULT_ASSOCIATIONS;
    (void) context;
    if (lengths[at] == 0) return PSK_CORE_ERR_NO_CREDENTIAL;
    if (lengths[at] > size) return PSK_CORE_ERR_VAULT_CORRUPT;
    memcpy(record, records[at], lengths[at]);
    *length = lengths[at];
    return 0;
}

static int32_t write_place(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    const int at = slot >= PSK_VAULT_ASSOCIATIONS;
    (void) context;
    memcpy(records[at], record, length);
    lengths[at] = length;
    return 0;
}

static int32_t erase_place(void *context, int32_t slot)
{
    const int at = slot >= PSK_VAULT_ASSOCIATIONS;
    const int32_t existed = lengths[at] > 0;
    (void) context;
    lengths[at] = 0;
    return existed;
}

static const psk_vault_store store = { read_place, write_place, erase_place };
static const psk_vault vault = { &store, NULL };

static psk_bundle provision(void)
{
    bundle_recipe recipe = usual_bundle;
    psk_bundle bundle;
    recipe.with_tls12 = 1;
    recipe.record_size = MBEDTLS_SSL_IN_CONTENT_LEN;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_vault_import(&vault, 0, encoded.data, encoded.length));
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    return bundle;
}

/* What does not fit the queue waits until a ticket was read from it. */
static void feed(psk_core *core, const uint8_t *data, size_t length)
{
    uint8_t none[1];
    for (size_t done = 0; done < length;) {
        int32_t taken, result;
        MEASURE(taken = psk_core_feed(core, data + done, length - done));
        CHECK(taken >= 0);
        done += (size_t) taken;
        MEASURE(result = psk_core_step(core));
        CHECK(result >= 0);
        if (taken > 0) continue;
        MEASURE(result = psk_core_read(core, none, sizeof none));
        CHECK_EQUAL(0, result);
    }
}

/* Both directions, as long as anything moves. */
static void carry(psk_core *core)
{
    static uint8_t data[2048];
    for (int moved = 1; moved;) {
        int32_t length;
        moved = 0;
        for (;;) {
            MEASURE(length = psk_core_drain(core, data, sizeof data));
            CHECK(length >= 0);
            if (length == 0) break;
            moved = 1;
            wire.sent += (unsigned) length;
            wire.datagrams_sent++;
            server_receive(protocol, data, (size_t) length);
        }
        while ((length = (int32_t) server_drain(protocol, data, protocol == PSK_CORE_TLS13 ? 64 : sizeof data)) > 0) {
            moved = 1;
            wire.received += (unsigned) length;
            wire.datagrams_received++;
            feed(core, data, (size_t) length);
        }
    }
}

static void handshake(psk_core *core)
{
    int32_t result = PSK_CORE_WANTS_INPUT;
    for (int round = 0; result > 0; round++) {
        CHECK(round < 20);
        MEASURE(result = psk_core_step(core));
        carry(core);
    }
    CHECK_EQUAL(0, result);
}

/* Instructions of one write, and of the read of its answer. */
static void exchange(psk_core *core, unsigned *write, unsigned *read)
{
    static uint8_t text[MESSAGE], answer[600];
    int32_t result;
    uint64_t before = device.instructions;
    MEASURE(result = psk_core_write(core, text, sizeof text));
    CHECK_EQUAL(sizeof text, result);
    *write = (unsigned) (device.instructions - before);
    carry(core);
    before = device.instructions;
    MEASURE(result = psk_core_read(core, answer, sizeof answer));
    CHECK_EQUAL(sizeof text, result);
    *read = (unsigned) (device.instructions - before);
}

static void print_session(const char *name, uint32_t base, uint32_t opening, unsigned handshake_instructions, traffic of, unsigned write, unsigned read)
{
    (void) printf("mode=%s opening=%u heap_peak=%u heap_idle=%u blocks=%u stack=%u handshake=%u sent=%u received=%u write=%u read=%u\n", name,
                  (unsigned) opening, (unsigned) (device.heap_peak - base), (unsigned) (device.heap - base), (unsigned) device.blocks_peak,
                  (unsigned) device.stack_peak, handshake_instructions, of.sent, of.received, write, read);
}

/* ticket: offered, and what came instead is put there; NULL: none. Returns the session. */
static psk_core *session(const char *name, int32_t which, uint32_t options, uint8_t *ticket, int32_t *ticket_length)
{
    const uint32_t base = device.heap;
    psk_core *core = NULL;
    unsigned write, read;
    int32_t result;
    protocol = which;
    memset(&wire, 0, sizeof wire);
    server_start(protocol, ticket != NULL);
    meter_reset();
    MEASURE(result = psk_core_open_slot(&core, &vault, 0, protocol, 0, options));
    CHECK_EQUAL(0, result);
    /* What the bundle took while it was read is back already and counted apart; the session's own need begins here. */
    const uint32_t opening = device.heap_peak - base;
    device.heap_peak = device.heap;
    if (ticket != NULL && *ticket_length > 0) {
        MEASURE(result = psk_core_offer_ticket(core, ticket, (size_t) *ticket_length));
        CHECK_EQUAL(0, result);
    }
    handshake(core);
    const unsigned spent = (unsigned) device.instructions;
    const traffic of = wire;
    exchange(core, &write, &read);
    exchange(core, &write, &read);          /* the second: tickets came with the first */
    if (ticket != NULL) {
        MEASURE(result = psk_core_take_ticket(core, ticket, PSK_TICKET_MAX));
        CHECK(result > 0);
        CHECK_EQUAL(*ticket_length > 0, psk_core_info(core, PSK_CORE_INFO_RESUMED));
        *ticket_length = result;
    }
    print_session(name, base, opening, spent, of, write, read);
    return core;
}

static void end(psk_core *core)
{
    psk_core_free(core);
    server_stop(protocol);
}

/* A device wakes up, says something, hears the answer and falls asleep again. */
static void wake_up(psk_core *core, const psk_bundle *bundle)
{
    uint8_t saved[PSK_ASSOCIATION_MAX];
    unsigned write, read;
    int32_t length;
    meter_reset();
    MEASURE(length = psk_core_save(core, saved, sizeof saved));
    CHECK(length > 0);
    psk_core_free(core);
    const uint32_t base = device.heap;
    meter_reset();
    memset(&wire, 0, sizeof wire);
    int32_t result;
    MEASURE(result = psk_core_load(&core, saved, (size_t) length, 0, PSK_CORE_OPTION_CONNECTION_ID));
    CHECK_EQUAL(0, result);
    const unsigned load = (unsigned) device.instructions;
    exchange(core, &write, &read);
    const unsigned before = (unsigned) device.instructions;
    MEASURE(length = psk_core_save(core, saved, sizeof saved));
    const unsigned save = (unsigned) device.instructions - before;
    (void) printf("wake=core load=%u write=%u read=%u save=%u all=%u saved=%u heap_peak=%u stack=%u datagrams_sent=%u datagrams_received=%u\n", load,
                  write, read, save, (unsigned) device.instructions, (unsigned) length, (unsigned) (device.heap_peak - base),
                  (unsigned) device.stack_peak, wire.datagrams_sent, wire.datagrams_received);
    psk_core_free(core);
    /* The same through a vault, which checks digests and reads the credential. */
    CHECK_EQUAL(0, psk_core_load(&core, saved, (size_t) length, 0, PSK_CORE_OPTION_CONNECTION_ID));
    CHECK_EQUAL(0, psk_core_save_slot(core, &vault, 0));
    psk_core_free(core);
    meter_reset();
    MEASURE(result = psk_core_load_slot(&core, &vault, 0, 0, PSK_CORE_OPTION_CONNECTION_ID));
    CHECK_EQUAL(0, result);
    exchange(core, &write, &read);
    MEASURE(result = psk_core_save_slot(core, &vault, 0));
    CHECK_EQUAL(0, result);
    (void) printf("wake=vault all=%u heap_peak=%u\n", (unsigned) device.instructions, (unsigned) (device.heap_peak - base));
    end(core);
}

int main(void)
{
    static uint8_t ticket[PSK_TICKET_MAX];
    int32_t ticket_length = 0, result;
    MEASURE(result = psk_core_selftest());
    CHECK_EQUAL(0, result);
    (void) printf("selftest instructions=%u\n", (unsigned) device.instructions);
    const psk_bundle bundle = provision();
    end(session("tls13-psk_dhe_ke", PSK_CORE_TLS13, 0, NULL, NULL));
    end(session("tls13-psk_ke", PSK_CORE_TLS13, PSK_CORE_OPTION_PSK_KE, NULL, NULL));
    end(session("tls13-psk_dhe_ke-with-ticket", PSK_CORE_TLS13, 0, ticket, &ticket_length));
    end(session("tls13-psk_dhe_ke-resumed", PSK_CORE_TLS13, 0, ticket, &ticket_length));
    end(session("dtls12-psk", PSK_CORE_DTLS12, 0, NULL, NULL));
    wake_up(session("dtls12-psk-cid", PSK_CORE_DTLS12, PSK_CORE_OPTION_CONNECTION_ID, NULL, NULL), &bundle);
    CHECK_EQUAL(0, device.heap);
    return 0;
}
