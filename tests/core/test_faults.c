/* Memory that runs out at any allocation of a whole life, once or from then on: provisioning, handshakes, messages, tickets, sleep
 * and wake-up, re-keying, farewell. Each time it is told as want of memory, or what was missing could be done without; nothing leaks (the
 * sanitizers look), and the next life, with memory enough, is a good one. mbedTLS's own servers are the other end; they always have
 * memory. Every test prints how many points it went through. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "bundles.h"
#include "directory.h"
#include "dtls_server.h"
#include "harness.h"
#include "memory_vault.h"
#include "iotpsk.h"
#include "psk_core.h"
#include "tls_server.h"

static int device_works;                /* allocations of the servers do not count */
static int allocations;                 /* of the device so far */
static int fails_at = -1, fails_until;  /* the first and the last that fail; -1: none */
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

static int fails_now(void)
{
    if (!device_works) return 0;
    const int at = allocations++;
    return fails_at >= 0 && at >= fails_at && at <= fails_until;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

static dtls_server dtls;
static tls_server tls;
static int is_tls;

static void encode(uint8_t key_first, uint32_t epoch, bytes *out)
{
    bundle_recipe recipe = usual_bundle;
    recipe.with_tls12 = 1;
    recipe.key_first = key_first;
    recipe.epoch = epoch;
    make_bundle(&recipe, out);
}

/* The usual credential, and nothing else, in a vault that was provisioned with memory enough. */
static void provision(void)
{
    bytes encoded;
    memset(&kept, 0, sizeof kept);
    encode(1, 1, &encoded);
    CHECK_EQUAL(0, psk_vault_import(&memory_vault, 0, encoded.data, encoded.length));
}

static void start_dtls(size_t randoms)
{
    const dtls_server_settings settings = { .identity = "sensor-1~1", .key_first = 1, .connection_id = 6, .randoms = randoms };
    is_tls = 0;
    dtls_server_start(&dtls, &settings);
}

static void start_tls(uint8_t key_first, const char **protocols)
{
    static bytes identity;
    bundle_recipe recipe = usual_bundle;
    recipe.key_first = key_first;
    recipe_identity(&recipe, &identity);
    const tls_server_settings settings = { .identity = identity.data, .identity_length = identity.length, .key_first = key_first, .psk_ke = 1,
                                           .tickets = protocols == NULL ? 2 : 0, .protocols = protocols, .is_mute = protocols != NULL };
    is_tls = 1;
    tls_server_start(&tls, &settings);
}

static void stop(void)
{
    if (is_tls) tls_server_stop(&tls);
    else dtls_server_stop(&dtls);
}

static void give(psk_core *core, const uint8_t *data, size_t length)
{
    uint8_t none[1];
    for (size_t done = 0; done < length;) {
        const int32_t taken = psk_core_feed(core, data + done, length - done);
        if (taken < 0) return;
        done += (size_t) taken;
        if (psk_core_step(core) < 0) return;
        /* A queue that is full of tickets wants to be read. */
        if (taken == 0 && psk_core_read(core, none, sizeof none) < 0) return;
    }
}

/* What the device has to send goes to the server, and its answers come back. */
static void carry(psk_core *core)
{
    uint8_t data[2048];
    for (int32_t length; (length = psk_core_drain(core, data, sizeof data)) > 0;) {
        device_works = 0;
        if (is_tls) tls_server_receive(&tls, data, (size_t) length);
        else dtls_server_receive(&dtls, data, (size_t) length);
        device_works = 1;
    }
    for (size_t length; (length = is_tls ? tls_server_drain(&tls, data, 64) : dtls_server_drain(&dtls, data, sizeof data)) > 0;) give(core, data, length);
}

static int32_t handshake(psk_core *core)
{
    int32_t result = PSK_CORE_WANTS_INPUT;
    for (int round = 0; result > 0; round++) {
        CHECK(round < 50);
        result = psk_core_step(core);
        carry(core);
    }
    return result;
}

static int32_t ask(psk_core *core)
{
    uint8_t answer[16];
    int32_t result = psk_core_write(core, (const uint8_t *) "ab", 2);
    if (result < 0) return result;
    carry(core);
    result = psk_core_read(core, answer, sizeof answer);
    if (result < 0) return result;
    CHECK_EQUAL(2, result);
    CHECK(memcmp(answer, "ba", 2) == 0);
    return 0;
}

/* Lives: 0, or the first error. */

static int32_t asleep_and_awake(void)
{
    psk_core *core = NULL;
    int32_t result = psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_DTLS12, 512, PSK_CORE_OPTION_CONNECTION_ID);
    if (result == 0) result = handshake(core);
    if (result == 0) result = ask(core);
    if (result == 0) result = psk_core_save_slot(core, &memory_vault, 0);
    psk_core_free(core);
    core = NULL;
    if (result == 0) result = psk_core_load_slot(&core, &memory_vault, 0, 512, PSK_CORE_OPTION_CONNECTION_ID);
    if (result == 0) result = ask(core);
    if (result == 0) result = psk_core_close_notify(core);
    psk_core_free(core);
    return result;
}

