/* The credential bundle: a canonical CBOR map (RFC 8949 s4.2.1) with unsigned integer keys.
 *   1 version (1)            2 device id (text)        3 server id (text)           4 TLS address (text, host:port)
 *   5 DTLS address (text, optional)                    6 TLS 1.3 imported identity (bytes)   7 TLS 1.3 key (32 bytes)
 *   8 TLS 1.2 identity (bytes, optional)               9 TLS 1.2 key (32 bytes, with 8)      10 record size limit
 *   11 connection ids (bool)                           12 epoch
 *   13 session mode (optional): how many bytes of each random make the PSK of a session of key 9, 32 or 28; without 6 and 7
 * Keys 14..63 are refused, keys from 64 to 2^32 - 2 are for later versions and skipped. */
#ifndef PSK_BUNDLE_H
#define PSK_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PSK_BUNDLE_MAX 2048u        /* bytes of an encoded bundle */
#define PSK_BUNDLE_KEY_LENGTH 32u
#define PSK_BUNDLE_RANDOM 32u       /* bytes of a random of (D)TLS 1.2 */
#define PSK_BUNDLE_TIME 4u          /* of them are gmt_unix_time, RFC 5246 s7.4.1.2 */

typedef struct psk_span {
    const uint8_t *data;            /* NULL: absent */
    size_t length;
} psk_span;

/* A view of an encoded bundle, valid as long as its bytes. */
typedef struct psk_bundle {
    psk_span device_id, server_id, tls_address, dtls_address;
    psk_span tls13_identity, tls13_key, tls12_identity, tls12_key;
    uint32_t version;
    uint32_t record_size_limit;
    uint32_t connection_id;         /* 1 or 0 */
    uint32_t epoch;
    uint32_t session_randoms;       /* 32 or 28; 0: not in session mode */
} psk_bundle;

/* 0, or PSK_CORE_ERR_BUNDLE - k naming field k (0: the map itself). */
int32_t psk_bundle_parse(psk_bundle *bundle, const uint8_t *data, size_t length);

/* Writes the public part, without fields 7 and 9 and unknown ones, as CBOR. Returns its length, PSK_CORE_ERR_BUFFER
 * or what psk_bundle_parse returns. */
int32_t psk_bundle_describe(const uint8_t *data, size_t length, uint8_t *out, size_t size);

#endif
