/* A TLS 1.3 session whose server is the input. */
#include "fuzzing.h"

static const int32_t record_sizes[] = { 0, 64, 512, 4096 };

psk_core *fuzz_open_tls(uint8_t flags)
{
    const psk_bundle bundle = fuzz_bundle();
    psk_core *core = NULL;
    const uint32_t options = ((flags & TLS_PSK_KE) != 0 ? PSK_CORE_OPTION_PSK_KE : 0) | ((flags & TLS_NO_TICKETS) != 0 ? PSK_CORE_OPTION_NO_TICKETS : 0);
    MUST(psk_core_open(&core, &bundle, PSK_CORE_TLS13, record_sizes[flags >> 6], options) == 0);
    return core;
}

/* Goes on as far as the input that was fed lets it; < 0: over. */
static int32_t work(psk_core *core, uint8_t flags)
{
    uint8_t text[512];
    int32_t result = fuzz_step(core);
    if (result != PSK_CORE_DONE) return result;
    if ((flags & TLS_WRITES) != 0) {
        result = psk_core_write(core, (const uint8_t *) "telemetry", 9);
        fuzz_drain(core);
        if (result < 0) return result;
    }
    do {
        result = psk_core_read(core, text, sizeof text);
        MUST(result <= (int32_t) sizeof text);
        if (result > 0) fuzz_reached = READ;
        fuzz_drain(core);
    } while (result > 0);
    return result;
}

void fuzz_tls(const uint8_t *data, size_t size)
{
    uint8_t ticket[PSK_TICKET_MAX];
    input in = { data, size };
    fuzz_reset();
    const uint8_t flags = take_byte(&in);
    fuzz_compares = (flags & TLS_COMPARES) != 0;
    psk_core *core = fuzz_open_tls(flags);
    if ((flags & TLS_TICKET) != 0) {
        const size_t length = take_length(&in);
        (void) psk_core_offer_ticket(core, take(&in, length), length);
    }
    int32_t result = work(core, flags);
    while (result >= 0 && in.left > 0) {
        const size_t piece = (flags & TLS_BYTEWISE) != 0 ? 1 : in.left;
        const int32_t taken = psk_core_feed(core, in.at, piece);
        MUST(taken > 0 && taken <= (int32_t) piece);
        (void) take(&in, (size_t) taken);
        result = work(core, flags);
    }
    if (result < 0) {
        MUST(psk_core_step(core) == result && psk_core_feed(core, data, size) == result);
        MUST(psk_core_error_name(result)[0] != 'u' || result == PSK_CORE_ERR_UNSUPPORTED || result == PSK_CORE_ERR_UNKNOWN_IDENTITY);
    }
    (void) psk_core_take_ticket(core, ticket, sizeof ticket);
    for (int32_t what = 0; what <= PSK_CORE_INFO_MESSAGE_MAX; what++) (void) psk_core_info(core, what);
    (void) psk_core_close_notify(core);
    fuzz_drain(core);
    psk_core_free(core);
}
