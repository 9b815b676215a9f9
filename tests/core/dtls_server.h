/* mbedTLS's own DTLS 1.2 server without input and output: the other end of a session in the same process. It sends back
 * every message reversed. */
#ifndef DTLS_SERVER_H
#define DTLS_SERVER_H

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>

#include "psk_queue.h"

typedef struct dtls_server {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_ssl_cookie_ctx cookies;
    psk_queue in, out;
    uint32_t now, intermediate_at, final_at;
    int timer_runs;
    int failure;                    /* of mbedTLS; 0: none */
    size_t randoms;
    uint8_t key[32];
    unsigned messages, handshakes;  /* echoed; completed */
    uint8_t in_buffer[8192], out_buffer[8192];
} dtls_server;

typedef struct dtls_server_settings {
    const char *identity;
    uint8_t key_first;
    int without_extended_master_secret;
    size_t connection_id;           /* its length; 0: none */
    size_t randoms;                 /* session mode, with so many bytes of each random; 0: the key is the PSK */
} dtls_server_settings;

void dtls_server_start(dtls_server *out, const dtls_server_settings *settings);
void dtls_server_stop(dtls_server *server);
void dtls_server_receive(dtls_server *server, const uint8_t *data, size_t length);
size_t dtls_server_drain(dtls_server *server, uint8_t *data, size_t size);
void dtls_server_tick(dtls_server *server, uint32_t now);
/* In how many milliseconds its timer is due; -1: it does not run. */
int32_t dtls_server_deadline(const dtls_server *server);
int dtls_server_is_connected(const dtls_server *server);

#endif
