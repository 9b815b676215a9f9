#include <string.h>

#include "bundles.h"
#include "harness.h"
#include "psk_bundle.h"
#include "psk_error.h"

static int32_t parse(const bytes *encoded)
{
    psk_bundle bundle;
    /* An exact copy on the heap, so that a sanitizer sees each read past the end. */
    uint8_t *copy = malloc(encoded->length > 0 ? encoded->length : 1);
    CHECK(copy != NULL);
    memcpy(copy, encoded->data, encoded->length);
    const int32_t result = psk_bundle_parse(&bundle, copy, encoded->length);
    free(copy);
    return result;
}

static int32_t parse_recipe(const bundle_recipe *recipe)
{
    bytes encoded;
    make_bundle(recipe, &encoded);
    return parse(&encoded);
}

static int is(const psk_span *span, const void *data, size_t length)
{
    return span->length == length && memcmp(span->data, data, length) == 0;
}

TEST(bundle_gives_its_fields)
{
    bundle_recipe recipe = usual_bundle;
    recipe.with_tls12 = 1;
    bytes encoded, identity;
    uint8_t key[32];
    psk_bundle bundle;
    make_bundle(&recipe, &encoded);
    recipe_identity(&recipe, &identity);
    recipe_key(&recipe, key);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    CHECK(is(&bundle.device_id, "sensor-1", 8));
    CHECK(is(&bundle.server_id, "plant", 5));
    CHECK(is(&bundle.tls_address, "127.0.0.1:8883", 14));
    CHECK(bundle.dtls_address.data == NULL);
    CHECK(is(&bundle.tls13_identity, identity.data, identity.length));
    CHECK(is(&bundle.tls13_key, key, 32));
    CHECK(is(&bundle.tls12_identity, "sensor-1~1", 10));
    CHECK(is(&bundle.tls12_key, key, 32));
    CHECK_EQUAL(1024, bundle.record_size_limit);
    CHECK_EQUAL(1, bundle.epoch);
    CHECK(!bundle.connection_id);
}

TEST(bundle_cut_short_anywhere_is_refused)
{
    bytes whole;
    make_bundle(&usual_bundle, &whole);
    for (size_t length = 0; length < whole.length; length++) {
        bytes cut = whole;
        cut.length = length;
        const int32_t result = parse(&cut);
        CHECK(result <= PSK_CORE_ERR_BUNDLE && result > PSK_CORE_ERR_BUNDLE - 64);
    }
}

TEST(bundle_with_bytes_behind_it_is_refused)
{
    bytes encoded;
    make_bundle(&usual_bundle, &encoded);
    encoded.data[encoded.length++] = 0;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, parse(&encoded));
}

TEST(bundle_with_any_byte_changed_is_parsed_within_its_bounds)
{
    bytes whole;
    unsigned refused = 0;
    make_bundle(&usual_bundle, &whole);
    for (size_t at = 0; at < whole.length; at++) {
        for (unsigned change = 1; change < 256; change++) {
            bytes mutated = whole;
            mutated.data[at] = (uint8_t) (mutated.data[at] ^ change);
            if (parse(&mutated) < 0) refused++;
        }
    }
    CHECK(refused > 10000);
}

TEST(bundle_without_a_required_field_names_it)
{
    static const int required[] = { 1, 2, 3, 4, 6, 7, 10, 11, 12 };
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        bundle_recipe recipe = usual_bundle;
        recipe.without = 1u << required[i];
        CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - required[i], parse_recipe(&recipe));
    }
    bundle_recipe recipe = usual_bundle;
    recipe.with_tls12 = 1;
    recipe.without = 1u << 8;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 8, parse_recipe(&recipe));
    recipe.without = 1u << 9;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 9, parse_recipe(&recipe));
}

