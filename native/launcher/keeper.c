/* A keeper: it claims a job, starts it, waits for it and records its end, and outlives launcher and submitter. */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "files.h"
#include "journal.h"
#include "keeper.h"
#include "limits.h"
#include "log.h"
#include "memory.h"
#include "outcome.h"
#include "places.h"
#include "processes.h"
#include "signals.h"
#include "staging.h"
#include "starting.h"
#include "streams.h"
#include "supervising.h"
#include "waiting.h"

#if defined(__linux__)
#include <sys/prctl.h>
#endif

/* A session of its own, deaf to what is meant for the submitter; orphans of the job come to it, not to init. */
static void become_keeper(void) {
  setsid();
#if defined(__linux__)
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "xosaga_keeper");
#endif
  change_mask(SIG_BLOCK, SIGTERM);
  handle(SIGTERM, on_signal);
  handle(SIGUSR1, on_signal);
  handle(SIGUSR2, on_signal);
  handle(SIGXFSZ, SIG_IGN); /* a limit on file sizes must not kill who has to record the end */
  int null = open_retry("/dev/null", O_RDWR, 0);
  dup2(null, STDIN_FILENO);
  close(null);
}

/* The launcher's standard output is for complaints; holding it longer would keep the submitter waiting for its end. */
int report_not_started(const struct job *job, int error, const char *what) {
  char text[ENCODED_MAX], reason[TEXT_MAX];
  snprintf(reason, sizeof reason, "%s: %s", what, strerror(error));
  percent_encode(text, reason, strlen(reason));
  dprintf(STDOUT_FILENO, "nostart %s %s %s %s\n", job->segment, job->number, errno_name(error), text);
  return EXIT_NOT_STARTED;
}

static bool enter_directory(struct keeper *keeper) {
  const char *cwd = keeper->job->cwd;
  return *cwd == '\0' || chdir(cwd) == 0 || fail(keeper, errno, 0, "cannot change to directory '%s'", cwd);
}

static bool make_ready(struct keeper *keeper) {
  if (!wait_for_turn(keeper) || !enter_directory(keeper) || !stage_in(keeper) || !open_streams(keeper)) return false;
  if (cancels_asked > 0) decide_canceled(keeper);
  return keeper->kind == UNDECIDED;
}

static void run_job(struct keeper *keeper) {
  bool ready = make_ready(keeper);
  if (ready && keeper->job->limits[MEMORY] > 0)
    keeper->cgroup = make_cgroup(keeper->job->id, keeper->job->limits[MEMORY]);
  bool started = ready && start_processes(keeper);
  if (started) {
    record_run(keeper);
    start_limits(keeper);
    supervise(keeper);
  }
  give_places_back(keeper);
  if (keeper->job->interactive) {
    char *fifo = path_of(keeper->launcher, keeper->job->segment, keeper->job->number, ".stdin");
    unlink(fifo);
    free(fifo);
  }
  if (started && keeper->kind != CANCELED) stage_out(keeper);
  record_end(keeper);
  remove_cgroup(&keeper->cgroup);
}

int keep(const struct launcher *launcher, const struct job *job) {
  become_keeper();
  struct keeper keeper = {.launcher = launcher,
                          .job = job,
                          .read_to = job->offset,
                          .held = job->held,
                          .stderr_pipe = -1,
                          .fifo_writer = -1,
                          .cgroup = {.processes = -1}};
  keeper.events = open_events(launcher, job->segment);
  if (keeper.events < 0) return report_not_started(job, errno, "cannot open the journal of the job");
  keeper.pids = must(calloc((size_t)job->processes, sizeof *keeper.pids));

  char start[START_MAX] = "0", claim[256];
  process_start(getpid(), start);
  snprintf(claim, sizeof claim, "start %.32s %s %ld %s", job->number, timestamp(), (long)getpid(), start);
  if (!append(keeper.events, "%s", claim)) return report_not_started(job, errno, "cannot write to the journal");
  if (read_log(&keeper, claim)) {
    dup2(STDIN_FILENO, STDOUT_FILENO); /* nothing is left to complain about */
    run_job(&keeper);
  }
  free(keeper.pids);
  close(keeper.events);
  return 0;
}
