/* What the files of psk_core share: the session, and how it fails. */
#ifndef PSK_SESSION_H
#define PSK_SESSION_H

#include <mbedtls/ssl.h>

#include "psk_core.h"
#include "psk_queue.h"

/* The queues of a session. In TLS they may be small: input that does not fit waits outside, output in mbedTLS. In DTLS each holds
 * at least one datagram with the longest record that was asked for. */
#ifndef PSK_CORE_IN_QUEUE
#define PSK_CORE_IN_QUEUE 128
#endif
#ifndef PSK_CORE_OUT_QUEUE
#define PSK_CORE_OUT_QUEUE 544
#endif
#define PSK_DATAGRAM_OVERHEAD 80u   /* length 2, header 13, connection id 32, nonce 8, tag 16, content type 1 */

/* What a session needs that fetches a new credential. */
typedef struct psk_rekey {
    uint32_t request_length, length, done;          /* of the answer's bundle; done: bytes of what is under way */
    uint32_t has_asked;
    int32_t result;                                 /* PSK_CORE_WANTS_INPUT until it is over */
    uint32_t epoch;                                 /* of the credential it was opened with */
    psk_vault_turn turn;                            /* of that */
    uint8_t names[PSK_VAULT_DIGEST];                /* SHA-256 of the names in it */
    uint8_t record[PSK_VAULT_RECORD_MAX];           /* first the request, then the successor's record */
} psk_rekey;

/* The longest key block of a suite of the build (RFC 5246 s6.3). */
#ifdef PSK_CORE_ECDHE_PSK
#define PSK_KEY_BLOCK 88u
#else
#define PSK_KEY_BLOCK 40u
#endif

enum { PSK_KEYS_NONE, PSK_KEYS_KEPT, PSK_KEYS_LOST };       /* lost: for want of memory */

/* What is used most stands in front, in whole words: there RISC-V reaches it with instructions of two bytes. */
struct psk_core {
    int32_t failure;
    uint32_t options;
    uint32_t datagrams;                             /* DTLS */
    uint32_t connected, closing, spoke;             /* spoke: something went out during this call */
    psk_queue in, out;
    psk_rekey *rekey;                               /* of PSK_CORE_OPTION_REKEY */
    struct psk_loan *settling;                      /* what it takes to settle the turn; NULL where there is nothing to settle */
    uint32_t now, intermediate_at, final_at;        /* DTLS: the owner's milliseconds, and those of the retransmission timer */
    uint32_t timer_runs;
    uint32_t session_key_waits, keys_kept;          /* PSK_KEYS_.. */
    uint32_t record_limit;
    uint32_t ticket_waits;                          /* received, not taken by the owner yet */
    int32_t info[PSK_CORE_INFO_TRIAL + 1];          /* what psk_core_info gives; bytes on the wire stand still once connected */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    uint8_t key_block[PSK_KEY_BLOCK];               /* DTLS: for the day it is saved */
    uint8_t buffers[];                              /* of the queues */
};

/* Over TCP it speaks TLS 1.2 then. */
#define PSK_IN_SESSION_MODE(core) (((core)->options & PSK_CORE_OPTION_SESSION_KEY) != 0)

/* The handshake is over, or was never to be: takes note of what psk_core_info is to tell, before mbedTLS forgets it. */
void psk_core_note_connected(psk_core *core);

/* Ends the session with this error, and with an alert where mbedTLS has sent none itself. */
int32_t psk_core_fail(psk_core *core, int32_t error);
/* The same for what mbedTLS returned. */
int32_t psk_core_fail_as(psk_core *core, int result);
/* The same unless mbedTLS is done, or wants to be called again: PSK_CORE_DONE, PSK_CORE_WANTS_INPUT or PSK_CORE_WANTS_DRAIN. */
int32_t psk_core_outcome(psk_core *core, int result);
/* For what mbedTLS returned where there is no session to be ended: PSK_CORE_ERR_MEMORY or the other. */
int32_t psk_core_error_of(int result, int32_t other);

/* psk_core_write and psk_core_read, for a session that fetches a key too. */
int32_t psk_core_write_bytes(psk_core *core, const uint8_t *data, size_t length);
int32_t psk_core_read_bytes(psk_core *core, uint8_t *data, size_t size);

/* The request of a session that fetches a key, while its credential is at hand; 0 or an error. */
int32_t psk_rekey_prepare(psk_rekey *rekey, const psk_bundle *credential, const uint8_t *bundle, size_t length);
/* Wipes and frees what psk_core_open_slot allocated. */
void psk_slot_free(psk_core *core);

/* The two ends of mbedTLS's transport. */
int psk_core_send_bytes(void *context, const unsigned char *data, size_t length);
int psk_core_receive_bytes(void *context, unsigned char *data, size_t size);

/* psk_core_open once its arguments are known to be right. credential NULL: for an association, without a handshake. */
int32_t psk_core_make(psk_core **core, const psk_bundle *credential, bool datagrams, int32_t limit, uint32_t options);

/* What mbedTLS has to know before it is set up, by protocol; 0 or its error. */
int psk_tls_configure(psk_core *core);
int psk_dtls_configure(psk_core *core);
/* TLS 1.2, and what DTLS 1.2 has in common with it. */
int psk_tls12_configure(psk_core *core);
/* The max_fragment_length to ask for (RFC 6066 s4), by its code: the longest that the limit holds, at least 512. */
uint8_t psk_dtls_fragment_code(uint32_t limit);
#define PSK_FRAGMENT_LENGTH(code) (256u << (code))
/* What mbedTLS has to know afterwards. */
int psk_dtls_prepare(psk_core *core);
/* Looks at what the server has selected so far; 0: the handshake goes on, else an error of psk_error.h. */
int32_t psk_dtls_look(psk_core *core);
/* An association: its keys are kept when the handshake makes them; it is written, which gives its length; it is read into a session
 * that was just made. */
mbedtls_ssl_export_keys_t psk_association_keep_keys;
int32_t psk_association_write(const psk_core *core, uint8_t *out, size_t size);
int32_t psk_association_read(psk_core *core, const uint8_t *saved, size_t length);
/* The record size limit it was made with, or PSK_CORE_ERR_NO_ASSOCIATION: to be asked before psk_association_read. */
int32_t psk_association_limit(const uint8_t *saved, size_t length);
/* The key of a device in session mode, once both randoms are there: makes the PSK of the session, and is wiped. */
int32_t psk_session_key_use(psk_core *core);
/* The PSK of a session, 32 bytes, of the key and both randoms, the client's first, each without its first skipped bytes. */
int32_t psk_session_key_derive(const uint8_t *key, const uint8_t *randoms, size_t skipped, uint8_t *psk);
/* How much of a datagram consists of whole records; mbedTLS gives a session up at less than a header behind one. */
size_t psk_dtls_whole_records(const uint8_t *data, size_t length);

#endif
