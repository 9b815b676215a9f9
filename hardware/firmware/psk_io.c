/* Bytes and datagrams in and out of a session. */
#include <limits.h>
#include <mbedtls/platform_util.h>

#include "psk_memory.h"
#include "psk_session.h"

#define TLS_OVERHEAD 22u            /* header 5, content type 1, longest tag 16 */
#define TLS12_OVERHEAD 29u          /* header 5, explicit nonce 8, longest tag 16 */

_Static_assert(PSK_CORE_OUT_QUEUE > 2 * TLS12_OVERHEAD, "the output queue must hold a small record");

int psk_core_send_bytes(void *context, const unsigned char *data, size_t length)
{
    psk_core *core = context;
    const size_t taken = core->datagrams ? psk_queue_put_datagram(&core->out, data, length) : psk_queue_put(&core->out, data, length);
    if (taken == 0) return MBEDTLS_ERR_SSL_WANT_WRITE;
    core->spoke = 1;
    if (!core->connected) core->sent += (uint32_t) taken;
    return (int) taken;
}

int psk_core_receive_bytes(void *context, unsigned char *data, size_t size)
{
    psk_core *core = context;
    const size_t given = core->datagrams ? psk_queue_get_datagram(&core->in, data, size) : psk_queue_get(&core->in, data, size);
    if (given == 0) return MBEDTLS_ERR_SSL_WANT_READ;
    if (!core->connected) core->received += (uint32_t) given;
    return (int) given;
}

/* The record size limit that the server announced; 0: none, so neither side is bound by RFC 8449. */
static uint16_t peer_limit(const psk_core *core)
{
    const mbedtls_ssl_session *session = core->ssl.MBEDTLS_PRIVATE(session);
    return session == NULL || core->datagrams ? 0 : session->MBEDTLS_PRIVATE(record_size_limit);
}

int32_t psk_core_feed(psk_core *core, const uint8_t *data, size_t length)
{
    if (core == NULL || (data == NULL && length > 0)) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0) return core->failure;
    if (!core->datagrams) return (int32_t) psk_queue_put(&core->in, data, length);
    /* What can never fit was not made by a server that keeps to what was agreed on; the network may lose it as well. */
    if (length > psk_queue_datagram_max(&core->in)) return (int32_t) length;
    const size_t whole = psk_dtls_whole_records(data, length);
    return whole == 0 || psk_queue_put_datagram(&core->in, data, whole) > 0 ? (int32_t) length : 0;
}

/* mbedTLS goes on where it should not, so what it made in this step must not go out: the server would take it for a wrong key. */
static int32_t give_up(psk_core *core)
{
    if (core->datagrams && core->spoke) {
        psk_queue_init(&core->out, core->out.buffer, core->out.size);
        core->spoke = 0;
    }
    return psk_core_fail(core, PSK_CORE_ERR_MEMORY);
}

int32_t psk_core_step(psk_core *core)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0) return core->failure;
    if (core->connected) return PSK_CORE_DONE;
    core->spoke = 0;
    psk_memory_watch();
    int result;
    do {
        result = mbedtls_ssl_handshake_step(&core->ssl);
        if (result == 0 && psk_memory_was_missing()) return give_up(core);
        const int32_t seen = result == 0 && (core->datagrams || core->session_key_waits) ? psk_dtls_look(core) : 0;
        if (seen < 0) return psk_core_fail(core, seen);
    } while (result == 0 && !mbedtls_ssl_is_handshake_over(&core->ssl));
    switch (result) {
    case 0:
        core->connected = 1;
        if (!core->datagrams) psk_ticket_note_handshake(core);
        return PSK_CORE_DONE;
    case MBEDTLS_ERR_SSL_WANT_READ: return PSK_CORE_WANTS_INPUT;
    case MBEDTLS_ERR_SSL_WANT_WRITE: return PSK_CORE_WANTS_DRAIN;
    default: return psk_core_fail_as(core, result);
    }
}

int32_t psk_core_drain(psk_core *core, uint8_t *data, size_t size)
{
    if (core == NULL || (data == NULL && size > 0)) return PSK_CORE_ERR_ARGUMENT;
    if (size > INT32_MAX) size = INT32_MAX;
    if (core->datagrams) {
        if (psk_queue_next_datagram(&core->out) > size) return PSK_CORE_ERR_BUFFER;
        return (int32_t) psk_queue_get_datagram(&core->out, data, size);
    }
    const size_t given = psk_queue_get(&core->out, data, size);
    /* An alert may still wait inside mbedTLS; with output pending, close_notify does nothing but move it on. */
    if (core->failure != 0 && core->out.used == 0 && core->ssl.MBEDTLS_PRIVATE(out_left) > 0) {
        (void) mbedtls_ssl_close_notify(&core->ssl);
    }
    return (int32_t) given;
}

/* How much of length goes into one record; 0: drain first. A record is cut to what the queue holds, so mbedTLS never keeps a
 * part of it back. */
