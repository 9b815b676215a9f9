#define _GNU_SOURCE
#include "vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/platform_util.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "psk_error.h"

#define NAME_MAX_LENGTH 32

typedef struct file_store {
    int directory;
    int seen;                   /* the association that was read last, still open: its inode is nobody else's meanwhile; -1: none */
} file_store;

static void slot_name(char *name, int32_t slot, const char *suffix)
{
    if (slot < PSK_VAULT_ASSOCIATIONS) (void) snprintf(name, NAME_MAX_LENGTH, "slot-%d.cred%s", (int) slot, suffix);
    else if (slot < PSK_VAULT_SUCCESSORS) (void) snprintf(name, NAME_MAX_LENGTH, "slot-%d.assoc%s", (int) (slot - PSK_VAULT_ASSOCIATIONS), suffix);
    else (void) snprintf(name, NAME_MAX_LENGTH, "slot-%d.next%s", (int) (slot - PSK_VAULT_SUCCESSORS), suffix);
}

static int32_t from_errno(void)
{
    if (errno == ENOENT) return PSK_CORE_ERR_NO_CREDENTIAL;
    return errno == ENOSPC || errno == EDQUOT ? PSK_CORE_ERR_VAULT_FULL : PSK_CORE_ERR_VAULT_IO;
}

static int write_all(int file, const uint8_t *data, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(file, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        data += written;
        length -= (size_t) written;
    }
    return 0;
}

static bool is_association(int32_t slot)
{
    return slot >= PSK_VAULT_ASSOCIATIONS && slot < PSK_VAULT_SUCCESSORS;
}

static void forget_seen(file_store *store)
{
    if (store->seen >= 0) (void) close(store->seen);
    store->seen = -1;
}

static int32_t read_slot(void *context, int32_t slot, uint8_t *record, size_t size, size_t *length)
{
    file_store *store = context;
    char name[NAME_MAX_LENGTH];
    struct stat about;
    slot_name(name, slot, "");
    const int file = openat(store->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return from_errno();

    int32_t result = 0;
    size_t done = 0;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) result = PSK_CORE_ERR_VAULT_IO;
    else if (about.st_size < 0 || (size_t) about.st_size > size) result = PSK_CORE_ERR_VAULT_CORRUPT;
    while (result == 0 && done < size) {
        const ssize_t got = read(file, record + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) result = PSK_CORE_ERR_VAULT_IO;
        if (got <= 0) break;
        done += (size_t) got;
    }
    *length = done;
    forget_seen(store);
    if (result == 0 && is_association(slot)) store->seen = file;
    else (void) close(file);
    return result;
}

/* Between reading and erasing somebody else may have taken the association, used it, and kept a later one: that is not the one that was read,
 * whose numbers are used up. */
static bool is_another(const file_store *store, int file)
{
    struct stat seen, found;
    return store->seen >= 0 && (fstat(store->seen, &seen) != 0 || fstat(file, &found) != 0 || seen.st_ino != found.st_ino || seen.st_dev != found.st_dev);
}

/* Overwrites what an unlinked or replaced file held. The file system may keep copies; that is the best there is here. */
static void scrub(int file)
{
    static const uint8_t zeros[PSK_VAULT_RECORD_MAX];
    struct stat about;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || lseek(file, 0, SEEK_SET) != 0) return;
    const size_t length = (size_t) about.st_size < sizeof zeros ? (size_t) about.st_size : sizeof zeros;
    if (write_all(file, zeros, length) == 0) (void) fsync(file);
}

/* Temporary file, fsync, rename, fsync of the directory: a power cut leaves the old record or the new one. */
static int32_t replace_slot(const file_store *store, int32_t slot, const uint8_t *record, size_t length)
{
    char name[NAME_MAX_LENGTH], fresh_name[NAME_MAX_LENGTH];
    slot_name(name, slot, "");
    slot_name(fresh_name, slot, ".new");
    (void) unlinkat(store->directory, fresh_name, 0);        /* left by a power cut */
    const int fresh = openat(store->directory, fresh_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fresh < 0) return errno == ENOENT ? PSK_CORE_ERR_VAULT_IO : from_errno();
    int failed = fchmod(fresh, 0600) != 0 || write_all(fresh, record, length) != 0 || fsync(fresh) != 0;
    int32_t result = failed ? from_errno() : 0;
    if (close(fresh) != 0 && result == 0) result = from_errno();
    if (result < 0) {
        (void) unlinkat(store->directory, fresh_name, 0);
        return result;
    }
    const int old = openat(store->directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (renameat(store->directory, fresh_name, store->directory, name) != 0 || fsync(store->directory) != 0) {
        result = PSK_CORE_ERR_VAULT_IO;
    } else if (old >= 0) {
        scrub(old);
    }
    if (old >= 0) (void) close(old);
    return result;
}

/* One writer at a time, of this process or of another. */
static int lock_directory(const file_store *store)
{
    const int lock = openat(store->directory, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) return -1;
    while (flock(lock, LOCK_EX) != 0) {
        if (errno == EINTR) continue;
        (void) close(lock);
        return -1;
    }
    return lock;
}

static int32_t write_slot(void *context, int32_t slot, const uint8_t *record, size_t length)
{
    const file_store *store = context;
    const int lock = lock_directory(store);
    if (lock < 0) return PSK_CORE_ERR_VAULT_IO;
    const int32_t result = replace_slot(store, slot, record, length);
    (void) close(lock);
    return result;
}

static int32_t erase_locked(const file_store *store, int32_t slot)
{
    char name[NAME_MAX_LENGTH];
    int32_t result = 0;
    slot_name(name, slot, "");
    const int file = openat(store->directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    const bool kept = file >= 0 && is_association(slot) && is_another(store, file);
    if (file >= 0 && !kept) scrub(file);
    if (file >= 0) (void) close(file);
    if (kept) return 0;
    if (unlinkat(store->directory, name, 0) == 0) result = 1;
    else if (errno != ENOENT) result = PSK_CORE_ERR_VAULT_IO;
    slot_name(name, slot, ".new");
    if (unlinkat(store->directory, name, 0) != 0 && errno != ENOENT) result = PSK_CORE_ERR_VAULT_IO;
    if (fsync(store->directory) != 0) result = PSK_CORE_ERR_VAULT_IO;
    return result;
}

static int32_t erase_slot(void *context, int32_t slot)
{
    file_store *store = context;
    const int lock = lock_directory(store);
    const int32_t result = lock < 0 ? PSK_CORE_ERR_VAULT_IO : erase_locked(store, slot);
    forget_seen(store);
    if (lock >= 0) (void) close(lock);
    return result;
}

static const psk_vault_store operations = { read_slot, write_slot, erase_slot };

int32_t psk_vault_file_open(const char *directory, psk_vault *vault)
{
    if (directory == NULL || vault == NULL) return PSK_CORE_ERR_ARGUMENT;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) return PSK_CORE_ERR_VAULT_IO;
    file_store *store = malloc(sizeof *store);
    if (store == NULL) return PSK_CORE_ERR_MEMORY;
    store->seen = -1;
    store->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0) {
        free(store);
        return PSK_CORE_ERR_VAULT_IO;
    }
    vault->store = &operations;
    vault->context = store;
    return 0;
}

void psk_vault_file_close(psk_vault *vault)
{
    if (vault == NULL || vault->context == NULL) return;
    file_store *store = vault->context;
    forget_seen(store);
    (void) close(store->directory);
    free(store);
    vault->store = NULL;
    vault->context = NULL;
}
