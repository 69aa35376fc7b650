/* Starting the processes of a job. */
#include "platform.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outcome.h"
#include "signals.h"
#include "starting.h"

#if defined(__linux__)
#include <sys/prctl.h>
#endif

static void export_number(const char *name, long value) {
  char text[32];
  snprintf(text, sizeof text, "%ld", value);
  setenv(name, text, 1);
}

void become_child(pid_t keeper, pid_t group, const int streams[static 3]) {
  setpgid(0, group);
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != keeper) _exit(127); /* the keeper died before the line above */
#else
  (void)keeper;
#endif
  for (int i = 0; i < 3; i++) dup2(streams[i], i);
  for (int signal = 1; signal < NSIG; signal++)
    if (signal != SIGKILL && signal != SIGSTOP) handle(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool explain_exec(struct keeper *keeper, int error, long rank) {
  const char *program = keeper->job->argv.fields[0];
  fail(keeper, error, rank, "cannot execute '%s'", program);
  const char *hint = "";
  if (error == ENOENT && strchr(program, '/') == NULL) hint = " (not found in PATH)";
  else if (error == ENOENT && access(program, F_OK) == 0) hint = " (its interpreter is missing)";
  tail_add(&keeper->tail, hint, strlen(hint));
  return false;
}

/*
 * Starts a process; when this returns it executes its program. vfork, as nothing is copied, and as the keeper goes on
 * only when the program is executed or could not be: the two share their memory until then, so the child writes to
 * nothing but `error` and `outside`.
 */
static bool start_process(struct keeper *keeper, long rank) {
  pid_t keeper_pid = getpid();
  volatile int error = 0;
  volatile bool outside = false;
  export_number("XOSAGA_RANK", rank);
  pid_t pid = vfork();
  if (pid < 0) return fail(keeper, errno, rank, "cannot start process %ld of the job", rank);
  if (pid == 0) {
    become_child(keeper_pid, keeper->group, keeper->streams);
    if (!enter_cgroup(&keeper->cgroup)) outside = true;
    execvp(keeper->job->argv.fields[0], keeper->job->argv.fields);
    error = errno;
    _exit(127);
  }
  if (outside) remove_cgroup(&keeper->cgroup);
  if (rank == 0) keeper->group = pid;
  keeper->pids[rank] = pid;
  keeper->live++;
  return error == 0 || explain_exec(keeper, error, rank);
}

static void reap_all(struct keeper *keeper) {
  if (keeper->group > 0) kill(-keeper->group, SIGKILL);
  for (long rank = 0; rank < keeper->job->processes; rank++)
    if (keeper->pids[rank] > 0) waitpid(keeper->pids[rank], NULL, 0);
  keeper->live = 0;
}

bool start_processes(struct keeper *keeper) {
  const struct job *job = keeper->job;
  for (long i = 0; i < job->environment.count; i++) putenv(job->environment.fields[i]);
  setenv("XOSAGA_JOB_ID", job->id, 1);
  export_number("XOSAGA_SIZE", job->processes);
  bool started = true;
  for (long rank = 0; started && rank < job->processes; rank++) started = start_process(keeper, rank);
  for (int i = 0; i < 3; i++) close(keeper->streams[i]);
  if (!started) reap_all(keeper);
  return started;
}
