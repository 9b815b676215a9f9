/* The client over TCP. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

typedef struct session {
    psk_core *core;
    int socket;
    long deadline;              /* monotonic ms until which the peer must have answered; -1: none */
    size_t pending_length;      /* of pending, read from the socket and not yet taken by the core */
    uint8_t pending[4096];
} session;

static bool flush(session *open)
{
    uint8_t out[2048];
    for (;;) {
        const int32_t length = psk_core_drain(open->core, out, sizeof out);
        if (length <= 0) return length == 0;
        for (int32_t sent = 0; sent < length;) {
            const ssize_t now = send(open->socket, out + sent, (size_t) (length - sent), MSG_NOSIGNAL);
            if (now < 0 && errno == EINTR) continue;
            if (now < 0) return false;
            sent += (int32_t) now;
        }
    }
}

/* Gives the core what the socket has. 1: some, 0: the peer ended the stream, -1: error or time-out. */
static int receive(session *open)
{
    if (open->pending_length == 0) {
        struct pollfd ready = { .fd = open->socket, .events = POLLIN };
        if (poll(&ready, 1, client_milliseconds_until(open->deadline)) <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        const ssize_t got = recv(open->socket, open->pending, sizeof open->pending, 0);
        if (got <= 0) return (int) got;
        open->pending_length = (size_t) got;
    }
    const int32_t taken = psk_core_feed(open->core, open->pending, open->pending_length);
    if (taken < 0) return -1;
    open->pending_length -= (size_t) taken;
    memmove(open->pending, open->pending + taken, open->pending_length);
    return 1;
}

static int handshake(session *open)
{
    for (;;) {
        const int32_t result = psk_core_step(open->core);
        const bool flushed = flush(open);
        if (result < 0) return client_report(open->core, "TLS", result);
        if (result == PSK_CORE_DONE) return EXIT_SUCCESS;
        if (!flushed) return client_fail("sending", strerror(errno));
        if (result == PSK_CORE_WANTS_DRAIN) continue;
        const int received = receive(open);
        if (received == 0) return client_fail("handshake", "the server closed the connection");
        if (received < 0) return client_fail("handshake", strerror(errno));
    }
}

static int send_plaintext(session *open, const uint8_t *data, size_t length)
{
    while (length > 0) {
        const int32_t taken = psk_core_write(open->core, data, length);
        if (taken < 0) return client_report(open->core, "TLS", taken);
        if (!flush(open)) return client_fail("sending", strerror(errno));
        data += taken;
        length -= (size_t) taken;
    }
    return EXIT_SUCCESS;
}

/* Prints all plaintext there is. 0: go on, 1: closed by the peer, -1: error (reported). */
static int print_plaintext(session *open)
{
    uint8_t data[4096];
    for (;;) {
        const int32_t length = psk_core_read(open->core, data, sizeof data);
        if (length == PSK_CORE_ERR_CLOSED) return 1;
        if (length < 0) {
            (void) flush(open);
            (void) client_report(open->core, "TLS", length);
            return -1;
        }
        if (length > 0) {
            (void) fwrite(data, 1, (size_t) length, stdout);
            (void) fflush(stdout);
        } else if (open->pending_length == 0) {
            return 0;
        } else if (receive(open) <= 0) {
            return -1;
        }
    }
}

static int exchange(session *open, long wait_ms)
{
    uint8_t line[1024];
    bool input_open = true;
    long end = -1;
    for (;;) {
        const int printed = print_plaintext(open);
        if (printed < 0) return EXIT_FAILURE;
        if (printed > 0) break;
        struct pollfd ready[2] = { { .fd = open->socket, .events = POLLIN }, { .fd = input_open ? STDIN_FILENO : -1, .events = POLLIN } };
        const int events = poll(ready, 2, client_milliseconds_until(end));
        if (events < 0 && errno != EINTR) return client_fail("waiting", strerror(errno));
        if (events == 0) break;
        if (ready[0].revents != 0) {
            const int received = receive(open);
            if (received == 0) return client_fail("closed", "the server ended the stream without close_notify");
            if (received < 0) return client_fail("receiving", strerror(errno));
        }
        if (ready[1].revents != 0) {
            const ssize_t length = read(STDIN_FILENO, line, sizeof line);
            if (length <= 0) {
                input_open = false;
                end = client_now_ms() + wait_ms;
            } else if (send_plaintext(open, line, (size_t) length) != EXIT_SUCCESS) {
                return EXIT_FAILURE;
            }
        }
    }
    while (psk_core_close_notify(open->core) == PSK_CORE_WANTS_DRAIN && flush(open)) { }
    (void) flush(open);
    return EXIT_SUCCESS;
}

int client_run_tls(psk_core *core, int socket, const client_settings *settings)
{
    static session open;
    open.core = core;
    open.socket = socket;
    open.deadline = client_now_ms() + settings->timeout_ms;
    const int code = handshake(&open);
    if (code != EXIT_SUCCESS) return code;
    client_print_parameters(core);
    open.deadline = -1;
    return exchange(&open, settings->wait_ms);
}
