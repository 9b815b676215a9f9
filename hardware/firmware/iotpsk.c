#include "iotpsk.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <stdbool.h>

#include "handles.h"
#include "psk_core.h"
#include "psk_port.h"
#include "tickets.h"

typedef struct open_vault {
    psk_vault vault;
    tickets tickets;
    uint32_t *generations;      /* of each slot, counts the credentials that came and went: what belongs to an old one is not kept */
} open_vault;

typedef struct open_session {
    psk_core *core;
    int32_t vault, slot;        /* where its tickets go, if the vault is still open then */
    uint32_t generation;
} open_session;

static void forget(open_vault *vault, int32_t slot)
{
    if (slot < 0 || slot >= PSK_VAULT_SLOTS) return;
    vault->generations[slot]++;
    tickets_forget(&vault->tickets, slot);
}

static void discard(open_vault *vault)
{
    psk_port_vault_close(&vault->vault);
    tickets_free(&vault->tickets);
    mbedtls_free(vault->generations);
    mbedtls_free(vault);
}

int32_t iotpsk_selftest(void)
{
    return psk_core_selftest();
}

int32_t iotpsk_vault_open(const char *directory)
{
    static _Atomic bool tested;
    const int32_t tests = tested ? 0 : psk_core_selftest();
    if (tests < 0) return tests;
    tested = true;
    open_vault *opened = mbedtls_calloc(1, sizeof *opened);
    if (opened == NULL) return PSK_CORE_ERR_MEMORY;
    opened->generations = mbedtls_calloc(PSK_VAULT_SLOTS, sizeof *opened->generations);
    int32_t result = opened->generations == NULL ? PSK_CORE_ERR_MEMORY : psk_port_vault_open(directory, &opened->vault);
    if (result == 0) result = handle_new(HANDLE_VAULT, opened);
    if (result < 0) discard(opened);
    return result;
}

int32_t iotpsk_vault_import(int32_t vault, int32_t slot, const uint8_t *bundle, int32_t length)
{
    if (length < 0) return PSK_CORE_ERR_ARGUMENT;
    open_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_vault_import(&held->vault, slot, bundle, (size_t) length);
    if (result == 0) forget(held, slot);
    handle_release(vault);
    return result;
}

int32_t iotpsk_vault_describe(int32_t vault, int32_t slot, uint8_t *out, int32_t size)
{
    if (size < 0) return PSK_CORE_ERR_ARGUMENT;
    const open_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_vault_describe(&held->vault, slot, out, (size_t) size);
    handle_release(vault);
    return result;
}

int32_t iotpsk_vault_erase(int32_t vault, int32_t slot)
{
    open_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_vault_erase(&held->vault, slot);
    forget(held, slot);
    handle_release(vault);
    return result;
}

int32_t iotpsk_vault_close(int32_t vault)
{
    open_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    handle_end(vault);
    discard(held);
    return 0;
}

/* The ticket is gone from the vault before it is offered: whatever happens then, no later session offers it again. */
static int32_t open_core(open_vault *vault, int32_t protocol, int32_t record_size, int32_t options, open_session *out)
{
    uint8_t ticket[PSK_TICKET_MAX];
    const int32_t result = psk_core_open_slot(&out->core, &vault->vault, out->slot, protocol, record_size, (uint32_t) options);
    if (result < 0 || protocol != PSK_CORE_TLS13 || (options & (PSK_CORE_OPTION_NO_TICKETS | PSK_CORE_OPTION_REKEY)) != 0) return result;
    const size_t length = tickets_take(&vault->tickets, out->slot, ticket);
    if (length > 0) (void) psk_core_offer_ticket(out->core, ticket, length);
    mbedtls_platform_zeroize(ticket, sizeof ticket);
    return 0;
}

static int32_t new_session(int32_t vault, int32_t slot, int32_t protocol, int32_t record_size, int32_t options, bool load)
{
    if (options < 0) return PSK_CORE_ERR_ARGUMENT;
    open_session *session = mbedtls_calloc(1, sizeof *session);
    if (session == NULL) return PSK_CORE_ERR_MEMORY;
    session->vault = vault;
    session->slot = slot;
    open_vault *held = handle_acquire(vault, HANDLE_VAULT);
    int32_t result = PSK_CORE_ERR_HANDLE;
    if (held != NULL) {
        result = load ? psk_core_load_slot(&session->core, &held->vault, slot, record_size, (uint32_t) options)
                      : open_core(held, protocol, record_size, options, session);
        if (result == 0) session->generation = held->generations[slot];
        handle_release(vault);
    }
    if (result == 0) result = handle_new(HANDLE_SESSION, session);
    if (result < 0) {
        psk_core_free(session->core);
        mbedtls_free(session);
    }
    return result;
}

int32_t iotpsk_open(int32_t vault, int32_t slot, int32_t protocol, int32_t record_size, int32_t options)
{
    return new_session(vault, slot, protocol, record_size, options, false);
}

int32_t iotpsk_load(int32_t vault, int32_t slot, int32_t record_size, int32_t options)
{
    return new_session(vault, slot, PSK_CORE_DTLS12, record_size, options, true);
}

/* The vault of a session, if it is still open and the credential the one that the session was opened with. A session is
 * locked before its vault; nobody does it the other way round. */
