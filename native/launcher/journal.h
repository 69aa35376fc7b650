#ifndef XOSAGA_JOURNAL_H
#define XOSAGA_JOURNAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "launcher.h"

/* Path of a file of the segment, to be freed. */
char *path_of(const struct launcher *launcher, const char *segment, const char *name, const char *suffix);

/* The journal of the segment, for reading and appending; -1 with errno. */
int open_events(const struct launcher *launcher, const char *segment);

/* One write a record. False, with errno, when it is not whole in the file. */
__attribute__((format(printf, 2, 3))) bool append(int events, const char *format, ...);

/* Whether the line is a whole record `<word> <number> ...` of so many words. */
bool is_record(const char *line, const char *word, const char *number, int words);

/* What the journal holds from the offset on, as a string to be freed. */
char *read_events(int events, off_t offset);

#endif
