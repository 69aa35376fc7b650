/* Input, output and error of a job. */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "journal.h"
#include "outcome.h"
#include "signals.h"
#include "streams.h"

/* A FIFO waits for its other end, perhaps for ever: a cancel must reach the keeper here. */
static int open_stream(struct keeper *keeper, const char *path, const char *what, int flags, mode_t mode) {
  const char *file = *path == '\0' ? "/dev/null" : path;
  int fd = -1;
  change_mask(SIG_UNBLOCK, SIGTERM);
  while (cancels_asked == 0 && (fd = open(file, flags | O_CLOEXEC, mode)) < 0 && errno == EINTR) continue;
  int error = errno;
  change_mask(SIG_BLOCK, SIGTERM);
  if (fd < 0 && cancels_asked > 0) decide_canceled(keeper);
  else if (fd < 0) fail(keeper, error, 0, "cannot open %s '%s'", what, path);
  return fd;
}

enum { WRITE_FLAGS = O_WRONLY | O_CREAT | O_APPEND };

static bool open_files(struct keeper *keeper) {
  const struct job *job = keeper->job;
  int *streams = keeper->streams;
  if ((streams[0] = open_stream(keeper, job->input, "the input", O_RDONLY, 0)) < 0) return false;
  int flags = WRITE_FLAGS | (job->appending ? 0 : O_TRUNC);
  if ((streams[1] = open_stream(keeper, job->output, "the output", flags, 0666)) < 0) return false;
  if (*job->error != '\0') return (streams[2] = open_stream(keeper, job->error, "the error", flags, 0666)) >= 0;
  int ends[2];
  if (!cloexec_pipe(ends)) return fail(keeper, errno, 0, "cannot make a pipe for the standard error");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  keeper->stderr_pipe = ends[0];
  streams[2] = ends[1];
  return true;
}

/*
 * The job may read before the submitter has opened the FIFO, and without a writer it would see the end of its input. So
 * the keeper is a writer until the submitter tells by SIGUSR1 that it has opened: then the end comes from there.
 */
static bool open_interactive(struct keeper *keeper) {
  const struct job *job = keeper->job;
  const char *const suffixes[] = {".stdin", ".stdout", ".stderr"};
  const int flags[] = {O_RDONLY, WRITE_FLAGS | O_TRUNC, WRITE_FLAGS | O_TRUNC};
  for (int i = 0; i < 3; i++) {
    char *path = path_of(keeper->launcher, job->segment, job->number, suffixes[i]);
    if (i == 0 && (mkfifo(path, 0600) != 0 || (keeper->fifo_writer = open_retry(path, O_RDWR, 0)) < 0))
      fail(keeper, errno, 0, "cannot make the FIFO '%s'", path);
    else keeper->streams[i] = open_stream(keeper, path, suffixes[i] + 1, flags[i], 0600);
    free(path);
    if (keeper->kind != UNDECIDED) return false;
  }
  return true;
}

bool open_streams(struct keeper *keeper) {
  return keeper->job->interactive ? open_interactive(keeper) : open_files(keeper);
}

void close_fifo_writer(struct keeper *keeper) {
  if (keeper->fifo_writer >= 0) close(keeper->fifo_writer);
  keeper->fifo_writer = -1;
}

/* At most what a pipe can hold (1 MiB): a job that never stops to write must not keep its keeper from all else. */
void read_tail(int *pipe, struct tail *tail) {
  char bytes[65536];
  ssize_t size = 1;
  for (int round = 0; round < 16 && size > 0; round++)
    if ((size = read(*pipe, bytes, sizeof bytes)) > 0) tail_add(tail, bytes, (size_t)size);
  if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return;
  close(*pipe);
  *pipe = -1;
}

/* The end of the job's own Error file. What is not a regular file could block, or have nothing to say. */
void read_error_file(struct keeper *keeper) {
  const char *path = keeper->job->error;
  struct stat about;
  if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return;
  int fd = open_retry(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0) return;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
    char bytes[TEXT_MAX];
    ssize_t size = pread(fd, bytes, sizeof bytes, about.st_size > TEXT_MAX ? about.st_size - TEXT_MAX : 0);
    if (size > 0) tail_add(&keeper->tail, bytes, (size_t)size);
  }
  close(fd);
}
