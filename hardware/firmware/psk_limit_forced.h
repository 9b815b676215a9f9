/* Forced (-include) into mbedTLS's ssl_tls13_generic.c and nothing else: the record size limit extension (RFC 8449)
 * announces the limit of the session, which may be smaller than the build's MBEDTLS_SSL_IN_CONTENT_LEN. */
#ifndef PSK_LIMIT_FORCED_H
#define PSK_LIMIT_FORCED_H

#include "common.h"

#include "ssl_misc.h"

uint16_t psk_core_announced_limit(mbedtls_ssl_context *ssl);

#undef MBEDTLS_PUT_UINT16_BE
#define MBEDTLS_PUT_UINT16_BE(n, data, offset)                                               \
    do {                                                                                     \
        const uint16_t put_value = __builtin_strcmp(#n, "MBEDTLS_SSL_IN_CONTENT_LEN") == 0   \
                                       ? psk_core_announced_limit(ssl) : (uint16_t) (n);     \
        (data)[(offset)] = MBEDTLS_BYTE_1(put_value);                                        \
        (data)[(offset) + 1] = MBEDTLS_BYTE_0(put_value);                                    \
    } while (0)

#endif
