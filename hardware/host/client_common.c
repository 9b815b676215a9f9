#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

long client_now_ms(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int client_milliseconds_until(long deadline)
{
    if (deadline < 0) return -1;
    const long left = deadline - client_now_ms();
    return left > 0 ? (int) left : 0;
}

int client_fail(const char *what, const char *why)
{
    (void) fprintf(stderr, "iotpsk-psk-client: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

int client_report(const psk_core *core, const char *what, int32_t error)
{
    char why[192];
    const int32_t alert = psk_core_info(core, PSK_CORE_INFO_LAST_ALERT);
    if (alert >= 0) (void) snprintf(why, sizeof why, "%s [alert %d]", psk_core_error_name(error), (int) alert);
    else (void) snprintf(why, sizeof why, "%s", psk_core_error_name(error));
    return client_fail(what, why);
}

static const char *suite_name(int32_t suite)
{
    switch (suite) {
    case 0x1301: return "TLS_AES_128_GCM_SHA256";
    case 0x1304: return "TLS_AES_128_CCM_SHA256";
    case 0x1305: return "TLS_AES_128_CCM_8_SHA256";
    case 0x00a8: return "TLS_PSK_WITH_AES_128_GCM_SHA256";
    case 0xc0a4: return "TLS_PSK_WITH_AES_128_CCM";
    case 0xc0a8: return "TLS_PSK_WITH_AES_128_CCM_8";
    case 0xccac: return "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256";
    default: return "?";
    }
}

static const char *key_exchange_name(bool datagrams, int32_t fresh_shares)
{
    if (datagrams) return fresh_shares == 1 ? "ECDHE_PSK" : "PSK";
    return fresh_shares == 1 ? "psk_dhe_ke" : "psk_ke";
}

void client_print_parameters(const psk_core *core)
{
    const bool datagrams = psk_core_info(core, PSK_CORE_INFO_VERSION) == PSK_CORE_DTLS12;
    (void) fprintf(stderr, "connected version=%s suite=%s keyExchange=%s imported=%s handshakeBytesSent=%d handshakeBytesReceived=%d",
                   datagrams ? "DTLSv1.2" : "TLSv1.3", suite_name(psk_core_info(core, PSK_CORE_INFO_SUITE)),
                   key_exchange_name(datagrams, psk_core_info(core, PSK_CORE_INFO_KEY_EXCHANGE)),
                   psk_core_info(core, PSK_CORE_INFO_IMPORTED) == 1 ? "true" : "false",
                   (int) psk_core_info(core, PSK_CORE_INFO_HANDSHAKE_SENT), (int) psk_core_info(core, PSK_CORE_INFO_HANDSHAKE_RECEIVED));
    if (datagrams) {
        (void) fprintf(stderr, " resumed=%s connectionId=%d messageMax=%d", psk_core_info(core, PSK_CORE_INFO_RESUMED) == 1 ? "true" : "false",
                       (int) psk_core_info(core, PSK_CORE_INFO_CONNECTION_ID), (int) psk_core_info(core, PSK_CORE_INFO_MESSAGE_MAX));
    }
    (void) fputc('\n', stderr);
}

int client_connect(const client_settings *settings)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = settings->datagrams ? SOCK_DGRAM : SOCK_STREAM };
    struct addrinfo *found = NULL;
    const int error = getaddrinfo(settings->host, settings->port, &hints, &found);
    if (error != 0) {
        (void) client_fail(settings->host, gai_strerror(error));
        return -1;
    }
    int connected = -1;
    for (struct addrinfo *at = found; at != NULL && connected < 0; at = at->ai_next) {
        const int candidate = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (candidate >= 0 && connect(candidate, at->ai_addr, at->ai_addrlen) == 0) connected = candidate;
        else if (candidate >= 0) (void) close(candidate);
    }
    if (connected < 0) (void) client_fail(settings->host, strerror(errno));
    freeaddrinfo(found);
    return connected;
}
