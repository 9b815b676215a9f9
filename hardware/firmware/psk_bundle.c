#include "psk_bundle.h"

#include <string.h>

#include "psk_error.h"

#define SESSION_RANDOMS 13u
#define FIRST_UNKNOWN 14u
#define RANDOM_LENGTH 32u
#define TIME_LENGTH 4u              /* gmt_unix_time, RFC 5246 s7.4.1.2 */
#define FIRST_SKIPPED 64u
#define NESTING_MAX 4
#define CBOR_FALSE 20u
#define CBOR_TRUE 21u

enum { MAJOR_UINT = 0, MAJOR_NEGATIVE = 1, MAJOR_BYTES = 2, MAJOR_TEXT = 3, MAJOR_ARRAY = 4, MAJOR_MAP = 5, MAJOR_TAG = 6,
       MAJOR_SIMPLE = 7 };

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
} reader;

typedef struct head {
    uint8_t major;
    uint8_t info;
    uint32_t value;                 /* UINT32_MAX stands for all that is larger: no bundle is so long */
} head;

/* Definite lengths and shortest forms only (RFC 8949 s4.2.1). */
static bool read_head(reader *in, head *out)
{
    if (in->at == in->end) return false;
    const uint8_t first = *in->at++;
    out->major = (uint8_t) (first >> 5);
    out->info = first & 31u;
    out->value = out->info;
    if (out->info < 24) return true;
    if (out->info > 27) return false;
    const size_t bytes = (size_t) 1 << (out->info - 24);
    if ((size_t) (in->end - in->at) < bytes) return false;
    uint32_t value = 0, high = 0;
    for (size_t i = 0; i < bytes; i++) {
        high = high << 8 | value >> 24;
        value = value << 8 | *in->at++;
    }
    out->value = high != 0 ? UINT32_MAX : value;
    if (out->major == MAJOR_SIMPLE) return bytes > 1 || value >= 32;        /* floats, extended simple values */
    if (bytes == 8) return high != 0;
    return value >= (bytes == 1 ? 24u : (uint32_t) 1 << (bytes * 4));
}

static bool read_string(reader *in, uint8_t major, psk_span *out)
{
    head item;
    if (!read_head(in, &item) || item.major != major || item.value > (size_t) (in->end - in->at)) return false;
    out->data = in->at;
    out->length = (size_t) item.value;
    in->at += out->length;
    return true;
}

static bool read_uint(reader *in, uint32_t smallest, uint32_t largest, uint32_t *out)
{
    head item;
    if (!read_head(in, &item) || item.major != MAJOR_UINT || item.value < smallest || item.value > largest) return false;
    *out = (uint32_t) item.value;
    return true;
}

/* Passes over one item of any kind, nested at most NESTING_MAX deep. */
static bool skip(reader *in, int depth)
{
    head item;
    if (depth > NESTING_MAX || !read_head(in, &item)) return false;
    uint32_t children = 0;
    switch (item.major) {
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        if (item.value > (size_t) (in->end - in->at)) return false;
        in->at += (size_t) item.value;
        break;
    case MAJOR_ARRAY: children = item.value; break;
    case MAJOR_MAP:
        if (item.value > PSK_BUNDLE_MAX) return false;
        children = item.value * 2;
        break;
    case MAJOR_TAG: children = 1; break;
    default: break;
    }
    for (; children > 0; children--) {
        if (!skip(in, depth + 1)) return false;      /* every child takes a byte, so this ends with the input */
    }
    return true;
}

/* What a text consists of; an address is graphic, as a server id may have spaces too. */
typedef enum check { ANYTHING, DEVICE_ID, PRINTABLE, ADDRESS, IDENTITY } check;

static bool is_allowed(check kind, uint8_t c)
{
    if (kind != DEVICE_ID) return c < 0x7f && c >= (kind == PRINTABLE ? 0x20 : 0x21);
    return (uint8_t) ((c | 0x20) - 'a') < 26 || (uint8_t) (c - '0') < 10 || c == '_' || c == '.' || c == ':' || c == '-';
}

