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
