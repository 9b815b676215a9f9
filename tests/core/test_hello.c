#include <psa/crypto.h>
#include <string.h>

#include "bundles.h"
#include "harness.h"
#include "psk_core.h"

#ifdef PSK_CORE_EXTERNAL_BINDER
#define OWN_LABEL "ext binder"
#define OTHER_LABEL "imp binder"
#else
#define OWN_LABEL "imp binder"
#define OTHER_LABEL "ext binder"
#endif
#define HASH 32u

static void hmac(const uint8_t *key, size_t key_length, const uint8_t *data, size_t length, uint8_t *out)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id;
    size_t written;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
    psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
    CHECK_EQUAL(PSA_SUCCESS, psa_import_key(&attributes, key, key_length, &id));
    CHECK_EQUAL(PSA_SUCCESS, psa_mac_compute(id, PSA_ALG_HMAC(PSA_ALG_SHA_256), data, length, out, HASH, &written));
    CHECK_EQUAL(PSA_SUCCESS, psa_destroy_key(id));
}

static void sha256(const uint8_t *data, size_t length, uint8_t *out)
{
    size_t written;
    CHECK_EQUAL(PSA_SUCCESS, psa_hash_compute(PSA_ALG_SHA_256, data, length, out, HASH, &written));
}

/* HKDF-Expand-Label of RFC 8446 s7.1 for one block of output. */
static void expand_label(const uint8_t *secret, const char *label, const uint8_t *context, size_t context_length, uint8_t *out)
{
    uint8_t info[128];
    size_t length = 0;
    info[length++] = 0;
    info[length++] = HASH;
    info[length++] = (uint8_t) (6 + strlen(label));
    memcpy(info + length, "tls13 ", 6);
    memcpy(info + length + 6, label, strlen(label));
    length += 6 + strlen(label);
    info[length++] = (uint8_t) context_length;
    if (context_length > 0) memcpy(info + length, context, context_length);
    length += context_length;
    info[length++] = 1;
    hmac(secret, HASH, info, length, out);
}

/* The binder of a ClientHello whose binder list (one of 32 bytes) is its last 35 bytes: RFC 8446 s4.2.11.2. */
static void binder_of(const uint8_t *key, const char *label, const uint8_t *hello, size_t length, uint8_t *out)
{
    static const uint8_t zeros[HASH];
    uint8_t early[HASH], empty[HASH], binder_key[HASH], finished_key[HASH], transcript[HASH];
    hmac(zeros, HASH, key, HASH, early);
    sha256(NULL, 0, empty);
    expand_label(early, label, empty, HASH, binder_key);
    expand_label(binder_key, "finished", NULL, 0, finished_key);
    sha256(hello, length - 35, transcript);
    hmac(finished_key, HASH, transcript, HASH, out);
}

static size_t unhex(const char *text, uint8_t *out)
{
    size_t length = 0;
    unsigned value;
    while (sscanf(text + 2 * length, "%2x", &value) == 1) out[length++] = (uint8_t) value;
    return length;
}

/* The ClientHello of a fresh session, without its record header. */
static size_t hello_with(const bundle_recipe *recipe, int32_t record_size, uint32_t options, uint8_t *hello, size_t size)
{
    bytes encoded;
    psk_bundle bundle;
    psk_core *core;
    uint8_t wire[2048];
    make_bundle(recipe, &encoded);
    CHECK_EQUAL(0, psk_bundle_parse(&bundle, encoded.data, encoded.length));
    CHECK_EQUAL(0, psk_core_open(&core, &bundle, PSK_CORE_TLS13, record_size, options));
    int32_t length = 0, drained, result;
    do {
        result = psk_core_step(core);
        while ((drained = psk_core_drain(core, wire + length, sizeof wire - (size_t) length)) > 0) length += drained;
    } while (result == PSK_CORE_WANTS_DRAIN);
    CHECK_EQUAL(PSK_CORE_WANTS_INPUT, result);
    CHECK(length > 5 + 4 && wire[0] == 22 && wire[5] == 1);
    CHECK_EQUAL(length - 5, wire[3] << 8 | wire[4]);
    CHECK_EQUAL(length, psk_core_info(core, PSK_CORE_INFO_HANDSHAKE_SENT));
    CHECK((size_t) length - 5 <= size);
    memcpy(hello, wire + 5, (size_t) length - 5);
    psk_core_free(core);
    return (size_t) length - 5;
}

