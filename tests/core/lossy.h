/* A session and a server at the two ends of a lossy link, under a clock that runs only when nothing else is to be done. */
#ifndef LOSSY_H
#define LOSSY_H

#include "dtls_server.h"
#include "psk_core.h"

#define LOSSY_FLYING 64

typedef struct flying {
    uint32_t at;                    /* when it arrives */
    uint16_t length;                /* 0: none */
    uint8_t to_server;
    uint8_t data[2048];
} flying;

typedef struct lossy {
    psk_core *core;                 /* NULL: the device is asleep */
    dtls_server *server;
    uint32_t now, random;
    unsigned loss, duplicates;      /* of 100 */
    uint32_t delay;                 /* the longest, in milliseconds */
    void (*watch)(const struct lossy *way, int to_server, const uint8_t *data, size_t length);     /* before anything is lost */
    unsigned to_server, to_device;  /* datagrams sent */
    uint8_t first_type;             /* of the first record of the device since this was set to 0 */
    flying flying[LOSSY_FLYING];
} lossy;

/* 0..below-1, by the seed. */
uint32_t lossy_random(lossy *way, uint32_t below);
/* Puts a datagram on its way, subject to the link's faults. */
void lossy_send(lossy *way, int to_server, const uint8_t *data, size_t length);
/* Delivers what arrives next, or lets the next timer run out; false: nothing will ever happen. */
int lossy_next(lossy *way);
/* Runs the handshake to its end: 0 connected, or the error. */
int32_t lossy_handshake(lossy *way);
/* Sends a message until its answer comes, as CoAP does it. 0, or the error. */
int32_t lossy_ask(lossy *way, const char *text, unsigned tries);

#endif
