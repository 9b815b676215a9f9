#include "handles.h"

#include <mbedtls/platform.h>

#include "psk_error.h"

#ifdef PSK_THREADS
#include <pthread.h>
#else
/* The runtime of a board calls from one thread. */
typedef struct no_lock { uint8_t unused; } no_lock;
#define pthread_mutex_t no_lock
#define PTHREAD_MUTEX_INITIALIZER { 0 }
#define pthread_mutex_init(lock, attributes) ((void) (lock), 0)
#define pthread_mutex_lock(lock) ((void) (lock), 0)
#define pthread_mutex_unlock(lock) ((void) (lock), 0)
#endif

/* A handle is 15 bits of generation over 16 bits of index; entries live as long as the process. */
#define INDEX_BITS 16
#define INDEX_MASK ((1u << INDEX_BITS) - 1)
#define GENERATIONS (1u << (31 - INDEX_BITS))
#ifndef PSK_HANDLES_MAX
#define PSK_HANDLES_MAX (1u << INDEX_BITS)      /* a board sets less: a pointer each */
#endif
#define ENTRIES_MAX PSK_HANDLES_MAX

typedef struct entry {
    pthread_mutex_t lock;
    void *object;               /* NULL: not in use */
    handle_kind kind;
    uint32_t generation;        /* 1.. */
    uint32_t next_free;
} entry;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static entry *entries[ENTRIES_MAX];
static uint32_t used;
static uint32_t first_free = ENTRIES_MAX;

static entry *entry_of(int32_t handle)
{
    const uint32_t index = (uint32_t) handle & INDEX_MASK;
    if (handle <= 0) return NULL;
    (void) pthread_mutex_lock(&table_lock);
    entry *found = index < used ? entries[index] : NULL;
    (void) pthread_mutex_unlock(&table_lock);
    return found;
}

int32_t handle_new(handle_kind kind, void *object)
{
    uint32_t index = ENTRIES_MAX;
    (void) pthread_mutex_lock(&table_lock);
    if (first_free < ENTRIES_MAX) {
        index = first_free;
        first_free = entries[index]->next_free;
    } else if (used < ENTRIES_MAX) {
        entry *fresh = mbedtls_calloc(1, sizeof *fresh);
        if (fresh != NULL && pthread_mutex_init(&fresh->lock, NULL) == 0) {
            fresh->generation = 1;
            index = used++;
            entries[index] = fresh;
        } else {
            mbedtls_free(fresh);
        }
    }
    (void) pthread_mutex_unlock(&table_lock);
    if (index == ENTRIES_MAX) return PSK_CORE_ERR_MEMORY;

    entry *mine = entries[index];
    (void) pthread_mutex_lock(&mine->lock);
    mine->object = object;
    mine->kind = kind;
    const int32_t handle = (int32_t) (mine->generation << INDEX_BITS | index);
    (void) pthread_mutex_unlock(&mine->lock);
    return handle;
}

void *handle_acquire(int32_t handle, handle_kind kind)
{
    entry *found = entry_of(handle);
    if (found == NULL) return NULL;
    (void) pthread_mutex_lock(&found->lock);
    if (found->object != NULL && found->kind == kind && found->generation == (uint32_t) handle >> INDEX_BITS) return found->object;
    (void) pthread_mutex_unlock(&found->lock);
    return NULL;
}

void handle_release(int32_t handle)
{
    (void) pthread_mutex_unlock(&entry_of(handle)->lock);
}

void handle_end(int32_t handle)
{
    const uint32_t index = (uint32_t) handle & INDEX_MASK;
    entry *ending = entry_of(handle);
    ending->object = NULL;
    ending->generation = ending->generation + 1 < GENERATIONS ? ending->generation + 1 : 1;
    (void) pthread_mutex_unlock(&ending->lock);
    (void) pthread_mutex_lock(&table_lock);
    ending->next_free = first_free;
    first_free = index;
    (void) pthread_mutex_unlock(&table_lock);
}

int32_t handle_any(handle_kind kind)
{
    int32_t found = 0;
    for (uint32_t index = 0; found == 0; index++) {
        (void) pthread_mutex_lock(&table_lock);
        entry *looked_at = index < used ? entries[index] : NULL;
        (void) pthread_mutex_unlock(&table_lock);
        if (looked_at == NULL) break;
        (void) pthread_mutex_lock(&looked_at->lock);
        if (looked_at->object != NULL && looked_at->kind == kind) found = (int32_t) (looked_at->generation << INDEX_BITS | index);
        (void) pthread_mutex_unlock(&looked_at->lock);
    }
    return found;
}