static open_vault *acquire_vault_of(const open_session *session)
{
    open_vault *held = handle_acquire(session->vault, HANDLE_VAULT);
    if (held == NULL || held->generations[session->slot] == session->generation) return held;
    handle_release(session->vault);
    return NULL;
}

static void keep_ticket(const open_session *session)
{
    uint8_t ticket[PSK_TICKET_MAX];
    const int32_t length = psk_core_take_ticket(session->core, ticket, sizeof ticket);
    if (length <= 0) return;
    open_vault *held = acquire_vault_of(session);
    if (held != NULL) {
        tickets_keep(&held->tickets, session->slot, ticket, (size_t) length);
        handle_release(session->vault);
    }
    mbedtls_platform_zeroize(ticket, sizeof ticket);
}

/* The result of a call on the core of an open session, locked meanwhile. */
#define ON_SESSION(session, call)                                                   \
    do {                                                                            \
        const open_session *held = handle_acquire(session, HANDLE_SESSION);         \
        if (held == NULL) return PSK_CORE_ERR_HANDLE;                               \
        const int32_t result = (call);                                              \
        handle_release(session);                                                    \
        return result;                                                              \
    } while (0)

int32_t iotpsk_feed(int32_t session, const uint8_t *in, int32_t length)
{
    if (length < 0) return PSK_CORE_ERR_ARGUMENT;
    ON_SESSION(session, psk_core_feed(held->core, in, (size_t) length));
}

/* The vault learns how the credential fared. That it cannot be written now is no error of the session: the next one tells it again. */
static void settle(const open_session *session)
{
    const open_vault *held = acquire_vault_of(session);
    if (held == NULL) return;
    (void) psk_core_settle_slot(session->core, &held->vault, session->slot);
    handle_release(session->vault);
}

int32_t iotpsk_step(int32_t session)
{
    const open_session *held = handle_acquire(session, HANDLE_SESSION);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_step(held->core);
    if (result == PSK_CORE_DONE || result < 0) settle(held);
    handle_release(session);
    return result;
}

int32_t iotpsk_rekey(int32_t session)
{
    const open_session *held = handle_acquire(session, HANDLE_SESSION);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    int32_t result = PSK_CORE_ERR_HANDLE;
    open_vault *vault = acquire_vault_of(held);
    if (vault != NULL) {
        result = psk_core_rekey(held->core, &vault->vault, held->slot);
        /* From here on sessions are opened with the new key: no ticket of the old one stands before it. */
        if (result == PSK_CORE_DONE) forget(vault, held->slot);
        handle_release(held->vault);
    }
    handle_release(session);
    return result;
}

int32_t iotpsk_drain(int32_t session, uint8_t *out, int32_t size)
{
    if (size < 0) return PSK_CORE_ERR_ARGUMENT;
    ON_SESSION(session, psk_core_drain(held->core, out, (size_t) size));
}

int32_t iotpsk_write(int32_t session, const uint8_t *in, int32_t length)
{
    if (length < 0) return PSK_CORE_ERR_ARGUMENT;
    ON_SESSION(session, psk_core_write(held->core, in, (size_t) length));
}

int32_t iotpsk_read(int32_t session, uint8_t *out, int32_t size)
{
    if (size < 0) return PSK_CORE_ERR_ARGUMENT;
    const open_session *held = handle_acquire(session, HANDLE_SESSION);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_read(held->core, out, (size_t) size);
    keep_ticket(held);
    handle_release(session);
    return result;
}

int32_t iotpsk_close_notify(int32_t session)
{
    ON_SESSION(session, psk_core_close_notify(held->core));
}

int32_t iotpsk_info(int32_t session, int32_t what)
{
    ON_SESSION(session, psk_core_info(held->core, what));
}

int32_t iotpsk_set_first_timeout(int32_t session, int32_t milliseconds)
{
    ON_SESSION(session, psk_core_set_first_timeout(held->core, milliseconds));
}

int32_t iotpsk_tick(int32_t session, int32_t now)
{
    ON_SESSION(session, psk_core_tick(held->core, (uint32_t) now));
}

int32_t iotpsk_deadline(int32_t session)
{
    ON_SESSION(session, psk_core_deadline(held->core));
}

int32_t iotpsk_save(int32_t session)
{
    const open_session *held = handle_acquire(session, HANDLE_SESSION);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    int32_t result = PSK_CORE_ERR_HANDLE;
    const open_vault *vault = acquire_vault_of(held);
    if (vault != NULL) {
        result = psk_core_save_slot(held->core, &vault->vault, held->slot);
        handle_release(held->vault);
    }
    handle_release(session);
    return result;
}

int32_t iotpsk_close(int32_t session)
{
    open_session *held = handle_acquire(session, HANDLE_SESSION);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    handle_end(session);
    psk_core_free(held->core);
    mbedtls_free(held);
    return 0;
}

void iotpsk_close_all(void)
{
    for (int32_t handle = handle_any(HANDLE_SESSION); handle > 0; handle = handle_any(HANDLE_SESSION)) (void) iotpsk_close(handle);
    for (int32_t handle = handle_any(HANDLE_VAULT); handle > 0; handle = handle_any(HANDLE_VAULT)) (void) iotpsk_vault_close(handle);
}

const char *iotpsk_error_name(int32_t code)
{
    return psk_core_error_name(code);
}
