#include "server.h"

#include "../core/bundles.h"
#include "../core/dtls_server.h"
#include "../core/tls_server.h"
#include "psk_core.h"

static tls_server tls;
static dtls_server dtls;

void server_start(int32_t protocol, int tickets)
{
    static bytes identity;
    if (protocol == PSK_CORE_DTLS12) {
        static const dtls_server_settings settings = { .identity = "sensor-1~1", .key_first = 1, .connection_id = 6 };
        dtls_server_start(&dtls, &settings);
        return;
    }
    recipe_identity(&usual_bundle, &identity);
    const tls_server_settings settings = { .identity = identity.data, .identity_length = identity.length, .key_first = 1, .psk_ke = 1,
                                           .tickets = tickets ? 1 : 0, .suite = MBEDTLS_TLS1_3_AES_128_CCM_8_SHA256 };
    tls_server_start(&tls, &settings);
}

void server_stop(int32_t protocol)
{
    if (protocol == PSK_CORE_DTLS12) dtls_server_stop(&dtls);
    else tls_server_stop(&tls);
}

void server_receive(int32_t protocol, const uint8_t *data, size_t length)
{
    if (protocol == PSK_CORE_DTLS12) dtls_server_receive(&dtls, data, length);
    else tls_server_receive(&tls, data, length);
}

size_t server_drain(int32_t protocol, uint8_t *data, size_t size)
{
    return protocol == PSK_CORE_DTLS12 ? dtls_server_drain(&dtls, data, size) : tls_server_drain(&tls, data, size);
}
