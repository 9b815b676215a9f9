/* From what mbedTLS says to the errors of psk_error.h, and to the alert that the peer gets. */
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>

#include "psk_memory.h"
#include "psk_session.h"

#define MSG_KEY_UPDATE 24u
#define RECORD_HEADER 5u            /* RFC 8446 s5.1 */

typedef struct pair {
    int16_t from;
    int8_t to;
} pair;

/* What stands for a number; 0 ends a table, for all numbers that are not in it. */
__attribute__((noinline)) static int32_t look_up(const pair *at, int32_t number)
{
    while (at->from != 0 && at->from != number) at++;
    return at->to;
}

static const pair errors_of_alerts[] = {
    { MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR, PSK_CORE_ERR_REFUSED },
    { MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY, PSK_CORE_ERR_UNKNOWN_IDENTITY },
    { MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE, PSK_CORE_ERR_NO_COMMON },
    { MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY, PSK_CORE_ERR_NO_COMMON },
    { MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION, PSK_CORE_ERR_VERSION },
    { MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, PSK_CORE_ERR_SERVER_FAULT },
    { 0, PSK_CORE_ERR_ALERT }
};

static const pair errors_of_mbedtls[] = {
    { MBEDTLS_ERR_SSL_ALLOC_FAILED, PSK_CORE_ERR_MEMORY },
    { MBEDTLS_ERR_SSL_NO_RNG, PSK_CORE_ERR_RANDOM },
    { MBEDTLS_ERR_ENTROPY_SOURCE_FAILED, PSK_CORE_ERR_RANDOM },
    { MBEDTLS_ERR_SSL_TIMEOUT, PSK_CORE_ERR_TIMEOUT },
    { MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, PSK_CORE_ERR_CLOSED },
    { MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, PSK_CORE_ERR_VERSION },
    { MBEDTLS_ERR_SSL_INVALID_MAC, PSK_CORE_ERR_BAD_RECORD },
    { MBEDTLS_ERR_SSL_INTERNAL_ERROR, PSK_CORE_ERR_INTERNAL },
    { MBEDTLS_ERR_SSL_HW_ACCEL_FAILED, PSK_CORE_ERR_INTERNAL },             /* what PSA fails with, often for want of memory */
    { MBEDTLS_ERR_ERROR_GENERIC_ERROR, PSK_CORE_ERR_INTERNAL },
    { MBEDTLS_ERR_ERROR_CORRUPTION_DETECTED, PSK_CORE_ERR_INTERNAL },
    { 0, PSK_CORE_ERR_PROTOCOL }
};

static const pair alerts_of_errors[] = {
    { PSK_CORE_ERR_RECORD_SIZE, MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW },    /* RFC 8449 s4 */
    { PSK_CORE_ERR_BAD_RECORD, MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC },
    { PSK_CORE_ERR_PROTOCOL, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR },
    { PSK_CORE_ERR_VERSION, MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION },
    { PSK_CORE_ERR_NO_COMMON, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE },
    { PSK_CORE_ERR_KEY_UPDATE, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE },
    { 0, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR }
};

static int32_t from_alert(const psk_core *core, int alert)
{
    /* What a wrong key comes to in (D)TLS 1.2. */
    if (alert == MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC && (core->datagrams || PSK_IN_SESSION_MODE(core)) && !core->connected) return PSK_CORE_ERR_REFUSED;
    return look_up(errors_of_alerts, alert);
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
        && psk_read_16(header + 3) > MBEDTLS_SSL_IN_CONTENT_LEN;
}

int32_t psk_core_error_of(int result, int32_t other)
{
    return result == MBEDTLS_ERR_SSL_ALLOC_FAILED || psk_memory_was_missing() ? PSK_CORE_ERR_MEMORY : other;
}

int32_t psk_core_fail(psk_core *core, int32_t error)
{
    core->failure = error;
    if (!core->spoke && error != PSK_CORE_ERR_CLOSED && error != PSK_CORE_ERR_TIMEOUT) {
        (void) mbedtls_ssl_send_alert_message(&core->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, (unsigned char) look_up(alerts_of_errors, error));
    }
    return error;
}

int32_t psk_core_fail_as(psk_core *core, int result)
{
    if (psk_memory_was_missing()) return psk_core_fail(core, PSK_CORE_ERR_MEMORY);
    if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        const int32_t alert = core->ssl.MBEDTLS_PRIVATE(in_msg)[1];
        core->info[PSK_CORE_INFO_LAST_ALERT] = alert;
        core->failure = from_alert(core, alert);
        return core->failure;
    }
    if (result == MBEDTLS_ERR_SSL_BAD_INPUT_DATA && is_record_too_long(core)) return psk_core_fail(core, PSK_CORE_ERR_RECORD_SIZE);
    if (result == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE && is_key_update(core)) return psk_core_fail(core, PSK_CORE_ERR_KEY_UPDATE);
    return psk_core_fail(core, look_up(errors_of_mbedtls, result));
}

int32_t psk_core_outcome(psk_core *core, int result)
{
    if (result == MBEDTLS_ERR_SSL_WANT_READ) return PSK_CORE_WANTS_INPUT;
    if (result == MBEDTLS_ERR_SSL_WANT_WRITE) return PSK_CORE_WANTS_DRAIN;
    return result == 0 ? PSK_CORE_DONE : psk_core_fail_as(core, result);
}
