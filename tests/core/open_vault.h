/* A vault of the flat API in a directory of its own, which goes with the test. */
#ifndef OPEN_VAULT_H
#define OPEN_VAULT_H

#include <stdint.h>

extern int32_t vault;

/* Opens it, with the usual credential in slot 0. */
void open_vault(void);

#endif
