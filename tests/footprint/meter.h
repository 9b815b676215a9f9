/* Meters of the bare-metal programs: heap of the device, its stack, its instructions. The device's objects are compiled with calloc,
 * malloc and free renamed to the three below; what the server allocates is not counted. */
#ifndef METER_H
#define METER_H

#include <stddef.h>
#include <stdint.h>

void *device_calloc(size_t count, size_t size);
void *device_malloc(size_t size);
void device_free(void *block);

typedef struct meter {
    uint32_t heap, heap_peak, blocks_peak;      /* bytes asked for; blocks at one time */
    uint32_t blocks;
    uint32_t stack_peak;                        /* below the caller of meter_begin */
    uint64_t instructions;                      /* between begin and end, added up */
} meter;

extern meter device;

/* Both around every call of the device. */
void meter_begin(void);
void meter_end(void);
/* Forgets peaks and sums; what is allocated stays counted. */
void meter_reset(void);

#define MEASURE(call) do { meter_begin(); call; meter_end(); } while (0)

#endif
