#ifndef XOSAGA_DEPENDENCIES_H
#define XOSAGA_DEPENDENCIES_H

#include <stdbool.h>

#include "keeper.h"

/* What is known so far of the jobs that this one depends on. */
struct observation;

/* NULL when it depends on none. */
struct observation *observe_dependencies(const struct keeper *keeper);

/*
 * Whether a dependency is neither met nor decides the outcome, because it cannot be met any more. Sleeps then, for a
 * while or until there may be news.
 */
bool must_wait_for_others(struct keeper *keeper, struct observation *observation);

void forget_dependencies(struct observation *observation);

#endif
