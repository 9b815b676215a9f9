/* Bytes and datagrams in and out of a session. */

#include "psk_memory.h"
#include "psk_session.h"

#define LONGEST_OVERHEAD 29u        /* of a TLS record: header 5, explicit nonce 8, tag 16 */

_Static_assert(PSK_CORE_OUT_QUEUE > 2 * LONGEST_OVERHEAD, "the output queue must hold a small record");

int psk_core_send_bytes(void *context, const unsigned char *data, size_t length)
{
    psk_core *core = context;
    const size_t taken = psk_queue_put(&core->out, data, length);
    if (taken == 0) return MBEDTLS_ERR_SSL_WANT_WRITE;
    core->spoke = 1;
    if (!core->connected) core->info[PSK_CORE_INFO_HANDSHAKE_SENT] += (int32_t) taken;
    return (int) taken;
}

int psk_core_receive_bytes(void *context, unsigned char *data, size_t size)
{
    psk_core *core = context;
    const size_t given = psk_queue_get(&core->in, data, size);
    if (given == 0) return MBEDTLS_ERR_SSL_WANT_READ;
    if (!core->connected) core->info[PSK_CORE_INFO_HANDSHAKE_RECEIVED] += (int32_t) given;
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
    size_t whole = length;
    /* What can never fit was not made by a server that keeps to what was agreed on; the network may lose it as well. */
    if (core->datagrams) whole = length + core->in.prefix > core->in.size ? 0 : psk_dtls_whole_records(data, length);
    const size_t taken = psk_queue_put(&core->in, data, whole);
    return (int32_t) (taken == whole ? length : taken);
}

/* mbedTLS goes on where it should not, so what it made in this step must not go out: the server would take it for a wrong key. */
static int32_t give_up(psk_core *core)
{
    if (core->datagrams && core->spoke) {
        core->out.used = 0;
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
    if (result == 0) psk_core_note_connected(core);
    return psk_core_outcome(core, result);
}

int32_t psk_core_drain(psk_core *core, uint8_t *data, size_t size)
{
    if (core == NULL || (data == NULL && size > 0)) return PSK_CORE_ERR_ARGUMENT;
    if (core->datagrams && psk_queue_next(&core->out) > size) return PSK_CORE_ERR_BUFFER;
    const size_t given = psk_queue_get(&core->out, data, size);
    /* An alert may still wait inside mbedTLS; with output pending, close_notify does nothing but move it on. */
    if (core->failure != 0 && core->out.used == 0 && core->ssl.MBEDTLS_PRIVATE(out_left) > 0) {
        (void) mbedtls_ssl_close_notify(&core->ssl);
    }
    return (int32_t) given;
}

/* How much of length goes into one record; 0: drain first. A record is cut to what the queue holds, so mbedTLS never keeps a
 * part of it back. A message is not cut. */
static int32_t record_length(const psk_core *core, size_t length)
{
    const int limit = mbedtls_ssl_get_max_out_record_payload(&core->ssl), overhead = mbedtls_ssl_get_record_expansion(&core->ssl);
    if (limit <= 0 || overhead < 0) return limit <= 0 ? limit : overhead;
    size_t largest = (size_t) limit, room = psk_queue_room(&core->out);
    room = room > (size_t) overhead ? room - (size_t) overhead : 0;
    if (core->datagrams) {
        if (length > largest) return PSK_CORE_ERR_TOO_LONG;
        return length > room ? 0 : (int32_t) length;
    }
    /* In TLS 1.3 the limit counts the content type too (RFC 8449 s4); mbedTLS does not subtract it. */
    if (peer_limit(core) != 0 && largest >= peer_limit(core)) largest = peer_limit(core) - 1u;
    if (length > largest) length = largest;
    return (int32_t) (length > room ? room : length);
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
    const int32_t now = record_length(core, length);
    if (now == 0 || now == PSK_CORE_ERR_TOO_LONG) return now;
    if (now < 0) return psk_core_fail_as(core, now);
    core->spoke = 0;
    psk_memory_watch();
    const int result = mbedtls_ssl_write(&core->ssl, data, (size_t) now);
    return result >= 0 ? result : psk_core_fail_as(core, result);
}

/* Fetches a record with data, past the tickets that come in between and past records without any, of which there are never more
 * than in the queue. mbedTLS wants to be called again while it is busy with a ticket. */
static int fetch(psk_core *core)
{
    int result = 0;
    while (mbedtls_ssl_get_bytes_avail(&core->ssl) == 0) {
        result = mbedtls_ssl_read(&core->ssl, NULL, 0);
        if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) core->ticket_waits = 1;
        else if (result != 0 && (result != MBEDTLS_ERR_SSL_WANT_READ || core->ssl.MBEDTLS_PRIVATE(state) != MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET)) return result;
    }
    return 0;
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
    core->spoke = 0;
    psk_memory_watch();
    const int is_fresh = mbedtls_ssl_get_bytes_avail(&core->ssl) == 0;
    const int32_t outcome = psk_core_outcome(core, fetch(core));
    if (outcome != 0) return outcome > 0 ? 0 : outcome;
    const size_t there = mbedtls_ssl_get_bytes_avail(&core->ssl);
    /* The peer is bound only if it took part in the extension (RFC 8449 s4); the limit counts the content type. */
    if (is_fresh && peer_limit(core) != 0 && there >= core->record_limit) return psk_core_fail(core, PSK_CORE_ERR_RECORD_SIZE);
    /* A message is given whole: it stays where it is when the caller has no room for it. */
    if (core->datagrams && there > size) return PSK_CORE_ERR_BUFFER;
    return mbedtls_ssl_read(&core->ssl, data, size);
}

int32_t psk_core_close_notify(psk_core *core)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0 && core->failure != PSK_CORE_ERR_CLOSED) return core->failure;
    if (!core->connected) return PSK_CORE_ERR_NOT_CONNECTED;
    if (core->closing == 2) return PSK_CORE_DONE;
    core->closing = 1;
    psk_memory_watch();
    const int32_t outcome = psk_core_outcome(core, mbedtls_ssl_close_notify(&core->ssl));
    if (outcome == PSK_CORE_DONE) core->closing = 2;
    return outcome;
}
