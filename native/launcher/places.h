#ifndef XOSAGA_PLACES_H
#define XOSAGA_PLACES_H

#include <stdbool.h>

#include "keeper.h"

/* Takes all places that the job needs. False when something is asked of it meanwhile, or the outcome is decided. */
bool take_places(struct keeper *keeper);

void give_places_back(struct keeper *keeper);

#endif
