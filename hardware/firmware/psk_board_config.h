/* Put behind the mbedTLS configuration of ESP-IDF (MBEDTLS_USER_CONFIG_FILE): what a PSK client of constrained devices needs and
 * Kconfig has no switch for. Everything else is in sdkconfig/iotpsk.sdkconfig. */
#ifndef PSK_BOARD_CONFIG_H
#define PSK_BOARD_CONFIG_H

#ifndef MBEDTLS_SSL_RECORD_SIZE_LIMIT
#define MBEDTLS_SSL_RECORD_SIZE_LIMIT                   /* RFC 8449: the server keeps to our small buffers */
#endif

#undef MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT
#define MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT 0         /* RFC 9146, not a draft of it */

#ifndef MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS            /* no copies of records: one task uses them */
#endif

#undef MBEDTLS_PSK_MAX_LEN
#define MBEDTLS_PSK_MAX_LEN 48

#ifdef MBEDTLS_HAVE_TIME
#error "The board has no wall clock: switch CONFIG_MBEDTLS_HAVE_TIME off (see sdkconfig/iotpsk.sdkconfig)"
#endif
#ifndef MBEDTLS_SSL_DTLS_CONNECTION_ID
#error "CONFIG_MBEDTLS_SSL_DTLS_CONNECTION_ID is off: build with sdkconfig/iotpsk.sdkconfig"
#endif

#endif
