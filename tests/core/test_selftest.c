/* The self test passes, and notices each wrong answer. The linker sends what it calls here (--wrap), to be falsified. */
#include <psa/crypto.h>
#include <string.h>

#include "harness.h"
#include "psk_core.h"
#include "psk_session.h"

/* The answers. The import and its are those of GnuTLS and BoringSSL, the others of an implementation apart. */
static const uint8_t imported[] = {
    0xd1, 0xf6, 0x91, 0xa1, 0xd7, 0xa6, 0xd9, 0x4c, 0x04, 0xea, 0x67, 0xf2, 0x96, 0x96, 0x98, 0x81,
    0x98, 0x53, 0xae, 0x22, 0x1d, 0xa0, 0xa6, 0x91, 0xb8, 0x15, 0x01, 0xc1, 0x72, 0xc5, 0xee, 0x37
};
#ifdef PSK_CORE_EXTERNAL_BINDER
static const uint8_t binder[] = {
    0x73, 0xbf, 0x97, 0x16, 0x43, 0xbc, 0xf4, 0xb7, 0x22, 0x33, 0xaf, 0xd9, 0x66, 0x09, 0x5b, 0x28,
    0x59, 0xa8, 0x2a, 0x6c, 0x9f, 0xde, 0xe3, 0xf0, 0x81, 0xa0, 0x79, 0x0d, 0x2e, 0x65, 0x7f, 0x56
};
#else
static const uint8_t binder[] = {
    0x06, 0x5c, 0x74, 0xcf, 0x86, 0x8a, 0xcd, 0xa3, 0x4e, 0xb8, 0x88, 0xdd, 0x52, 0xaa, 0xae, 0x9a,
    0x87, 0xf0, 0x6d, 0x4c, 0x3a, 0x56, 0xfb, 0x5a, 0x2e, 0x23, 0xd3, 0xfa, 0x32, 0x60, 0xee, 0x35
};
#endif
static const uint8_t ccm_8[] = {
    0x23, 0xb4, 0xbb, 0xa3, 0x46, 0xf1, 0x2b, 0xb5, 0x02, 0xa5, 0x75, 0xcb, 0x78, 0x69, 0xd5, 0x89,
    0x6b, 0xa6, 0xc0, 0xa4, 0x21, 0x52, 0x1c, 0x3c, 0x32, 0x6b, 0xe2, 0x84, 0xc1, 0x5b, 0xde, 0x72
};
static const uint8_t ccm[] = {
    0x23, 0xb4, 0xbb, 0xa3, 0x46, 0xf1, 0x2b, 0xb5, 0x02, 0xa5, 0x75, 0xcb, 0x78, 0x69, 0xd5, 0x89,
    0x6b, 0xa6, 0xc0, 0xa4, 0x21, 0x52, 0x1c, 0x3c, 0x55, 0x65, 0x16, 0xd1, 0xcf, 0xdb, 0x23, 0xc2,
    0xb5, 0xf7, 0x0b, 0xbc, 0x6e, 0x63, 0x34, 0xb8
};
static const uint8_t gcm[] = {
    0xc4, 0x2f, 0x01, 0xac, 0x0b, 0x4a, 0xb0, 0xe8, 0x1f, 0xd4, 0x57, 0xfe, 0xcb, 0x2a, 0xe5, 0x31,
    0x2a, 0xad, 0x66, 0x94, 0x22, 0xe1, 0x7d, 0xa8, 0x74, 0xd2, 0xed, 0x10, 0x9c, 0x2e, 0xdb, 0x72,
    0xf9, 0x54, 0x19, 0x88, 0x87, 0x1b, 0x29, 0xdd
};
#ifdef MBEDTLS_SSL_PROTO_DTLS
static const uint8_t key_block[] = {
    0x3a, 0x6c, 0x9e, 0x69, 0x13, 0xd3, 0x5c, 0xc7, 0x2d, 0xf4, 0x54, 0x93, 0x93, 0xd7, 0xc9, 0x6d,
    0xcf, 0x83, 0x6e, 0xe5, 0x63, 0xd7, 0xee, 0x05, 0x84, 0x08, 0xb5, 0x29, 0x00, 0x23, 0x78, 0x62,
    0x9f, 0x14, 0xa2, 0xc9, 0x0d, 0x9c, 0x84, 0xde
};
static const uint8_t session_psk[] = {
    0xa3, 0xb9, 0xb7, 0x26, 0x52, 0x0d, 0xe8, 0x9f, 0x66, 0x95, 0x0c, 0xf6, 0x48, 0xaf, 0x08, 0xe4,
    0x31, 0xa4, 0xd4, 0xe5, 0x44, 0xd7, 0xfb, 0x1a, 0xe7, 0x2e, 0x57, 0x0e, 0x3b, 0xe9, 0xf7, 0xef
};
#endif

