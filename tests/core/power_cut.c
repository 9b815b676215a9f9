#define _GNU_SOURCE
#include "power_cut.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int calls_until_cut = -1;
static int changed;
int *directory_changed = &changed;

int __wrap_openat(int directory, const char *path, int flags, ...);
ssize_t __wrap_write(int file, const void *data, size_t length);
int __wrap_fsync(int file);
int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __wrap_unlinkat(int directory, const char *path, int flags);
int __real_openat(int directory, const char *path, int flags, ...);
ssize_t __real_write(int file, const void *data, size_t length);
int __real_fsync(int file);
int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);

static int cut_now(void)
{
    return calls_until_cut >= 0 && calls_until_cut-- == 0;
}

int __wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (cut_now()) _exit(POWER_CUT);
    return __real_openat(directory, path, flags, mode);
}

ssize_t __wrap_write(int file, const void *data, size_t length)
{
    if (cut_now()) {
        (void) !__real_write(file, data, length / 2);
        _exit(POWER_CUT);
    }
    return __real_write(file, data, length);
}

int __wrap_fsync(int file)
{
    if (cut_now()) _exit(POWER_CUT);
    const int result = __real_fsync(file);
    if (result == 0) *directory_changed = 0;
    return result;
}

int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    if (cut_now()) _exit(POWER_CUT);
    *directory_changed = 1;
    return __real_renameat(from_directory, from, to_directory, to);
}

int __wrap_unlinkat(int directory, const char *path, int flags)
{
    if (cut_now()) _exit(POWER_CUT);
    *directory_changed = 1;
    return __real_unlinkat(directory, path, flags);
}