static size_t first_hello(const bundle_recipe *recipe, int32_t record_size, uint8_t *hello, size_t size)
{
    return hello_with(recipe, record_size, 0, hello, size);
}

/* The body of an extension; NULL when the hello has none of that type. */
static const uint8_t *extension(const uint8_t *hello, size_t length, int type, size_t *body_length)
{
    const uint8_t *at = hello + 4 + 2 + 32, *end = hello + length;
    at += 1 + *at;                                  /* session id */
    at += 2 + (at[0] << 8 | at[1]);                 /* suites */
    at += 1 + *at + 2;                              /* compression, length of the extensions */
    while (end - at >= 4) {
        *body_length = (size_t) (at[2] << 8 | at[3]);
        if ((at[0] << 8 | at[1]) == type) return at + 4;
        at += 4 + *body_length;
    }
    return NULL;
}

/* A ClientHello of GnuTLS 3.8 with an imported PSK: shows that binder_of is right. */
TEST(hello_binder_computation_matches_another_implementation)
{
    static const char hello_text[] =
        "01000114030374fdb4c8d8ec7d603eb9d2902ec9504030ec8b75fa8d9eb016355bbe95985d9020a8175737c9921880b3c46e02432a9272fa"
        "be0a865d8e1dbf890107c01b3f853a0004130100a8010000c7003300260024001d0020b27713729bc7e6546b15c2e085dc8312218d29d252"
        "40a758f81b3ccb632cf261000b00020100002d0003020100ff01000100002b0003020304001c000240010017000000160000000d00280026"
        "090409050906040108090804040308070501080a0805050308080601080b0806060302010203000a00040002001d0029003e00190013000b"
        "73656e736f722d303030310000030400010000000000212092807ed6c858d24ab9e8d3c1564192c53c5ab3e832536255f1b3162ef23404bc";
    static const char key_text[] = "56eeea852e4d3115fd2a7b49103276ddf24d01e038a642221b47d570cb4a8ae2";
    uint8_t hello[512], key[HASH], binder[HASH];
    CHECK_EQUAL(PSA_SUCCESS, psa_crypto_init());
    CHECK_EQUAL(280, unhex(hello_text, hello));
    CHECK_EQUAL(HASH, unhex(key_text, key));
    binder_of(key, "imp binder", hello, 280, binder);
    CHECK(memcmp(binder, hello + 280 - HASH, HASH) == 0);
}

TEST(hello_binder_has_the_label_of_the_build)
{
    uint8_t hello[1024], key[32], binder[HASH];
    const size_t length = first_hello(&usual_bundle, 0, hello, sizeof hello);
    recipe_key(&usual_bundle, key);
    binder_of(key, OWN_LABEL, hello, length, binder);
    CHECK(memcmp(binder, hello + length - HASH, HASH) == 0);
    binder_of(key, OTHER_LABEL, hello, length, binder);
    CHECK(memcmp(binder, hello + length - HASH, HASH) != 0);
}

TEST(hello_offers_the_identity_of_the_credential_last_and_age_zero)
{
    uint8_t hello[1024];
    bytes identity;
    size_t body_length;
    const size_t length = first_hello(&usual_bundle, 0, hello, sizeof hello);
    const uint8_t *body = extension(hello, length, 41, &body_length);
    recipe_identity(&usual_bundle, &identity);
    CHECK(body != NULL && body + body_length == hello + length);
    CHECK_EQUAL(identity.length, body[2] << 8 | body[3]);
    CHECK(memcmp(body + 4, identity.data, identity.length) == 0);
    CHECK(memcmp(body + 4 + identity.length, "\0\0\0\0", 4) == 0);
    CHECK_EQUAL(2 + 2 + identity.length + 4 + 2 + 1 + HASH, body_length);
}

