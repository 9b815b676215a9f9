/* The other end, whichever protocol: tests/core's servers with an mbedTLS of their own. */
#ifndef SERVER_H
#define SERVER_H

#include <stddef.h>
#include <stdint.h>

void server_start(int32_t protocol, int tickets);
void server_stop(int32_t protocol);
void server_receive(int32_t protocol, const uint8_t *data, size_t length);
size_t server_drain(int32_t protocol, uint8_t *data, size_t size);

#endif
