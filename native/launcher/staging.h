#ifndef XOSAGA_STAGING_H
#define XOSAGA_STAGING_H

#include <stdbool.h>

#include "keeper.h"

/* How the script that brings files in and out calls the two lists of steps. */
enum direction { IN, OUT };
extern const char *const direction_names[];

/* Brings the files of the job in. False when the outcome is decided instead. */
bool stage_in(struct keeper *keeper);

/* Brings the results out, and decides anew when that fails or is canceled. */
void stage_out(struct keeper *keeper);

/* Removes what a killed staging script may have left beside the targets of these steps. */
void remove_temporaries(const char *id, enum direction direction, const struct list *steps);

#endif
