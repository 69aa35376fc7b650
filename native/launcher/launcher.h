#ifndef XOSAGA_LAUNCHER_H
#define XOSAGA_LAUNCHER_H

#include <stddef.h>
#include <sys/types.h>

struct kept;

/* What every function of launcher and keeper may know. */
struct launcher {
  const char *directory; /* of the segments */
  pid_t submitter;
  const char *submitter_start;
  const char *staging_script;
  struct kept *kept;
};

/* Gives the job of this frame a keeper. */
void launch(struct launcher *launcher, char *frame, size_t size);

#endif