static int32_t record_length(const psk_core *core, size_t length)
{
    size_t largest;
    const int limit = mbedtls_ssl_get_max_out_record_payload(&core->ssl);
    if (limit <= 0) return limit;
    largest = (size_t) limit;
    /* In TLS 1.3 the limit counts the content type too (RFC 8449 s4); mbedTLS does not subtract it. */
    if (peer_limit(core) != 0 && largest >= peer_limit(core)) largest = peer_limit(core) - 1u;
    const size_t room = psk_queue_free(&core->out), overhead = PSK_IN_SESSION_MODE(core) ? TLS12_OVERHEAD : TLS_OVERHEAD;
    if (room <= overhead) return 0;
    if (length > largest) length = largest;
    return (int32_t) (length > room - overhead ? room - overhead : length);
}

int32_t psk_core_write(psk_core *core, const uint8_t *data, size_t length)
{
    if (core == NULL || (data == NULL && length > 0)) return PSK_CORE_ERR_ARGUMENT;
    return (core->options & PSK_CORE_OPTION_REKEY) != 0 ? PSK_CORE_ERR_UNSUPPORTED : psk_core_write_bytes(core, data, length);
}

int32_t psk_core_write_bytes(psk_core *core, const uint8_t *data, size_t length)
{
    if (core->failure != 0) return core->failure;
    if (!core->connected) return PSK_CORE_ERR_NOT_CONNECTED;
    if (core->closing) return PSK_CORE_ERR_CLOSED;
    if (length == 0) return 0;
    const int32_t now = core->datagrams ? psk_dtls_message_length(core, length) : record_length(core, length);
    if (now == 0 || now == PSK_CORE_ERR_TOO_LONG) return now;
    if (now < 0) return psk_core_fail_as(core, now);
    core->spoke = 0;
    psk_memory_watch();
    const int result = mbedtls_ssl_write(&core->ssl, data, (size_t) now);
    return result >= 0 ? result : psk_core_fail_as(core, result);
}

/* Reads, past the tickets that come in between. mbedTLS wants to be called again while it is busy with one. */
static int read_data(psk_core *core, uint8_t *data, size_t size)
{
    int result;
    do {
        result = mbedtls_ssl_read(&core->ssl, data, size);
        if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) core->ticket_waits = 1;
    } while (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
             || (result == MBEDTLS_ERR_SSL_WANT_READ && core->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET));
    return result;
}

/* A message is given whole: the record is fetched first, and stays where it is when the caller has no room for it. */
static int32_t read_message(psk_core *core, uint8_t *data, size_t size)
{
    int result = 0;
    /* Empty messages are none to the caller; there are never more of them than datagrams in the queue. */
    while (result == 0 && mbedtls_ssl_get_bytes_avail(&core->ssl) == 0) result = mbedtls_ssl_read(&core->ssl, NULL, 0);
    if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) return 0;
    if (result < 0) return psk_core_fail_as(core, result);
    if (mbedtls_ssl_get_bytes_avail(&core->ssl) > size) return PSK_CORE_ERR_BUFFER;
    return mbedtls_ssl_read(&core->ssl, data, size);
}

int32_t psk_core_read(psk_core *core, uint8_t *data, size_t size)
{
    if (core == NULL || data == NULL || size == 0) return PSK_CORE_ERR_ARGUMENT;
    return (core->options & PSK_CORE_OPTION_REKEY) != 0 ? PSK_CORE_ERR_UNSUPPORTED : psk_core_read_bytes(core, data, size);
}

int32_t psk_core_read_bytes(psk_core *core, uint8_t *data, size_t size)
{
    if (core->failure != 0) return core->failure;
    if (!core->connected) return PSK_CORE_ERR_NOT_CONNECTED;
    if (size > INT_MAX) size = INT_MAX;
    core->spoke = 0;
    psk_memory_watch();
    if (core->datagrams) return read_message(core, data, size);
    const int fresh_record = mbedtls_ssl_get_bytes_avail(&core->ssl) == 0;
    const int result = read_data(core, data, size);
    if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) return 0;
    if (result < 0) return psk_core_fail_as(core, result);
    /* The peer is bound only if it took part in the extension (RFC 8449 s4); the limit counts the content type. */
    if (fresh_record && peer_limit(core) != 0
        && (size_t) result + mbedtls_ssl_get_bytes_avail(&core->ssl) >= core->record_limit) {
        mbedtls_platform_zeroize(data, (size_t) result);
        return psk_core_fail(core, PSK_CORE_ERR_RECORD_SIZE);
    }
    return result;
}

int32_t psk_core_close_notify(psk_core *core)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0 && core->failure != PSK_CORE_ERR_CLOSED) return core->failure;
    if (!core->connected) return PSK_CORE_ERR_NOT_CONNECTED;
    if (core->closing == 2) return PSK_CORE_DONE;
    core->closing = 1;
    psk_memory_watch();
    const int result = mbedtls_ssl_close_notify(&core->ssl);
    if (result == MBEDTLS_ERR_SSL_WANT_WRITE) return PSK_CORE_WANTS_DRAIN;
    if (result != 0) return psk_core_fail_as(core, result);
    core->closing = 2;
    return PSK_CORE_DONE;
}
