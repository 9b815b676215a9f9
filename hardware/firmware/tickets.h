/* The session tickets of an open vault, one a slot, in memory only: they end with the process. */
#ifndef IOTPSK_TICKETS_H
#define IOTPSK_TICKETS_H

#include <stddef.h>
#include <stdint.h>

#include "psk_core.h"

typedef struct tickets {
    struct ticket_place *of_slot;   /* PSK_VAULT_SLOTS of them once there is a ticket */
} tickets;

/* Without memory for it there is no ticket; that is no error. */
void tickets_keep(tickets *all, int32_t slot, const uint8_t *ticket, size_t length);
/* Moves the ticket of a slot to out (PSK_TICKET_MAX bytes) and forgets it. Returns its length; 0: there is none. */
size_t tickets_take(tickets *all, int32_t slot, uint8_t *out);
void tickets_forget(tickets *all, int32_t slot);
void tickets_free(tickets *all);

#endif
