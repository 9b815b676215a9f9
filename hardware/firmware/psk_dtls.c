/* What is particular to DTLS 1.2, and to TLS 1.2, which devices in session mode speak. */
#include <mbedtls/platform_util.h>

#include "psk_memory.h"
#include "psk_peek.h"
#include "psk_session.h"

#define FIRST_TIMEOUT 9000u         /* milliseconds, RFC 7925 s11 */
#define LONGEST_TIMEOUT 60000u      /* RFC 6347 s4.2.4.1 */
#define SHORTEST_TIMEOUT 100
#define RECORD_HEADER 13u           /* RFC 6347 s4.1; without a connection id, as this side gives none */
#define MTU_MAX 1232u               /* what IPv6 carries everywhere (RFC 8200 s5), less the headers of IPv6 and UDP */

/* Without a handshake there is nothing for them to choose. */
#define HANDSHAKE_OPTIONS (PSK_CORE_OPTION_CONNECTION_ID | PSK_CORE_OPTION_SESSION_KEY | PSK_CORE_OPTION_REKEY)
#ifdef PSK_CORE_ECDHE_PSK
#define UNUSED_OPTIONS ((uint32_t) HANDSHAKE_OPTIONS)
#else
#define UNUSED_OPTIONS ((uint32_t) (HANDSHAKE_OPTIONS | PSK_CORE_OPTION_ECDHE_PSK))
#endif

static const int psk_suites[] = {
    MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, MBEDTLS_TLS_PSK_WITH_AES_128_CCM, MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0
};
#ifdef PSK_CORE_ECDHE_PSK
static const int ecdhe_psk_suites[] = { MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, 0 };
static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE };
#endif

/* The owner's clock may wrap around: what lies half its range ahead is behind. */
static int has_passed(const psk_core *core, uint32_t moment)
{
    return core->now - moment < UINT32_MAX / 2;
}

static void set_timer(void *context, uint32_t intermediate, uint32_t final)
{
    psk_core *core = context;
    core->timer_runs = final;           /* 0: not at all */
    core->intermediate_at = core->now + intermediate;
    core->final_at = core->now + final;
}

static int get_timer(void *context)
{
    const psk_core *core = context;
    if (!core->timer_runs) return -1;
    if (has_passed(core, core->final_at)) return 2;
    return has_passed(core, core->intermediate_at);
}

uint8_t psk_dtls_fragment_code(uint32_t limit)
{
    uint8_t code = MBEDTLS_SSL_MAX_FRAG_LEN_4096;
    while (code > MBEDTLS_SSL_MAX_FRAG_LEN_512 && limit < PSK_FRAGMENT_LENGTH(code)) code--;
    return code;
}

int psk_tls12_configure(psk_core *core)
{
    mbedtls_ssl_config *config = &core->config;
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_ciphersuites(config, psk_suites);
#ifdef PSK_CORE_ECDHE_PSK
    if ((core->options & PSK_CORE_OPTION_ECDHE_PSK) != 0) mbedtls_ssl_conf_ciphersuites(config, ecdhe_psk_suites);
    mbedtls_ssl_conf_groups(config, groups);
#endif
    mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);     /* an association is saved, not resumed */
    return mbedtls_ssl_conf_max_frag_len(config, psk_dtls_fragment_code(core->record_limit));
}

int psk_dtls_configure(psk_core *core)
{
    mbedtls_ssl_conf_handshake_timeout(&core->config, FIRST_TIMEOUT, LONGEST_TIMEOUT);
    /* The device has a socket of its own: it wants no connection id in what it receives (RFC 9146 s3, zero length). */
    const int result = mbedtls_ssl_conf_cid(&core->config, 0, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE);
    return result != 0 ? result : psk_tls12_configure(core);
}

