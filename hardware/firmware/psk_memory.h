/* Remembers that memory was missing. mbedTLS tells it in many ways: as a fault of the server, as a signature that is wrong, and in one
 * place (the Finished of TLS 1.2) not at all. psk_mbedtls_config.h makes psk_calloc mbedTLS's calloc. */
#ifndef PSK_MEMORY_H
#define PSK_MEMORY_H

#include <stddef.h>

void *psk_calloc(size_t count, size_t size);
/* Forgets what was; and whether memory has been missing since, in this thread. */
void psk_memory_watch(void);
int psk_memory_was_missing(void);
/* Wipes what mbedtls_calloc gave, and frees it. NULL is allowed. */
void psk_memory_free(void *memory, size_t size);

#endif
