#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define PATIENCE_MS 20000

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void peer_choose_port(peer *out)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    const int probe = socket(AF_INET, (out->datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    CHECK(probe >= 0 && bind(probe, (struct sockaddr *) &address, size) == 0);
    CHECK(getsockname(probe, (struct sockaddr *) &address, &size) == 0);
    out->port = ntohs(address.sin_port);
    (void) snprintf(out->port_text, sizeof out->port_text, "%d", out->port);
    (void) close(probe);
}

static int try_connect(const peer *server)
{
    const struct sockaddr_in address = loopback(server->port);
    const int connection = socket(AF_INET, (server->datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    CHECK(connection >= 0);
    if (connect(connection, (const struct sockaddr *) &address, sizeof address) == 0) return connection;
    (void) close(connection);
    return -1;
}

/* Whether somebody listens, without connecting: s_server serves its connections one after the other. */
static int is_listening(const peer *server)
{
    char line[256], wanted[32];
    FILE *table = fopen(server->datagrams ? "/proc/net/udp" : "/proc/net/tcp", "r");
    int found = 0;
    CHECK(table != NULL);
    (void) snprintf(wanted, sizeof wanted, ":%04X 00000000:0000 %s", (unsigned) server->port, server->datagrams ? "07" : "0A");
    while (!found && fgets(line, sizeof line, table) != NULL) found = strstr(line, wanted) != NULL;
    (void) fclose(table);
    return found;
}

void peer_start(peer *out, const char *const *command)
{
    int input[2], output[2] = { -1, -1 };
    const pid_t parent = getpid();
    CHECK(pipe2(input, O_CLOEXEC) == 0);
    CHECK(!out->heard || pipe2(output, O_CLOEXEC) == 0);
    out->process = fork();
    CHECK(out->process >= 0);
    if (out->process == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(EXIT_FAILURE);
        const int nowhere = open("/dev/null", O_WRONLY);
        (void) dup2(input[0], STDIN_FILENO);
        (void) dup2(out->heard ? output[1] : nowhere, STDOUT_FILENO);
        (void) dup2(nowhere, STDERR_FILENO);
        (void) execvp(command[0], (char *const *) (uintptr_t) command);
        _exit(EXIT_FAILURE);
    }
    (void) close(input[0]);
    if (out->heard) (void) close(output[1]);
    out->input = input[1];
    out->output = output[0];
    for (int waited = 0; !is_listening(out); waited += 10) {
        CHECK(waited < PATIENCE_MS);
        CHECK_EQUAL(0, waitpid(out->process, NULL, WNOHANG));
        (void) usleep(10000);
    }
}

static void start_openssl(peer *out, const char *version, const char *identity, const char *key, const char *const *extra)
{
    char accept_at[32];
    const char *command[32] = { "openssl", "s_server", "-accept", accept_at, version, "-nocert", "-psk", key, "-psk_identity", identity };
    size_t count = 10;
    peer_choose_port(out);
    (void) snprintf(accept_at, sizeof accept_at, "127.0.0.1:%d", out->port);
    while (*extra != NULL) command[count++] = *extra++;
    peer_start(out, command);
}

void peer_start_openssl(peer *out, const char *identity, const char *key, const char *const *extra)
{
    out->datagrams = 0;
    start_openssl(out, "-tls1_3", identity, key, extra);
}

void peer_start_openssl_dtls(peer *out, const char *identity, const char *key, const char *const *extra)
{
    out->datagrams = 1;
    start_openssl(out, "-dtls1_2", identity, key, extra);
}

void peer_stop(peer *running)
{
    (void) close(running->input);
    if (running->heard) (void) close(running->output);
    (void) kill(running->process, SIGKILL);
    (void) waitpid(running->process, NULL, 0);
}

void peer_expect(const peer *running, const char *text)
{
    static char heard[65536];
    size_t length = 0;
    do {
        struct pollfd ready = { .fd = running->output, .events = POLLIN };
        CHECK(poll(&ready, 1, PATIENCE_MS) == 1);
        const ssize_t got = read(running->output, heard + length, sizeof heard - 1 - length);
        CHECK(got > 0);
        length += (size_t) got;
        heard[length] = '\0';
    } while (strstr(heard, text) == NULL);
}

int peer_connect(const peer *running)
{
    const int connection = try_connect(running);
    CHECK(connection >= 0);
    return connection;
}

void wire_open(wire *out, psk_core *core, const peer *server)
{
    memset(out, 0, sizeof *out);
    out->core = core;
    out->socket = peer_connect(server);
    (void) signal(SIGPIPE, SIG_IGN);
}

void wire_close(wire *open)
{
    psk_core_free(open->core);
    (void) close(open->socket);
}

int wire_flush(wire *open)
{
    uint8_t out[4096];
    for (;;) {
        const int32_t length = psk_core_drain(open->core, out, open->chunk != 0 ? open->chunk : sizeof out);
        CHECK(length >= 0);
        if (length == 0) return 0;
        if (send(open->socket, out, (size_t) length, 0) != length) return -1;
    }
}

static void watch_records(wire *open, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (open->record_left > 0) {
            open->record_left--;
            continue;
        }
        open->header[open->header_bytes++] = data[i];
        if (open->header_bytes < sizeof open->header) continue;
        open->header_bytes = 0;
        open->record_left = (size_t) open->header[3] << 8 | open->header[4];
        if (open->header[0] == 23 && open->record_left > open->largest_record) open->largest_record = open->record_left;
    }
}

/* Waits for bytes of the peer and feeds what the core takes; 0, or -1 when there will be none. */
static int receive(wire *open)
{
    if (open->pending_length == 0) {
        struct pollfd ready = { .fd = open->socket, .events = POLLIN };
        CHECK(poll(&ready, 1, PATIENCE_MS) == 1);
        const ssize_t got = recv(open->socket, open->pending, open->chunk != 0 ? open->chunk : sizeof open->pending, 0);
        if (got <= 0) return -1;
        watch_records(open, open->pending, (size_t) got);
        open->pending_length = (size_t) got;
    }
    const int32_t taken = psk_core_feed(open->core, open->pending, open->pending_length);
    CHECK(taken > 0);
    open->pending_length -= (size_t) taken;
    memmove(open->pending, open->pending + taken, open->pending_length);
    return 0;
}

int32_t wire_handshake(wire *open)
{
    for (;;) {
        const int32_t result = psk_core_step(open->core);
        const int flushed = wire_flush(open);
        if (result == PSK_CORE_DONE || result < 0) return result;
        CHECK_EQUAL(0, flushed);
        if (result == PSK_CORE_WANTS_INPUT && receive(open) != 0) return PSK_CORE_ERR_CLOSED;
    }
}

int32_t wire_write(wire *open, const void *data, size_t length)
{
    const uint8_t *at = data;
    while (length > 0) {
        const int32_t taken = psk_core_write(open->core, at, length);
        if (taken < 0) return taken;
        at += taken;
        length -= (size_t) taken;
        CHECK_EQUAL(0, wire_flush(open));
    }
    return 0;
}

int32_t wire_read(wire *open, void *data, size_t length)
{
    uint8_t *at = data;
    while (length > 0) {
        const int32_t got = psk_core_read(open->core, at, length);
        if (got < 0) {
            (void) wire_flush(open);
            return got;
        }
        at += got;
        length -= (size_t) got;
        if (got == 0 && receive(open) != 0) return PSK_CORE_ERR_CLOSED;
    }
    return 0;
}
