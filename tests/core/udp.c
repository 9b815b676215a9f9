#define _GNU_SOURCE
#include "udp.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define PATIENCE_MS 20000

static uint32_t now_ms(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t) (now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

void udp_open(udp_wire *out, psk_core *core, const peer *server)
{
    memset(out, 0, sizeof *out);
    out->core = core;
    out->socket = peer_connect(server);
    CHECK_EQUAL(0, psk_core_tick(core, now_ms()));
}

void udp_close(udp_wire *open)
{
    psk_core_free(open->core);
    (void) close(open->socket);
}

void udp_flush(udp_wire *open)
{
    uint8_t out[2048];
    for (;;) {
        const int32_t length = psk_core_drain(open->core, out, sizeof out);
        CHECK(length >= 0);
        if (length == 0) return;
        if (open->sent++ == 0) open->first_type = out[0];
        CHECK_EQUAL(length, send(open->socket, out, (size_t) length, MSG_NOSIGNAL));
    }
}

/* Waits for a datagram, or for the retransmission timer. */
static void receive(udp_wire *open)
{
    uint8_t in[4096];
    struct pollfd ready = { .fd = open->socket, .events = POLLIN };
    const int32_t deadline = psk_core_deadline(open->core);
    const int events = poll(&ready, 1, deadline < 0 ? PATIENCE_MS : deadline);
    CHECK(events >= 0 && (events > 0 || deadline >= 0));
    (void) psk_core_tick(open->core, now_ms());
    if (events == 0) return;
    const ssize_t got = recv(open->socket, in, sizeof in, 0);
    CHECK(got > 0);
    open->received++;
    if ((size_t) got > open->largest) open->largest = (size_t) got;
    CHECK_EQUAL(got, psk_core_feed(open->core, in, (size_t) got));
}

int32_t udp_handshake(udp_wire *open)
{
    for (;;) {
        const int32_t result = psk_core_step(open->core);
        udp_flush(open);
        if (result == PSK_CORE_DONE || result < 0) return result;
        if (result == PSK_CORE_WANTS_INPUT) receive(open);
    }
}

int32_t udp_write(udp_wire *open, const void *data, size_t length)
{
    const int32_t taken = psk_core_write(open->core, data, length);
    if (taken < 0) return taken;
    CHECK_EQUAL(length, taken);
    udp_flush(open);
    return 0;
}

int32_t udp_read(udp_wire *open, void *data, size_t size)
{
    for (;;) {
        const int32_t got = psk_core_read(open->core, data, size);
        if (got != 0) {
            udp_flush(open);
            return got;
        }
        receive(open);
    }
}
