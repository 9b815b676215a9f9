/* What the fuzzers share: a world in which everything repeats itself and nothing stops a changed byte on its way into the parsers.
 * Random numbers come from a counter, records are not encrypted but carry a tag of zeros, digests are zeros, and Finished and
 * binders are right (unless a fuzzer wants them compared). The linker puts this in place of the functions of PSA (--wrap). */
#ifndef FUZZING_H
#define FUZZING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "psk_core.h"

/* Who draws random numbers: each has a sequence of its own, which begins anew with fuzz_reset. */
enum side { DEVICE, SERVER };
extern enum side fuzz_side;
extern bool fuzz_compares;              /* Finished are compared */
void fuzz_reset(void);
/* How far the last session came. */
enum reached { NOWHERE, CONNECTED, READ };
extern enum reached fuzz_reached;
/* Takes all that the session has to send. */
void fuzz_drain(psk_core *core);
/* The handshake, as far as the input that was fed lets it go; PSK_CORE_DONE: it is over. */
int32_t fuzz_step(psk_core *core);

/* The input, taken from its beginning; what is not there any more is 0. */
typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

uint8_t take_byte(input *in);
size_t take_length(input *in);          /* two bytes, at most what is left */
const uint8_t *take(input *in, size_t length);

/* The same bundle always, with keys for both protocols. */
psk_bundle fuzz_bundle(void);

/* Sessions that live by an input. TLS: flags, with TLS_TICKET a ticket behind its length, then what the server sends. */
enum {
    TLS_PSK_KE = 1, TLS_TICKET = 2, TLS_COMPARES = 4, TLS_BYTEWISE = 8, TLS_WRITES = 16, TLS_NO_TICKETS = 32, TLS_RECORD = 192
};
psk_core *fuzz_open_tls(uint8_t flags);
void fuzz_tls(const uint8_t *data, size_t size);

/* DTLS: flags, with DTLS_LOAD a saved association behind its length, then events: a byte, and what belongs to it. */
enum { DTLS_CID = 1, DTLS_SESSION_KEY = 2, DTLS_COMPARES = 4, DTLS_LOAD = 8, DTLS_CHACHA = 16, DTLS_RECORD = 192 };
enum { EVENT_DATAGRAM = 0, EVENT_TICK = 1, EVENT_WRITE = 2, EVENT_SLEEP = 3, EVENT_CLOSE = 4, EVENTS = 5 };
int32_t fuzz_open_dtls(psk_core **core, uint8_t flags, const uint8_t *saved, size_t length);
void fuzz_dtls(const uint8_t *data, size_t size);

/* Re-keying: what the gateway sends, after a vault in memory was given the usual bundle. */
extern const psk_vault fuzz_store;
psk_core *fuzz_open_rekey(void);
void fuzz_rekey(const uint8_t *data, size_t size);

/* What must hold of any result. */
#define MUST(condition) do { if (!(condition)) __builtin_trap(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
