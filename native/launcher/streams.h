#ifndef XOSAGA_STREAMS_H
#define XOSAGA_STREAMS_H

#include <stdbool.h>

#include "keeper.h"

/* Opens what the processes get as 0, 1 and 2, in the working directory. False when the outcome is decided. */
bool open_streams(struct keeper *keeper);

/* From now on an interactive job sees the end of its input when the submitter lets go of it. */
void close_fifo_writer(struct keeper *keeper);

/* Adds what has come through a pipe that does not block; closes it at its end, and makes it -1. */
void read_tail(int *pipe, struct tail *tail);

/* Adds the end of the job's own Error file. */
void read_error_file(struct keeper *keeper);

#endif
