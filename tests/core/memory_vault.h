/* A vault in the memory of the test: slot 0 with its association and its successor. It allocates nothing. */
#ifndef MEMORY_VAULT_H
#define MEMORY_VAULT_H

#include "vault.h"

typedef struct places {
    size_t length[3];               /* of the credential, the association, the successor; 0: there is none */
    uint8_t record[3][PSK_VAULT_RECORD_MAX];
    int32_t write_result;           /* what every write comes to, if it is an error */
} places;

extern places kept;
extern const psk_vault memory_vault;

#endif
