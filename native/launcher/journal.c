/* The journal `events` of a segment: docs/state.md. */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "journal.h"
#include "memory.h"
#include "text.h"

enum {
  RECORD_MAX = 3 * TEXT_MAX + 512, /* bytes of a record that we write */
  LINE_MAX_BYTES = 8192,           /* and of one that counts */
};

char *path_of(const struct launcher *launcher, const char *segment, const char *name, const char *suffix) {
  size_t size = strlen(launcher->directory) + strlen(segment) + strlen(name) + strlen(suffix) + 3;
  char *path = must(malloc(size));
  snprintf(path, size, "%s/%s/%s%s", launcher->directory, segment, name, suffix);
  return path;
}

int open_events(const struct launcher *launcher, const char *segment) {
  char *path = path_of(launcher, segment, "events", "");
  int fd = open_retry(path, O_RDWR | O_APPEND, 0);
  int error = errno;
  free(path);
  errno = error;
  return fd;
}

bool append(int events, const char *format, ...) {
  char record[RECORD_MAX] = "\n";
  va_list values;
  va_start(values, format);
  int size = 1 + vsnprintf(record + 1, sizeof record - 2, format, values);
  va_end(values);
  record[size++] = '\n';
  ssize_t written = write(events, record, (size_t)size);
  if (written >= 0 && written < size) errno = ENOSPC;
  return written == size;
}

/* The number of words of a line, 0 when one is empty. */
static int count_words(const char *line) {
  int words = 1;
  for (const char *c = line; *c != '\0'; c++) {
    if (*c == ' ' && (c == line || c[1] == ' ' || c[1] == '\0')) return 0;
    if (*c == ' ') words++;
  }
  return words;
}

bool is_record(const char *line, const char *word, const char *number, int words) {
  size_t size = strlen(word);
  if (strncmp(line, word, size) != 0 || line[size] != ' ') return false;
  const char *rest = line + size + 1;
  size = strlen(number);
  if (strncmp(rest, number, size) != 0 || rest[size] != ' ') return false;
  return count_words(line) == words && strlen(line) <= LINE_MAX_BYTES;
}

char *read_events(int events, off_t offset) {
  struct stat about;
  size_t size = fstat(events, &about) == 0 && about.st_size > offset ? (size_t)(about.st_size - offset) : 0;
  char *text = must(malloc(size + 1));
  size_t filled = 0;
  for (ssize_t got; filled < size; filled += (size_t)got)
    if ((got = pread(events, text + filled, size - filled, offset + (off_t)filled)) <= 0) break;
  text[filled] = '\0';
  return text;
}
