#include "common.h"

#include "psk_peek.h"
#include "ssl_misc.h"

int psk_peek_selected_identity(const mbedtls_ssl_context *ssl)
{
    return ssl->handshake == NULL ? -1 : ssl->handshake->selected_identity;
}
