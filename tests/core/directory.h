/* A directory for the files of a test, which goes with it. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

extern char directory[64];

void make_directory(void);

#endif
