/* From what mbedTLS says to the errors of psk_error.h, and to the alert that the peer gets. */
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>

#include "psk_session.h"

#define MSG_KEY_UPDATE 24u
#define RECORD_HEADER 5u            /* RFC 8446 s5.1 */

static int32_t from_alert(const psk_core *core, int alert)
{
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC:       /* what a wrong key comes to in (D)TLS 1.2 */
        return core->datagrams && !core->connected ? PSK_CORE_ERR_REFUSED : PSK_CORE_ERR_ALERT;
    case MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR: return PSK_CORE_ERR_REFUSED;
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY: return PSK_CORE_ERR_UNKNOWN_IDENTITY;
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
    case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY: return PSK_CORE_ERR_NO_COMMON;
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION: return PSK_CORE_ERR_VERSION;
    case MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR: return PSK_CORE_ERR_SERVER_FAULT;
    default: return PSK_CORE_ERR_ALERT;
    }
}

static int32_t from_mbedtls(int result)
{
    switch (result) {
    case MBEDTLS_ERR_SSL_ALLOC_FAILED: return PSK_CORE_ERR_MEMORY;
    case MBEDTLS_ERR_SSL_NO_RNG:
    case MBEDTLS_ERR_ENTROPY_SOURCE_FAILED: return PSK_CORE_ERR_RANDOM;
    case MBEDTLS_ERR_SSL_TIMEOUT: return PSK_CORE_ERR_TIMEOUT;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return PSK_CORE_ERR_CLOSED;
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION: return PSK_CORE_ERR_VERSION;
    case MBEDTLS_ERR_SSL_INVALID_MAC: return PSK_CORE_ERR_BAD_RECORD;
    case MBEDTLS_ERR_SSL_INTERNAL_ERROR:
    case MBEDTLS_ERR_SSL_HW_ACCEL_FAILED:                                   /* what PSA fails with, often for want of memory */
    case MBEDTLS_ERR_ERROR_GENERIC_ERROR:
    case MBEDTLS_ERR_ERROR_CORRUPTION_DETECTED: return PSK_CORE_ERR_INTERNAL;
    default: return PSK_CORE_ERR_PROTOCOL;
    }
}

static unsigned char alert_for(int32_t error)
{
    switch (error) {
    case PSK_CORE_ERR_RECORD_SIZE: return MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW;        /* RFC 8449 s4 */
    case PSK_CORE_ERR_BAD_RECORD: return MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
    case PSK_CORE_ERR_PROTOCOL: return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    case PSK_CORE_ERR_VERSION: return MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION;
    case PSK_CORE_ERR_NO_COMMON: return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
    case PSK_CORE_ERR_KEY_UPDATE: return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    default: return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
    }
}

/* mbedTLS has no KeyUpdate (RFC 8446 s4.6.3): it is the one message that an honest server sends and this side cannot take. */
static int is_key_update(const psk_core *core)
{
    return core->connected && core->ssl.MBEDTLS_PRIVATE(in_msgtype) == MBEDTLS_SSL_MSG_HANDSHAKE
        && core->ssl.MBEDTLS_PRIVATE(in_msglen) > 0 && core->ssl.MBEDTLS_PRIVATE(in_msg)[0] == MSG_KEY_UPDATE;
}

/* mbedTLS has one code for a record longer than its buffer and for a share that is no point of the curve. */
static int is_record_too_long(const psk_core *core)
{
    const unsigned char *header = core->ssl.MBEDTLS_PRIVATE(in_hdr);
    return !core->datagrams && core->ssl.MBEDTLS_PRIVATE(in_left) >= RECORD_HEADER
        && ((size_t) header[3] << 8 | header[4]) > MBEDTLS_SSL_IN_CONTENT_LEN;
}

int32_t psk_core_fail(psk_core *core, int32_t error)
{
    core->failure = error;
    if (!core->spoke && error != PSK_CORE_ERR_CLOSED && error != PSK_CORE_ERR_TIMEOUT) {
        (void) mbedtls_ssl_send_alert_message(&core->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert_for(error));
    }
    return error;
}

int32_t psk_core_fail_as(psk_core *core, int result)
{
    if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        core->alert = core->ssl.MBEDTLS_PRIVATE(in_msg)[1];
        core->failure = from_alert(core, core->alert);
        return core->failure;
    }
    if (result == MBEDTLS_ERR_SSL_BAD_INPUT_DATA && is_record_too_long(core)) return psk_core_fail(core, PSK_CORE_ERR_RECORD_SIZE);
    if (result == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE && is_key_update(core)) return psk_core_fail(core, PSK_CORE_ERR_KEY_UPDATE);
    return psk_core_fail(core, from_mbedtls(result));
}
