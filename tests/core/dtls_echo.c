/* dtls-echo: mbedTLS's own DTLS server on a UDP port of 127.0.0.1, for one device at a time, wherever it sends from.
 *   dtls-echo BUNDLE      writes the device's credential, prints the port, and runs until standard input ends */
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bundles.h"
#include "dtls_server.h"
#include "harness.h"

static const dtls_server_settings settings = { .identity = "sensor-1~1", .key_first = 1, .connection_id = 6 };

static uint32_t now_ms(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t) (now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void write_bundle(const char *path)
{
    bundle_recipe recipe = usual_bundle;
    bytes encoded;
    recipe.with_tls12 = 1;
    make_bundle(&recipe, &encoded);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(encoded.data, 1, encoded.length, file) == encoded.length);
    CHECK_EQUAL(0, fclose(file));
}

static void serve(int socket)
{
    static dtls_server server;
    struct sockaddr_in address;
    uint8_t data[65536];
    dtls_server_start(&server, &settings);
    for (;;) {
        struct pollfd ready[2] = { { .fd = socket, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
        CHECK(poll(ready, 2, dtls_server_deadline(&server)) >= 0);
        dtls_server_tick(&server, now_ms());
        if (ready[1].revents != 0) break;
        if (ready[0].revents != 0) {
            socklen_t size = sizeof address;
            const ssize_t got = recvfrom(socket, data, sizeof data, 0, (struct sockaddr *) &address, &size);
            if (got > 0) dtls_server_receive(&server, data, (size_t) got);
        }
        for (size_t length; (length = dtls_server_drain(&server, data, sizeof data)) > 0;) {
            (void) !sendto(socket, data, length, 0, (const struct sockaddr *) &address, sizeof address);
        }
        if (server.failure != 0) {
            (void) fprintf(stderr, "ended %d after %u messages\n", server.failure, server.messages);
            dtls_server_stop(&server);
            dtls_server_start(&server, &settings);
        }
    }
    dtls_server_stop(&server);
}

int main(int count, char **arguments)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    if (count != 2) return EXIT_FAILURE;
    write_bundle(arguments[1]);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int opened = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(opened >= 0 && bind(opened, (const struct sockaddr *) &address, size) == 0);
    CHECK_EQUAL(0, getsockname(opened, (struct sockaddr *) &address, &size));
    (void) printf("%d\n", ntohs(address.sin_port));
    (void) fflush(stdout);
    serve(opened);
    (void) close(opened);
    return EXIT_SUCCESS;
}
