/* What mbedTLS knows and has no function for. Compiled with mbedTLS's own headers; nothing else is. */
#ifndef PSK_PEEK_H
#define PSK_PEEK_H

#include <mbedtls/ssl.h>

/* The index of the identity that the server selected (RFC 8446 s4.2.11); -1 when there is no handshake any more. */
int psk_peek_selected_identity(const mbedtls_ssl_context *ssl);

/* Whether the handshake, if it has come past the ServerHello, has extended_master_secret (RFC 7627); true before that. */
int psk_peek_has_extended_master_secret(const mbedtls_ssl_context *ssl);

/* Whether the ServerHello of this handshake has come and the handshake is not over. */
int psk_peek_is_past_server_hello(const mbedtls_ssl_context *ssl);

/* The client's and the server's random of the handshake, 32 bytes each; NULL when there is none any more. */
const unsigned char *psk_peek_randoms(const mbedtls_ssl_context *ssl);

/* The length of the connection id that records are sent with (RFC 9146); 0: none. */
int psk_peek_connection_id_length(const mbedtls_ssl_context *ssl);

/* Of the key schedule of TLS 1.3 with SHA-256 (RFC 8446 s7.1), all of 32 bytes: HKDF-Extract without a salt, HKDF-Expand-Label,
 * and the binder of an external PSK over the hash of a transcript. 0, or mbedTLS's error. */
int psk_peek_extract(const unsigned char *key, unsigned char *out);
int psk_peek_expand_label(const unsigned char *secret, const char *label, const unsigned char *context, unsigned char *out);
int psk_peek_binder(const unsigned char *psk, const unsigned char *transcript, unsigned char *out);

#endif