TEST(hello_asks_for_psk_dhe_ke_over_p256_and_aes128)
{
    uint8_t hello[1024];
    size_t body_length;
    const size_t length = first_hello(&usual_bundle, 0, hello, sizeof hello);
    const uint8_t *modes = extension(hello, length, 45, &body_length);
    CHECK(modes != NULL && body_length == 2 && memcmp(modes, "\x01\x01", 2) == 0);
    const uint8_t *groups = extension(hello, length, 10, &body_length);
    CHECK(groups != NULL && body_length == 4 && memcmp(groups, "\x00\x02\x00\x17", 4) == 0);
    const uint8_t *share = extension(hello, length, 51, &body_length);
    CHECK(share != NULL && body_length == 2 + 4 + 65 && memcmp(share, "\x00\x45\x00\x17\x00\x41\x04", 7) == 0);
    const uint8_t *versions = extension(hello, length, 43, &body_length);
    CHECK(versions != NULL && body_length == 3 && memcmp(versions, "\x02\x03\x04", 3) == 0);
    CHECK(memcmp(hello + 4 + 2 + 32 + 1 + 2, "\x13\x01\x13\x04\x13\x05", 6) == 0);
    CHECK(extension(hello, length, 0, &body_length) == NULL);
    CHECK(extension(hello, length, 13, &body_length) == NULL);
}

TEST(hello_of_psk_ke_offers_that_alone_and_carries_no_key_share)
{
    uint8_t hello[1024];
    size_t body_length;
    const size_t length = hello_with(&usual_bundle, 0, PSK_CORE_OPTION_PSK_KE, hello, sizeof hello);
    const uint8_t *modes = extension(hello, length, 45, &body_length);
    CHECK(modes != NULL && body_length == 2 && memcmp(modes, "\x01\x00", 2) == 0);
    CHECK(extension(hello, length, 51, &body_length) == NULL);
    CHECK(extension(hello, length, 10, &body_length) == NULL);
}

#define OF_BUILD(limit) ((limit) < MBEDTLS_SSL_IN_CONTENT_LEN ? (limit) : MBEDTLS_SSL_IN_CONTENT_LEN)

static int announced_limit(uint32_t in_bundle, int32_t asked)
{
    uint8_t hello[1024];
    size_t body_length;
    bundle_recipe recipe = usual_bundle;
    recipe.record_size = in_bundle;
    const size_t length = first_hello(&recipe, asked, hello, sizeof hello);
    const uint8_t *body = extension(hello, length, 28, &body_length);
    CHECK(body != NULL && body_length == 2);
    return body[0] << 8 | body[1];
}

TEST(hello_announces_the_record_size_limit_of_the_session)
{
    CHECK_EQUAL(OF_BUILD(1024), announced_limit(1024, 0));
    CHECK_EQUAL(64, announced_limit(64, 0));
    CHECK_EQUAL(512, announced_limit(1024, 512));
    CHECK_EQUAL(OF_BUILD(2048), announced_limit(512, 2048));
    CHECK_EQUAL(MBEDTLS_SSL_IN_CONTENT_LEN, announced_limit(16385, 0));
    CHECK_EQUAL(MBEDTLS_SSL_IN_CONTENT_LEN, announced_limit(1024, 16384));
}

TEST(hello_is_never_the_same_twice)
{
    uint8_t one[1024], two[1024];
    const size_t length = first_hello(&usual_bundle, 0, one, sizeof one);
    CHECK_EQUAL(length, first_hello(&usual_bundle, 0, two, sizeof two));
    CHECK(memcmp(one + 6, two + 6, 32) != 0);
}
