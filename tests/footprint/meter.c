#include "meter.h"

#include <string.h>

#include <psa/crypto.h>

#define PAINTED 12288u
#define PAINT 0xa5
#define MARGIN 64u                  /* below the frame of meter_begin itself */
#define ARENA 49152u

/* The heap of the device. picolibc's malloc fills with zeros what it gives, which that of a board does not. */
typedef struct block {
    uint32_t room;                  /* bytes behind this; 0: never used */
    uint32_t asked;                 /* of them, and 1; 0: free */
} block;

meter device;
static block arena[ARENA / sizeof(block)];
static uint8_t *painted;            /* the lowest painted byte */
static uint64_t began;

#define CSR(name) ".option push\n.option arch, +zicsr\ncsrr %0, " name "\n.option pop"

static uint64_t count(void)
{
    uint32_t low, high, again;
    do {
        __asm__ volatile(CSR("minstreth") : "=r"(high));
        __asm__ volatile(CSR("minstret") : "=r"(low));
        __asm__ volatile(CSR("minstreth") : "=r"(again));
    } while (high != again);
    return (uint64_t) high << 32 | low;
}

static block *behind(block *of)
{
    return of + 1 + of->room / sizeof *of;
}

static void *take(block *of, uint32_t size)
{
    const uint32_t room = (size + sizeof *of - 1) / sizeof *of * sizeof *of;
    if (of->room > room + sizeof *of) {
        block *rest = of + 1 + room / sizeof *of;
        rest->room = of->room - room - sizeof *of;
        rest->asked = 0;
        of->room = room;
    }
    of->asked = size + 1;
    device.heap += size;
    device.blocks++;
    if (device.heap > device.heap_peak) device.heap_peak = device.heap;
    if (device.blocks > device.blocks_peak) device.blocks_peak = device.blocks;
    return of + 1;
}

/* First fit over blocks that lie one behind the other. The first block is all of the arena, once it is asked for. */
void *device_malloc(size_t size)
{
    uint8_t *end = (uint8_t *) arena + sizeof arena;
    block *at = arena;
    if (at->room == 0) at->room = sizeof arena - sizeof *at;
    for (; (uint8_t *) at < end; at = behind(at)) {
        if (at->asked != 0) continue;
        for (const block *next = behind(at); (const uint8_t *) next < end && next->asked == 0; next = behind(at)) at->room += (uint32_t) sizeof *at + next->room;
        if (at->room >= size) return take(at, (uint32_t) size);
    }
    return NULL;
}

void *device_calloc(size_t items, size_t size)
{
    void *memory = device_malloc(items * size);
    return memory == NULL ? NULL : memset(memory, 0, items * size);
}

void device_free(void *pointer)
{
    if (pointer == NULL) return;
    block *of = (block *) pointer - 1;
    device.heap -= of->asked - 1;
    device.blocks--;
    of->asked = 0;
}

__attribute__((noinline)) void meter_begin(void)
{
    uint8_t *here = __builtin_frame_address(0);
    painted = here - PAINTED;
    for (volatile uint8_t *at = painted; at < here - MARGIN; at++) *at = PAINT;
    began = count();
}

__attribute__((noinline)) void meter_end(void)
{
    device.instructions += count() - began;
    const uint8_t *here = __builtin_frame_address(0);
    const volatile uint8_t *at = painted;
    while (at < here - MARGIN && *at == PAINT) at++;
    const uint32_t used = (uint32_t) (here - (const uint8_t *) at);
    if (used > device.stack_peak) device.stack_peak = used;
}

void meter_reset(void)
{
    device.heap_peak = device.heap;
    device.blocks_peak = device.blocks;
    device.stack_peak = 0;
    device.instructions = 0;
}

/* For device and server alike: numbers that repeat from run to run. */
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *out, size_t size, size_t *length)
{
    static uint32_t drawn;
    (void) context;
    for (size_t i = 0; i < size; i++) {
        const uint32_t number = drawn++ * 2654435761u;
        out[i] = (uint8_t) (number >> 13 ^ number >> 24);
    }
    *length = size;
    return PSA_SUCCESS;
}
