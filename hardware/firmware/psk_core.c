#include "psk_memory.h"
#include "psk_peek.h"
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
_Static_assert(PSK_CORE_IN_QUEUE <= PSK_QUEUE_DATAGRAM_MAX && PSK_CORE_OUT_QUEUE <= PSK_QUEUE_DATAGRAM_MAX, "queue too long for its datagrams");

static psk_core *allocate(bool datagrams, uint32_t limit)
{
    const size_t record = datagrams ? PSK_FRAGMENT_LENGTH(psk_dtls_fragment_code(limit)) + PSK_DATAGRAM_OVERHEAD : 0;
    const size_t own_record = record < OWN_DATAGRAM_MAX ? record : OWN_DATAGRAM_MAX;
    const size_t in_size = record > PSK_CORE_IN_QUEUE ? record : PSK_CORE_IN_QUEUE;
    const size_t out_size = own_record > PSK_CORE_OUT_QUEUE ? own_record : PSK_CORE_OUT_QUEUE;
    /* What will be in the queues needs no zeros before. */
    psk_core *fresh = malloc(sizeof *fresh + in_size + out_size);
    if (fresh == NULL) return NULL;
    memset(fresh, 0, sizeof *fresh);
    mbedtls_ssl_init(&fresh->ssl);
    mbedtls_ssl_config_init(&fresh->config);
    psk_queue_init(&fresh->in, fresh->buffers, in_size, datagrams);
    psk_queue_init(&fresh->out, fresh->buffers + in_size, out_size, datagrams);
    fresh->datagrams = datagrams;
    return fresh;
}

