/* In place of psk_dtls.c in a build without DTLS (PSK_NO_DTLS): psk_core_open opens no such session. */
#include "psk_session.h"

uint8_t psk_dtls_fragment_code(uint32_t limit)
{
    (void) limit;
    return 0;
}

int psk_tls12_configure(psk_core *core)
{
    return psk_dtls_configure(core);
}

int psk_dtls_configure(psk_core *core)
{
    (void) core;
    return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
}

int psk_dtls_prepare(psk_core *core)
{
    return psk_dtls_configure(core);
}

int32_t psk_dtls_look(psk_core *core)
{
    (void) core;
    return PSK_CORE_ERR_UNSUPPORTED;
}

size_t psk_dtls_whole_records(const uint8_t *data, size_t length)
{
    return data == NULL ? 0 : length;
}

int32_t psk_core_set_first_timeout(psk_core *core, int32_t milliseconds)
{
    (void) milliseconds;
    return core == NULL ? PSK_CORE_ERR_ARGUMENT : PSK_CORE_ERR_UNSUPPORTED;
}

int32_t psk_core_tick(psk_core *core, uint32_t now)
{
    (void) now;
    return core == NULL ? PSK_CORE_ERR_ARGUMENT : core->failure;
}

int32_t psk_core_deadline(const psk_core *core)
{
    return core == NULL ? PSK_CORE_ERR_ARGUMENT : -1;
}

int32_t psk_core_save(psk_core *core, uint8_t *out, size_t size)
{
    (void) size;
    return core == NULL || out == NULL ? PSK_CORE_ERR_ARGUMENT : PSK_CORE_ERR_UNSUPPORTED;
}

int32_t psk_core_load(psk_core **core, const uint8_t *saved, size_t length, int32_t record_size, uint32_t options)
{
    (void) length;
    (void) record_size;
    (void) options;
    if (core == NULL || saved == NULL) return PSK_CORE_ERR_ARGUMENT;
    *core = NULL;
    return PSK_CORE_ERR_UNSUPPORTED;
}