static int32_t in_session_mode(void)
{
    psk_core *core = NULL;
    int32_t result = psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_DTLS12, 512, PSK_CORE_OPTION_SESSION_KEY);
    if (result == 0) result = handshake(core);
    if (result == 0) result = ask(core);
    psk_core_free(core);
    return result;
}

static int32_t session_of_tls(uint32_t options, uint8_t *ticket, int32_t *length)
{
    psk_core *core = NULL;
    int32_t result = psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_TLS13, 512, options);
    if (result == 0 && *length > 0) result = psk_core_offer_ticket(core, ticket, (size_t) *length);
    if (result == 0) result = handshake(core);
    if (result == 0) result = ask(core);
    if (result == 0) {
        *length = psk_core_take_ticket(core, ticket, PSK_TICKET_MAX);
        if (*length < 0) result = *length;
    }
    if (result == 0) result = psk_core_close_notify(core);
    if (result == 0) carry(core);
    psk_core_free(core);
    return result;
}

static int32_t with_diffie_hellman(void)
{
    uint8_t ticket[PSK_TICKET_MAX];
    int32_t length = 0;
    return session_of_tls(0, ticket, &length);
}

static int32_t with_tickets(void)
{
    uint8_t ticket[PSK_TICKET_MAX];
    int32_t length = 0, result = session_of_tls(PSK_CORE_OPTION_PSK_KE, ticket, &length);
    if (result < 0) return result;
    CHECK(length > 0 || fails_at >= 0);
    device_works = 0;
    tls_server_stop(&tls);
    start_tls(1, NULL);
    device_works = 1;
    return session_of_tls(PSK_CORE_OPTION_PSK_KE, ticket, &length);
}

static int32_t fetch(psk_core *core)
{
    uint8_t answer[3 + PSK_BUNDLE_MAX] = { 0 };
    bytes encoded;
    int32_t result;
    do {
        result = psk_core_rekey(core, &memory_vault, 0);
        carry(core);
    } while (result == PSK_CORE_WANTS_DRAIN);
    if (result < 0) return result;
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, result);
    device_works = 0;
    encode(9, 2, &encoded);
    answer[1] = (uint8_t) (encoded.length >> 8);
    answer[2] = (uint8_t) encoded.length;
    memcpy(answer + 3, encoded.data, encoded.length);
    CHECK_EQUAL(3 + encoded.length, tls_server_send(&tls, answer, 3 + encoded.length));
    device_works = 1;
    uint8_t data[64];
    for (size_t length; (length = tls_server_drain(&tls, data, sizeof data)) > 0;) {
        for (size_t done = 0; done < length;) {
            const int32_t taken = psk_core_feed(core, data + done, length - done);
            if (taken < 0) return taken;
            done += (size_t) taken;
            result = psk_core_rekey(core, &memory_vault, 0);
            if (result < 0) return result;
        }
    }
    return result;
}

static int32_t with_a_new_key(void)
{
    psk_core *core = NULL;
    int32_t result = psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_TLS13, 512, PSK_CORE_OPTION_REKEY);
    if (result == 0) result = handshake(core);
    if (result == 0) result = fetch(core);
    psk_core_free(core);
    core = NULL;
    if (result < 0) return result;
    device_works = 0;
    tls_server_stop(&tls);
    start_tls(9, NULL);
    device_works = 1;
    result = psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_TLS13, 512, PSK_CORE_OPTION_PSK_KE);
    if (result == 0) result = handshake(core);
    if (result == 0) result = psk_core_settle_slot(core, &memory_vault, 0);
    psk_core_free(core);
    return result;
}

static int32_t provisioning(void)
{
    uint8_t out[PSK_BUNDLE_MAX];
    bytes encoded;
    encode(2, 1, &encoded);
    int32_t result = psk_vault_import(&memory_vault, 0, encoded.data, encoded.length);
    if (result == 0) result = psk_vault_describe(&memory_vault, 0, out, sizeof out);
    return result < 0 ? result : psk_vault_erase(&memory_vault, 0);
}