static int set_up(psk_core *core, const psk_bundle *credential)
{
    mbedtls_ssl_config *config = &core->config;
    int result = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, core->datagrams ? MBEDTLS_SSL_TRANSPORT_DATAGRAM
                                             : MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (result == 0) result = core->datagrams ? psk_dtls_configure(core) : psk_tls_configure(core);
    if (result == 0 && credential != NULL) {
        const bool is_12 = core->datagrams || PSK_IN_SESSION_MODE(core);
        const psk_span *identity = is_12 ? &credential->tls12_identity : &credential->tls13_identity;
        const psk_span *key = is_12 ? &credential->tls12_key : &credential->tls13_key;
        result = mbedtls_ssl_conf_psk(config, key->data, key->length, identity->data, identity->length);
        core->session_key_waits = PSK_IN_SESSION_MODE(core);
    }
    if (result == 0) result = mbedtls_ssl_setup(&core->ssl, config);
    if (result != 0) return result;
    mbedtls_ssl_set_user_data_p(&core->ssl, core);
    mbedtls_ssl_set_bio(&core->ssl, core, psk_core_send_bytes, psk_core_receive_bytes, NULL);
    return core->datagrams ? psk_dtls_prepare(core) : 0;
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

/* What is known before the handshake: mbedTLS accepts no other version than the one that is offered, and no other mode. */
static void describe(psk_core *core)
{
    int32_t *info = core->info;
    const bool is_12 = core->datagrams || PSK_IN_SESSION_MODE(core);
    info[PSK_CORE_INFO_VERSION] = core->datagrams ? PSK_CORE_DTLS12 : is_12 ? MBEDTLS_SSL_VERSION_TLS1_2 : PSK_CORE_TLS13;
    info[PSK_CORE_INFO_KEY_EXCHANGE] = is_12 ? (core->options & PSK_CORE_OPTION_ECDHE_PSK) != 0 : (core->options & PSK_CORE_OPTION_PSK_KE) == 0;
    info[PSK_CORE_INFO_IMPORTED] = IS_IMPORTED && !is_12;
    info[PSK_CORE_INFO_LAST_ALERT] = PSK_CORE_ERR_NOT_CONNECTED;
    info[PSK_CORE_INFO_CONNECTION_ID] = info[PSK_CORE_INFO_MESSAGE_MAX] = PSK_CORE_ERR_UNSUPPORTED;
}

int32_t psk_core_make(psk_core **core, const psk_bundle *credential, bool datagrams, int32_t limit, uint32_t options)
{
    if (limit < RECORD_SIZE_MIN || (options & ~PSK_CORE_OPTIONS) != 0) return PSK_CORE_ERR_ARGUMENT;
    if (limit > MBEDTLS_SSL_IN_CONTENT_LEN) limit = MBEDTLS_SSL_IN_CONTENT_LEN;
    psk_memory_watch();
    if (psa_crypto_init() != PSA_SUCCESS) return psk_core_error_of(0, PSK_CORE_ERR_RANDOM);
    psk_core *fresh = allocate(datagrams, (uint32_t) limit);
    if (fresh == NULL) return PSK_CORE_ERR_MEMORY;
    fresh->options = options;
    fresh->record_limit = (uint32_t) limit;
    describe(fresh);
    const int result = set_up(fresh, credential);
    if (result != 0) {
        psk_core_free(fresh);
        return psk_core_error_of(result, PSK_CORE_ERR_INTERNAL);
    }
    *core = fresh;
    return 0;
}

int32_t psk_core_open(psk_core **core, const psk_bundle *credential, int32_t protocol, int32_t record_size, uint32_t options)
{
    if (core == NULL || credential == NULL) return PSK_CORE_ERR_ARGUMENT;
    *core = NULL;
    if (record_size == 0) record_size = (int32_t) credential->record_size_limit;
    if (credential->connection_id) options |= PSK_CORE_OPTION_CONNECTION_ID;
    if (credential->session_randoms != 0) options |= PSK_CORE_OPTION_SESSION_KEY;
    if (credential->session_randoms == SHORT_RANDOMS) options |= PSK_CORE_OPTION_SHORT_RANDOMS;
    /* A key that comes without an ephemeral key exchange would be in the recordings of whoever gets the old one later. */
    if ((options & PSK_CORE_OPTION_REKEY) != 0 && (protocol != PSK_CORE_TLS13 || (options & (PSK_CORE_OPTION_PSK_KE | PSK_CORE_OPTION_SESSION_KEY)) != 0)) {
        return PSK_CORE_ERR_ARGUMENT;
    }
    /* No ticket of a session whose key the server's TPM has to make. */
    if ((options & (PSK_CORE_OPTION_SESSION_KEY | PSK_CORE_OPTION_REKEY)) != 0) options |= PSK_CORE_OPTION_NO_TICKETS;
    if (!has_protocol(credential, protocol, options)) return PSK_CORE_ERR_UNSUPPORTED;
    return psk_core_make(core, credential, protocol == PSK_CORE_DTLS12, record_size, options);
}

void psk_core_note_connected(psk_core *core)
{
    core->connected = 1;
    core->info[PSK_CORE_INFO_SUITE] = mbedtls_ssl_get_ciphersuite_id_from_ssl(&core->ssl);
    if (core->datagrams) {
        core->info[PSK_CORE_INFO_CONNECTION_ID] = psk_peek_connection_id_length(&core->ssl);
        core->info[PSK_CORE_INFO_MESSAGE_MAX] = mbedtls_ssl_get_max_out_record_payload(&core->ssl);
    } else {
        core->info[PSK_CORE_INFO_RESUMED] = core->info[PSK_CORE_INFO_TICKET_OFFERED] && psk_peek_selected_identity(&core->ssl) == 0;
    }
}

#define KNOWN(what) (1u << (PSK_CORE_INFO_##what))
#define KNOWN_AT_ONCE (KNOWN(HANDSHAKE_SENT) | KNOWN(HANDSHAKE_RECEIVED) | KNOWN(IMPORTED) | KNOWN(LAST_ALERT) | KNOWN(TICKET_OFFERED) | KNOWN(TRIAL))

int32_t psk_core_info(const psk_core *core, int32_t what)
{
    if (core == NULL || what < 0 || what > PSK_CORE_INFO_TRIAL) return PSK_CORE_ERR_ARGUMENT;
    return core->connected || (KNOWN_AT_ONCE >> what & 1u) != 0 ? core->info[what] : PSK_CORE_ERR_NOT_CONNECTED;
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
