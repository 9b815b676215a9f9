#include "psk_queue.h"

#include <string.h>

void psk_queue_init(psk_queue *queue, uint8_t *buffer, size_t size)
{
    queue->buffer = buffer;
    queue->size = size;
    queue->head = 0;
    queue->used = 0;
}

size_t psk_queue_free(const psk_queue *queue)
{
    return queue->size - queue->used;
}

size_t psk_queue_put(psk_queue *queue, const uint8_t *data, size_t length)
{
    if (length > psk_queue_free(queue)) length = psk_queue_free(queue);
    if (length == 0) return 0;
    size_t tail = queue->head + queue->used;
    if (tail >= queue->size) tail -= queue->size;
    size_t first = queue->size - tail;
    if (first > length) first = length;
    memcpy(queue->buffer + tail, data, first);
    if (length > first) memcpy(queue->buffer, data + first, length - first);
    queue->used += length;
    return length;
}

size_t psk_queue_get(psk_queue *queue, uint8_t *data, size_t length)
{
    if (length > queue->used) length = queue->used;
    if (length == 0) return 0;
    size_t first = queue->size - queue->head;
    if (first > length) first = length;
    memcpy(data, queue->buffer + queue->head, first);
    if (length > first) memcpy(data + first, queue->buffer, length - first);
    queue->used -= length;
    queue->head = queue->used == 0 ? 0 : (queue->head + length) % queue->size;
    return length;
}

#define PREFIX_LENGTH 2u
#define DATAGRAM_MAX 65535u

size_t psk_queue_datagram_max(const psk_queue *queue)
{
    if (queue->size <= PREFIX_LENGTH) return 0;
    return queue->size - PREFIX_LENGTH < DATAGRAM_MAX ? queue->size - PREFIX_LENGTH : DATAGRAM_MAX;
}

size_t psk_queue_put_datagram(psk_queue *queue, const uint8_t *data, size_t length)
{
    const uint8_t prefix[PREFIX_LENGTH] = { (uint8_t) (length >> 8), (uint8_t) length };
    if (length == 0 || length > DATAGRAM_MAX || psk_queue_free(queue) < PREFIX_LENGTH + length) return 0;
    (void) psk_queue_put(queue, prefix, sizeof prefix);
    return psk_queue_put(queue, data, length);
}

size_t psk_queue_next_datagram(const psk_queue *queue)
{
    if (queue->used == 0) return 0;
    return (size_t) queue->buffer[queue->head] << 8 | queue->buffer[(queue->head + 1) % queue->size];
}

size_t psk_queue_get_datagram(psk_queue *queue, uint8_t *data, size_t size)
{
    uint8_t skipped[16];
    const size_t length = psk_queue_next_datagram(queue);
    if (length == 0) return 0;
    (void) psk_queue_get(queue, skipped, PREFIX_LENGTH);
    const size_t given = psk_queue_get(queue, data, size < length ? size : length);
    for (size_t rest = length - given; rest > 0; rest -= psk_queue_get(queue, skipped, rest < sizeof skipped ? rest : sizeof skipped)) { }
    return given;
}
