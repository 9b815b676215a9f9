#include "tickets.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <string.h>

struct ticket {
    size_t length;
    uint8_t data[];
};

struct ticket_place {
    struct ticket *held;            /* NULL: none */
};

static void drop(tickets *all, int32_t slot)
{
    if (all->of_slot == NULL || slot < 0 || slot >= PSK_VAULT_SLOTS || all->of_slot[slot].held == NULL) return;
    mbedtls_platform_zeroize(all->of_slot[slot].held->data, all->of_slot[slot].held->length);
    mbedtls_free(all->of_slot[slot].held);
    all->of_slot[slot].held = NULL;
}

void tickets_keep(tickets *all, int32_t slot, const uint8_t *ticket, size_t length)
{
    if (all->of_slot == NULL) all->of_slot = mbedtls_calloc(PSK_VAULT_SLOTS, sizeof *all->of_slot);
    struct ticket *fresh = all->of_slot == NULL ? NULL : mbedtls_calloc(1, sizeof *fresh + length);
    if (fresh == NULL) return;
    fresh->length = length;
    memcpy(fresh->data, ticket, length);
    drop(all, slot);
    all->of_slot[slot].held = fresh;
}

size_t tickets_take(tickets *all, int32_t slot, uint8_t *out)
{
    if (all->of_slot == NULL || all->of_slot[slot].held == NULL) return 0;
    const size_t length = all->of_slot[slot].held->length;
    memcpy(out, all->of_slot[slot].held->data, length);
    drop(all, slot);
    return length;
}

void tickets_forget(tickets *all, int32_t slot)
{
    drop(all, slot);
}

void tickets_free(tickets *all)
{
    for (int32_t slot = 0; all->of_slot != NULL && slot < PSK_VAULT_SLOTS; slot++) drop(all, slot);
    mbedtls_free(all->of_slot);
    all->of_slot = NULL;
}
