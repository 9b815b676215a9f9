/* Integer handles for objects that threads share (where PSK_THREADS says that there are any): a closed handle is known as such,
 * even after its place is used again. */
#ifndef IOTPSK_HANDLES_H
#define IOTPSK_HANDLES_H

#include <stdint.h>

typedef enum handle_kind { HANDLE_VAULT = 1, HANDLE_SESSION = 2 } handle_kind;

/* The handle, or PSK_CORE_ERR_MEMORY. */
int32_t handle_new(handle_kind kind, void *object);
/* The object, locked for this thread until handle_release; NULL: no such handle. */
void *handle_acquire(int32_t handle, handle_kind kind);
void handle_release(int32_t handle);
/* Ends an acquired handle; the object is the caller's again. */
void handle_end(int32_t handle);
/* A handle of that kind that is in use; 0: there is none. */
int32_t handle_any(handle_kind kind);

#endif
