/* What the core needs of the platform on Linux: random numbers. */
#include <errno.h>
#include <psa/crypto.h>
#include <sys/random.h>

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
