#include "psk_memory.h"
#include "psk_session.h"

#include <mbedtls/platform_util.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_RANDOMS 28u            /* without gmt_unix_time, RFC 5246 s7.4.1.2 */
#define RECORD_SIZE_MIN 64          /* RFC 8449 s4 */

#define OWN_DATAGRAM_MAX (MBEDTLS_SSL_OUT_CONTENT_LEN + PSK_DATAGRAM_OVERHEAD)

#ifdef PSK_CORE_EXTERNAL_BINDER
#define IS_IMPORTED 0
#else
#define IS_IMPORTED 1
#endif

_Static_assert(MBEDTLS_SSL_IN_CONTENT_LEN >= 512 && MBEDTLS_SSL_IN_CONTENT_LEN <= 16384, "content length out of range");

static psk_core *allocate(bool datagrams, uint16_t limit)
{
    const size_t record = datagrams ? psk_dtls_fragment_length(limit) + PSK_DATAGRAM_OVERHEAD : 0;
    const size_t own_record = record < OWN_DATAGRAM_MAX ? record : OWN_DATAGRAM_MAX;
    const size_t in_size = record > PSK_CORE_IN_QUEUE ? record : PSK_CORE_IN_QUEUE;
    const size_t out_size = own_record > PSK_CORE_OUT_QUEUE ? own_record : PSK_CORE_OUT_QUEUE;
    /* What will be in the queues needs no zeros before. */
    psk_core *fresh = malloc(sizeof *fresh + in_size + out_size);
    if (fresh == NULL) return NULL;
    memset(fresh, 0, sizeof *fresh);
    mbedtls_ssl_init(&fresh->ssl);
    mbedtls_ssl_config_init(&fresh->config);
    psk_queue_init(&fresh->in, fresh->buffers, in_size);
    psk_queue_init(&fresh->out, fresh->buffers + in_size, out_size);
    fresh->datagrams = datagrams;
    return fresh;
}

static int set_up(psk_core *core, const psk_bundle *credential)
{
    mbedtls_ssl_config *config = &core->config;
    int result = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, core->datagrams ? MBEDTLS_SSL_TRANSPORT_DATAGRAM
                                             : MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (result == 0) result = core->datagrams ? psk_dtls_configure(core, credential) : psk_tls_configure(core, credential);
    if (result == 0) result = mbedtls_ssl_setup(&core->ssl, config);
    if (result != 0) return result;
    mbedtls_ssl_set_user_data_p(&core->ssl, core);
    mbedtls_ssl_set_bio(&core->ssl, core, psk_core_send_bytes, psk_core_receive_bytes, NULL);
    return core->datagrams ? psk_dtls_prepare(core, credential) : 0;
}

static bool has_protocol(const psk_bundle *credential, int32_t protocol, uint32_t options)
{
    if (protocol == PSK_CORE_TLS13 && (options & PSK_CORE_OPTION_SESSION_KEY) == 0) return credential->tls13_key.data != NULL;
#ifndef PSK_CORE_ECDHE_PSK
    if ((options & PSK_CORE_OPTION_ECDHE_PSK) != 0) return false;
#else
    (void) options;
#endif
#ifdef MBEDTLS_SSL_PROTO_DTLS
    return (protocol == PSK_CORE_DTLS12 || protocol == PSK_CORE_TLS13) && credential->tls12_key.data != NULL;
#else
    return false;
#endif
}

