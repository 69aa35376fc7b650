#ifndef XOSAGA_MEMORY_H
#define XOSAGA_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

/* A keeper that aborts is lost, and its launcher says so. */
static inline void *must(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

#endif
