#include "handles.h"

#include <pthread.h>
#include <stdlib.h>

#include "psk_error.h"

/* A handle is 15 bits of generation over 16 bits of index; entries live as long as the process. */
#define INDEX_BITS 16
#define ENTRIES_MAX (1u << INDEX_BITS)
#define GENERATIONS (1u << (31 - INDEX_BITS))

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
    const uint32_t index = (uint32_t) handle & (ENTRIES_MAX - 1);
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
        entry *fresh = calloc(1, sizeof *fresh);
        if (fresh != NULL && pthread_mutex_init(&fresh->lock, NULL) == 0) {
            fresh->generation = 1;
            index = used++;
            entries[index] = fresh;
        } else {
            free(fresh);
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
    const uint32_t index = (uint32_t) handle & (ENTRIES_MAX - 1);
    entry *ending = entry_of(handle);
    ending->object = NULL;
    ending->generation = ending->generation + 1 < GENERATIONS ? ending->generation + 1 : 1;
    (void) pthread_mutex_unlock(&ending->lock);
    (void) pthread_mutex_lock(&table_lock);
    ending->next_free = first_free;
    first_free = index;
    (void) pthread_mutex_unlock(&table_lock);
}
