#include "iotpsk.h"

#include <stdlib.h>

#include "handles.h"
#include "psk_core.h"
#include "vault_file.h"

int32_t iotpsk_vault_open(const char *directory)
{
    psk_vault *vault = calloc(1, sizeof *vault);
    if (vault == NULL) return PSK_CORE_ERR_MEMORY;
    int32_t result = psk_vault_file_open(directory, vault);
    if (result == 0) result = handle_new(HANDLE_VAULT, vault);
    if (result < 0) {
        psk_vault_file_close(vault);
        free(vault);
    }
    return result;
}

int32_t iotpsk_vault_import(int32_t vault, int32_t slot, const uint8_t *bundle, int32_t length)
{
    if (length < 0) return PSK_CORE_ERR_ARGUMENT;
    const psk_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_vault_import(held, slot, bundle, (size_t) length);
    handle_release(vault);
    return result;
}

int32_t iotpsk_vault_describe(int32_t vault, int32_t slot, uint8_t *out, int32_t size)
{
    if (size < 0) return PSK_CORE_ERR_ARGUMENT;
    const psk_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_vault_describe(held, slot, out, (size_t) size);
    handle_release(vault);
    return result;
}

int32_t iotpsk_vault_erase(int32_t vault, int32_t slot)
{
    const psk_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_vault_erase(held, slot);
    handle_release(vault);
    return result;
}

int32_t iotpsk_vault_close(int32_t vault)
{
    psk_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    handle_end(vault);
    psk_vault_file_close(held);
    free(held);
    return 0;
}

int32_t iotpsk_open(int32_t vault, int32_t slot, int32_t protocol, int32_t record_size)
{
    psk_core *core = NULL;
    const psk_vault *held = handle_acquire(vault, HANDLE_VAULT);
    if (held == NULL) return PSK_CORE_ERR_HANDLE;
    int32_t result = psk_core_open_slot(&core, held, slot, protocol, record_size);
    handle_release(vault);
    if (result < 0) return result;
    result = handle_new(HANDLE_SESSION, core);
    if (result < 0) psk_core_free(core);
    return result;
}

int32_t iotpsk_feed(int32_t session, const uint8_t *in, int32_t length)
{
    if (length < 0) return PSK_CORE_ERR_ARGUMENT;
    psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_feed(core, in, (size_t) length);
    handle_release(session);
    return result;
}

int32_t iotpsk_step(int32_t session)
{
    psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_step(core);
    handle_release(session);
    return result;
}

int32_t iotpsk_drain(int32_t session, uint8_t *out, int32_t size)
{
    if (size < 0) return PSK_CORE_ERR_ARGUMENT;
    psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_drain(core, out, (size_t) size);
    handle_release(session);
    return result;
}

int32_t iotpsk_write(int32_t session, const uint8_t *in, int32_t length)
{
    if (length < 0) return PSK_CORE_ERR_ARGUMENT;
    psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_write(core, in, (size_t) length);
    handle_release(session);
    return result;
}

int32_t iotpsk_read(int32_t session, uint8_t *out, int32_t size)
{
    if (size < 0) return PSK_CORE_ERR_ARGUMENT;
    psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_read(core, out, (size_t) size);
    handle_release(session);
    return result;
}

int32_t iotpsk_close_notify(int32_t session)
{
    psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_close_notify(core);
    handle_release(session);
    return result;
}

int32_t iotpsk_info(int32_t session, int32_t what)
{
    const psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    const int32_t result = psk_core_info(core, what);
    handle_release(session);
    return result;
}

int32_t iotpsk_close(int32_t session)
{
    psk_core *core = handle_acquire(session, HANDLE_SESSION);
    if (core == NULL) return PSK_CORE_ERR_HANDLE;
    handle_end(session);
    psk_core_free(core);
    return 0;
}

const char *iotpsk_error_name(int32_t code)
{
    return psk_core_error_name(code);
}
