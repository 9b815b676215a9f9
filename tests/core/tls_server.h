/* mbedTLS's own TLS 1.3 server without input and output: the other end of a session in the same process. It knows one pre-shared
 * key, gives tickets that it does not encrypt, and sends back every piece that it reads, reversed. */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include <mbedtls/ssl.h>

#include "psk_queue.h"

typedef struct tls_server {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    psk_queue in, out;
    int failure;                    /* of mbedTLS; 0: none */
    int is_mute;
    unsigned messages, handshakes;  /* echoed; completed */
    uint8_t in_buffer[8192], out_buffer[8192];
} tls_server;

typedef struct tls_server_settings {
    const uint8_t *identity;
    size_t identity_length;
    uint8_t key_first;
    int psk_ke;                     /* without Diffie-Hellman as well */
    unsigned tickets;               /* how many it gives after a handshake */
    int suite;                      /* 0: its own choice */
    const char **protocols;         /* ALPN; NULL: none */
    int is_mute;                    /* what it reads it does not send back */
} tls_server_settings;

void tls_server_start(tls_server *out, const tls_server_settings *settings);
void tls_server_stop(tls_server *server);
void tls_server_receive(tls_server *server, const uint8_t *data, size_t length);
/* Up to size bytes for the client. */
size_t tls_server_drain(tls_server *server, uint8_t *data, size_t size);
/* Sends application data of its own accord; how much was taken. */
size_t tls_server_send(tls_server *server, const uint8_t *data, size_t length);

#endif
