/* A job that has been claimed waits here for all that must be before it may start. */
#include "platform.h"

#include <signal.h>
#include <sys/select.h>
#include <time.h>

#include "clock.h"
#include "dependencies.h"
#include "log.h"
#include "outcome.h"
#include "places.h"
#include "processes.h"
#include "signals.h"
#include "waiting.h"

/* Seconds between looks at what tells nobody: clocks, and processes that may die. */
static const double LOOK = 1;

bool sleep_on(int descriptor, double seconds) {
  if (seconds > 1e6) seconds = 1e6; /* some systems take no more */
  struct timespec timeout = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  fd_set readable;
  FD_ZERO(&readable);
  if (descriptor >= 0) FD_SET(descriptor, &readable);
  sigset_t none;
  sigemptyset(&none);
  return pselect(descriptor + 1, &readable, NULL, NULL, seconds < 0 ? NULL : &timeout, &none) > 0;
}

bool is_asked(struct keeper *keeper) {
  const struct launcher *launcher = keeper->launcher;
  if (cancels_asked > 0) decide_canceled(keeper);
  /* An interactive job ends with its submitter. */
  else if (keeper->job->interactive && !process_lives(launcher->submitter, launcher->submitter_start))
    decide_canceled(keeper);
  return keeper->kind != UNDECIDED || log_changed;
}

/* The clock may be changed at any time, so that a long sleep would be wrong. */
static bool is_too_early(struct keeper *keeper) {
  double left = keeper->job->at > 0 ? (double)keeper->job->at - clock_seconds(CLOCK_REALTIME) : 0;
  if (left <= 0) return false;
  enter_phase(keeper, PENDING);
  sleep_on(-1, left < LOOK ? left : LOOK);
  return true;
}

/* Whoever asked for the hold waits for this answer. */
static void stay_held(struct keeper *keeper) {
  give_places_back(keeper);
  enter_phase(keeper, HELD);
  sleep_on(-1, keeper->job->interactive || keeper->phase != HELD ? LOOK : -1);
}

bool wait_for_turn(struct keeper *keeper) {
  struct observation *observation = observe_dependencies(keeper);
  for (bool ready = false; !ready;) {
    if (log_changed) {
      log_changed = 0;
      read_log(keeper, NULL);
    } else if (is_asked(keeper)) {
      break;
    } else if (keeper->held) {
      stay_held(keeper);
    } else if (!is_too_early(keeper) && !must_wait_for_others(keeper, observation)) {
      ready = keeper->kind == UNDECIDED && take_places(keeper) && !is_asked(keeper);
      if (!ready) give_places_back(keeper);
    }
  }
  forget_dependencies(observation);
  return keeper->kind == UNDECIDED;
}
