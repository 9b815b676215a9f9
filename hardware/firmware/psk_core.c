#include "psk_session.h"

#include <limits.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>

#define RECORD_OVERHEAD 22u         /* header 5, content type 1, longest tag 16 */
#define RECORD_SIZE_MIN 64          /* RFC 8449 s4 */

#ifdef PSK_CORE_EXTERNAL_BINDER
#define IS_IMPORTED 0
#else
#define IS_IMPORTED 1
#endif

_Static_assert(PSK_CORE_OUT_QUEUE > 2 * RECORD_OVERHEAD, "the output queue must hold a small record");
_Static_assert(MBEDTLS_SSL_IN_CONTENT_LEN >= 512 && MBEDTLS_SSL_IN_CONTENT_LEN <= 16384, "content length out of range");

uint16_t psk_core_announced_limit(mbedtls_ssl_context *ssl);

static const int suites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_AES_128_CCM_SHA256, MBEDTLS_TLS1_3_AES_128_CCM_8_SHA256, 0
};
static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE };

uint16_t psk_core_announced_limit(mbedtls_ssl_context *ssl)
{
    return ((const psk_core *) mbedtls_ssl_get_user_data_p(ssl))->record_limit;
}

static int send_bytes(void *context, const unsigned char *data, size_t length)
{
    psk_core *core = context;
    const size_t taken = psk_queue_put(&core->out, data, length);
    if (taken == 0) return MBEDTLS_ERR_SSL_WANT_WRITE;
    core->spoke = 1;
    if (!core->connected) core->sent += (uint32_t) taken;
    return (int) taken;
}

static int receive_bytes(void *context, unsigned char *data, size_t size)
{
    psk_core *core = context;
    const size_t given = psk_queue_get(&core->in, data, size);
    if (given == 0) return MBEDTLS_ERR_SSL_WANT_READ;
    if (!core->connected) core->received += (uint32_t) given;
    return (int) given;
}

/* The record size limit that the server announced; 0: none, so neither side is bound by RFC 8449. */
static uint16_t peer_limit(const psk_core *core)
{
    const mbedtls_ssl_session *session = core->ssl.MBEDTLS_PRIVATE(session);
    return session == NULL ? 0 : session->MBEDTLS_PRIVATE(record_size_limit);
}

static int configure(psk_core *core, const psk_bundle *credential)
{
    mbedtls_ssl_config *config = &core->config;
    int result = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);
    if (result != 0) return result;
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, (core->options & PSK_CORE_OPTION_PSK_KE) != 0
                                                          ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK
                                                          : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config, (core->options & PSK_CORE_OPTION_NO_TICKETS) == 0);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    result = mbedtls_ssl_conf_psk(config, credential->tls13_key.data, credential->tls13_key.length,
                                  credential->tls13_identity.data, credential->tls13_identity.length);
    if (result != 0) return result;
    result = mbedtls_ssl_setup(&core->ssl, config);
    mbedtls_ssl_set_user_data_p(&core->ssl, core);
    mbedtls_ssl_set_bio(&core->ssl, core, send_bytes, receive_bytes, NULL);
    return result;
}

int32_t psk_core_open(psk_core **core, const psk_bundle *credential, int32_t protocol, int32_t record_size, uint32_t options)
{
    if (core == NULL || credential == NULL) return PSK_CORE_ERR_ARGUMENT;
    *core = NULL;
    if (record_size == 0) record_size = (int32_t) credential->record_size_limit;
    if (record_size < RECORD_SIZE_MIN || (options & ~PSK_CORE_OPTIONS) != 0) return PSK_CORE_ERR_ARGUMENT;
    if (protocol != PSK_CORE_TLS13 || credential->tls13_key.data == NULL) return PSK_CORE_ERR_UNSUPPORTED;
    if (psa_crypto_init() != PSA_SUCCESS) return PSK_CORE_ERR_RANDOM;

    psk_core *fresh = mbedtls_calloc(1, sizeof *fresh);
    if (fresh == NULL) return PSK_CORE_ERR_MEMORY;
    mbedtls_ssl_init(&fresh->ssl);
    mbedtls_ssl_config_init(&fresh->config);
    psk_queue_init(&fresh->in, fresh->in_buffer, sizeof fresh->in_buffer);
    psk_queue_init(&fresh->out, fresh->out_buffer, sizeof fresh->out_buffer);
    fresh->alert = -1;
    fresh->options = options;
    fresh->record_limit = (uint16_t) (record_size < MBEDTLS_SSL_IN_CONTENT_LEN ? record_size : MBEDTLS_SSL_IN_CONTENT_LEN);
    const int result = configure(fresh, credential);
    if (result != 0) {
        psk_core_free(fresh);
        return result == MBEDTLS_ERR_SSL_ALLOC_FAILED ? PSK_CORE_ERR_MEMORY : PSK_CORE_ERR_INTERNAL;
    }
    *core = fresh;
    return 0;
}

