#ifndef XOSAGA_FILES_H
#define XOSAGA_FILES_H

#include <stdbool.h>
#include <sys/types.h>

/* open(2), closed on exec, again when a signal came. */
int open_retry(const char *path, int flags, mode_t mode);

bool cloexec_pipe(int ends[2]);

#endif
