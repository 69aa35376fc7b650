/* A running job: reaping, cancel, the grace. */
#include "platform.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "clock.h"
#include "keeper.h"
#include "limits.h"
#include "log.h"
#include "outcome.h"
#include "processes.h"
#include "signals.h"
#include "streams.h"
#include "supervising.h"
#include "waiting.h"

enum { GRACE = 10 }; /* seconds between TERM and KILL */

static double grace_seconds(void) {
  const char *text = getenv("XOSAGA_GRACE");
  return text != NULL ? atof(text) : GRACE;
}

/* A stopped process must be continued to hear it. */
void terminate(struct keeper *keeper) {
  double now = clock_seconds(CLOCK_MONOTONIC);
  bool again = keeper->kill_at > 0;
  keeper->kill_at = again ? now : now + grace_seconds();
  if (again) return;
  kill(-keeper->group, SIGTERM);
  kill(-keeper->group, SIGCONT);
}

static void cancel(struct keeper *keeper) {
  decide_canceled(keeper);
  terminate(keeper);
}

void hear_cancels(struct keeper *keeper) {
  for (; keeper->cancels_seen < cancels_asked; keeper->cancels_seen++) cancel(keeper);
}

/* Again once a second until all are gone. */
void end_grace(struct keeper *keeper) {
  if (keeper->kill_at == 0 || clock_seconds(CLOCK_MONOTONIC) < keeper->kill_at) return;
  kill(-keeper->group, SIGKILL);
  kill_marked(keeper->job->id);
  if (keeper->kind == CANCELED) keeper->code = SIGKILL;
  keeper->kill_at = clock_seconds(CLOCK_MONOTONIC) + 1;
}

static long rank_of(const struct keeper *keeper, pid_t pid) {
  for (long rank = 0; rank < keeper->job->processes; rank++)
    if (keeper->pids[rank] == pid) return rank;
  return -1;
}

static void account(struct keeper *keeper, const struct rusage *usage) {
  const struct timeval *user = &usage->ru_utime, *system = &usage->ru_stime;
  keeper->cpu += (double)(user->tv_sec + system->tv_sec) + (double)(user->tv_usec + system->tv_usec) / 1e6;
#if defined(__APPLE__)
  long rss = usage->ru_maxrss / 1024;
#else
  long rss = usage->ru_maxrss;
#endif
  if (rss > keeper->rss) keeper->rss = rss;
}

static void reap(struct keeper *keeper) {
  int status;
  struct rusage usage;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
    account(keeper, &usage);
    long rank = rank_of(keeper, pid);
    if (rank < 0) continue; /* an orphan of the job */
    keeper->pids[rank] = 0;
    keeper->live--;
    bool success = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (success || keeper->kind != UNDECIDED) continue;
    if (ran_out_of_memory(&keeper->cgroup)) {
      exceed(keeper, MEMORY);
      continue;
    }
    keeper->kind = WIFEXITED(status) ? EXITED : SIGNALED;
    keeper->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    keeper->rank = rank;
    if (keeper->live > 0) terminate(keeper);
  }
}

/* Sleeps until a signal, output on stderr, or the next moment at which something is due. */
static void sleep_until_something(struct keeper *keeper) {
  double wait = keeper->job->interactive || !keeper->run_recorded ? 1 : -1;
  if (keeper->kill_at > 0) wait = sooner(wait, keeper->kill_at);
  else wait = sooner(sooner(wait, keeper->wall_at), keeper->look_at);
  if (sleep_on(keeper->stderr_pipe, wait)) read_tail(&keeper->stderr_pipe, &keeper->tail);
}

void supervise(struct keeper *keeper) {
  while (keeper->live > 0) {
    sleep_until_something(keeper);
    hear_cancels(keeper);
    reap(keeper);
    if (input_opened) close_fifo_writer(keeper);
    if (!keeper->run_recorded) record_run(keeper);
    if (keeper->job->interactive && keeper->kill_at == 0 &&
        !process_lives(keeper->launcher->submitter, keeper->launcher->submitter_start))
      cancel(keeper);
    check_limits(keeper);
    end_grace(keeper);
  }
  kill(-keeper->group, SIGKILL);
  if (keeper->kind == UNDECIDED && ran_out_of_memory(&keeper->cgroup)) exceed(keeper, MEMORY);
  if (keeper->kind == CANCELED || keeper->kind == LIMITED) kill_marked(keeper->job->id);
  if (keeper->kind == UNDECIDED) keeper->kind = EXITED;
  if (keeper->stderr_pipe >= 0) read_tail(&keeper->stderr_pipe, &keeper->tail);
  if (*keeper->job->error != '\0' && !succeeded(keeper)) read_error_file(keeper);
}