int32_t psk_core_open_slot(psk_core **core, const psk_vault *vault, int32_t slot, int32_t protocol, int32_t record_size, uint32_t options)
{
    psk_bundle credential;
    uint8_t *record = mbedtls_calloc(1, PSK_VAULT_RECORD_MAX);
    if (record == NULL) return PSK_CORE_ERR_MEMORY;
    int32_t result = psk_vault_load(vault, slot, record, PSK_VAULT_RECORD_MAX, &credential);
    if (result == 0) result = psk_core_open(core, &credential, protocol, record_size, options);
    mbedtls_platform_zeroize(record, PSK_VAULT_RECORD_MAX);
    mbedtls_free(record);
    return result;
}

int32_t psk_core_feed(psk_core *core, const uint8_t *data, size_t length)
{
    if (core == NULL || (data == NULL && length > 0)) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0) return core->failure;
    return (int32_t) psk_queue_put(&core->in, data, length);
}

int32_t psk_core_step(psk_core *core)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0) return core->failure;
    if (core->connected) return PSK_CORE_DONE;
    core->spoke = 0;
    const int result = mbedtls_ssl_handshake(&core->ssl);
    switch (result) {
    case 0:
        core->connected = 1;
        psk_ticket_note_handshake(core);
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
    const size_t given = psk_queue_get(&core->out, data, size);
    /* An alert may still wait inside mbedTLS; with output pending, close_notify does nothing but move it on. */
    if (core->failure != 0 && core->out.used == 0 && core->ssl.MBEDTLS_PRIVATE(out_left) > 0) {
        (void) mbedtls_ssl_close_notify(&core->ssl);
    }
    return (int32_t) given;
}

int32_t psk_core_write(psk_core *core, const uint8_t *data, size_t length)
{
    if (core == NULL || (data == NULL && length > 0)) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0) return core->failure;
    if (!core->connected) return PSK_CORE_ERR_NOT_CONNECTED;
    if (core->closing) return PSK_CORE_ERR_CLOSED;
    int largest = mbedtls_ssl_get_max_out_record_payload(&core->ssl);
    if (largest <= 0) return psk_core_fail_as(core, largest);
    /* In TLS 1.3 the limit counts the content type too (RFC 8449 s4); mbedTLS does not subtract it. */
    if (peer_limit(core) != 0 && largest >= peer_limit(core)) largest = peer_limit(core) - 1;
    /* The record is cut to what the queue holds, so mbedTLS never keeps a part of it back. */
    const size_t room = psk_queue_free(&core->out);
    if (length == 0 || room <= RECORD_OVERHEAD) return 0;
    if (length > (size_t) largest) length = (size_t) largest;
    if (length > room - RECORD_OVERHEAD) length = room - RECORD_OVERHEAD;
    core->spoke = 0;
    const int result = mbedtls_ssl_write(&core->ssl, data, length);
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

int32_t psk_core_read(psk_core *core, uint8_t *data, size_t size)
{
    if (core == NULL || data == NULL || size == 0) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0) return core->failure;
    if (!core->connected) return PSK_CORE_ERR_NOT_CONNECTED;
    if (size > INT_MAX) size = INT_MAX;
    core->spoke = 0;
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
    const int result = mbedtls_ssl_close_notify(&core->ssl);
    if (result == MBEDTLS_ERR_SSL_WANT_WRITE) return PSK_CORE_WANTS_DRAIN;
    if (result != 0) return psk_core_fail_as(core, result);
    core->closing = 2;
    return PSK_CORE_DONE;
}

int32_t psk_core_info(const psk_core *core, int32_t what)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    switch (what) {
    case PSK_CORE_INFO_HANDSHAKE_SENT: return (int32_t) core->sent;
    case PSK_CORE_INFO_HANDSHAKE_RECEIVED: return (int32_t) core->received;
    case PSK_CORE_INFO_IMPORTED: return IS_IMPORTED;
    case PSK_CORE_INFO_TICKET_OFFERED: return core->ticket_offered;
    case PSK_CORE_INFO_LAST_ALERT: return core->alert >= 0 ? core->alert : PSK_CORE_ERR_NOT_CONNECTED;
    default: break;
    }
    if (!core->connected) return (what >= 0 && what <= PSK_CORE_INFO_KEY_EXCHANGE) || what == PSK_CORE_INFO_RESUMED ? PSK_CORE_ERR_NOT_CONNECTED : PSK_CORE_ERR_ARGUMENT;
    switch (what) {
    case PSK_CORE_INFO_VERSION: return (int32_t) mbedtls_ssl_get_version_number(&core->ssl);
    case PSK_CORE_INFO_SUITE: return mbedtls_ssl_get_ciphersuite_id_from_ssl(&core->ssl);
    case PSK_CORE_INFO_KEY_EXCHANGE: return (core->options & PSK_CORE_OPTION_PSK_KE) == 0;      /* mbedTLS accepts no other */
    case PSK_CORE_INFO_RESUMED: return core->resumed;
    default: return PSK_CORE_ERR_ARGUMENT;
    }
}

void psk_core_free(psk_core *core)
{
    if (core == NULL) return;
    mbedtls_ssl_free(&core->ssl);
    mbedtls_ssl_config_free(&core->config);
    mbedtls_platform_zeroize(core, sizeof *core);
    mbedtls_free(core);
}
