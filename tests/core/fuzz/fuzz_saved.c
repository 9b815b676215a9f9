/* A saved association that is anything at all, and life with it. */
#include <string.h>

#include "fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t input[1 + 4096];
    if (size == 0 || size > sizeof input) return 0;
    memcpy(input, data, size);
    input[0] |= DTLS_LOAD;
    fuzz_dtls(input, size);
    return 0;
}
