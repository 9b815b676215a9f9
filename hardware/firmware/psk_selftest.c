/* Known answers, checked at boot: a compiler, a chip's accelerator or a forgotten header of the build must not be found out by
 * handshakes that fail. Of each answer a checksum is kept (FNV-1a, 32 bits); tests/core/test_selftest.c has them whole. Compiled with
 * mbedTLS's own headers, like psk_peek.c. */
#include "common.h"

#include <psa/crypto.h>
#include <string.h>

#include "psk_key.h"
#include "psk_session.h"
#include "ssl_misc.h"
#include "ssl_tls13_keys.h"

#define HASH 32u
#define KEY 16u
#define NONCE 12u
#define HEADER 13u                  /* what DTLS 1.2 authenticates of a record */
#define TEXT 24u
#define TAG_MAX 16u
#define BLOCK 40u

/* The inputs are consecutive bytes: the key from 0 on, the randoms from 64 on. */
#define INPUT 128u
#define RANDOMS 64u

#define SUM_IMPORTED 0x78848612u
#ifdef PSK_CORE_EXTERNAL_BINDER
#define SUM_BINDER 0x0325cdd3u
#else
#define SUM_BINDER 0x5b5b3961u
#endif
#define SUM_TEXT 0x849d51edu
#define SUM_CCM_8 0x4500798eu
#define SUM_CCM 0x0b9dfe2bu
#define SUM_GCM 0xc989c08au
#define SUM_KEY_BLOCK 0x89239b6du
#define SUM_SESSION_PSK 0x1170b44au

static const uint8_t identity[] = "\0\013sensor-0001\0\027\013sensor-0001\012gateway-01\003\004\0\001";

/* 0 if the result is a success with the right answer, else what the caller is to be told. HW_ACCEL_FAILED is what mbedTLS makes
 * of every failure of PSA in its PRF; there is none there but want of memory or of a place for a key. */
static int32_t judge(int result, const uint8_t *answer, size_t length, uint32_t expected, int32_t error)
{
    uint32_t sum = 2166136261u;
    if (result == MBEDTLS_ERR_SSL_ALLOC_FAILED || result == PSA_ERROR_INSUFFICIENT_MEMORY || result == PSK_CORE_ERR_MEMORY
        || result == MBEDTLS_ERR_SSL_HW_ACCEL_FAILED) return PSK_CORE_ERR_MEMORY;
    if (result != 0) return error;
    while (length-- > 0) sum = (sum ^ *answer++) * 16777619u;
    return sum == expected ? 0 : error;
}

/* RFC 9258 s5.1, then the binder of s5.2; the hash of the identity stands for that of a transcript as well. */
static int32_t test_import(const uint8_t *input)
{
    static const unsigned char label[] = "derived psk";
    uint8_t hash[HASH], secret[HASH], answer[HASH];
    size_t length;
    int result = psa_hash_compute(PSA_ALG_SHA_256, identity, sizeof identity - 1, hash, sizeof hash, &length);
    if (result == 0) result = mbedtls_ssl_tls13_evolve_secret(PSA_ALG_SHA_256, NULL, input, HASH, secret);
    if (result == 0) result = mbedtls_ssl_tls13_hkdf_expand_label(PSA_ALG_SHA_256, secret, HASH, label, sizeof label - 1, hash, HASH, answer, HASH);
    const int32_t verdict = judge(result, answer, HASH, SUM_IMPORTED, PSK_CORE_ERR_TEST_IMPORT);
    if (verdict < 0) return verdict;
    result = mbedtls_ssl_tls13_create_psk_binder(NULL, PSA_ALG_SHA_256, answer, HASH, MBEDTLS_SSL_TLS1_3_PSK_EXTERNAL, hash, secret);
    return judge(result, secret, HASH, SUM_BINDER, PSK_CORE_ERR_TEST_BINDER);
}

/* Encrypts, decrypts, and is not to decrypt what was changed. */
static int32_t test_cipher(const uint8_t *input, psa_algorithm_t algorithm, uint32_t expected)
{
    uint8_t sealed[TEXT + TAG_MAX] = { 0 }, opened[TEXT + TAG_MAX], *to = sealed;
    const uint8_t *from = input;
    size_t length = TEXT;
    mbedtls_svc_key_id_t id = MBEDTLS_SVC_KEY_ID_INIT;
    int result = psk_key_import(PSA_KEY_TYPE_AES, PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT, algorithm, input, KEY, &id);
    int32_t verdict = 0;
    for (int round = 0; round < 3; round++) {
        size_t written = 0;
        if (result == 0) {
            result = (round == 0 ? psa_aead_encrypt : psa_aead_decrypt)(id, algorithm, input + KEY, NONCE, input, HEADER, from, length, to, sizeof opened, &written);
        }
        if (round == 2 && result == PSA_ERROR_INVALID_SIGNATURE) break;
        verdict = judge(result, to, written, round == 1 ? SUM_TEXT : expected, PSK_CORE_ERR_TEST_AEAD);
        if (verdict != 0) break;
        if (round == 0) length = written;
        sealed[length - 1] ^= (uint8_t) round;
        from = sealed;
        to = opened;
    }
    (void) psa_destroy_key(id);
    return verdict;
}

static int32_t test_ciphers(const uint8_t *input)
{
    static const struct { psa_algorithm_t algorithm; uint32_t sum; } ciphers[] = {
        { PSA_ALG_AEAD_WITH_SHORTENED_TAG(PSA_ALG_CCM, 8), SUM_CCM_8 }, { PSA_ALG_CCM, SUM_CCM }, { PSA_ALG_GCM, SUM_GCM }
    };
    int32_t verdict = 0;
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers && verdict == 0; i++) verdict = test_cipher(input, ciphers[i].algorithm, ciphers[i].sum);
    return verdict;
}

/* What DTLS 1.2 has besides: its PRF (RFC 5246 s5), and the keys of session mode. */
static int32_t test_dtls(const uint8_t *input)
{
#ifdef MBEDTLS_SSL_PROTO_DTLS
    uint8_t answer[BLOCK];
    int result = mbedtls_ssl_tls_prf(MBEDTLS_SSL_TLS_PRF_SHA256, input, HASH, "key expansion", input + RANDOMS, RANDOMS, answer, BLOCK);
    const int32_t verdict = judge(result, answer, BLOCK, SUM_KEY_BLOCK, PSK_CORE_ERR_TEST_PRF);
    if (verdict < 0) return verdict;
    result = psk_session_key_derive(input, input + RANDOMS, 0, answer);
    return judge(result, answer, HASH, SUM_SESSION_PSK, PSK_CORE_ERR_TEST_SESSION_KEY);
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
