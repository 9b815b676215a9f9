#include "nvs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nvs_flash.h"

/* A blob is written beside the one it replaces, 32 bytes at a time; then it counts; then the old one is struck out. */
enum { FREE = 0, WRITING, VALID };
#define BLOBS 64
#define BLOB_MAX 4000
#define ENTRY 32u

typedef struct blob {
    int state;
    unsigned written;               /* when: of two with one key the later one counts */
    char key[NVS_KEY_NAME_MAX_SIZE];
    size_t length;
    uint8_t data[BLOB_MAX];
} blob;

static struct flash {
    int is_initialised;
    unsigned writes;
    size_t capacity;
    blob blobs[BLOBS];
} *flash;

int nvs_writes_until_cut = -1;
int nvs_broken;

static void write_happens(void)
{
    if (nvs_writes_until_cut > 0 && --nvs_writes_until_cut == 0) _exit(NVS_CUT);
}

void nvs_flash_share(size_t capacity)
{
    flash = mmap(NULL, sizeof *flash, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (flash == MAP_FAILED) abort();
    flash->capacity = capacity;
}

static blob *find(const char *key)
{
    blob *found = NULL;
    for (blob *at = flash->blobs; at < flash->blobs + BLOBS; at++) {
        if (at->state == VALID && strcmp(at->key, key) == 0 && (found == NULL || at->written > found->written)) found = at;
    }
    return found;
}

void nvs_flash_damage(const char *key, size_t at)
{
    blob *found = find(key);
    if (found == NULL || at >= found->length) abort();
    found->data[at] ^= 0x10;
}

/* What a start finds half done is undone. */
esp_err_t nvs_flash_init(void)
{
    if (flash == NULL) nvs_flash_share(100000);
    if (nvs_broken != 0) return nvs_broken;
    for (blob *at = flash->blobs; at < flash->blobs + BLOBS; at++) {
        if (at->state == WRITING || (at->state == VALID && find(at->key) != at)) memset(at, 0, sizeof *at);
    }
    flash->is_initialised = 1;
    return ESP_OK;
}

esp_err_t nvs_open(const char *name, nvs_open_mode_t mode, nvs_handle_t *out)
{
    if (nvs_broken != 0) return nvs_broken;
    if (flash == NULL || !flash->is_initialised) return ESP_ERR_NVS_NOT_INITIALIZED;
    if (strlen(name) >= NVS_KEY_NAME_MAX_SIZE || mode != NVS_READWRITE) return ESP_ERR_NVS_INVALID_NAME;
    *out = 1;
    return nvs_flash_init();
}

void nvs_close(nvs_handle_t handle)
{
    (void) handle;
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out, size_t *length)
{
    if (nvs_broken != 0) return nvs_broken;
    const blob *found = find(key);
    if (handle != 1) return ESP_ERR_NVS_INVALID_HANDLE;
    if (found == NULL) return ESP_ERR_NVS_NOT_FOUND;
    if (found->length > *length) return ESP_ERR_NVS_INVALID_LENGTH;
    memcpy(out, found->data, found->length);
    *length = found->length;
    return ESP_OK;
}

static size_t used(void)
{
    size_t sum = 0;
    for (const blob *at = flash->blobs; at < flash->blobs + BLOBS; at++) sum += at->state == FREE ? 0 : at->length + ENTRY;
    return sum;
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
    if (nvs_broken != 0) return nvs_broken;
    if (handle != 1) return ESP_ERR_NVS_INVALID_HANDLE;
    if (strlen(key) >= NVS_KEY_NAME_MAX_SIZE) return ESP_ERR_NVS_INVALID_NAME;
    if (length > BLOB_MAX || used() + length + ENTRY > flash->capacity) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    blob *old = find(key), *fresh = flash->blobs;
    while (fresh < flash->blobs + BLOBS && fresh->state != FREE) fresh++;
    if (fresh == flash->blobs + BLOBS) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    write_happens();
    fresh->state = WRITING;
    strcpy(fresh->key, key);
    fresh->length = length;
    for (size_t at = 0; at < length; at += ENTRY) {
        write_happens();
        memcpy(fresh->data + at, (const uint8_t *) value + at, length - at < ENTRY ? length - at : ENTRY);
    }
    write_happens();
    fresh->written = ++flash->writes;
    fresh->state = VALID;
    write_happens();
    if (old != NULL) memset(old, 0, sizeof *old);
    return ESP_OK;
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
    if (nvs_broken != 0) return nvs_broken;
    blob *found = find(key);
    if (handle != 1) return ESP_ERR_NVS_INVALID_HANDLE;
    if (found == NULL) return ESP_ERR_NVS_NOT_FOUND;
    write_happens();
    memset(found, 0, sizeof *found);
    write_happens();
    return ESP_OK;
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
    return handle == 1 ? nvs_broken : ESP_ERR_NVS_INVALID_HANDLE;
}
