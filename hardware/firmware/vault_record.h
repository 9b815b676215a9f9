/* What the files of the vault share: sealed records in the places of the store.
 * A record is "PSKV", format 1, kind, length of the content (big endian), content, SHA-256 of all that. */
#ifndef PSK_VAULT_RECORD_H
#define PSK_VAULT_RECORD_H

#include "vault.h"

/* Of each kind a slot has one place. */
enum { PSK_VAULT_KIND_BUNDLE = 0, PSK_VAULT_KIND_ASSOCIATION = 1, PSK_VAULT_KIND_SUCCESSOR = 2 };

/* All of them give PSK_CORE_ERR_ARGUMENT when vault or slot cannot be used. */

/* Seals the content that lies between header and digest, and writes it all. */
int32_t psk_vault_write_record(const psk_vault *vault, int32_t slot, int32_t kind, uint8_t *record, size_t length);
/* Reads and verifies; returns the length of the content, which begins at PSK_VAULT_HEADER. */
int32_t psk_vault_read_record(const psk_vault *vault, int32_t slot, int32_t kind, uint8_t *record, size_t size);
/* 0: gone, and if it was there, durably. Not even a record that is damaged stays: only what is not there needs no erasing. */
int32_t psk_vault_drop(const psk_vault *vault, int32_t slot, int32_t kind);

#endif
