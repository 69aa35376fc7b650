/*
 * Jobs that others depend on. The keeper is an observer of their journals as the submitter is one: it records what
 * became of a job whose keeper or submitter is dead, and makes a journal durable before it believes an end.
 */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "dependencies.h"
#include "journal.h"
#include "log.h"
#include "memory.h"
#include "notices.h"
#include "outcome.h"
#include "processes.h"
#include "waiting.h"

/* Seconds between looks for the dead, of whom nobody tells; and for all news where nobody tells of these either. */
static const double LOOK = 1, BLIND_LOOK = 0.25;

/* A busy journal has news all the time, and hardly ever ours. */
static const double PAUSE = 0.02;

enum { MARK_MAX = 64 };

/* What a journal says of one job. */
struct fate {
  bool claimed, run, ended, succeeded;
  pid_t keeper; /* 0 when nobody will start it */
  char keeper_start[START_MAX];
};

/* The jobs of one dependency. */
struct watched {
  const struct dependency *dependency;
  off_t read_to;
  struct fate *fates;
  bool met, gone;
};

struct observation {
  struct notices notices;
  bool noticing;
  double look_at; /* when to look for the dead */
  long count;
  struct watched watched[];
};

enum verdict { MET, OPEN, IMPOSSIBLE };

struct observation *observe_dependencies(const struct keeper *keeper) {
  const struct job *job = keeper->job;
  if (job->dependency_count == 0) return NULL;
  struct observation *observation =
      must(calloc(1, sizeof *observation + (size_t)job->dependency_count * sizeof *observation->watched));
  observation->notices = no_notices();
  observation->count = job->dependency_count;
  for (long i = 0; i < job->dependency_count; i++) {
    struct watched *watched = &observation->watched[i];
    watched->dependency = &job->dependencies[i];
    size_t jobs = (size_t)(watched->dependency->last - watched->dependency->first + 1);
    watched->fates = must(calloc(jobs, sizeof *watched->fates));
  }
  return observation;
}

void forget_dependencies(struct observation *observation) {
  if (observation == NULL) return;
  for (long i = 0; i < observation->count; i++) free(observation->watched[i].fates);
  close_notices(&observation->notices);
  free(observation);
}

/* The first of `start` and `never`, and of `end` and `lost`, is the one that counts. */
static void take_note(struct fate *fate, const char *line) {
  long keeper;
  char start[START_MAX], how[32], what[32];
  if (strncmp(line, "run ", 4) == 0) {
    fate->run = true;
  } else if (strncmp(line, "start ", 6) == 0) {
    if (fate->claimed || sscanf(line, "%*s %*s %*s %ld %31s", &keeper, start) != 2) return;
    fate->claimed = true;
    fate->keeper = (pid_t)keeper;
    strcpy(fate->keeper_start, start);
  } else if (strncmp(line, "never ", 6) == 0) {
    if (!fate->claimed) fate->claimed = fate->ended = true;
  } else if (!fate->ended) {
    fate->ended = true;
    fate->succeeded =
        sscanf(line, "end %*s %*s %31s %31s", how, what) == 2 && strcmp(how, "exit") == 0 && strcmp(what, "0") == 0;
  }
}

/* The number of the job whose start, run or end this line is, 0 for any other line. */
static long long subject_of(const char *line) {
  static const struct {
    const char *word;
    int words;
  } records[] = {{"start", 5}, {"never", 4}, {"run", 4}, {"lost", 3}, {"end", 9}};
  const char *number = strchr(line, ' ');
  if (number == NULL || number[1] < '1' || number[1] > '9') return 0;
  char digits[16];
  size_t size = strspn(++number, "0123456789");
  if (size >= sizeof digits) return 0;
  memcpy(digits, number, size);
  digits[size] = '\0';
  for (size_t i = 0; i < sizeof records / sizeof *records; i++)
    if (is_record(line, records[i].word, digits, records[i].words)) return atoll(digits);
  return 0;
}

static void read_on(struct watched *watched, int events) {
  const struct dependency *dependency = watched->dependency;
  char *text = read_events(events, watched->read_to), *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
    watched->read_to += rest - line;
    long long number = subject_of(line);
    if (number >= dependency->first && number <= dependency->last)
      take_note(&watched->fates[number - dependency->first], line);
  }
  free(text);
}

/* A job that never ran, and will not, has nothing to come after. */
static enum verdict verdict_on(enum dependency_type type, const struct fate *fate) {
  if (type == AFTER && fate->run) return MET;
  if (!fate->ended) return OPEN;
  if (type == AFTER_ANY || (type == AFTER_OK && fate->succeeded) || (type == AFTER_NOT_OK && !fate->succeeded))
    return MET;
  return IMPOSSIBLE;
}

