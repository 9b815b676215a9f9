/* A DTLS association written down, and made again. mbedTLS can do that too, but it writes the master secret down and derives the keys
 * anew at each load, and more of them than it needs: 600 000 instructions at every wake-up. Here the keys themselves are kept, and
 * a third of the bytes. Compiled with mbedTLS's own headers, like psk_peek.c. */
#include "common.h"

#include <mbedtls/platform.h>
#include <string.h>

#include "psk_key.h"
#include "psk_session.h"
#include "ssl_misc.h"

/* 'D', format 2; suite, max_fragment_length codes asked for and agreed on, length of the connection id and that; then what is
 * below; then the keys. */
#define FORMAT 2u
#define HEAD 7u
#define COUNTERS 24u                /* epoch and number of the next record (RFC 6347 s4.1), and the window against replays, as this machine has it: it never leaves it */
#define WINDOW offsetof(mbedtls_ssl_context, in_window_top)
#define NONCE_LENGTH ((size_t) 12)

_Static_assert(offsetof(mbedtls_ssl_context, in_window) == WINDOW + 8, "the window and its top lie side by side");

_Static_assert(HEAD + MBEDTLS_SSL_CID_OUT_LEN_MAX + COUNTERS + PSK_KEY_BLOCK <= PSK_ASSOCIATION_MAX, "an association must fit");

/* What a suite wants of the key block (RFC 5246 s6.3): two keys, and two fixed parts of the nonces (RFC 6655 s3, RFC 7905 s2). */
typedef struct layout {
    size_t tag;
    mbedtls_cipher_type_t cipher;
} layout;

#ifdef PSK_CORE_ECDHE_PSK
static bool is_chacha(const layout *parts) { return parts->cipher == MBEDTLS_CIPHER_CHACHA20_POLY1305; }
#define KEY_LENGTH(parts) (is_chacha(parts) ? 32u : 16u)
#define FIXED_LENGTH(parts) (is_chacha(parts) ? NONCE_LENGTH : 4u)
#else
#define KEY_LENGTH(parts) 16u
#define FIXED_LENGTH(parts) 4u
#endif

static bool lay_out(int suite, layout *out)
{
    const mbedtls_ssl_ciphersuite_t *info = mbedtls_ssl_ciphersuite_from_id(suite);
    if (info == NULL) return false;
    out->cipher = (mbedtls_cipher_type_t) info->cipher;
    out->tag = (info->flags & MBEDTLS_CIPHERSUITE_SHORT_TAG) != 0 ? 8 : 16;
    return true;
}

/* mbedTLS tells the master secret once, in the handshake. */
void psk_association_keep_keys(void *context, mbedtls_ssl_key_export_type type, const unsigned char *secret, size_t length,
                               const unsigned char client_random[32], const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    psk_core *core = context;
    uint8_t randoms[64];
    if (type != MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET) return;
    memcpy(randoms, server_random, 32);
    memcpy(randoms + 32, client_random, 32);
    core->keys_kept = mbedtls_ssl_tls_prf(prf, secret, length, "key expansion", randoms, sizeof randoms, core->key_block, PSK_KEY_BLOCK) == 0
                          ? PSK_KEYS_KEPT : PSK_KEYS_LOST;
}

int32_t psk_association_write(const psk_core *core, uint8_t *out, size_t size)
{
    const mbedtls_ssl_context *ssl = &core->ssl;
    const mbedtls_ssl_transform *transform = ssl->transform_out;
    if (ssl->handshake != NULL || core->keys_kept != PSK_KEYS_KEPT || mbedtls_ssl_check_pending(ssl) != 0 || ssl->out_left != 0) {
        return PSK_CORE_ERR_NO_ASSOCIATION;
    }
    const size_t length = HEAD + transform->out_cid_len + COUNTERS + PSK_KEY_BLOCK;
    if (size < length) return PSK_CORE_ERR_BUFFER;
    const uint8_t head[HEAD] = { 'D', FORMAT, (uint8_t) (ssl->session->ciphersuite >> 8), (uint8_t) ssl->session->ciphersuite,
                                 core->config.mfl_code, ssl->session->mfl_code, transform->out_cid_len };
    memcpy(out, head, HEAD);
    memcpy(out + HEAD, transform->out_cid, transform->out_cid_len);
    uint8_t *at = out + HEAD + transform->out_cid_len;
    memcpy(at, ssl->cur_out_ctr, 8);
    memcpy(at + 8, (const uint8_t *) ssl + WINDOW, 16);
    memcpy(at + COUNTERS, core->key_block, PSK_KEY_BLOCK);
    return (int32_t) length;
}

