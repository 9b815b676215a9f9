/* What the flat API needs of the platform: where its vault is kept. */
#ifndef PSK_PORT_H
#define PSK_PORT_H

#include "vault.h"

/* directory: for a host; a board has one store and ignores it. After an error the vault is empty, and closing it is allowed. */
int32_t psk_port_vault_open(const char *directory, psk_vault *vault);
void psk_port_vault_close(psk_vault *vault);

#endif
