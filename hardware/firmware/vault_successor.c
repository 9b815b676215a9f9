/* A credential and the one that is to follow it. The content of a successor's record is: refusals in a row (1 byte), digest of the
 * predecessor's record, bundle. Once the slot holds another record, whatever wrote it, the successor counts no longer: so a power
 * cut between two writes leaves nothing that could take the place of a newer credential. */
#include <string.h>

#include "psk_error.h"
#include "vault_record.h"

#define REFUSALS PSK_VAULT_HEADER
#define PREDECESSOR (PSK_VAULT_HEADER + 1u)
#define BUNDLE PSK_VAULT_SUCCESSOR_BEGIN
#define LEAST ((int32_t) (BUNDLE - PSK_VAULT_HEADER))   /* bytes of the content before the bundle */

_Static_assert(BUNDLE == PREDECESSOR + PSK_VAULT_DIGEST, "refusals, digest, bundle");

/* The length of the successor's bundle; 0: there is none that follows the slot's record, whose digest goes to predecessor. */
static int32_t find(const psk_vault *vault, int32_t slot, uint8_t *record, uint8_t *predecessor)
{
    int32_t result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, PSK_VAULT_RECORD_MAX);
    if (result < 0) return result;
    memcpy(predecessor, record + PSK_VAULT_HEADER + result, PSK_VAULT_DIGEST);
    result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_SUCCESSOR, record, PSK_VAULT_RECORD_MAX) - LEAST;
    return result <= 0 || memcmp(record + PREDECESSOR, predecessor, PSK_VAULT_DIGEST) != 0 ? 0 : result;
}

int32_t psk_vault_choose(const psk_vault *vault, int32_t slot, uint8_t *record, psk_bundle *bundle, psk_vault_turn *turn)
{
    turn->which = PSK_VAULT_ONLY;
    turn->begin = BUNDLE;
    int32_t result = find(vault, slot, record, turn->predecessor);
    if (result < 0) return result;
    if (result > 0 && psk_bundle_parse(bundle, record + BUNDLE, (size_t) result) == 0) {
        turn->which = record[REFUSALS] < PSK_VAULT_REFUSALS ? PSK_VAULT_NEW : PSK_VAULT_OLD;
    }
    if (turn->which != PSK_VAULT_NEW) {
        turn->begin = PSK_VAULT_HEADER;
        result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, PSK_VAULT_RECORD_MAX);
        if (result < 0) return result;
    }
    turn->length = (size_t) result;
    return psk_bundle_parse(bundle, record + turn->begin, turn->length);
}

int32_t psk_vault_keep_successor(const psk_vault *vault, int32_t slot, const uint8_t *predecessor, uint8_t *record, size_t length)
{
    const int32_t result = psk_vault_drop(vault, slot, PSK_VAULT_KIND_ASSOCIATION);
    if (result < 0) return result;
    record[REFUSALS] = 0;
    memcpy(record + PREDECESSOR, predecessor, PSK_VAULT_DIGEST);
    return psk_vault_write_record(vault, slot, PSK_VAULT_KIND_SUCCESSOR, record, (size_t) LEAST + length);
}

/* The store replaces a record in one step, so the slot is never without a credential. */
static int32_t promote(const psk_vault *vault, int32_t slot, psk_vault_turn *turn, uint8_t *record, size_t length)
{
    memmove(record + PSK_VAULT_HEADER, record + BUNDLE, length);
    const int32_t result = psk_vault_write_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, length);
    if (result == 0) memcpy(turn->predecessor, record + PSK_VAULT_HEADER + length, PSK_VAULT_DIGEST);
    return result;
}

int32_t psk_vault_settle(const psk_vault *vault, int32_t slot, psk_vault_turn *turn, int accepted, uint8_t *record)
{
    uint8_t now[PSK_VAULT_DIGEST];
    if (turn->which == PSK_VAULT_ONLY) return 0;
    const int is_new = turn->which == PSK_VAULT_NEW;
    int32_t result = find(vault, slot, record, now);
    if (result < 0) return result;
    turn->which = PSK_VAULT_ONLY;
    /* Somebody else has drawn it, or has put another credential there. */
    if (result == 0 || memcmp(now, turn->predecessor, PSK_VAULT_DIGEST) != 0) return 0;
    const size_t length = (size_t) result;
    if (accepted) {
        result = is_new ? promote(vault, slot, turn, record, length) : 0;
        return result < 0 ? result : psk_vault_drop(vault, slot, PSK_VAULT_KIND_SUCCESSOR);
    }
    const uint8_t before = record[REFUSALS];
    record[REFUSALS] = (uint8_t) (is_new ? before + (before < PSK_VAULT_REFUSALS) : 0);
    return record[REFUSALS] == before ? 0 : psk_vault_write_record(vault, slot, PSK_VAULT_KIND_SUCCESSOR, record, (size_t) LEAST + length);
}
