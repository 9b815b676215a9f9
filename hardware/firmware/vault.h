/* The vault keeps credential bundles in numbered slots of a store (a directory, NVS), sealed with a digest. Beside each it keeps at
 * most one saved DTLS association, which is given out once, and at most one successor: a newer credential, which takes the place
 * of the other at the first handshake that completes with it. */
#ifndef PSK_VAULT_H
#define PSK_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include "psk_bundle.h"

#ifndef PSK_VAULT_SLOTS
#define PSK_VAULT_SLOTS 65536           /* a board sets less: some bytes a slot are held while the vault is open */
#endif
#define PSK_VAULT_ASSOCIATIONS PSK_VAULT_SLOTS                     /* what the store holds from here on: slot s's association */
#define PSK_VAULT_SUCCESSORS (2 * PSK_VAULT_SLOTS)                 /* and from here on: slot s's successor */
#define PSK_VAULT_HEADER 8u                                         /* the content of a sealed record begins here */
#define PSK_VAULT_OVERHEAD 40u                                      /* header and digest of a sealed record */
#define PSK_VAULT_DIGEST 32u
#define PSK_VAULT_SUCCESSOR_BEGIN 41u                               /* in a successor's record the bundle begins here */
#define PSK_VAULT_RECORD_MAX (PSK_VAULT_SUCCESSOR_BEGIN + PSK_BUNDLE_MAX + PSK_VAULT_DIGEST)
#define PSK_VAULT_REFUSALS 3                                        /* in a row, then the old credential has its turn */

/* A back end: moves opaque records of 3 * PSK_VAULT_SLOTS places. Slots come checked. All return 0 or a PSK_CORE_ERR_ code,
 * unless they say otherwise. */
typedef struct psk_vault_store {
    /* *length: bytes of the record; PSK_CORE_ERR_NO_CREDENTIAL when there is none (record is untouched then), ..._VAULT_CORRUPT when it exceeds size */
    int32_t (*read)(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length);
    /* Atomic and durable: whenever power is lost, a later read gives the old record or the new one, whole. */
    int32_t (*write)(void *context, int32_t slot, const uint8_t *record, size_t length);
    /* Durable before it returns: no power cut brings the record back. 1, or 0 if there was none: of several that erase a record
     * at once, one gets 1. */
    int32_t (*erase)(void *context, int32_t slot);
} psk_vault_store;

typedef struct psk_vault {
    const psk_vault_store *store;
    void *context;
} psk_vault;

/* Parses the bundle, and stores it only if it is right; an association of the slot goes before, a successor counts no longer. */
int32_t psk_vault_import(const psk_vault *vault, int32_t slot, const uint8_t *bundle, size_t length);

/* Reads and verifies a slot into record (PSK_VAULT_RECORD_MAX bytes, for the caller to wipe) and points bundle into it. */
int32_t psk_vault_load(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, psk_bundle *bundle);

/* Whose turn it is in a slot. */
typedef enum psk_vault_which {
    PSK_VAULT_ONLY = 0,                 /* the credential has no successor */
    PSK_VAULT_NEW = 1,                  /* the successor, to be tried */
    PSK_VAULT_OLD = 2                   /* the credential, because its successor was refused too often */
} psk_vault_which;

typedef struct psk_vault_turn {
    psk_vault_which which;
    size_t begin, length;                       /* of the bundle in the record */
    uint8_t predecessor[PSK_VAULT_DIGEST];      /* digest of the slot's own record */
} psk_vault_turn;

/* As psk_vault_load, of the credential whose turn it is. A successor of another record than the slot's is none. */
int32_t psk_vault_choose(const psk_vault *vault, int32_t slot, uint8_t *record, psk_bundle *bundle, psk_vault_turn *turn);

/* Puts a bundle, which is at record + PSK_VAULT_SUCCESSOR_BEGIN with PSK_VAULT_DIGEST bytes of room behind, beside the slot's
 * credential whose record has that digest; an association of the slot goes before. */
int32_t psk_vault_keep_successor(const psk_vault *vault, int32_t slot, const uint8_t *predecessor, uint8_t *record, size_t length);

/* Draws the conclusion of a handshake with the credential that psk_vault_choose gave: after a success there is one credential
 * left, the proved one; a refusal counts, and the old credential's turns the count back. Whenever power is lost, what is left
 * has a credential that the server took before or that was never tried. record: PSK_VAULT_RECORD_MAX bytes of scratch, for the
 * caller to wipe. */
int32_t psk_vault_settle(const psk_vault *vault, int32_t slot, psk_vault_turn *turn, int accepted, uint8_t *record);

/* The public part of the bundle whose turn it is, as CBOR; returns its length. */
int32_t psk_vault_describe(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size);

/* The credential, and before it association and successor. */
int32_t psk_vault_erase(const psk_vault *vault, int32_t slot);

/* Keeps what psk_core_save wrote to record + PSK_VAULT_HEADER, length bytes, in place of an older one. The record has room for
 * PSK_VAULT_OVERHEAD bytes more and is sealed where it is: nothing is allocated in the middle of falling asleep. */
int32_t psk_vault_keep_association(const psk_vault *vault, int32_t slot, uint8_t *record, size_t length);

/* Gives the association of a slot, once: it is erased, durably, before this returns, and whatever is found wrong with it too, such
 * as more than size bytes. It begins at record + PSK_VAULT_HEADER; size counts PSK_VAULT_OVERHEAD bytes more. Returns its length;
 * PSK_CORE_ERR_NO_ASSOCIATION when there is none that can be used; after another error nothing may be used either. */
int32_t psk_vault_take_association(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size);

/* SHA-256; 0, or PSK_CORE_ERR_INTERNAL. */
int32_t psk_vault_digest(const uint8_t *data, size_t length, uint8_t *out);

#endif
