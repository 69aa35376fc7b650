/*
 * Places: files that are locked with flock(2), which the kernel gives back when their keeper dies. Who has locked the
 * turnstile is the only one who takes places; the others queue for it, and the kernel keeps their order.
 */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/select.h>
#include <unistd.h>

#include "files.h"
#include "log.h"
#include "memory.h"
#include "notices.h"
#include "outcome.h"
#include "places.h"
#include "signals.h"
#include "waiting.h"

/* Seconds until the next look for a free place: when the kernel tells of each, and when it does not. */
static const double LOOK = 0.25, BLIND_LOOK = 0.05;

/* The kernel tells of a descriptor that is closed by death just before it gives the lock back. */
static const double LOOK_AGAIN = 0.005;

/* Most files that are kept open. With more places than that we look, and are not told. */
enum { FILES = 256 };

/* The files of one directory, kept open: closing one would look as if somebody gave it back. */
struct places {
  const struct wish *wish;
  char *directory;
  int *files; /* NOT_OPEN, or OURS when it is locked */
};

enum { NOT_OPEN = -1, OURS = -2 };

static char *file_of(const char *directory, const char *name) {
  size_t size = strlen(directory) + strlen(name) + 2;
  char *path = must(malloc(size));
  snprintf(path, size, "%s/%s", directory, name);
  return path;
}

/* Opens a file of the directory, which anybody who needs it makes. */
static int open_place(const char *directory, const char *name) {
  char *path = file_of(directory, name);
  int fd = open_retry(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  int error = errno;
  free(path);
  errno = error;
  if (fd < FD_SETSIZE - 32) return fd; /* room for what is to be selected on */
  close(fd);
  errno = EMFILE;
  return -1;
}

static bool cannot_wait(struct keeper *keeper, const char *directory) {
  return fail(keeper, errno, 0, "cannot wait for a place in '%s'", directory);
}

/*
 * Waits for the lock as long as nothing is asked. To leave the queue for nothing would be to lose one's turn, so
 * flock(2) must not be called again and again; and a signal between a look at the notes and the call would be lost. So
 * the handler jumps out of the call. Whether it had the lock by then, nobody knows: false does not say that it has not.
 */
static bool lock_or_be_asked(int file) {
  volatile bool locked = false;
  if (sigsetjmp(asked_jump, 1) == 0) {
    jump_when_asked = 1;
    change_mask(SIG_UNBLOCK, SIGTERM);
    change_mask(SIG_UNBLOCK, SIGUSR2);
    while (!(locked = flock(file, LOCK_EX) == 0) && errno == EINTR) continue;
    change_mask(SIG_BLOCK, SIGTERM);
    change_mask(SIG_BLOCK, SIGUSR2);
  }
  jump_when_asked = 0;
  return locked;
}

/* The locked turnstile; -1 when something is asked or the outcome is decided. */
static int enter_turnstile(struct keeper *keeper, const char *directory) {
  int turnstile = open_place(directory, "turnstile");
  if (turnstile < 0) return cannot_wait(keeper, directory) - 1;
  if (flock(turnstile, LOCK_EX | LOCK_NB) == 0) return turnstile;
  if (errno == EWOULDBLOCK) {
    enter_phase(keeper, PENDING);
    bool locked = lock_or_be_asked(turnstile);
    int error = errno;
    bool asked = is_asked(keeper);
    if (locked && !asked) return turnstile;
    errno = error;
    if (!asked) cannot_wait(keeper, directory);
  } else {
    cannot_wait(keeper, directory);
  }
  close(turnstile);
  return -1;
}

static void keep_place(struct keeper *keeper, int file) {
  size_t size = (size_t)(keeper->place_count + 1) * sizeof *keeper->places;
  keeper->places = must(realloc(keeper->places, size));
  keeper->places[keeper->place_count++] = file;
}

static void close_place(int *file) {
  if (*file >= 0) close(*file);
  *file = NOT_OPEN;
}

/* Locks as many as are missing of those that are free. Others begin elsewhere, so that few tries are in vain. */
static bool take_free(struct keeper *keeper, const struct places *places, long long *missing) {
  long long of = places->wish->of;
  for (long long tried = 0, place = getpid() % of; tried < of && *missing > 0; tried++, place = (place + 1) % of) {
    int *file = &places->files[place];
    char name[24];
    snprintf(name, sizeof name, "%lld", place);
    if (*file == OURS) continue;
    if (*file == NOT_OPEN && (*file = open_place(places->directory, name)) < 0)
      return cannot_wait(keeper, places->directory);
    if (flock(*file, LOCK_EX | LOCK_NB) == 0) {
      keep_place(keeper, *file);
      *file = OURS;
      (*missing)--;
    } else if (of > FILES) {
      close_place(file);
    }
  }
  return true;
}

/* At the head of the queue: waits until enough places have been free. */
static bool collect(struct keeper *keeper, const struct places *places) {
  long long missing = places->wish->count;
  if (!take_free(keeper, places, &missing)) return false;
  if (missing == 0) return true;
  enter_phase(keeper, PENDING);
  bool few = places->wish->of <= FILES;
  struct notices notices = few ? open_notices() : no_notices();
  if (few) notice_closing(&notices, places->directory);
  while (take_free(keeper, places, &missing) && missing > 0 && !is_asked(keeper)) {
    if (sleep_on(notices.descriptor, few && notices.descriptor < 0 ? BLIND_LOOK : LOOK)) {
      drop_notices(&notices);
      if (take_free(keeper, places, &missing) && missing > 0) sleep_on(-1, LOOK_AGAIN);
    }
  }
  close_notices(&notices);
  return missing == 0;
}

static bool fulfil(struct keeper *keeper, const struct wish *wish) {
  struct places places = {.wish = wish, .directory = file_of(keeper->launcher->directory, wish->directory)};
  bool fulfilled = false;
  int turnstile = enter_turnstile(keeper, places.directory);
  if (turnstile >= 0) {
    places.files = must(malloc((size_t)wish->of * sizeof *places.files));
    for (long long place = 0; place < wish->of; place++) places.files[place] = NOT_OPEN;
    fulfilled = collect(keeper, &places);
    for (long long place = 0; place < wish->of; place++) close_place(&places.files[place]);
    free(places.files);
    close(turnstile);
  }
  free(places.directory);
  return fulfilled;
}

bool take_places(struct keeper *keeper) {
  for (long i = 0; i < keeper->job->wish_count; i++)
    if (!fulfil(keeper, &keeper->job->wishes[i])) return false;
  return true;
}

/* Unlocked before they are closed, so that who is told of the closing finds them free. */
void give_places_back(struct keeper *keeper) {
  for (long i = 0; i < keeper->place_count; i++) {
    flock(keeper->places[i], LOCK_UN);
    close(keeper->places[i]);
  }
  free(keeper->places);
  keeper->places = NULL;
  keeper->place_count = 0;
}
