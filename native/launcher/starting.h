#ifndef XOSAGA_STARTING_H
#define XOSAGA_STARTING_H

#include <stdbool.h>
#include <sys/types.h>

#include "keeper.h"

/*
 * In a process that was forked by vfork(2), and so writes to nothing: everything that a program may expect of its
 * surroundings. It dies with the keeper. A group of 0 is a new one.
 */
void become_child(pid_t keeper, pid_t group, const int streams[static 3]);

/* Starts all processes, or none: then the outcome is decided. */
bool start_processes(struct keeper *keeper);

#endif
