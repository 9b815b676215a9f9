/* The device's half of iotpsk-rekey/1: it sends the public part of its credential and gets that of the newest epoch.
 *   request: length (2 bytes, big endian), bundle          answer: code (1 byte), length (2 bytes), bundle with code 0
 * What comes goes from the record layer into the vault and nowhere else. */
#include <mbedtls/platform_util.h>
#include <string.h>

#include "psk_session.h"

#define REQUEST_HEAD 2u
#define ANSWER_HEAD 3u
#define CODE_MAX 6

/* Both names lie one behind the other in the bundle, with what begins the second in between (its number and its length). */
static int32_t hash_names(const psk_bundle *credential, uint8_t *out)
{
    const psk_span *last = &credential->server_id;
    return psk_vault_digest(credential->device_id.data, (size_t) (last->data + last->length - credential->device_id.data), out);
}

int32_t psk_rekey_prepare(psk_rekey *rekey, const psk_bundle *credential, const uint8_t *bundle, size_t length)
{
    rekey->epoch = credential->epoch;
    rekey->result = PSK_CORE_WANTS_INPUT;
    const int32_t public_length = psk_bundle_describe(bundle, length, rekey->record + REQUEST_HEAD, sizeof rekey->record - REQUEST_HEAD);
    if (public_length < 0) return public_length;
    rekey->record[0] = (uint8_t) (public_length >> 8);
    rekey->record[1] = (uint8_t) public_length;
    rekey->request_length = REQUEST_HEAD + (uint32_t) public_length;
    return hash_names(credential, rekey->names);
}

/* PSK_CORE_DONE, PSK_CORE_WANTS_DRAIN or an error. */
static int32_t ask(psk_core *core)
{
    psk_rekey *rekey = core->rekey;
    /* Else it would be a request to whatever is behind the server. */
    if (mbedtls_ssl_get_alpn_protocol(&core->ssl) == NULL) return PSK_CORE_ERR_NO_REKEYING;
    while (rekey->done < rekey->request_length) {
        const int32_t taken = psk_core_write_bytes(core, rekey->record + rekey->done, rekey->request_length - rekey->done);
        if (taken < 0) return taken;
        if (taken == 0) return PSK_CORE_WANTS_DRAIN;
        rekey->done += (uint32_t) taken;
    }
    rekey->done = 0;
    rekey->has_asked = 1;
    return PSK_CORE_DONE;
}

/* What is said without a bundle: the error of the code, or PSK_CORE_DONE when a bundle follows, whose length is put down. */
static int32_t judge_head(psk_rekey *rekey, const uint8_t *head)
{
    const uint8_t code = head[0];
    rekey->length = (uint32_t) psk_read_16(head + 1);
    if (code == 0 ? rekey->length == 0 || rekey->length > PSK_BUNDLE_MAX : rekey->length != 0 || code > CODE_MAX) return PSK_CORE_ERR_PROTOCOL;
    return code == 0 ? PSK_CORE_DONE : PSK_CORE_ERR_REKEY_CURRENT + 1 - code;
}

/* PSK_CORE_DONE once all of it is there. The head lies in front of the bundle, where the vault's own things go later. */
static int32_t receive(psk_core *core)
{
    psk_rekey *rekey = core->rekey;
    uint8_t *answer = rekey->record + PSK_VAULT_SUCCESSOR_BEGIN - ANSWER_HEAD;
    while (rekey->done < ANSWER_HEAD + rekey->length) {
        int32_t result = psk_core_read_bytes(core, answer + rekey->done, ANSWER_HEAD + rekey->length - rekey->done);
        if (result <= 0) return result < 0 ? result : PSK_CORE_WANTS_INPUT;
        rekey->done += (uint32_t) result;
        if (rekey->done != ANSWER_HEAD) continue;
        result = judge_head(rekey, answer);
        if (result < 0) return result;
    }
    return PSK_CORE_DONE;
}

/* The server is authenticated, yet a mistake of its must not cost the device its credential's place. */
static int32_t store(psk_core *core, const psk_vault *vault, int32_t slot)
{
    psk_rekey *rekey = core->rekey;
    psk_bundle bundle;
    uint8_t names[PSK_VAULT_DIGEST];
    int32_t result = psk_bundle_parse(&bundle, rekey->record + PSK_VAULT_SUCCESSOR_BEGIN, rekey->length);
    if (result == 0) result = hash_names(&bundle, names);
    if (result < 0) return result;
    if (memcmp(names, rekey->names, sizeof names) != 0 || bundle.epoch <= rekey->epoch) return PSK_CORE_ERR_REKEY_FOREIGN;
    return psk_vault_keep_successor(vault, slot, rekey->turn.predecessor, rekey->record, rekey->length);
}

int32_t psk_core_rekey(psk_core *core, const psk_vault *vault, int32_t slot)
{
    if (core == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (core->rekey == NULL) return PSK_CORE_ERR_UNSUPPORTED;
    if (core->rekey->result != PSK_CORE_WANTS_INPUT) return core->rekey->result;
    if (core->failure != 0) return core->failure;
    if (!core->connected) return PSK_CORE_ERR_NOT_CONNECTED;
    /* The credential that opened the session is the slot's from here on. */
    int32_t result = psk_core_settle_slot(core, vault, slot);
    if (result == 0 && !core->rekey->has_asked) result = ask(core);
    if (result == PSK_CORE_DONE) result = receive(core);
    if (result == PSK_CORE_WANTS_INPUT || result == PSK_CORE_WANTS_DRAIN) return result;
    if (result == PSK_CORE_DONE) result = store(core, vault, slot);
    mbedtls_platform_zeroize(core->rekey->record, sizeof core->rekey->record);
    core->rekey->result = result;
    return result;
}
