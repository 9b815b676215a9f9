#include "psk_queue.h"

#include <string.h>

#define PREFIX_LENGTH 2u

size_t psk_read_16(const uint8_t *at)
{
    return (size_t) at[0] << 8 | at[1];
}

void psk_queue_init(psk_queue *queue, uint8_t *buffer, size_t size, bool datagrams)
{
    queue->buffer = buffer;
    queue->size = size;
    queue->used = 0;
    queue->prefix = datagrams ? PREFIX_LENGTH : 0;
}

size_t psk_queue_room(const psk_queue *queue)
{
    const size_t taken = queue->used + queue->prefix;
    return taken < queue->size ? queue->size - taken : 0;
}

size_t psk_queue_put(psk_queue *queue, const uint8_t *data, size_t length)
{
    const size_t room = psk_queue_room(queue);
    if (length > room) length = queue->prefix != 0 ? 0 : room;
    if (length == 0) return 0;
    uint8_t *end = queue->buffer + queue->used;
    if (queue->prefix != 0) {
        *end++ = (uint8_t) (length >> 8);
        *end++ = (uint8_t) length;
    }
    memcpy(end, data, length);
    queue->used += queue->prefix + length;
    return length;
}

size_t psk_queue_next(const psk_queue *queue)
{
    return queue->prefix == 0 || queue->used == 0 ? queue->used : psk_read_16(queue->buffer);
}

size_t psk_queue_get(psk_queue *queue, uint8_t *data, size_t size)
{
    const size_t next = psk_queue_next(queue), given = size < next ? size : next;
    if (given == 0) return 0;
    memcpy(data, queue->buffer + queue->prefix, given);
    /* What is left moves to the front: a few hundred bytes at most, and mostly none. */
    const size_t gone = queue->prefix != 0 ? queue->prefix + next : given;
    queue->used -= gone;
    memmove(queue->buffer, queue->buffer + gone, queue->used);
    return given;
}
