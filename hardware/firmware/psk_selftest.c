/* Known answers, checked at boot: a compiler, a chip's accelerator or a forgotten header of the build must not be found out by
 * handshakes that fail. The import and its answer are those of GnuTLS and BoringSSL, the others of an implementation apart. */
#include <psa/crypto.h>
#include <string.h>

#include "psk_core.h"
#include "psk_key.h"
#include "psk_peek.h"
#include "psk_session.h"

#define HASH 32u
#define KEY 16u
#define NONCE 12u
#define HEADER 13u                  /* what DTLS 1.2 authenticates of a record */
#define TEXT 24u
#define TAG_MAX 16u

/* The inputs are consecutive bytes: the key from 0 on, the randoms from 64 on. */
#define INPUT 128u
#define RANDOMS 64u

static const uint8_t identity[] = "\0\013sensor-0001\0\027\013sensor-0001\012gateway-01\003\004\0\001";
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

/* 0 if the result is a success with the right answer, else what the caller is to be told. HW_ACCEL_FAILED is what mbedTLS makes
 * of every failure of PSA in its PRF; there is none there but want of memory or of a place for a key. */
static int32_t judge(int result, const uint8_t *answer, const uint8_t *expected, size_t length, int32_t error)
{
    if (result == MBEDTLS_ERR_SSL_ALLOC_FAILED || result == PSA_ERROR_INSUFFICIENT_MEMORY
        || result == MBEDTLS_ERR_SSL_HW_ACCEL_FAILED) return PSK_CORE_ERR_MEMORY;
    return result == 0 && memcmp(answer, expected, length) == 0 ? 0 : error;
}

/* RFC 9258 s5.1, then the binder of s5.2; the hash of the identity stands for that of a transcript as well. */
static int32_t test_import(const uint8_t *input)
{
    uint8_t hash[HASH], secret[HASH], answer[HASH];
    size_t length;
    int result = psa_hash_compute(PSA_ALG_SHA_256, identity, sizeof identity - 1, hash, sizeof hash, &length);
    if (result == 0) result = psk_peek_extract(input, secret);
    if (result == 0) result = psk_peek_expand_label(secret, "derived psk", hash, answer);
    const int32_t verdict = judge(result, answer, imported, sizeof imported, PSK_CORE_ERR_TEST_IMPORT);
    if (verdict < 0) return verdict;
    result = psk_peek_binder(imported, hash, answer);
    return judge(result, answer, binder, sizeof binder, PSK_CORE_ERR_TEST_BINDER);
}

/* Encrypts, decrypts, and is not to decrypt what was changed. */
static int32_t test_cipher(const uint8_t *input, psa_algorithm_t algorithm, const uint8_t *expected, size_t tag)
{
    uint8_t sealed[TEXT + TAG_MAX], opened[TEXT];
    size_t length;
    mbedtls_svc_key_id_t id = MBEDTLS_SVC_KEY_ID_INIT;
    int result = psk_key_import(PSA_KEY_TYPE_AES, PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT, algorithm, input, KEY, &id);
    if (result == 0) result = psa_aead_encrypt(id, algorithm, input + KEY, NONCE, input, HEADER, input, TEXT, sealed, sizeof sealed, &length);
    int32_t verdict = judge(result, sealed, expected, TEXT + tag, PSK_CORE_ERR_TEST_AEAD);
    if (verdict == 0) {
        result = psa_aead_decrypt(id, algorithm, input + KEY, NONCE, input, HEADER, sealed, TEXT + tag, opened, sizeof opened, &length);
        verdict = judge(result, opened, input, TEXT, PSK_CORE_ERR_TEST_AEAD);
    }
    if (verdict == 0) {
        sealed[TEXT + tag - 1] ^= 1;
        result = psa_aead_decrypt(id, algorithm, input + KEY, NONCE, input, HEADER, sealed, TEXT + tag, opened, sizeof opened, &length);
        if (result != PSA_ERROR_INVALID_SIGNATURE) verdict = result == 0 ? PSK_CORE_ERR_TEST_AEAD : judge(result, NULL, NULL, 0, PSK_CORE_ERR_TEST_AEAD);
    }
    (void) psa_destroy_key(id);
    return verdict;
}

static int32_t test_ciphers(const uint8_t *input)
{
    const psa_algorithm_t short_ccm = PSA_ALG_AEAD_WITH_SHORTENED_TAG(PSA_ALG_CCM, 8);
    int32_t result = test_cipher(input, short_ccm, ccm_8, sizeof ccm_8 - TEXT);
    if (result == 0) result = test_cipher(input, PSA_ALG_CCM, ccm, sizeof ccm - TEXT);
    return result < 0 ? result : test_cipher(input, PSA_ALG_GCM, gcm, sizeof gcm - TEXT);
}

/* What DTLS 1.2 has besides: its PRF (RFC 5246 s5), and the keys of session mode. */
static int32_t test_dtls(const uint8_t *input)
{
#ifdef MBEDTLS_SSL_PROTO_DTLS
    uint8_t answer[sizeof key_block];
    int result = mbedtls_ssl_tls_prf(MBEDTLS_SSL_TLS_PRF_SHA256, input, HASH, "key expansion", input + RANDOMS, RANDOMS, answer, sizeof answer);
    const int32_t verdict = judge(result, answer, key_block, sizeof key_block, PSK_CORE_ERR_TEST_PRF);
    if (verdict < 0) return verdict;
    result = psk_session_key_derive(input, input + RANDOMS, 0, answer);
    return judge(result, answer, session_psk, sizeof session_psk, PSK_CORE_ERR_TEST_SESSION_KEY);
#else
    return input == NULL ? PSK_CORE_ERR_ARGUMENT : 0;
#endif
}

static int32_t test_random(void)
{
    uint8_t first[HASH], second[HASH];
    if (psa_generate_random(first, sizeof first) != PSA_SUCCESS || psa_generate_random(second, sizeof second) != PSA_SUCCESS
        || memcmp(first, second, sizeof first) == 0) return PSK_CORE_ERR_RANDOM;
    return 0;
}

int32_t psk_core_selftest(void)
{
    uint8_t input[INPUT];
    for (size_t i = 0; i < sizeof input; i++) input[i] = (uint8_t) i;
    if (psa_crypto_init() != PSA_SUCCESS) return PSK_CORE_ERR_RANDOM;
    int32_t result = test_import(input);
    if (result == 0) result = test_ciphers(input);
    if (result == 0) result = test_dtls(input);
    return result < 0 ? result : test_random();
}
