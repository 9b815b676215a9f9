/* iotpsk-psk-client: the device TLS core on a socket. Sends standard input, prints what comes back. */
#define _GNU_SOURCE
#include <errno.h>
#include <mbedtls/platform_util.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "psk_core.h"
#include "vault_file.h"

#define EXIT_USAGE 2

typedef struct settings {
    const char *host, *port, *vault, *bundle;
    int32_t slot, record_size;
    uint32_t options;
    long wait_ms, timeout_ms;
} settings;

typedef struct session {
    psk_core *core;
    int socket;
    long deadline;              /* monotonic ms until which the peer must have answered; -1: none */
    size_t pending_length;      /* of pending, read from the socket and not yet taken by the core */
    uint8_t pending[4096];
} session;

static const char usage[] =
    "Usage: iotpsk-psk-client HOST PORT (--bundle FILE | --vault DIRECTORY --slot N) [options]\n"
    "Connects by TLS 1.3 with the pre-shared key of the credential, sends standard input and prints what comes back.\n"
    "  --record-size N   the record size limit to announce, 64..; default: the credential's\n"
    "  --psk-ke          psk_ke instead of psk_dhe_ke: less work, no forward secrecy\n"
    "  --wait MS         how long to listen after the end of standard input (default 500)\n"
    "  --timeout MS      how long to wait for the connection and the handshake (default 10000)\n"
    "Exit code: 0 closed in order, 1 failed (standard error says why), 2 usage\n";

