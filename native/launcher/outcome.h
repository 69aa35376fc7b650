#ifndef XOSAGA_OUTCOME_H
#define XOSAGA_OUTCOME_H

#include <stdbool.h>

#include "keeper.h"

/* Decides that the job could not be started, and why. @returns false. */
__attribute__((format(printf, 4, 5))) bool fail(struct keeper *keeper, int error, long rank, const char *format, ...);

/* Decides so, unless something was decided before: what came first remains. */
void decide_canceled(struct keeper *keeper);

/* Whether all processes ended with 0. */
bool succeeded(const struct keeper *keeper);

/* Writes `end`, however long that takes. */
void record_end(struct keeper *keeper);

#endif