int psk_dtls_prepare(psk_core *core)
{
    const size_t queue = psk_queue_room(&core->out);
    mbedtls_ssl_set_mtu(&core->ssl, (uint16_t) (queue < MTU_MAX ? queue : MTU_MAX));
    mbedtls_ssl_set_timer_cb(&core->ssl, core, set_timer, get_timer);
    mbedtls_ssl_set_export_keys_cb(&core->ssl, psk_association_keep_keys, core);
    if ((core->options & PSK_CORE_OPTION_CONNECTION_ID) == 0) return 0;
    return mbedtls_ssl_set_cid(&core->ssl, MBEDTLS_SSL_CID_ENABLED, core->key_block, 0);         /* an empty one */
}

int32_t psk_dtls_look(psk_core *core)
{
    const int hello = psk_peek_server_hello(&core->ssl);
    /* RFC 7627 s5.2: without extended_master_secret the keys are not bound to the handshake; RFC 7925 s16 wants it. */
    if (hello < 0) return PSK_CORE_ERR_NO_COMMON;
    if (core->keys_kept == PSK_KEYS_LOST) return PSK_CORE_ERR_MEMORY;
    if (hello == 0 || !core->session_key_waits) return 0;
    return psk_session_key_use(core);
}

size_t psk_dtls_whole_records(const uint8_t *data, size_t length)
{
    size_t whole = 0;
    while (length - whole >= RECORD_HEADER) {
        const size_t next = RECORD_HEADER + psk_read_16(data + whole + 11);
        if (next > length - whole) break;
        whole += next;
    }
    return whole;
}

int32_t psk_core_set_first_timeout(psk_core *core, int32_t milliseconds)
{
    if (core == NULL || milliseconds < SHORTEST_TIMEOUT || milliseconds > (int32_t) LONGEST_TIMEOUT) return PSK_CORE_ERR_ARGUMENT;
    if (!core->datagrams || core->info[PSK_CORE_INFO_HANDSHAKE_SENT] != 0) return PSK_CORE_ERR_UNSUPPORTED;
    mbedtls_ssl_conf_handshake_timeout(&core->config, (uint32_t) milliseconds, LONGEST_TIMEOUT);
    return 0;
}

int32_t psk_core_tick(psk_core *core, uint32_t now)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    core->now = now;
    return core->failure;
}

int32_t psk_core_deadline(const psk_core *core)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0 || !core->timer_runs) return -1;
    return has_passed(core, core->final_at) ? 0 : (int32_t) (core->final_at - core->now);
}

int32_t psk_core_save(psk_core *core, uint8_t *out, size_t size)
{
    if (core == NULL || out == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (core->failure != 0) return core->failure;
    if (!core->datagrams) return PSK_CORE_ERR_UNSUPPORTED;
    if (!core->connected || core->closing) return PSK_CORE_ERR_NOT_CONNECTED;
    const int32_t result = psk_association_write(core, out, size);
    if (result == PSK_CORE_ERR_BUFFER) return result;
    /* From here on the keys belong to what was saved, whatever became of it: nothing goes out under them, not even a farewell. */
    core->failure = PSK_CORE_ERR_CLOSED;
    core->closing = 2;
    mbedtls_platform_zeroize(core->key_block, sizeof core->key_block);
    return result;
}

int32_t psk_core_load(psk_core **core, const uint8_t *saved, size_t length, int32_t record_size, uint32_t options)
{
    if (core == NULL || saved == NULL) return PSK_CORE_ERR_ARGUMENT;
    *core = NULL;
    const int32_t limit = psk_association_limit(saved, length);
    if (limit < 0) return limit;
    const int32_t made = psk_core_make(core, NULL, true, record_size == 0 ? limit : record_size, options & ~UNUSED_OPTIONS);
    if (made < 0) return made;
    const int32_t result = psk_association_read(*core, saved, length);
    if (result == 0) {
        psk_core_note_connected(*core);
        (*core)->info[PSK_CORE_INFO_RESUMED] = 1;
        return 0;
    }
    psk_core_free(*core);
    *core = NULL;
    return result;
}
