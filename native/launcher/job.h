#ifndef XOSAGA_JOB_H
#define XOSAGA_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FRAME_MAX = 8 << 20 /* bytes of a job */ };

enum limit { NO_LIMIT, WALL, CPU, MEMORY, LIMITS };
extern const char *const limit_names[LIMITS];

enum dependency_type { AFTER, AFTER_OK, AFTER_NOT_OK, AFTER_ANY, DEPENDENCY_TYPES };
extern const char *const dependency_names[DEPENDENCY_TYPES];

/* On each of the jobs `first` to `last` of a segment, which this submitter submits. */
struct dependency {
  enum dependency_type type;
  const char *segment;
  long long first, last;
  pid_t submitter;
  const char *submitter_start;
};

/* `count` of the places `0` to `of - 1` in a directory, relative to that of the segments. */
struct wish {
  const char *directory;
  long long count, of;
};

/* Fields of a frame, with a NULL behind them. */
struct list {
  char **fields;
  long count;
};

enum { STEP_FIELDS = 3, WISHES = 2 };

/* A job as the submitter describes it. The strings lie in its frame. An empty path means the default. */
struct job {
  const char *segment, *number, *id, *cwd, *input, *output, *error;
  off_t offset; /* the size of `events` when the job was submitted: no claim of it stands before */
  bool interactive, held;
  bool appending; /* to Output and Error, which hold what an earlier job has written */
  long long at;             /* seconds since the epoch; 0 is at once */
  long long limits[LIMITS]; /* seconds, CPU seconds, KiB; 0 is none */
  struct dependency *dependencies;
  long dependency_count;
  struct wish wishes[WISHES]; /* in the order in which they are to be fulfilled */
  long wish_count;
  long processes;
  struct list before, after; /* steps of staging, STEP_FIELDS each */
  struct list argv;
  struct list environment; /* K=V, added to the launcher's own */
};

/* False when the frame is not a job. What it holds is to be freed either way. */
bool parse_job(struct job *job, char *frame, size_t size);

void free_job(struct job *job);

#endif
