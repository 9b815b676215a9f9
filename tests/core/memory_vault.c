#include "memory_vault.h"

#include <string.h>

#include "harness.h"
#include "psk_error.h"

places kept;

static int32_t read_place(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    const places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    if (all->length[at] == 0) return PSK_CORE_ERR_NO_CREDENTIAL;
    if (all->length[at] > size) return PSK_CORE_ERR_VAULT_CORRUPT;
    *length = all->length[at];
    memcpy(record, all->record[at], *length);
    return 0;
}

static int32_t write_place(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    CHECK(length <= sizeof all->record[at]);
    if (all->write_result < 0) return all->write_result;
    memcpy(all->record[at], record, length);
    all->length[at] = length;
    return 0;
}

static int32_t erase_place(void *context, int32_t slot)
{
    places *all = context;
    const int at = slot / PSK_VAULT_SLOTS;
    const int32_t existed = all->length[at] > 0;
    all->length[at] = 0;
    return existed;
}

static const psk_vault_store store = { read_place, write_place, erase_place };
const psk_vault memory_vault = { &store, &kept };
