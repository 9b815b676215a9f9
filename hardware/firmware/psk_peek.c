#include "common.h"

#include "psk_peek.h"
#include "ssl_misc.h"

int psk_peek_selected_identity(const mbedtls_ssl_context *ssl)
{
    return ssl->handshake == NULL ? -1 : ssl->handshake->selected_identity;
}

const unsigned char *psk_peek_randoms(const mbedtls_ssl_context *ssl)
{
    return ssl->handshake == NULL ? NULL : ssl->handshake->randbytes;
}

int psk_peek_server_hello(const mbedtls_ssl_context *ssl)
{
    if (ssl->handshake == NULL || ssl->state <= MBEDTLS_SSL_SERVER_HELLO || ssl->state >= MBEDTLS_SSL_HANDSHAKE_OVER) return 0;
#ifdef MBEDTLS_SSL_PROTO_TLS1_2
    if (ssl->handshake->extended_ms != MBEDTLS_SSL_EXTENDED_MS_ENABLED) return -1;
#endif
    return 1;
}

int psk_peek_connection_id_length(const mbedtls_ssl_context *ssl)
{
#ifdef MBEDTLS_SSL_DTLS_CONNECTION_ID
    return ssl->transform_out == NULL ? 0 : ssl->transform_out->out_cid_len;
#else
    return ssl == NULL;
#endif
}
