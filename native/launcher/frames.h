#ifndef XOSAGA_FRAMES_H
#define XOSAGA_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher.h"

/* What was read of standard input and is not yet a whole frame. */
struct input {
  char *bytes;
  size_t size, capacity;
  size_t skip; /* bytes of a frame that is too large */
};

/* Reads once, and launches what is whole. False at the end of the input; what is left then is a torn frame. */
bool read_frames(struct launcher *launcher, struct input *input);

#endif
