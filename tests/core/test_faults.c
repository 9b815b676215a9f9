/* Memory that runs out at any allocation of a whole life: handshake, messages, sleep, wake-up, farewell. Each time there is a named
 * error and nothing leaks (the sanitizers look), and the next life, with memory enough, is a good one. mbedTLS's own server is
 * the other end; it always has memory. */
#include <string.h>

#include "bundles.h"
#include "dtls_server.h"
#include "harness.h"
#include "psk_core.h"

static int allocations_left = -1;       /* -1: no end of them */
static int device_works;                /* allocations of the server do not count */
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    if (device_works && allocations_left >= 0 && allocations_left-- == 0) {
        allocations_left = 0;           /* and every later one */
        return NULL;
    }
    return __real_calloc(count, size);
}

/* A vault in the memory of the test, which allocates nothing. */
typedef struct places {
    size_t length[3];
    uint8_t record[3][PSK_VAULT_RECORD_MAX];
} places;

static places kept;

static int32_t read_place(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    const places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    if (all->length[at] == 0) return PSK_CORE_ERR_NO_CREDENTIAL;
    if (all->length[at] > size) return PSK_CORE_ERR_VAULT_CORRUPT;
    *length = all->length[at];
    memcpy(record, all->record[at], *length);
    return 0;
}

static int32_t write_place(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    CHECK(length <= sizeof all->record[at]);
    memcpy(all->record[at], record, length);
    all->length[at] = length;
    return 0;
}

static int32_t erase_place(void *context, int32_t slot)
{
    places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    const int32_t existed = all->length[at] > 0;
    all->length[at] = 0;
    return existed;
}

static const psk_vault_store store = { read_place, write_place, erase_place };
static const psk_vault vault = { &store, &kept };
static const dtls_server_settings settings = { .identity = "sensor-1~1", .key_first = 1, .connection_id = 6 };
static dtls_server server;

static void import(void)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_vault_import(&vault, 0, encoded.data, encoded.length));
}

/* What the device has to send goes to the server, and its answers come back. */
static void carry(psk_core *core)
{
    uint8_t data[2048];
    for (int32_t length; (length = psk_core_drain(core, data, sizeof data)) > 0;) {
        device_works = 0;
        dtls_server_receive(&server, data, (size_t) length);
        device_works = 1;
    }
    for (size_t length; (length = dtls_server_drain(&server, data, sizeof data)) > 0;) (void) psk_core_feed(core, data, length);
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

/* Everything a device does in its life; 0, or the first error. */
static int32_t live(void)
{
    psk_core *core = NULL;
    int32_t result = psk_core_open_slot(&core, &vault, 0, PSK_CORE_DTLS12, 512, PSK_CORE_OPTION_CONNECTION_ID);
    if (result == 0) result = handshake(core);
    if (result == 0) result = ask(core);
    if (result == 0) result = psk_core_save_slot(core, &vault, 0);
    psk_core_free(core);
    core = NULL;
    if (result == 0) result = psk_core_load_slot(&core, &vault, 0, 512, PSK_CORE_OPTION_CONNECTION_ID);
    if (result == 0) result = ask(core);
    if (result == 0) result = psk_core_close_notify(core);
    psk_core_free(core);
    return result;
}

static int32_t live_with(int allocations)
{
    dtls_server_start(&server, &settings);
    device_works = 1;
    allocations_left = allocations;
    const int32_t result = live();
    allocations_left = -1;
    device_works = 0;
    dtls_server_stop(&server);
    return result;
}

TEST(memory_running_out_in_any_moment_of_a_life_is_an_error_and_the_next_life_is_good)
{
    int allocations = 0, memory_named = 0;
    import();
    CHECK_EQUAL(0, live_with(-1));                  /* what PSA allocates once is there now */
    for (int32_t result = -1; result != 0; allocations++) {
        CHECK(allocations < 500);
        result = live_with(allocations);
        if (result == 0) break;
        /* Where mbedTLS hides the cause it is told as a failure of the library, of the handshake, or of the association. */
        CHECK(result == PSK_CORE_ERR_MEMORY || result == PSK_CORE_ERR_INTERNAL || result == PSK_CORE_ERR_PROTOCOL
              || result == PSK_CORE_ERR_NO_ASSOCIATION);
        memory_named += result == PSK_CORE_ERR_MEMORY;
        CHECK_EQUAL(0, live_with(-1));
    }
    CHECK(allocations >= 20);
    CHECK(2 * memory_named > allocations);
}

TEST(saving_an_association_needs_no_memory)
{
    psk_core *core = NULL;
    import();
    dtls_server_start(&server, &settings);
    CHECK_EQUAL(0, psk_core_open_slot(&core, &vault, 0, PSK_CORE_DTLS12, 512, PSK_CORE_OPTION_CONNECTION_ID));
    CHECK_EQUAL(0, handshake(core));
    allocations_left = 0;
    device_works = 1;
    const int32_t sent = psk_core_write(core, (const uint8_t *) "ab", 2), saved = psk_core_save_slot(core, &vault, 0);
    allocations_left = -1;
    CHECK_EQUAL(2, sent);
    CHECK_EQUAL(0, saved);
    psk_core_free(core);
    dtls_server_stop(&server);
}
