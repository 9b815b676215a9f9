/* What cuts the ends of datagrams off, and the queues, against plain ones. The first byte is the size of a queue; then each
 * byte is a piece of so many bytes to be put in (even) or taken out (odd); at last the input is a datagram itself. */
#include <string.h>

#include "../../../hardware/firmware/psk_queue.h"
#include "../../../hardware/firmware/psk_session.h"
#include "fuzzing.h"

#define HEADER 13u

/* Records as RFC 6347 s4.1 lays them out, one after the other, by another way than the core goes. */
static size_t whole_records(const uint8_t *data, size_t length)
{
    size_t at = 0, end;
    for (;;) {
        if (length - at < HEADER) return at;
        end = at + HEADER + data[at + 11] * 256u + data[at + 12];
        if (end > length) return at;
        at = end;
    }
}

static void check_bytes(const uint8_t *data, size_t size)
{
    uint8_t buffer[256], model[256], out[256];
    size_t used = 0;
    psk_queue queue;
    psk_queue_init(&queue, buffer, 1 + (size_t) data[0] % 255, false);
    for (size_t i = 1; i < size; i++) {
        const size_t piece = data[i] >> 1;
        if ((data[i] & 1) == 0) {
            const size_t length = piece < size - i ? piece : size - i, taken = psk_queue_put(&queue, data + i, length);
            MUST(taken == (length < queue.size - used ? length : queue.size - used));
            memcpy(model + used, data + i, taken);
            used += taken;
        } else {
            const size_t given = psk_queue_get(&queue, out, piece);
            MUST(given == (piece < used ? piece : used) && memcmp(out, model, given) == 0);
            used -= given;
            memmove(model, model + given, used);
        }
        MUST(queue.used == used && psk_queue_room(&queue) == queue.size - used);
    }
}

static void check_datagrams(const uint8_t *data, size_t size)
{
    uint8_t buffer[300], out[300], kept[300], lengths[300];
    size_t count = 0, used = 0;
    psk_queue queue;
    psk_queue_init(&queue, buffer, 3 + (size_t) data[0], true);
    for (size_t i = 1; i < size; i++) {
        const size_t piece = data[i] >> 1;
        if ((data[i] & 1) == 0 && piece > 0 && piece <= size - i) {
            if (psk_queue_put(&queue, data + i, piece) == 0) continue;
            memcpy(kept + used, data + i, piece);
            used += piece;
            lengths[count++] = (uint8_t) piece;
        } else if (count > 0) {
            MUST(psk_queue_next(&queue) == lengths[0]);
            MUST(psk_queue_get(&queue, out, sizeof out) == lengths[0] && memcmp(out, kept, lengths[0]) == 0);
            used -= lengths[0];
            memmove(kept, kept + lengths[0], used);
            memmove(lengths, lengths + 1, --count);
        }
        MUST((count == 0) == (psk_queue_next(&queue) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    check_bytes(data, size);
    check_datagrams(data, size);
    MUST(psk_dtls_whole_records(data, size) == whole_records(data, size));
    return 0;
}
