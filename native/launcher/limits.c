/* The limits of a job: docs/state.md, "Limits". */
#include "platform.h"

#include "clock.h"
#include "limits.h"
#include "supervising.h"
#include "usage.h"

/* Looks at CPU time and memory are this far apart, in seconds; so is the second look when the first found too much. */
static const double LOOK = 1, LOOK_AGAIN = 0.1;

void start_limits(struct keeper *keeper) {
  const long long *limits = keeper->job->limits;
  double now = clock_seconds(CLOCK_MONOTONIC);
  if (limits[WALL] > 0) keeper->wall_at = now + (double)limits[WALL];
  if (limits[CPU] > 0 || limits[MEMORY] > 0) keeper->look_at = now + LOOK;
}

void exceed(struct keeper *keeper, enum limit limit) {
  keeper->kind = LIMITED;
  keeper->code = limit;
  terminate(keeper);
}

/* A process that has just forked counts double for a moment, so that one look proves nothing. */
static void look_at_usage(struct keeper *keeper) {
  const long long *limits = keeper->job->limits;
  struct usage usage = usage_of_descendants();
  enum limit found = NO_LIMIT;
  bool kept = keeper->cgroup.directory != NULL; /* then the kernel counts */
  if (limits[MEMORY] > 0 && !kept && usage.memory > (double)limits[MEMORY]) found = MEMORY;
  if (limits[CPU] > 0 && keeper->cpu + usage.cpu > (double)limits[CPU]) found = CPU;
  if (ran_out_of_memory(&keeper->cgroup)) exceed(keeper, MEMORY);
  else if (found != NO_LIMIT && found == keeper->suspect) exceed(keeper, found);
  keeper->suspect = found;
  keeper->look_at = clock_seconds(CLOCK_MONOTONIC) + (found != NO_LIMIT ? LOOK_AGAIN : LOOK);
}

/* Once somebody has asked the job to end, for whatever reason, limits mean nothing more. */
void check_limits(struct keeper *keeper) {
  if ((keeper->wall_at == 0 && keeper->look_at == 0) || keeper->kill_at > 0 || keeper->live == 0) return;
  double now = clock_seconds(CLOCK_MONOTONIC);
  if (keeper->wall_at > 0 && now >= keeper->wall_at) exceed(keeper, WALL);
  else if (keeper->look_at > 0 && now >= keeper->look_at) look_at_usage(keeper);
}
