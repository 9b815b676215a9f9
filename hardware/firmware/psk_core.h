/* A PSK TLS client without input and output of its own: bytes from the wire are fed in, bytes for the wire are drained.
 * It owns an mbedTLS context and two byte queues; it never blocks and uses no socket, file, clock or thread.
 *
 *   psk_core_open_slot(...);
 *   for (;;) {                                        handshake
 *       result = psk_core_step(core);
 *       drain until psk_core_drain gives 0, and send that (also after an error: an alert may be in it);
 *       result 0: connected;  PSK_CORE_WANTS_DRAIN: again;  PSK_CORE_WANTS_INPUT: receive, psk_core_feed;  < 0: over
 *   }
 *   psk_core_write and psk_core_read; after each, drain as above
 *
 * One session is used by one thread at a time; different sessions are independent of each other. */
#ifndef PSK_CORE_H
#define PSK_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "psk_bundle.h"
#include "psk_error.h"
#include "vault.h"

#define PSK_CORE_TLS13 0x0304

enum {
    PSK_CORE_DONE = 0,
    PSK_CORE_WANTS_INPUT = 1,
    PSK_CORE_WANTS_DRAIN = 2
};

enum psk_core_info {
    PSK_CORE_INFO_VERSION = 0,              /* 0x0304 */
    PSK_CORE_INFO_SUITE = 1,                /* IANA number */
    PSK_CORE_INFO_KEY_EXCHANGE = 2,         /* 0 psk_ke, 1 psk_dhe_ke */
    PSK_CORE_INFO_HANDSHAKE_SENT = 3,       /* bytes on the wire, both Finished flights included */
    PSK_CORE_INFO_HANDSHAKE_RECEIVED = 4,
    PSK_CORE_INFO_IMPORTED = 5,             /* 1: RFC 9258 binder label, 0: that of a plain external PSK */
    PSK_CORE_INFO_LAST_ALERT = 6,           /* description of the last fatal alert received, -5 when there was none */
    PSK_CORE_INFO_RESUMED = 7,              /* 1: the server took the ticket, 0: the key of the credential */
    PSK_CORE_INFO_TICKET_OFFERED = 8        /* 1: a ticket was offered, whatever came of it */
};

/* Options of open; 0 is what a device should use. */
enum psk_core_option {
    PSK_CORE_OPTION_PSK_KE = 1,             /* psk_ke (RFC 8446 s4.2.9) instead of psk_dhe_ke: no Diffie-Hellman, and no forward secrecy */
    PSK_CORE_OPTION_NO_TICKETS = 2          /* tickets of the server are dropped */
};
#define PSK_CORE_OPTIONS 3u

#define PSK_TICKET_MAX 640u                 /* bytes of a session ticket with its key, as psk_core_take_ticket gives it */

typedef struct psk_core psk_core;

/* protocol: PSK_CORE_TLS13. record_size: the record size limit to announce (RFC 8449), 64.., 0 for the bundle's; what is
 * announced is never more than the build's MBEDTLS_SSL_IN_CONTENT_LEN. options: of enum psk_core_option. The bundle is not
 * needed afterwards. */
int32_t psk_core_open(psk_core **core, const psk_bundle *credential, int32_t protocol, int32_t record_size,
                      uint32_t options);
int32_t psk_core_open_slot(psk_core **core, const psk_vault *vault, int32_t slot, int32_t protocol, int32_t record_size,
                           uint32_t options);

/* Before the first step: offers a ticket of an earlier session of the same credential, in front of the credential's own key,
 * which serves when the server does not take the ticket. A ticket must be offered once only (RFC 8446 App. C.4): forget it
 * first. PSK_CORE_ERR_UNSUPPORTED: it is none, or not for a session with these options; the session goes on without it. */
int32_t psk_core_offer_ticket(psk_core *core, const uint8_t *ticket, size_t length);
/* The newest ticket that came since the last call, and its key: a secret. Returns its length; 0: none came. */
int32_t psk_core_take_ticket(psk_core *core, uint8_t *out, size_t size);

/* Bytes taken; fewer than given when the queue is full (then step or read first). */
int32_t psk_core_feed(psk_core *core, const uint8_t *data, size_t length);
/* PSK_CORE_DONE once connected, PSK_CORE_WANTS_INPUT, PSK_CORE_WANTS_DRAIN or an error, which stays. */
int32_t psk_core_step(psk_core *core);
/* Bytes for the wire; 0 when there are none. */
int32_t psk_core_drain(psk_core *core, uint8_t *data, size_t size);
/* Plaintext bytes taken; 0: drain first. */
int32_t psk_core_write(psk_core *core, const uint8_t *data, size_t length);
/* Plaintext bytes; 0: input is wanted; PSK_CORE_ERR_CLOSED after the peer's close_notify. */
int32_t psk_core_read(psk_core *core, uint8_t *data, size_t size);
/* PSK_CORE_DONE, or PSK_CORE_WANTS_DRAIN: drain, then call again. Nothing can be written afterwards. */
int32_t psk_core_close_notify(psk_core *core);
/* See enum psk_core_info; PSK_CORE_ERR_NOT_CONNECTED where the value is not known yet. */
int32_t psk_core_info(const psk_core *core, int32_t what);
/* Wipes and frees the session. NULL is allowed. */
void psk_core_free(psk_core *core);

#endif