/* host:port, the port without a leading zero. */
static bool is_address(const psk_span *text)
{
    size_t colon = text->length;
    uint32_t port = 0;
    while (colon > 0 && text->data[colon - 1] != ':') colon--;
    if (colon < 2 || text->length - colon < 1 || text->length - colon > 5 || text->data[colon] == '0') return false;
    for (size_t i = colon; i < text->length; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') return false;
        port = port * 10 + (uint32_t) (text->data[i] - '0');
    }
    return port <= 65535;
}

/* ImportedIdentity with target_protocol TLS 1.3 (0x0304) and target_kdf HKDF_SHA256 (RFC 9258 s5.1). */
static bool is_identity(const psk_span *bytes)
{
#ifdef PSK_CORE_EXTERNAL_BINDER
    return bytes->length >= 1 && bytes->length <= 512;
#else
    static const uint8_t target[] = { 0x03, 0x04, 0x00, 0x01 };
    const uint8_t *at = bytes->data;
    size_t left = bytes->length;
    for (int vector = 0; vector < 2; vector++) {
        if (left < 2) return false;
        const size_t length = (size_t) at[0] << 8 | at[1];
        if (left - 2 < length || (vector == 0 && length == 0)) return false;
        at += 2 + length;
        left -= 2 + length;
    }
    return left == sizeof target && memcmp(at, target, sizeof target) == 0;
#endif
}

typedef struct rule {
    uint8_t major, kind;
    uint16_t smallest, largest;
    uint16_t place;                 /* of the span in a psk_bundle */
} rule;

/* Fields 2 to 9. */
static const rule rules[] = {
    { MAJOR_TEXT, DEVICE_ID, 1, 64, offsetof(psk_bundle, device_id) },
    { MAJOR_TEXT, PRINTABLE, 1, 255, offsetof(psk_bundle, server_id) },
    { MAJOR_TEXT, ADDRESS, 3, 261, offsetof(psk_bundle, tls_address) },
    { MAJOR_TEXT, ADDRESS, 3, 261, offsetof(psk_bundle, dtls_address) },
    { MAJOR_BYTES, IDENTITY, 0, PSK_BUNDLE_MAX, offsetof(psk_bundle, tls13_identity) },
    { MAJOR_BYTES, ANYTHING, PSK_BUNDLE_KEY_LENGTH, PSK_BUNDLE_KEY_LENGTH, offsetof(psk_bundle, tls13_key) },
    { MAJOR_BYTES, ANYTHING, 1, 128, offsetof(psk_bundle, tls12_identity) },
    { MAJOR_BYTES, ANYTHING, PSK_BUNDLE_KEY_LENGTH, PSK_BUNDLE_KEY_LENGTH, offsetof(psk_bundle, tls12_key) }
};

static bool read_by(const rule *of, reader *in, psk_bundle *out)
{
    psk_span *span = (psk_span *) (void *) ((uint8_t *) out + of->place);
    if (!read_string(in, of->major, span) || span->length < of->smallest || span->length > of->largest) return false;
    for (size_t i = 0; of->major == MAJOR_TEXT && i < span->length; i++) {
        if (!is_allowed((check) of->kind, span->data[i])) return false;
    }
    return (of->kind != ADDRESS || is_address(span)) && (of->kind != IDENTITY || is_identity(span));
}

static bool read_bool(reader *in, bool *out)
{
    head item;
    if (!read_head(in, &item) || item.major != MAJOR_SIMPLE || (item.info != CBOR_FALSE && item.info != CBOR_TRUE)) return false;
    *out = item.info == CBOR_TRUE;
    return true;
}

