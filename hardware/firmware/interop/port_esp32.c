/* What the flat API needs of an ESP32: a vault in NVS. Random numbers come through ESP-IDF's own port of mbedTLS. */
#include "psk_port.h"
#include "vault_nvs.h"

int32_t psk_port_vault_open(const char *directory, psk_vault *vault)
{
    (void) directory;
    return psk_vault_nvs_open(vault);
}

void psk_port_vault_close(psk_vault *vault)
{
    psk_vault_nvs_close(vault);
}
