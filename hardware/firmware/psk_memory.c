#include "psk_memory.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>

#ifdef PSK_THREADS
static _Thread_local int missing;
#else
static int missing;
#endif

void *psk_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) missing = 1;
    return memory;
}

void psk_memory_watch(void)
{
    missing = 0;
}

int psk_memory_was_missing(void)
{
    return missing;
}

void psk_memory_free(void *memory, size_t size)
{
    if (memory == NULL) return;
    mbedtls_platform_zeroize(memory, size);
    mbedtls_free(memory);
}
