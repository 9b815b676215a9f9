/* A PSK client of TLS 1.3 or DTLS 1.2 without input and output of its own: bytes from the wire are fed in, bytes for the wire
 * are drained. It owns an mbedTLS context and two queues; it never blocks and uses no socket, file, clock or thread.
 *
 *   psk_core_open_slot(...);
 *   for (;;) {                                        handshake
 *       result = psk_core_step(core);
 *       drain until psk_core_drain gives 0, and send that (also after an error: an alert may be in it);
 *       result 0: connected;  PSK_CORE_WANTS_DRAIN: again;  PSK_CORE_WANTS_INPUT: receive, psk_core_feed;  < 0: over
 *   }
 *   psk_core_write and psk_core_read; after each, drain as above
 *
 * In DTLS every feed gives and every drain takes one datagram, and every write and read one message. The owner tells the
 * time by psk_core_tick, before the first step and whenever psk_core_deadline says it is due; then it steps again, so that
 * lost datagrams are sent again. After the handshake nothing is due.
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
#define PSK_CORE_DTLS12 0xfefd

enum {
    PSK_CORE_DONE = 0,
    PSK_CORE_WANTS_INPUT = 1,
    PSK_CORE_WANTS_DRAIN = 2
};

enum psk_core_info {
    PSK_CORE_INFO_VERSION = 0,              /* 0x0304, or 0xfefd */
    PSK_CORE_INFO_SUITE = 1,                /* IANA number */
    PSK_CORE_INFO_KEY_EXCHANGE = 2,         /* 0 psk_ke or PSK, 1 psk_dhe_ke or ECDHE_PSK */
    PSK_CORE_INFO_HANDSHAKE_SENT = 3,       /* bytes of TCP or UDP, both Finished flights included */
    PSK_CORE_INFO_HANDSHAKE_RECEIVED = 4,
    PSK_CORE_INFO_IMPORTED = 5,             /* 1: RFC 9258 binder label, 0: that of a plain external PSK */
    PSK_CORE_INFO_LAST_ALERT = 6,           /* description of the last fatal alert received, -5 when there was none */
    PSK_CORE_INFO_RESUMED = 7,              /* 1: the server took the ticket, or the association was loaded; 0: by the credential's key */
    PSK_CORE_INFO_TICKET_OFFERED = 8,       /* 1: a ticket was offered, whatever came of it */
    PSK_CORE_INFO_CONNECTION_ID = 9,        /* DTLS: length of the connection id that the server wants (RFC 9146), 0: none */
    PSK_CORE_INFO_MESSAGE_MAX = 10,         /* DTLS: the longest message that one write takes */
    PSK_CORE_INFO_TRIAL = 11                /* 1: the slot held a credential and its successor, and this session has one of them */
};

/* Options of open; 0 is what a device should use. */
enum psk_core_option {
    PSK_CORE_OPTION_PSK_KE = 1,             /* psk_ke (RFC 8446 s4.2.9) instead of psk_dhe_ke: no Diffie-Hellman, and no forward secrecy */
    PSK_CORE_OPTION_NO_TICKETS = 2,         /* tickets of the server are dropped */
    PSK_CORE_OPTION_CONNECTION_ID = 4,      /* DTLS: asks for a connection id even if the credential does not say so */
    PSK_CORE_OPTION_ECDHE_PSK = 8,          /* DTLS: ECDHE_PSK instead of PSK, where the build has it */
    PSK_CORE_OPTION_SESSION_KEY = 16,       /* the (D)TLS 1.2 key makes a PSK of each session, see psk_session_key.c; a credential in session mode says so itself */
    PSK_CORE_OPTION_SHORT_RANDOMS = 32,     /* and of 28 bytes of each random, without the four of the time */
    PSK_CORE_OPTION_REKEY = 64              /* TLS with psk_dhe_ke: a session for psk_core_rekey alone, without tickets */
};
#define PSK_CORE_OPTIONS 127u

#define PSK_ASSOCIATION_MAX 160u            /* bytes of a saved association */
#define PSK_TICKET_MAX 640u                 /* bytes of a session ticket with its key, as psk_core_take_ticket gives it */

typedef struct psk_core psk_core;

/* Known answers of everything that keys and records are made by, and two looks at the random generator; some 700 000
 * instructions, for every boot. 0, PSK_CORE_ERR_TEST_.., PSK_CORE_ERR_RANDOM or PSK_CORE_ERR_MEMORY. Needs no session. */
int32_t psk_core_selftest(void);

/* protocol: PSK_CORE_TLS13 or PSK_CORE_DTLS12. record_size: the record size limit to announce (RFC 8449), 64.., 0 for the
 * bundle's; what is announced is never more than the build's MBEDTLS_SSL_IN_CONTENT_LEN. In DTLS it is the longest of
 * 512, 1024, 2048 and 4096 bytes that it holds (RFC 6066 s4), at least 512. options: of enum psk_core_option. The bundle is
 * not needed afterwards. */
int32_t psk_core_open(psk_core **core, const psk_bundle *credential, int32_t protocol, int32_t record_size,
                      uint32_t options);
