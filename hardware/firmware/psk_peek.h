/* What mbedTLS knows and has no function for. Compiled with mbedTLS's own headers; nothing else is. */
#ifndef PSK_PEEK_H
#define PSK_PEEK_H

#include <mbedtls/ssl.h>

/* The index of the identity that the server selected (RFC 8446 s4.2.11); -1 when there is no handshake any more. */
int psk_peek_selected_identity(const mbedtls_ssl_context *ssl);

/* 1: the ServerHello of this handshake has come, and it is not over; -1: and it has no extended_master_secret (RFC 7627); else 0. */
int psk_peek_server_hello(const mbedtls_ssl_context *ssl);

/* The client's and the server's random of the handshake, 32 bytes each; NULL when there is none any more. */
const unsigned char *psk_peek_randoms(const mbedtls_ssl_context *ssl);

/* The length of the connection id that records are sent with (RFC 9146); 0: none. */
int psk_peek_connection_id_length(const mbedtls_ssl_context *ssl);

#endif
