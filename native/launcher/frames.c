/* Standard input of the launcher, cut into the frames of jobs. */
#include "platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"
#include "job.h"
#include "memory.h"

static size_t frame_size(const struct input *input, size_t at) {
  const unsigned char *b = (const unsigned char *)input->bytes + at;
  return (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

static void drop(struct input *input, size_t size) {
  memmove(input->bytes, input->bytes + size, input->size - size);
  input->size -= size;
}

static void launch_frames(struct launcher *launcher, struct input *input) {
  size_t at = 0;
  while (input->size - at >= 4) {
    size_t size = frame_size(input, at);
    if (size > FRAME_MAX) {
      dprintf(STDOUT_FILENO, "bad frame of %zu bytes\n", size);
      input->skip = size;
      at += 4;
      break;
    }
    if (input->size - at - 4 < size) break;
    launch(launcher, input->bytes + at + 4, size);
    at += 4 + size;
  }
  drop(input, at);
}

bool read_frames(struct launcher *launcher, struct input *input) {
  if (input->capacity - input->size < 65536) {
    input->capacity = input->size + 2 * 65536 + input->size / 2;
    input->bytes = must(realloc(input->bytes, input->capacity));
  }
  ssize_t got = read(STDIN_FILENO, input->bytes + input->size, input->capacity - input->size);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  input->size += (size_t)got;
  size_t skipped = input->skip < input->size ? input->skip : input->size;
  drop(input, skipped);
  input->skip -= skipped;
  if (input->skip == 0) launch_frames(launcher, input);
  return got > 0;
}
