/* A double of ESP-IDF's NVS, as far as the vault uses it. Its flash outlives the process that writes it (see nvs_flash_share), and a
 * process can be made to die at any of its writes, like at a power cut. */
#ifndef DOUBLE_NVS_H
#define DOUBLE_NVS_H

#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;
typedef uint32_t nvs_handle_t;
typedef enum { NVS_READONLY, NVS_READWRITE } nvs_open_mode_t;

#define NVS_KEY_NAME_MAX_SIZE 16

#define ESP_OK 0
#define ESP_ERR_NO_MEM 0x101
#define ESP_ERR_NVS_NOT_INITIALIZED 0x1101
#define ESP_ERR_NVS_NOT_FOUND 0x1102
#define ESP_ERR_NVS_NOT_ENOUGH_SPACE 0x1105
#define ESP_ERR_NVS_INVALID_NAME 0x1106
#define ESP_ERR_NVS_INVALID_HANDLE 0x1107
#define ESP_ERR_NVS_REMOVE_FAILED 0x1108
#define ESP_ERR_NVS_INVALID_LENGTH 0x110c

esp_err_t nvs_open(const char *name, nvs_open_mode_t mode, nvs_handle_t *out);
void nvs_close(nvs_handle_t handle);
esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out, size_t *length);
esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length);
esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key);
esp_err_t nvs_commit(nvs_handle_t handle);

/* For tests. */
#define NVS_CUT 77                  /* exit code of a process that died at a write */
extern int nvs_writes_until_cut;    /* -1: none */
extern int nvs_broken;              /* every call that writes or reads fails with this code; 0: none */
/* An empty flash; forked processes have it in common. */
void nvs_flash_share(size_t capacity);
/* Flips a bit in what is stored. */
void nvs_flash_damage(const char *key, size_t at);

#endif
