/* Forced (-include) into mbedTLS's ssl_tls13_keys.c and nothing else: the binder of an external PSK is computed with
 * the label "imp binder", as RFC 9258 s5.2 wants it for imported PSKs. Both labels have ten bytes. */
#ifndef PSK_BINDER_FORCED_H
#define PSK_BINDER_FORCED_H

#include "common.h"

#include "ssl_misc.h"
#include "ssl_tls13_keys.h"

#undef MBEDTLS_SSL_TLS1_3_LBL_WITH_LEN
#define MBEDTLS_SSL_TLS1_3_LBL_WITH_LEN(LABEL)                                        \
    (__builtin_strcmp(#LABEL, "ext_binder") == 0 ? (const unsigned char *) "imp binder" \
                                                 : mbedtls_ssl_tls13_labels.LABEL),     \
        MBEDTLS_SSL_TLS1_3_LBL_LEN(LABEL)

#endif
