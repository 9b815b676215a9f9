/* What the core needs of the platform on Linux: random numbers, and a vault in a directory. */
#include <errno.h>
#include <psa/crypto.h>
#include <sys/random.h>

#include "psk_port.h"
#include "vault_file.h"

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *output,
                                             size_t output_size, size_t *output_length)
{
    (void) context;
    *output_length = 0;
    while (*output_length < output_size) {
        const ssize_t got = getrandom(output + *output_length, output_size - *output_length, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return PSA_ERROR_INSUFFICIENT_ENTROPY;
        *output_length += (size_t) got;
    }
    return PSA_SUCCESS;
}

int32_t psk_port_vault_open(const char *directory, psk_vault *vault)
{
    return psk_vault_file_open(directory, vault);
}

void psk_port_vault_close(psk_vault *vault)
{
    psk_vault_file_close(vault);
}