enum part { NOTHING, EXPAND, BINDER, SESSION_KEY, ENCRYPT, DECRYPT, DECRYPT_ANYTHING, PRF, RANDOM_STANDS_STILL, RANDOM_FAILS };

static enum part wrong;
static int which;                       /* 0: the first call of it */
static int allocations_left = -1;

static int is_wrong(enum part part)
{
    return wrong == part && which-- == 0;
}

/* The answers of a test that passes, one behind the other as they come. */
static uint8_t answers[512];
static size_t answered;

static void keep(const uint8_t *answer, size_t length)
{
    if (wrong != NOTHING || answered + length > sizeof answers) return;
    memcpy(answers + answered, answer, length);
    answered += length;
}

int __wrap_mbedtls_ssl_tls13_hkdf_expand_label(psa_algorithm_t hash, const unsigned char *secret, size_t secret_length, const unsigned char *label,
                                               size_t label_length, const unsigned char *context, size_t context_length, unsigned char *out, size_t length);
int __real_mbedtls_ssl_tls13_hkdf_expand_label(psa_algorithm_t hash, const unsigned char *secret, size_t secret_length, const unsigned char *label,
                                               size_t label_length, const unsigned char *context, size_t context_length, unsigned char *out, size_t length);
int __wrap_mbedtls_ssl_tls13_create_psk_binder(mbedtls_ssl_context *ssl, psa_algorithm_t hash, const unsigned char *psk, size_t length, int type,
                                               const unsigned char *transcript, unsigned char *out);
int __real_mbedtls_ssl_tls13_create_psk_binder(mbedtls_ssl_context *ssl, psa_algorithm_t hash, const unsigned char *psk, size_t length, int type,
                                               const unsigned char *transcript, unsigned char *out);
int __wrap_psk_session_key_derive(const uint8_t *key, const uint8_t *randoms, size_t skipped, uint8_t *psk);
int __real_psk_session_key_derive(const uint8_t *key, const uint8_t *randoms, size_t skipped, uint8_t *psk);
psa_status_t __wrap_psa_aead_encrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written);
psa_status_t __real_psa_aead_encrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written);
psa_status_t __wrap_psa_aead_decrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written);
psa_status_t __real_psa_aead_decrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written);
int __wrap_mbedtls_ssl_tls_prf(mbedtls_tls_prf_types prf, const unsigned char *secret, size_t length, const char *label,
                               const unsigned char *random, size_t random_length, unsigned char *out, size_t size);
int __real_mbedtls_ssl_tls_prf(mbedtls_tls_prf_types prf, const unsigned char *secret, size_t length, const char *label,
                               const unsigned char *random, size_t random_length, unsigned char *out, size_t size);
psa_status_t __wrap_psa_generate_random(uint8_t *out, size_t size);
psa_status_t __real_psa_generate_random(uint8_t *out, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);

int __wrap_mbedtls_ssl_tls13_hkdf_expand_label(psa_algorithm_t hash, const unsigned char *secret, size_t secret_length, const unsigned char *label,
                                               size_t label_length, const unsigned char *context, size_t context_length, unsigned char *out, size_t length)
{
    const int result = __real_mbedtls_ssl_tls13_hkdf_expand_label(hash, secret, secret_length, label, label_length, context, context_length, out, length);
    keep(out, length);
    if (is_wrong(EXPAND)) out[31] ^= 1;
    return result;
}

int __wrap_mbedtls_ssl_tls13_create_psk_binder(mbedtls_ssl_context *ssl, psa_algorithm_t hash, const unsigned char *psk, size_t length, int type,
                                               const unsigned char *transcript, unsigned char *out)
{
    const int result = __real_mbedtls_ssl_tls13_create_psk_binder(ssl, hash, psk, length, type, transcript, out);
    keep(out, 32);
    if (is_wrong(BINDER)) out[0] ^= 1;
    return result;
}

int __wrap_psk_session_key_derive(const uint8_t *key, const uint8_t *randoms, size_t skipped, uint8_t *psk)
{
    const int result = __real_psk_session_key_derive(key, randoms, skipped, psk);
    keep(psk, 32);
    if (is_wrong(SESSION_KEY)) psk[31] ^= 0x80;
    return result;
}

psa_status_t __wrap_psa_aead_encrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written)
{
    const psa_status_t status = __real_psa_aead_encrypt(key, alg, nonce, nonce_length, data, data_length, text, length, out, size, written);
    keep(out, *written);
    if (is_wrong(ENCRYPT)) out[*written - 1] ^= 1;
    return status;
}

