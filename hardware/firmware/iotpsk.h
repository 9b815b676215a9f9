/* The flat API: psk_core and the vault behind integer handles, as libiotpsk.so has it for a host and the interop assembly for a
 * board. With PSK_THREADS every function may be called from any thread; calls on one handle wait for each other. All return
 * >= 0, or a code of psk_error.h.
 * An open vault keeps the newest session ticket of each slot, in memory; importing into a slot or erasing it forgets it. */
#ifndef IOTPSK_H
#define IOTPSK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOTPSK_API __attribute__((visibility("default")))

/* Known answers of the cryptography, see psk_core_selftest; the first iotpsk_vault_open of a process goes through them too. */
IOTPSK_API int32_t iotpsk_selftest(void);

IOTPSK_API int32_t iotpsk_vault_open(const char *directory);
IOTPSK_API int32_t iotpsk_vault_import(int32_t vault, int32_t slot, const uint8_t *bundle, int32_t length);
IOTPSK_API int32_t iotpsk_vault_describe(int32_t vault, int32_t slot, uint8_t *out, int32_t size);
IOTPSK_API int32_t iotpsk_vault_erase(int32_t vault, int32_t slot);
IOTPSK_API int32_t iotpsk_vault_close(int32_t vault);

/* A ticket that an earlier session of the slot got is offered, and forgotten. options: see enum psk_core_option. */
IOTPSK_API int32_t iotpsk_open(int32_t vault, int32_t slot, int32_t protocol, int32_t record_size, int32_t options);
IOTPSK_API int32_t iotpsk_feed(int32_t session, const uint8_t *in, int32_t length);
IOTPSK_API int32_t iotpsk_step(int32_t session);
IOTPSK_API int32_t iotpsk_drain(int32_t session, uint8_t *out, int32_t size);
IOTPSK_API int32_t iotpsk_write(int32_t session, const uint8_t *in, int32_t length);
IOTPSK_API int32_t iotpsk_read(int32_t session, uint8_t *out, int32_t size);
IOTPSK_API int32_t iotpsk_close_notify(int32_t session);
/* A session with PSK_CORE_OPTION_REKEY, connected: see psk_core_rekey. The tickets of the slot are forgotten with it. */
IOTPSK_API int32_t iotpsk_rekey(int32_t session);
IOTPSK_API int32_t iotpsk_info(int32_t session, int32_t what);
IOTPSK_API int32_t iotpsk_close(int32_t session);

/* DTLS: time (see psk_core_tick), and sleep. iotpsk_save puts the association into the vault beside its credential and ends
 * the session, which is left to be closed; iotpsk_load opens a session with what was saved, which is erased before. */
IOTPSK_API int32_t iotpsk_set_first_timeout(int32_t session, int32_t milliseconds);
IOTPSK_API int32_t iotpsk_tick(int32_t session, int32_t now);
IOTPSK_API int32_t iotpsk_deadline(int32_t session);
IOTPSK_API int32_t iotpsk_save(int32_t session);
IOTPSK_API int32_t iotpsk_load(int32_t vault, int32_t slot, int32_t record_size, int32_t options);

IOTPSK_API const char *iotpsk_error_name(int32_t code);

/* Closes what is open, for a board whose runtime starts afresh; no other call may be under way. */
IOTPSK_API void iotpsk_close_all(void);

#ifdef __cplusplus
}
#endif

#endif
