/*
 * A TLS or DTLS 1.2 client on OpenSSL whose PSK is made for each session from a permanent key and both randoms:
 *   HMAC-SHA256(K, "pre master secret" client_random server_random)
 * session_client tls|dtls HOST PORT IDENTITY KEY-IN-HEX 32|28 CIPHERS
 * Standard input goes to the server, what comes back to standard output; of DTLS one datagram each way.
 */
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *identity;
static unsigned char key[256];
static size_t key_length, randoms;

static unsigned int make_psk(SSL *ssl, const char *hint, char *name, unsigned int name_size, unsigned char *psk, unsigned int psk_size)
{
    static const char label[] = "pre master secret";
    unsigned char both[2][32], message[sizeof label - 1 + 64];
    unsigned int length = 0;
    size_t at = sizeof label - 1;
    (void)hint;
    if (strlen(identity) >= name_size || psk_size < 32)
        return 0;
    strcpy(name, identity);
    if (SSL_get_client_random(ssl, both[0], 32) != 32 || SSL_get_server_random(ssl, both[1], 32) != 32)
        return 0;
    memcpy(message, label, at);
    for (int i = 0; i < 2; i++, at += randoms)
        memcpy(message + at, both[i] + 32 - randoms, randoms);
    return HMAC(EVP_sha256(), key, (int)key_length, message, at, psk, &length) ? length : 0;
}

static int connect_to(const char *host, const char *port, int type)
{
    struct addrinfo hints = { .ai_socktype = type }, *found;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, found->ai_socktype, 0);
    int connected = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    return connected ? fd : -1;
}

static void attach(SSL *ssl, int fd, int datagrams)
{
    if (!datagrams) {
        SSL_set_fd(ssl, fd);
        return;
    }
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    struct timeval patience = { .tv_sec = 5 };
    BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);
    getpeername(fd, (struct sockaddr *)&peer, &size);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, &patience);
    SSL_set_bio(ssl, bio, bio);
}

int main(int argc, char **argv)
{
    char buffer[4096];
    int fd, count;
    if (argc != 8 || !OPENSSL_hexstr2buf_ex(key, sizeof key, &key_length, argv[5], '\0'))
        return 2;
    int datagrams = strcmp(argv[1], "dtls") == 0;
    identity = argv[4];
    randoms = (size_t)atoi(argv[6]);
    SSL_CTX *context = SSL_CTX_new(datagrams ? DTLS_client_method() : TLS_client_method());
    SSL_CTX_set_max_proto_version(context, datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_psk_client_callback(context, make_psk);
    if (randoms > 32 || !SSL_CTX_set_cipher_list(context, argv[7]) || (fd = connect_to(argv[2], argv[3], datagrams ? SOCK_DGRAM : SOCK_STREAM)) < 0)
        return 2;
    SSL *ssl = SSL_new(context);
    attach(ssl, fd, datagrams);
    if (SSL_connect(ssl) != 1) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    fprintf(stderr, "connected %s\n", SSL_get_cipher_name(ssl));
    while ((count = (int)read(0, buffer, sizeof buffer)) > 0)
        SSL_write(ssl, buffer, count);
    while ((count = SSL_read(ssl, buffer, sizeof buffer)) > 0)
        if (write(1, buffer, (size_t)count) != count)
            return 1;
        else if (datagrams)
            break;
    if (datagrams)
        SSL_shutdown(ssl);
    return 0;
}
