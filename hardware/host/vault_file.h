/* A vault in a directory: one file a slot and one for its saved association, mode 0600. */
#ifndef PSK_VAULT_FILE_H
#define PSK_VAULT_FILE_H

#include "vault.h"

/* Creates the directory (0700) if it is missing. Close with psk_vault_file_close. */
int32_t psk_vault_file_open(const char *directory, psk_vault *vault);
void psk_vault_file_close(psk_vault *vault);

#endif
