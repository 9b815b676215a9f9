#include "psk_error.h"

#include <string.h>

#define UNUSED (-9)
#define LAST_FIELD 13

/* One behind the other, by number; those that there are none of are empty. No table of pointers: it is read once in a bad day. */
static const char texts[] =
    "success\0"
    "argument: null, negative or out of range\0"
    "handle: no such open vault or session\0"
    "memory: not enough of it\0"
    "random: the platform delivers no random numbers\0"
    "not connected: the handshake is not complete\0"
    "unsupported: not in this build, or the credential has no key for it\0"
    "buffer: too small\0"
    "internal: the TLS library failed\0\0"
    "no credential: the vault slot is empty\0"                                                      /* 10 */
    "vault corrupt: the slot does not match its digest\0"
    "vault: the store cannot be read or written\0"
    "vault full: no room for the credential\0"
    "no association: nothing usable was saved; connect anew\0\0\0\0\0\0"
    "closed: the connection was ended by close_notify\0"                                            /* 20 */
    "refused: the server does not know the device or its key (decrypt_error, in DTLS bad_record_mac)\0"
    "unknown identity: the server does not know the device (unknown_psk_identity)\0"
    "no common parameters: no suite, group or mode of ours is allowed (handshake_failure)\0"
    "version: the server does not speak this one\0"
    "server fault: the server reports its own (internal_error)\0"
    "alert: the server ended the connection with another alert\0"
    "protocol: the server sent what is not allowed here\0"
    "bad record: it does not authenticate\0"
    "record size: the server exceeds the limit it was given\0"
    "key update: this TLS cannot make new keys; connect anew\0"                                      /* 30 */
    "no answer: the server is silent; it is so to a key it does not know too\0"
    "too long: the message does not fit one record\0\0\0\0\0\0\0\0"
    "self test: keys of TLS 1.3\0"                                                                   /* 40 */
    "self test: binder; was psk_binder_forced.h left out of the build?\0"
    "self test: keys of DTLS 1.2\0"
    "self test: a cipher\0"
    "self test: the key of a session\0\0\0\0\0\0\0"
    "rekey current: the credential is of the newest epoch\0"                                         /* 51 */
    "rekey too soon: the last new key is less than an hour old\0"
    "rekey compromised: others know the device's key; import another credential\0"
    "rekey unfit: not for this device, or not over such a session\0"
    "rekey later: the gateway cannot make the key now\0"
    "rekey request: the gateway does not accept it\0\0\0\0"
    "no rekeying: the server does not offer new keys\0"                                              /* 60 */
    "rekey foreign: a credential of another device or fleet, or not newer";

/* A field is missing or wrong. */
static const char fields[] =
    "bundle: not canonical CBOR, or cut short\0"
    "bundle field 1: version\0"
    "bundle field 2: device id\0"
    "bundle field 3: server id\0"
    "bundle field 4: TLS address, host:port\0"
    "bundle field 5: DTLS address, host:port\0"
    "bundle field 6: TLS 1.3 identity\0"
    "bundle field 7: TLS 1.3 key\0"
    "bundle field 8: TLS 1.2 identity\0"
    "bundle field 9: TLS 1.2 key\0"
    "bundle field 10: record size limit\0"
    "bundle field 11: connection ids\0"
    "bundle field 12: epoch\0"
    "bundle field 13: session mode, or a field that this version does not know";

const char *psk_core_error_name(int32_t code)
{
    const char *text = texts;
    if (code <= PSK_CORE_ERR_BUNDLE && code >= PSK_CORE_ERR_BUNDLE - LAST_FIELD) {
        text = fields;
        code -= PSK_CORE_ERR_BUNDLE;
    } else if (code < PSK_CORE_ERR_REKEY_FOREIGN) {
        code = UNUSED;
    }
    for (; code < 0; code++) text += strlen(text) + 1;
    return *text != '\0' ? text : "unknown error";
}