TEST(bundle_with_a_wrong_value_names_the_field)
{
    static const struct { bundle_recipe recipe; int field; } wrong[] = {
        { { .device_id = "a b" }, 2 }, { { .device_id = "" }, 2 }, { { .device_id = "a/b" }, 2 },
        { { .device_id = "12345678901234567890123456789012345678901234567890123456789012345" }, 2 },
        { { .server_id = "" }, 3 }, { { .server_id = "a\nb" }, 3 },
        { { .tls_address = "host" }, 4 }, { { .tls_address = ":1" }, 4 }, { { .tls_address = "host:" }, 4 },
        { { .tls_address = "host:0" }, 4 }, { { .tls_address = "host:65536" }, 4 }, { { .tls_address = "host:08883" }, 4 },
        { { .tls_address = "host:88x" }, 4 }, { { .tls_address = "ho st:8883" }, 4 },
        { { .external_identity = "" }, 6 }, { { .external_identity = "sensor-1~1", .plain_identity = 1 }, 6 },
        { { .record_size = 63 }, 10 }, { { .record_size = 16386 }, 10 }
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bundle_recipe recipe = usual_bundle;
        if (wrong[i].recipe.device_id != NULL) recipe.device_id = wrong[i].recipe.device_id;
        if (wrong[i].recipe.server_id != NULL) recipe.server_id = wrong[i].recipe.server_id;
        if (wrong[i].recipe.tls_address != NULL) recipe.tls_address = wrong[i].recipe.tls_address;
        if (wrong[i].recipe.external_identity != NULL) recipe.external_identity = wrong[i].recipe.external_identity;
        if (wrong[i].recipe.record_size != 0) recipe.record_size = wrong[i].recipe.record_size;
        recipe.plain_identity = wrong[i].recipe.plain_identity;
        CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - wrong[i].field, parse_recipe(&recipe));
        CHECK(strncmp(psk_core_error_name(PSK_CORE_ERR_BUNDLE - wrong[i].field), "bundle field ", 13) == 0);
    }
}

TEST(bundle_takes_the_longest_and_ipv6_values)
{
    bundle_recipe recipe = usual_bundle;
    recipe.device_id = "1234567890123456789012345678901234567890123456789012345678901234";
    recipe.tls_address = "[2001:db8::1]:65535";
    recipe.record_size = 16385;
    CHECK_EQUAL(0, parse_recipe(&recipe));
    recipe.record_size = 64;
    CHECK_EQUAL(0, parse_recipe(&recipe));
}

/* The usual bundle with one more field behind the others. */
static void with_field(bytes *out, uint64_t key, const uint8_t *value, size_t length)
{
    make_bundle(&usual_bundle, out);
    out->data[0]++;
    put_head(out, 0, key);
    memcpy(out->data + out->length, value, length);
    out->length += length;
}

TEST(bundle_of_a_later_version_keeps_its_known_fields)
{
    static const uint8_t nested[] = { 0x82, 0xa1, 0x01, 0x43, 1, 2, 3, 0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0 };
    bytes encoded;
    with_field(&encoded, 64, nested, sizeof nested);
    CHECK_EQUAL(0, parse(&encoded));
    with_field(&encoded, 1000000, nested, sizeof nested);
    CHECK_EQUAL(0, parse(&encoded));
    for (uint64_t key = 13; key < 64; key++) {
        with_field(&encoded, key, nested, sizeof nested);
        CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 13, parse(&encoded));
    }
}

/* The bundle of a device in session mode: fields 6 and 7 are not in it, and behind the others is field 13. */
static int32_t parse_session(uint32_t without, uint64_t randoms, psk_bundle *out)
{
    static bytes encoded;
    bundle_recipe recipe = usual_bundle;
    recipe.external_identity = "sensor-1~s";
    recipe.with_tls12 = 1;
    recipe.without = without;
    make_bundle(&recipe, &encoded);
    encoded.data[0]++;
    put_head(&encoded, 0, 13);
    put_head(&encoded, 0, randoms);
    return psk_bundle_parse(out, encoded.data, encoded.length);
}

TEST(bundle_of_session_mode_has_one_key_and_says_what_is_made_of_it)
{
    const uint32_t imported = 1u << 6 | 1u << 7;
    psk_bundle bundle;
    CHECK_EQUAL(0, parse_session(imported, 32, &bundle));
    CHECK_EQUAL(32, bundle.session_randoms);
    CHECK(is(&bundle.tls12_identity, "sensor-1~s", 10));
    CHECK(bundle.tls13_key.data == NULL);
    CHECK_EQUAL(0, parse_session(imported, 28, &bundle));
    CHECK_EQUAL(28, bundle.session_randoms);
    for (uint64_t randoms = 0; randoms < 70; randoms++) {
        if (randoms != 28 && randoms != 32) CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 13, parse_session(imported, randoms, &bundle));
    }
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 6, parse_session(0, 32, &bundle));
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 7, parse_session(1u << 6, 32, &bundle));
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 6, parse_session(1u << 7, 32, &bundle));
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 8, parse_session(imported | 1u << 8, 32, &bundle));
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 9, parse_session(imported | 1u << 9, 32, &bundle));
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE - 8, parse_session(imported | 1u << 8 | 1u << 9, 32, &bundle));
    CHECK(strncmp(psk_core_error_name(PSK_CORE_ERR_BUNDLE - 13), "bundle field 13", 15) == 0);
}

