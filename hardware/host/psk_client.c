/* iotpsk-psk-client: the device core on a socket. Sends standard input, prints what comes back. */
#define _GNU_SOURCE
#include <errno.h>
#include <mbedtls/platform_util.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "vault_file.h"

#define EXIT_USAGE 2

static const char usage[] =
    "Usage: iotpsk-psk-client HOST PORT (--bundle FILE | --vault DIRECTORY --slot N) [options]\n"
    "Connects by TLS 1.3 with the pre-shared key of the credential, sends standard input and prints what comes back.\n"
    "With both, the credential of FILE is put into the slot first.\n"
    "  --record-size N     the record size limit to announce, 64..; default: the credential's\n"
    "  --psk-ke            psk_ke instead of psk_dhe_ke: less work, no forward secrecy\n"
    "  --wait MS           how long to listen after the end of standard input (default 500)\n"
    "  --timeout MS        how long to wait for the connection and the handshake (default 10000)\n"
    "  --dtls              DTLS 1.2 over UDP: what one read of standard input gives is one message\n"
    "  --mfl N             the max_fragment_length to ask for: 512, 1024, 2048 or 4096\n"
    "  --cid               ask for a connection id, whatever the credential says\n"
    "  --ecdhe             ECDHE_PSK instead of PSK\n"
    "  --session-key       the credential's key is that of a device in session mode: each session gets a PSK made of it\n"
    "  --short-randoms     and of 28 bytes of each random instead of 32\n"
    "  --first-timeout MS  of the retransmissions of the handshake, 100..60000 (default 9000)\n"
    "  --sleep             at the end, save the association in the slot instead of closing it\n"
    "  --wake              go on with the association saved in the slot; without one, make a handshake\n"
    "Exit code: 0 closed in order, 1 failed (standard error says why), 2 usage\n";

static bool parse_number(const char *text, long smallest, long largest, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && *text != '\0' && *end == '\0' && *out >= smallest && *out <= largest;
}

static bool parse_switch(const char *name, client_settings *out)
{
    if (strcmp(name, "--psk-ke") == 0) out->options |= PSK_CORE_OPTION_PSK_KE;
    else if (strcmp(name, "--cid") == 0) out->options |= PSK_CORE_OPTION_CONNECTION_ID;
    else if (strcmp(name, "--ecdhe") == 0) out->options |= PSK_CORE_OPTION_ECDHE_PSK;
    else if (strcmp(name, "--session-key") == 0) out->options |= PSK_CORE_OPTION_SESSION_KEY;
    else if (strcmp(name, "--short-randoms") == 0) out->options |= PSK_CORE_OPTION_SHORT_RANDOMS;
    else if (strcmp(name, "--dtls") == 0) out->datagrams = true;
    else if (strcmp(name, "--sleep") == 0) out->sleep = true;
    else if (strcmp(name, "--wake") == 0) out->wake = true;
    else return false;
    return true;
}

static bool is_record_size(const char *name, const char *value, long *out)
{
    if (strcmp(name, "--record-size") == 0) return parse_number(value, 64, 16385, out);
    return strcmp(name, "--mfl") == 0 && parse_number(value, 512, 4096, out) && (*out & (*out - 1)) == 0;
}

static bool parse_option(const char *name, const char *value, client_settings *out)
{
    long number;
    if (strcmp(name, "--bundle") == 0) out->bundle = value;
    else if (strcmp(name, "--vault") == 0) out->vault = value;
    else if (strcmp(name, "--slot") == 0 && parse_number(value, 0, PSK_VAULT_SLOTS - 1, &number)) out->slot = (int32_t) number;
    else if (is_record_size(name, value, &number)) out->record_size = (int32_t) number;
    else if (strcmp(name, "--first-timeout") == 0 && parse_number(value, 100, 60000, &number)) out->first_timeout = (int32_t) number;
    else if (strcmp(name, "--wait") == 0 && parse_number(value, 0, 600000, &number)) out->wait_ms = number;
    else if (strcmp(name, "--timeout") == 0 && parse_number(value, 1, 600000, &number)) out->timeout_ms = number;
    else return false;
    return true;
}

