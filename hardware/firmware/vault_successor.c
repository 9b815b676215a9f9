/* A credential and the one that is to follow it. The content of a successor's record is: refusals in a row (1 byte), digest of the
 * predecessor's record, bundle. Once the slot holds another record, whatever wrote it, the successor counts no longer: so a power
 * cut between two writes leaves nothing that could take the place of a newer credential. */
#include <mbedtls/constant_time.h>
#include <string.h>

#include "psk_error.h"
#include "vault_record.h"

#define REFUSALS PSK_VAULT_HEADER
#define PREDECESSOR (PSK_VAULT_HEADER + 1u)
#define BUNDLE PSK_VAULT_SUCCESSOR_BEGIN

_Static_assert(BUNDLE == PREDECESSOR + PSK_VAULT_DIGEST, "refusals, digest, bundle");

/* The length of the successor's bundle; 0: there is none that follows the slot's record, whose digest goes to predecessor. */
static int32_t find(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, uint8_t *predecessor)
{
    int32_t result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, size);
    if (result < 0) return result;
    memcpy(predecessor, record + PSK_VAULT_HEADER + result, PSK_VAULT_DIGEST);
    result = psk_vault_read_record(vault, PSK_VAULT_SUCCESSORS + slot, PSK_VAULT_KIND_SUCCESSOR, record, size);
    const int32_t least = BUNDLE - PSK_VAULT_HEADER;
    if (result <= least || mbedtls_ct_memcmp(record + PREDECESSOR, predecessor, PSK_VAULT_DIGEST) != 0) return 0;
    return result - least;
}

int32_t psk_vault_choose(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, psk_bundle *bundle, psk_vault_turn *turn)
{
    int32_t result = turn == NULL ? PSK_CORE_ERR_ARGUMENT : psk_vault_check(vault, slot);
    if (result < 0) return result;
    turn->which = PSK_VAULT_ONLY;
    const int32_t length = find(vault, slot, record, size, turn->predecessor);
    if (length < 0) return length;
    if (length > 0 && psk_bundle_parse(bundle, record + BUNDLE, (size_t) length) == 0) {
        turn->which = record[REFUSALS] < PSK_VAULT_REFUSALS ? PSK_VAULT_NEW : PSK_VAULT_OLD;
    }
    turn->begin = BUNDLE;
    turn->length = (size_t) length;
    if (turn->which == PSK_VAULT_NEW) return 0;
    result = psk_vault_read_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, size);
    if (result < 0) return result;
    turn->begin = PSK_VAULT_HEADER;
    turn->length = (size_t) result;
    return psk_bundle_parse(bundle, record + turn->begin, turn->length);
}

int32_t psk_vault_keep_successor(const psk_vault *vault, int32_t slot, const uint8_t *predecessor, uint8_t *record, size_t length)
{
    if (predecessor == NULL || record == NULL || length == 0 || length > PSK_BUNDLE_MAX) return PSK_CORE_ERR_ARGUMENT;
    int32_t result = psk_vault_check(vault, slot);
    if (result == 0) result = psk_vault_drop(vault, PSK_VAULT_ASSOCIATIONS + slot);
    if (result < 0) return result;
    record[REFUSALS] = 0;
    memcpy(record + PREDECESSOR, predecessor, PSK_VAULT_DIGEST);
    return psk_vault_write_record(vault, PSK_VAULT_SUCCESSORS + slot, PSK_VAULT_KIND_SUCCESSOR, record, BUNDLE - PSK_VAULT_HEADER + length);
}

static int32_t count(const psk_vault *vault, int32_t slot, uint8_t refusals, uint8_t *record, size_t length)
{
    if (record[REFUSALS] == refusals) return 0;
    record[REFUSALS] = refusals;
    return psk_vault_write_record(vault, PSK_VAULT_SUCCESSORS + slot, PSK_VAULT_KIND_SUCCESSOR, record, BUNDLE - PSK_VAULT_HEADER + length);
}

/* The store replaces a record in one step, so the slot is never without a credential. */
static int32_t promote(const psk_vault *vault, int32_t slot, psk_vault_turn *turn, uint8_t *record, size_t length)
{
    memmove(record + PSK_VAULT_HEADER, record + BUNDLE, length);
    const int32_t result = psk_vault_write_record(vault, slot, PSK_VAULT_KIND_BUNDLE, record, length);
    if (result < 0) return result;
    memcpy(turn->predecessor, record + PSK_VAULT_HEADER + length, PSK_VAULT_DIGEST);
    return psk_vault_drop(vault, PSK_VAULT_SUCCESSORS + slot);
}

int32_t psk_vault_settle(const psk_vault *vault, int32_t slot, psk_vault_turn *turn, int accepted, uint8_t *record, size_t size)
{
    uint8_t now[PSK_VAULT_DIGEST];
    if (turn == NULL || record == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (turn->which == PSK_VAULT_ONLY) return 0;
    int32_t result = psk_vault_check(vault, slot);
    if (result == 0) result = find(vault, slot, record, size, now);
    if (result < 0) return result;
    const psk_vault_which tried = turn->which;
    turn->which = PSK_VAULT_ONLY;
    /* Somebody else has drawn it, or has put another credential there. */
    if (result == 0 || mbedtls_ct_memcmp(now, turn->predecessor, PSK_VAULT_DIGEST) != 0) return 0;
    const size_t length = (size_t) result;
    if (tried == PSK_VAULT_NEW && accepted) return promote(vault, slot, turn, record, length);
    if (tried == PSK_VAULT_NEW) return count(vault, slot, (uint8_t) (record[REFUSALS] + (record[REFUSALS] < PSK_VAULT_REFUSALS)), record, length);
    if (accepted) return psk_vault_drop(vault, PSK_VAULT_SUCCESSORS + slot);
    return count(vault, slot, 0, record, length);
}
