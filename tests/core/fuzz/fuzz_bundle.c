/* The parser of bundles: what it takes it shows within the input, and describes in a form that it takes for one without keys. */
#include <string.h>

#include "fuzzing.h"

static void check_span(psk_span span, const uint8_t *data, size_t size)
{
    MUST(span.data == NULL ? span.length == 0 : span.data >= data && span.length <= size && span.data + span.length <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t described[PSK_BUNDLE_MAX];
    psk_bundle bundle, again;
    const int32_t result = psk_bundle_parse(&bundle, data, size);
    if (result < 0) {
        MUST(result <= PSK_CORE_ERR_BUNDLE && result > PSK_CORE_ERR_BUNDLE - 64);
        MUST(psk_bundle_describe(data, size, described, sizeof described) == result);
        return 0;
    }
    const int session = bundle.session_randoms != 0;
    MUST(size <= PSK_BUNDLE_MAX && (session ? bundle.tls12_key.length : bundle.tls13_key.length) == PSK_BUNDLE_KEY_LENGTH);
    MUST(!session || (bundle.tls13_key.data == NULL && bundle.tls13_identity.data == NULL));
    check_span(bundle.device_id, data, size);
    check_span(bundle.server_id, data, size);
    check_span(bundle.tls_address, data, size);
    check_span(bundle.dtls_address, data, size);
    check_span(bundle.tls13_identity, data, size);
    check_span(bundle.tls13_key, data, size);
    check_span(bundle.tls12_identity, data, size);
    check_span(bundle.tls12_key, data, size);
    const int32_t length = psk_bundle_describe(data, size, described, sizeof described);
    MUST(length > 0 && (size_t) length < size);
    MUST(psk_bundle_parse(&again, described, (size_t) length) == PSK_CORE_ERR_BUNDLE - (session ? 9 : 7));       /* the key is not there */
    MUST(psk_bundle_describe(data, size, described, (size_t) length - 1) == PSK_CORE_ERR_BUFFER);
    return 0;
}
