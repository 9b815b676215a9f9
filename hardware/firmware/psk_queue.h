/* A bounded queue of bytes or datagrams over a buffer of its owner. */
#ifndef PSK_QUEUE_H
#define PSK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PSK_QUEUE_DATAGRAM_MAX 65535u

/* Two bytes, big endian. A call of this is shorter than what gcc makes of it in place. */
size_t psk_read_16(const uint8_t *at);

typedef struct psk_queue {
    uint8_t *buffer;
    size_t size;
    size_t used;        /* the oldest byte is the first */
    size_t prefix;      /* 2: it holds datagrams, each behind its length; 0: bytes */
} psk_queue;

void psk_queue_init(psk_queue *queue, uint8_t *buffer, size_t size, bool datagrams);
/* How much one put can take now. */
size_t psk_queue_room(const psk_queue *queue);
/* How many bytes were taken: fewer than given when the queue is full; a datagram is taken whole or not at all, an empty one never. */
size_t psk_queue_put(psk_queue *queue, const uint8_t *data, size_t length);
/* All bytes there are, or the length of the oldest datagram; 0: there is none. */
size_t psk_queue_next(const psk_queue *queue);
/* How many bytes were given: fewer than asked for when the queue runs empty; of the oldest datagram, the rest of which is lost. */
size_t psk_queue_get(psk_queue *queue, uint8_t *data, size_t size);

#endif
