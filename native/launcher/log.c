/* What a keeper reads and writes of its own job in the journal while the job has not ended. */
#include "platform.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "journal.h"
#include "log.h"

bool read_log(struct keeper *keeper, const char *own_claim) {
  const char *number = keeper->job->number;
  char *text = read_events(keeper->events, keeper->read_to);
  bool decided = own_claim == NULL, first = false;
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
    keeper->read_to += rest - line;
    if (!decided && (first = strcmp(line, own_claim) == 0)) decided = true;
    else if (!decided && (is_record(line, "start", number, 5) || is_record(line, "never", number, 4))) break;
    else if (is_record(line, "hold", number, 3)) {
      keeper->held = true;
      if (keeper->phase == HELD) keeper->phase = NO_PHASE; /* every hold is answered */
    } else if (is_record(line, "release", number, 3)) keeper->held = false;
  }
  free(text);
  return first;
}

void enter_phase(struct keeper *keeper, enum phase phase) {
  static const char *const names[PHASES] = {[NO_PHASE] = "",
                                            [HELD] = "held",
                                            [PENDING] = "pending",
                                            [STAGING_IN] = "staging_in",
                                            [STAGING_OUT] = "staging_out"};
  if (keeper->phase == phase) return;
  if (append(keeper->events, "phase %s %s %s", keeper->job->number, timestamp(), names[phase])) keeper->phase = phase;
}

void record_run(struct keeper *keeper) {
  keeper->run_recorded = append(keeper->events, "run %s %s %ld", keeper->job->number, timestamp(), (long)keeper->group);
}
