#ifndef XOSAGA_WAITING_H
#define XOSAGA_WAITING_H

#include <stdbool.h>

#include "keeper.h"

/* Until the job may be started: "Before a job starts" in docs/state.md. False when the outcome is decided instead. */
bool wait_for_turn(struct keeper *keeper);

/* Whether there is a note that something was asked of a job that waits. A cancel is decided then. */
bool is_asked(struct keeper *keeper);

/*
 * Sleeps until there is a signal, or bytes at a descriptor (-1 for none), or for so many seconds; below 0 is for ever.
 * @returns whether there are bytes.
 */
bool sleep_on(int descriptor, double seconds);

#endif
