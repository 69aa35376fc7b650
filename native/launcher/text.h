#ifndef XOSAGA_TEXT_H
#define XOSAGA_TEXT_H

#include <stddef.h>

enum {
  TEXT_MAX = 2048,                /* bytes of <text>, before they are encoded */
  ENCODED_MAX = 3 * TEXT_MAX + 2, /* and after, with a NUL */
};

/* The last bytes of a stream: the end of standard error, or the reason why a job could not be started. */
struct tail {
  char bytes[2 * TEXT_MAX];
  size_t size;
};

void tail_add(struct tail *tail, const char *bytes, size_t size);

/* Writes the last TEXT_MAX bytes as <text>. */
void percent_encode(char out[static ENCODED_MAX], const char *bytes, size_t size);

/* ENOENT for 2. */
const char *errno_name(int number);

#endif
