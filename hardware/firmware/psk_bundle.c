#include "psk_bundle.h"

#include <string.h>

#include "psk_error.h"
#include "psk_queue.h"

#define NESTING_MAX 4
#define CBOR_FALSE 20u
#define CBOR_TRUE 21u

enum { MAJOR_UINT = 0, MAJOR_NEGATIVE = 1, MAJOR_BYTES = 2, MAJOR_TEXT = 3, MAJOR_ARRAY = 4, MAJOR_MAP = 5, MAJOR_TAG = 6,
       MAJOR_SIMPLE = 7 };

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
    /* Of the head that was read last. */
    uint32_t major;
    uint32_t value;                 /* UINT32_MAX stands for all that is larger, and for floats */
} reader;

static bool advance(reader *in, uint32_t bytes)
{
    if (bytes > (size_t) (in->end - in->at)) return false;
    in->at += bytes;
    return true;
}

/* Definite lengths and shortest forms only (RFC 8949 s4.2.1). */
static bool read_head(reader *in)
{
    if (in->at == in->end) return false;
    const uint8_t *next = in->at;
    const uint32_t info = *next & 31u, bytes = info < 24 ? 0 : 1u << (info - 24);
    in->major = *next++ >> 5;
    in->value = info;
    if (info > 27 || !advance(in, 1 + bytes)) return false;
    if (bytes == 0) return true;
    uint32_t value = 0, high = 0;               /* high: the first half of the bytes */
    for (uint32_t i = 0; i < bytes; i++) {
        if (i == bytes / 2) high = value;
        value = value << 8 | *next++;
    }
    in->value = bytes > 4 || in->major == MAJOR_SIMPLE ? UINT32_MAX : value;
    if (in->major == MAJOR_SIMPLE) return bytes > 1 || value >= 32;             /* floats, extended simple values */
    return bytes == 1 ? value >= 24 : high != 0;
}

/* Passes over one item of any kind, nested at most NESTING_MAX deep. */
static bool skip(reader *in, int depth)
{
    if (depth > NESTING_MAX || !read_head(in)) return false;
    uint32_t children = in->major == MAJOR_TAG;
    if (in->major == MAJOR_BYTES || in->major == MAJOR_TEXT) return advance(in, in->value);
    if (in->major == MAJOR_ARRAY || in->major == MAJOR_MAP) {
        if (in->value > PSK_BUNDLE_MAX) return false;
        children = in->value << (in->major - MAJOR_ARRAY);
    }
    while (children-- > 0) {
        if (!skip(in, depth + 1)) return false;      /* every child takes a byte, so this ends with the input */
    }
    return true;
}

/* What a text consists of, and what else holds for a field; an address is graphic, as a server id may have spaces too. */
enum { ANYTHING, DEVICE_ID, PRINTABLE, ADDRESS, IDENTITY, NUMBER };

static bool is_allowed(uint32_t kind, uint8_t c)
{
    if (kind != DEVICE_ID) return c < 0x7f && c >= (kind == PRINTABLE ? 0x20 : 0x21);
    return (uint8_t) ((c | 0x20) - 'a') < 26 || (uint8_t) (c - '0') < 10 || c == '_' || c == '.' || c == ':' || c == '-';
}

/* host:port, the port without a leading zero. */
static bool is_address(const uint8_t *text, const uint8_t *end)
{
    const uint8_t *at = end;
    uint32_t port = 0, weight = 1;
    while (at > text && (uint8_t) (at[-1] - '0') < 10) {
        port += weight * (uint32_t) (*--at - '0');
        weight *= 10;
    }
    return at - text >= 2 && at[-1] == ':' && at < end && end - at <= 5 && *at != '0' && port <= 65535;
}

/* ImportedIdentity with target_protocol TLS 1.3 (0x0304) and target_kdf HKDF_SHA256 (RFC 9258 s5.1). */
static bool is_identity(const uint8_t *at, const uint8_t *end)
{
#ifdef PSK_CORE_EXTERNAL_BINDER
    return end - at >= 1 && end - at <= 512;
#else
    static const uint8_t target[] = { 0x03, 0x04, 0x00, 0x01 };
    for (int vector = 0; vector < 2; vector++) {
        if (end - at < 2) return false;
        const size_t length = psk_read_16(at);
        at += 2;
        if ((size_t) (end - at) < length || (vector == 0 && length == 0)) return false;
        at += length;
    }
    return end - at == sizeof target && memcmp(at, target, sizeof target) == 0;
#endif
}

static bool is_right(uint32_t kind, const psk_span *value)
{
    const uint8_t *at = value->data, *end = at + value->length;
    if (kind == ANYTHING) return true;
    if (kind == IDENTITY) return is_identity(at, end);
    while (at < end) {
        if (!is_allowed(kind, *at++)) return false;
    }
    return kind != ADDRESS || is_address(value->data, end);
}

typedef struct rule {
    uint8_t major, kind;
    uint16_t smallest, largest;     /* number, or bytes of a string; UINT16_MAX: INT32_MAX */
    uint16_t place;                 /* in a psk_bundle: a psk_span or a number */
} rule;

#define SESSION_RANDOMS 13u
#define FIRST_SKIPPED 64u

