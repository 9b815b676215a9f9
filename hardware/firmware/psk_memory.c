#include "psk_memory.h"

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