#ifdef MBEDTLS_USE_PSA_CRYPTO
static int32_t set_keys(mbedtls_ssl_transform *transform, const layout *parts, const uint8_t *keys)
{
    psa_key_type_t type;
    size_t bits;
    if (mbedtls_ssl_cipher_to_psa(parts->cipher, parts->tag, &transform->psa_alg, &type, &bits) != PSA_SUCCESS) return PSK_CORE_ERR_INTERNAL;
    const int32_t result = psk_key_import(type, PSA_KEY_USAGE_ENCRYPT, transform->psa_alg, keys, KEY_LENGTH(parts), &transform->psa_key_enc);
    if (result != 0) return result;
    return psk_key_import(type, PSA_KEY_USAGE_DECRYPT, transform->psa_alg, keys + KEY_LENGTH(parts), KEY_LENGTH(parts), &transform->psa_key_dec);
}
#else
static int32_t set_key(const layout *parts, const uint8_t *key, mbedtls_operation_t operation, mbedtls_cipher_context_t *cipher)
{
    const int result = mbedtls_cipher_setup(cipher, mbedtls_cipher_info_from_type(parts->cipher));
    if (result == MBEDTLS_ERR_CIPHER_ALLOC_FAILED) return PSK_CORE_ERR_MEMORY;
    return result == 0 && mbedtls_cipher_setkey(cipher, key, (int) KEY_LENGTH(parts) * 8, operation) == 0 ? 0 : PSK_CORE_ERR_INTERNAL;
}

static int32_t set_keys(mbedtls_ssl_transform *transform, const layout *parts, const uint8_t *keys)
{
    const int32_t result = set_key(parts, keys, MBEDTLS_ENCRYPT, &transform->cipher_ctx_enc);
    return result != 0 ? result : set_key(parts, keys + KEY_LENGTH(parts), MBEDTLS_DECRYPT, &transform->cipher_ctx_dec);
}
#endif

/* As mbedTLS fills it in a handshake of a client. */
static int32_t fill(mbedtls_ssl_transform *transform, const layout *parts, const uint8_t *keys)
{
    const uint8_t *nonces = keys + 2 * (size_t) KEY_LENGTH(parts);
    transform->tls_version = MBEDTLS_SSL_VERSION_TLS1_2;
    transform->taglen = parts->tag;
    transform->ivlen = NONCE_LENGTH;
    transform->fixed_ivlen = FIXED_LENGTH(parts);
    transform->minlen = NONCE_LENGTH - FIXED_LENGTH(parts) + parts->tag;
    memcpy(transform->iv_enc, nonces, FIXED_LENGTH(parts));
    memcpy(transform->iv_dec, nonces + FIXED_LENGTH(parts), FIXED_LENGTH(parts));
    return set_keys(transform, parts, keys);
}

static bool is_offered(const mbedtls_ssl_config *config, int suite)
{
    const int *offered = config->ciphersuite_list;
    while (*offered != 0 && *offered != suite) offered++;
    return *offered != 0;
}

static void go_on(mbedtls_ssl_context *ssl, const uint8_t *counters)
{
    memcpy(ssl->cur_out_ctr, counters, 8);
    memcpy((uint8_t *) ssl + WINDOW, counters + 8, 16);
    ssl->in_epoch = 1;
    ssl->tls_version = MBEDTLS_SSL_VERSION_TLS1_2;
    ssl->session_in = ssl->session_out = ssl->session;
    ssl->transform_in = ssl->transform_out = ssl->transform;
    mbedtls_ssl_update_out_pointers(ssl, ssl->transform);
    mbedtls_ssl_handshake_set_state(ssl, MBEDTLS_SSL_HANDSHAKE_OVER);
    mbedtls_ssl_handshake_free(ssl);
    mbedtls_free(ssl->handshake);
    ssl->handshake = NULL;
}

int32_t psk_association_limit(const uint8_t *saved, size_t length)
{
    if (length < HEAD || saved[0] != 'D' || saved[1] != FORMAT || saved[4] - 1u >= MBEDTLS_SSL_MAX_FRAG_LEN_4096) return PSK_CORE_ERR_NO_ASSOCIATION;
    return (int32_t) PSK_FRAGMENT_LENGTH(saved[4]);
}

int32_t psk_association_read(psk_core *core, const uint8_t *saved, size_t length)
{
    mbedtls_ssl_context *ssl = &core->ssl;
    layout parts;
    const int suite = (int) psk_read_16(saved + 2);
    const uint8_t cid_length = saved[6];
    if (saved[5] >= MBEDTLS_SSL_MAX_FRAG_LEN_INVALID || cid_length > MBEDTLS_SSL_CID_OUT_LEN_MAX || !is_offered(&core->config, suite)
        || !lay_out(suite, &parts)) return PSK_CORE_ERR_NO_ASSOCIATION;
    if (length != HEAD + cid_length + COUNTERS + PSK_KEY_BLOCK) return PSK_CORE_ERR_NO_ASSOCIATION;
    const uint8_t *counters = saved + HEAD + cid_length;
    /* Application data has epoch 1, as nothing is renegotiated. */
    if (counters[0] != 0 || counters[1] != 1) return PSK_CORE_ERR_NO_ASSOCIATION;
    /* Both were allocated for a handshake, which is not made. */
    mbedtls_ssl_session *session = ssl->session = ssl->session_negotiate;
    mbedtls_ssl_transform *transform = ssl->transform = ssl->transform_negotiate;
    ssl->session_negotiate = NULL;
    ssl->transform_negotiate = NULL;
    session->ciphersuite = suite;
    session->mfl_code = saved[5];
    session->tls_version = MBEDTLS_SSL_VERSION_TLS1_2;
    transform->out_cid_len = cid_length;
    memcpy(transform->out_cid, saved + HEAD, cid_length);
    memcpy(core->key_block, counters + COUNTERS, PSK_KEY_BLOCK);
    core->keys_kept = PSK_KEYS_KEPT;
    const int32_t result = fill(transform, &parts, core->key_block);
    if (result == 0) go_on(ssl, counters);
    return result;
}