static bool read_field(reader *in, uint32_t field, psk_bundle *out)
{
    uint32_t version;
    if (field - 2 < sizeof rules / sizeof *rules) return read_by(&rules[field - 2], in, out);
    switch (field) {
    case 1: return read_uint(in, 1, 1, &version);
    case 10: return read_uint(in, 64, 16385, &out->record_size_limit);       /* RFC 8449 s4 */
    case 11: return read_bool(in, &out->connection_id);
    case 12: return read_uint(in, 0, INT32_MAX, &out->epoch);
    case SESSION_RANDOMS:
        return read_uint(in, RANDOM_LENGTH - TIME_LENGTH, RANDOM_LENGTH, &out->session_randoms) && out->session_randoms % TIME_LENGTH == 0;
    default: return field >= FIRST_SKIPPED && skip(in, 0);
    }
}

static int32_t wrong_field(uint32_t field)
{
    return PSK_CORE_ERR_BUNDLE - (int32_t) (field < SESSION_RANDOMS ? field : SESSION_RANDOMS);
}

static int32_t missing_field(uint32_t seen)
{
    static const uint8_t required[] = { 1, 2, 3, 4, 6, 7, 10, 11, 12 };
    const bool session = (seen >> SESSION_RANDOMS & 1u) != 0;
    for (size_t i = 0; i < sizeof required; i++) {
        const bool wanted = !session || (required[i] != 6 && required[i] != 7);
        if (((seen >> required[i] & 1u) != 0) != wanted) return PSK_CORE_ERR_BUNDLE - required[i];
    }
    const bool identity = (seen >> 8 & 1u) != 0, key = (seen >> 9 & 1u) != 0;
    if (identity == key && (identity || !session)) return 0;
    return PSK_CORE_ERR_BUNDLE - (identity ? 9 : 8);
}

int32_t psk_bundle_parse(psk_bundle *bundle, const uint8_t *data, size_t length)
{
    if (bundle == NULL || data == NULL) return PSK_CORE_ERR_ARGUMENT;
    memset(bundle, 0, sizeof *bundle);
    if (length == 0 || length > PSK_BUNDLE_MAX) return PSK_CORE_ERR_BUNDLE;
    reader in = { data, data + length };
    head map;
    if (!read_head(&in, &map) || map.major != MAJOR_MAP) return PSK_CORE_ERR_BUNDLE;

    uint32_t seen = 0;
    uint32_t last = 0;
    for (uint32_t entry = 0; entry < map.value; entry++) {
        head key;
        if (!read_head(&in, &key) || key.major != MAJOR_UINT || key.value <= last || key.value == UINT32_MAX) return PSK_CORE_ERR_BUNDLE;
        last = key.value;
        if (!read_field(&in, key.value, bundle)) return wrong_field(key.value);
        if (key.value < FIRST_UNKNOWN) seen |= (uint32_t) 1 << key.value;
    }
    return in.at == in.end ? missing_field(seen) : PSK_CORE_ERR_BUNDLE;
}

int32_t psk_bundle_describe(const uint8_t *data, size_t length, uint8_t *out, size_t size)
{
    psk_bundle bundle;
    const int32_t result = psk_bundle_parse(&bundle, data, length);
    if (result < 0) return result;
    if (out == NULL || size == 0) return PSK_CORE_ERR_BUFFER;

    reader in = { data, data + length };
    head map;
    size_t used = 1;
    uint8_t entries = 0;
    (void) read_head(&in, &map);
    for (uint32_t entry = 0; entry < map.value; entry++) {
        const uint8_t *start = in.at;
        head key;
        if (!read_head(&in, &key) || !skip(&in, 0)) return PSK_CORE_ERR_BUNDLE;
        if (key.value == 7 || key.value == 9 || key.value >= FIRST_UNKNOWN) continue;
        const size_t bytes = (size_t) (in.at - start);
        if (size - used < bytes) return PSK_CORE_ERR_BUFFER;
        memcpy(out + used, start, bytes);
        used += bytes;
        entries++;
    }
    out[0] = (uint8_t) (MAJOR_MAP << 5 | entries);       /* at most eleven entries: one byte says it */
    return (int32_t) used;
}