TEST(bundle_nested_too_deep_or_claiming_too_much_is_refused)
{
    static const uint8_t deep[] = { 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x01 };
    static const uint8_t huge_array[] = { 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
    static const uint8_t huge_map[] = { 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0 };
    static const uint8_t huge_bytes[] = { 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    bytes encoded;
    with_field(&encoded, 64, deep, sizeof deep);
    CHECK(parse(&encoded) < 0);
    with_field(&encoded, 64, huge_array, sizeof huge_array);
    CHECK(parse(&encoded) < 0);
    with_field(&encoded, 64, huge_map, sizeof huge_map);
    CHECK(parse(&encoded) < 0);
    with_field(&encoded, 64, huge_bytes, sizeof huge_bytes);
    CHECK(parse(&encoded) < 0);
    make_bundle(&usual_bundle, &encoded);
    encoded.data[0] = 0xb7;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, parse(&encoded));
}

TEST(bundle_that_is_not_canonical_is_refused)
{
    bytes encoded, changed;
    make_bundle(&usual_bundle, &encoded);

    changed = encoded;                                      /* a length in two bytes where one does: RFC 8949 s4.2.1 */
    memmove(changed.data + 2, changed.data + 1, changed.length - 1);
    changed.data[1] = (uint8_t) (changed.data[0] & 31);
    changed.data[0] = 0xb8;
    changed.length++;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, parse(&changed));

    changed = encoded;                                      /* indefinite length */
    changed.data[0] = 0xbf;
    changed.data[changed.length++] = 0xff;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, parse(&changed));

    changed = encoded;                                      /* the first key twice */
    memmove(changed.data + 3, changed.data + 1, changed.length - 1);
    changed.data[0]++;
    changed.length += 2;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, parse(&changed));

    static const uint8_t negative_key[] = { 0xa1, 0x20, 0x01 }, array[] = { 0x80 }, text_key[] = { 0xa1, 0x61, 'a', 0x01 };
    psk_bundle bundle;
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, psk_bundle_parse(&bundle, negative_key, sizeof negative_key));
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, psk_bundle_parse(&bundle, array, sizeof array));
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, psk_bundle_parse(&bundle, text_key, sizeof text_key));
}

TEST(bundle_longer_than_allowed_is_refused)
{
    static uint8_t value[PSK_BUNDLE_MAX];
    bytes encoded;
    value[0] = 0x59, value[1] = 0x07, value[2] = 0xf0;      /* a byte string of 2032 */
    with_field(&encoded, 64, value, 3 + 2032);
    CHECK_EQUAL(PSK_CORE_ERR_BUNDLE, parse(&encoded));
}

TEST(bundle_description_has_no_key)
{
    static const uint8_t extra[] = { 0x41, 0x55 };
    bytes encoded, expected;
    uint8_t out[PSK_BUNDLE_MAX];
    bundle_recipe recipe = usual_bundle;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    encoded.data[0]++;
    put_head(&encoded, 0, 70);
    memcpy(encoded.data + encoded.length, extra, sizeof extra);
    encoded.length += sizeof extra;
    recipe.without = 1u << 7 | 1u << 9;
    make_bundle(&recipe, &expected);
    CHECK_EQUAL(expected.length, psk_bundle_describe(encoded.data, encoded.length, out, sizeof out));
    CHECK(memcmp(expected.data, out, expected.length) == 0);
    for (size_t size = 0; size < expected.length; size++) {
        CHECK_EQUAL(PSK_CORE_ERR_BUFFER, psk_bundle_describe(encoded.data, encoded.length, out, size));
    }
}