static int32_t by_handles(void)
{
    uint8_t out[PSK_BUNDLE_MAX];
    bytes encoded;
    int32_t result, session = -1;
    const int32_t opened = iotpsk_vault_open(directory);
    if (opened < 0) return opened;
    encode(2, 1, &encoded);
    result = iotpsk_vault_import(opened, 0, encoded.data, (int32_t) encoded.length);
    if (result == 0) result = iotpsk_vault_describe(opened, 0, out, (int32_t) sizeof out);
    if (result >= 0) result = session = iotpsk_open(opened, 0, PSK_CORE_TLS13, 512, PSK_CORE_OPTION_PSK_KE);
    while (result >= 0 && (result = iotpsk_step(session)) == PSK_CORE_WANTS_DRAIN) {
        while (iotpsk_drain(session, out, (int32_t) sizeof out) > 0) { }
    }
    if (session >= 0) CHECK_EQUAL(0, iotpsk_close(session));
    CHECK_EQUAL(0, iotpsk_vault_close(opened));
    return result < 0 ? result : 0;
}

/* The other end of each life, and the life. */
static int32_t live(int32_t (*life)(void), int first, int last)
{
    static const char *rekeying[] = { "iotpsk-rekey/1", NULL };
    const int needs_tls = life == with_tickets || life == with_diffie_hellman || life == with_a_new_key;
    provision();
    if (needs_tls) start_tls(1, life == with_a_new_key ? rekeying : NULL);
    else start_dtls(life == in_session_mode ? 32 : 0);
    allocations = 0;
    fails_at = first;
    fails_until = last;
    device_works = 1;
    const int32_t result = life();
    device_works = 0;
    fails_at = -1;
    stop();
    return result;
}

static int step = 1;

static void run_out_of_memory(const char *name, int32_t (*life)(void), int least)
{
    int survived = 0;
    CHECK_EQUAL(0, live(life, -1, 0));                  /* what PSA allocates once is there now */
    CHECK_EQUAL(0, live(life, -1, 0));
    const int points = allocations;
    for (int at = 0; at < points - (step > 1 ? step : 0); at += step) {
        const int32_t forever = live(life, at, points * 2), once = live(life, at, at);
        if (forever != PSK_CORE_ERR_MEMORY) (void) fprintf(stderr, "%s, %d of %d: %s\n", name, at, points, psk_core_error_name(forever));
        CHECK_EQUAL(PSK_CORE_ERR_MEMORY, forever);
        if (once != 0 && once != PSK_CORE_ERR_MEMORY) (void) fprintf(stderr, "%s, once, %d of %d: %s\n", name, at, points, psk_core_error_name(once));
        CHECK(once == 0 || once == PSK_CORE_ERR_MEMORY);
        survived += once == 0;
        CHECK_EQUAL(0, live(life, -1, 0));
    }
    (void) printf("%s: %d points of allocation, each failing once and for good; %d could be done without\n", name, points, survived);
    CHECK(points >= least);
}

TEST(memory_running_out_in_a_life_with_sleep)
{
    run_out_of_memory("DTLS, sleep", asleep_and_awake, 20);
}

TEST(memory_running_out_in_session_mode)
{
    run_out_of_memory("DTLS, session mode", in_session_mode, 15);
}

TEST(memory_running_out_in_a_life_with_tickets)
{
    run_out_of_memory("TLS, psk_ke and tickets", with_tickets, 25);
}

/* mbedTLS's own curve code allocates thousands of times, and not always as often. */
#ifdef PSK_LEGACY_EC
#define CURVE_NAME ", one point in fifty"
#define CURVE_STEP 50
#else
#define CURVE_NAME ""
#define CURVE_STEP 1
#endif

TEST(memory_running_out_in_a_life_with_diffie_hellman)
{
    step = CURVE_STEP;
    run_out_of_memory("TLS, psk_dhe_ke" CURVE_NAME, with_diffie_hellman, 25);
}

TEST(memory_running_out_while_a_new_key_comes)
{
    step = CURVE_STEP;
    run_out_of_memory("re-keying" CURVE_NAME, with_a_new_key, 25);
}

TEST(memory_running_out_at_provisioning)
{
    run_out_of_memory("provisioning", provisioning, 2);
}

TEST(memory_running_out_behind_handles)
{
    make_directory();
    run_out_of_memory("handles", by_handles, 8);
}

TEST(saving_an_association_needs_no_memory)
{
    psk_core *core = NULL;
    provision();
    start_dtls(0);
    CHECK_EQUAL(0, psk_core_open_slot(&core, &memory_vault, 0, PSK_CORE_DTLS12, 512, PSK_CORE_OPTION_CONNECTION_ID));
    CHECK_EQUAL(0, handshake(core));
    allocations = 0;
    device_works = 1;
    const int32_t sent = psk_core_write(core, (const uint8_t *) "ab", 2), saved = psk_core_save_slot(core, &memory_vault, 0);
    device_works = 0;
    CHECK_EQUAL(2, sent);
    CHECK_EQUAL(0, saved);
    CHECK_EQUAL(0, allocations);
    psk_core_free(core);
    stop();
}
