#include "fuzzing.h"

#include <p256-m.h>
#include <psa/crypto.h>
#include <string.h>

#include "../bundles.h"

enum side fuzz_side;
bool fuzz_compares;
enum reached fuzz_reached;
static uint32_t drawn[2];

psa_status_t __wrap_mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *out, size_t size, size_t *length);
psa_status_t __wrap_psa_aead_encrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written);
psa_status_t __wrap_psa_aead_decrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *sealed, size_t length, uint8_t *out,
                                     size_t size, size_t *written);
int __wrap_p256_gen_keypair(uint8_t *private, uint8_t *public);
int __wrap_p256_public_from_private(uint8_t *public, const uint8_t *private);
int __real_p256_public_from_private(uint8_t *public, const uint8_t *private);
int __wrap_p256_ecdh_shared_secret(uint8_t *secret, const uint8_t *private, const uint8_t *public);
int __real_p256_ecdh_shared_secret(uint8_t *secret, const uint8_t *private, const uint8_t *public);
int __wrap_mbedtls_ct_memcmp(const void *a, const void *b, size_t length);
int __real_mbedtls_ct_memcmp(const void *a, const void *b, size_t length);

psa_status_t __wrap_mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *out, size_t size, size_t *length)
{
    (void) context;
    for (size_t i = 0; i < size; i++) {
        const uint32_t number = drawn[fuzz_side]++ * 2654435761u + 7u * fuzz_side;
        out[i] = (uint8_t) (number >> 13 ^ number >> 24);
    }
    *length = size;
    return PSA_SUCCESS;
}

psa_status_t __wrap_psa_aead_encrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *text, size_t length, uint8_t *out,
                                     size_t size, size_t *written)
{
    const size_t tag = PSA_ALG_AEAD_GET_TAG_LENGTH(alg);
    (void) key, (void) nonce, (void) nonce_length, (void) data, (void) data_length;
    MUST(size >= length + tag);
    memmove(out, text, length);
    memset(out + length, 0, tag);
    *written = length + tag;
    return PSA_SUCCESS;
}

psa_status_t __wrap_psa_aead_decrypt(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *nonce, size_t nonce_length,
                                     const uint8_t *data, size_t data_length, const uint8_t *sealed, size_t length, uint8_t *out,
                                     size_t size, size_t *written)
{
    const size_t tag = PSA_ALG_AEAD_GET_TAG_LENGTH(alg);
    (void) key, (void) nonce, (void) nonce_length, (void) data, (void) data_length;
    if (length < tag) return PSA_ERROR_INVALID_ARGUMENT;
    MUST(size >= length - tag);
    /* A first byte of the tag that is not 0 stands for a record that does not authenticate. */
    if (sealed[length - tag] != 0) return PSA_ERROR_INVALID_SIGNATURE;
    memmove(out, sealed, length - tag);
    *written = length - tag;
    return PSA_SUCCESS;
}

int __wrap_mbedtls_ct_memcmp(const void *a, const void *b, size_t length)
{
    return fuzz_compares ? __real_mbedtls_ct_memcmp(a, b, length) : 0;
}

/* Each side has one key: it is not the curve that is looked at. */
int __wrap_p256_gen_keypair(uint8_t *private, uint8_t *public)
{
    memset(private, 0x11 * (1 + (int) fuzz_side), 32);
    return __wrap_p256_public_from_private(public, private);
}

int __wrap_p256_public_from_private(uint8_t *public, const uint8_t *private)
{
    static uint8_t publics[2][64];
    static bool computed[2];
    const size_t side = private[0] / 0x11 - 1u;
    MUST(side < 2);
    if (!computed[side]) MUST(__real_p256_public_from_private(publics[side], private) == P256_SUCCESS);
    computed[side] = true;
    memcpy(public, publics[side], sizeof publics[side]);
    return P256_SUCCESS;
}

/* The last answer is kept: most inputs have the share of a seed. */
int __wrap_p256_ecdh_shared_secret(uint8_t *secret, const uint8_t *private, const uint8_t *public)
{
    static uint8_t last_private[32], last_public[64], last_secret[32];
    if (memcmp(private, last_private, sizeof last_private) != 0 || memcmp(public, last_public, sizeof last_public) != 0) {
        const int result = __real_p256_ecdh_shared_secret(secret, private, public);
        if (result != P256_SUCCESS) return result;
        memcpy(last_private, private, sizeof last_private);
        memcpy(last_public, public, sizeof last_public);
        memcpy(last_secret, secret, sizeof last_secret);
    }
    memcpy(secret, last_secret, sizeof last_secret);
    return P256_SUCCESS;
}

void fuzz_reset(void)
{
    drawn[DEVICE] = drawn[SERVER] = 0;
    fuzz_side = DEVICE;
    fuzz_compares = false;
    fuzz_reached = NOWHERE;
}

uint8_t take_byte(input *in)
{
    const uint8_t *byte = take(in, 1);
    return byte == NULL ? 0 : *byte;
}

size_t take_length(input *in)
{
    const size_t high = take_byte(in), length = high << 8 | take_byte(in);
    return length < in->left ? length : in->left;
}

const uint8_t *take(input *in, size_t length)
{
    const uint8_t *from = in->at;
    if (length > in->left) return NULL;
    in->at += length;
    in->left -= length;
    return from;
}

psk_bundle fuzz_bundle(void)
{
    static bytes encoded;
    psk_bundle bundle;
    bundle_recipe recipe = usual_bundle;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    MUST(psk_bundle_parse(&bundle, encoded.data, encoded.length) == 0);
    return bundle;
}

void fuzz_drain(psk_core *core)
{
    uint8_t out[4096 + 128];
    int32_t length;
    do {
        length = psk_core_drain(core, out, sizeof out);
        MUST(length >= 0 && length <= (int32_t) sizeof out);
    } while (length > 0);
}

int32_t fuzz_step(psk_core *core)
{
    int32_t result;
    do {
        result = psk_core_step(core);
        fuzz_drain(core);
    } while (result == PSK_CORE_WANTS_DRAIN);
    if (result == PSK_CORE_DONE && fuzz_reached == NOWHERE) fuzz_reached = CONNECTED;
    return result;
}
