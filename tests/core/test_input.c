/* What a hostile or broken server can do to a session before it is connected, and what a caller can do wrong. */
#include <string.h>

#include "bundles.h"
#include "harness.h"
#include "psk_core.h"

static int allocations_until_failure = -1;
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    if (allocations_until_failure >= 0 && allocations_until_failure-- == 0) {
        allocations_until_failure = 0;                  /* and every later one */
        return NULL;
    }
    return __real_calloc(count, size);
}

static bytes encoded;

static psk_bundle usual(void)
{
    psk_bundle bundle;
    bundle_recipe recipe = usual_bundle;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    return bundle;
}

/* Steps and drains until input is wanted; what was drained last is in out. */
static int32_t step(psk_core *core, uint8_t *out, size_t size, size_t *length)
{
    int32_t result, drained;
    *length = 0;
    do {
        result = psk_core_step(core);
        while ((drained = psk_core_drain(core, out + *length, size - *length)) > 0) *length += (size_t) drained;
    } while (result == PSK_CORE_WANTS_DRAIN);
    return result;
}

/* A session that has sent its ClientHello. */
static psk_core *waiting_core(void)
{
    const psk_bundle bundle = usual();
    psk_core *core;
    uint8_t out[2048];
    size_t length;
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, 0));
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, step(core, out, sizeof out, &length));
    CHECK(length > 100);
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, step(core, out, sizeof out, &length));
    CHECK_EQUAL(0, length);
    return core;
}

TEST(open_refuses_what_it_cannot_do)
{
    psk_bundle bundle = usual();
    psk_core *core = NULL;
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open(NULL, &bundle, PSK_CORE_TLS13, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open(&core, NULL, PSK_CORE_TLS13, 0, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 63, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open(&core, &bundle, PSK_CORE_TLS13, -1, 0));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, PSK_CORE_OPTIONS + 1u));
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_open(&core, &bundle, 0x0303, 0, 0));
    bundle.tls13_key.data = NULL;
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, 0));
    bundle.session_randoms = 32;
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, PSK_CORE_OPTION_REKEY));
    bundle.tls12_key.data = NULL;
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, 0));
    CHECK(core == NULL);
    psk_core_free(NULL);
}

TEST(session_is_not_connected_before_its_handshake)
{
    uint8_t data[16] = { 0 };
    psk_core *core = waiting_core();
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_write(core, data, 1));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_read(core, data, 1));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_close_notify(core));
    CHECK_EQUAL(PSK_CORE_ERR_NOT_CONNECTED, psk_core_info(core, PSK_CORE_INFO_SUITE));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_feed(core, NULL, 1));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_read(core, NULL, 1));
    CHECK_EQUAL(PSK_CORE_ERR_ARGUMENT, psk_core_step(NULL));
    psk_core_free(core);
}

TEST(feed_takes_no_more_than_the_queue_holds)
{
    static uint8_t data[100000];
    psk_core *core = waiting_core();
    const int32_t taken = psk_core_feed(core, data, sizeof data);
    CHECK(taken > 0 && taken < (int32_t) sizeof data);
    CHECK_EQUAL(0, psk_core_feed(core, data, 1));
    psk_core_free(core);
}

TEST(alerts_of_the_server_have_names)
{
    static const struct { uint8_t alert; int32_t error; } known[] = {
        { 51, PSK_CORE_ERR_REFUSED }, { 115, PSK_CORE_ERR_UNKNOWN_IDENTITY }, { 40, PSK_CORE_ERR_NO_COMMON },
        { 71, PSK_CORE_ERR_NO_COMMON }, { 70, PSK_CORE_ERR_VERSION }, { 80, PSK_CORE_ERR_SERVER_FAULT }, { 47, PSK_CORE_ERR_ALERT }
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint8_t record[] = { 21, 3, 3, 0, 2, 2, known[i].alert };
        uint8_t out[64];
        psk_core *core = waiting_core();
        CHECK_EQUAL(sizeof record, psk_core_feed(core, record, sizeof record));
        CHECK_EQUAL(known[i].error, psk_core_step(core));
        CHECK_EQUAL(known[i].alert, psk_core_info(core, PSK_CORE_INFO_LAST_ALERT));
        CHECK_EQUAL(0, psk_core_drain(core, out, sizeof out));          /* an alert is not answered: RFC 8446 s6.2 */
        psk_core_free(core);
    }
}