static bool parse_arguments(int count, char **arguments, client_settings *out)
{
    int positional = 0;
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (strncmp(name, "--", 2) != 0) {
            if (positional == 2) return false;
            *(positional++ == 0 ? &out->host : &out->port) = name;
        } else if (!parse_switch(name, out)) {
            if (i + 1 == count || !parse_option(name, arguments[i + 1], out)) return false;
            i++;
        }
    }
    const bool named = (out->bundle != NULL || out->vault != NULL) && (out->vault != NULL) == (out->slot >= 0);
    return positional == 2 && named && (!(out->sleep || out->wake) || (out->datagrams && out->vault != NULL));
}

/* Opens the vault if one is named, and takes the credential into it. */
static int32_t open_vault(const client_settings *settings, const uint8_t *bundle, size_t length, psk_vault *out)
{
    if (settings->vault == NULL) return 0;
    const int32_t result = psk_vault_file_open(settings->vault, out);
    return result < 0 || bundle == NULL ? result : psk_vault_import(out, settings->slot, bundle, length);
}

static int32_t open_core(const client_settings *settings, psk_vault *vault, psk_core **core)
{
    uint8_t data[PSK_BUNDLE_MAX + 1];
    psk_bundle bundle;
    size_t length = 0;
    const int32_t protocol = settings->datagrams ? PSK_CORE_DTLS12 : PSK_CORE_TLS13;
    if (settings->bundle != NULL) {
        FILE *file = fopen(settings->bundle, "rb");
        if (file == NULL) return PSK_CORE_ERR_NO_CREDENTIAL;
        length = fread(data, 1, sizeof data, file);
        (void) fclose(file);
    }
    int32_t result = open_vault(settings, settings->bundle == NULL ? NULL : data, length, vault);
    if (result == 0 && settings->wake) result = psk_core_load_slot(core, vault, settings->slot, settings->record_size, settings->options);
    if (result == PSK_CORE_ERR_NO_ASSOCIATION) result = 0;
    if (result == 0 && *core == NULL && settings->vault != NULL) {
        result = psk_core_open_slot(core, vault, settings->slot, protocol, settings->record_size, settings->options);
    } else if (result == 0 && *core == NULL) {
        result = psk_bundle_parse(&bundle, data, length);
        if (result == 0) result = psk_core_open(core, &bundle, protocol, settings->record_size, settings->options);
    }
    mbedtls_platform_zeroize(data, sizeof data);
    if (result == 0 && settings->first_timeout != 0) result = psk_core_set_first_timeout(*core, settings->first_timeout);
    return result;
}

int main(int count, char **arguments)
{
    client_settings settings = { .slot = -1, .wait_ms = 500, .timeout_ms = 10000 };
    psk_core *core = NULL;
    psk_vault vault = { 0 };
    if (count == 2 && strcmp(arguments[1], "--help") == 0) return fputs(usage, stdout) < 0;
    if (!parse_arguments(count, arguments, &settings)) {
        (void) fputs(usage, stderr);
        return EXIT_USAGE;
    }
    (void) signal(SIGPIPE, SIG_IGN);
    if (settings.bundle != NULL && access(settings.bundle, R_OK) != 0) return client_fail(settings.bundle, strerror(errno));
    const int32_t result = open_core(&settings, &vault, &core);
    int code = EXIT_FAILURE;
    if (result < 0) {
        (void) client_fail(settings.bundle != NULL ? settings.bundle : settings.vault, psk_core_error_name(result));
    } else {
        const int socket = client_connect(&settings);
        if (socket >= 0) {
            code = settings.datagrams ? client_run_dtls(core, socket, &settings, &vault) : client_run_tls(core, socket, &settings);
            if (settings.vault != NULL) (void) psk_core_settle_slot(core, &vault, settings.slot);
            (void) close(socket);
        }
    }
    psk_core_free(core);
    psk_vault_file_close(&vault);
    return code;
}
