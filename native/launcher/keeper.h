#ifndef XOSAGA_KEEPER_H
#define XOSAGA_KEEPER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cgroup.h"
#include "job.h"
#include "launcher.h"
#include "text.h"

enum { EXIT_NOT_STARTED = 1 }; /* of a keeper: it could not claim the job, and said so */

enum kind { UNDECIDED, EXITED, SIGNALED, FAILED, CANCELED, LIMITED, STAGING };

enum phase { NO_PHASE, HELD, PENDING, STAGING_IN, STAGING_OUT, PHASES };

struct keeper {
  const struct launcher *launcher;
  const struct job *job;
  int events;       /* the segment's journal */
  off_t read_to;    /* what stands before is read */
  bool held;        /* the job is not to be started: what the journal says so far */
  enum phase phase; /* the last that was recorded */
  int *places;      /* locked files */
  long place_count;
  int streams[3];  /* what the processes get as 0, 1 and 2 */
  int stderr_pipe; /* read end, -1 when the job has a file for its errors */
  int fifo_writer; /* keeps an interactive job from seeing the end of its input before the submitter has opened it */
  char **staging_environment;
  pid_t *pids; /* by rank; 0 when not running */
  long live;
  pid_t group; /* of the processes, or of the staging script while there are none */
  bool run_recorded;
  sig_atomic_t cancels_seen;
  struct cgroup cgroup;
  enum limit suspect; /* what the last look at CPU time and memory found too much of */
  double kill_at;     /* when the grace ends, 0 while nobody was asked to end */
  double wall_at;     /* when the wall time is over, 0 without such a limit */
  double look_at;     /* when CPU time and memory are looked at, 0 without such limits */
  enum kind kind;     /* the outcome, decided by the first that happens */
  int code;           /* exit status, signal, errno, limit or direction */
  long rank;          /* the process that decided */
  double cpu;
  long rss;
  struct tail tail;
};

/* The life of a keeper. @returns the exit status of its process. */
int keep(const struct launcher *launcher, const struct job *job);

/* The launcher's complaint that nobody keeps the job. */
int report_not_started(const struct job *job, int error, const char *what);

#endif
