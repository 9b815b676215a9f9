/* The part of psk_peek.h that only the self test needs. */
#include "common.h"

#include <string.h>

#include "psk_peek.h"
#include "ssl_misc.h"
#include "ssl_tls13_keys.h"

#define HASH 32u

int psk_peek_extract(const unsigned char *key, unsigned char *out)
{
    return mbedtls_ssl_tls13_evolve_secret(PSA_ALG_SHA_256, NULL, key, HASH, out);
}

int psk_peek_expand_label(const unsigned char *secret, const char *label, const unsigned char *context, unsigned char *out)
{
    return mbedtls_ssl_tls13_hkdf_expand_label(PSA_ALG_SHA_256, secret, HASH, (const unsigned char *) label, strlen(label),
                                               context, HASH, out, HASH);
}

int psk_peek_binder(const unsigned char *psk, const unsigned char *transcript, unsigned char *out)
{
    return mbedtls_ssl_tls13_create_psk_binder(NULL, PSA_ALG_SHA_256, psk, HASH, MBEDTLS_SSL_TLS1_3_PSK_EXTERNAL, transcript, out);
}
