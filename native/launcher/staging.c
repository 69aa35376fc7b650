/* A script brings the files of a job in before its start and out after its end: docs/state.md, "Staging". */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "files.h"
#include "log.h"
#include "memory.h"
#include "outcome.h"
#include "signals.h"
#include "staging.h"
#include "starting.h"
#include "streams.h"
#include "supervising.h"
#include "waiting.h"

const char *const direction_names[] = {[IN] = "in", [OUT] = "out"};

enum { SCRIPT_WORDS = 4, REASON_MAX = 512, MOST_LINKS = 40 };

extern char **environ;

/* That of the launcher, not of the job, with the mark of the job. Kept: later the keeper's own is that of the job. */
static char **staging_environment(struct keeper *keeper) {
  if (keeper->staging_environment != NULL) return keeper->staging_environment;
  size_t count = 0;
  while (environ[count] != NULL) count++;
  char **copy = must(calloc(count + 2, sizeof *copy));
  size_t size = sizeof "XOSAGA_JOB_ID=" + strlen(keeper->job->id);
  copy[0] = must(malloc(size));
  snprintf(copy[0], size, "XOSAGA_JOB_ID=%s", keeper->job->id);
  memcpy(copy + 1, environ, count * sizeof *copy);
  return keeper->staging_environment = copy;
}

static char **staging_command(const struct keeper *keeper, enum direction direction, const struct list *steps) {
  char **words = must(calloc((size_t)steps->count + SCRIPT_WORDS + 1, sizeof *words));
  words[0] = "sh";
  words[1] = (char *)keeper->launcher->staging_script;
  words[2] = (char *)direction_names[direction];
  words[3] = (char *)keeper->job->id;
  for (long i = 0; i < steps->count; i++) words[SCRIPT_WORDS + i] = steps->fields[i];
  return words;
}

/* Starts the script in a process group of its own; -1 with errno. */
static pid_t start_script(struct keeper *keeper, char **command, char **environment, int errors) {
  const int streams[3] = {STDIN_FILENO, STDIN_FILENO, errors}; /* a keeper's own input is /dev/null */
  pid_t keeper_pid = getpid();
  volatile int error = 0;
  pid_t pid = vfork();
  if (pid == 0) {
    become_child(keeper_pid, 0, streams);
    execve("/bin/sh", command, environment);
    error = errno;
    _exit(127);
  }
  if (pid > 0 && error != 0) {
    waitpid(pid, NULL, 0);
    errno = error;
    return -1;
  }
  keeper->group = pid;
  return pid;
}

/* Whether the script has ended, with its status. Orphans of the job come to the keeper, too. */
static bool has_ended(pid_t script, int *status) {
  int any;
  for (pid_t pid; (pid = waitpid(-1, &any, WNOHANG)) > 0;) {
    if (pid != script) continue;
    *status = any;
    return true;
  }
  return false;
}

static int await_script(struct keeper *keeper, pid_t script, int *errors, struct tail *reason) {
  int status = 0;
  keeper->kill_at = 0;
  while (!has_ended(script, &status)) {
    if (sleep_on(*errors, sooner(-1, keeper->kill_at))) read_tail(errors, reason);
    hear_cancels(keeper);
    end_grace(keeper);
  }
  kill(-script, SIGKILL);
  keeper->group = 0;
  keeper->kill_at = 0;
  if (*errors >= 0) read_tail(errors, reason);
  return status;
}

static void trim(struct tail *tail) {
  while (tail->size > 0 && tail->bytes[tail->size - 1] == '\n') tail->size--;
}

