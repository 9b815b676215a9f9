/* A UDP socket between a DTLS session and a server. */
#ifndef UDP_H
#define UDP_H

#include "peer.h"

typedef struct udp_wire {
    psk_core *core;
    int socket;
    size_t largest, sent, received;     /* datagrams: the largest that came, and how many */
    uint8_t first_type;                 /* of the first record sent */
} udp_wire;

void udp_open(udp_wire *out, psk_core *core, const peer *server);
void udp_close(udp_wire *open);
/* 0 connected, or the error. */
int32_t udp_handshake(udp_wire *open);
int32_t udp_write(udp_wire *open, const void *data, size_t length);
/* One message of the peer; its length or the error. */
int32_t udp_read(udp_wire *open, void *data, size_t size);
void udp_flush(udp_wire *open);

#endif
