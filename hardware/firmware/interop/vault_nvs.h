/* A vault in the NVS of ESP-IDF: a blob a slot and one for its saved association, in the namespace "iotpsk". With NVS encryption (see
 * sdkconfig/) nothing lies in clear in the flash, also not what was erased, which NVS leaves until it needs the page. */
#ifndef PSK_VAULT_NVS_H
#define PSK_VAULT_NVS_H

#include "vault.h"

/* Initialises NVS if nobody did. Close with psk_vault_nvs_close. */
int32_t psk_vault_nvs_open(psk_vault *vault);
void psk_vault_nvs_close(psk_vault *vault);

#endif
