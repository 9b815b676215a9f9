#include "common.h"

#include "psk_peek.h"
#include "ssl_misc.h"

int psk_peek_selected_identity(const mbedtls_ssl_context *ssl)
{
    return ssl->handshake == NULL ? -1 : ssl->handshake->selected_identity;
}

int psk_peek_is_past_server_hello(const mbedtls_ssl_context *ssl)
{
    return ssl->handshake != NULL && ssl->state > MBEDTLS_SSL_SERVER_HELLO && ssl->state < MBEDTLS_SSL_HANDSHAKE_OVER;
}

const unsigned char *psk_peek_randoms(const mbedtls_ssl_context *ssl)
{
    return ssl->handshake == NULL ? NULL : ssl->handshake->randbytes;
}

int psk_peek_has_extended_master_secret(const mbedtls_ssl_context *ssl)
{
#ifdef MBEDTLS_SSL_PROTO_TLS1_2
    return !psk_peek_is_past_server_hello(ssl) || ssl->handshake->extended_ms == MBEDTLS_SSL_EXTENDED_MS_ENABLED;
#else
    return ssl != NULL;
#endif
}

int psk_peek_connection_id_length(const mbedtls_ssl_context *ssl)
{
#ifdef MBEDTLS_SSL_DTLS_CONNECTION_ID
    return ssl->transform_out == NULL ? 0 : ssl->transform_out->out_cid_len;
#else
    return ssl == NULL;
#endif
}
