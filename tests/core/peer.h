/* A TLS or DTLS server of another make as a child process, and a socket between it and a session. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "psk_core.h"

typedef struct peer {
    pid_t process;
    int port;
    int input;          /* its standard input */
    int output;         /* and its standard output, if heard is set */
    int datagrams;      /* it speaks UDP: to be set before it is started, like heard */
    int heard;
    char port_text[8];
} peer;

/* A port of 127.0.0.1 that is free now. */
void peer_choose_port(peer *out);
/* Runs the command (found in PATH) and waits until it accepts connections. It ends with the test at the latest. */
void peer_start(peer *out, const char *const *command);
void peer_stop(peer *running);
/* Waits until the peer has printed the text. */
void peer_expect(const peer *running, const char *text);
/* openssl s_server with this pre-shared key (hexadecimal) and identity; extra arguments end with NULL. */
void peer_start_openssl(peer *out, const char *identity, const char *key, const char *const *extra);
/* The same by DTLS 1.2, without the arguments of TLS 1.3. */
void peer_start_openssl_dtls(peer *out, const char *identity, const char *key, const char *const *extra);
int peer_connect(const peer *running);

typedef struct wire {
    psk_core *core;
    int socket;
    size_t chunk;               /* feed and drain at most so many bytes at a time; 0: no limit */
    size_t largest_record;      /* of application data, seen on the wire from the peer, with its header */
    uint8_t header[5];
    size_t header_bytes, record_left;
    uint8_t pending[2048];      /* received, not yet taken by the core */
    size_t pending_length;
} wire;

void wire_open(wire *out, psk_core *core, const peer *server);
void wire_close(wire *open);
/* 0 connected, or the error. */
int32_t wire_handshake(wire *open);
int32_t wire_write(wire *open, const void *data, size_t length);
/* Reads exactly length bytes; 0 or the error. */
int32_t wire_read(wire *open, void *data, size_t length);
/* Sends what the core has to send; 0, or -1 when the peer is gone. */
int wire_flush(wire *open);

#endif
