#include <string.h>

#include "harness.h"
#include "psk_queue.h"

TEST(queue_takes_no_more_than_its_size)
{
    uint8_t buffer[10], out[10];
    psk_queue queue;
    psk_queue_init(&queue, buffer, sizeof buffer, false);
    CHECK_EQUAL(10, psk_queue_put(&queue, (const uint8_t *) "0123456789ab", 12));
    CHECK_EQUAL(0, psk_queue_room(&queue));
    CHECK_EQUAL(0, psk_queue_put(&queue, (const uint8_t *) "c", 1));
    CHECK_EQUAL(10, psk_queue_get(&queue, out, sizeof out));
    CHECK(memcmp(out, "0123456789", 10) == 0);
    CHECK_EQUAL(0, psk_queue_get(&queue, out, sizeof out));
    CHECK_EQUAL(10, psk_queue_room(&queue));
}

TEST(queue_of_every_size_keeps_the_order_of_its_bytes)
{
    uint8_t buffer[64], in[64], out[64];
    for (size_t size = 1; size <= sizeof buffer; size++) {
        psk_queue queue;
        uint8_t written = 0, expected = 0;
        unsigned choice = 12345 + (unsigned) size;
        psk_queue_init(&queue, buffer, size, false);
        for (int round = 0; round < 2000; round++) {
            choice = choice * 1103515245u + 12345u;
            const size_t amount = choice >> 16 & 63u;
            if ((choice >> 30 & 1u) != 0) {
                for (size_t i = 0; i < amount; i++) in[i] = (uint8_t) (written + i);
                const size_t room = psk_queue_room(&queue), taken = psk_queue_put(&queue, in, amount);
                CHECK_EQUAL(amount < room ? amount : room, taken);
                written = (uint8_t) (written + taken);
            } else {
                const size_t given = psk_queue_get(&queue, out, amount);
                for (size_t i = 0; i < given; i++) CHECK_EQUAL(expected++, out[i]);
            }
            CHECK_EQUAL((uint8_t) (written - expected), queue.used);
        }
    }
}

TEST(queue_keeps_datagrams_whole_and_in_order)
{
    uint8_t buffer[40], out[40];
    psk_queue queue;
    unsigned choice = 7;
    uint8_t written = 0, expected = 0;
    psk_queue_init(&queue, buffer, sizeof buffer, true);
    CHECK_EQUAL(38, psk_queue_room(&queue));
    CHECK_EQUAL(0, psk_queue_put(&queue, out, 39));
    CHECK_EQUAL(0, psk_queue_put(&queue, out, 0));
    for (int round = 0; round < 5000; round++) {
        choice = choice * 1103515245u + 12345u;
        const size_t length = 1 + (choice >> 16) % 20;
        if ((choice >> 30 & 1u) != 0) {
            for (size_t i = 0; i < length; i++) out[i] = written;
            const size_t room = psk_queue_room(&queue), put = psk_queue_put(&queue, out, length);
            CHECK_EQUAL(room >= length ? length : 0, put);
            written = (uint8_t) (written + (put > 0));
        } else {
            const size_t next = psk_queue_next(&queue), size = (choice & 64u) != 0 ? sizeof out : 5;
            CHECK_EQUAL(next < size ? next : size, psk_queue_get(&queue, out, size));
            CHECK_EQUAL(next > 0, written != expected);
            if (next > 0) CHECK_EQUAL(expected++, out[0]);
        }
    }
}
