/* The client over UDP. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

#define WRITE_TRIES 100

/* A refusal of an earlier datagram (ICMP) is told by a later call. It is no proof that nobody is there: it can be forged. */
static bool is_passing(void)
{
    return errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH;
}

static bool flush(psk_core *core, int socket)
{
    uint8_t out[4096];
    for (;;) {
        const int32_t length = psk_core_drain(core, out, sizeof out);
        if (length <= 0) return length == 0;
        if (send(socket, out, (size_t) length, MSG_NOSIGNAL) < 0 && !is_passing()) return false;
    }
}

/* Gives the core one datagram of the socket. */
static int receive(psk_core *core, int socket)
{
    uint8_t in[65536];
    const ssize_t got = recv(socket, in, sizeof in, MSG_DONTWAIT);
    if (got < 0) return is_passing() || errno == EAGAIN ? EXIT_SUCCESS : client_fail("receiving", strerror(errno));
    (void) psk_core_feed(core, in, (size_t) got);
    return EXIT_SUCCESS;
}

/* Tells the time and waits: for a datagram, for the core's timer, for the end. 0: the end, 1: something else, -1: error. */
static int wait_for(psk_core *core, struct pollfd *ready, nfds_t count, long end)
{
    (void) psk_core_tick(core, (uint32_t) client_now_ms());
    int wait = client_milliseconds_until(end);
    const int32_t due = psk_core_deadline(core);
    const bool timer_first = due >= 0 && (wait < 0 || due < wait);
    const int events = poll(ready, count, timer_first ? due : wait);
    (void) psk_core_tick(core, (uint32_t) client_now_ms());
    if (events < 0 && errno != EINTR) return -1;
    return events != 0 || timer_first;
}

static int handshake(psk_core *core, int socket, long end)
{
    (void) psk_core_tick(core, (uint32_t) client_now_ms());
    for (;;) {
        const int32_t result = psk_core_step(core);
        if (!flush(core, socket)) return client_fail("sending", strerror(errno));
        if (result < 0) return client_report(core, "DTLS", result);
        if (result == PSK_CORE_DONE) return EXIT_SUCCESS;
        if (result == PSK_CORE_WANTS_DRAIN) continue;
        struct pollfd ready = { .fd = socket, .events = POLLIN };
        const int happened = wait_for(core, &ready, 1, end);
        if (happened < 0) return client_fail("waiting", strerror(errno));
        if (happened == 0) return client_fail("handshake", "the server did not finish it in time");
        if (ready.revents != 0 && receive(core, socket) != EXIT_SUCCESS) return EXIT_FAILURE;
    }
}

static int send_message(psk_core *core, int socket, const uint8_t *data, size_t length)
{
    int32_t taken = 0;
    for (int tries = 0; tries < WRITE_TRIES && taken == 0; tries++) {
        taken = psk_core_write(core, data, length);
        if (taken < 0) return client_report(core, "DTLS", taken);
        if (!flush(core, socket)) return client_fail("sending", strerror(errno));
    }
    return taken > 0 ? EXIT_SUCCESS : client_fail("sending", "the core takes no message");
}

/* Prints every message there is. 0: go on, 1: closed by the peer, -1: error (reported). */
static int print_messages(psk_core *core, int socket)
{
    uint8_t data[16384];
    for (;;) {
        const int32_t length = psk_core_read(core, data, sizeof data);
        (void) flush(core, socket);
        if (length == PSK_CORE_ERR_CLOSED) return 1;
        if (length < 0) return (void) client_report(core, "DTLS", length), -1;
        if (length == 0) return 0;
        (void) fwrite(data, 1, (size_t) length, stdout);
        (void) fflush(stdout);
    }
}

/* Until the peer closes, or for a while after the end of standard input. 0, 1: the peer closed, -1: error. */
static int exchange(psk_core *core, int socket, const client_settings *settings)
{
    uint8_t message[16384];
    bool input_open = true;
    long end = -1;
    for (;;) {
        const int printed = print_messages(core, socket);
        if (printed != 0) return printed;
        struct pollfd ready[2] = { { .fd = socket, .events = POLLIN }, { .fd = input_open ? STDIN_FILENO : -1, .events = POLLIN } };
        const int happened = wait_for(core, ready, 2, end);
        if (happened < 0) return (void) client_fail("waiting", strerror(errno)), -1;
        if (happened == 0) return 0;
        if (ready[0].revents != 0 && receive(core, socket) != EXIT_SUCCESS) return -1;
        if (ready[1].revents == 0) continue;
        const ssize_t length = read(STDIN_FILENO, message, sizeof message);
        if (length <= 0) {
            input_open = false;
            end = client_now_ms() + settings->wait_ms;
        } else if (send_message(core, socket, message, (size_t) length) != EXIT_SUCCESS) {
            return -1;
        }
    }
}

int client_run_dtls(psk_core *core, int socket, const client_settings *settings, const psk_vault *vault)
{
    const int code = handshake(core, socket, client_now_ms() + settings->timeout_ms);
    if (code != EXIT_SUCCESS) return code;
    client_print_parameters(core);
    const int ended = exchange(core, socket, settings);
    if (ended < 0) return EXIT_FAILURE;
    if (settings->sleep && ended == 0) {
        const int32_t saved = psk_core_save_slot(core, vault, settings->slot);
        return saved < 0 ? client_fail("saving", psk_core_error_name(saved)) : EXIT_SUCCESS;
    }
    while (psk_core_close_notify(core) == PSK_CORE_WANTS_DRAIN && flush(core, socket)) { }
    (void) flush(core, socket);
    return EXIT_SUCCESS;
}
