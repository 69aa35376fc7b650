/* The times of records, and those at which something is due. */
#include "platform.h"

#include <stdio.h>

#include "clock.h"

double clock_seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const char *timestamp(void) {
  static char text[32];
#if defined(CLOCK_BOOTTIME)
  snprintf(text, sizeof text, "%.6f", clock_seconds(CLOCK_BOOTTIME));
#else
  snprintf(text, sizeof text, "@%.6f", clock_seconds(CLOCK_REALTIME));
#endif
  return text;
}

double sooner(double wait, double moment) {
  if (moment == 0) return wait;
  double left = moment - clock_seconds(CLOCK_MONOTONIC);
  if (wait >= 0 && wait < left) return wait;
  return left > 0 ? left : 0;
}