TEST(close_notify_in_the_handshake_is_closed)
{
    static const uint8_t record[] = { 21, 3, 3, 0, 2, 1, 0 };
    psk_core *core = waiting_core();
    CHECK_EQUAL(sizeof record, psk_core_feed(core, record, sizeof record));
    CHECK_EQUAL(PSK_CORE_ERR_CLOSED, psk_core_step(core));
    psk_core_free(core);
}

static int32_t step_with(const uint8_t *data, size_t length, uint8_t *alert)
{
    uint8_t out[64];
    size_t drained;
    psk_core *core = waiting_core();
    CHECK_EQUAL(length, psk_core_feed(core, data, length));
    const int32_t result = step(core, out, sizeof out, &drained);
    if (result < 0) {
        CHECK_EQUAL(7, drained);
        CHECK(out[0] == 21 && out[5] == 2);
        *alert = out[6];
    }
    psk_core_free(core);
    return result;
}

TEST(garbage_in_place_of_a_server_hello_gets_an_alert)
{
    static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static const uint8_t ssh[] = "SSH-2.0-OpenSSH_9.2p1\r\n";
    static const uint8_t zeros[64] = { 0 };
    static const uint8_t long_record[] = { 22, 3, 3, 0xff, 0xff, 2, 0, 0, 4, 0, 0, 0, 0 };
    static const uint8_t not_a_hello[] = { 22, 3, 3, 0, 5, 20, 0, 0, 1, 0 };
    static const uint8_t early_data[] = { 23, 3, 3, 0, 4, 1, 2, 3, 4 };
    static const uint8_t short_hello[] = { 22, 3, 3, 0, 6, 2, 0, 0, 2, 3, 3 };
    static const struct { const uint8_t *data; size_t length; } inputs[] = {
        { http, sizeof http }, { ssh, sizeof ssh }, { zeros, sizeof zeros }, { long_record, sizeof long_record },
        { not_a_hello, sizeof not_a_hello }, { early_data, sizeof early_data }, { short_hello, sizeof short_hello }
    };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        uint8_t alert = 0;
        const int32_t result = step_with(inputs[i].data, inputs[i].length, &alert);
        CHECK(result == PSK_CORE_ERR_PROTOCOL || result == PSK_CORE_ERR_RECORD_SIZE || result == PSK_CORE_ERR_VERSION);
        CHECK(alert != 80);
    }
}

/* A ServerHello that answers the hello of the session, with this key share. */
static size_t server_hello(const uint8_t *client_hello, const uint8_t share[65], uint8_t *out)
{
    static const uint8_t start[] = { 22, 3, 3, 0, 0, 2, 0, 0, 0, 3, 3 };
    static const uint8_t before_share[] = { 0x13, 0x01, 0, 0, 83, 0, 43, 0, 2, 3, 4, 0, 51, 0, 69, 0, 23, 0, 65 };
    static const uint8_t selected_psk[] = { 0, 41, 0, 2, 0, 0 };
    const size_t id_length = 1u + client_hello[5 + 4 + 2 + 32];
    size_t length = sizeof start;
    memcpy(out, start, sizeof start);
    memset(out + length, 7, 32);
    memcpy(out + length + 32, client_hello + 5 + 4 + 2 + 32, id_length);
    length += 32 + id_length;
    memcpy(out + length, before_share, sizeof before_share);
    memcpy(out + length + sizeof before_share, share, 65);
    memcpy(out + length + sizeof before_share + 65, selected_psk, sizeof selected_psk);
    length += sizeof before_share + 65 + sizeof selected_psk;
    out[4] = (uint8_t) (length - 5);
    out[8] = (uint8_t) (length - 9);
    return length;
}

