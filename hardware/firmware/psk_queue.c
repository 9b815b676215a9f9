#include "psk_queue.h"

#include <string.h>

#define PREFIX_LENGTH 2u
#define DATAGRAM_MAX 65535u

void psk_queue_init(psk_queue *queue, uint8_t *buffer, size_t size)
{
    queue->buffer = buffer;
    queue->size = size;
    queue->used = 0;
}

size_t psk_queue_free(const psk_queue *queue)
{
    return queue->size - queue->used;
}

static void append(psk_queue *queue, const uint8_t *data, size_t length)
{
    memcpy(queue->buffer + queue->used, data, length);
    queue->used += length;
}

/* What is left moves to the front: a few hundred bytes at most, and mostly none. */
static void take(psk_queue *queue, size_t skipped, uint8_t *data, size_t given, size_t length)
{
    memcpy(data, queue->buffer + skipped, given);
    queue->used -= length;
    memmove(queue->buffer, queue->buffer + length, queue->used);
}

size_t psk_queue_put(psk_queue *queue, const uint8_t *data, size_t length)
{
    if (length > psk_queue_free(queue)) length = psk_queue_free(queue);
    if (length > 0) append(queue, data, length);
    return length;
}

size_t psk_queue_get(psk_queue *queue, uint8_t *data, size_t length)
{
    if (length > queue->used) length = queue->used;
    if (length > 0) take(queue, 0, data, length, length);
    return length;
}

size_t psk_queue_datagram_max(const psk_queue *queue)
{
    if (queue->size <= PREFIX_LENGTH) return 0;
    return queue->size - PREFIX_LENGTH < DATAGRAM_MAX ? queue->size - PREFIX_LENGTH : DATAGRAM_MAX;
}

size_t psk_queue_put_datagram(psk_queue *queue, const uint8_t *data, size_t length)
{
    const uint8_t prefix[PREFIX_LENGTH] = { (uint8_t) (length >> 8), (uint8_t) length };
    if (length == 0 || length > DATAGRAM_MAX || psk_queue_free(queue) < PREFIX_LENGTH + length) return 0;
    append(queue, prefix, sizeof prefix);
    append(queue, data, length);
    return length;
}

size_t psk_queue_next_datagram(const psk_queue *queue)
{
    return queue->used == 0 ? 0 : (size_t) queue->buffer[0] << 8 | queue->buffer[1];
}

size_t psk_queue_get_datagram(psk_queue *queue, uint8_t *data, size_t size)
{
    const size_t length = psk_queue_next_datagram(queue), given = size < length ? size : length;
    if (length > 0) take(queue, PREFIX_LENGTH, data, given, PREFIX_LENGTH + length);
    return given;
}
