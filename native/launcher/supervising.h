#ifndef XOSAGA_SUPERVISING_H
#define XOSAGA_SUPERVISING_H

#include "keeper.h"

/* Waits until all processes have ended, and does meanwhile what is asked and what is due. */
void supervise(struct keeper *keeper);

/* What cancels ask for, if there were any. */
void hear_cancels(struct keeper *keeper);

/* Kills what is left when the grace is over. */
void end_grace(struct keeper *keeper);

/* Asks the processes to end; asked again, waits no longer. */
void terminate(struct keeper *keeper);

#endif