int32_t psk_core_open(psk_core **core, const psk_bundle *credential, int32_t protocol, int32_t record_size, uint32_t options)
{
    if (core == NULL || credential == NULL) return PSK_CORE_ERR_ARGUMENT;
    *core = NULL;
    if (record_size == 0) record_size = (int32_t) credential->record_size_limit;
    if (record_size < RECORD_SIZE_MIN || (options & ~PSK_CORE_OPTIONS) != 0) return PSK_CORE_ERR_ARGUMENT;
    if (credential->session_randoms != 0) options |= PSK_CORE_OPTION_SESSION_KEY;
    if (credential->session_randoms == SHORT_RANDOMS) options |= PSK_CORE_OPTION_SHORT_RANDOMS;
    /* No ticket of a session whose key the server's TPM has to make. */
    if ((options & PSK_CORE_OPTION_SESSION_KEY) != 0) options |= PSK_CORE_OPTION_NO_TICKETS;
    if ((options & PSK_CORE_OPTION_REKEY) != 0) {
        /* A key that comes without an ephemeral key exchange would be in the recordings of whoever gets the old one later. */
        if (protocol != PSK_CORE_TLS13 || (options & (PSK_CORE_OPTION_PSK_KE | PSK_CORE_OPTION_SESSION_KEY)) != 0) return PSK_CORE_ERR_ARGUMENT;
        options |= PSK_CORE_OPTION_NO_TICKETS;
    }
    if (!has_protocol(credential, protocol, options)) return PSK_CORE_ERR_UNSUPPORTED;
    psk_memory_watch();
    if (psa_crypto_init() != PSA_SUCCESS) return psk_memory_was_missing() ? PSK_CORE_ERR_MEMORY : PSK_CORE_ERR_RANDOM;

    const uint16_t limit = (uint16_t) (record_size < MBEDTLS_SSL_IN_CONTENT_LEN ? record_size : MBEDTLS_SSL_IN_CONTENT_LEN);
    psk_core *fresh = allocate(protocol == PSK_CORE_DTLS12, limit);
    if (fresh == NULL) return PSK_CORE_ERR_MEMORY;
    fresh->alert = -1;
    fresh->options = options;
    fresh->record_limit = limit;
    const int result = set_up(fresh, credential);
    if (result != 0) {
        psk_core_free(fresh);
        return result == MBEDTLS_ERR_SSL_ALLOC_FAILED || psk_memory_was_missing() ? PSK_CORE_ERR_MEMORY : PSK_CORE_ERR_INTERNAL;
    }
    *core = fresh;
    return 0;
}

static int32_t connected_info(const psk_core *core, int32_t what)
{
    switch (what) {
    case PSK_CORE_INFO_VERSION: return core->datagrams ? PSK_CORE_DTLS12 : (int32_t) mbedtls_ssl_get_version_number(&core->ssl);
    case PSK_CORE_INFO_SUITE: return mbedtls_ssl_get_ciphersuite_id_from_ssl(&core->ssl);
    /* Only one mode is ever offered, and mbedTLS accepts no other. */
    case PSK_CORE_INFO_KEY_EXCHANGE:
        return core->datagrams || PSK_IN_SESSION_MODE(core) ? (core->options & PSK_CORE_OPTION_ECDHE_PSK) != 0 : (core->options & PSK_CORE_OPTION_PSK_KE) == 0;
    case PSK_CORE_INFO_RESUMED: return core->resumed;
    default: return psk_dtls_info(core, what);
    }
}

int32_t psk_core_info(const psk_core *core, int32_t what)
{
    if (core == NULL || what < 0 || what > PSK_CORE_INFO_TRIAL) return PSK_CORE_ERR_ARGUMENT;
    switch (what) {
    case PSK_CORE_INFO_HANDSHAKE_SENT: return (int32_t) core->sent;
    case PSK_CORE_INFO_HANDSHAKE_RECEIVED: return (int32_t) core->received;
    case PSK_CORE_INFO_IMPORTED: return IS_IMPORTED && !core->datagrams && !PSK_IN_SESSION_MODE(core);
    case PSK_CORE_INFO_TICKET_OFFERED: return core->ticket_offered;
    case PSK_CORE_INFO_TRIAL: return core->on_trial;
    case PSK_CORE_INFO_LAST_ALERT: return core->alert >= 0 ? core->alert : PSK_CORE_ERR_NOT_CONNECTED;
    default: return core->connected ? connected_info(core, what) : PSK_CORE_ERR_NOT_CONNECTED;
    }
}

void psk_core_free(psk_core *core)
{
    if (core == NULL) return;
    psk_slot_free(core);
    mbedtls_ssl_free(&core->ssl);
    mbedtls_ssl_config_free(&core->config);
    mbedtls_platform_zeroize(core, sizeof *core);          /* in the queues is nothing but what was on the wire */
    free(core);
}
