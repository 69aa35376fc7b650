#ifndef XOSAGA_LIMITS_H
#define XOSAGA_LIMITS_H

#include "keeper.h"

/* Decides that the job is ended for this limit. */
void exceed(struct keeper *keeper, enum limit limit);

/* When the processes run. */
void start_limits(struct keeper *keeper);

/* Ends the job when it is over a limit, if it is time to look. */
void check_limits(struct keeper *keeper);

#endif
