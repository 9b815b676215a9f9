/* The vault keeps credential bundles in numbered slots of a store (a directory, NVS), sealed with a digest, and beside each at
 * most one saved DTLS association, which is given out once. */
#ifndef PSK_VAULT_H
#define PSK_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include "psk_bundle.h"

#ifndef PSK_VAULT_SLOTS
#define PSK_VAULT_SLOTS 65536           /* a board sets less: some bytes a slot are held while the vault is open */
#endif
#define PSK_VAULT_ASSOCIATIONS PSK_VAULT_SLOTS                     /* what the store holds from here on: slot s's association */
#define PSK_VAULT_HEADER 8u                                         /* the content of a sealed record begins here */
#define PSK_VAULT_OVERHEAD 40u                                      /* header and digest of a sealed record */
#define PSK_VAULT_RECORD_MAX (PSK_BUNDLE_MAX + PSK_VAULT_OVERHEAD)

/* A back end: moves opaque records of 2 * PSK_VAULT_SLOTS places. Slots come checked. All return 0 or a PSK_CORE_ERR_ code,
 * unless they say otherwise. */
typedef struct psk_vault_store {
    /* *length: bytes of the record; PSK_CORE_ERR_NO_CREDENTIAL when there is none, ..._VAULT_CORRUPT when it exceeds size */
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

/* Parses the bundle, and stores it only if it is right; an association of the slot goes before. */
int32_t psk_vault_import(const psk_vault *vault, int32_t slot, const uint8_t *bundle, size_t length);

/* Reads and verifies a slot into record (PSK_VAULT_RECORD_MAX bytes, for the caller to wipe) and points bundle into it. */
int32_t psk_vault_load(const psk_vault *vault, int32_t slot, uint8_t *record, size_t size, psk_bundle *bundle);

/* The public part of a slot's bundle as CBOR; returns its length. */
int32_t psk_vault_describe(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size);

/* The credential, and before it the association. */
int32_t psk_vault_erase(const psk_vault *vault, int32_t slot);

/* Keeps what psk_core_save wrote to record + PSK_VAULT_HEADER, length bytes, in place of an older one. The record has room for
 * PSK_VAULT_OVERHEAD bytes more and is sealed where it is: nothing is allocated in the middle of falling asleep. */
int32_t psk_vault_keep_association(const psk_vault *vault, int32_t slot, uint8_t *record, size_t length);

/* Gives the association of a slot, once: it is erased, durably, before this returns, and whatever is found wrong with it too.
 * Returns its length; PSK_CORE_ERR_NO_ASSOCIATION when there is none that can be used; after another error nothing may be
 * used either. */
int32_t psk_vault_take_association(const psk_vault *vault, int32_t slot, uint8_t *out, size_t size);

#endif
