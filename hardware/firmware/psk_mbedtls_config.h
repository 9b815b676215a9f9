/* The mbedTLS 3.6 profile of the device: a PSK-only TLS client without certificates and without a clock.
 * Hosts and boards build psk_core with this same file; boards under ESP-IDF set the same options through sdkconfig.
 *
 * Switches of the build:
 *   PSK_LEGACY_EC     P-256 by mbedTLS's own curve code: more flash, a third of the time (default: p256-m, small)
 *   PSK_NO_DTLS       TLS 1.3 only
 *   PSK_CORE_ECDHE_PSK   DTLS 1.2 with ECDHE_PSK too, in the one AEAD suite that mbedTLS has for it (ChaCha20-Poly1305)
 *   PSK_THREADS       sessions are used from several POSIX threads
 *   MBEDTLS_SSL_IN_CONTENT_LEN / MBEDTLS_SSL_OUT_CONTENT_LEN   512..16384; the first is the record size limit
 */
#ifndef PSK_MBEDTLS_CONFIG_H
#define PSK_MBEDTLS_CONFIG_H

#ifndef MBEDTLS_SSL_IN_CONTENT_LEN
#define MBEDTLS_SSL_IN_CONTENT_LEN 4096
#endif
#ifndef MBEDTLS_SSL_OUT_CONTENT_LEN
#define MBEDTLS_SSL_OUT_CONTENT_LEN 1024
#endif

/* platform: no clock (MBEDTLS_HAVE_TIME stays undefined), randomness from psk_port_random */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_CALLOC_MACRO psk_calloc
#define MBEDTLS_PLATFORM_FREE_MACRO free
#include <stdlib.h>
#include "psk_memory.h"
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#ifdef PSK_THREADS
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC
#else
#define MBEDTLS_PSA_KEY_SLOT_COUNT 16
#endif

/* crypto: all of it behind PSA, what is in it is chosen in psk_psa_config.h */
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_CONFIG
#define MBEDTLS_PSA_CRYPTO_CONFIG_FILE "psk_psa_config.h"
#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS
#define MBEDTLS_AES_ONLY_128_BIT_KEY_LENGTH
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_BLOCK_CIPHER_NO_DECRYPT
#ifdef PSK_LEGACY_EC
#define MBEDTLS_ECP_NIST_OPTIM
#else
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED
#endif

/* TLS 1.3, client, external PSK with (EC)DHE; without it where a session asks for that */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED
#define MBEDTLS_SSL_RECORD_SIZE_LIMIT
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE       /* TLS 1.3 wants the option; no certificate code comes with it */
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_ALPN                        /* for iotpsk-rekey/1 */
#define MBEDTLS_SSL_CID_TLS1_3_PADDING_GRANULARITY 1
#define MBEDTLS_PSK_MAX_LEN 48

/* DTLS 1.2, client, PSK; one association, saved and loaded by psk_association.c */
#ifndef PSK_NO_DTLS
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_DTLS
#define MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#define MBEDTLS_SSL_DTLS_ANTI_REPLAY
#define MBEDTLS_SSL_DTLS_CONNECTION_ID
#define MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT 0
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_DTLS_MAX_BUFFERING 4096     /* handshake messages that came too early */
#ifdef PSK_CORE_ECDHE_PSK
#define MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#ifndef PSK_LEGACY_EC
#define MBEDTLS_SSL_TLS1_2_SOME_ECC             /* mbedTLS sets it for its own curve code only, and sends no groups without */
#endif
#endif
#endif

#endif