/* Carries the steps out. False when they were not all done, with the reason. */
static bool carry_out(struct keeper *keeper, enum direction direction, const struct list *steps, struct tail *reason) {
  int ends[2];
  if (!cloexec_pipe(ends)) {
    tail_add(reason, strerror(errno), strlen(strerror(errno)));
    return false;
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  char **command = staging_command(keeper, direction, steps);
  pid_t script = start_script(keeper, command, staging_environment(keeper), ends[1]);
  int error = errno;
  free(command);
  close(ends[1]);
  int status = script > 0 ? await_script(keeper, script, &ends[0], reason) : -1;
  if (ends[0] >= 0) close(ends[0]);
  if (status == 0) return true;
  remove_temporaries(keeper->job->id, direction, steps); /* it may have been killed */
  const char *hint = script > 0 ? "the staging script was ended" : strerror(error);
  if (reason->size == 0) tail_add(reason, hint, strlen(hint));
  trim(reason);
  return false;
}

static void decide_staging_failed(struct keeper *keeper, enum direction direction, const struct tail *reason) {
  size_t size = reason->size < REASON_MAX ? reason->size : REASON_MAX;
  keeper->kind = STAGING;
  keeper->code = direction;
  keeper->rank = 0;
  keeper->tail.size = 0;
  tail_add(&keeper->tail, reason->bytes + reason->size - size, size);
}

bool stage_in(struct keeper *keeper) {
  const struct job *job = keeper->job;
  if (job->after.count > 0) staging_environment(keeper);
  if (job->before.count == 0) return true;
  struct tail reason = {.size = 0};
  enter_phase(keeper, STAGING_IN);
  bool done = carry_out(keeper, IN, &job->before, &reason);
  if (!done && keeper->kind == UNDECIDED) decide_staging_failed(keeper, IN, &reason);
  return keeper->kind == UNDECIDED;
}

/* A failure that was there first remains the outcome, and says both. */
static void add_reason(struct keeper *keeper, const struct tail *reason) {
  static const char title[] = "\nstaging out failed: ";
  size_t size = reason->size < REASON_MAX ? reason->size : REASON_MAX;
  trim(&keeper->tail);
  tail_add(&keeper->tail, title, sizeof title - 1);
  tail_add(&keeper->tail, reason->bytes + reason->size - size, size);
}

void stage_out(struct keeper *keeper) {
  if (keeper->job->after.count == 0) return;
  struct tail reason = {.size = 0};
  sig_atomic_t cancels = keeper->cancels_seen;
  enum kind kind = keeper->kind;
  keeper->kind = UNDECIDED; /* so that a cancel can decide */
  int code = keeper->code;
  enter_phase(keeper, STAGING_OUT);
  bool done = carry_out(keeper, OUT, &keeper->job->after, &reason);
  if (keeper->cancels_seen > cancels) {
    keeper->rank = 0;
    keeper->tail.size = 0;
    return;
  }
  keeper->kind = kind;
  keeper->code = code;
  if (done) return;
  if (succeeded(keeper)) decide_staging_failed(keeper, OUT, &reason);
  else add_reason(keeper, &reason);
}

/* The directory in which the target of a step really is, as the script finds it: a link may lead to what is not there yet. */
static bool find_directory(const char *target, char *path, size_t size) {
  char link[PATH_MAX], *slash;
  if (snprintf(path, size, "%s", target) >= (int)size) return false;
  for (int links = 0; links <= MOST_LINKS; links++) {
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length >= 0 && link[0] == '/') path[0] = '\0';
    else if ((slash = strrchr(path, '/')) != NULL) slash[1] = '\0';
    if (length < 0) return true;
    link[length] = '\0';
    size_t used = strlen(path);
    if (used + (size_t)length >= size) return false;
    memcpy(path + used, link, (size_t)length + 1);
  }
  return false;
}

void remove_temporaries(const char *id, enum direction direction, const struct list *steps) {
  for (long i = 0; i + STEP_FIELDS <= steps->count; i += STEP_FIELDS) {
    char path[PATH_MAX];
    if (*steps->fields[i + 2] == '\0' || !find_directory(steps->fields[i + 2], path, sizeof path)) continue;
    size_t used = strlen(path);
    int size = snprintf(path + used, sizeof path - used, ".xosaga-%s-%s%ld", id, direction_names[direction],
                        i / STEP_FIELDS + 1);
    if (size > 0 && (size_t)size < sizeof path - used) unlink(path);
  }
}
