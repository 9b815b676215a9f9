/* A DTLS 1.2 session whose server, network and clock are the input. */
#include "fuzzing.h"

static const int32_t record_sizes[] = { 0, 64, 512, 4096 };
static uint32_t now;

int32_t fuzz_open_dtls(psk_core **core, uint8_t flags, const uint8_t *saved, size_t length)
{
    const psk_bundle bundle = fuzz_bundle();
    uint32_t options = 0;
    if ((flags & DTLS_CID) != 0) options |= PSK_CORE_OPTION_CONNECTION_ID;
    if ((flags & DTLS_SESSION_KEY) != 0) options |= PSK_CORE_OPTION_SESSION_KEY;
    if ((flags & DTLS_CHACHA) != 0) options |= PSK_CORE_OPTION_ECDHE_PSK;
    return saved != NULL ? psk_core_load(core, saved, length, record_sizes[flags >> 6], options)
                         : psk_core_open(core, &bundle, PSK_CORE_DTLS12, record_sizes[flags >> 6], options);
}

static int32_t work(psk_core *core)
{
    uint8_t text[4096];
    int32_t result = fuzz_step(core);
    if (result != PSK_CORE_DONE) return result;
    do {
        result = psk_core_read(core, text, sizeof text);
        MUST(result != PSK_CORE_ERR_BUFFER && result <= (int32_t) sizeof text);
        if (result > 0) fuzz_reached = READ;
        fuzz_drain(core);
    } while (result > 0);
    return result;
}

/* The device falls asleep and wakes up with what it saved; NULL: it could not. */
static psk_core *sleep_and_wake(psk_core *core, uint8_t flags)
{
    uint8_t saved[PSK_ASSOCIATION_MAX];
    psk_core *next = NULL;
    const int32_t length = psk_core_save(core, saved, sizeof saved);
    if (length < 0) return core;
    psk_core_free(core);
    MUST(fuzz_open_dtls(&next, flags, saved, (size_t) length) == 0);
    return next;
}

static int32_t handle(psk_core **core, uint8_t flags, input *in)
{
    static const uint8_t text[4096];
    size_t length;
    int32_t result = 0;
    switch (take_byte(in) % EVENTS) {
    case EVENT_DATAGRAM:
        length = take_length(in);
        result = psk_core_feed(*core, take(in, length), length);
        MUST(result == (int32_t) length);                   /* everything was read before */
        break;
    case EVENT_TICK:
        now += (uint32_t) take_byte(in) << 8 | take_byte(in);
        result = psk_core_tick(*core, now);
        (void) psk_core_deadline(*core);
        break;
    case EVENT_WRITE:
        result = psk_core_write(*core, text, (size_t) take_byte(in) * 16);
        fuzz_drain(*core);
        if (result == PSK_CORE_ERR_NOT_CONNECTED || result == PSK_CORE_ERR_TOO_LONG || result == PSK_CORE_ERR_CLOSED) result = 0;
        break;
    case EVENT_SLEEP: *core = sleep_and_wake(*core, flags); break;
    default: (void) psk_core_close_notify(*core); break;
    }
    return result < 0 ? result : work(*core);
}

void fuzz_dtls(const uint8_t *data, size_t size)
{
    input in = { data, size };
    psk_core *core = NULL;
    fuzz_reset();
    now = 0;
    const uint8_t flags = take_byte(&in);
    fuzz_compares = (flags & DTLS_COMPARES) != 0;
    const size_t length = (flags & DTLS_LOAD) != 0 ? take_length(&in) : 0;
    int32_t result = fuzz_open_dtls(&core, flags, (flags & DTLS_LOAD) != 0 ? take(&in, length) : NULL, length);
    if (result < 0) {
        MUST(core == NULL);
        return;
    }
    result = work(core);
    while (result >= 0 && in.left > 0) result = handle(&core, flags, &in);
    for (int32_t what = 0; what <= PSK_CORE_INFO_MESSAGE_MAX; what++) (void) psk_core_info(core, what);
    (void) psk_core_close_notify(core);
    fuzz_drain(core);
    psk_core_free(core);
}