/* Of a slot whose credential has a successor the one whose turn it is. */
int32_t psk_core_open_slot(psk_core **core, const psk_vault *vault, int32_t slot, int32_t protocol, int32_t record_size,
                           uint32_t options);

/* DTLS, before the first step: the first retransmission time-out in milliseconds, 100 to 60000; it doubles up to 60 s, then
 * the handshake is given up. 9000 unless set, as RFC 7925 s11 wants it for constrained networks. */
int32_t psk_core_set_first_timeout(psk_core *core, int32_t milliseconds);
/* DTLS: tells the time, in milliseconds since any moment; it may wrap around. */
int32_t psk_core_tick(psk_core *core, uint32_t now);
/* DTLS: in how many milliseconds from the last tick on the next one is due; -1: none is. */
int32_t psk_core_deadline(const psk_core *core);

/* DTLS, connected: writes the association down, keys included, and ends the session without a word to the server. What is
 * written must be loaded once at most: a second time the same nonces would be used again. Returns its length. */
int32_t psk_core_save(psk_core *core, uint8_t *out, size_t size);
/* Opens a session that goes on where the saved one ended; record_size: 0 for that of the saved one. It needs no credential, as no
 * handshake is made. Erase what was saved before this is called. */
int32_t psk_core_load(psk_core **core, const uint8_t *saved, size_t length, int32_t record_size, uint32_t options);
/* The same into the slot of a vault and out of it: 0, or why not. After an error of psk_core_save_slot nothing is kept; before
 * psk_core_load_slot makes a session, the vault has forgotten what it is made of. */
int32_t psk_core_save_slot(psk_core *core, const psk_vault *vault, int32_t slot);
int32_t psk_core_load_slot(psk_core **core, const psk_vault *vault, int32_t slot, int32_t record_size, uint32_t options);

/* Once the handshake of a session of psk_core_open_slot has come to an end, good or bad: a successor that was tried takes the
 * slot, or counts one refusal more (psk_vault_settle). Called again it does nothing. */
int32_t psk_core_settle_slot(psk_core *core, const psk_vault *vault, int32_t slot);
/* A session of psk_core_open_slot with PSK_CORE_OPTION_REKEY, connected: fetches the credential of the fleet's newest epoch by
 * iotpsk-rekey/1 and puts it beside the slot's own, as its successor. PSK_CORE_WANTS_INPUT or PSK_CORE_WANTS_DRAIN: do that and
 * call again; PSK_CORE_DONE: the vault has it; or an error: then the slot is as it was. Nothing else can be written to such a
 * session or read from it, so no byte of a key leaves this side of the core. */
int32_t psk_core_rekey(psk_core *core, const psk_vault *vault, int32_t slot);

/* Before the first step: offers a ticket of an earlier session of the same credential, in front of the credential's own key,
 * which serves when the server does not take the ticket. A ticket must be offered once only (RFC 8446 App. C.4): forget it
 * first. PSK_CORE_ERR_UNSUPPORTED: it is none, or not for a session with these options; the session goes on without it. */
int32_t psk_core_offer_ticket(psk_core *core, const uint8_t *ticket, size_t length);
/* The newest ticket that came since the last call, and its key: a secret. Returns its length; 0: none came. */
int32_t psk_core_take_ticket(psk_core *core, uint8_t *out, size_t size);

/* Bytes taken; fewer than given when the queue is full (then step or read first). DTLS: all of the datagram or nothing. */
int32_t psk_core_feed(psk_core *core, const uint8_t *data, size_t length);
/* PSK_CORE_DONE once connected, PSK_CORE_WANTS_INPUT, PSK_CORE_WANTS_DRAIN or an error, which stays. */
int32_t psk_core_step(psk_core *core);
/* Bytes for the wire; 0 when there are none. DTLS: one datagram; PSK_CORE_ERR_BUFFER if it does not fit, and nothing is lost. */
int32_t psk_core_drain(psk_core *core, uint8_t *data, size_t size);
/* Plaintext bytes taken; 0: drain first. DTLS: all or nothing, PSK_CORE_ERR_TOO_LONG if it can never go out. */
int32_t psk_core_write(psk_core *core, const uint8_t *data, size_t length);
/* Plaintext bytes; 0: input is wanted; PSK_CORE_ERR_CLOSED after the peer's close_notify. DTLS: one message, or
 * PSK_CORE_ERR_BUFFER if it does not fit, and nothing is lost. */
int32_t psk_core_read(psk_core *core, uint8_t *data, size_t size);
/* PSK_CORE_DONE, or PSK_CORE_WANTS_DRAIN: drain, then call again. Nothing can be written afterwards. */
int32_t psk_core_close_notify(psk_core *core);
/* See enum psk_core_info; PSK_CORE_ERR_NOT_CONNECTED where the value is not known yet. */
int32_t psk_core_info(const psk_core *core, int32_t what);
/* Wipes and frees the session. NULL is allowed. */
void psk_core_free(psk_core *core);

#endif