/* Fields 1 to 13; the limit is that of RFC 8449 s4. */
static const rule rules[] = {
    { MAJOR_UINT, NUMBER, 1, 1, offsetof(psk_bundle, version) },
    { MAJOR_TEXT, DEVICE_ID, 1, 64, offsetof(psk_bundle, device_id) },
    { MAJOR_TEXT, PRINTABLE, 1, 255, offsetof(psk_bundle, server_id) },
    { MAJOR_TEXT, ADDRESS, 3, 261, offsetof(psk_bundle, tls_address) },
    { MAJOR_TEXT, ADDRESS, 3, 261, offsetof(psk_bundle, dtls_address) },
    { MAJOR_BYTES, IDENTITY, 0, PSK_BUNDLE_MAX, offsetof(psk_bundle, tls13_identity) },
    { MAJOR_BYTES, ANYTHING, PSK_BUNDLE_KEY_LENGTH, PSK_BUNDLE_KEY_LENGTH, offsetof(psk_bundle, tls13_key) },
    { MAJOR_BYTES, ANYTHING, 1, 128, offsetof(psk_bundle, tls12_identity) },
    { MAJOR_BYTES, ANYTHING, PSK_BUNDLE_KEY_LENGTH, PSK_BUNDLE_KEY_LENGTH, offsetof(psk_bundle, tls12_key) },
    { MAJOR_UINT, NUMBER, 64, 16385, offsetof(psk_bundle, record_size_limit) },
    { MAJOR_SIMPLE, NUMBER, CBOR_FALSE, CBOR_TRUE, offsetof(psk_bundle, connection_id) },
    { MAJOR_UINT, NUMBER, 0, UINT16_MAX, offsetof(psk_bundle, epoch) },
    { MAJOR_UINT, NUMBER, PSK_BUNDLE_RANDOM - PSK_BUNDLE_TIME, PSK_BUNDLE_RANDOM, offsetof(psk_bundle, session_randoms) }
};

static bool read_field(reader *in, const rule *of, psk_bundle *out)
{
    void *place = (uint8_t *) out + of->place;
    const uint32_t largest = of->largest == UINT16_MAX ? INT32_MAX : of->largest;
    if (!read_head(in) || in->major != of->major || in->value < of->smallest || in->value > largest) return false;
    if (of->kind == NUMBER) {
        *(uint32_t *) place = in->major == MAJOR_SIMPLE ? in->value - CBOR_FALSE : in->value;
        return true;
    }
    psk_span *span = place;
    span->data = in->at;
    span->length = in->value;
    return advance(in, in->value) && is_right(of->kind, span);
}

#define FIELD(number) (1u << (number))
#define REQUIRED (FIELD(1) | FIELD(2) | FIELD(3) | FIELD(4) | FIELD(6) | FIELD(7) | FIELD(10) | FIELD(11) | FIELD(12))

/* The first field that is missing or should not be there, as an error; 0: none. */
static int32_t judge(uint32_t seen, const psk_bundle *bundle)
{
    const uint32_t tls13 = FIELD(6) | FIELD(7), tls12 = FIELD(8) | FIELD(9), session = seen & FIELD(SESSION_RANDOMS);
    uint32_t wanted = REQUIRED;
    if (session != 0) wanted ^= tls13;
    if (session != 0 || (seen & tls12) != 0) wanted |= tls12;
    uint32_t wrong = (seen ^ wanted) & (REQUIRED | tls12);
    /* All of each random or all but its gmt_unix_time (RFC 5246 s7.4.1.2). */
    if (bundle->session_randoms % PSK_BUNDLE_TIME != 0) wrong |= FIELD(SESSION_RANDOMS);
    if (wrong == 0) return 0;
    int32_t error = PSK_CORE_ERR_BUNDLE;
    for (; (wrong & 1u) == 0; wrong >>= 1) error--;
    return error;
}

static bool is_public(uint32_t field)
{
    return field <= SESSION_RANDOMS && field != 7 && field != 9;
}

/* out: NULL, or where the public part goes; 0 or the length of that, or an error. */
static int32_t parse(psk_bundle *bundle, const uint8_t *data, size_t length, uint8_t *out, size_t size)
{
    reader in = { data, data + length, 0, 0 };
    uint32_t seen = 0, last = 0;
    size_t used = 0;
    memset(bundle, 0, sizeof *bundle);
    if (length > PSK_BUNDLE_MAX || !read_head(&in) || in.major != MAJOR_MAP) return PSK_CORE_ERR_BUNDLE;
    if (out != NULL) {
        if (size == 0) return PSK_CORE_ERR_BUFFER;
        out[used++] = MAJOR_MAP << 5;           /* at most eleven entries: one byte says it */
    }
    for (uint32_t left = in.value; left > 0; left--) {
        const uint8_t *start = in.at;
        if (!read_head(&in) || in.major != MAJOR_UINT || in.value <= last || in.value == UINT32_MAX) return PSK_CORE_ERR_BUNDLE;
        const uint32_t field = last = in.value;
        const bool known = field <= SESSION_RANDOMS;
        if (known ? !read_field(&in, &rules[field - 1], bundle) : field < FIRST_SKIPPED || !skip(&in, 0)) {
            return PSK_CORE_ERR_BUNDLE - (int32_t) (known ? field : SESSION_RANDOMS);
        }
        if (known) seen |= FIELD(field);
        if (out == NULL || !is_public(field)) continue;
        const size_t bytes = (size_t) (in.at - start);
        if (size - used < bytes) return PSK_CORE_ERR_BUFFER;
        memcpy(out + used, start, bytes);
        used += bytes;
        out[0]++;
    }
    const int32_t result = in.at == in.end ? judge(seen, bundle) : PSK_CORE_ERR_BUNDLE;
    return result < 0 ? result : (int32_t) used;
}

int32_t psk_bundle_parse(psk_bundle *bundle, const uint8_t *data, size_t length)
{
    return bundle == NULL || data == NULL ? PSK_CORE_ERR_ARGUMENT : parse(bundle, data, length, NULL, 0);
}

int32_t psk_bundle_describe(const uint8_t *data, size_t length, uint8_t *out, size_t size)
{
    psk_bundle bundle;
    return out == NULL ? PSK_CORE_ERR_BUFFER : parse(&bundle, data, length, out, size);
}
