/* What the files of psk_core share: the session, and how it fails. */
#ifndef PSK_SESSION_H
#define PSK_SESSION_H

#include <mbedtls/ssl.h>

#include "psk_core.h"
#include "psk_queue.h"

/* What is drained at once on the wire costs nothing more with a small queue: output that does not fit waits in mbedTLS. */
#ifndef PSK_CORE_IN_QUEUE
#define PSK_CORE_IN_QUEUE 512
#endif
#ifndef PSK_CORE_OUT_QUEUE
#define PSK_CORE_OUT_QUEUE 640
#endif

struct psk_core {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    psk_queue in, out;
    uint32_t sent, received;                        /* on the wire; stand still once connected */
    uint32_t options;
    uint16_t record_limit;
    int16_t alert;
    int32_t failure;
    uint8_t connected, closing, spoke;              /* spoke: something went out during this call */
    uint8_t ticket_offered, resumed, ticket_waits;  /* waits: received, not taken by the owner yet */
    uint8_t in_buffer[PSK_CORE_IN_QUEUE];
    uint8_t out_buffer[PSK_CORE_OUT_QUEUE];
};

/* Ends the session with this error, and with an alert where mbedTLS has sent none itself. */
int32_t psk_core_fail(psk_core *core, int32_t error);
/* The same for what mbedTLS returned. */
int32_t psk_core_fail_as(psk_core *core, int result);

/* Takes note of what the handshake selected, before mbedTLS forgets it. */
void psk_ticket_note_handshake(psk_core *core);

#endif
