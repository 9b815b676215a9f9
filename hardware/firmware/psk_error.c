#include "psk_error.h"

static const char *bundle_field(int32_t field)
{
    switch (field) {
    case 0: return "bundle: not a credential bundle (canonical CBOR, version 1), or cut short";
    case 1: return "bundle field 1: the version is missing or is not 1";
    case 2: return "bundle field 2: the device id is missing or wrong";
    case 3: return "bundle field 3: the server id is missing or wrong";
    case 4: return "bundle field 4: the TLS address is missing or is not host:port";
    case 5: return "bundle field 5: the DTLS address is not host:port";
    case 6: return "bundle field 6: the TLS 1.3 identity is missing (in session mode: is there) or is not an ImportedIdentity for TLS 1.3 with SHA-256";
    case 7: return "bundle field 7: the TLS 1.3 key is missing or has not 32 bytes";
    case 8: return "bundle field 8: the TLS 1.2 identity is wrong, or there is a key without it";
    case 9: return "bundle field 9: the TLS 1.2 key has not 32 bytes, or there is an identity without it";
    case 10: return "bundle field 10: the record size limit is missing or outside 64..16385";
    case 11: return "bundle field 11: the connection id switch is missing or not true or false";
    case 12: return "bundle field 12: the epoch is missing or too large";
    case 13: return "bundle field 13: session mode is not 32 or 28; or a field that this version does not know";
    default: return "bundle: a field that this version does not know";
    }
}

const char *psk_core_error_name(int32_t code)
{
    if (code <= PSK_CORE_ERR_BUNDLE && code > PSK_CORE_ERR_BUNDLE - 64) return bundle_field(PSK_CORE_ERR_BUNDLE - code);
    switch (code) {
    case PSK_CORE_ERR_ARGUMENT: return "argument: null, negative or out of range";
    case PSK_CORE_ERR_HANDLE: return "handle: no such open vault or session";
    case PSK_CORE_ERR_MEMORY: return "memory: not enough of it";
    case PSK_CORE_ERR_RANDOM: return "random: the platform delivers no random numbers";
    case PSK_CORE_ERR_NOT_CONNECTED: return "not connected: the handshake is not complete";
    case PSK_CORE_ERR_UNSUPPORTED: return "unsupported: this build or this credential does not have the protocol";
    case PSK_CORE_ERR_BUFFER: return "buffer: the given buffer is too small";
    case PSK_CORE_ERR_INTERNAL: return "internal: the TLS library failed";
    case PSK_CORE_ERR_NO_CREDENTIAL: return "no credential: the vault slot is empty";
    case PSK_CORE_ERR_VAULT_CORRUPT: return "vault corrupt: what the slot holds does not match its digest";
    case PSK_CORE_ERR_VAULT_IO: return "vault: the store cannot be read or written";
    case PSK_CORE_ERR_VAULT_FULL: return "vault full: no room for the credential";
    case PSK_CORE_ERR_NO_ASSOCIATION: return "no association: nothing usable was saved; a handshake is needed";
    case PSK_CORE_ERR_CLOSED: return "closed: the connection was ended by close_notify";
    case PSK_CORE_ERR_REFUSED: return "refused: the server does not know the device or the key is wrong (decrypt_error, in DTLS 1.2 bad_record_mac)";
    case PSK_CORE_ERR_UNKNOWN_IDENTITY: return "unknown identity: the server does not know the device (unknown_psk_identity)";
    case PSK_CORE_ERR_NO_COMMON: return "no common parameters: the server found no suite, group or mode it allows (handshake_failure)";
    case PSK_CORE_ERR_VERSION: return "version: the server does not speak this version of the protocol";
    case PSK_CORE_ERR_SERVER_FAULT: return "server fault: the server reports a fault of its own (internal_error)";
    case PSK_CORE_ERR_ALERT: return "alert: the server ended the connection with a fatal alert";
    case PSK_CORE_ERR_PROTOCOL: return "protocol: the server sent what the protocol does not allow here";
    case PSK_CORE_ERR_BAD_RECORD: return "bad record: a record of the server does not authenticate";
    case PSK_CORE_ERR_RECORD_SIZE: return "record size: a record of the server is larger than the limit it was given";
    case PSK_CORE_ERR_KEY_UPDATE: return "key update: the server wants new keys, which this TLS cannot make; connect anew";
    case PSK_CORE_ERR_TIMEOUT: return "no answer: the server answered none of the datagrams of the handshake; it does so as well with a key it does not know";
    case PSK_CORE_ERR_TOO_LONG: return "too long: the message does not fit one record";
    case PSK_CORE_ERR_TEST_IMPORT: return "self test: the key schedule of TLS 1.3 gives wrong keys; this firmware is of no use";
    case PSK_CORE_ERR_TEST_BINDER: return "self test: the binder label is wrong; was psk_binder_forced.h left out of the build?";
    case PSK_CORE_ERR_TEST_PRF: return "self test: the key schedule of DTLS 1.2 gives wrong keys; this firmware is of no use";
    case PSK_CORE_ERR_TEST_AEAD: return "self test: a cipher works wrongly; this firmware is of no use";
    case PSK_CORE_ERR_TEST_SESSION_KEY: return "self test: the key of a session is wrong; this firmware is of no use";
    case PSK_CORE_ERR_REKEY_CURRENT: return "rekey current: the credential is of the newest epoch already";
    case PSK_CORE_ERR_REKEY_TOO_SOON: return "rekey too soon: the device was given a new key less than an hour ago";
    case PSK_CORE_ERR_REKEY_COMPROMISED: return "rekey compromised: others know the device's key, so it needs a credential by another way";
    case PSK_CORE_ERR_REKEY_UNFIT: return "rekey unfit: the gateway gives no new key to this device, or not over such a session";
    case PSK_CORE_ERR_REKEY_LATER: return "rekey later: the gateway cannot make the key now";
    case PSK_CORE_ERR_REKEY_REQUEST: return "rekey request: the gateway does not accept the request";
    case PSK_CORE_ERR_NO_REKEYING: return "no rekeying: the server does not offer new keys";
    case PSK_CORE_ERR_REKEY_FOREIGN: return "rekey foreign: the credential that came is of another device or fleet, or not newer";
    default: return code >= 0 ? "success" : "unknown error";
    }
}
