/* A bounded queue of bytes or datagrams over a buffer of its owner. */
#ifndef PSK_QUEUE_H
#define PSK_QUEUE_H

#include <stddef.h>
#include <stdint.h>

typedef struct psk_queue {
    uint8_t *buffer;
    size_t size;
    size_t used;        /* the oldest byte is the first */
} psk_queue;

void psk_queue_init(psk_queue *queue, uint8_t *buffer, size_t size);
size_t psk_queue_free(const psk_queue *queue);
/* Both return how many bytes were moved: fewer than asked for when the queue is full or runs empty. */
size_t psk_queue_put(psk_queue *queue, const uint8_t *data, size_t length);
size_t psk_queue_get(psk_queue *queue, uint8_t *data, size_t length);

/* The same queue holding whole datagrams, each behind its length. */
size_t psk_queue_datagram_max(const psk_queue *queue);
/* length, or 0: there is no room for it now. */
size_t psk_queue_put_datagram(psk_queue *queue, const uint8_t *data, size_t length);
/* The length of the oldest; 0: there is none. */
size_t psk_queue_next_datagram(const psk_queue *queue);
/* Takes the oldest, up to size bytes of it; the rest of it is lost. */
size_t psk_queue_get_datagram(psk_queue *queue, uint8_t *data, size_t size);

#endif
