/* How a job ended: decided by the first that happens, and recorded. */
#include "platform.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "journal.h"
#include "outcome.h"
#include "staging.h"

bool fail(struct keeper *keeper, int error, long rank, const char *format, ...) {
  char text[TEXT_MAX];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  keeper->kind = FAILED;
  keeper->code = error;
  keeper->rank = rank;
  keeper->tail.size = 0;
  tail_add(&keeper->tail, text, strlen(text));
  if (error == ECANCELED) return false; /* "Operation canceled" would explain nothing */
  tail_add(&keeper->tail, ": ", 2);
  tail_add(&keeper->tail, strerror(error), strlen(strerror(error)));
  return false;
}

void decide_canceled(struct keeper *keeper) {
  if (keeper->kind != UNDECIDED) return;
  keeper->kind = CANCELED;
  keeper->code = SIGTERM;
}

bool succeeded(const struct keeper *keeper) { return keeper->kind == EXITED && keeper->code == 0; }

void record_end(struct keeper *keeper) {
  static const char *const kinds[] = {[UNDECIDED] = "",     [EXITED] = "exit",       [SIGNALED] = "signal",
                                      [FAILED] = "failed",  [CANCELED] = "canceled", [LIMITED] = "limit",
                                      [STAGING] = "staging"};
  char number[32], usage[64] = "- -", text[ENCODED_MAX] = "-";
  snprintf(number, sizeof number, "%d", keeper->code);
  const char *value = number;
  if (keeper->kind == FAILED) value = errno_name(keeper->code);
  if (keeper->kind == LIMITED) value = limit_names[keeper->code];
  if (keeper->kind == STAGING) value = direction_names[keeper->code];
  if (keeper->rss > 0) snprintf(usage, sizeof usage, "%.6f %ld", keeper->cpu, keeper->rss);
  if (!succeeded(keeper)) percent_encode(text, keeper->tail.bytes, keeper->tail.size);
  while (!append(keeper->events, "end %s %s %s %s %ld %s %s", keeper->job->number, timestamp(), kinds[keeper->kind],
                 value, keeper->rank, usage, text))
    sleep(1);
}
