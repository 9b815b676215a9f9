/* Session tickets of TLS 1.3 (RFC 8446 s4.6.1). mbedTLS offers ticket and external PSK in one hello, the ticket first, so a
 * server that does not take the ticket goes on with the credential's key in the same handshake. Without a clock the
 * obfuscated age is 0. A ticket lives in the memory of the session's owner and nowhere else. */
#include "psk_memory.h"
#include "psk_session.h"

#define KEY_EXCHANGE_MODE(options) ((options) & PSK_CORE_OPTION_PSK_KE ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK \
                                                                       : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL)

int32_t psk_core_offer_ticket(psk_core *core, const uint8_t *ticket, size_t length)
{
    if (core == NULL || ticket == NULL || core->connected || core->info[PSK_CORE_INFO_HANDSHAKE_SENT] != 0) return PSK_CORE_ERR_ARGUMENT;
    if (core->datagrams || (core->options & PSK_CORE_OPTION_NO_TICKETS) != 0) return PSK_CORE_ERR_UNSUPPORTED;
    psk_memory_watch();
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    int result = mbedtls_ssl_session_load(&session, ticket, length);
    /* Offered only in the mode it was received in: mbedTLS would leave it out silently. */
    const int fits = result == 0 && session.MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_3
        && session.MBEDTLS_PRIVATE(ticket_len) > 0 && (session.MBEDTLS_PRIVATE(ticket_flags) & KEY_EXCHANGE_MODE(core->options)) != 0;
    session.MBEDTLS_PRIVATE(record_size_limit) = 0;             /* is agreed on anew (RFC 8449 s4) */
    if (fits) result = mbedtls_ssl_set_session(&core->ssl, &session);
    mbedtls_ssl_session_free(&session);
    if (psk_memory_was_missing()) return PSK_CORE_ERR_MEMORY;
    if (!fits || result != 0) return PSK_CORE_ERR_UNSUPPORTED;
    core->info[PSK_CORE_INFO_TICKET_OFFERED] = 1;
    return 0;
}

int32_t psk_core_take_ticket(psk_core *core, uint8_t *out, size_t size)
{
    if (core == NULL || out == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (!core->ticket_waits) return 0;
    size_t length = 0;
    core->ticket_waits = 0;
    const int result = mbedtls_ssl_session_save(core->ssl.MBEDTLS_PRIVATE(session), out, size, &length);
    if (result == MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL) return PSK_CORE_ERR_BUFFER;
    return result == 0 ? (int32_t) length : PSK_CORE_ERR_INTERNAL;
}
