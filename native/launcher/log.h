#ifndef XOSAGA_LOG_H
#define XOSAGA_LOG_H

#include <stdbool.h>

#include "keeper.h"

/*
 * Reads on what the journal says of the keeper's own job. Given the keeper's own `start`, tells whether that is the
 * first claim of the job: "The log decides" in docs/state.md.
 */
bool read_log(struct keeper *keeper, const char *own_claim);

/* Tells what the job waits for or does, once each time that it begins to. */
void enter_phase(struct keeper *keeper, enum phase phase);

/* Writes `run`, or leaves that to the next time. */
void record_run(struct keeper *keeper);

#endif
