/*
 * The launcher of local jobs.
 *
 *   xosaga_launcher <directory of segments> <submitter pid> <submitter start> <staging script>
 *
 * It reads jobs from its standard input and forks a keeper for each, which outlives it and the submitter (keeper.c).
 * docs/state.md says what must hold at every instant, docs/launcher.md what comes in and goes out. xosaga_launcher.sh
 * is the same for machines without a compiler. Every process here is one thread.
 */
#include "platform.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "frames.h"
#include "job.h"
#include "journal.h"
#include "keeper.h"
#include "launcher.h"
#include "memory.h"
#include "processes.h"
#include "signals.h"
#include "staging.h"

/* A keeper that runs, or one that died (pid 0) and whose job must be recorded as lost. */
struct kept {
  struct kept *next;
  pid_t pid;
  char *segment, *number, *id;
  struct list before, after; /* copies of the steps of staging */
  bool limited;              /* in its memory */
};

static struct list copy_of(const struct list *list) {
  struct list copy = {.count = list->count};
  if (list->count == 0) return copy;
  copy.fields = must(calloc((size_t)list->count, sizeof *copy.fields));
  for (long i = 0; i < list->count; i++) copy.fields[i] = must(strdup(list->fields[i]));
  return copy;
}

static void free_copy(struct list *copy) {
  for (long i = 0; i < copy->count; i++) free(copy->fields[i]);
  free(copy->fields);
}

static void remember(struct launcher *launcher, const struct job *job, pid_t pid) {
  struct kept *kept = must(malloc(sizeof *kept));
  *kept = (struct kept){.next = launcher->kept,
                        .pid = pid,
                        .segment = must(strdup(job->segment)),
                        .number = must(strdup(job->number)),
                        .id = must(strdup(job->id)),
                        .before = copy_of(&job->before),
                        .after = copy_of(&job->after),
                        .limited = job->limits[MEMORY] > 0};
  launcher->kept = kept;
}

void launch(struct launcher *launcher, char *frame, size_t size) {
  struct job job = {0};
  if (parse_job(&job, frame, size)) {
    pid_t pid = fork();
    if (pid == 0) exit(keep(launcher, &job));
    if (pid > 0) remember(launcher, &job, pid);
    else report_not_started(&job, errno, "cannot start a keeper");
  } else {
    dprintf(STDOUT_FILENO, "bad frame\n");
  }
  free_job(&job);
}

static bool record_lost(const struct launcher *launcher, const struct kept *kept) {
  int events = open_events(launcher, kept->segment);
  if (events < 0) return errno == ENOENT; /* somebody removed the segment: nothing to record */
  bool recorded = append(events, "lost %s %s", kept->number, timestamp());
  close(events);
  return recorded;
}

static void forget(struct kept **place) {
  struct kept *kept = *place;
  *place = kept->next;
  free(kept->segment);
  free(kept->number);
  free(kept->id);
  free_copy(&kept->before);
  free_copy(&kept->after);
  free(kept);
}

/* What a keeper has left of its job when it died. */
static void clean_up(const struct kept *kept) {
  kill_marked(kept->id);
  remove_temporaries(kept->id, IN, &kept->before);
  remove_temporaries(kept->id, OUT, &kept->after);
  if (kept->limited) remove_cgroup_of(kept->id);
}

static struct kept **find_keeper(struct launcher *launcher, pid_t pid) {
  struct kept **place = &launcher->kept;
  while (*place != NULL && (*place)->pid != pid) place = &(*place)->next;
  return place;
}

static void reap_keepers(struct launcher *launcher) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    struct kept **place = find_keeper(launcher, pid);
    if (*place == NULL) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) <= EXIT_NOT_STARTED) {
      forget(place);
    } else {
      clean_up(*place);
      (*place)->pid = 0;
    }
  }
}

/* False while a job is lost whose journal cannot be written. */
static bool record_all_lost(struct launcher *launcher) {
  struct kept **place;
  while (*(place = find_keeper(launcher, 0)) != NULL) {
    if (!record_lost(launcher, *place)) return false;
    forget(place);
  }
  return true;
}

static void serve(struct launcher *launcher) {
  struct input input = {0};
  sigset_t none;
  sigemptyset(&none);
  for (bool more = true; more;) {
    reap_keepers(launcher);
    const struct timespec second = {.tv_sec = 1};
    const struct timespec *timeout = record_all_lost(launcher) ? NULL : &second;
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(STDIN_FILENO, &readable);
    if (pselect(STDIN_FILENO + 1, &readable, NULL, NULL, timeout, &none) > 0) more = read_frames(launcher, &input);
  }
  free(input.bytes);
  while (launcher->kept != NULL) forget(&launcher->kept);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr,
            "usage: xosaga_launcher <directory of segments> <submitter pid> <submitter start> <staging script>\n");
    return 2;
  }
  struct launcher launcher = {
      .directory = argv[1], .submitter = (pid_t)atol(argv[2]), .submitter_start = argv[3], .staging_script = argv[4]};
  const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) handle(ignored[i], SIG_IGN);
  handle(SIGCHLD, on_signal);
  change_mask(SIG_BLOCK, SIGCHLD);
  change_mask(SIG_BLOCK, SIGUSR1);
  change_mask(SIG_BLOCK, SIGUSR2);
  serve(&launcher);
  return 0;
}
