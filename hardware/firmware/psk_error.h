/* Every outcome of psk_core and of the vault: >= 0 is success, these are the failures. */
#ifndef PSK_ERROR_H
#define PSK_ERROR_H

#include <stdint.h>

enum {
    PSK_CORE_ERR_ARGUMENT = -1,         /* null, negative, out of range */
    PSK_CORE_ERR_HANDLE = -2,           /* no such open vault or session */
    PSK_CORE_ERR_MEMORY = -3,
    PSK_CORE_ERR_RANDOM = -4,           /* the random generator of the platform failed */
    PSK_CORE_ERR_NOT_CONNECTED = -5,    /* the handshake is not complete */
    PSK_CORE_ERR_UNSUPPORTED = -6,      /* protocol not in this build, or the credential has no key for it */
    PSK_CORE_ERR_BUFFER = -7,           /* the caller's buffer is too small */
    PSK_CORE_ERR_INTERNAL = -8,

    PSK_CORE_ERR_NO_CREDENTIAL = -10,   /* the vault slot is empty */
    PSK_CORE_ERR_VAULT_CORRUPT = -11,   /* what is stored does not match its digest */
    PSK_CORE_ERR_VAULT_IO = -12,        /* the store cannot be read or written */
    PSK_CORE_ERR_VAULT_FULL = -13,
    PSK_CORE_ERR_NO_ASSOCIATION = -14,  /* nothing was saved, or it cannot be used: make a handshake */

    PSK_CORE_ERR_CLOSED = -20,          /* the peer ended the connection by close_notify, or this side did */
    PSK_CORE_ERR_REFUSED = -21,         /* alert decrypt_error: wrong key, or a device the server does not know */
    PSK_CORE_ERR_UNKNOWN_IDENTITY = -22,/* alert unknown_psk_identity */
    PSK_CORE_ERR_NO_COMMON = -23,       /* alert handshake_failure or insufficient_security */
    PSK_CORE_ERR_VERSION = -24,         /* the server does not speak the protocol version */
    PSK_CORE_ERR_SERVER_FAULT = -25,    /* alert internal_error */
    PSK_CORE_ERR_ALERT = -26,           /* another fatal alert of the server */
    PSK_CORE_ERR_PROTOCOL = -27,        /* the server broke the protocol */
    PSK_CORE_ERR_BAD_RECORD = -28,      /* a record does not authenticate */
    PSK_CORE_ERR_RECORD_SIZE = -29,     /* a record is larger than was promised */
    PSK_CORE_ERR_KEY_UPDATE = -30,      /* the server sent KeyUpdate, which mbedTLS 3.6 does not have */
    PSK_CORE_ERR_TIMEOUT = -31,         /* DTLS: the server did not answer any of the retransmissions */
    PSK_CORE_ERR_TOO_LONG = -32,        /* DTLS: the message does not fit one record; the session goes on */

    PSK_CORE_ERR_TEST_IMPORT = -40,     /* self test: the key schedule of TLS 1.3, with it the import of RFC 9258, is wrong */
    PSK_CORE_ERR_TEST_BINDER = -41,     /* self test: the binder has not the label of this build */
    PSK_CORE_ERR_TEST_PRF = -42,        /* self test: the key schedule of DTLS 1.2 is wrong */
    PSK_CORE_ERR_TEST_AEAD = -43,       /* self test: an AEAD encrypts or decrypts wrongly */
    PSK_CORE_ERR_TEST_SESSION_KEY = -44,/* self test: the PSK of a session in session mode is wrong */

    PSK_CORE_ERR_REKEY_CURRENT = -51,   /* re-keying: the credential is of the newest epoch; -50 - k: the gateway's code k */
    PSK_CORE_ERR_REKEY_TOO_SOON = -52,  /* re-keying: the device was given a key less than an hour ago */
    PSK_CORE_ERR_REKEY_COMPROMISED = -53,   /* re-keying: others know the device's key, it needs a credential by another way */
    PSK_CORE_ERR_REKEY_UNFIT = -54,     /* re-keying: not for this device, or not over this session */
    PSK_CORE_ERR_REKEY_LATER = -55,     /* re-keying: the gateway cannot make the key now */
    PSK_CORE_ERR_REKEY_REQUEST = -56,   /* re-keying: the gateway does not accept the request */
    PSK_CORE_ERR_NO_REKEYING = -60,     /* re-keying: the server does not know it */
    PSK_CORE_ERR_REKEY_FOREIGN = -61,   /* re-keying: what came is for another device or fleet, or not newer */

    PSK_CORE_ERR_BUNDLE = -100          /* not a credential bundle; -100 - k: its field k is missing or wrong */
};

/* A short name, a colon and what it means; never NULL. */
const char *psk_core_error_name(int32_t code);

#endif
