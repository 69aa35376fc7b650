#ifndef XOSAGA_CLOCK_H
#define XOSAGA_CLOCK_H

#include <time.h>

double clock_seconds(clockid_t clock);

/* The <time> of a record, valid until the next call. */
const char *timestamp(void);

/* Seconds until a moment of CLOCK_MONOTONIC, 0 for none, if that is less; a wait below 0 is for ever. */
double sooner(double wait, double moment);

#endif