/* The verdict on all; `which` is the job that decided. Of a job whose log is gone nobody knows how it ended. */
static enum verdict judge(const struct watched *watched, long long *which) {
  const struct dependency *dependency = watched->dependency;
  enum verdict all = MET;
  *which = dependency->first;
  if (watched->gone) return dependency->type == AFTER || dependency->type == AFTER_ANY ? MET : IMPOSSIBLE;
  for (long long i = 0; i <= dependency->last - dependency->first; i++) {
    enum verdict verdict = verdict_on(dependency->type, &watched->fates[i]);
    if (verdict == MET) continue;
    all = verdict;
    *which = dependency->first + i;
    if (verdict == IMPOSSIBLE) break;
  }
  return all;
}

/* What is left of a job is killed before anybody is told that it has ended. */
static void record_lost(const struct watched *watched, int events, long long number) {
  char mark[MARK_MAX];
  snprintf(mark, sizeof mark, "%s.%lld", watched->dependency->segment, number);
  kill_marked(mark);
  append(events, "lost %lld %s", number, timestamp());
}

/* Records what became of those whose keeper is dead, who may have left last words, or that nobody will start. */
static void bury_the_dead(struct watched *watched, int events) {
  const struct dependency *dependency = watched->dependency;
  bool orphaned = !process_lives(dependency->submitter, dependency->submitter_start);
  for (long long i = 0; i <= dependency->last - dependency->first; i++) {
    struct fate *fate = &watched->fates[i];
    if (fate->ended || (fate->claimed ? process_lives(fate->keeper, fate->keeper_start) : !orphaned)) continue;
    read_on(watched, events);
    if (!fate->claimed) append(events, "never %lld %s gone", dependency->first + i, timestamp());
    else if (!fate->ended && !process_lives(fate->keeper, fate->keeper_start))
      record_lost(watched, events, dependency->first + i);
    read_on(watched, events);
  }
}

static enum verdict look_at(struct watched *watched, const struct launcher *launcher, bool for_the_dead,
                            long long *which) {
  int events = open_events(launcher, watched->dependency->segment);
  watched->gone = events < 0 && errno == ENOENT;
  if (events >= 0) read_on(watched, events);
  enum verdict verdict = judge(watched, which);
  if (events < 0) return verdict;
  if (verdict == OPEN && for_the_dead) {
    bury_the_dead(watched, events);
    verdict = judge(watched, which);
  }
#if defined(__linux__)
  if (verdict != OPEN && fdatasync(events) != 0) verdict = OPEN;
#else
  if (verdict != OPEN && fsync(events) != 0) verdict = OPEN;
#endif
  close(events);
  return verdict;
}

/* Whether all are met, or one is impossible and has so decided the outcome. */
static bool look_at_all(struct keeper *keeper, struct observation *observation) {
  double now = clock_seconds(CLOCK_MONOTONIC);
  bool for_the_dead = now >= observation->look_at, decided = true;
  if (for_the_dead) observation->look_at = now + LOOK;
  for (long i = 0; i < observation->count; i++) {
    struct watched *watched = &observation->watched[i];
    const struct dependency *dependency = watched->dependency;
    long long which;
    if (watched->met) continue;
    enum verdict verdict = look_at(watched, keeper->launcher, for_the_dead, &which);
    watched->met = verdict == MET;
    if (verdict == OPEN) decided = false;
    if (verdict == IMPOSSIBLE) {
      return !fail(keeper, ECANCELED, 0, "the dependency '%s' on job %s.%lld cannot be met any more",
                   dependency_names[dependency->type], dependency->segment, which);
    }
  }
  return decided;
}

static void notice_all(struct keeper *keeper, struct observation *observation) {
  observation->noticing = true;
  observation->notices = open_notices();
  for (long i = 0; i < observation->count; i++) {
    if (observation->watched[i].met) continue;
    char *path = path_of(keeper->launcher, observation->watched[i].dependency->segment, "events", "");
    notice_writing(&observation->notices, path);
    free(path);
  }
}

bool must_wait_for_others(struct keeper *keeper, struct observation *observation) {
  if (observation == NULL || look_at_all(keeper, observation)) return false;
  enter_phase(keeper, PENDING);
  if (!observation->noticing) {
    notice_all(keeper, observation);
    return true; /* to look once more: there may have been news before we were told of any */
  }
  int descriptor = observation->notices.descriptor;
  if (sleep_on(descriptor, descriptor < 0 ? BLIND_LOOK : LOOK)) {
    sleep_on(-1, PAUSE);
    drop_notices(&observation->notices);
  }
  return true;
}
