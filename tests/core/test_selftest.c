/* The self test passes, and notices each wrong answer. The linker sends what it calls here (--wrap), to be falsified. */
#include <psa/crypto.h>
#include <string.h>

#include "harness.h"
#include "psk_core.h"
#include "psk_peek.h"
#include "psk_session.h"

enum part { NOTHING, EXPAND, BINDER, SESSION_KEY, ENCRYPT, DECRYPT, DECRYPT_ANYTHING, PRF, RANDOM_STANDS_STILL, RANDOM_FAILS };

static enum part wrong;
static int which;                       /* 0: the first call of it */
static int allocations_left = -1;

static int is_wrong(enum part part)
{
    return wrong == part && which-- == 0;
}

int __wrap_psk_peek_expand_label(const unsigned char *secret, const char *label, const unsigned char *context, unsigned char *out);
int __real_psk_peek_expand_label(const unsigned char *secret, const char *label, const unsigned char *context, unsigned char *out);
int __wrap_psk_peek_binder(const unsigned char *psk, const unsigned char *transcript, unsigned char *out);
int __real_psk_peek_binder(const unsigned char *psk, const unsigned char *transcript, unsigned char *out);
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

int __wrap_psk_peek_expand_label(const unsigned char *secret, const char *label, const unsigned char *context, unsigned char *out)
{
    const int result = __real_psk_peek_expand_label(secret, label, context, out);
    if (is_wrong(EXPAND)) out[31] ^= 1;
    return result;
}

int __wrap_psk_peek_binder(const unsigned char *psk, const unsigned char *transcript, unsigned char *out)
{
    const int result = __real_psk_peek_binder(psk, transcript, out);
    if (is_wrong(BINDER)) out[0] ^= 1;
    return result;
}

int __wrap_psk_session_key_derive(const uint8_t *key, const uint8_t *randoms, size_t skipped, uint8_t *psk)
{
    const int result = __real_psk_session_key_derive(key, randoms, skipped, psk);
    if (is_wrong(SESSION_KEY)) psk[31] ^= 0x80;
    return result;
}

psa_status_t __wrap_psa_aead_encrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written)
{
    const psa_status_t status = __real_psa_aead_encrypt(key, alg, nonce, nonce_length, data, data_length, text, length, out, size, written);
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
