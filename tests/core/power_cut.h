/* The linker sends the file calls of the vault here (--wrap): the process dies at a chosen one, like at a power cut. */
#ifndef POWER_CUT_H
#define POWER_CUT_H

#define POWER_CUT 77                /* exit code of a process that died so */

extern int calls_until_cut;         /* -1: none */
/* Set to 1 by a change of the directory, to 0 by an fsync after it; the owner may point it into shared memory. */
extern int *directory_changed;

int __real_unlinkat(int directory, const char *path, int flags);

#endif