TEST(share_of_the_server_that_is_no_point_of_the_curve_is_its_fault)
{
    uint8_t share[65] = { 4 }, hello[2048], answer[256];
    for (int round = 0; round < 3; round++) {
        const psk_bundle bundle = usual();
        psk_core *core;
        size_t length;
        memset(share + 1, round == 0 ? 0 : round == 1 ? 0xff : 0x11, 64);
        CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_TLS13, 0, 0));
        CHECK_EQUAL(PSK_CORE_WANTS_INPUT, step(core, hello, sizeof hello, &length));
        length = server_hello(hello, share, answer);
        for (size_t fed = 0; fed < length;) {
            const int32_t taken = psk_core_feed(core, answer + fed, length - fed);
            CHECK(taken > 0);
            fed += (size_t) taken;
            const int32_t result = psk_core_step(core);
            CHECK_EQUAL(fed < length ? PSK_CORE_WANTS_INPUT : PSK_CORE_ERR_PROTOCOL, result);
        }
        CHECK_EQUAL(7, psk_core_drain(core, answer, sizeof answer));
        CHECK(answer[0] == 21 && answer[5] == 2 && answer[6] != 80);
        psk_core_free(core);
    }
}

TEST(random_input_never_connects_and_never_crashes)
{
    unsigned state = 1;
    for (int round = 0; round < 300; round++) {
        uint8_t data[700], out[64];
        psk_core *core = waiting_core();
        state = state * 1103515245u + 12345u;
        const size_t length = 1 + state % sizeof data;
        for (size_t i = 0; i < length; i++) {
            state = state * 1103515245u + 12345u;
            data[i] = (uint8_t) (state >> 16);
        }
        /* Half of the rounds look like a handshake record with a ServerHello in it. */
        if ((round & 1) != 0 && length > 60) {
            const uint8_t start[] = { 22, 3, 3, (uint8_t) ((length - 5) >> 8), (uint8_t) (length - 5), 2, 0,
                                      (uint8_t) ((length - 9) >> 8), (uint8_t) (length - 9), 3, 3 };
            memcpy(data, start, sizeof start);
        }
        size_t fed = 0, drained;
        int32_t result = PSK_CORE_WANTS_INPUT;
        while (fed < length && result >= 0) {
            const int32_t taken = psk_core_feed(core, data + fed, length - fed);
            CHECK(taken > 0);
            fed += (size_t) taken;
            result = step(core, out, sizeof out, &drained);
            CHECK(result != PSK_CORE_DONE);
        }
        psk_core_free(core);
    }
}

static void run_out_of_memory(int32_t protocol)
{
    const psk_bundle bundle = usual();
    int stage_reached = 0;
    psk_core_free(waiting_core());                      /* what PSA allocates once is there now */
    for (int allowed = 0; stage_reached < 2; allowed++) {
        psk_core *core = NULL;
        CHECK(allowed < 500);
        allocations_until_failure = allowed;
        int32_t result = psk_core_open(&core, &bundle, protocol, 0, 0);
        stage_reached = 0;
        if (result == 0) {
            stage_reached = 1;
            uint8_t out[2048];
            size_t length;
            result = step(core, out, sizeof out, &length);
            if (result == PSK_CORE_WANTS_INPUT) stage_reached = 2;
        }
        allocations_until_failure = -1;
        if (stage_reached < 2) CHECK_EQUAL(PSK_CORE_ERR_MEMORY, result);
        psk_core_free(core);
    }
}

TEST(memory_running_out_at_any_allocation_is_an_error_without_a_leak)
{
    run_out_of_memory(PSK_CORE_TLS13);
}

TEST(memory_running_out_at_any_allocation_of_dtls_is_an_error_without_a_leak)
{
#ifdef PSK_NO_DTLS
    const psk_bundle bundle = usual();
    psk_core *core;
    CHECK_EQUAL(PSK_CORE_ERR_UNSUPPORTED, psk_core_open(&core, &bundle, PSK_CORE_DTLS12, 0, 0));
#else
    run_out_of_memory(PSK_CORE_DTLS12);
#endif
}