static long now_ms(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What poll waits for until a deadline: -1 for none, and 0 once it is over. */
static int milliseconds_until(long deadline)
{
    if (deadline < 0) return -1;
    const long left = deadline - now_ms();
    return left > 0 ? (int) left : 0;
}

static int fail(const char *what, const char *why)
{
    (void) fprintf(stderr, "iotpsk-psk-client: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

static bool parse_number(const char *text, long smallest, long largest, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && *text != '\0' && *end == '\0' && *out >= smallest && *out <= largest;
}

static bool parse_arguments(int count, char **arguments, settings *out)
{
    long number;
    int positional = 0;
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (strncmp(name, "--", 2) != 0) {
            if (positional == 2) return false;
            *(positional++ == 0 ? &out->host : &out->port) = name;
            continue;
        }
        if (strcmp(name, "--psk-ke") == 0) {
            out->options |= PSK_CORE_OPTION_PSK_KE;
            continue;
        }
        if (i + 1 == count) return false;
        const char *value = arguments[++i];
        if (strcmp(name, "--bundle") == 0) out->bundle = value;
        else if (strcmp(name, "--vault") == 0) out->vault = value;
        else if (strcmp(name, "--slot") == 0 && parse_number(value, 0, PSK_VAULT_SLOTS - 1, &number)) out->slot = (int32_t) number;
        else if (strcmp(name, "--record-size") == 0 && parse_number(value, 64, 16385, &number)) out->record_size = (int32_t) number;
        else if (strcmp(name, "--wait") == 0 && parse_number(value, 0, 600000, &number)) out->wait_ms = number;
        else if (strcmp(name, "--timeout") == 0 && parse_number(value, 1, 600000, &number)) out->timeout_ms = number;
        else return false;
    }
    return positional == 2 && (out->bundle != NULL) == (out->vault == NULL) && (out->vault != NULL) == (out->slot >= 0);
}

static int32_t open_core(const settings *options, psk_core **core)
{
    if (options->vault != NULL) {
        psk_vault vault;
        int32_t result = psk_vault_file_open(options->vault, &vault);
        if (result < 0) return result;
        result = psk_core_open_slot(core, &vault, options->slot, PSK_CORE_TLS13, options->record_size, options->options);
        psk_vault_file_close(&vault);
        return result;
    }
    uint8_t data[PSK_BUNDLE_MAX + 1];
    psk_bundle bundle;
    FILE *file = fopen(options->bundle, "rb");
    if (file == NULL) return PSK_CORE_ERR_NO_CREDENTIAL;
    const size_t length = fread(data, 1, sizeof data, file);
    (void) fclose(file);
    int32_t result = psk_bundle_parse(&bundle, data, length);
    if (result == 0) result = psk_core_open(core, &bundle, PSK_CORE_TLS13, options->record_size, options->options);
    mbedtls_platform_zeroize(data, sizeof data);
    return result;
}

static int connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    const int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        (void) fail(host, gai_strerror(error));
        return -1;
    }
    int connected = -1;
    for (struct addrinfo *at = found; at != NULL && connected < 0; at = at->ai_next) {
        const int candidate = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (candidate >= 0 && connect(candidate, at->ai_addr, at->ai_addrlen) == 0) connected = candidate;
        else if (candidate >= 0) (void) close(candidate);
    }
    if (connected < 0) (void) fail(host, strerror(errno));
    freeaddrinfo(found);
    return connected;
}

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
        if (poll(&ready, 1, milliseconds_until(open->deadline)) <= 0) {
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

static int report(const session *open, int32_t error)
{
    char why[160];
    const int32_t alert = psk_core_info(open->core, PSK_CORE_INFO_LAST_ALERT);
    if (alert >= 0) (void) snprintf(why, sizeof why, "%s [alert %d]", psk_core_error_name(error), (int) alert);
    else (void) snprintf(why, sizeof why, "%s", psk_core_error_name(error));
    return fail("TLS", why);
}

static int handshake(session *open)
{
    for (;;) {
        const int32_t result = psk_core_step(open->core);
        const bool flushed = flush(open);
        if (result < 0) return report(open, result);
        if (result == PSK_CORE_DONE) return EXIT_SUCCESS;
        if (!flushed) return fail("sending", strerror(errno));
        if (result == PSK_CORE_WANTS_DRAIN) continue;
        const int received = receive(open);
        if (received == 0) return fail("handshake", "the server closed the connection");
        if (received < 0) return fail("handshake", strerror(errno));
    }
}

static void print_parameters(const psk_core *core)
{
    static const char *const suites[] = { "", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                                          "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256" };
    const int32_t suite = psk_core_info(core, PSK_CORE_INFO_SUITE);
    (void) fprintf(stderr, "connected version=%s suite=%s keyExchange=%s imported=%s handshakeBytesSent=%d handshakeBytesReceived=%d\n",
                   psk_core_info(core, PSK_CORE_INFO_VERSION) == PSK_CORE_TLS13 ? "TLSv1.3" : "?",
                   suite > 0x1300 && suite <= 0x1305 ? suites[suite - 0x1300] : "?",
                   psk_core_info(core, PSK_CORE_INFO_KEY_EXCHANGE) == 1 ? "psk_dhe_ke" : "psk_ke",
                   psk_core_info(core, PSK_CORE_INFO_IMPORTED) == 1 ? "true" : "false",
                   (int) psk_core_info(core, PSK_CORE_INFO_HANDSHAKE_SENT), (int) psk_core_info(core, PSK_CORE_INFO_HANDSHAKE_RECEIVED));
}

static int send_plaintext(session *open, const uint8_t *data, size_t length)
{
    while (length > 0) {
        const int32_t taken = psk_core_write(open->core, data, length);
        if (taken < 0) return report(open, taken);
        if (!flush(open)) return fail("sending", strerror(errno));
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
            (void) report(open, length);
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
        const int events = poll(ready, 2, milliseconds_until(end));
        if (events < 0 && errno != EINTR) return fail("waiting", strerror(errno));
        if (events == 0) break;
        if (ready[0].revents != 0) {
            const int received = receive(open);
            if (received == 0) return fail("closed", "the server ended the stream without close_notify");
            if (received < 0) return fail("receiving", strerror(errno));
        }
        if (ready[1].revents != 0) {
            const ssize_t length = read(STDIN_FILENO, line, sizeof line);
            if (length <= 0) {
                input_open = false;
                end = now_ms() + wait_ms;
            } else if (send_plaintext(open, line, (size_t) length) != EXIT_SUCCESS) {
                return EXIT_FAILURE;
            }
        }
    }
    while (psk_core_close_notify(open->core) == PSK_CORE_WANTS_DRAIN && flush(open)) { }
    (void) flush(open);
    return EXIT_SUCCESS;
}

int main(int count, char **arguments)
{
    settings options = { .slot = -1, .wait_ms = 500, .timeout_ms = 10000 };
    static session open;
    if (count == 2 && strcmp(arguments[1], "--help") == 0) return fputs(usage, stdout) < 0;
    if (!parse_arguments(count, arguments, &options)) {
        (void) fputs(usage, stderr);
        return EXIT_USAGE;
    }
    (void) signal(SIGPIPE, SIG_IGN);
    if (options.bundle != NULL && access(options.bundle, R_OK) != 0) return fail(options.bundle, strerror(errno));
    const int32_t result = open_core(&options, &open.core);
    if (result < 0) return fail(options.bundle != NULL ? options.bundle : options.vault, psk_core_error_name(result));
    open.deadline = now_ms() + options.timeout_ms;
    open.socket = connect_to(options.host, options.port);
    int code = EXIT_FAILURE;
    if (open.socket >= 0) {
        code = handshake(&open);
        if (code == EXIT_SUCCESS) {
            print_parameters(open.core);
            open.deadline = -1;
            code = exchange(&open, options.wait_ms);
        }
        (void) close(open.socket);
    }
    psk_core_free(open.core);
    return code;
}