psa_status_t __wrap_psa_aead_decrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written)
{
    const psa_status_t status = __real_psa_aead_decrypt(key, alg, nonce, nonce_length, data, data_length, text, length, out, size, written);
    if (is_wrong(DECRYPT)) out[0] ^= 1;
    return wrong == DECRYPT_ANYTHING && status == PSA_ERROR_INVALID_SIGNATURE ? PSA_SUCCESS : status;
}

int __wrap_mbedtls_ssl_tls_prf(mbedtls_tls_prf_types prf, const unsigned char *secret, size_t length, const char *label,
                               const unsigned char *random, size_t random_length, unsigned char *out, size_t size)
{
    const int result = __real_mbedtls_ssl_tls_prf(prf, secret, length, label, random, random_length, out, size);
    keep(out, size);
    if (is_wrong(PRF)) out[size - 1] ^= 1;
    return result;
}

psa_status_t __wrap_psa_generate_random(uint8_t *out, size_t size)
{
    if (is_wrong(RANDOM_FAILS)) return PSA_ERROR_INSUFFICIENT_ENTROPY;
    if (wrong != RANDOM_STANDS_STILL) return __real_psa_generate_random(out, size);
    memset(out, 4, size);
    return PSA_SUCCESS;
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (allocations_left >= 0 && allocations_left-- == 0) {
        allocations_left = 0;           /* and every later one */
        return NULL;
    }
    return __real_calloc(count, size);
}

TEST(self_test_passes_as_often_as_it_is_made)
{
    for (int i = 0; i < 3; i++) CHECK_EQUAL(0, psk_core_selftest());
}

static void check_next(const uint8_t *expected, size_t length)
{
    static size_t at;
    CHECK(at + length <= answered && memcmp(answers + at, expected, length) == 0);
    at += length;
}

/* So the checksums in it are those of the known answers. */
TEST(self_test_passes_with_the_known_answers)
{
    CHECK_EQUAL(0, psk_core_selftest());
    check_next(imported, sizeof imported);
    check_next(binder, sizeof binder);
    check_next(ccm_8, sizeof ccm_8);
    check_next(ccm, sizeof ccm);
    check_next(gcm, sizeof gcm);
#ifdef MBEDTLS_SSL_PROTO_DTLS
    check_next(key_block, sizeof key_block);
    check_next(session_psk, sizeof session_psk);
#endif
}

TEST(self_test_names_what_is_wrong)
{
    static const struct { enum part part; int which; int32_t error; } cases[] = {
        { EXPAND, 0, PSK_CORE_ERR_TEST_IMPORT }, { BINDER, 0, PSK_CORE_ERR_TEST_BINDER },
        { ENCRYPT, 0, PSK_CORE_ERR_TEST_AEAD }, { ENCRYPT, 1, PSK_CORE_ERR_TEST_AEAD }, { ENCRYPT, 2, PSK_CORE_ERR_TEST_AEAD },
        { DECRYPT, 0, PSK_CORE_ERR_TEST_AEAD }, { DECRYPT, 2, PSK_CORE_ERR_TEST_AEAD }, { DECRYPT, 4, PSK_CORE_ERR_TEST_AEAD },
        { DECRYPT_ANYTHING, 0, PSK_CORE_ERR_TEST_AEAD },
#ifdef MBEDTLS_SSL_PROTO_DTLS
        { SESSION_KEY, 0, PSK_CORE_ERR_TEST_SESSION_KEY }, { PRF, 0, PSK_CORE_ERR_TEST_PRF },
#endif
        { RANDOM_STANDS_STILL, 0, PSK_CORE_ERR_RANDOM }, { RANDOM_FAILS, 0, PSK_CORE_ERR_RANDOM }, { RANDOM_FAILS, 1, PSK_CORE_ERR_RANDOM }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wrong = cases[i].part;
        which = cases[i].which;
        const int32_t result = psk_core_selftest();
        wrong = NOTHING;
        CHECK_EQUAL(cases[i].error, result);
        CHECK(psk_core_error_name(result)[0] != 'u');                   /* unknown error */
        CHECK_EQUAL(0, psk_core_selftest());
    }
}

TEST(self_test_without_memory_says_so_at_any_allocation)
{
    int allocations = 0;
    CHECK_EQUAL(0, psk_core_selftest());                                /* what PSA allocates once is there now */
    for (int32_t result = -1; result != 0; allocations++) {
        CHECK(allocations < 500);
        allocations_left = allocations;
        result = psk_core_selftest();
        allocations_left = -1;
        if (result != 0) CHECK_EQUAL(PSK_CORE_ERR_MEMORY, result);
        CHECK_EQUAL(0, psk_core_selftest());
    }
    (void) printf("self test: %d points of allocation\n", allocations - 1);
    CHECK(allocations - 1 >= 10);
}
