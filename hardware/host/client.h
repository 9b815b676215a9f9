/* What the parts of iotpsk-psk-client share. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "psk_core.h"

typedef struct client_settings {
    const char *host, *port, *vault, *bundle;
    int32_t slot, record_size, first_timeout;
    uint32_t options;
    bool datagrams, sleep, wake;
    long wait_ms, timeout_ms;
} client_settings;

long client_now_ms(void);
/* What poll waits for until a deadline: -1 for none, and 0 once it is over. */
int client_milliseconds_until(long deadline);
/* Say why on standard error; both return EXIT_FAILURE. */
int client_fail(const char *what, const char *why);
int client_report(const psk_core *core, const char *what, int32_t error);
/* One line on standard error: what was agreed on. */
void client_print_parameters(const psk_core *core);
/* A socket, or -1 (reported). */
int client_connect(const client_settings *settings);

/* A connection from the handshake to the end of standard input; the exit code. */
int client_run_tls(psk_core *core, int socket, const client_settings *settings);
/* The same by datagrams: each line is one. vault: where the association goes when settings->sleep. */
int client_run_dtls(psk_core *core, int socket, const client_settings *settings, const psk_vault *vault);

#endif
