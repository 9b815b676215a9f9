#include "vault_nvs.h"

#include <mbedtls/platform.h>
#include <nvs.h>
#include <nvs_flash.h>
#include <stdio.h>

#include "psk_error.h"

#define NAMESPACE "iotpsk"

static int32_t from_nvs(esp_err_t status)
{
    switch (status) {
    case ESP_OK: return 0;
    case ESP_ERR_NVS_NOT_FOUND: return PSK_CORE_ERR_NO_CREDENTIAL;
    case ESP_ERR_NVS_NOT_ENOUGH_SPACE: return PSK_CORE_ERR_VAULT_FULL;
    case ESP_ERR_NVS_INVALID_LENGTH: return PSK_CORE_ERR_VAULT_CORRUPT;
    case ESP_ERR_NO_MEM: return PSK_CORE_ERR_MEMORY;
    default: return PSK_CORE_ERR_VAULT_IO;
    }
}

static void key_of(char key[NVS_KEY_NAME_MAX_SIZE], int32_t slot)
{
    static const char *const kinds[] = { "cred", "assoc", "next" };
    (void) snprintf(key, NVS_KEY_NAME_MAX_SIZE, "%s%u", kinds[slot / PSK_VAULT_SLOTS % 3], (unsigned) (slot % PSK_VAULT_SLOTS) & 0xffffu);
}

static int32_t read_slot(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    const nvs_handle_t *store = context;
    char key[NVS_KEY_NAME_MAX_SIZE];
    key_of(key, slot);
    *length = size;
    const esp_err_t status = nvs_get_blob(*store, key, record, length);
    if (status != ESP_OK) *length = 0;
    return from_nvs(status);
}

/* NVS writes a blob beside the one it replaces, and forgets that one when the new one is complete. */
static int32_t write_slot(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    const nvs_handle_t *store = context;
    char key[NVS_KEY_NAME_MAX_SIZE];
    key_of(key, slot);
    esp_err_t status = nvs_set_blob(*store, key, record, length);
    if (status == ESP_OK) status = nvs_commit(*store);
    return status == ESP_ERR_NVS_NOT_FOUND ? PSK_CORE_ERR_VAULT_IO : from_nvs(status);
}

static int32_t erase_slot(void *context, int32_t slot)
{
    const nvs_handle_t *store = context;
    char key[NVS_KEY_NAME_MAX_SIZE];
    key_of(key, slot);
    esp_err_t status = nvs_erase_key(*store, key);
    if (status == ESP_ERR_NVS_NOT_FOUND) return 0;
    if (status == ESP_OK) status = nvs_commit(*store);
    return status == ESP_OK ? 1 : from_nvs(status);
}

static const psk_vault_store nvs_store = { read_slot, write_slot, erase_slot };

int32_t psk_vault_nvs_open(psk_vault *vault)
{
    vault->store = NULL;
    vault->context = NULL;
    nvs_handle_t *store = mbedtls_calloc(1, sizeof *store);
    if (store == NULL) return PSK_CORE_ERR_MEMORY;
    esp_err_t status = nvs_open(NAMESPACE, NVS_READWRITE, store);
    if (status == ESP_ERR_NVS_NOT_INITIALIZED && (status = nvs_flash_init()) == ESP_OK) status = nvs_open(NAMESPACE, NVS_READWRITE, store);
    if (status != ESP_OK) {
        mbedtls_free(store);
        return status == ESP_ERR_NVS_NOT_FOUND ? PSK_CORE_ERR_VAULT_IO : from_nvs(status);
    }
    vault->store = &nvs_store;
    vault->context = store;
    return 0;
}

void psk_vault_nvs_close(psk_vault *vault)
{
    if (vault == NULL || vault->context == NULL) return;
    nvs_handle_t *store = vault->context;
    nvs_close(*store);
    mbedtls_free(store);
    vault->store = NULL;
    vault->context = NULL;
}
